"""A long upload in packets, each a segment of its own with its own QN and length (HJ 212-2017, C.49 and C.50)."""

from typing import Final, NamedTuple

import msgspec

from contract.devices.clock import read_time_ms, write_qn
from contract.devices.fault import ProtocolError
from contract.devices.hj212.segment import DATA_AREA_MAX, IN_PACKETS, Item, Segment, data_area
from contract.errors import HarnessError

_AROUND_BYTES: Final = len("CP=&&&&")
_SETS_MAX: Final = 64
_PACKETS_MAX: Final = 255


def split(segment: Segment, *, data_area_max: int = DATA_AREA_MAX) -> tuple[Segment, ...]:
    """The segment alone where it fits, otherwise packets.

    Each packet repeats the item with DataTime, so it can be read by itself. Their QNs are the segment's and the
    milliseconds after it, as each packet is an exchange of its own.

    Args:
        segment: one that is not in packets yet.
        data_area_max: bytes of `CP=&&…&&`, 950 in the standard.

    Raises:
        HarnessError: one item alone is longer, or there is no QN to number the packets by.
    """
    room = data_area_max - _AROUND_BYTES
    if _size(segment.items) <= room:
        return (segment,)
    shared = segment.items[:1] if segment.items[0][0][0] == "DataTime" else ()
    parts = _parts(segment.items[len(shared) :], room - _size(shared) - len(shared))
    begin_ms = read_time_ms(segment.qn, "QN")
    return tuple(
        msgspec.structs.replace(
            segment,
            qn=write_qn(begin_ms + place),
            flag=segment.flag | IN_PACKETS,
            pnum=len(parts),
            pno=place + 1,
            items=shared + part,
        )
        for place, part in enumerate(parts)
    )


def _size(items: tuple[Item, ...]) -> int:
    return len(data_area(items).encode())


def _parts(items: tuple[Item, ...], room: int) -> list[tuple[Item, ...]]:
    parts: list[tuple[Item, ...]] = []
    part: list[Item] = []
    used = 0
    for item in items:
        size = _size((item,))
        if size > room:
            raise HarnessError(f"an item of {size} bytes does not fit into a packet's {room}: {item[0][0]}")
        if part and used + 1 + size > room:
            parts.append(tuple(part))
            part, used = [], 0
        used += size + (1 if part else 0)
        part.append(item)
    return [*parts, tuple(part)]


class Incomplete(NamedTuple):
    """A set of packets that never became whole.

    Attributes:
        got: the packets that came, by number.
        missing: numbers that did not.
    """

    got: tuple[Segment, ...]
    missing: tuple[int, ...]


class _Set(NamedTuple):
    since_ms: int
    got: dict[int, Segment]


class Joiner:
    """Joins packets of one peer, in any order. Packets of one set agree in MN, ST, CN, number of packets and DataTime.

    At most `sets_max` sets wait; the oldest gives way and is told as incomplete. An upload has at most `packets_max`
    packets.

    Attributes:
        duplicates: packets that came again with the same contents.
    """

    def __init__(self, *, wait_ms: int = 60_000, sets_max: int = _SETS_MAX, packets_max: int = _PACKETS_MAX) -> None:
        self.duplicates = 0
        self._wait_ms = wait_ms
        self._sets_max = sets_max
        self._packets_max = packets_max
        self._sets: dict[tuple[str, ...], _Set] = {}
        self._dropped: list[Incomplete] = []

    def add(self, packet: Segment, now_ms: int) -> Segment | None:
        """The whole upload when this was its last missing packet; a segment that stands alone comes back as it is.

        The whole has the first packet's QN, no PNUM and PNO, and DataTime once.

        Raises:
            ProtocolError: another packet of that number, with other contents, is there already; or the upload has too
                many.
        """
        if packet.pnum <= 1:
            return packet
        if packet.pnum > self._packets_max:
            raise ProtocolError(
                "packet-number", where="PNUM", found=str(packet.pnum), wanted=f"at most {self._packets_max}"
            )
        key = (packet.mn, packet.st, packet.cn, str(packet.pnum), packet.values().get("DataTime", ""))
        held = self._sets.setdefault(key, _Set(now_ms, {}))
        known = held.got.get(packet.pno)
        if known is not None:
            if known.items != packet.items:
                raise ProtocolError("packet-conflict", where="PNO", found=str(packet.pno), wanted="the same contents")
            self.duplicates += 1
            return None
        held.got[packet.pno] = packet
        if len(held.got) == packet.pnum:
            del self._sets[key]
            return _join(held.got)
        if len(self._sets) > self._sets_max:
            self._drop(min(self._sets, key=lambda key: self._sets[key].since_ms))
        return None

    def expire(self, now_ms: int) -> tuple[Incomplete, ...]:
        """Sets given up: those that waited too long, and those that gave way since the last call."""
        for key in [key for key, held in self._sets.items() if now_ms - held.since_ms >= self._wait_ms]:
            self._drop(key)
        dropped, self._dropped = tuple(self._dropped), []
        return dropped

    def _drop(self, key: tuple[str, ...]) -> None:
        got = self._sets.pop(key).got
        first = next(iter(got.values()))
        missing = tuple(number for number in range(1, first.pnum + 1) if number not in got)
        self._dropped.append(Incomplete(tuple(got[number] for number in sorted(got)), missing))


def _join(got: dict[int, Segment]) -> Segment:
    ordered = [got[number] for number in sorted(got)]
    first = ordered[0]
    later = (item for one in ordered[1:] for item in one.items if item[0][0] != "DataTime")
    flag = first.flag & ~IN_PACKETS
    return msgspec.structs.replace(first, flag=flag, pnum=0, pno=0, items=(*first.items, *later))
