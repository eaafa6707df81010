"""DuckDB: the rule as SQL over a table of all readings. Not a stream processor: it answers when everything is there."""

import importlib.metadata

import duckdb

from benchmarks.peers import work as w
from benchmarks.peers.work import Transition, Workload

QUERY = f"""
WITH suspect AS (          -- points that never reach the limit need not be sorted
    SELECT DISTINCT point FROM readings WHERE value >= {w.HIGH}
), judged AS (             -- 1: the condition begins or holds, 0: it ends, null: within the deadband
    SELECT point, time_ms, CASE WHEN value >= {w.HIGH} THEN 1 WHEN value < {w.HIGH - w.DEADBAND} THEN 0 END AS said
    FROM readings SEMI JOIN suspect USING (point)
), held AS (
    SELECT point, time_ms, coalesce(last_value(said IGNORE NULLS) OVER by_time, 0) AS condition
    FROM judged
    WINDOW by_time AS (PARTITION BY point ORDER BY time_ms)
), turned AS (
    SELECT *, lag(condition, 1, 0) OVER (PARTITION BY point ORDER BY time_ms) AS former FROM held
), runs AS (               -- each run of the condition, or of its absence, until the next begins
    SELECT point, condition, time_ms AS since_ms,
           lead(time_ms, 1, (SELECT max(time_ms) FROM readings)) OVER (PARTITION BY point ORDER BY time_ms) AS until_ms
    FROM turned WHERE condition <> former
), lasting AS (            -- those that outlast their delay
    SELECT point, condition, since_ms,
           since_ms + CASE condition WHEN 1 THEN {w.ON_DELAY_MS} ELSE {w.OFF_DELAY_MS} END AS at_ms
    FROM runs
    WHERE at_ms <= until_ms
), changes AS (            -- of several that say the same only the first changes anything
    SELECT * FROM lasting
    QUALIFY condition <> lag(condition, 1, 0) OVER (PARTITION BY point ORDER BY since_ms)
)
SELECT at_ms, point, condition,
       CASE condition WHEN 1 THEN since_ms ELSE lag(since_ms) OVER (PARTITION BY point ORDER BY since_ms) END
FROM changes
"""  # noqa: S608 - made of this project's own constants


class Engine:
    """An in-memory database, one thread."""

    def prepare(self, work: Workload) -> None:
        """Load the readings into a table."""
        self._database = duckdb.connect(":memory:", config={"threads": 1})
        columns = {"point": work.point, "time_ms": work.time_ms, "value": work.value}
        self._database.register("columns", columns)
        self._database.execute("CREATE TABLE readings AS SELECT * FROM columns")
        self._database.unregister("columns")

    def begin(self) -> None:
        """Forget the last answer."""
        self._rows: list[tuple[int, int, int, int]] = []

    def run(self) -> None:
        """The query."""
        self._rows = self._database.execute(QUERY).fetchall()

    def transitions(self) -> list[Transition]:
        """Rows of the answer."""
        return [
            Transition(at_ms, point, w.RAISE if condition else w.CLEAR, onset_ms)
            for at_ms, point, condition, onset_ms in self._rows
        ]

    def version(self) -> str:
        """DuckDB's."""
        return importlib.metadata.version("duckdb")

    def close(self) -> None:
        """Close the database."""
        self._database.close()
