"""Quiet bands hide no reading that matters, however close to a limit, and do hide those that do not."""

import math
import re
from collections.abc import Sequence

import numpy as np
import pytest
from agreement import CoreUnderTest, in_one_order
from alarm_oracle import Oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from monitored_points import points_of
from oracle_release import Reading

from contract.columns import Columns
from contract.rules import ExpressionRule, LimitRule, Rule, SilenceRule, StuckRule
from reference_impl.monitoring import Monitor, slots

EVERY_READING = StuckRule(id="stuck", points="*/*", after_s=1e6)

limits = st.one_of(st.floats(-1e4, 1e4), st.floats(allow_nan=False, allow_infinity=False, width=64))
deadbands = st.sampled_from([0.0, 0.1, 1.0])


def limit_rule(draw: st.DrawFn, rule_id: str) -> LimitRule:
    """A rule with any limit on either side, or with both."""
    side = draw(st.sampled_from(["high", "low", "both"]))
    one, other = sorted((draw(limits), draw(limits)))
    deadband = draw(deadbands)
    if side == "both" and one + deadband < other - deadband:
        return LimitRule(id=rule_id, points="*/*", low=one, high=other, deadband=deadband)
    if side == "low":
        return LimitRule(id=rule_id, points="*/*", low=one, deadband=deadband)
    return LimitRule(id=rule_id, points="*/*", high=one, deadband=deadband)


def expression_rule(draw: st.DrawFn, rule_id: str) -> ExpressionRule:
    """A rule that compares the point with one or two numbers."""
    signs = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    comparisons = [f"x {draw(signs)} {draw(limits)!r}", f"{draw(limits)!r} {draw(signs)} x"]
    when = draw(st.sampled_from([*comparisons, " and ".join(comparisons), f"not ({' or '.join(comparisons)})"]))
    return ExpressionRule(id=rule_id, points="*", when=when, deadband=draw(deadbands))


@st.composite
def rule_sets(draw: st.DrawFn) -> list[Rule]:
    """One or two rules of either kind, and at times one for which each reading counts."""
    kinds = draw(st.lists(st.sampled_from([limit_rule, expression_rule]), min_size=1, max_size=2))
    found = [kind(draw, rule_id) for kind, rule_id in zip(kinds, "ab", strict=False)]
    return [*found, *draw(st.sampled_from([[], [EVERY_READING]]))]


def borders(rule: Rule) -> list[float]:
    """Where the rule's condition begins and ends, the numbers next to these, and far away from them."""
    found: list[float] = []
    if isinstance(rule, LimitRule):
        found = [limit for limit in (rule.high, rule.low) if limit is not None]
    elif isinstance(rule, ExpressionRule):
        found = [float(number) for number in re.findall(r"-?\d[-+.e\d]*", rule.when)]
    found = [end for limit in found for end in (limit, limit - rule.deadband, limit + rule.deadband)]
    with np.errstate(over="ignore"):
        near = [(b, math.nextafter(b, -math.inf), math.nextafter(b, math.inf), float(np.float32(b))) for b in found]
    return [value for values in near for value in values if math.isfinite(value)] + [-1e308, 0.0, 1e308]


@given(rule_sets(), st.data())
@settings(max_examples=600, deadline=None)
def test_values_next_to_a_limit_are_told_apart(of_point: list[Rule], data: st.DataObject) -> None:
    """The bands are kept in less than the values' precision; the alarms do not show it."""
    near = [value for rule in of_point for value in borders(rule)]
    values = data.draw(st.lists(st.sampled_from(near), max_size=12))
    points = points_of({"a/x": "g"})
    core, oracle = CoreUnderTest(points, of_point, 0), Oracle(points, of_point, 0)
    for time_ms, value in enumerate(values):
        arrives = ("g", [Reading(0, time_ms, value)], time_ms + 1)
        told, wanted = core.apply(*arrives), oracle.apply(*arrives)
        assert (in_one_order(told[0]), told[1]) == (in_one_order(wanted[0]), wanted[1])


def bands(of_point: Sequence[Rule], values: Sequence[float], *, field: str = "heads") -> list[tuple[float, float]]:
    """The quiet band of a point, before the first reading and after each."""
    monitor = Monitor(points_of({"a/x": "g"}), of_point)
    records = getattr(monitor.plan.core, field)[["quiet_low", "quiet_high"]]
    found = records.tolist()
    for time_ms, value in enumerate(values):
        pack = Columns(np.zeros(1, dtype=np.int32), np.array([time_ms], dtype=np.int64), np.array([value]))
        monitor.apply(0, pack, time_ms + 1)
        found += records.tolist()
    return found


YELLOW = LimitRule(id="yellow", points="*/*", high=50.0, low=0.0, deadband=5.0, on_delay_s=1.0)
RED = LimitRule(id="red", points="*/*", high=70.0, deadband=5.0, off_delay_s=1.0)


@pytest.mark.parametrize(("field", "others"), [("heads", []), ("spans", [EVERY_READING])])
def test_a_band_reaches_to_the_nearest_borders_around_the_newest_value(field: str, others: list[Rule]) -> None:
    """In alarm as out of it, an ordinary reading is done with after its point's head, or after what looks at each."""
    assert bands([YELLOW, RED, *others], [20.0, 55.0, 75.0, 60.0, 40.0, -1.0], field=field) == [
        (0.0, 50.0),
        (0.0, 50.0),
        (45.0, 70.0),
        (65.0, math.inf),
        (45.0, 70.0),
        (0.0, 50.0),
        (-math.inf, 5.0),
    ]


def test_levels_make_the_band_narrower() -> None:
    """Between two levels the band ends at the one above and where the one below ends."""
    rule = LimitRule(id="levels", points="*/*", levels={"yellow": 50.0, "red": 70.0}, deadband=5.0)
    assert bands([rule], [20.0, 60.0, 80.0]) == [(-math.inf, 50.0), (-math.inf, 50.0), (45.0, 70.0), (65.0, math.inf)]


def test_an_operand_that_is_only_compared_with_numbers_has_a_band() -> None:
    """It reaches to the nearest of the numbers, and of these less and plus the deadband."""
    rule = ExpressionRule(id="warm", points="*", when="x > 50 and not x >= 70", deadband=5.0)
    assert bands([rule], [20.0, 48.0, 60.0, 80.0])[1:] == [
        (-math.inf, 45.0),
        (45.0, 50.0),
        (55.0, 65.0),
        (75.0, math.inf),
    ]


def test_an_operand_that_is_used_otherwise_has_none() -> None:
    """Its every value may matter."""
    rule = ExpressionRule(id="odd", points="*", when="x > 50 and x * x < 2")
    assert bands([rule], [20.0]) == [(math.inf, -math.inf)] * 2


def test_each_reading_counts_where_a_rule_must_see_each() -> None:
    """Such a point has no quiet value at all."""
    assert bands([YELLOW, EVERY_READING], [20.0]) == [(math.inf, -math.inf)] * 2


def test_a_silence_does_not_keep_readings_from_being_quiet() -> None:
    """Once it watches, any reading is ordinary until the alarm is raised."""
    silence = SilenceRule(id="silent", points="*/*", after_s=60.0)
    assert bands([silence], [1.0, 1e308]) == [(math.inf, -math.inf), (-math.inf, math.inf), (-math.inf, math.inf)]


def test_a_point_without_rules_is_always_quiet() -> None:
    """It has no slot that a reading could go to."""
    assert bands([], [1e308]) == [(-math.inf, math.inf)] * 2


def test_heads_lie_four_to_a_cache_line_and_slots_one() -> None:
    """An ordinary reading touches one line, and each rule that must see it one more."""
    assert (slots.HEAD.itemsize, slots.SPAN.itemsize, slots.SLOT.itemsize) == (16, 16, 64)
