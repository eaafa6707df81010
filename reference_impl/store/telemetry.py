"""The telemetry in columns: DuckDB, filled in bulk from the journal, each pack exactly once.

The position of the last pack taken is stored in the same DuckDB transaction as the readings, so after any crash the
next fill goes on where the last durable one ended.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contract.columns import Columns
from reference_impl.store.journal import PackBlock

MEMORY_LIMIT = "256MB"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS source (source INTEGER NOT NULL, park VARCHAR NOT NULL, gateway VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS telemetry (
    source INTEGER NOT NULL,
    sequence BIGINT NOT NULL,
    point INTEGER NOT NULL,
    time_ms BIGINT NOT NULL,
    value DOUBLE NOT NULL,
    late BOOLEAN NOT NULL
);
CREATE TABLE IF NOT EXISTS filled (position BIGINT NOT NULL);
INSERT INTO filled SELECT 0 WHERE NOT EXISTS (FROM filled);
"""
_FIRST_WINDOW_MS = 60_000
_WINDOW_GROWTH = 10


class Sequenced(NamedTuple):
    """Readings with the number of their pack.

    Attributes:
        sequence: (n,) int64.
        columns: n readings.
    """

    sequence: NDArray[np.int64]
    columns: Columns


class TelemetryStore:
    """The DuckDB side. `fill` is called by one thread; queries may come from any.

    Args:
        path: the database file.

    Attributes:
        filled: position of the last pack that is durable here.
        readings: how many readings this process has filled in.
    """

    def __init__(self, path: Path) -> None:
        self._connection: Any = duckdb.connect(
            str(path),
            config={
                "threads": 1,
                "memory_limit": MEMORY_LIMIT,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        self._connection.execute(_SCHEMA)
        self.filled = int(self._connection.execute("SELECT position FROM filled").fetchone()[0])
        self._sources: dict[tuple[str, str], int] = {
            (park, gateway): source
            for source, park, gateway in self._connection.execute("SELECT source, park, gateway FROM source").fetchall()
        }
        self.readings = 0
        # The first exchange with Arrow loads much of both libraries; better now than beside the first packs.
        self._connection.register("arriving", pa.table({"source": np.zeros(1, np.int32)}))
        self._connection.execute("SELECT source FROM arriving").fetchnumpy()
        self._connection.unregister("arriving")

    def fill(self, blocks: Sequence[PackBlock]) -> None:
        """Take the packs of consecutive journal rows in, as one transaction.

        Raises:
            duckdb.Error: it could not; nothing was taken in.
        """
        heads = [head for block in blocks for head in block.heads]
        new = sorted({(head.park, head.gateway) for head in heads} - self._sources.keys())
        sources = {key: number for number, key in enumerate(new, len(self._sources) + 1)}
        known = self._sources | sources if sources else self._sources
        counts = [head.readings for head in heads]
        arriving = pa.table(
            {
                "source": np.repeat(np.array([known[head.park, head.gateway] for head in heads], np.int32), counts),
                "sequence": np.repeat(np.array([head.sequence for head in heads], np.int64), counts),
                "point": np.concatenate([block.columns.point for block in blocks]),
                "time_ms": np.concatenate([block.columns.time_ms for block in blocks]),
                "value": np.concatenate([block.columns.value for block in blocks]),
                "late": pa.array(np.repeat(np.array([head.late for head in heads], np.bool_), counts)),
            }
        )
        position = blocks[-1].first + len(blocks[-1].heads) - 1
        with self._transaction() as cursor:
            for (park, gateway), source in sources.items():
                cursor.execute("INSERT INTO source VALUES (?, ?, ?)", [source, park, gateway])
            cursor.register("arriving", arriving)
            cursor.execute("INSERT INTO telemetry SELECT * FROM arriving")
            cursor.execute("UPDATE filled SET position = ?", [position])
        self._sources = known
        self.filled = position
        self.readings += arriving.num_rows

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        cursor = self._connection.cursor()
        try:
            cursor.execute("BEGIN")
            yield cursor
            cursor.execute("COMMIT")
        finally:
            cursor.close()  # also rolls back what was not committed

    def packs(self, park: str, gateway: str, first: int, last: int, readings_max: int) -> tuple[int, Sequenced]:
        """Readings of the packs `first` to `last` of a gateway in order of sequence, at most `readings_max` of them.

        Returns:
            The position up to which this answer is complete, and the readings.
        """
        return self._select(
            "SELECT sequence, point, time_ms, value FROM telemetry WHERE source = ? AND sequence BETWEEN ? AND ? "
            "ORDER BY sequence, rowid LIMIT ?",
            [self._sources.get((park, gateway), 0), first, last, readings_max],
        )

    def readings_of(
        self, park: str, gateway: str, point: int, span: tuple[int, int], limit: int
    ) -> tuple[int, Sequenced]:
        """Readings of a point with event time in [span[0], span[1]) in order of time, at most `limit` of them."""
        return self._select(
            "SELECT sequence, point, time_ms, value FROM telemetry "
            "WHERE source = ? AND point = ? AND time_ms >= ? AND time_ms < ? ORDER BY time_ms, rowid LIMIT ?",
            [self._sources.get((park, gateway), 0), point, *span, limit],
        )

    def readings_between(
        self, park: str, points: Sequence[int], span: tuple[int, int], limit: int
    ) -> tuple[int, Sequenced]:
        """Readings of some points with event time in [span[0], span[1]), at most `limit` of them, in no order."""
        sources = [source for (of, _), source in self._sources.items() if of == park]
        return self._select(
            "SELECT sequence, point, time_ms, value FROM telemetry WHERE source IN (SELECT unnest(?)) "
            "AND point IN (SELECT unnest(?)) AND time_ms >= ? AND time_ms < ? LIMIT ?",
            [sources, list(points), *span, limit],
        )

    def _select(self, query: str, parameters: list[object]) -> tuple[int, Sequenced]:
        with self._transaction() as cursor:
            filled = int(cursor.execute("SELECT position FROM filled").fetchone()[0])
            found = cursor.execute(query, parameters).fetchnumpy()
        columns = Columns(
            found["point"].astype(np.int32), found["time_ms"].astype(np.int64), found["value"].astype(np.float64)
        )
        return filled, Sequenced(found["sequence"].astype(np.int64), columns)

    def latest(self, park: str, points: Iterable[int]) -> tuple[int, dict[int, tuple[int, float]]]:
        """Newest reading of each of `points`: time and value by point index.

        It looks through a short window before the park's newest reading first and widens it while points are missing,
        so that a long history costs nothing where every point has reported lately.
        """
        wanted = set(points)
        newest: dict[int, tuple[int, float]] = {}
        with self._transaction() as cursor:
            filled = int(cursor.execute("SELECT position FROM filled").fetchone()[0])
            sources = [source for (of, _), source in self._sources.items() if of == park]
            end, start = cursor.execute(
                "SELECT max(time_ms), min(time_ms) FROM telemetry WHERE source IN (SELECT unnest(?))", [sources]
            ).fetchone()
            if end is None:
                return filled, newest
            window, upper = _FIRST_WINDOW_MS, end + 1
            while upper > start and wanted - newest.keys():
                lower = max(start, end + 1 - window)
                rows = cursor.execute(
                    "SELECT point, max(time_ms), arg_max(value, time_ms) FROM telemetry "
                    "WHERE source IN (SELECT unnest(?)) AND time_ms >= ? AND time_ms < ? GROUP BY point",
                    [sources, lower, upper],
                ).fetchall()
                for point, time_ms, value in rows:
                    if point in wanted and point not in newest:
                        newest[point] = (time_ms, value)
                window, upper = window * _WINDOW_GROWTH, lower
        return filled, newest

    def close(self) -> None:
        """Write everything into the database file."""
        self._connection.close()
