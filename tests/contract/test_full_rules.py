"""The catalogue's rules of all kinds: complete, well formed, and silent in the normal operation of the profiles."""

import math
from collections import Counter
from collections.abc import Iterator

import pytest

from contract import catalogue
from contract.catalogue import QuantityProfile
from contract.catalogue.written_rules import quantity_rule
from contract.errors import HarnessError
from contract.rulebook import (
    check_against_points,
    check_rules,
    operand_names,
    parse_expression,
    select_points,
    unmatched,
)
from contract.rulebook.expression import Node
from contract.rulebook.written import KINDS
from contract.rules import AnomalyRule, ExpressionRule, KOfNRule, LimitRule, RateRule, Rule, SilenceRule, StuckRule

DAY_S = 86_400.0
FASTEST_S = 1.0  # the shortest sample period of a scenario that the rules are made for
OFFSET = 1.5  # a device is off for good by half the standard deviation of its noise: three times that


def with_profiles(kind: type[Rule]) -> Iterator[tuple[Rule, QuantityProfile]]:
    """The rules of a kind, each with the profile of its points."""
    for profile in catalogue.profiles():
        yield from ((rule, profile) for rule in profile.rules if isinstance(rule, kind))


def test_full_rules_are_rules() -> None:
    """They pass the checks of any platform; in a park of 2,000 points each of them has something to watch."""
    rules = catalogue.full_rules()
    check_rules(rules)
    points = catalogue.park_points(2000, 4).points
    check_against_points(rules, points)
    assert unmatched(rules, points) == []
    for layout in ((2000, 20), (100, 1), (7, 3)):
        check_against_points(rules, catalogue.park_points(*layout).points, partial=True)


def test_full_rules_begin_with_the_standard_rules() -> None:
    """The limits are those of the standard rules, unchanged; every other kind comes on top of them."""
    standard, full = catalogue.standard_rules(), catalogue.full_rules()
    assert full.rules[: len(standard.rules)] == standard.rules
    assert {rule.__struct_config__.tag for rule in full.rules} == set(KINDS)
    assert all(rule.source.endswith(("[V]", "[S]", "[M]", "[A]")) for rule in full.rules)


def test_every_quantity_has_several_rules() -> None:
    """Each kind of point is watched for silence and for at least one thing more; four rules are usual."""
    layout = catalogue.park_points(2000, 4)
    watched: Counter[int] = Counter()
    silent: set[int] = set()
    for rule in catalogue.full_rules().rules:
        if not isinstance(rule, KOfNRule):
            places = select_points(rule, layout.points)
            watched.update(places)
            silent.update(places if isinstance(rule, SilenceRule) else ())
    assert len(silent) == len(layout.points)
    assert min(watched.values()) >= 2
    assert sum(watched.values()) / len(layout.points) > 4


def test_silence_is_longer_than_any_usual_wait() -> None:
    """Five usual sampling periods, and at least two minutes; a failed supply explains it."""
    for rule, profile in with_profiles(SilenceRule):
        assert isinstance(rule, SilenceRule)
        assert rule.after_s >= max(120.0, 5 * profile.sampling_s), rule.id
        assert [inhibition.rule for inhibition in rule.suppressed_by] == ["energy-supply-voltage-low"]


def test_stuck_quantities_always_move() -> None:
    """They jitter over several steps of their decimals, keep clear of the ends of their band, and get the time to move.

    A first-order noise leaves a bin of width w at a rate of about D pi^2 / w^2 with D = noise^2 / reversion, so that a
    step of w <= 0.7 noise is left at 20 / reversion and more; three reversion times without a move are as rare as
    e^-60. From beyond an end of the band, 1.5 noises from the mean and more, it comes back at about 3 / reversion. A
    binary quantity leaves a state as a noise passes a level, at about 1 / reversion.
    """
    for rule, profile in with_profiles(StuckRule):
        assert isinstance(rule, StuckRule)
        assert rule.epsilon == 0
        assert rule.after_s >= 20 * profile.sampling_s, rule.id
        if profile.kind == "binary":
            assert rule.after_s >= 100 * profile.reversion_s, rule.id
            continue
        assert 10.0**-profile.decimals <= 0.7 * profile.noise, rule.id
        assert rule.after_s >= 3 * profile.reversion_s, rule.id
        ends = min(profile.base - profile.quiet_low, profile.quiet_high - profile.base) - profile.daily_amplitude
        clear = ends / profile.noise - OFFSET
        assert clear >= 6 or (clear >= 1.5 and rule.after_s >= 10 * profile.reversion_s), rule.id
        assert [inhibition.rule for inhibition in rule.suppressed_by] == [
            rule.id.replace("-stuck", "-silence"),
            "energy-supply-voltage-low",
        ]


def test_rates_are_far_above_normal_changes() -> None:
    """At least seven standard deviations of what the noise changes, beside the steepest of the day and the drift."""
    for rule, profile in with_profiles(RateRule):
        assert isinstance(rule, RateRule)
        for over_s in (max(rule.over_s, FASTEST_S), max(rule.over_s, profile.sampling_s)):
            spread = profile.noise * math.sqrt(2 * (1 - math.exp(-over_s / profile.reversion_s)))
            daily = profile.daily_amplitude * min(2.0, 2 * math.pi / DAY_S * over_s)
            steady = daily + profile.drift_per_day * over_s / DAY_S + 10.0**-profile.decimals
            limit = min(limit for limit in (rule.rise, rule.fall) if limit is not None)
            change = (limit - rule.deadband) / rule.per_s * over_s
            assert change >= 6 * spread + steady, rule.id
            assert limit / rule.per_s * over_s >= 7 * spread + steady, rule.id


def test_anomalies_are_far_beyond_the_noise() -> None:
    """Six standard deviations and what the mean lags behind the day; the band of normal operation ends before."""
    for rule, profile in with_profiles(AnomalyRule):
        assert isinstance(rule, AnomalyRule)
        assert rule.floor >= profile.noise, rule.id
        for sampling_s in (FASTEST_S, profile.sampling_s):
            memory_s = sampling_s / rule.alpha
            lag = profile.daily_amplitude * min(1.0, 2 * math.pi / DAY_S * memory_s)
            assert rule.z * rule.floor >= min(6 * profile.noise + lag, profile.quiet_high - profile.quiet_low), rule.id


def bounds(node: Node, low: dict[str, float], high: dict[str, float]) -> tuple[float, float]:
    """The least and the greatest worth of a number, by interval arithmetic."""
    if node.op == "number":
        return node.number, node.number
    if node.op == "name":
        return low[node.name], high[node.name]
    (a, b), (c, d) = (bounds(arg, low, high) for arg in node.args)
    corners = {
        "+": lambda: [a + c, b + d],
        "-": lambda: [a - d, b - c],
        "*": lambda: [x * y for x in (a, b) for y in (c, d)],
        "/": lambda: [x / y for x in (a, b) for y in (c, d)],
    }[node.op]()
    return min(corners), max(corners)


def may_be_true(node: Node, low: dict[str, float], high: dict[str, float]) -> bool:
    """Whether a condition can be met while each quantity stays within its interval."""
    if node.op in ("and", "or"):
        return (all if node.op == "and" else any)(may_be_true(arg, low, high) for arg in node.args)
    left, right = (bounds(arg, low, high) for arg in node.args)
    return left[0] < right[1] if node.op in ("<", "<=") else left[1] > right[0]


def test_expressions_cannot_be_true_in_normal_operation() -> None:
    """Not while each quantity stays within its day, its noise six times over, and its band."""
    profiles = {(one.subsystem, one.device, one.quantity): one for one in catalogue.profiles()}
    for rule in catalogue.full_rules().rules:
        if not isinstance(rule, ExpressionRule):
            continue
        subsystem, _, device = rule.points.split("/")
        low, high = {}, {}
        node = parse_expression(rule.when)
        for name in operand_names(node):
            profile = profiles[subsystem, device.removesuffix("-*"), name]
            reach = profile.daily_amplitude + (OFFSET + 6) * profile.noise
            low[name] = max(profile.quiet_low, profile.base - reach) if profile.kind == "analogue" else 0.0
            high[name] = min(profile.quiet_high, profile.base + reach) if profile.kind == "analogue" else 1.0
        if rule.id == "env-air-implausible":  # the two share most of their noise, so their intervals say too little
            continue
        assert not may_be_true(node, low, high), rule.id


def test_implausible_air_is_far_from_normal() -> None:
    """The two means, at the hour at which they are closest, are six standard deviations of their own noise apart."""
    pm25, pm10 = (next(one for one in catalogue.profiles() if one.quantity == name) for name in ("pm25", "pm10"))
    rule = next(rule for rule in catalogue.full_rules().rules if rule.id == "env-air-implausible")
    assert isinstance(rule, ExpressionRule)
    assert rule.when == "pm25 > 2 * pm10 + 40"
    gap = 2 * (pm10.base - pm10.daily_amplitude) + 40 - (pm25.base + pm25.daily_amplitude)
    assert gap >= 6 * math.hypot(2 * pm10.noise, pm25.noise)
    assert rule.on_delay_s >= 600


def test_limits_beside_the_standard_ones_are_out_of_reach_or_take_long() -> None:
    """A limit lies beyond the band, or a state that is normal for a while has to last many times as long."""
    added = [rule for rule in catalogue.full_rules().rules if isinstance(rule, LimitRule)]
    for rule in added[len(catalogue.standard_rules().rules) :]:
        subsystem, _, device, quantity = rule.points.split("/")
        named = (subsystem, device.removesuffix("-*"), quantity)
        profile = next(one for one in catalogue.profiles() if (one.subsystem, one.device, one.quantity) == named)
        lowest = min(rule.levels.values()) if rule.levels else rule.high
        assert lowest is not None
        assert lowest - rule.deadband > profile.quiet_high or rule.on_delay_s >= 12 * profile.reversion_s, rule.id


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"kind": "silent", "after": "60s"}, "place: expected one of the kinds silence, found 'silent'"),
        ({"kind": "silence", "after": "60"}, 'place.after: expected a duration such as "30s", found "60"'),
        ({"kind": "silence", "after": "60s", "mark": "X"}, "place: expected a source and its mark V, S, M or A"),
        ({"kind": "silence", "after": "60s", "source": ""}, "place: expected a source and its mark V, S, M or A"),
    ],
)
def test_a_rule_of_the_catalogue_says_where_it_comes_from(written: dict[str, object], message: str) -> None:
    """The data is read as strictly as a rules file, and without source and mark it is none."""
    defaults: dict[str, dict[str, object]] = {"silence": {"source": "assumption", "mark": "A"}}
    with pytest.raises(HarnessError) as refusal:
        quantity_rule(written, defaults, "ww/outlet/cod", "place")
    assert str(refusal.value) == message
