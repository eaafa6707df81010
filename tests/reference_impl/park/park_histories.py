"""Random histories of a small park: packs, operators' acts, the clock, new rules, snapshots and kills."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from small_park import POINTS

from contract.alarms import AlarmAct, Shelving
from contract.columns import Columns
from contract.errors import PeerError
from contract.messages import Acknowledgement, Alarm
from contract.rules import Inhibition, LimitRule, RuleSet
from reference_impl.monitoring.lifecycle import OUT_OF_SIGHT
from reference_impl.park.alarm_states import Act, is_current
from reference_impl.park.change import Change, SourcePosition, StoredPack
from reference_impl.park.node import ParkNode, StoredPark

SO2_HIGH = LimitRule(
    id="so2-high",
    points="env/*/*/so2",
    high=8.0,
    deadband=1.0,
    on_delay_s=2.0,
    off_delay_s=3.0,
    escalate_after_s=3.0,
    suppressed_by=(Inhibition(rule="any-low", within="zone"),),
)
ANY_LOW = LimitRule(id="any-low", points="env/*/*/*", low=1.0, level="red", escalate_after_s=2.0, cause="power")
RULES = RuleSet(version="1", rules=[SO2_HIGH, ANY_LOW])
OTHER_RULES = RuleSet(version="2", rules=[SO2_HIGH, LimitRule(id="any-low", points="env/*/*/*", low=2.0)])
START_MS, STEP_MS = 10**6, 700
ACTS: list[Act] = ["shelve", "unshelve", "remove_from_service", "return_to_service"]


class Shelf:
    """What a store keeps, in the plainest form."""

    def __init__(self) -> None:
        self.stored = StoredPark()
        self.sources: dict[str, SourcePosition] = {}
        self.alerts: dict[str, Any] = {}
        self.alarms: dict[tuple[str, str], Alarm] = {}
        self.cases: dict[str, Any] = {}
        self.journal: list[StoredPack] = []
        self.history: list[object] = []

    def commit(self, change: Change) -> None:
        """Keep what a change made true."""
        self.journal += change.packs
        self.sources |= {position.gateway: position for position in change.sources}
        self.alerts |= {event.alert.alert_id: event.alert for event in change.events if event.alert}
        self.alarms |= {(event.alarm.point, event.alarm.rule): event.alarm for event in change.events if event.alarm}
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
        stored = self.stored._replace(
            sources=self.sources.values(),
            alerts=[alert for alert in self.alerts.values() if is_current(alert)],
            aside=[alarm for alarm in self.alarms.values() if alarm.state in OUT_OF_SIGHT],
        )
        node = ParkNode.restore("park-a", stored)
        for pack in self.journal:
            node.replay(pack)
        return node


class Asked(NamedTuple):
    """What an operator asks of an alarm."""

    act: Act
    point: int
    rule: str


class Again(NamedTuple):
    """The same once more, at the same moment as what came before it."""

    step: Any


readings = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([-2000, -500, 0, 0, 500, 1000]), st.integers(0, 10)),
    min_size=1,
    max_size=5,
)
arrivals = st.tuples(st.integers(0, 1), st.integers(1, 25), readings)
acts = st.builds(Asked, st.sampled_from(ACTS), st.integers(0, 3), st.sampled_from(["so2-high", "any-low"]))
others = st.sampled_from(["snapshot", "kill", "kill", "rules", "acknowledge", "tick", "tick"])
steps = st.lists(st.one_of(arrivals, arrivals, arrivals, acts, acts, others), max_size=40)


def asked(node: ParkNode, step: Asked, now_ms: int) -> Change | str:
    """What an operator gets: a change, or a refusal."""
    who: dict[str, Any] = {"point": POINTS.points[step.point].name, "rule": step.rule, "operator": "li"}
    try:
        if step.act == "shelve":
            return node.act(step.act, Shelving(**who, reason="noise", duration_s=2), now_ms)
        return node.act(step.act, AlarmAct(**who, reason="work"), now_ms)
    except PeerError as refusal:
        return str(refusal)


def live(history: list[Any], *, killed: bool, look: Callable[[ParkNode], None] | None = None) -> Shelf:
    """Run a history; with `killed` the node dies where the history says so. `look` is called after each step."""
    shelf, node = Shelf(), ParkNode("park-a")
    shelf.commit(node.configure_points(POINTS))
    shelf.commit(node.configure_rules(RULES, START_MS))
    now_ms = START_MS
    for step in history:
        if isinstance(step, Again):
            node = run(shelf, node, step.step, now_ms, killed=killed)
        else:
            now_ms += STEP_MS
            node = run(shelf, node, step, now_ms, killed=killed)
        if look:
            look(node)
    shelf.take(node.snapshot())
    return shelf


def run(shelf: Shelf, node: ParkNode, step: Any, now_ms: int, *, killed: bool) -> ParkNode:  # noqa: ANN401 - of any kind
    """One step of a history; gives the node that goes on."""
    if isinstance(step, Asked):
        answer = asked(node, step, now_ms)
        if isinstance(answer, str):
            shelf.history.append(answer)
        else:
            shelf.commit(answer)
    elif isinstance(step, tuple):
        shelf.commit(arrived(node, *step, now_ms))
    elif step == "kill":
        return shelf.restored() if killed else node
    elif step == "snapshot":
        shelf.take(node.snapshot())
    elif step == "rules":
        shelf.commit(node.configure_rules(OTHER_RULES if node.rules == RULES else RULES, now_ms))
    elif step == "acknowledge":
        standing = [
            alert.alert_id for alert in node.alerts.values() if (alert.state, alert.cleared_ms) == ("UNACK", None)
        ]
        for alert_id in sorted(standing)[:1]:
            shelf.commit(node.acknowledge(alert_id, Acknowledgement(operator="li"), now_ms))
    elif step == "tick":
        shelf.commit(node.tick(now_ms))
    return node


def arrived(node: ParkNode, gateway: int, sequence: int, relative: list[tuple[int, int, int]], now_ms: int) -> Change:
    """A pack."""
    point, time_ms, value = (np.array(column) for column in zip(*relative, strict=True))
    pack = Columns(
        (point + 2 * gateway).astype(np.int32), time_ms.astype(np.int64) + 1000 * sequence, value.astype(np.float64)
    )
    return node.ingest(f"gw-0{gateway + 1}", sequence, pack, now_ms)
