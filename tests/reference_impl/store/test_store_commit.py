"""One commit makes everything true at once, and a crash at any place loses nothing that was committed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from contract.alarms import AlarmAct, Shelving
from contract.columns import Columns
from contract.messages import Acknowledgement, AlertEvent
from contract.rules import LimitRule, RuleSet
from reference_impl.park.change import Change
from reference_impl.park.node import ParkNode
from reference_impl.store import readings
from reference_impl.store.database import StoreError
from reference_impl.store.outbox import ENTRIES_KEPT
from reference_impl.store.park_store import ParkStore

NOW_MS = 1_700_000_000_000
FILL = 1 << 20
Configured = Callable[[str], tuple[ParkNode, list[Change]]]
Pack = Callable[..., Columns]


def _commit(store: ParkStore, *changes: Change) -> None:
    store.commit(changes, NOW_MS)


def _journal(store: ParkStore) -> list[int]:
    with store.database.reading() as reader:
        return [last for (last,) in reader.execute("SELECT last FROM journal ORDER BY last")]


def test_everything_of_a_commit_is_there_after_reopening(tmp_path: Path, configured: Configured, pack: Pack) -> None:
    """Points, rules, positions, alerts, events, outbox and readings come back as they were committed."""
    store = ParkStore(tmp_path)
    node, changes = configured("p1")
    _commit(store, *changes, node.ingest("gw-01", 1, pack(0, 0, 5.0, 12.0), NOW_MS))
    store.close()

    store = ParkStore(tmp_path)
    again = store.load(["p1"])["p1"]
    assert (again.points, again.rules, again.alerts) == (node.points, node.rules, node.alerts)
    assert again.outbox_number == node.outbox_number == 1
    assert [event.number for event in store.events_after(0, "*", 10)] == [1]
    assert again.ingest("gw-01", 1, pack(0, 0, 5.0, 12.0), NOW_MS).response.duplicate  # type: ignore[union-attr]  # a receipt
    cleared = again.ingest("gw-01", 2, pack(0, 5, 1.0), NOW_MS + 60_000)
    assert [event.transition for event in cleared.events] == ["clear"], "the core knew of the standing alarm"
    store.close()


def test_a_commit_that_fails_leaves_nothing(store: ParkStore, configured: Configured, pack: Pack) -> None:
    """A full disk refuses the commit as a whole; a node from the store takes the same packs again."""
    node, changes = configured("p1")
    _commit(store, *changes)
    pages = store.database.writer.execute("PRAGMA page_count").fetchone()[0]
    store.database.writer.execute(f"PRAGMA max_page_count = {pages}")
    many = [node.ingest("gw-01", number, pack(0, number, *[12.0] * 1000), NOW_MS + 10**9) for number in range(1, 30)]
    with pytest.raises(StoreError, match="full"):
        _commit(store, *many)
    assert _journal(store) == []
    assert store.events_after(0, "*", 10) == []
    assert (store.journal_position, store.event_number, store.backlog_bytes) == (0, 0, 0)

    store.database.writer.execute("PRAGMA max_page_count = 1000000")
    node = store.load(["p1"])["p1"]
    assert node.outbox_number == 0
    _commit(store, node.ingest("gw-01", 1, pack(0, 1, 12.0), NOW_MS + 10**9))
    assert [event.number for event in store.events_after(0, "*", 10)] == [1]


def test_replay_never_crosses_a_change_of_rules(store: ParkStore, configured: Configured, pack: Pack) -> None:
    """Packs of the same commit before new rules are not replayed under them, packs after them are."""
    node, changes = configured("p1")
    before = node.ingest("gw-01", 1, pack(0, 0, 9.0), NOW_MS)
    lower = RuleSet(version="2", rules=[LimitRule(id="so2-high", points="env/*/*/so2", high=8.0)])
    switch = node.configure_rules(lower, NOW_MS)
    after = node.ingest("gw-01", 2, pack(0, 1, 7.0), NOW_MS)
    _commit(store, *changes, before, switch, after)
    again = store.load(["p1"])["p1"]
    assert again.snapshot() == node.snapshot()
    assert again.alerts == node.alerts == {}


def test_each_pack_is_filled_exactly_once_whatever_is_lost_between(
    tmp_path: Path, configured: Configured, pack: Pack
) -> None:
    """A crash after the column store's commit and before the journal is trimmed makes no reading appear twice."""
    store = ParkStore(tmp_path)
    node, changes = configured("p1")
    _commit(store, *changes)
    for number in range(1, 4):
        _commit(store, node.ingest("gw-01", number, pack(0, 10 * number, 1.0, 2.0), NOW_MS + 10**6))
    assert store.fill(FILL) == 3
    assert store.fill(FILL) == 0
    assert _journal(store) == [1, 2, 3], "no snapshot holds these packs yet"
    store.close()

    store = ParkStore(tmp_path)
    assert store.backlog_bytes == 0
    assert store.fill(FILL) == 0
    found = readings.packs_of(store, "p1", "gw-01", 1, 10)
    assert found.sequence.tolist() == [1, 1, 2, 2, 3, 3]
    store.close()


def test_the_journal_is_trimmed_to_what_is_filled_and_snapshot(
    tmp_path: Path, configured: Configured, pack: Pack
) -> None:
    """A row goes when it is in the column store and before its park's snapshot; a position is never given twice."""
    store = ParkStore(tmp_path)
    nodes: dict[str, ParkNode] = {}
    for park in ("p1", "p2"):
        nodes[park], changes = configured(park)
        _commit(store, *changes)
    for number in (1, 2):
        _commit(store, *(nodes[park].ingest("gw-01", number, pack(0, number, 1.0), NOW_MS) for park in nodes))
    store.fill(FILL)
    snapshot = Change("p1", nodes["p1"].points, snapshot=nodes["p1"].snapshot())  # type: ignore[arg-type]  # it is set
    _commit(store, snapshot)
    assert store.trim_bound() == 0, "p2 still needs its packs"
    _commit(store, snapshot._replace(park="p2", snapshot=nodes["p2"].snapshot()))
    store.trim()
    assert _journal(store) == []
    store.close()

    store = ParkStore(tmp_path)
    node = store.load(["p1"])["p1"]
    _commit(store, node.ingest("gw-01", 3, pack(0, 3, 1.0), NOW_MS))
    assert _journal(store) == [5], "positions go on after everything was trimmed"
    assert store.fill(FILL) == 1
    assert readings.packs_of(store, "p1", "gw-01", 1, 9).sequence.tolist() == [1, 2, 3]
    store.close()


def test_an_idle_park_does_not_hold_the_journal(store: ParkStore, configured: Configured, pack: Pack) -> None:
    """A park that was configured and never sent keeps no row of the others alive."""
    node, changes = configured("p1")
    _, idle = configured("p2")
    _commit(store, *changes, *idle, node.ingest("gw-01", 1, pack(0, 0, 1.0), NOW_MS))
    store.fill(FILL)
    _commit(store, Change("p1", node.points, snapshot=node.snapshot()))  # type: ignore[arg-type]  # it is set
    assert store.trim_bound() == 1


def test_what_operators_set_aside_is_there_after_reopening(tmp_path: Path, configured: Configured, pack: Pack) -> None:
    """Alarms set aside, alerts out of sight and what is due come back; taken back, they leave the list."""
    store = ParkStore(tmp_path)
    node, changes = configured("p1")
    alarm = {"point": "env/z01/air-0/so2", "rule": "so2-high", "operator": "li", "reason": "test"}
    shelved = node.act("shelve", Shelving(**alarm, duration_s=60), NOW_MS)
    _commit(store, *changes, shelved, node.ingest("gw-01", 1, pack(0, 0, 12.0, 1.0), NOW_MS))
    _commit(store, node.act("remove_from_service", AlarmAct(**{**alarm, "point": "env/z01/air-1/so2"}), NOW_MS))
    store.close()

    store = ParkStore(tmp_path)
    again = store.load(["p1"])["p1"]
    assert list(again.aside) == store.alarms("*", 10).alarms == list(node.aside)
    assert (again.alerts, again.due_ms) == (node.alerts, NOW_MS + 60_000)
    _commit(store, again.tick(NOW_MS + 60_000))
    assert [alarm.state for alarm in store.alarms("p1", 10).alarms] == ["OOSRV"]
    assert [alert.state for alert in store.alerts("p1", None, None, 10).alerts] == ["NORM"]
    events = [msgspec.json.decode(event.body, type=AlertEvent) for event in store.events_after(0, "*", 10)]
    assert [(event.transition, event.operator, event.alarm is not None) for event in events] == [
        ("shelve", "li", True),
        ("raise", "", False),
        ("clear", "", False),
        ("remove_from_service", "li", True),
        ("unshelve", "", True),
    ]
    store.close()


def test_the_newest_entry_of_the_outbox_always_stays(store: ParkStore, configured: Configured, pack: Pack) -> None:
    """Numbering goes on after a restart, however far the city has applied."""
    node, changes = configured("p1")
    _commit(store, *changes, node.ingest("gw-01", 1, pack(0, 0, 12.0), NOW_MS))
    acknowledged = node.acknowledge(next(iter(node.alerts)), Acknowledgement(operator="li"), NOW_MS)
    store.note_told("p1", 1 + ENTRIES_KEPT)
    _commit(store, acknowledged)
    assert [entry.number for entry in store.entries_after("p1", 0, 10)] == [2]
    assert store.load(["p1"])["p1"].outbox_number == 2


def test_one_process_holds_a_data_folder(store: ParkStore, tmp_path: Path) -> None:
    """A second process is refused instead of sharing the files."""
    assert store.journal_position == 0
    with pytest.raises(StoreError, match="expected a data folder that no other process uses, found it in use"):
        ParkStore(tmp_path / "data")


WRITER = """
import sys
from pathlib import Path
import numpy as np
from contract.alarms import AlarmAct, Shelving
from contract.columns import Columns
from contract.messages import Point, PointList
from reference_impl.park.node import ParkNode
from reference_impl.store.park_store import ParkStore

store = ParkStore(Path(sys.argv[1]))
node = store.load(["p1"])["p1"]
point = Point(name="a/b/c/d", gateway="g", zone="z", subsystem="a", unit="1")
change = node.configure_points(PointList(points=[point]))
store.commit([change], 0)
number = int(sys.argv[2])
while True:
    columns = Columns(np.zeros(50, np.int32), np.arange(50) + 1000 * number, np.full(50, float(number)))
    store.commit([node.ingest("g", number, columns, 10**15)], 0)
    print(number, flush=True)
    if number % 7 == 0:
        store.fill(1 << 20)
    number += 1
"""


@pytest.mark.process
def test_a_killed_process_loses_no_commit(tmp_path: Path) -> None:
    """SIGKILL between and inside commits and fills: every pack that was reported committed is there, once."""
    reported = 0
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(reported + 1)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for line in process.stdout:
            reported = int(line)
            if reported % 20 == 0:
                break
        os.kill(process.pid, signal.SIGKILL)
        reported = max([reported, *(int(line) for line in process.stdout)])
        process.wait()
        process.stdout.close()
    store = ParkStore(tmp_path)
    store.load(["p1"])
    found = readings.packs_of(store, "p1", "g", 1, 10**6).sequence.tolist()
    last = max(found)
    assert last >= reported
    assert found == [number for number in range(1, last + 1) for _ in range(50)]
    store.close()
