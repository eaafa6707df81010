"""The HJ 212 edge: environment loggers. Data become readings, what else a logger tells becomes events."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from contract.device_events import DeviceEvent
from contract.devices import hj212
from contract.devices_registry import Logger
from reference_impl.park.devices import Outcome, Report
from reference_impl.transport.group_commit import wall_ms
from reference_impl.transport.tcp.connection import Link
from reference_impl.transport.tcp.intake import Intake

REFUSED, WRONG_PASSWORD, WRONG_MN, WRONG_QN, WRONG_CN = 2, 3, 4, 7, 8  # QnRtn, HJ 212-2017 table 7 [V]
_REFUSALS: Final[Mapping[str, int]] = {"unknown-logger": WRONG_MN, "wrong-password": WRONG_PASSWORD, "stale": WRONG_QN}
_NOTICES: Final = ("1013",)
_NORMAL: Final = ("", "N")  # table 8; edition 2005 has no flag
_SUBSYSTEM: Final = "env"


class Passwords(Mapping[str, str]):
    """PW by MN, of the loggers that are registered at the moment."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def __getitem__(self, mn: str) -> str:
        found = self._intake.logger(mn)
        if found is None:
            raise KeyError(mn)
        return found[1].password

    def __iter__(self) -> Iterator[str]:
        return self._intake.loggers()

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Hj212Edge:
    """What a platform makes of what loggers send; for all connections.

    A refusal is answered by 9011 with its QnRtn where the frame asks for an answer. The standard has QnRtn for answers
    to requests only; to answer an upload with it is this platform's choice [A], better than silence, which makes the
    logger send the same again and give the link up.
    """

    name = "hj212"

    def __init__(
        self, intake: Intake, freshness: hj212.Freshness | None = None, clock_ms: Callable[[], int] = wall_ms
    ) -> None:
        self.deviations = hj212.Deviations()
        self._intake = intake
        self._clock_ms = clock_ms
        # What was stored is known by the park's own durable memory, not by the receiver's: it remembers nothing.
        self._receiver = hj212.Receiver(passwords=Passwords(intake), freshness=freshness, remembered=0)

    def framer(self) -> hj212.Framer:
        """A framer for a new connection."""
        return hj212.Framer(self.deviations)

    def take(self, came: hj212.Frame | hj212.Fault, link: Link) -> None:
        """Use a frame."""
        if isinstance(came, hj212.Fault):
            return
        try:
            segment = hj212.parse(came, self.deviations)
        except hj212.ProtocolError:
            link.offend("malformed")
            return
        received = self._receiver.receive(segment, self._clock_ms())
        if received.verdict in _REFUSALS:
            link.send(_refusal(segment, _REFUSALS[received.verdict]))
            link.offend(received.verdict)
        elif received.verdict == "answer":
            link.good(received.verdict)
        else:
            self._use(segment, link)

    def _use(self, segment: hj212.Segment, link: Link) -> None:
        registered = self._intake.logger(segment.mn)
        try:
            message = hj212.decode(segment, self.deviations)
        except hj212.ProtocolError:
            link.send(_refusal(segment, REFUSED))
            link.offend("malformed")
            return
        if isinstance(message, hj212.Heartbeat) or segment.cn in _NOTICES:
            link.send(_answer(segment))
            link.good("notice")
        elif registered is None or isinstance(message, hj212.General):
            link.send(_refusal(segment, REFUSED if segment.ciphertext else WRONG_CN))
            link.offend("unsupported")
        else:
            park, logger = registered
            report = report_of(segment, message, logger)
            link.report((park, logger.gateway), report, lambda outcome: _answer_to(segment, outcome))


def report_of(segment: hj212.Segment, message: hj212.Message, logger: Logger) -> Report:
    """What a segment tells the park.

    A factor's value goes to the point that the logger's list has for `CODE@CADENCE` (such as `w01018@minute`), else for
    `CODE`. A value with a flag other than N is no reading: it becomes an event `data-flag` of the point's device.
    """
    key = exchange_key(segment)
    device = f"hj212/{logger.mn}"
    if isinstance(message, hj212.Data):
        points = _points(message, logger)
        readings = [one[:3] for one in hj212.readings(message, points) if one.flag in _NORMAL]
        flagged = [one for one in message.measured if one.flag not in _NORMAL and one.code in points]
        events = [_flag_event(f"{device}/{key}", message, one, points[one.code]) for one in flagged]
        return Report(device, key, readings, events)
    kind, at_ms, fields = _told(message)
    event = DeviceEvent(
        event_id=f"{device}/{key}",
        at_ms=at_ms,
        subsystem=_SUBSYSTEM,
        zone=logger.zone,
        device=logger.device,
        kind=kind,
        traffic="state" if kind == "facility-state" else "event",
        fields=fields,
    )
    return Report(device, key, events=[event])


def exchange_key(segment: hj212.Segment) -> str:
    """Under which a segment is known again: QN, CN and number of the packet; without a QN its contents."""
    if segment.qn:
        return f"{segment.qn}/{segment.cn}/{segment.pno}"
    digest = hashlib.blake2b(repr(segment.items).encode(), digest_size=8).hexdigest()
    return f"{digest}/{segment.cn}/{segment.pno}"


def _points(data: hj212.Data, logger: Logger) -> dict[str, str]:
    factors = logger.factors
    found = {one.code: factors.get(f"{one.code}@{data.cadence}") or factors.get(one.code) for one in data.measured}
    return {code: point for code, point in found.items() if point is not None}


def _flag_event(identity: str, data: hj212.Data, one: hj212.Measured, point: str) -> DeviceEvent:
    _, zone, device, *_ = [*point.split("/"), "", ""]
    fields: dict[str, str | int | float | bool] = {"flag": one.flag, "factor": one.code, "cadence": data.cadence}
    return DeviceEvent(
        event_id=f"{identity}/{one.code}",
        at_ms=data.time_ms if one.sample_ms is None else one.sample_ms,
        subsystem=_SUBSYSTEM,
        zone=zone or point,
        device=device or point,
        kind="data-flag",
        traffic="event",
        fields={**fields, "point": point, **one.values},
    )


def _told(message: hj212.Message) -> tuple[str, int, dict[str, str | int | float | bool]]:
    match message:
        case hj212.FacilityState():
            return "facility-state", message.time_ms, {f"SB{n}": state for n, state in message.states.items()}
        case hj212.FacilityHours():
            return "facility-hours", message.time_ms, {f"SB{n}": hours for n, hours in message.hours.items()}
        case hj212.StartUp():
            return "logger-start", message.time_ms, {"restart_ms": message.restart_ms}
        case _:
            raise TypeError(f"expected what a logger reports by itself, found {message!r}")


def _answer_to(segment: hj212.Segment, outcome: Outcome) -> bytes:
    return _refusal(segment, REFUSED) if outcome == "refused" else _answer(segment)


def _answer(segment: hj212.Segment) -> bytes:
    """9014 or 9013, if the segment asks for it."""
    return hj212.answer_to(segment).to_frame() if segment.answer_wanted and segment.qn else b""


def _refusal(segment: hj212.Segment, code: int) -> bytes:
    """9011 with a QnRtn, if the segment asks for an answer."""
    return hj212.request_answer(segment, code).to_frame() if segment.answer_wanted and segment.qn else b""
