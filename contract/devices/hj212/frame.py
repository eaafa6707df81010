"""HJ 212 frames: `##`, four digits of length, data segment, check value, CR LF (HJ 212-2017, 6.3.1)."""

import re
from typing import ClassVar, Final, NamedTuple

from contract.devices.fault import Deviations, FaultKind
from contract.devices.hj212.crc import crc_text
from contract.devices.stream import MORE, NONE, StreamFramer
from contract.errors import HarnessError

SEGMENT_MAX: Final = 1024
"""Bytes of a data segment in the standard (table 2)."""

FIELD_MAX: Final = 9999
"""Bytes that four digits can tell."""

OVERHEAD_BYTES: Final = 12
_TAIL: Final = b"\r\n"
_HEAD_BYTES: Final = 6
_CHECK_BYTES: Final = 4
_BLOCK_BYTES: Final = 16  # of SM4
_PRINTABLE: Final = bytes(range(0x20, 0x7F))
_SECRET_SHARE: Final = 4  # a ciphertext has 5 in 8 bytes that are not printable; one in four is asked for
_MAY_BE_SECRET: Final = re.compile(
    rb"(?=[^&]*;CN=(?:2\d\d\d|1014|3020);)[^&]*;Flag=(?:8|9|10|11);[^&]*CP=&&(.{16,})&&", re.DOTALL
)


class Frame(NamedTuple):
    """One frame whose contents are what was sent, as far as the check value tells.

    Attributes:
        segment: the data segment.
        check: the check value as text; of the plain text where the segment is encrypted.
        is_encrypted: the contents of CP are ciphertext (HJ 212-2025, 6.4). Their check value cannot be checked
            without the key; the frame rests on its length, its end and its field names alone.
    """

    segment: bytes
    check: bytes
    is_encrypted: bool = False

    def to_bytes(self) -> bytes:
        """The frame as it goes over the line."""
        return b"##%04d%b%b\r\n" % (len(self.segment), self.segment, self.check)


def build(segment: bytes, *, segment_max: int = SEGMENT_MAX) -> bytes:
    """The frame around a data segment.

    Raises:
        HarnessError: the segment is longer than `segment_max` bytes; split it (`packets`).
    """
    if len(segment) > segment_max:
        raise HarnessError(f"a data segment of HJ 212 holds at most {segment_max} bytes, found {len(segment)}")
    return b"##%04d%b%b\r\n" % (len(segment), segment, crc_text(segment))


class Framer(StreamFramer[Frame]):
    """Cuts a stream into HJ 212 frames, by their length and never by CR LF, which ciphertext may contain.

    Tolerated and counted: `crc-case` (digits of the check value in lower case), `tail-missing` (no CR LF),
    `line-ends` (more of them between frames).

    Args:
        deviations: counts what is tolerated.
        segment_max: longer claims are no frames. The standard allows 1024; some loggers send more, and four digits
            can tell 9999.
    """

    start: ClassVar[bytes] = b"##"

    def __init__(self, deviations: Deviations | None = None, *, segment_max: int = FIELD_MAX) -> None:
        super().__init__(deviations)
        self._segment_max = segment_max

    def _end(self, buffer: bytes, at: int) -> int:
        digits = buffer[at + 2 : at + _HEAD_BYTES]
        if digits.isdigit() and len(digits) == _CHECK_BYTES:
            length = int(digits)
            return at + OVERHEAD_BYTES + length if length <= self._segment_max else NONE
        return MORE if at + 2 + len(digits) == len(buffer) and (not digits or digits.isdigit()) else NONE

    def _read(self, buffer: bytes, at: int, end: int) -> tuple[Frame, int] | FaultKind:
        segment = buffer[at + _HEAD_BYTES : end - 6]
        check = buffer[end - 6 : end - 2]
        wanted = crc_text(segment)
        has_tail = buffer.startswith(_TAIL, end - 2)
        if check == wanted and has_tail:
            return Frame(segment, wanted), end
        if check.upper() == wanted and (has_tail or segment.endswith(b"&&")):
            return self._tolerate(Frame(segment, wanted), check, end, has_tail=has_tail)
        if not has_tail:
            return "end"
        return (Frame(segment, check, is_encrypted=True), end) if is_secret(segment) else "checksum"

    def _tolerate(self, frame: Frame, check: bytes, end: int, *, has_tail: bool) -> tuple[Frame, int]:
        if check != frame.check:
            self.deviations.note("crc-case")
        if has_tail:
            return frame, end
        self.deviations.note("tail-missing")
        return frame, end - 2

    def _refutes(self, buffer: bytes, claim: tuple[int, int], at: int, end: int) -> bool:  # noqa: ARG002 - of the general face
        """Any whole frame does: a segment in plain text has no CR LF in it."""
        if not buffer.startswith(_TAIL, end - 2):
            return False
        segment = buffer[at + _HEAD_BYTES : end - 6]
        return buffer[end - 6 : end - 2].upper() == crc_text(segment) or is_secret(segment)

    def _read_cut(self, buffer: bytes, at: int) -> tuple[Frame, int] | None:
        """A frame whose CR LF never came."""
        end = self._end(buffer, at)
        if end == MORE or len(buffer) < end - 2:
            return None
        read = self._read(buffer, at, end)
        return (read[0], min(read[1], len(buffer))) if isinstance(read, tuple) else None

    def _is_harmless(self, noise: bytes) -> bool:
        if noise.strip(b"\r\n \x00"):
            return False
        self.deviations.note("line-ends")
        return True


def is_secret(segment: bytes) -> bool:
    """Whether the contents of CP are SM4 ciphertext.

    That is: edition 2025, a command that is encrypted, 16 bytes or more that are no text.
    """
    if b";Flag=" not in segment or not segment.endswith(b"&&"):
        return False
    match = _MAY_BE_SECRET.fullmatch(segment)
    if match is None:
        return False
    whole = len(match[1]) // _BLOCK_BYTES * _BLOCK_BYTES
    blocks = match[1][:whole]
    if len(blocks.translate(None, _PRINTABLE)) * _SECRET_SHARE < whole:
        return False
    try:
        return not blocks.decode().replace("\n", " ").isprintable()
    except UnicodeDecodeError:
        return True
