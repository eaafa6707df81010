"""Rules as an operator writes them, checked, and laid out as slots."""

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.addresses import check_identifier
from contract.errors import PeerError
from contract.rules import LimitRule, Rule, RuleSet
from reference_impl.monitoring import slots as s

DELAY_S_MAX = 30 * 86_400.0
RULES_MAX = 10_000
_PATTERN = re.compile(r"[A-Za-z0-9\-:._*?/]{1,200}")


class Plan(NamedTuple):
    """Rules laid out over the points of a park; the slots are as before the first reading.

    Attributes:
        rules: the rules, in the order of their index.
        limits: (rules,) of `LIMIT`, their parameters.
        slots: (slots,) of `SLOT`, sorted by point and then by rule.
        first_slot: (points + 1,) int32, where each point's slots begin.
    """

    rules: tuple[Rule, ...]
    limits: NDArray[np.void]
    slots: NDArray[np.void]
    first_slot: NDArray[np.int32]


def check_rules(rules: RuleSet) -> None:
    """Refuse rules that cannot be meant.

    Raises:
        PeerError: 422 with the path of the first fault, such as `rules[3].deadband`.
    """
    if len(rules.rules) > RULES_MAX:
        raise PeerError("too many rules", where="rules", found=str(len(rules.rules)), wanted=f"at most {RULES_MAX}")
    first_place: dict[str, int] = {}
    for place, rule in enumerate(rules.rules):
        where = f"rules[{place}]"
        check_identifier(rule.id, f"{where}.id")
        if rule.id in first_place:
            raise PeerError(
                "rule id comes twice",
                where=f"{where}.id",
                found=repr(rule.id),
                wanted=f"an id other than that of rules[{first_place[rule.id]}]",
            )
        first_place[rule.id] = place
        if isinstance(rule, LimitRule):
            _check_limit(rule, where)


def _check_limit(rule: LimitRule, where: str) -> None:
    if not _PATTERN.fullmatch(rule.points):
        raise PeerError(
            "invalid pattern", where=f"{where}.points", found=repr(rule.points), wanted="a glob such as 'env/*/*/so2'"
        )
    if rule.high is None and rule.low is None:
        raise PeerError("rule has no limit", where=where, found="neither", wanted="high or low")
    for name, limit in (("high", rule.high), ("low", rule.low)):
        if limit is not None and not math.isfinite(limit):
            raise PeerError("invalid limit", where=f"{where}.{name}", found=repr(limit), wanted="a finite number")
    if not (math.isfinite(rule.deadband) and rule.deadband >= 0):
        raise PeerError(
            "invalid deadband", where=f"{where}.deadband", found=repr(rule.deadband), wanted="a number of at least 0"
        )
    for name, delay_s in (("on_delay_s", rule.on_delay_s), ("off_delay_s", rule.off_delay_s)):
        if not 0 <= delay_s <= DELAY_S_MAX:
            raise PeerError(
                "invalid delay",
                where=f"{where}.{name}",
                found=repr(delay_s),
                wanted=f"seconds from 0 to {DELAY_S_MAX:.0f}",
            )
    if rule.high is not None and rule.low is not None and rule.high - rule.deadband <= rule.low + rule.deadband:
        raise PeerError(
            "deadband is wider than the band",
            where=f"{where}.deadband",
            found=repr(rule.deadband),
            wanted=f"less than half of the band from {rule.low!r} to {rule.high!r}",
        )


@lru_cache(maxsize=512)
def matching(pattern: str, names: tuple[str, ...]) -> tuple[int, ...]:
    """Places of the names that a glob matches, ascending. `*` and `?` stay within one part of a name.

    Parks of one layout share the result, hence the cache.
    """
    fits = re.compile("/".join(map(_expression, pattern.split("/")))).fullmatch
    return tuple(place for place, name in enumerate(names) if fits(name))


def _expression(part: str) -> str:
    """The regular expression of a glob over one part of a name; its time is linear however many `*` it has."""
    first, *rest = ("".join("[^/]" if sign == "?" else re.escape(sign) for sign in run) for run in part.split("*"))
    if not rest:
        return first
    *middle, last = rest
    # The earliest place of a run between two `*` is as good as any later one, so there is no way back into it.
    return first + "".join(f"(?>[^/]*?{run})" for run in middle) + "[^/]*" + last


def lay_out(rules: Sequence[Rule], names: Sequence[str]) -> Plan:
    """Give each rule a slot on every point that it matches.

    Args:
        rules: checked rules.
        names: point names in the order of their index.
    """
    key = tuple(names)
    matches = [np.asarray(matching(rule.points, key), dtype=np.int32) for rule in rules]
    rule_of = np.repeat(np.arange(len(rules), dtype=np.int32), [len(match) for match in matches])
    point_of = np.concatenate([np.empty(0, dtype=np.int32), *matches])
    order = np.lexsort((rule_of, point_of))
    slots = np.zeros(len(order), dtype=s.SLOT)
    slots["rule"], slots["point"] = rule_of[order], point_of[order]
    return Plan(
        rules=tuple(rules),
        limits=np.array([_limit(rule) for rule in rules if isinstance(rule, LimitRule)], dtype=s.LIMIT),
        slots=slots,
        first_slot=np.searchsorted(slots["point"], np.arange(len(key) + 1)).astype(np.int32),
    )


def _limit(rule: LimitRule) -> tuple[float, float, float, float, int, int]:
    high = math.inf if rule.high is None else rule.high
    low = -math.inf if rule.low is None else rule.low
    delays_ms = round(rule.on_delay_s * 1000), round(rule.off_delay_s * 1000)
    return high, low, high - rule.deadband, low + rule.deadband, *delays_ms
