"""From rows of readings to the packs that carried them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.catalogue import ParkPoints
from contract.columns import Columns
from contract.messages import MAX_PACK_READINGS
from sim.recorded.faults import TraceFileError
from sim.recorded.manifest import BARE_PERIOD_MS
from sim.recorded.numbering import Numbers
from sim.recorded.readings import Batch, Coded, Readings
from sim.trace import Pack


class _Rows(NamedTuple):
    """Rows of known parks and points as numbers, all (n,); `park` and `gateway` are places in the register."""

    park: NDArray[np.int32]
    gateway: NDArray[np.int32]
    point: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    due_ms: NDArray[np.int64]
    sequence: NDArray[np.int64]
    copy: NDArray[np.int64]

    def part(self, rows: slice | NDArray[np.intp]) -> "_Rows":
        return _Rows._make(column[rows] for column in self)

    def followed_by(self, rows: "_Rows") -> "_Rows":
        columns: Iterable[tuple[NDArray[Any], NDArray[Any]]] = zip(self, rows, strict=True)
        return _Rows._make(np.concatenate(pair) for pair in columns)


class Register:
    """Which parks, gateways and points there are, and which of them are wanted.

    Args:
        layouts: points of every park that the recording may hold.
        parks: the parks that are wanted.
    """

    def __init__(self, path: object, layouts: Mapping[str, ParkPoints], parks: Sequence[str]) -> None:
        self._path = path
        self.parks = list(layouts)
        self.gateways = sorted({gateway for layout in layouts.values() for gateway in layout.gateways})
        self._wanted = np.isin(self.parks, list(parks))
        self._layouts = layouts
        self._index_of = {park: {name: n for n, name in enumerate(layout.names)} for park, layout in layouts.items()}
        place = {gateway: number for number, gateway in enumerate(self.gateways)}
        self._gateway_of = {
            park: np.array([place[name] for name in layout.gateways], np.int32)[layout.gateway]
            for park, layout in layouts.items()
        }
        self._points_known: tuple[list[str], NDArray[np.int32], NDArray[np.int32]] | None = None

    def rows(self, batch: Batch) -> _Rows:
        """The wanted rows of a batch as numbers.

        Raises:
            TraceFileError: a row names a park, gateway or point that is not there.
        """
        park = self._places(batch, batch.park, self.parks, "a park of this trace")
        gateway = self._places(batch, batch.gateway, self.gateways, "a gateway of the park")
        index_table, gateway_table = self._points(batch.point.texts)
        index = index_table[park, batch.point.codes]
        self._hold(batch, index >= 0, batch.point, "point", "a point of the park (points.parquet)")
        its_gateway = gateway_table[park, batch.point.codes]
        self._hold(batch, its_gateway == gateway, batch.gateway, "gateway", "the gateway where the point is registered")
        unset = np.zeros(len(park), np.int64)
        rows = _Rows(
            park,
            gateway,
            index,
            batch.time_ms,
            batch.value,
            unset if batch.due_ms is None else batch.due_ms,
            unset if batch.sequence is None else batch.sequence,
            unset if batch.copy is None else batch.copy,
        )
        keep = self._wanted[park]
        return rows if keep.all() else rows.part(np.flatnonzero(keep))

    def _places(self, batch: Batch, column: Coded, known: list[str], wanted: str) -> NDArray[np.int32]:
        place = {name: number for number, name in enumerate(known)}
        places = np.array([place.get(text, -1) for text in column.texts], np.int32)[column.codes]
        self._hold(batch, places >= 0, column, wanted.split(" ")[1], wanted)
        return places

    def _points(self, texts: list[str]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """(parks, texts) index of the point in its park, and place of its gateway; -1 for none."""
        if self._points_known is None or self._points_known[0] != texts:
            index = np.array([[known.get(text, -1) for text in texts] for known in self._index_of.values()], np.int32)
            gateways = (self._gateway_of[park][row] for park, row in zip(self.parks, index, strict=True))
            gateway = np.where(index < 0, -1, np.stack(list(gateways)))
            self._points_known = texts, index, gateway
        return self._points_known[1:]

    def _hold(self, batch: Batch, good: NDArray[np.bool_], column: Coded, name: str, wanted: str) -> None:
        if not good.all():
            row = int(np.argmin(good))
            where = f"{self._path}: row {batch.first_row + row}"
            raise TraceFileError(where, found=f'{name} "{column.texts[column.codes[row]]}"', wanted=wanted)


def packs(readings: Readings, register: Register, missing: Mapping[str, Sequence[int]]) -> Iterator[Pack]:
    """The packs in order of due time.

    Args:
        readings: the table.
        register: what is known and wanted.
        missing: numbers that may be missing, by `park/gateway`.

    Raises:
        TraceFileError: a row is wrong, or the numbers of a gateway have gaps.
    """
    batches = (register.rows(batch) for batch in readings.batches())
    if readings.is_bare:
        yield from _numbered(_by_period(batches), register)
    else:
        yield from _checked(readings, _as_sent(batches), register, missing)


def _as_sent(batches: Iterator[_Rows]) -> Iterator[_Rows]:
    """One block of rows for each pack: rows that follow one another with the same pack's columns."""
    carried: _Rows | None = None
    for rows in batches:
        block = rows if carried is None else carried.followed_by(rows)
        changes = np.zeros(max(0, len(block.park) - 1), np.bool_)
        for column in (block.park, block.gateway, block.sequence, block.copy, block.due_ms):
            changes |= column[1:] != column[:-1]
        starts = [0, *(np.flatnonzero(changes) + 1).tolist()] if len(block.park) else [0]
        for start, end in pairwise(starts):
            yield block.part(slice(start, end))
        carried = block.part(slice(starts[-1], None))
    if carried is not None and len(carried.park):
        yield carried


def _checked(
    readings: Readings, blocks: Iterator[_Rows], register: Register, missing: Mapping[str, Sequence[int]]
) -> Iterator[Pack]:
    """Packs with the numbers that they have."""
    numbers: dict[tuple[int, int], Numbers] = {}
    for block in blocks:
        park, gateway = int(block.park[0]), int(block.gateway[0])
        sequence, copy = int(block.sequence[0]), int(block.copy[0])
        where = f"{readings.path}: {register.parks[park]}/{register.gateways[gateway]}"
        if sequence < 1:
            raise TraceFileError(where, found=f"pack {sequence}", wanted="packs numbered from 1")
        before = numbers.setdefault((park, gateway), Numbers()).count(sequence)
        if copy != before:
            found = f"pack {sequence} as copy {copy}"
            raise TraceFileError(where, found=found, wanted=f"copy {before}: it was sent {before} times before")
        if len(block.park) > MAX_PACK_READINGS:
            found = f"pack {sequence} with {len(block.park)} readings"
            raise TraceFileError(where, found=found, wanted=f"at most {MAX_PACK_READINGS} readings")
        yield _pack(block, register, sequence, int(block.due_ms[0]))
    for (park, gateway), seen in numbers.items():
        name = f"{register.parks[park]}/{register.gateways[gateway]}"
        unexpected = [number for number in seen.missing if number not in missing.get(name, ())]
        if unexpected:
            where, found = f"{readings.path}: {name}", f"no pack {unexpected[0]}"
            raise TraceFileError(where, found=found, wanted="packs numbered 1, 2, ... without gaps")


def _by_period(batches: Iterator[_Rows]) -> Iterator[_Rows]:
    """One block for each gateway and period, in order of its newest reading; long ones are cut."""
    carried: _Rows | None = None
    for rows in batches:
        block = rows if carried is None else carried.followed_by(rows)
        if not len(block.park):
            continue
        period = block.time_ms // BARE_PERIOD_MS
        whole = int(np.searchsorted(period, period[-1]))
        yield from _period_blocks(block.part(slice(0, whole)), period[:whole])
        carried = block.part(slice(whole, None))
    if carried is not None and len(carried.park):
        yield from _period_blocks(carried, carried.time_ms // BARE_PERIOD_MS)


def _period_blocks(rows: _Rows, period: NDArray[np.int64]) -> list[_Rows]:
    if not len(period):
        return []
    order = np.lexsort((rows.gateway, rows.park, period))
    rows, period = rows.part(order), period[order]
    changes = (np.diff(period) != 0) | (np.diff(rows.park) != 0) | (np.diff(rows.gateway) != 0)
    starts = [0, *(np.flatnonzero(changes) + 1).tolist(), len(period)]
    blocks = [
        rows.part(slice(begin, min(begin + MAX_PACK_READINGS, end)))
        for start, end in pairwise(starts)
        for begin in range(start, end, MAX_PACK_READINGS)
    ]
    return sorted(blocks, key=lambda block: int(block.time_ms[-1]))


def _numbered(blocks: Iterator[_Rows], register: Register) -> Iterator[Pack]:
    """Packs with numbers of our own, due when their newest reading was taken."""
    last: dict[tuple[int, int], int] = {}
    for block in blocks:
        gateway = int(block.park[0]), int(block.gateway[0])
        last[gateway] = last.get(gateway, 0) + 1
        yield _pack(block, register, last[gateway], int(block.time_ms[-1]))


def _pack(block: _Rows, register: Register, sequence: int, due_ms: int) -> Pack:
    park, gateway = register.parks[int(block.park[0])], register.gateways[int(block.gateway[0])]
    return Pack(due_ms, park, gateway, sequence, Columns(block.point, block.time_ms, block.value))
