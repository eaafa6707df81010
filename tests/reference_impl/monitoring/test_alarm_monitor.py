"""What the monitor refuses, and what it takes from decoders."""

import numpy as np
import pytest

from contract.columns import Columns
from contract.errors import PeerError
from contract.messages import LimitRule
from reference_impl.monitoring import Monitor

RULE = LimitRule(id="high", points="*/*", high=1.0)


def monitor(rules: list[LimitRule]) -> Monitor:
    return Monitor(["a/x", "a/y"], np.array([0, 1], dtype=np.int32), 2, rules)


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
