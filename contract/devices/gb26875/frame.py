"""GB/T 26875.3 frames: `@@`, control unit, data unit, checksum, `##` (GB/T 26875.3-2011, 6.6)."""

import struct
from enum import IntEnum
from struct import Struct
from typing import ClassVar, Final, NamedTuple

from contract.devices.clock import moment, read_time_ms
from contract.devices.fault import FaultKind, ProtocolError
from contract.devices.gb26875.layout import length_fits
from contract.devices.stream import MORE, NONE, StreamFramer
from contract.errors import HarnessError

UNIT_MAX: Final = 1024
"""Bytes of an application data unit."""

SERIALS: Final = 1 << 16
OVERHEAD_BYTES: Final = 30
MAJOR_VERSION: Final = 1
_HEAD_BYTES: Final = 27
_CONTROL: Final = Struct("<HBB6s6s6sHB")
_ADDRESS_BYTES: Final = 6
_CENTURY: Final = 2000
_YEARS: Final = 100
_END: Final = b"##"


class Command(IntEnum):
    """Table 2. 0 and 7 to 127 are reserved, 128 to 255 are the user's."""

    CONTROL = 1
    SEND = 2
    CONFIRM = 3
    REQUEST = 4
    ANSWER = 5
    DENY = 6


class Clock(NamedTuple):
    """A time label in wire order (8.2.2): local time of China, two digits of the year. Not every label is a time."""

    second: int
    minute: int
    hour: int
    day: int
    month: int
    year: int

    @classmethod
    def at(cls, time_ms: int) -> "Clock":
        """The label of a moment in Unix ms; HarnessError outside the years 2000 to 2099."""
        local = moment(time_ms)
        if not _CENTURY <= local.year < _CENTURY + _YEARS:
            raise HarnessError(f"two digits tell a year from 2000 to 2099, found {local.year}")
        return cls(local.second, local.minute, local.hour, local.day, local.month, local.year - _CENTURY)

    def time_ms(self) -> int:
        """Unix ms; ProtocolError for a label that is no time."""
        if max(self) >= _YEARS:
            raise ProtocolError("time-label", where="time", found=bytes(self).hex(" "), wanted="second to year")
        second, minute, hour, day, month, year = self
        return read_time_ms(f"{_CENTURY + year}{month:02d}{day:02d}{hour:02d}{minute:02d}{second:02d}", "time")


class Frame(NamedTuple):
    """One frame.

    Attributes:
        serial: number of the exchange, 0 to 65535, set by the one who begins it and repeated by the other.
        command: see `Command`; any byte is possible.
        source, destination: addresses, 48 bits.
        time: when it was sent.
        unit: application data unit, empty or at least type and count.
        major, user: version of the protocol and of its user.
    """

    serial: int
    command: int
    source: int
    destination: int
    time: Clock
    unit: bytes = b""
    major: int = MAJOR_VERSION
    user: int = 1

    def to_bytes(self) -> bytes:
        """The frame as it goes over the line.

        Raises:
            HarnessError: the unit is longer than 1024 bytes, or a number does not fit its field.
        """
        if len(self.unit) > UNIT_MAX:
            raise HarnessError(f"a data unit of GB/T 26875.3 holds at most {UNIT_MAX} bytes, found {len(self.unit)}")
        try:
            control = _CONTROL.pack(
                self.serial,
                self.major,
                self.user,
                bytes(self.time),
                self.source.to_bytes(_ADDRESS_BYTES, "little"),
                self.destination.to_bytes(_ADDRESS_BYTES, "little"),
                len(self.unit),
                self.command,
            )
        except (struct.error, ValueError, OverflowError, TypeError) as error:
            raise HarnessError(f"a field of a GB/T 26875.3 frame: {error}") from None
        return b"@@%b%b%c##" % (control, self.unit, sum(control) + sum(self.unit) & 0xFF)


class Framer(StreamFramer[Frame]):
    """Cuts a stream into GB/T 26875.3 frames by their length; `@@` and `##` may stand inside, there is no escaping.

    The checksum is a sum of bytes modulo 256: exchanged bytes and every 256th damage go unnoticed. A frame inside an
    unfinished one refutes it only where it follows a `##`, or where the outer one's type, count and length contradict
    each other, so that a description that somebody typed into a panel does not break a good frame apart.

    Tolerated and counted: `major-version` (not 1).
    """

    start: ClassVar[bytes] = b"@@"

    def _end(self, buffer: bytes, at: int) -> int:
        if len(buffer) < at + _HEAD_BYTES - 1:
            return MORE
        length = buffer[at + 24] | buffer[at + 25] << 8
        return at + OVERHEAD_BYTES + length if length <= UNIT_MAX else NONE

    def _read(self, buffer: bytes, at: int, end: int) -> tuple[Frame, int] | FaultKind:
        if not buffer.startswith(_END, end - 2):
            return "end"
        if sum(buffer[at + 2 : end - 3]) & 0xFF != buffer[end - 3]:
            return "checksum"
        if buffer[at + 4] != MAJOR_VERSION:
            self.deviations.note("major-version", found=str(buffer[at + 4]))
        return read_head(buffer[at : at + _HEAD_BYTES], buffer[at + _HEAD_BYTES : end - 3]), end

    def _refutes(self, buffer: bytes, claim: tuple[int, int], at: int, end: int) -> bool:
        begin, until = claim
        is_doubtful = length_fits(buffer, begin + _HEAD_BYTES, until - 3) is False
        return (
            (is_doubtful or buffer.startswith(_END, at - 2))
            and buffer.startswith(_END, end - 2)
            and sum(buffer[at + 2 : end - 3]) & 0xFF == buffer[end - 3]
            and length_fits(buffer, at + _HEAD_BYTES, end - 3) is not False
        )


def read_head(head: bytes, unit: bytes = b"") -> Frame:
    """A frame of the first 27 bytes of one, start included, and its unit."""
    serial, major, user, label, source, destination, _, command = _CONTROL.unpack_from(head, 2)
    return Frame(
        serial,
        command,
        int.from_bytes(source, "little"),
        int.from_bytes(destination, "little"),
        Clock(*label),
        unit,
        major,
        user,
    )
