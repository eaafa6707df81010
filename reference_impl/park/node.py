"""The park node: registry, telemetry, alerts and cases of one park, without I/O."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Self

from contract.catalogue import matters
from contract.columns import Columns
from contract.errors import PeerError
from contract.messages import (
    MAX_FUTURE_MS,
    Acknowledgement,
    Alert,
    Case,
    CaseApplication,
    CaseDecision,
    PackReceipt,
    PointList,
    UplinkAlert,
    UplinkCase,
)
from contract.names import NameIndex
from contract.rules import RuleSet
from reference_impl.monitoring import AlarmTransition, Monitor
from reference_impl.monitoring.rules import check_rules
from reference_impl.park.alerts import AlertBook
from reference_impl.park.cases import CaseBook, case_id
from reference_impl.park.change import Change, EventDraft, SourcePosition, StoredPack
from reference_impl.park.registry import Registry, check_points, register
from reference_impl.park.sources import Source

_NO_NAMES = NameIndex([])


class StoredPark(NamedTuple):
    """What the store holds of a park, for `ParkNode.restore`; all of the newest commit, except `snapshot`.

    Attributes:
        points: the registered points, if any.
        rules: the rules, if any.
        sources: position of every gateway that has sent.
        alerts: every alert whose condition holds (`cleared_ms` is None); recent cleared ones may be among them.
        cases: recent cases; older ones are recalled when needed.
        outbox_number: number of the last uplink entry, 0 for none.
        snapshot: the newest snapshot; None when none was taken. The journal's packs after its position are to be
            replayed.
    """

    points: PointList | None = None
    rules: RuleSet | None = None
    sources: Iterable[SourcePosition] = ()
    alerts: Iterable[Alert] = ()
    cases: Iterable[Case] = ()
    outbox_number: int = 0
    snapshot: bytes | None = None


class ParkNode:
    """One park. Every method either raises `PeerError` and changes nothing, or returns the change to be committed.

    The node is ahead of the store until the change is committed. When a commit fails, throw the node away and restore
    it from the store.

    The node keeps every alert whose condition holds and a bounded window of recent cleared ones, and a bounded window
    of recent cases; the store has them all. Before `acknowledge`, `open_case` or `decide_case` with an id that is not
    in `alerts` or `cases`, the host looks it up in the store and hands it in with `recall_alert` or `recall_case`.

    Attributes:
        park: its id.
        points: registered points, None before the first registration.
        rules: rules, None before they are first set.
        outbox_number: number of the last uplink entry.
    """

    def __init__(self, park: str, *, outbox_number: int = 0) -> None:
        self.park = park
        self.points: PointList | None = None
        self.rules: RuleSet | None = None
        self.outbox_number = outbox_number
        self._registry: Registry | None = None
        self._monitor: Monitor | None = None
        self._sources: dict[str, Source] = {}
        self._alerts = AlertBook(park)
        self._cases = CaseBook(park, {matter.code: matter for matter in matters()})

    @property
    def index(self) -> NameIndex:
        """Resolved SenML name (`park/point`) to point index; empty before points are registered."""
        return _NO_NAMES if self._registry is None else self._registry.place_of

    @property
    def names(self) -> Sequence[str]:
        """Point names in the order of their index; empty before points are registered."""
        return () if self._registry is None else self._registry.names

    @property
    def gateways(self) -> Sequence[str]:
        """Names of the gateways that points belong to, in the order of first mention."""
        return () if self._registry is None else self._registry.gateways

    @property
    def alerts(self) -> Mapping[str, Alert]:
        """Alerts by id: all standing, and recent others."""
        return self._alerts.alerts

    @property
    def cases(self) -> Mapping[str, Case]:
        """Recent cases by id, the longest untouched first."""
        return self._cases.cases

    def configure_points(self, points: PointList) -> Change:
        """Register the points of the park. The same list again is an empty change.

        Raises:
            PeerError: 409 the list differs and telemetry has been stored; 422 a name is invalid or comes twice.
        """
        if points == self.points:
            return Change(self.park, points)
        if any(source.next_sequence > 1 for source in self._sources.values()):
            raise PeerError(
                "points cannot change any more",
                status=409,
                where="points",
                found="another list",
                wanted="the registered list, since telemetry of it is stored",
            )
        check_points(points)
        self._register(points)
        return Change(self.park, points, points=points, snapshot=self.snapshot())

    def configure_rules(self, rules: RuleSet) -> Change:
        """Replace the rules as a whole.

        Rules that did not change keep their state on every point; standing alerts of rules that changed or went are
        cleared at the newest event time of their gateway.

        Raises:
            PeerError: 422 a rule is invalid, with its path.
        """
        if rules == self.rules:
            return Change(self.park, rules)
        check_rules(rules)
        self.rules = rules
        events: list[EventDraft] = []
        if self._monitor is not None:
            new = self._monitor.with_rules(rules.rules)
            old = self._monitor
            kept = {(new.subjects[alarm.subject].name, alarm.rule.id) for alarm in new.standing()}
            gone = [it for it in old.standing() if (old.subjects[it.subject].name, it.rule.id) not in kept]
            events = self._follow(old, sorted(gone, key=lambda alarm: alarm.at_ms))
            self._monitor = new
        return Change(self.park, rules, events=events, uplink=self._tell(events), rules=rules, snapshot=self.snapshot())

    def _register(self, points: PointList) -> None:
        self.points = points
        self._registry = register(self.park, points)
        rules = () if self.rules is None else self.rules.rules
        registry = self._registry
        self._monitor = Monitor(points.points, rules)
        self._sources = {gateway: Source(gateway, place) for place, gateway in enumerate(registry.gateways)}

    def ingest(self, gateway: str, sequence: int, columns: Columns, now_ms: int) -> Change:
        """Take a pack, whole or not at all.

        A number that was stored before gives an empty change and a receipt marked duplicate.

        Args:
            gateway: name of the gateway that sent it.
            sequence: number of the pack, from 1.
            columns: its readings, in any order of time (the change holds them in order).
            now_ms: the node's wall time, Unix milliseconds.

        Raises:
            PeerError: 404 unknown gateway; 422 no readings, unknown point, point of another gateway, non-finite value,
                time more than `MAX_FUTURE_MS` after `now_ms`, invalid sequence, too many gaps.
        """
        source = self._sources.get(gateway)
        if source is None or self._monitor is None:
            raise PeerError(
                "unknown gateway",
                status=404,
                where="gateway",
                found=repr(gateway),
                wanted="a gateway of the registered points",
            )
        if source.has(sequence):
            return Change(
                self.park, PackReceipt(gateway=gateway, sequence=sequence, readings=len(columns), duplicate=True)
            )
        columns = self._monitor.check(source.index, columns, now_ms + MAX_FUTURE_MS)
        applied = self._monitor.apply(source.index, columns, sequence)
        source.take(sequence)
        events = self._follow(self._monitor, applied.transitions) if applied.transitions else ()
        return Change(
            self.park,
            PackReceipt(gateway=gateway, sequence=sequence, readings=len(columns)),
            packs=(StoredPack(gateway, sequence, applied.late > 0, columns),),
            events=events,
            uplink=self._tell(events) if events else (),
            sources=(source.position,),
            late_readings=applied.late,
        )

    def _follow(self, monitor: Monitor, transitions: Sequence[AlarmTransition]) -> list[EventDraft]:
        return [self._alerts.follow(transition, monitor.subjects[transition.subject]) for transition in transitions]

    def _tell(self, events: Sequence[EventDraft]) -> list[UplinkAlert]:
        """Number what the city is to know."""
        first = self.outbox_number + 1
        self.outbox_number += len(events)
        return [
            UplinkAlert(number=number, transition=event.transition, at_ms=event.at_ms, alert=event.alert)
            for number, event in enumerate(events, first)
        ]

    def acknowledge(self, alert_id: str, acknowledgement: Acknowledgement, now_ms: int) -> Change:
        """An operator has seen an alert.

        Raises:
            PeerError: 404 unknown alert; 409 its state does not allow it (it was acknowledged before); 422 no operator
                is named.
        """
        event = self._alerts.acknowledge(alert_id, acknowledgement, now_ms)
        return Change(self.park, event.alert, events=(event,), uplink=self._tell((event,)))

    def case_id(self, application: CaseApplication) -> str:
        """The id that `open_case` gives: a digest of park, enterprise and request id, 32 hexadecimal characters."""
        return case_id(self.park, application)

    def open_case(self, application: CaseApplication, now_ms: int) -> Change:
        """Open a case. The same request again is an empty change that answers the case as it is now.

        Raises:
            PeerError: 409 the request id was used for something else; 422 unknown matter, wrong form or identity.
        """
        return self._case_change(*self._cases.open(application, now_ms))

    def decide_case(self, case_id: str, decision: CaseDecision, now_ms: int) -> Change:
        """An officer decides a case. The same decision again is an empty change.

        Raises:
            PeerError: 404 unknown case; 409 it was decided otherwise; 422 no officer is named.
        """
        return self._case_change(*self._cases.decide(case_id, decision, now_ms))

    def _case_change(self, case: Case, new: bool) -> Change:
        if not new:
            return Change(self.park, case)
        self.outbox_number += 1
        return Change(self.park, case, cases=(case,), uplink=(UplinkCase(number=self.outbox_number, case=case),))

    def recall_alert(self, alert: Alert) -> None:
        """Take an alert back from the store; does nothing when the node has it."""
        self._alerts.recall(alert)

    def recall_case(self, case: Case) -> None:
        """Take a case back from the store; does nothing when the node has it."""
        self._cases.recall(case)

    def snapshot(self) -> bytes:
        """State of the monitoring core, about 8 bytes a point; empty before points are registered.

        The host commits what the node has returned before, and stores this with the journal position of that commit.
        """
        return b"" if self._monitor is None else self._monitor.snapshot()

    @classmethod
    def restore(cls, park: str, stored: StoredPark) -> Self:
        """A node as the store has it. Then `replay` each pack in the journal after the snapshot's position, in order.

        Raises:
            ValueError: the snapshot belongs to other points or rules.
        """
        node = cls(park, outbox_number=stored.outbox_number)
        node.rules = stored.rules
        if stored.points is not None:
            node._register(stored.points)
        for position in stored.sources:
            node._sources[position.gateway].resume(position)
        for alert in stored.alerts:
            node._alerts.recall(alert)
        for case in stored.cases:
            node._cases.recall(case)
        if stored.snapshot and node._monitor is not None:
            node._monitor.resume(stored.snapshot)
        return node

    def replay(self, pack: StoredPack) -> None:
        """Advance the core by a pack of the journal; emits nothing, since its effects were committed with it."""
        if self._monitor is None:
            raise ValueError("a pack to replay, but no points are registered")
        index = self._sources[pack.gateway].index
        self._monitor.apply(index, self._monitor.check(index, pack.columns, pack.columns.time_ms.max()), pack.sequence)
