"""Pack numbers of a gateway as they come: what is a copy, and what is missing."""

from collections import Counter


class Numbers:
    """The numbers of one gateway; those that came without a hole are one figure, however many."""

    def __init__(self) -> None:
        self._next = 1  # all before it came
        self._ahead: set[int] = set()
        self._again: Counter[int] = Counter()

    def count(self, sequence: int) -> int:
        """How often it came before; from now on once more."""
        if sequence == self._next and not self._ahead:
            self._next += 1
            return 0
        if sequence < self._next or sequence in self._ahead:
            self._again[sequence] += 1
            return self._again[sequence]
        self._ahead.add(sequence)
        while self._next in self._ahead:
            self._ahead.remove(self._next)
            self._next += 1
        return 0

    @property
    def missing(self) -> list[int]:
        """Numbers that did not come although higher ones did."""
        if not self._ahead:
            return []
        return [number for number in range(self._next, max(self._ahead)) if number not in self._ahead]
