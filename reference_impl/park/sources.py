"""Which packs of a gateway are stored: the ground of "exactly once" on the way in."""

from bisect import bisect_left

from contract.errors import PeerError
from reference_impl.park.change import SourcePosition

GAPS_MAX = 1000
SEQUENCE_MAX = 2**62


class Source:
    """One gateway's numbered packs, in whatever order they arrive.

    Attributes:
        gateway: its name.
        index: its index in the monitor.
        next_sequence: one more than the highest number stored.
    """

    __slots__ = ("_gaps", "gateway", "index", "next_sequence")

    def __init__(self, gateway: str, index: int) -> None:
        self.gateway = gateway
        self.index = index
        self.next_sequence = 1
        self._gaps: list[tuple[int, int]] = []  # missing ranges, both ends included, ascending

    def has(self, sequence: int) -> bool:
        """The pack of this number is stored already.

        Raises:
            PeerError: 422 the number is not one that may come: below 1, or it would leave too many gaps.
        """
        if sequence == self.next_sequence:
            return False
        if not 1 <= sequence <= SEQUENCE_MAX:
            raise PeerError(
                "invalid sequence",
                where="Pack-Sequence",
                found=str(sequence),
                wanted=f"a number from 1 to {SEQUENCE_MAX}",
            )
        if sequence < self.next_sequence:
            return self._gap_of(sequence) is None
        if len(self._gaps) >= GAPS_MAX:
            raise PeerError(
                "too many packs are missing",
                where="Pack-Sequence",
                found=f"{sequence} with {GAPS_MAX} gaps before it",
                wanted=f"{self.next_sequence} or a missing number",
            )
        return False

    def take(self, sequence: int) -> None:
        """Count the pack of this number, which `has` has denied, as stored."""
        if sequence >= self.next_sequence:
            if sequence > self.next_sequence:
                self._gaps.append((self.next_sequence, sequence - 1))
            self.next_sequence = sequence + 1
            return
        place = self._gap_of(sequence)
        if place is not None:
            first, last = self._gaps[place]
            left = [(first, sequence - 1)] if first < sequence else []
            right = [(sequence + 1, last)] if sequence < last else []
            self._gaps[place : place + 1] = left + right

    def _gap_of(self, sequence: int) -> int | None:
        place = bisect_left(self._gaps, sequence, key=lambda gap: gap[1])
        if place < len(self._gaps) and self._gaps[place][0] <= sequence:
            return place
        return None

    @property
    def position(self) -> SourcePosition:
        """The position as the store keeps it."""
        return SourcePosition(self.gateway, self.next_sequence, tuple(self._gaps))

    def resume(self, position: SourcePosition) -> None:
        """Take over a position from the store."""
        self.next_sequence = position.next_sequence
        self._gaps = list(position.gaps)
