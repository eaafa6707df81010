"""Framing by a length field in a stream that may be damaged: nothing intact behind damage is lost."""

from abc import ABC, abstractmethod
from typing import ClassVar, Final, Generic, TypeVar

from contract.devices.fault import EXCERPT_BYTES, Deviations, Fault, FaultKind

F = TypeVar("F")
MORE: Final = 0
NONE: Final = -1


class StreamFramer(ABC, Generic[F]):
    """Cuts a stream into frames. What it gives does not depend on how the stream is cut into chunks.

    A start and its length field claim a region. When the region is there it either holds a frame or is a fault, and the
    search goes on one byte behind its start, so what lies in it is looked at again. A damaged length may claim far too
    much; therefore a whole frame that is found inside a claim refutes the claim at
    once (`_refutes` says which may). Where nothing more comes, `abandon` gives the claim up.

    At most one claim is held: memory is bounded by the largest claim and one chunk.

    Attributes:
        deviations: what was tolerated.
        frames, faults: how many were given out.
        skipped_bytes: that belong to no frame, including those not yet reported.
    """

    start: ClassVar[bytes]

    def __init__(self, deviations: Deviations | None = None) -> None:
        self.deviations = Deviations() if deviations is None else deviations
        self.frames = 0
        self.faults = 0
        self.skipped_bytes = 0
        self._rest = b""
        self._rest_offset = 0
        self._seen = 0
        self._noise: Fault | None = None

    @property
    def held_bytes(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[F | Fault]:
        """Frames and faults that these bytes complete, in the order of the stream."""
        buffer = self._rest + data if self._rest else bytes(data)
        return self._scan(buffer, is_last=False)

    def abandon(self) -> list[F | Fault]:
        """Give up what waits: the connection closed, or nothing came within the time allowed between two bytes.

        What waits is looked at again for frames inside it, and a fault tells what was none. The framer can go on.
        """
        found = self._scan(self._rest, is_last=True)
        self._tell_noise(found)
        return found

    @abstractmethod
    def _end(self, buffer: bytes, at: int) -> int:
        """Where the frame starting at `at` ends; MORE where that cannot be said yet, NONE where none starts."""

    @abstractmethod
    def _read(self, buffer: bytes, at: int, end: int) -> tuple[F, int] | FaultKind:
        """The frame of a claim that is all there and where it really ended, or what is wrong with it."""

    @abstractmethod
    def _refutes(self, buffer: bytes, claim: tuple[int, int], at: int, end: int) -> bool:
        """Whether a frame beyond doubt stands from `at` to `end` and proves the claim around it wrong."""

    def _read_cut(self, buffer: bytes, at: int) -> tuple[F, int] | None:  # noqa: ARG002 - for those that can
        """A frame that can be used although its last bytes never came."""
        return None

    def _is_harmless(self, noise: bytes) -> bool:  # noqa: ARG002 - for those that know such
        """Whether bytes between frames are no fault but a known habit."""
        return False

    def _scan(self, buffer: bytes, *, is_last: bool) -> list[F | Fault]:
        found: list[F | Fault] = []
        at = 0
        while True:
            place = buffer.find(self.start, at)
            if place != at:
                at = self._pass_noise(buffer, at, place, is_last=is_last)
                if place < 0:
                    break
            end = self._end(buffer, at)
            if end == NONE:
                self._add_noise(buffer, at, at + 1)
                at += 1
                continue
            after = self._take(buffer, at, end, found, is_last=is_last)
            if after == MORE:
                break
            at = after
        self._seen = len(buffer) - at
        self._rest = buffer[at:]
        self._rest_offset += at
        return found

    def _take(self, buffer: bytes, at: int, end: int, found: list[F | Fault], *, is_last: bool) -> int:
        """Judge the claim at `at`; returns where to go on, MORE for nowhere yet."""
        size = len(buffer)
        if end != MORE:
            inner = self._inner(buffer, at, end)
            if inner:
                return self._tell(buffer, at, self._resume(buffer, at, inner + len(self.start)), "length", found)
            if end <= size:
                read = self._read(buffer, at, end)
                if isinstance(read, tuple):
                    return self._give(read, found)
                return self._tell(buffer, at, self._resume(buffer, at, end), read, found)
        if not is_last:
            return MORE
        cut = self._read_cut(buffer, at)
        if cut:
            return self._give(cut, found)
        return self._tell(buffer, at, self._resume(buffer, at, size), "truncated", found)

    def _inner(self, buffer: bytes, at: int, end: int) -> int:
        """Start of the whole frame that ends first inside a claim, at the latest with it; 0 for none."""
        place = buffer.find(self.start, at + 1, end)
        if place < 0:
            return 0
        seen = self._seen if at == 0 else 0  # what ended before was looked at when it came
        best, best_end, size = 0, end + 1, len(buffer)
        while place > 0:
            stop = self._end(buffer, place)
            if seen < stop < best_end and stop <= size and self._refutes(buffer, (at, end), place, stop):
                best, best_end = place, stop
            place = buffer.find(self.start, place + 1, end)
        return best

    def _resume(self, buffer: bytes, at: int, end: int) -> int:
        """Where a start may stand next behind a claim that failed."""
        place = buffer.find(self.start, at + 1, end)
        if place > 0:
            return place
        half = end - 1
        return half if half > at and buffer[half:end] == self.start[:1] else end

    def _give(self, read: tuple[F, int], found: list[F | Fault]) -> int:
        frame, after = read
        if self._noise is not None:
            self._tell_noise(found)
        self.frames += 1
        found.append(frame)
        return after

    def _tell(self, buffer: bytes, at: int, until: int, kind: FaultKind, found: list[F | Fault]) -> int:
        self._tell_noise(found)
        self.faults += 1
        self.skipped_bytes += until - at
        excerpt = buffer[at : min(until, at + EXCERPT_BYTES)]
        found.append(Fault(kind, self._rest_offset + at, until - at, excerpt))
        return until

    def _pass_noise(self, buffer: bytes, at: int, place: int, *, is_last: bool) -> int:
        """Pass over what comes before the next start, up to a half start at the end of the buffer."""
        until = place
        if place < 0:
            until = len(buffer)
            if not is_last and until > at and buffer[until - 1 :] == self.start[:1]:
                until -= 1
        self._add_noise(buffer, at, until)
        return until

    def _add_noise(self, buffer: bytes, at: int, until: int) -> None:
        if until == at:
            return
        self.skipped_bytes += until - at
        old = self._noise or Fault("noise", self._rest_offset + at, 0, b"")
        excerpt = old.excerpt + buffer[at : min(until, at + EXCERPT_BYTES - len(old.excerpt))]
        self._noise = old._replace(skipped=old.skipped + until - at, excerpt=excerpt)

    def _tell_noise(self, found: list[F | Fault]) -> None:
        noise, self._noise = self._noise, None
        if noise is None:
            return
        if noise.skipped <= len(noise.excerpt) and self._is_harmless(noise.excerpt):
            return
        self.faults += 1
        found.append(noise)
