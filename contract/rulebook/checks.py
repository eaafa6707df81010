"""Rules that cannot be meant are refused, with the place of the fault, what was found and what was wanted."""

import functools
import itertools
import math
from typing import NoReturn

from contract.addresses import check_identifier
from contract.errors import PeerError
from contract.rulebook.calendars import check_calendar
from contract.rulebook.expression import parse_expression
from contract.rulebook.globs import is_part_pattern, is_pattern
from contract.rulebook.references import check_references
from contract.rules import (
    AnomalyRule,
    ExpressionRule,
    KOfNRule,
    LimitRule,
    RateRule,
    Rule,
    RuleSet,
    Selector,
    SilenceRule,
    StuckRule,
)

RULES_MAX = 10_000
SPAN_S_MAX = 30 * 86_400.0
WARM_UP_MAX = 1_000_000
K_MAX = 1_000_000
_SEVERITY = ("blue", "yellow", "orange", "red")


def check_rules(rules: RuleSet) -> None:
    """Refuse rules that cannot be meant.

    Raises:
        PeerError: 422 with the path of the first fault, such as `rules[3].deadband`.
    """
    if len(rules.rules) > RULES_MAX:
        _refuse("too many rules", "rules", str(len(rules.rules)), f"at most {RULES_MAX}")
    first_place: dict[str, int] = {}
    for place, rule in enumerate(rules.rules):
        where = f"rules[{place}]"
        check_identifier(rule.id, f"{where}.id")
        if rule.id in first_place:
            wanted = f"an id other than that of rules[{first_place[rule.id]}]"
            _refuse("rule id comes twice", f"{where}.id", repr(rule.id), wanted)
        first_place[rule.id] = place
        _check_common(rule, where)
        _check_kind(rule, where)
    check_references(rules)


def _check_common(rule: Rule, where: str) -> None:
    _check_places(rule, where)
    _at_least(0, rule.deadband, f"{where}.deadband", "deadband")
    for name, delay_s in (("on_delay_s", rule.on_delay_s), ("off_delay_s", rule.off_delay_s)):
        _check_span(delay_s, f"{where}.{name}", "delay")
    if rule.escalate_after_s is not None:
        _check_positive_span(rule.escalate_after_s, f"{where}.escalate_after_s")
    if rule.active_when is not None:
        check_calendar(rule.active_when, f"{where}.active_when")


def _check_places(rule: Rule, where: str) -> None:
    """The points, devices or zones that the rule is about."""
    if rule.points and not is_pattern(rule.points):
        _refuse("invalid pattern", f"{where}.points", repr(rule.points), "a glob such as 'env/*/*/so2'")
    if rule.select is not None:
        _check_selector(rule.select, f"{where}.select")
    elif not rule.points and not isinstance(rule, KOfNRule):
        _refuse("rule applies to nothing", where, "neither", "points or select")


def _check_selector(select: Selector, where: str) -> None:
    written = {"subsystem": select.subsystem, "zone": select.zone, "quantity": select.quantity}
    if not any(pattern is not None for pattern in written.values()):
        _refuse("selector fits everything", where, "none of them", "subsystem, zone or quantity")
    for name, pattern in written.items():
        if pattern is not None and not is_part_pattern(pattern):
            _refuse("invalid pattern", f"{where}.{name}", repr(pattern), "a glob over one word such as 'z0*'")


@functools.singledispatch
def _check_kind(rule: Rule, where: str) -> None:
    """What only this kind of rule has."""
    raise AssertionError(f"{where}: no checks for {type(rule).__name__}")


@_check_kind.register
def _(rule: LimitRule, where: str) -> None:
    if rule.levels is not None:
        _check_levels(rule, f"{where}.levels")
        return
    if rule.high is None and rule.low is None:
        _refuse("rule has no limit", where, "neither", "high or low")
    for name, limit in (("high", rule.high), ("low", rule.low)):
        if limit is not None:
            _finite(limit, f"{where}.{name}", "limit")
    if rule.high is not None and rule.low is not None and rule.high - rule.deadband <= rule.low + rule.deadband:
        wanted = f"less than half of the band from {rule.low!r} to {rule.high!r}"
        _refuse("deadband is wider than the band", f"{where}.deadband", repr(rule.deadband), wanted)


def _check_levels(rule: LimitRule, where: str) -> None:
    levels = rule.levels or {}
    if rule.high is not None or rule.low is not None:
        _refuse("limits are given twice", where, "both", "either levels or high and low")
    if len(levels) < 2:  # noqa: PLR2004 - one level is what high and low are for
        _refuse("too few levels", where, f"{len(levels)}", "two or more levels")
    for level, limit in levels.items():
        _finite(limit, f"{where}.{level}", "limit")
    limits = [levels[level] for level in _SEVERITY if level in levels]
    steps = [after - before for before, after in itertools.pairwise(limits)]
    if not (all(step > 0 for step in steps) or all(step < 0 for step in steps)):
        told = ", ".join(f"{level}: {levels[level]!r}" for level in _SEVERITY if level in levels)
        _refuse("limits do not follow the levels", where, told, "limits that all rise or all fall with the level")


@_check_kind.register
def _(rule: RateRule, where: str) -> None:
    if rule.rise is None and rule.fall is None:
        _refuse("rule has no limit", where, "neither", "rise or fall")
    for name, limit in (("rise", rule.rise), ("fall", rule.fall)):
        if limit is None:
            continue
        _positive(limit, f"{where}.{name}", "limit")
        if rule.deadband >= limit:
            wanted = f"less than {name}, which is {limit!r}"
            _refuse("deadband is wider than the band", f"{where}.deadband", repr(rule.deadband), wanted)
    _check_positive_span(rule.per_s, f"{where}.per_s")
    _check_span(rule.over_s, f"{where}.over_s", "duration")


@_check_kind.register
def _(rule: StuckRule, where: str) -> None:
    _check_after(rule, where)
    _at_least(0, rule.epsilon, f"{where}.epsilon", "epsilon")


@_check_kind.register
def _(rule: SilenceRule, where: str) -> None:
    _check_after(rule, where)
    if rule.deadband != 0:
        _refuse("silence has no deadband", f"{where}.deadband", repr(rule.deadband), "no deadband")


def _check_after(rule: StuckRule | SilenceRule, where: str) -> None:
    _check_positive_span(rule.after_s, f"{where}.after_s")
    if rule.off_delay_s > rule.after_s:
        wanted = f"at most the time that the rule waits, {rule.after_s:g} s"
        _refuse("delay is too long", f"{where}.off_delay_s", repr(rule.off_delay_s), wanted)


@_check_kind.register
def _(rule: AnomalyRule, where: str) -> None:
    _positive(rule.z, f"{where}.z", "limit")
    if not 0 < rule.alpha < 1:
        _refuse("invalid weight", f"{where}.alpha", repr(rule.alpha), "a number above 0 and below 1")
    if not 1 <= rule.warm_up <= WARM_UP_MAX:
        _refuse("invalid warm-up", f"{where}.warm_up", repr(rule.warm_up), f"a whole number from 1 to {WARM_UP_MAX}")
    _at_least(0, rule.floor, f"{where}.floor", "floor")
    if rule.deadband > rule.z:
        wanted = f"at most z, which is {rule.z!r}"
        _refuse("deadband is wider than the band", f"{where}.deadband", repr(rule.deadband), wanted)


@_check_kind.register
def _(rule: KOfNRule, where: str) -> None:
    if not 1 <= rule.k <= K_MAX:
        _refuse("invalid number", f"{where}.k", repr(rule.k), f"a whole number from 1 to {K_MAX}")
    if rule.deadband >= rule.k or not rule.deadband.is_integer():
        wanted = f"a whole number less than k, which is {rule.k}"
        _refuse("invalid deadband", f"{where}.deadband", repr(rule.deadband), wanted)
    _check_span(rule.window_s, f"{where}.window_s", "duration")
    if rule.active_when is not None:
        _refuse(
            "k_of_n has no calendar", f"{where}.active_when", "a calendar", "none; the rules named in of may have one"
        )


@_check_kind.register
def _(rule: ExpressionRule, where: str) -> None:
    parse_expression(rule.when, f"{where}.when")
    if rule.select is not None and rule.select.quantity is not None:
        _refuse(
            "selector does not fit",
            f"{where}.select.quantity",
            repr(rule.select.quantity),
            "no quantity: when names them",
        )


def _finite(number: float, where: str, what: str) -> None:
    if not math.isfinite(number):
        _refuse(f"invalid {what}", where, repr(number), "a finite number")


def _at_least(least: float, number: float, where: str, what: str) -> None:
    if not (math.isfinite(number) and number >= least):
        _refuse(f"invalid {what}", where, repr(number), f"a number of at least {least}")


def _positive(number: float, where: str, what: str) -> None:
    if not (math.isfinite(number) and number > 0):
        _refuse(f"invalid {what}", where, repr(number), "a number above 0")


def _check_span(span_s: float, where: str, what: str) -> None:
    if not 0 <= span_s <= SPAN_S_MAX:
        _refuse(f"invalid {what}", where, repr(span_s), f"0 to {SPAN_S_MAX:.0f} seconds (30 days)")


def _check_positive_span(span_s: float, where: str) -> None:
    if not 0 < span_s <= SPAN_S_MAX:
        _refuse("invalid duration", where, repr(span_s), f"more than 0 and at most {SPAN_S_MAX:.0f} seconds (30 days)")


def _refuse(title: str, where: str, found: str, wanted: str) -> NoReturn:
    raise PeerError(title, where=where, found=found, wanted=wanted)
