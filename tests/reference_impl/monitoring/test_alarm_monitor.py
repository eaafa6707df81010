"""What the monitor refuses, and what it takes from decoders."""

import msgspec
import numpy as np
import pytest
from monitored_points import points_of

from contract.columns import Columns
from contract.errors import PeerError
from contract.rules import LimitRule
from reference_impl.monitoring import Monitor
from reference_impl.monitoring.slots import CLEAR, RAISE

RULE = LimitRule(id="high", points="*/*", high=1.0)


def monitor(rules: list[LimitRule]) -> Monitor:
    return Monitor(points_of({"a/x": "g0", "a/y": "g1"}), rules)


def columns(point: list[int], time_ms: list[int], value: list[float]) -> Columns:
    return Columns(
        np.array(point, dtype=np.int32), np.array(time_ms, dtype=np.int64), np.array(value, dtype=np.float64)
    )


@pytest.mark.parametrize(
    ("pack", "message"),
    [
        (columns([], [], []), "expected at least one reading, found an empty pack"),
        (columns([0, 2], [1, 1], [0, 0]), "[1]: expected a point index below 2, found index 2"),
        (columns([-1], [1], [0]), "[0]: expected a point index below 2, found index -1"),
        (columns([0, 1], [1, 1], [0, 0]), "[1]: expected a point of the gateway that sends the pack, found index 1"),
        (columns([0], [1], [float("nan")]), "[0]: expected a finite number, found nan"),
        (
            columns([0, 0], [9, 11], [0, 0]),
            "[1]: expected at most 10 ms, a minute after the platform's clock, found 11 ms",
        ),
    ],
)
def test_a_pack_that_is_not_fit_is_refused_whole(pack: Columns, message: str) -> None:
    """The place of the fault is told, and the state is as before."""
    core = monitor([RULE])
    before = core.snapshot()
    with pytest.raises(PeerError) as refusal:
        core.check(0, pack, 10)
    assert (str(refusal.value), refusal.value.status) == (message, 422)
    assert core.snapshot() == before


def test_read_only_and_unaligned_columns_are_taken() -> None:
    """Decoders hand in views of the body that they decoded."""
    whole = columns([0], [1], [2.0])
    views = Columns(*(np.frombuffer(b"x" + c.tobytes(), dtype=c.dtype, offset=1) for c in whole))
    core = monitor([RULE])
    assert len(core.apply(0, core.check(0, views, 10)).transitions) == 1


def test_a_snapshot_of_other_rules_is_refused() -> None:
    """State is never laid onto rules that it does not belong to."""
    other = LimitRule(id="high", points="*/*", high=1.5)
    with pytest.raises(ValueError, match="other points or rules"):
        monitor([other]).resume(monitor([RULE]).snapshot())


def test_a_pack_with_more_transitions_than_ever_before_has_room() -> None:
    """The output grows before the kernel writes, so that no transition is lost."""
    count = 5000
    core = monitor([RULE])
    pack = columns([0] * count, list(range(count)), [2.0, 0.0] * (count // 2))
    transitions = core.apply(0, core.check(0, pack, count)).transitions
    assert len(transitions) == count
    assert [t.at_ms for t in transitions] == list(range(count))


def test_a_kill_in_any_phase_changes_nothing_that_follows() -> None:
    """Timers of both kinds and standing alarms go on after a restore, and after rules were set again."""
    rules = [msgspec.structs.replace(RULE, on_delay_s=1.0, off_delay_s=1.0)]
    readings = [(0, 0.0), (500, 2.0), (1500, 2.0), (2000, 0.0), (3000, 0.0), (4000, 2.0), (4500, 0.0), (6000, 0.0)]
    packs = [columns([0], [time_ms], [value]) for time_ms, value in readings]

    def story(kill_at: int, *, by_rules: bool) -> list[tuple[int, int]]:
        core, told = monitor(rules), []
        for place, pack in enumerate(packs):
            if place == kill_at and by_rules:
                core = core.with_rules(rules)
            elif place == kill_at:
                snapshot, core = core.snapshot(), monitor(rules)
                core.resume(snapshot)
            told += [(t.kind, t.at_ms) for t in core.apply(0, core.check(0, pack, 10_000)).transitions]
        return told

    unbroken = story(-1, by_rules=False)
    assert unbroken == [(RAISE, 1500), (CLEAR, 3000)]
    assert all(story(place, by_rules=by_rules) == unbroken for place in range(len(packs)) for by_rules in (False, True))
