"""How long readings wait, and when a gateway's watermark reaches them (T3 to T5)."""

import math
from collections.abc import Sequence
from typing import NamedTuple


class Reading(NamedTuple):
    """One value."""

    point: int
    time_ms: int
    value: float


class Waiting:
    """The packs of one gateway on their way to the alarms."""

    def __init__(self, lateness_ms: int) -> None:
        self.lateness_ms = lateness_ms
        self.watermark_ms = -math.inf
        self.newest_ms = -math.inf  # of all readings
        self.complete_ms = -math.inf  # newest time in the packs up to the first missing number
        self.first_missing = 1
        self.packs_behind: dict[int, int] = {}  # newest times of the packs behind it
        self.given_up = 0
        self.stored: set[int] = set()
        self.packs = 0
        self.readings: list[tuple[int, int, int, Reading]] = []  # in their order of release (T4), each with the reading

    def take(self, pack: Sequence[Reading], number: int | None) -> list[Reading]:
        """A pack comes; the readings that need not wait any longer, in order."""
        if number is not None and number in self.stored:  # T9
            return []
        self.packs += 1
        order = self.packs if number is None else number
        self.readings += [(reading.time_ms, order, place, reading) for place, reading in enumerate(pack)]
        newest_ms = max(reading.time_ms for reading in pack)
        self.newest_ms = max(self.newest_ms, newest_ms)
        if number is not None:
            self.stored.add(number)
            self.packs_behind[number] = newest_ms
            self._count_on()
        self.watermark_ms = max(self.watermark_ms, self.by_lateness_ms, self.complete_ms)
        return self._release()

    def finish(self) -> list[Reading]:
        """The source has ended (T11)."""
        self.watermark_ms = self.newest_ms
        return self._release()

    @property
    def by_lateness_ms(self) -> float:
        """Up to here nothing waits, whatever is missing."""
        return self.newest_ms - self.lateness_ms - 1

    def _count_on(self) -> None:
        """Move the first missing number over the packs that are there, and over what is given up (T5)."""
        overtaken = [number for number, newest_ms in self.packs_behind.items() if newest_ms <= self.by_lateness_ms]
        last = max([self.first_missing - 1, *overtaken])
        if last >= self.first_missing:
            numbers = range(self.first_missing, last + 1)
            self.given_up += sum(number not in self.packs_behind for number in numbers)
            self.first_missing = last + 1
        while self.first_missing in self.packs_behind:
            self.first_missing += 1
        for number in [number for number in self.packs_behind if number < self.first_missing]:
            self.complete_ms = max(self.complete_ms, self.packs_behind.pop(number))

    def _release(self) -> list[Reading]:
        self.readings.sort()
        released = [waiting[-1] for waiting in self.readings if waiting[0] <= self.watermark_ms]
        self.readings = self.readings[len(released) :]
        return released
