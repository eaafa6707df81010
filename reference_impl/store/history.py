"""What both levels keep of alerts and cases: every transition under its number, and everything as it is now."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from contract.messages import Alert, AlertEvent, AlertList, Case, CaseList
from reference_impl.park.change import EventDraft
from reference_impl.store.database import rows_parameter

SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    number INTEGER PRIMARY KEY,
    park TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS alert (
    alert_id TEXT PRIMARY KEY,
    park TEXT NOT NULL,
    state TEXT NOT NULL,
    onset_ms INTEGER NOT NULL,
    cleared_ms INTEGER,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS alert_by_onset ON alert (onset_ms DESC, alert_id);
CREATE INDEX IF NOT EXISTS alert_by_park ON alert (park, onset_ms DESC, alert_id);
CREATE INDEX IF NOT EXISTS alert_standing ON alert (park) WHERE cleared_ms IS NULL;
CREATE TABLE IF NOT EXISTS service_case (
    case_id TEXT PRIMARY KEY,
    park TEXT NOT NULL,
    enterprise TEXT NOT NULL,
    submitted_ms INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS case_by_park ON service_case (park, submitted_ms DESC, case_id);
"""

_INSERT_EVENTS = """
INSERT INTO event (number, park, body)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(?)
"""
_PUT_ALERTS = """
INSERT INTO alert (alert_id, park, state, onset_ms, cleared_ms, body)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]')
FROM json_each(?) WHERE true
ON CONFLICT (alert_id) DO UPDATE SET state = excluded.state, cleared_ms = excluded.cleared_ms, body = excluded.body
"""
_PUT_CASES = """
INSERT INTO service_case (case_id, park, enterprise, submitted_ms, body)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]')
FROM json_each(?) WHERE true
ON CONFLICT (case_id) DO UPDATE SET body = excluded.body
"""

EVERY_PARK = "*"


class StoredEvent(NamedTuple):
    """A transition as it goes to subscribers: its number, its park and the `AlertEvent` in JSON."""

    number: int
    park: str
    body: str


def last_event_number(connection: sqlite3.Connection) -> int:
    """Number of the newest transition, 0 for none."""
    return int(connection.execute("SELECT coalesce(max(number), 0) FROM event").fetchone()[0])


def put_events(
    connection: sqlite3.Connection, drafts: Sequence[tuple[str, EventDraft]], last_number: int, known_ms: int
) -> list[StoredEvent]:
    """Number the transitions from `last_number` + 1, store them and the alerts as they are after them."""
    if not drafts:
        return []
    events = [
        StoredEvent(number, park, _json(AlertEvent(number=number, known_ms=known_ms, **draft._asdict())))
        for number, (park, draft) in enumerate(drafts, last_number + 1)
    ]
    newest = {draft.alert.alert_id: draft.alert for _, draft in drafts}
    connection.execute(_INSERT_EVENTS, (rows_parameter(events),))
    connection.execute(
        _PUT_ALERTS,
        (
            rows_parameter(
                [
                    (each.alert_id, each.park, each.state, each.onset_ms, each.cleared_ms, _json(each))
                    for each in newest.values()
                ]
            ),
        ),
    )
    return events


def put_cases(connection: sqlite3.Connection, cases: Iterable[Case]) -> None:
    """Store cases as they are now."""
    rows = [(each.case_id, each.park, each.enterprise, each.submitted_ms, _json(each)) for each in cases]
    if rows:
        connection.execute(_PUT_CASES, (rows_parameter(rows),))


def events_after(connection: sqlite3.Connection, number: int, park: str, limit: int) -> list[StoredEvent]:
    """Up to `limit` transitions after `number`, in order; of one park or of `EVERY_PARK`."""
    rows = connection.execute(
        "SELECT number, park, body FROM event WHERE number > ?1 AND (?2 = '*' OR park = ?2) ORDER BY number LIMIT ?3",
        (number, park, limit),
    )
    return [StoredEvent(*row) for row in rows]


def alerts(connection: sqlite3.Connection, park: str, state: str | None, limit: int) -> AlertList:
    """Alerts of one park or of `EVERY_PARK`, newest onset first."""
    clauses = (["park = :park"] if park != EVERY_PARK else []) + (["state = :state"] if state else [])
    where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
    rows = connection.execute(
        f"SELECT body FROM alert {where} ORDER BY onset_ms DESC, alert_id LIMIT :rows",  # noqa: S608 - the fixed clauses above
        {"park": park, "state": state, "rows": limit + 1},
    ).fetchall()
    return AlertList(alerts=[_alert(body) for (body,) in rows[:limit]], truncated=len(rows) > limit)


def alert(connection: sqlite3.Connection, alert_id: str) -> Alert | None:
    """One alert as it is now."""
    row = connection.execute("SELECT body FROM alert WHERE alert_id = ?", (alert_id,)).fetchone()
    return _alert(row[0]) if row else None


def standing_alerts(connection: sqlite3.Connection, park: str) -> list[Alert]:
    """Alerts of one park, or of `EVERY_PARK`, whose condition holds."""
    rows = connection.execute("SELECT body FROM alert WHERE cleared_ms IS NULL AND (?1 = '*' OR park = ?1)", (park,))
    return [_alert(body) for (body,) in rows]


def cases(connection: sqlite3.Connection, park: str, enterprise: str | None, limit: int) -> CaseList:
    """Cases of a park, newest first."""
    rows = connection.execute(
        "SELECT body FROM service_case WHERE park = ?1 AND (?2 IS NULL OR enterprise = ?2) "
        "ORDER BY submitted_ms DESC, case_id LIMIT ?3",
        (park, enterprise, limit + 1),
    ).fetchall()
    return CaseList(cases=[_case(body) for (body,) in rows[:limit]], truncated=len(rows) > limit)


def case(connection: sqlite3.Connection, park: str, case_id: str) -> Case | None:
    """One case of a park as it is now."""
    row = connection.execute("SELECT body FROM service_case WHERE case_id = ? AND park = ?", (case_id, park)).fetchone()
    return _case(row[0]) if row else None


def _json(message: msgspec.Struct) -> str:
    return msgspec.json.encode(message).decode()


def _alert(body: str) -> Alert:
    return msgspec.json.decode(body, type=Alert)


def _case(body: str) -> Case:
    return msgspec.json.decode(body, type=Case)
