"""What one call to a park node made true. The store commits one change, or several together, as ONE transaction."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from contract.columns import Columns
from contract.device_events import DeviceEvent, EventReceipt
from contract.devices_registry import DeviceList
from contract.linkage import Command, CommandList, LinkageRun
from contract.messages import Alarm, Alert, Case, PackReceipt, PointList, Transition, UplinkEntry
from contract.registers import RegisterEntry
from contract.rules import RuleSet

LinkageAnswer = Command | CommandList


class StoredPack(NamedTuple):
    """A pack as it came, for the journal.

    Attributes:
        gateway: name of the gateway.
        sequence: number of the pack, counted by the gateway from 1.
        late: at least one reading came too late to take part in the alarm history (see SEMANTICS.md).
        columns: all its readings, late ones included, in order of time.
    """

    gateway: str
    sequence: int
    late: bool
    columns: Columns


class EventDraft(msgspec.Struct, frozen=True, gc=False):
    """A transition before the store has numbered it; see `contract.messages.AlertEvent`.

    Attributes:
        transition: what happened.
        at_ms: event time of the transition, or the node's clock at an operator's act, Unix milliseconds.
        alert: the alert as it is after the transition, if there is one.
        alarm: the alarm that an operator set aside or took back.
        operator, comment: who did it, and what they said.
    """

    transition: Transition
    at_ms: int
    alert: Alert | None
    alarm: Alarm | None = None
    operator: str = ""
    comment: str = ""


class SourcePosition(NamedTuple):
    """Which packs of a gateway are stored: all below `next_sequence` except those in `gaps`.

    Attributes:
        gateway: name of the gateway.
        next_sequence: one more than the highest number stored.
        gaps: missing ranges (first, last), both included, ascending.
    """

    gateway: str
    next_sequence: int
    gaps: tuple[tuple[int, int], ...]


class DeviceMark(NamedTuple):
    """An exchange of a device that is stored, under the key by which its frame is known again.

    Attributes:
        device: identity of the device, with its protocol.
        number: counted for each device from 1.
        key: of the exchange.
    """

    device: str
    number: int
    key: str


class Change(NamedTuple):
    """What one call made true.

    Attributes:
        park: the park.
        response: what the caller is answered once this is durable; None where only the clock called.
        packs: packs for the journal; empty for a duplicate.
        events: transitions in order; the store numbers them and keeps each `alert` as the newest of its id, and each
            `alarm` while it is set aside.
        device_events: events of devices; the store keeps each id once.
        devices: the new list of devices, if it was set.
        device_marks: exchanges of devices that this change stores.
        commands, runs: commands to devices and runs of linkage plans as they are now.
        cases: cases as they are now.
        entries: entries of registers as they are now.
        uplink: entries for the outbox, numbered without gaps by the node.
        sources: positions that moved, replacing the former one of their gateway.
        points: the new list of points, if it was set.
        rules: the new rules, if they were set.
        snapshot: the node's snapshot after this change, present when points or rules were set. The store keeps it with
            the journal position of this very transaction, so that replay never crosses a change of configuration.
        late_readings: readings that were too late for the alarm history.
    """

    park: str
    response: (
        PackReceipt
        | EventReceipt
        | Alert
        | Alarm
        | Case
        | RegisterEntry
        | PointList
        | RuleSet
        | DeviceList
        | LinkageAnswer
        | None
    )
    packs: Sequence[StoredPack] = ()
    events: Sequence[EventDraft] = ()
    device_events: Sequence[DeviceEvent] = ()
    devices: DeviceList | None = None
    device_marks: Sequence[DeviceMark] = ()
    commands: Sequence[Command] = ()
    runs: Sequence[LinkageRun] = ()
    cases: Sequence[Case] = ()
    entries: Sequence[RegisterEntry] = ()
    uplink: Sequence[UplinkEntry] = ()
    sources: Sequence[SourcePosition] = ()
    points: PointList | None = None
    rules: RuleSet | None = None
    snapshot: bytes | None = None
    late_readings: int = 0

    @property
    def empty(self) -> bool:
        """Nothing is to be stored: the response only repeats what is durable already."""
        made = (self.packs, self.events, self.device_events, self.device_marks, self.cases, self.entries, self.sources)
        return not (any(made) or self.commands or self.runs or self.points or self.rules or self.devices)
