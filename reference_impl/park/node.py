"""The park node: registry, telemetry, alerts and cases of one park, without I/O."""

from collections.abc import Collection, Mapping, Sequence
from typing import Self

import msgspec
from msgspec.structs import replace

from contract.alarms import AlarmAct, Shelving
from contract.cases import Case, CaseAct, CaseApplication, case_id
from contract.catalogue import matters
from contract.catalogue.procedures import Actor
from contract.columns import Columns
from contract.device_events import DeviceEvent, EventReceipt
from contract.errors import PeerError
from contract.messages import (
    MAX_FUTURE_MS,
    Acknowledgement,
    Alarm,
    Alert,
    PackReceipt,
    PointList,
    UplinkAlert,
    UplinkCase,
    UplinkLinkage,
    UplinkRegisterEntry,
)
from contract.names import NameIndex
from contract.registers import EntryFields, RegisterEntry
from contract.rulebook import check_rules
from contract.rules import RuleSet
from reference_impl.monitoring import Monitor
from reference_impl.park.acts import asked
from reference_impl.park.alarm_states import Act
from reference_impl.park.alerts import AlertBook
from reference_impl.park.cases import CaseBook
from reference_impl.park.change import Change, EventDraft, StoredPack
from reference_impl.park.device_events import check_events
from reference_impl.park.devices import DeviceBook
from reference_impl.park.linkage import Linkage
from reference_impl.park.registers import EntryBook, for_city
from reference_impl.park.registry import Registry, check_points, register
from reference_impl.park.sources import Source
from reference_impl.park.stored import StoredPark as StoredPark  # noqa: PLC0414 - handed on

_NO_NAMES = NameIndex([])


class _Snapshot(msgspec.Struct, array_like=True, frozen=True):
    """State of the core and of the alerts, each as its part wrote it."""

    core: bytes
    alerts: bytes


class ParkNode:
    """One park. Every method either raises `PeerError` and changes nothing, or returns the change to be committed.

    The node is ahead of the store until the change is committed. When a commit fails, throw the node away and restore
    it from the store.

    The node keeps every current alert and a bounded window of recent others, and a bounded window of recent cases; the
    store has them all. Before `acknowledge`, `open_case` or `act_on_case` with an id that is not in `alerts` or
    `cases`, the host looks it up in the store and hands it in with `recall_alert` or `recall_case`.

    Attributes:
        park: its id.
        points: registered points, None before the first registration.
        rules: rules, None before they are first set.
        outbox_number: number of the last uplink entry.
        linkage: its plans at work; what it gives goes through `tell_runs` before it is committed.
    """

    def __init__(self, park: str, *, outbox_number: int = 0) -> None:
        self.park = park
        self.points: PointList | None = None
        self.rules: RuleSet | None = None
        self.outbox_number = outbox_number
        self.devices = DeviceBook()
        self.linkage = Linkage(park)
        self._registry: Registry | None = None
        self._monitor: Monitor | None = None
        self._sources: dict[str, Source] = {}
        self._alerts = AlertBook(park)
        self._entries = EntryBook(park)
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
    def aside(self) -> Collection[Alarm]:
        """Alarms that operators have set aside."""
        return self._alerts.aside.values()

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

    def configure_rules(self, rules: RuleSet, now_ms: int) -> Change:
        """Replace the rules as a whole.

        Rules that did not change keep their state on every point; standing alerts of rules that changed or went are
        cleared at the newest event time of their gateway, and suppression by design is judged anew.

        Args:
            rules: the new rules.
            now_ms: the node's wall time, Unix milliseconds.

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
            events = self._alerts.follow(sorted(gone, key=lambda alarm: alarm.at_ms), now_ms)
            self._monitor = new
            events += self._alerts.configure(rules.rules, new.subjects, now_ms)
        told, snapshot = self._tell(events), self.snapshot()
        change = Change(self.park, rules, events=events, uplink=told, rules=rules, snapshot=snapshot)
        return self._linked(change, now_ms)

    def _register(self, points: PointList) -> None:
        self.points = points
        self._registry = register(self.park, points)
        rules = () if self.rules is None else self.rules.rules
        registry = self._registry
        self._monitor = Monitor(points.points, rules)
        self._alerts.configure(rules, self._monitor.subjects, 0)
        self.linkage.configure(points.points)
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
        events = self._alerts.follow(applied.transitions, now_ms) if applied.transitions else ()
        change = Change(
            self.park,
            PackReceipt(gateway=gateway, sequence=sequence, readings=len(columns)),
            packs=(StoredPack(gateway, sequence, applied.late > 0, columns),),
            events=events,
            uplink=self._tell(events) if events else (),
            sources=(source.position,),
            late_readings=applied.late,
        )
        return self._linked(change, now_ms)

    def next_sequence(self, gateway: str) -> int:
        """Number of a gateway's next pack, for one that does not number its packs itself."""
        return self._sources[gateway].next_sequence

    def take_events(self, events: Sequence[DeviceEvent], now_ms: int) -> Change:
        """Take events of devices, all of them or none; ids that are stored change nothing.

        Raises:
            PeerError: 422 an event is invalid, with its path.
        """
        check_events(events, now_ms)
        return Change(self.park, EventReceipt(events=len(events)), device_events=events)

    def _tell(self, events: Sequence[EventDraft]) -> list[UplinkAlert]:
        """Number what the city is to know."""
        first = self.outbox_number + 1
        self.outbox_number += len(events)
        return [
            UplinkAlert(
                number=number,
                transition=event.transition,
                at_ms=event.at_ms,
                alert=event.alert,
                alarm=event.alarm,
                operator=event.operator,
                comment=event.comment,
            )
            for number, event in enumerate(events, first)
        ]

    def _linked(self, change: Change, now_ms: int) -> Change:
        return self.tell_runs(self.linkage.after(change, now_ms))

    def tell_runs(self, change: Change) -> Change:
        """The change of `linkage`, with its runs told to the city."""
        if not change.runs:
            return change
        told = [UplinkLinkage(number=number, run=run) for number, run in enumerate(change.runs, self.outbox_number + 1)]
        self.outbox_number += len(told)
        return change._replace(uplink=[*change.uplink, *told])

    def acknowledge(self, alert_id: str, acknowledgement: Acknowledgement, now_ms: int) -> Change:
        """An operator has seen an alert.

        Raises:
            PeerError: 404 unknown alert; 409 its state does not allow it (it was acknowledged before); 422 no operator
                is named.
        """
        event = self._alerts.acknowledge(alert_id, acknowledgement, now_ms)
        return Change(self.park, event.alert, events=(event,), uplink=self._tell((event,)))

    def act(self, act: Act, request: Shelving | AlarmAct, now_ms: int) -> Change:
        """An operator shelves an alarm, takes it out of service, or takes it back; the change answers the alarm.

        What comes back may be suppressed at once: the alarm is answered in the state that it has in the end.

        Raises:
            PeerError: 404 unknown alarm; 409 its state does not allow it; 422 operator, reason or duration is missing
                or out of range.
        """
        wanted = asked(self.park, act, request, now_ms)
        events = self._alerts.act(act, wanted, now_ms)
        alarm, shown = events[0].alarm, events[-1].alert
        if alarm is not None and shown is not None:
            alarm = replace(alarm, state=shown.state)
        return self._linked(Change(self.park, alarm, events=events, uplink=self._tell(events)), now_ms)

    @property
    def due_ms(self) -> int | None:
        """Wall time at which `tick` may have something to do; None while nothing waits for the clock."""
        due_ms = [each for each in (self._alerts.due_ms, self.linkage.due_ms) if each is not None]
        return min(due_ms, default=None)

    def tick(self, now_ms: int) -> Change:
        """Let the clock do what is due: end shelvings, escalate unanswered alerts, move plans on."""
        events = self._alerts.tick(now_ms)
        return self._linked(Change(self.park, None, events=events, uplink=self._tell(events)), now_ms)

    def case_id(self, application: CaseApplication) -> str:
        """The id that `open_case` gives: a digest of park, enterprise and request id, 32 hexadecimal characters."""
        return case_id(self.park, application.enterprise, application.request_id)

    def open_case(self, application: CaseApplication, now_ms: int) -> Change:
        """Open a case. The same request again is an empty change that answers the case as it is now.

        Raises:
            PeerError: 409 the request id was used for something else; 422 unknown matter, wrong form or identity.
        """
        return self._case_change(*self._cases.open(application, now_ms))

    def act_on_case(self, case_id: str, act: CaseAct, actor: Actor, now_ms: int) -> Change:
        """Somebody does something with a case. The same act again is an empty change.

        Raises:
            PeerError: 403 not for this side; 404 unknown case; 409 its state does not allow it; 422 a fault in the act.
        """
        return self._case_change(*self._cases.act(case_id, act, actor, now_ms))

    def _case_change(self, case: Case, new: bool) -> Change:
        if not new:
            return Change(self.park, case)
        self.outbox_number += 1
        return Change(self.park, case, cases=(case,), uplink=(UplinkCase(number=self.outbox_number, case=case),))

    def put_entry(self, register: str, entry: str, written: EntryFields, now_ms: int) -> Change:
        """Write an entry of a register. The same again is an empty change.

        Raises:
            PeerError: 404 unknown register; 422 wrong fields, wrong id, nobody named.
        """
        made, new = self._entries.put(register, entry, written, now_ms)
        if not new:
            return Change(self.park, made)
        self.outbox_number += 1
        told = UplinkRegisterEntry(number=self.outbox_number, entry=for_city(made))
        return Change(self.park, made, entries=(made,), uplink=(told,))

    def knows_entry(self, register: str, entry: str) -> bool:
        """Does the node remember the entry? If not, the host hands in what the store has."""
        return (register, entry) in self._entries.entries

    def recall_entry(self, entry: RegisterEntry) -> None:
        """Take an entry back from the store; does nothing when the node has it."""
        self._entries.entries.recall((entry.register, entry.entry), entry)

    def recall_alert(self, alert: Alert) -> None:
        """Take an alert back from the store; does nothing when the node has it."""
        self._alerts.recall(alert)

    def recall_case(self, case: Case) -> None:
        """Take a case back from the store; does nothing when the node has it."""
        self._cases.cases.recall(case.case_id, case)

    def snapshot(self) -> bytes:
        """State of the monitoring core and of what alerts leave behind; empty before points are registered.

        The host commits what the node has returned before, and stores this with the journal position of that commit.
        """
        if self._monitor is None:
            return b""
        return msgspec.msgpack.encode(_Snapshot(self._monitor.snapshot(), self._alerts.snapshot()))

    @classmethod
    def restore(cls, park: str, stored: StoredPark) -> Self:
        """A node as the store has it. Then `replay` each pack in the journal after the snapshot's position, in order.

        Raises:
            ValueError: the snapshot belongs to other points or rules.
        """
        node = cls(park, outbox_number=stored.outbox_number)
        node.rules = stored.rules
        node.devices = DeviceBook(stored.devices)
        if stored.points is not None:
            node._register(stored.points)
        for position in stored.sources:
            node._sources[position.gateway].resume(position)
        node._alerts.restore(stored.alerts, stored.aside)
        node.linkage.restore(stored.alerts, stored.linkage)
        for case in stored.cases:
            node._cases.cases.recall(case.case_id, case)
        if stored.snapshot and node._monitor is not None:
            snapshot = msgspec.msgpack.decode(stored.snapshot, type=_Snapshot)
            node._monitor.resume(snapshot.core)
            node._alerts.resume(snapshot.alerts)
        return node

    def replay(self, pack: StoredPack) -> None:
        """Advance the core by a pack of the journal; emits nothing, since its effects were committed with it."""
        if self._monitor is None:
            raise ValueError("a pack to replay, but no points are registered")
        index = self._sources[pack.gateway].index
        columns = self._monitor.check(index, pack.columns, pack.columns.time_ms.max())
        applied = self._monitor.apply(index, columns, pack.sequence)
        self._alerts.remember(applied.transitions)
