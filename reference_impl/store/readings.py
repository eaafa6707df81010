"""Stored readings, wherever they are: most in DuckDB, the newest still in the journal, each of them exactly once.

The journal is looked at first and the state seen is held. Whatever DuckDB then has, up to its position, is taken from
DuckDB; what follows that position is in the journal's state, because only what was in DuckDB is ever trimmed.
"""

import sqlite3
from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from contract.columns import Columns
from contract.errors import PeerError
from reference_impl.park.change import StoredPack
from reference_impl.store.journal import JournalRow, decode_row
from reference_impl.store.park_store import ParkStore
from reference_impl.store.telemetry import Sequenced

Choice = NDArray[np.bool_] | NDArray[np.intp] | slice
READ_BACK_MAX = 4_000_000  # readings of one answer


def packs_of(store: ParkStore, park: str, gateway: str, first: int, last: int) -> Sequenced:
    """Readings of a gateway's packs `first` to `last`, in order of sequence and, within a pack, as they came.

    Raises:
        PeerError: 400 there are more than one answer may carry.
    """
    with store.database.reading() as reader:
        filled, stored = store.telemetry.packs(park, gateway, first, last, READ_BACK_MAX + 1)
        parts = [stored]
        parts.extend(
            Sequenced(np.full(len(pack.columns), pack.sequence), pack.columns)
            for pack in _unfilled(reader, filled, park, gateway)
            if first <= pack.sequence <= last
        )
    joined = _joined(parts)
    if len(joined.sequence) > READ_BACK_MAX:
        raise PeerError(
            "too many readings",
            status=400,
            where="query.to_sequence",
            found=f"more than {READ_BACK_MAX} readings",
            wanted="a range of sequence numbers that holds fewer",
        )
    return _ordered(joined, joined.sequence)


def readings_of(store: ParkStore, source: tuple[str, str], point: int, span: tuple[int, int], limit: int) -> Columns:
    """Readings of a point with event time in [span[0], span[1]) in order of time, at most `limit` of them.

    Args:
        store: the park host's store.
        source: park and gateway of the point.
        point: its index.
        span: first event time, and the first that is too late, Unix milliseconds.
        limit: the most readings.
    """
    park, gateway = source
    with store.database.reading() as reader:
        filled, stored = store.telemetry.readings_of(park, gateway, point, span, limit)
        parts = [stored]
        for pack in _unfilled(reader, filled, park, gateway):
            columns = pack.columns
            chosen = (columns.point == point) & (columns.time_ms >= span[0]) & (columns.time_ms < span[1])
            if chosen.any():
                parts.append(Sequenced(np.full(int(chosen.sum()), pack.sequence), _taken(columns, chosen)))
    joined = _joined(parts)
    return _taken(_ordered(joined, joined.columns.time_ms).columns, slice(limit))


def readings_between(store: ParkStore, park: str, points: Sequence[int], span: tuple[int, int], limit: int) -> Columns:
    """At most `limit` readings of some points with event time in [span[0], span[1]), in order of point and time.

    Args:
        store: the park host's store.
        park: id of the park.
        points: their indices, ascending; `point` of the answer is the place among them.
        span: first event time, and the first that is too late, Unix milliseconds.
        limit: the most readings.
    """
    with store.database.reading() as reader:
        filled, stored = store.telemetry.readings_between(park, points, span, limit)
        parts, left = [stored], limit - len(stored.columns)
        for pack in _unfilled(reader, filled, park, None):
            columns = pack.columns
            chosen = np.isin(columns.point, points) & (columns.time_ms >= span[0]) & (columns.time_ms < span[1])
            if left > 0 and chosen.any():
                parts.append(Sequenced(np.full(int(chosen.sum()), pack.sequence), _taken(columns, chosen)))
                left -= len(parts[-1].columns)
    found = _joined(parts).columns
    order = np.lexsort((found.time_ms, found.point))[:limit]
    place = np.searchsorted(np.array(points, np.int32), found.point[order]).astype(np.int32)
    return Columns(place, found.time_ms[order], found.value[order])


def latest(store: ParkStore, park: str, points: Collection[int]) -> dict[int, tuple[int, float]]:
    """Newest reading of each of `points` that has one: time and value by point index."""
    with store.database.reading() as reader:
        filled, newest = store.telemetry.latest(park, points)
        wanted = np.zeros(max(points, default=-1) + 1, np.bool_)
        wanted[list(points)] = True
        for pack in _unfilled(reader, filled, park, None):
            for point, time_ms, value in zip(*(column.tolist() for column in pack.columns), strict=True):
                if point < len(wanted) and wanted[point] and (point not in newest or time_ms >= newest[point][0]):
                    newest[point] = (time_ms, value)
    return newest


def _unfilled(reader: sqlite3.Connection, filled: int, park: str, gateway: str | None) -> Iterator[StoredPack]:
    """Packs of a park, or of one gateway of it, that follow position `filled` in the journal."""
    for row in reader.execute("SELECT last, heads, body FROM journal WHERE last > ? ORDER BY last", (filled,)):
        block = decode_row(JournalRow(*row))
        for place, head in enumerate(block.heads):
            if head.park == park and gateway in (None, head.gateway):
                yield block.pack(place)


def _joined(parts: list[Sequenced]) -> Sequenced:
    return Sequenced(
        np.concatenate([part.sequence for part in parts]),
        Columns(*(np.concatenate([part.columns[place] for part in parts]) for place in range(3))),
    )


def _ordered(readings: Sequenced, key: NDArray[np.int64]) -> Sequenced:
    order = np.argsort(key, kind="stable")
    return Sequenced(readings.sequence[order], _taken(readings.columns, order))


def _taken(columns: Columns, choice: Choice) -> Columns:
    return Columns(columns.point[choice], columns.time_ms[choice], columns.value[choice])
