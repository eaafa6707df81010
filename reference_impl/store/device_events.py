"""Events of devices: each id once for each park."""

import sqlite3
from collections.abc import Iterable

import msgspec

from contract.device_events import DeviceEvent, EventList
from reference_impl.store.database import rows_parameter

SCHEMA = """
CREATE TABLE IF NOT EXISTS device_event (
    park TEXT NOT NULL,
    event_id TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    subsystem TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (park, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS device_event_by_time ON device_event (park, at_ms);
CREATE INDEX IF NOT EXISTS device_event_by_kind ON device_event (park, subsystem, kind, at_ms);
"""
_PUT = """
INSERT INTO device_event (park, event_id, at_ms, subsystem, kind, body)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]')
FROM json_each(?) WHERE true
ON CONFLICT (park, event_id) DO NOTHING
"""


def put(connection: sqlite3.Connection, events: Iterable[tuple[str, DeviceEvent]]) -> None:
    """Store events, each with its park."""
    rows = [
        (park, each.event_id, each.at_ms, each.subsystem, each.kind, msgspec.json.encode(each).decode())
        for park, each in events
    ]
    if rows:
        connection.execute(_PUT, (rows_parameter(rows),))


def events(
    connection: sqlite3.Connection,
    park: str,
    period_ms: tuple[int, int],
    *,
    subsystem: str | None,
    kind: str | None,
    limit: int,
) -> EventList:
    """Events of a park in [begin, end), newest first."""
    wanted = {"park": park, "subsystem": subsystem, "kind": kind}
    clauses = [f"{column} = :{column}" for column, value in wanted.items() if value is not None]
    rows = connection.execute(
        f"SELECT body FROM device_event WHERE {' AND '.join(clauses)} AND at_ms >= :begin AND at_ms < :end "  # noqa: S608 - the fixed clauses above
        "ORDER BY at_ms DESC, event_id DESC LIMIT :rows",
        {**wanted, "begin": period_ms[0], "end": period_ms[1], "rows": limit + 1},
    ).fetchall()
    found = [msgspec.json.decode(body, type=DeviceEvent) for (body,) in rows[:limit]]
    return EventList(events=found, truncated=len(rows) > limit)
