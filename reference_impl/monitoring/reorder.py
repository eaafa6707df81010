"""Readings of one gateway put back into order of time (SEMANTICS.md: T2 to T5)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.columns import Columns
from reference_impl.monitoring.slots import NEVER_MS

_DTYPES = (np.int32, np.int64, np.float64)


class Released(NamedTuple):
    """Readings whose time has come.

    Attributes:
        parts: their columns; in order of time within each, and from each to the next.
        watermark_ms: up to here the gateway's readings are complete, `NEVER_MS` when nothing is known.
    """

    parts: Sequence[Columns]
    watermark_ms: int


class _Pack(NamedTuple):
    """What is left of a pack, maybe nothing; `newest_ms` is the time of its last reading."""

    number: int
    columns: Columns
    newest_ms: int


class ReorderState(msgspec.Struct, array_like=True, frozen=True):
    """For a snapshot: readings are bytes of the three columns."""

    next_number: int
    newest_ms: int
    complete_ms: int
    packs: list[tuple[int, int, bytes, bytes, bytes]]


class Reorder:
    """The waiting readings of one gateway.

    Args:
        lateness_ms: how long a reading waits for others that it may have overtaken.
    """

    __slots__ = ("_complete_ms", "_lateness_ms", "_newest_ms", "_next_number", "_packs")

    def __init__(self, lateness_ms: int) -> None:
        self._lateness_ms = lateness_ms
        self._next_number = 1
        self._newest_ms = NEVER_MS
        self._complete_ms = NEVER_MS
        self._packs: list[_Pack] = []  # those that wait, or stand behind a gap, in order of number

    def take(self, columns: Columns, number: int | None) -> Released:
        """Take a pack that was not taken before.

        Args:
            columns: its readings in order of time, at least one.
            number: its number, None when the gateway does not number its packs.
        """
        newest_ms = int(columns.time_ms[-1])
        self._newest_ms = max(self._newest_ms, newest_ms)
        if number == self._next_number and not self._packs:
            self._next_number += 1
            self._complete_ms = max(self._complete_ms, newest_ms)
            return Released((columns,), max(self._complete_ms, self._by_lateness_ms))
        if number is None:
            self._packs.append(_Pack(0, columns, newest_ms))
        else:
            self._packs.append(_Pack(number, columns, newest_ms))
            self._packs.sort(key=lambda pack: pack.number)
            self._count_on(self._by_lateness_ms)
        return self._release(max(self._complete_ms, self._by_lateness_ms))

    def finish(self) -> Released:
        """The source has ended: release everything."""
        return self._release(self._newest_ms)

    @property
    def _by_lateness_ms(self) -> int:
        return NEVER_MS if self._newest_ms == NEVER_MS else self._newest_ms - self._lateness_ms - 1

    def _count_on(self, by_lateness_ms: int) -> None:
        """Move the next number on, over gaps that are given up (T5), and see how far the packs are complete (T3)."""
        behind_gap = [pack.number for pack in self._packs if pack.newest_ms <= by_lateness_ms]
        self._next_number = max(self._next_number, max(behind_gap, default=0) + 1)
        for pack in self._packs:
            if pack.number == self._next_number:
                self._next_number += 1
            if pack.number < self._next_number:
                self._complete_ms = max(self._complete_ms, pack.newest_ms)

    def _release(self, watermark_ms: int) -> Released:
        parts, left = [], []
        for pack in self._packs:
            ready = int(np.searchsorted(pack.columns.time_ms, watermark_ms, side="right"))
            if ready > 0:
                parts.append(_cut(pack.columns, slice(None, ready)))
            if ready < len(pack.columns) or pack.number > self._next_number:
                left.append(pack._replace(columns=_cut(pack.columns, slice(ready, None))))
        self._packs = left
        return Released(_in_order(parts), watermark_ms)

    def state(self) -> ReorderState:
        """For a snapshot."""
        packs = [
            (p.number, p.newest_ms, *(np.ascontiguousarray(column).tobytes() for column in p.columns))
            for p in self._packs
        ]
        return ReorderState(self._next_number, self._newest_ms, self._complete_ms, packs)  # type: ignore[arg-type]  # three columns

    @classmethod
    def of(cls, state: ReorderState, lateness_ms: int) -> Self:
        """As it was at a snapshot."""
        new = cls(lateness_ms)
        new._next_number, new._newest_ms, new._complete_ms = state.next_number, state.newest_ms, state.complete_ms
        for number, newest_ms, *columns in state.packs:
            arrays = Columns(*(np.frombuffer(part, dtype).copy() for part, dtype in zip(columns, _DTYPES, strict=True)))
            new._packs.append(_Pack(number, arrays, newest_ms))
        return new


def _in_order(parts: list[Columns]) -> Sequence[Columns]:
    """The same readings, in order of time from part to part; of equal times the former part's come first."""
    if all(one.time_ms[-1] <= other.time_ms[0] for one, other in pairwise(parts)):
        return parts
    whole = Columns(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    order = np.argsort(whole.time_ms, kind="stable")
    return (_cut(whole, order),)


def _cut(columns: Columns, places: slice | NDArray[np.intp]) -> Columns:
    return Columns(columns.point[places], columns.time_ms[places], columns.value[places])
