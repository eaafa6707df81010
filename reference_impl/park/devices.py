"""Devices that speak to the park over their own protocols: who they are, what they have told, what that becomes."""

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from contract.columns import Columns
from contract.device_events import DeviceEvent
from contract.devices_registry import DeviceList, Logger, Transmitter, check_devices, mapped
from contract.errors import PeerError
from contract.messages import MAX_FUTURE_MS
from reference_impl.park.change import Change, DeviceMark
from reference_impl.park.device_events import check_events

if TYPE_CHECKING:
    from reference_impl.park.node import ParkNode

REMEMBERED = 128  # newest exchanges of each device; a device waits for an answer, so one or a few can come again

Outcome = Literal["stored", "duplicate", "refused", "nothing"]


class StoredDevices(NamedTuple):
    """What the store holds: the list, and the remembered exchanges of each device in the order of their number."""

    listing: DeviceList = DeviceList()
    marks: Iterable[DeviceMark] = ()


class Report(NamedTuple):
    """What one frame of a device told.

    Attributes:
        device: identity of the device, with its protocol.
        key: under which the frame is known again; "" for one that cannot be.
        readings: (point, Unix ms, value).
        events: with ids that are the same whenever the frame comes.
    """

    device: str
    key: str
    readings: Sequence[tuple[str, int, float]] = ()
    events: Sequence[DeviceEvent] = ()


class DeviceBook:
    """The devices of a park, and which of their exchanges are stored.

    Attributes:
        listing: as registered.
        loggers: by MN.
        transmitters: by address.
    """

    def __init__(self, stored: StoredDevices | None = None) -> None:
        stored = stored or StoredDevices()
        self.register(stored.listing)
        self._known: dict[str, OrderedDict[str, int]] = {}
        self._place_of: dict[tuple[str, str], int | None] = {}
        self._places_in: Mapping[str, int] | None = None
        for mark in stored.marks:
            self._known.setdefault(mark.device, OrderedDict())[mark.key] = mark.number

    def register(self, listing: DeviceList) -> None:
        """Replace the list."""
        self.listing = listing
        self.loggers: Mapping[str, Logger] = {each.mn: each for each in listing.loggers}
        self.transmitters: Mapping[int, Transmitter] = {each.address: each for each in listing.transmitters}

    def knows(self, device: str, key: str) -> bool:
        """Is this exchange stored?"""
        return key in self._known.get(device, ())

    def remember(self, device: str, key: str) -> DeviceMark:
        """Note an exchange as stored; the oldest one of the device gives way."""
        known = self._known.setdefault(device, OrderedDict())
        number = 1 + (known[next(reversed(known))] if known else 0)
        known[key] = number
        if len(known) > REMEMBERED:
            known.popitem(last=False)
        return DeviceMark(device, number, key)

    def place(self, node: "ParkNode", gateway: str, point: str) -> int | None:
        """Index of a point, if it is one of the gateway's."""
        if self._places_in is not node.index:
            self._places_in = node.index
            self._place_of.clear()
        asked = (gateway, point)
        if asked not in self._place_of:
            place = node.index.get(f"{node.park}/{point}")
            is_here = place is not None and node.points is not None and node.points.points[place].gateway == gateway
            self._place_of[asked] = place if is_here else None
        return self._place_of[asked]


def configure_devices(node: "ParkNode", devices: DeviceList, others: Iterable["ParkNode"] = ()) -> Change:
    """Register the devices of a park. The same list again is an empty change.

    Args:
        node: the park.
        devices: its new list.
        others: the other parks of the same host, whose devices come in at the same ports.

    Raises:
        PeerError: 409 a device belongs to another park; 422 the list is invalid, or a point is not registered or has
            another gateway.
    """
    if devices == node.devices.listing:
        return Change(node.park, devices)
    check_devices(devices)
    for where, point, gateway in mapped(devices):
        place = node.index.get(f"{node.park}/{point}")
        if place is None or node.points is None:
            raise PeerError("unknown point", where=where, found=repr(point), wanted="a registered point")
        owner = node.points.points[place].gateway
        if owner != gateway:
            wanted = f"a point of gateway {gateway!r}"
            raise PeerError("point of another gateway", where=where, found=f"{point!r} of {owner!r}", wanted=wanted)
    for other in others:
        _check_free(devices, other)
    node.devices.register(devices)
    return Change(node.park, devices, devices=devices)


def _check_free(devices: DeviceList, other: "ParkNode") -> None:
    known = other.devices
    taken = [(f"loggers[{n}].mn", repr(one.mn)) for n, one in enumerate(devices.loggers) if one.mn in known.loggers]
    taken += [
        (f"transmitters[{n}].address", str(one.address))
        for n, one in enumerate(devices.transmitters)
        if one.address in known.transmitters
    ]
    for where, found in taken:
        wanted = f"a device that is not registered in park {other.park!r}"
        raise PeerError("device of another park", status=409, where=where, found=found, wanted=wanted)


def take_reports(
    node: "ParkNode", gateway: str, reports: Sequence[Report], now_ms: int
) -> tuple[Change, list[Outcome]]:
    """Take what devices of one gateway told: their readings as one pack, numbered here, and their events.

    Each report is taken whole or not at all. One that is stored already is `duplicate`. One is `refused` that names a
    point which is not the gateway's, a time more than `MAX_FUTURE_MS` ahead or before 1970, a value that is not finite,
    or an event that is invalid; the others are taken all the same. One that tells nothing for this park is `nothing`.

    Returns:
        The change, empty where nothing is new, and the outcome of each report.
    """
    book = node.devices
    outcomes: list[Outcome] = []
    readings: list[tuple[int, int, float]] = []
    events: list[DeviceEvent] = []
    fresh: OrderedDict[tuple[str, str], None] = OrderedDict()
    for report in reports:
        identity = report.device, report.key
        if report.key and (identity in fresh or book.knows(*identity)):
            outcomes.append("duplicate")
        elif not (report.readings or report.events):
            outcomes.append("nothing")
        elif (taken := _taken(node, gateway, report, now_ms)) is None:
            outcomes.append("refused")
        else:
            outcomes.append("stored")
            readings += taken
            events += report.events
            if report.key:
                fresh[identity] = None
    change = Change(node.park, None)
    if readings:
        change = node.ingest(gateway, node.next_sequence(gateway), _columns(readings), now_ms)
    marks = [book.remember(*identity) for identity in fresh]
    return change._replace(response=None, device_events=events, device_marks=marks), outcomes


def _taken(node: "ParkNode", gateway: str, report: Report, now_ms: int) -> list[tuple[int, int, float]] | None:
    """The readings by index of their point; None where the report cannot be taken."""
    latest_ms = now_ms + MAX_FUTURE_MS
    found = []
    for point, time_ms, value in report.readings:
        place = node.devices.place(node, gateway, point)
        if place is None or not 0 <= time_ms <= latest_ms or not math.isfinite(value):
            return None
        found.append((place, time_ms, value))
    if report.events:
        try:
            check_events(report.events, now_ms)
        except PeerError:
            return None
    return found


def _columns(readings: Sequence[tuple[int, int, float]]) -> Columns:
    places, times_ms, values = zip(*readings, strict=True)
    return Columns(np.array(places, np.int32), np.array(times_ms, np.int64), np.array(values, np.float64))
