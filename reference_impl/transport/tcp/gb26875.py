"""The GB/T 26875.3 edge: fire transmitters. Analogue values become readings, all else becomes events."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from contract.device_events import DeviceEvent
from contract.devices import gb26875
from contract.devices.gb26875 import units
from contract.devices_registry import FirePart, Transmitter
from reference_impl.park.devices import Outcome, Report
from reference_impl.transport.group_commit import wall_ms
from reference_impl.transport.tcp.connection import Link
from reference_impl.transport.tcp.intake import Intake

_SUBSYSTEM: Final = "fire"
_KINDS: Final[dict[type, str]] = {
    units.SystemState: "system-state",
    units.PartState: "part-state",
    units.AnalogueValue: "analogue-value",
    units.Operation: "operation",
    units.SoftwareVersion: "software-version",
    units.SystemConfiguration: "system-configuration",
    units.PartConfiguration: "part-configuration",
    units.SystemTime: "system-time",
    units.TransmitterState: "transmitter-state",
    units.TransmitterOperation: "transmitter-operation",
    units.TransmitterVersion: "transmitter-version",
    units.TransmitterConfiguration: "transmitter-configuration",
    units.TransmitterTime: "transmitter-time",
}
_STATES: Final = ("system-state", "part-state", "transmitter-state")
_REPLIES: Final = (gb26875.Command.CONFIRM, gb26875.Command.ANSWER, gb26875.Command.DENY)

Fields = dict[str, str | int | float | bool]


class _Head(NamedTuple):
    """What the objects of a frame share."""

    transmitter: Transmitter
    identity: str
    time: gb26875.Clock


class FireEdge:
    """What a monitoring centre makes of what transmitters send; for all connections."""

    name = "gb26875"

    def __init__(self, intake: Intake, clock_ms: Callable[[], int] = wall_ms) -> None:
        self.deviations = gb26875.Deviations()
        self._intake = intake
        self._clock_ms = clock_ms
        # What was stored is known by the park's own durable memory, not by the responder's: it remembers nothing.
        self._responder = gb26875.Responder(self.deviations, remembered=0)

    def framer(self) -> gb26875.Framer:
        """A framer for a new connection."""
        return gb26875.Framer(self.deviations)

    def take(self, came: gb26875.Frame | gb26875.Fault, link: Link) -> None:
        """Use a frame; a damaged one is denied where its head is there to answer to (6.5)."""
        now_ms = self._clock_ms()
        registered = None if isinstance(came, gb26875.Fault) else self._intake.transmitter(came.source)
        if isinstance(came, gb26875.Frame) and registered is None:
            if came.command not in _REPLIES:
                link.send(_deny(came, now_ms))
            link.offend("unknown-transmitter")
            return
        received = self._responder.receive(came, now_ms)
        answers = b"".join(answer.to_bytes() for answer in received.answers)
        if isinstance(came, gb26875.Fault) or registered is None:
            link.send(answers)
        elif received.verdict == "denied":
            link.send(answers)
            link.offend("malformed")
        elif received.verdict == "new":
            self._use(came, received, registered, link)
        else:
            link.send(answers)
            link.good(received.verdict)

    def _use(
        self, frame: gb26875.Frame, received: gb26875.Received, registered: tuple[str, Transmitter], link: Link
    ) -> None:
        park, transmitter = registered
        try:
            report = report_of(frame, received.objects, transmitter)
        except gb26875.ProtocolError:
            link.send(_deny(frame, self._clock_ms()))
            link.offend("malformed")
            return

        def answer(outcome: Outcome) -> bytes:
            now_ms = self._clock_ms()
            if outcome == "refused":
                return _deny(frame, now_ms)
            return gb26875.reply(frame, gb26875.Command.CONFIRM, now_ms).to_bytes()

        link.report((park, transmitter.gateway), report, answer)


def _deny(frame: gb26875.Frame, now_ms: int) -> bytes:
    return gb26875.reply(frame, gb26875.Command.DENY, now_ms).to_bytes()


def report_of(frame: gb26875.Frame, objects: Sequence[gb26875.Object], transmitter: Transmitter) -> Report:
    """What a frame tells the park: readings of listed parts' analogue values, an event for each other object.

    Raises:
        ProtocolError: a time label that is no time.
    """
    digest = hashlib.blake2b(frame.unit, digest_size=8).hexdigest()
    device, key = f"gb26875/{transmitter.address:012x}", f"{frame.serial:04x}/{digest}"
    head = _Head(transmitter, f"{device}/{key}", frame.time)
    parts = {part.key: part for part in transmitter.parts}
    readings: list[tuple[str, int, float]] = []
    events: list[DeviceEvent] = []
    for place, one in enumerate(objects):
        part = _part(one, parts)
        reading = _reading(one, part) if isinstance(one, units.AnalogueValue) else None
        if reading is None:
            events.append(_event(one, part, head, place))
        else:
            readings.append(reading)
    return Report(device, key, readings, events)


def _part(one: gb26875.Object, parts: dict[tuple[int, int, int], FirePart]) -> FirePart | None:
    if isinstance(one, units.PartState | units.AnalogueValue | units.PartConfiguration):
        return parts.get((one.system_type, one.system_address, one.part_address))
    return None


def _reading(value: units.AnalogueValue, part: FirePart | None) -> tuple[str, int, float] | None:
    """In the unit of the standard's table 5; None for a value that belongs to no point."""
    point = None if part is None else part.points.get(str(value.analogue_type))
    return None if point is None else (point, value.time.time_ms(), gb26875.quantity(value)[0])


def _event(one: gb26875.Object, part: FirePart | None, head: _Head, place: int) -> DeviceEvent:
    kind = _KINDS.get(type(one), "other")
    told = getattr(one, "time", None)
    where = head.transmitter if part is None else part
    return DeviceEvent(
        event_id=f"{head.identity}/{place}",
        at_ms=(told if isinstance(told, gb26875.Clock) else head.time).time_ms(),
        subsystem=_SUBSYSTEM,
        zone=where.zone,
        device=where.device,
        kind=kind,
        traffic="state" if kind in _STATES else "event",
        fields=_fields(one),
    )


def _fields(one: gb26875.Object) -> Fields:
    """Every number and text of an object, and the names of the bits that are set."""
    fields: Fields = {}
    for name in one.__struct_fields__:
        value = getattr(one, name)
        if isinstance(value, bytes):
            fields[name] = value.hex()
        elif isinstance(value, str):
            # Bytes that are no GB 18030 came as lone surrogates, which no JSON can hold.
            fields[name] = value.encode("utf-8", "backslashreplace").decode()
        elif isinstance(value, int):
            fields[name] = value
    names = _bit_names(one)
    return {**fields, "set": ", ".join(names)} if names else fields


def _bit_names(one: gb26875.Object) -> tuple[str, ...]:
    codes = gb26875.codes()
    match one:
        case units.SystemState():
            return gb26875.bit_names(one.state, codes.system_bits)
        case units.PartState():
            return gb26875.bit_names(one.state, codes.part_bits)
        case units.TransmitterState():
            return gb26875.bit_names(one.state, codes.transmitter_bits)
        case units.Operation() | units.TransmitterOperation():
            return gb26875.bit_names(one.operation, codes.operation_bits)
        case _:
            return ()
