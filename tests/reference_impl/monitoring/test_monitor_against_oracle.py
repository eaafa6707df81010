"""The core and the plain oracle agree on random histories."""

import numpy as np
from alarm_oracle import Happening, Oracle, Reading
from hypothesis import given, settings
from hypothesis import strategies as st
from monitored_points import points_of

from contract.columns import Columns
from contract.rules import LimitRule
from reference_impl.monitoring import Monitor
from reference_impl.monitoring.rules import matching
from reference_impl.monitoring.slots import RAISE

NAMES = ["a/x/t", "a/y/t", "b/x/t", "b/x/u", "b/y/t"]
GATEWAY_OF = [0, 0, 0, 1, 1]
NOW_MS = 10**12

delays_s = st.sampled_from([0.0, 0.0, 1.0, 2.0, 3.5, 10.0])
limits = st.sampled_from(
    [
        {"high": 8.0},
        {"high": 8.0, "deadband": 2.0},
        {"low": 3.0, "deadband": 1.0},
        {"high": 7.0, "low": 2.0, "deadband": 1.5},
        {"high": 5.0},
    ]
)
patterns = st.sampled_from(["*/*/t", "a/*/t", "b/x/?", "a/x/t", "c/*/t"])
rule_sets = st.lists(
    st.builds(
        lambda place, points, limit, on_s, off_s: LimitRule(
            id=f"rule-{place}", points=points, on_delay_s=on_s, off_delay_s=off_s, **limit
        ),
        st.integers(0, 5),
        patterns,
        limits,
        delays_s,
        delays_s,
    ),
    max_size=5,
    unique_by=lambda rule: rule.id,
)


@st.composite
def packs(draw: st.DrawFn) -> tuple[int, int, list[Reading]]:
    """A pack as (gateway, progress of its time in ms, readings with times relative to the progress)."""
    gateway = draw(st.integers(0, 1))
    points = [point for point, of_gateway in enumerate(GATEWAY_OF) if of_gateway == gateway]
    readings = st.builds(
        Reading,
        st.sampled_from(points),
        st.sampled_from([-3000, -1000, -500, 0, 0, 500, 1000, 1500]),
        st.integers(0, 10).map(float),
    )
    return (
        gateway,
        draw(st.sampled_from([-4000, 0, 1000, 1000, 2000, 5000])),
        draw(st.lists(readings, min_size=1, max_size=6)),
    )


steps = st.lists(st.one_of(packs(), packs(), packs(), packs(), rule_sets, st.just("kill")), max_size=30)


def rules_of_points(rules: list[LimitRule]) -> dict[int, list[LimitRule]]:
    """Which rules apply to each point."""
    return {
        point: [rule for rule in rules if point in matching(rule.points, tuple(NAMES))] for point in range(len(NAMES))
    }


def columns(readings: list[Reading]) -> Columns:
    point, time_ms, value = zip(*readings, strict=True)
    return Columns(np.array(point, dtype=np.int32), np.array(time_ms, dtype=np.int64), np.array(value))


@given(rule_sets, steps)
@settings(max_examples=400, deadline=None)
def test_core_and_oracle_tell_the_same_history(rules: list[LimitRule], history: list[object]) -> None:
    """Late readings, disorder, equal times, changed rules and kills included, the core says what SEMANTICS.md says."""
    points = points_of({name: f"g{gateway}" for name, gateway in zip(NAMES, GATEWAY_OF, strict=True)})
    monitor = Monitor(points, rules)
    oracle = Oracle(GATEWAY_OF, rules_of_points(rules))
    progress_ms = [100_000, 100_000]
    for step in history:
        if step == "kill":
            snapshot, monitor = monitor.snapshot(), Monitor(points, rules)
            monitor.resume(snapshot)
            assert monitor.snapshot() == snapshot
        elif isinstance(step, list):
            rules = step
            monitor = monitor.with_rules(rules)
            oracle.set_rules(rules_of_points(rules))
        else:
            gateway, advance_ms, relative = step
            progress_ms[gateway] += advance_ms
            readings = [r._replace(time_ms=r.time_ms + progress_ms[gateway]) for r in relative]
            applied = monitor.apply(gateway, monitor.check(gateway, columns(readings), NOW_MS))
            told = [
                Happening(t.at_ms, t.subject, t.rule.id, "raise" if t.kind == RAISE else "clear", t.onset_ms, t.value)
                for t in applied.transitions
            ]
            assert (told, applied.late) == oracle.apply(gateway, readings)
