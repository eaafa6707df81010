"""Quiet bands hide no reading that matters, however close to a limit, and do hide those that do not."""

import math

import numpy as np
from alarm_oracle import Happening, Oracle, Reading
from hypothesis import given, settings
from hypothesis import strategies as st
from monitored_points import points_of

from contract.columns import Columns
from contract.rules import LimitRule
from reference_impl.monitoring import Monitor, kernel, slots
from reference_impl.monitoring.rules import lay_out

limits = st.one_of(st.floats(-1e4, 1e4), st.floats(allow_nan=False, allow_infinity=False, width=64))


@st.composite
def rules(draw: st.DrawFn, rule_id: str) -> LimitRule:
    """A rule with any limit on either side, or with both."""
    side = draw(st.sampled_from(["high", "low", "both"]))
    one, other = sorted((draw(limits), draw(limits)))
    deadband = draw(st.sampled_from([0.0, 0.1, 1.0]))
    if side == "both" and one + deadband < other - deadband:
        return LimitRule(id=rule_id, points="*/*", low=one, high=other, deadband=deadband)
    if side == "low":
        return LimitRule(id=rule_id, points="*/*", low=one, deadband=deadband)
    return LimitRule(id=rule_id, points="*/*", high=one, deadband=deadband)


def borders(rule: LimitRule) -> list[float]:
    """Where the rule's condition begins and ends, the numbers next to these, and far away from them."""
    found = []
    for limit, sign in ((rule.high, -1), (rule.low, 1)):
        if limit is not None:
            found += [limit, limit + sign * rule.deadband]
    with np.errstate(over="ignore"):
        near = [(b, math.nextafter(b, -math.inf), math.nextafter(b, math.inf), float(np.float32(b))) for b in found]
    return [value for values in near for value in values if math.isfinite(value)] + [-1e308, 0.0, 1e308]


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_values_next_to_a_limit_are_told_apart(data: st.DataObject) -> None:
    """The bands are kept in less than the values' precision; the alarms do not show it."""
    of_point = data.draw(
        st.lists(st.sampled_from("ab"), min_size=1, max_size=2, unique=True).flatmap(
            lambda ids: st.tuples(*map(rules, ids))
        )
    )
    values = data.draw(st.lists(st.sampled_from([v for rule in of_point for v in borders(rule)]), max_size=12))
    core, oracle = Monitor(points_of({"a/x": "g"}), of_point), Oracle([0], {0: of_point})
    for time_ms, value in enumerate(values):
        pack = Columns(np.zeros(1, dtype=np.int32), np.array([time_ms], dtype=np.int64), np.array([value]))
        told = [
            Happening(t.at_ms, t.subject, t.rule.id, "raise" if t.kind == slots.RAISE else "clear", t.onset_ms, t.value)
            for t in core.apply(0, core.check(0, pack, time_ms)).transitions
        ]
        assert (told, 0) == oracle.apply(0, [Reading(0, time_ms, value)])


def bands(of_point: list[LimitRule], values: list[float]) -> list[tuple[float, float]]:
    """The quiet band of a point, before the first reading and after each."""
    plan = lay_out(of_point, ["a/x"])
    heads, gateways = np.zeros(1, dtype=slots.HEAD), np.zeros(1, dtype=slots.GATEWAY)
    heap, out = np.zeros(len(plan.slots), dtype=np.int32), np.zeros(8, dtype=slots.TRANSITION)
    state = (heads, plan.slots, plan.first_slot, plan.limits, heap, gateways)
    kernel.settle(*state, np.zeros(1, dtype=np.int32))
    found = [heads[["quiet_low", "quiet_high"]].tolist()[0]]
    for time_ms, value in enumerate(values):
        pack = (np.zeros(1, dtype=np.int32), np.array([time_ms], dtype=np.int64), np.array([value]))
        kernel.apply(*state, 0, *pack, out)
        found += heads[["quiet_low", "quiet_high"]].tolist()
    return found


def test_a_band_reaches_to_the_nearest_borders_around_the_newest_value() -> None:
    """In alarm as out of it, an ordinary reading is done with after its point's head."""
    yellow = LimitRule(id="yellow", points="*/*", high=50.0, low=0.0, deadband=5.0, on_delay_s=1.0)
    red = LimitRule(id="red", points="*/*", high=70.0, deadband=5.0, off_delay_s=1.0)
    assert bands([yellow, red], [20.0, 55.0, 75.0, 60.0, 40.0, -1.0]) == [
        (0.0, 50.0),
        (0.0, 50.0),
        (45.0, 70.0),
        (65.0, math.inf),
        (45.0, 70.0),
        (0.0, 50.0),
        (-math.inf, 5.0),
    ]


def test_a_point_without_rules_is_always_quiet() -> None:
    """It has no slot that a reading could go to."""
    assert bands([], [1e308]) == [(-math.inf, math.inf)] * 2


def test_heads_lie_four_to_a_cache_line() -> None:
    """An ordinary reading touches one line."""
    assert slots.HEAD.itemsize == 16
    assert np.zeros(3, dtype=slots.HEAD).ctypes.data % slots.HEAD.itemsize == 0
