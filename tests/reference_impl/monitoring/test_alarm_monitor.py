"""What the monitor refuses, and what it takes from decoders."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from agreement import agree
from monitored_points import points_of

from contract.columns import Columns
from contract.errors import PeerError
from contract.rules import KOfNRule, LimitRule, Rule, SilenceRule, StuckRule
from reference_impl.monitoring import Monitor
from reference_impl.monitoring import monitor as monitor_module
from reference_impl.monitoring.slots import CLEAR, RAISE

RULE = LimitRule(id="high", points="*/*", high=1.0)


def monitor(rules: Sequence[Rule]) -> Monitor:
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


def test_a_foreign_point_between_a_gateways_own_is_refused() -> None:
    """Points of a gateway need not be neighbours in the list."""
    core = Monitor(points_of({"a/x": "g0", "a/y": "g1", "a/z": "g0"}), [RULE])
    core.check(0, columns([0, 2], [1, 1], [0, 0]), 10)
    with pytest.raises(PeerError, match=r"^\[1\]: expected a point of the gateway that sends the pack, found index 1$"):
        core.check(0, columns([2, 1], [1, 1], [0, 0]), 10)


def test_readings_come_back_in_order_of_time() -> None:
    """Readings of one time keep their order."""
    core = Monitor(points_of({"a/x": "g0", "a/y": "g0"}), [RULE])
    sorted_columns = core.check(0, columns([0, 1, 0, 1], [3, 1, 2, 2], [1, 2, 3, 4]), 10)
    assert [column.tolist() for column in sorted_columns] == [[1, 0, 1, 0], [1, 2, 2, 3], [2, 3, 4, 1]]


def test_read_only_and_unaligned_columns_are_taken() -> None:
    """Decoders hand in views of the body that they decoded."""
    whole = columns([0], [1], [2.0])
    views = Columns(*(np.frombuffer(b"x" + c.tobytes(), dtype=c.dtype, offset=1) for c in whole))
    core = monitor([RULE])
    assert len(core.apply(0, core.check(0, views, 10), 1).transitions) == 1


def test_a_snapshot_of_other_rules_is_refused() -> None:
    """State is never laid onto rules that it does not belong to."""
    other = LimitRule(id="high", points="*/*", high=1.5)
    with pytest.raises(ValueError, match="other points or rules"):
        monitor([other]).resume(monitor([RULE]).snapshot())


def test_a_pack_with_more_transitions_than_ever_before_has_room() -> None:
    """The core hands over what it has written and goes on, so that no transition is lost."""
    count = 50_000
    core = monitor([RULE])
    pack = columns([0] * count, list(range(count)), [2.0, 0.0] * (count // 2))
    transitions = core.apply(0, core.check(0, pack, count), 1).transitions
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
            told += [(t.kind, t.at_ms) for t in core.apply(0, core.check(0, pack, 10_000), place + 1).transitions]
        return told

    unbroken = story(-1, by_rules=False)
    assert unbroken == [(RAISE, 1500), (CLEAR, 3000)]
    assert all(story(place, by_rules=by_rules) == unbroken for place in range(len(packs)) for by_rules in (False, True))


def test_where_the_core_stops_to_hand_over_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for a single transition the histories are those of the oracle."""
    monkeypatch.setattr(monitor_module, "ROOM", 1)
    for seed in range(300):
        agree(seed, packs=12)


def test_an_unchanged_rule_set_in_another_order_changes_nothing() -> None:
    """State goes with a rule's name, not with its place."""
    rules: list[Rule] = [
        LimitRule(id="high", points="*/*", high=1.0),
        StuckRule(id="stuck", points="*/*", after_s=5.0),
        SilenceRule(id="silent", points="*/*", after_s=5.0),
        KOfNRule(id="both", of=("high", "stuck"), k=2),
    ]
    core = Monitor(points_of({"a/x": "g0", "a/y": "g0"}), rules)
    first = core.apply(0, core.check(0, columns([0, 1], [0, 0], [2.0, 2.0]), 0), 1).transitions
    core = core.with_rules(rules[::-1])
    second = core.apply(0, core.check(0, columns([0, 1], [9000, 9000], [0.0, 0.0]), 9000), 2).transitions
    told = [(t.kind, t.at_ms, core.subjects[t.subject].name, t.rule.id) for t in (*first, *second)]
    assert told == [
        (RAISE, 0, "a/x", "high"),
        (RAISE, 0, "a/y", "high"),
        (RAISE, 0, "zone/z1", "both"),
        *((RAISE, 5000, point, rule) for point in ("a/x", "a/y") for rule in ("silent", "stuck")),
        *((CLEAR, 9000, point, rule) for point in ("a/x", "a/y") for rule in ("silent", "stuck", "high")),
        (CLEAR, 9000, "zone/z1", "both"),
    ]


def test_standing_alarms_are_those_that_were_raised_and_not_cleared() -> None:
    """They come as the transitions that would clear them at the watermark, with the level that they have."""
    rules = [LimitRule(id="high", points="*/*", levels={"yellow": 1.0, "red": 3.0})]
    core = Monitor(points_of({"a/x": "g0", "a/y": "g0"}), rules)
    core.apply(0, core.check(0, columns([0, 1, 1], [0, 1, 2], [3.5, 2.0, 0.0]), 2), 1)
    assert [(t.kind, t.at_ms, t.subject, t.onset_ms, t.value, t.level) for t in core.standing()] == [
        (CLEAR, 2, 0, 0, 3.5, "red")
    ]
