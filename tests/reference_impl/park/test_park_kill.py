"""A kill at any point, restored from what was stored, leaves no trace in the history."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from small_park import POINTS, RULES

from contract.columns import Columns
from contract.messages import Acknowledgement
from contract.rules import LimitRule, RuleSet
from reference_impl.park.change import Change, SourcePosition, StoredPack
from reference_impl.park.node import ParkNode, StoredPark

OTHER_RULES = RuleSet(version="2", rules=[RULES.rules[0], LimitRule(id="any-low", points="env/*/*/*", low=2.0)])


class Shelf:
    """What a store keeps, in the plainest form."""

    def __init__(self) -> None:
        self.stored = StoredPark()
        self.sources: dict[str, SourcePosition] = {}
        self.alerts: dict[str, Any] = {}
        self.cases: dict[str, Any] = {}
        self.journal: list[StoredPack] = []
        self.history: list[object] = []

    def commit(self, change: Change) -> None:
        """Keep what a change made true."""
        self.journal += change.packs
        self.sources |= {position.gateway: position for position in change.sources}
        self.alerts |= {event.alert.alert_id: event.alert for event in change.events}
        self.history += [*change.events, *change.uplink, *change.sources]
        if change.snapshot is not None:
            points, rules = change.points or self.stored.points, change.rules or self.stored.rules
            self.stored = self.stored._replace(points=points, rules=rules)
            self.take(change.snapshot)
        self.stored = self.stored._replace(outbox_number=self.stored.outbox_number + len(change.uplink))

    def take(self, snapshot: bytes) -> None:
        """Keep a snapshot of now; what came before is not replayed again."""
        self.stored = self.stored._replace(snapshot=snapshot)
        self.journal.clear()

    def restored(self) -> ParkNode:
        """The node after a kill."""
        standing = [alert for alert in self.alerts.values() if alert.cleared_ms is None]
        node = ParkNode.restore("park-a", self.stored._replace(sources=self.sources.values(), alerts=standing))
        for pack in self.journal:
            node.replay(pack)
        return node


readings = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([-2000, -500, 0, 0, 500, 1000]), st.integers(0, 10)),
    min_size=1,
    max_size=5,
)
arrivals = st.tuples(st.integers(0, 1), st.integers(1, 25), readings)
steps = st.lists(
    st.one_of(
        arrivals, arrivals, arrivals, arrivals, st.sampled_from(["snapshot", "kill", "kill", "rules", "acknowledge"])
    ),
    max_size=40,
)


def live(history: list[Any], *, killed: bool) -> Shelf:
    """Run a history; with `killed` the node dies where the history says so."""
    shelf, node = Shelf(), ParkNode("park-a")
    shelf.commit(node.configure_points(POINTS))
    shelf.commit(node.configure_rules(RULES))
    for step in history:
        if step == "kill":
            node = shelf.restored() if killed else node
        elif step == "snapshot":
            shelf.take(node.snapshot())
        elif step == "rules":
            shelf.commit(node.configure_rules(OTHER_RULES if node.rules == RULES else RULES))
        elif step == "acknowledge":
            standing = [alert.alert_id for alert in node.alerts.values() if alert.state == "UNACK"]
            for alert_id in sorted(standing)[:1]:
                shelf.commit(node.acknowledge(alert_id, Acknowledgement(operator="li"), 10**6))
        else:
            gateway, sequence, relative = step
            point, time_ms, value = (np.array(column) for column in zip(*relative, strict=True))
            pack = Columns(
                (point + 2 * gateway).astype(np.int32),
                time_ms.astype(np.int64) + 1000 * sequence,
                value.astype(np.float64),
            )
            shelf.commit(node.ingest(f"gw-0{gateway + 1}", sequence, pack, 10**6))
    shelf.take(node.snapshot())
    return shelf


@given(steps)
@settings(max_examples=300, deadline=None)
def test_a_kill_leaves_no_trace(history: list[Any]) -> None:
    """Whatever was stored before the kill, events, uplink, positions and state are those of a run without it."""
    undisturbed, killed = live(history, killed=False), live(history, killed=True)
    assert killed.history == undisturbed.history
    assert killed.stored.snapshot == undisturbed.stored.snapshot


@given(st.lists(arrivals, max_size=25), st.data())
@settings(max_examples=150, deadline=None)
def test_packs_handed_in_twice_leave_no_trace(history: list[Any], data: st.DataObject) -> None:
    """A retry, at once or long after, changes nothing."""
    retried: list[Any] = []
    for place, step in enumerate(history):
        retried += [step, history[data.draw(st.integers(0, place))]]
    assert live(retried, killed=False).history == live(history, killed=False).history
