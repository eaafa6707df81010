"""The order in which a file's readings come, and which order was meant."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.backtest.readings import Batch
from contract.columns import Columns

BACKLOG_MAX: Final = 1_000_000

Order = Literal["auto", "arrival", "time"]


class Arrival:
    """Watches the order of readings.

    Some exports are no record of what came when: they write one point after the other, or the newest first. Judged as
    they stand, nearly all of their readings would be late. Both can be told from ordinary disorder with certainty.

    Attributes:
        readings: how many there are.
        first_ms, last_ms: the earliest and the latest time.
    """

    def __init__(self) -> None:
        self.readings = 0
        self.first_ms, self.last_ms = np.iinfo(np.int64).max, np.iinfo(np.int64).min
        self._is_seen = np.zeros(1, dtype=np.bool_)
        self._blocks = self._forward = self._backward = 0
        self._former: tuple[int, int] | None = None

    def see(self, batch: Batch) -> None:
        """Take in the next readings, at least one."""
        point, time_ms, _ = batch.columns
        if self._former is not None:
            point = np.concatenate([[self._former[0]], point])
            time_ms = np.concatenate([[self._former[1]], time_ms])
        step_ms = np.diff(time_ms)
        self._blocks += int(np.count_nonzero(np.diff(point))) + (self._former is None)
        self._forward += int(np.count_nonzero(step_ms > 0))
        self._backward += int(np.count_nonzero(step_ms < 0))
        if (most := int(point.max())) >= len(self._is_seen):
            self._is_seen = np.concatenate([self._is_seen, np.zeros(2 * most, dtype=np.bool_)])
        self._is_seen[point] = True
        self.readings += len(batch.columns)
        self.first_ms = min(self.first_ms, int(time_ms.min()))
        self.last_ms = max(self.last_ms, int(time_ms.max()))
        self._former = int(point[-1]), int(time_ms[-1])

    @property
    def is_point_by_point(self) -> bool:
        """Does each point come in one block, in a file that goes back in time?"""
        points = int(np.count_nonzero(self._is_seen))
        return 1 < points == self._blocks < self.readings and self._backward > 0

    @property
    def is_newest_first(self) -> bool:
        """Does time only go back?"""
        return self._backward > 1 and not self._forward

    @property
    def disorder(self) -> str:
        """Why the file is no record of what came when; empty where it may be one."""
        if self.is_newest_first:
            return "newest first"
        return "point by point" if self.is_point_by_point else ""


def packs(batches: Iterable[Batch], lateness_ms: int) -> Iterator[Columns]:
    """Readings in packs, so that what is late does not depend on how the file is cut into batches.

    Within a pack the core puts readings in order, so one that comes more than `lateness_ms` behind the newest must not
    be in a pack with those before it. An unbroken run of such readings is a backlog and one pack, as a gateway sends it
    after a cut (one of a million at most).
    """
    newest_ms = np.iinfo(np.int64).min
    backlog: list[Columns] = []
    for batch in batches:
        columns = batch.columns
        reached_ms = np.maximum(np.maximum.accumulate(columns.time_ms), newest_ms)
        newest_ms = int(reached_ms[-1])
        is_behind = reached_ms - columns.time_ms > lateness_ms
        cuts = np.flatnonzero(is_behind[1:] != is_behind[:-1]) + 1
        parts = [columns] if not len(cuts) else _split(columns, cuts)
        for number, part in enumerate(parts):
            if is_behind[0] == (number % 2 == 0):
                backlog.append(part)
            else:
                yield from _joined(backlog)
                yield part
        if sum(map(len, backlog)) >= BACKLOG_MAX:
            yield from _joined(backlog)
    yield from _joined(backlog)


def _split(columns: Columns, cuts: NDArray[np.intp]) -> list[Columns]:
    return [Columns(*part) for part in zip(*(np.split(column, cuts) for column in columns), strict=True)]


def _joined(backlog: list[Columns]) -> Iterator[Columns]:
    """What has gathered, if anything, as one; afterwards nothing has."""
    if backlog:
        yield Columns(*(np.concatenate(columns) for columns in zip(*backlog, strict=True)))
        backlog.clear()
