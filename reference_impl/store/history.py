"""What both levels keep of alerts and cases: every transition under its number, and everything as it is now."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import asdict

from contract.alarms import AlarmList
from contract.messages import Alarm, Alert, AlertEvent, AlertList, Case, CaseList
from reference_impl.monitoring.lifecycle import OUT_OF_SIGHT
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
    raised_ms INTEGER NOT NULL,
    cleared_ms INTEGER,
    incident TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS alert_by_onset ON alert (onset_ms DESC, alert_id);
CREATE INDEX IF NOT EXISTS alert_by_park ON alert (park, onset_ms DESC, alert_id);
CREATE INDEX IF NOT EXISTS alert_by_raise ON alert (raised_ms);
CREATE INDEX IF NOT EXISTS alert_by_clear ON alert (cleared_ms);
CREATE INDEX IF NOT EXISTS alert_by_incident ON alert (incident);
CREATE INDEX IF NOT EXISTS alert_current ON alert (park)
    WHERE cleared_ms IS NULL OR state IN ('SHLVD', 'DSUPR', 'OOSRV');
CREATE TABLE IF NOT EXISTS alarm (
    park TEXT NOT NULL,
    point TEXT NOT NULL,
    rule TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (park, point, rule)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS service_case (
    case_id TEXT PRIMARY KEY,
    park TEXT NOT NULL,
    enterprise TEXT NOT NULL,
    matter TEXT NOT NULL,
    submitted_ms INTEGER NOT NULL,
    closed_ms INTEGER,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS case_open ON service_case (matter, submitted_ms DESC, case_id) WHERE closed_ms IS NULL;
CREATE INDEX IF NOT EXISTS case_by_park ON service_case (park, submitted_ms DESC, case_id);
"""

_INSERT_EVENTS = """
INSERT INTO event (number, park, body)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(?)
"""
_PUT_ALERTS = """
INSERT INTO alert (alert_id, park, state, onset_ms, raised_ms, cleared_ms, incident, body)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
       json_extract(value, '$[6]'), json_extract(value, '$[7]')
FROM json_each(?) WHERE true
ON CONFLICT (alert_id) DO UPDATE SET state = excluded.state, cleared_ms = excluded.cleared_ms, body = excluded.body
"""
_PUT_ALARM = """
INSERT INTO alarm (park, point, rule, body) VALUES (?, ?, ?, ?)
ON CONFLICT (park, point, rule) DO UPDATE SET body = excluded.body
"""
_PUT_CASES = """
INSERT INTO service_case (case_id, park, enterprise, matter, submitted_ms, closed_ms, body)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
       json_extract(value, '$[6]')
FROM json_each(?) WHERE true
ON CONFLICT (case_id) DO UPDATE SET closed_ms = excluded.closed_ms, body = excluded.body
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
        StoredEvent(number, park, _json(AlertEvent(number=number, known_ms=known_ms, **asdict(draft))))
        for number, (park, draft) in enumerate(drafts, last_number + 1)
    ]
    connection.execute(_INSERT_EVENTS, (rows_parameter(events),))
    _put_alerts(connection, {draft.alert.alert_id: draft.alert for _, draft in drafts if draft.alert is not None})
    for alarm in [draft.alarm for _, draft in drafts if draft.alarm is not None]:
        _put_alarm(connection, alarm)
    return events


def _put_alerts(connection: sqlite3.Connection, newest: Mapping[str, Alert]) -> None:
    rows = [
        (
            each.alert_id,
            each.park,
            each.state,
            each.onset_ms,
            each.raised_ms,
            each.cleared_ms,
            each.incident,
            _json(each),
        )
        for each in newest.values()
    ]
    if rows:
        connection.execute(_PUT_ALERTS, (rows_parameter(rows),))


def _put_alarm(connection: sqlite3.Connection, alarm: Alarm) -> None:
    """Keep an alarm while it is set aside."""
    key = (alarm.park, alarm.point, alarm.rule)
    if alarm.state in OUT_OF_SIGHT:
        connection.execute(_PUT_ALARM, (*key, _json(alarm)))
    else:
        connection.execute("DELETE FROM alarm WHERE park = ? AND point = ? AND rule = ?", key)


def put_cases(connection: sqlite3.Connection, cases: Iterable[Case]) -> None:
    """Store cases as they are now."""
    rows = [
        (each.case_id, each.park, each.enterprise, each.matter, each.submitted_ms, each.closed_ms, _json(each))
        for each in cases
    ]
    if rows:
        connection.execute(_PUT_CASES, (rows_parameter(rows),))


def events_after(connection: sqlite3.Connection, number: int, park: str, limit: int) -> list[StoredEvent]:
    """Up to `limit` transitions after `number`, in order; of one park or of `EVERY_PARK`."""
    rows = connection.execute(
        "SELECT number, park, body FROM event WHERE number > ?1 AND (?2 = '*' OR park = ?2) ORDER BY number LIMIT ?3",
        (number, park, limit),
    )
    return [StoredEvent(*row) for row in rows]


def alerts(connection: sqlite3.Connection, park: str, state: str | None, incident: str | None, limit: int) -> AlertList:
    """Alerts of one park or of `EVERY_PARK`, in one state and of one incident where told, newest onset first."""
    wanted = {"park": park if park != EVERY_PARK else None, "state": state, "incident": incident}
    clauses = [f"{column} = :{column}" for column, value in wanted.items() if value is not None]
    where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
    rows = connection.execute(
        f"SELECT body FROM alert {where} ORDER BY onset_ms DESC, alert_id LIMIT :rows",  # noqa: S608 - the fixed clauses above
        {**wanted, "rows": limit + 1},
    ).fetchall()
    return AlertList(alerts=[_alert(body) for (body,) in rows[:limit]], truncated=len(rows) > limit)


def alert(connection: sqlite3.Connection, alert_id: str) -> Alert | None:
    """One alert as it is now."""
    row = connection.execute("SELECT body FROM alert WHERE alert_id = ?", (alert_id,)).fetchone()
    return _alert(row[0]) if row else None


def current_alerts(connection: sqlite3.Connection, park: str) -> list[Alert]:
    """Alerts of one park, or of `EVERY_PARK`, that stand or are out of sight."""
    rows = connection.execute(
        "SELECT body FROM alert WHERE (cleared_ms IS NULL OR state IN ('SHLVD', 'DSUPR', 'OOSRV')) "
        "AND (?1 = '*' OR park = ?1)",
        (park,),
    )
    return [_alert(body) for (body,) in rows]


def alarms(connection: sqlite3.Connection, park: str, limit: int) -> AlarmList:
    """Alarms of one park, or of `EVERY_PARK`, that are set aside."""
    rows = connection.execute(
        "SELECT body FROM alarm WHERE ?1 = '*' OR park = ?1 ORDER BY park, point, rule LIMIT ?2", (park, limit + 1)
    ).fetchall()
    found = [msgspec.json.decode(body, type=Alarm) for (body,) in rows[:limit]]
    return AlarmList(alarms=found, truncated=len(rows) > limit)


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


def cases_of_matters(connection: sqlite3.Connection, park: str, matters: Sequence[str], limit: int) -> list[Case]:
    """Open cases of some matters, of one park or of `EVERY_PARK`, newest first."""
    rows = connection.execute(
        "SELECT body FROM service_case WHERE closed_ms IS NULL AND matter IN (SELECT value FROM json_each(?1)) "
        "AND (?2 = '*' OR park = ?2) ORDER BY submitted_ms DESC, case_id LIMIT ?3",
        (msgspec.json.encode(list(matters)).decode(), park, limit),
    )
    return [_case(body) for (body,) in rows]


def _json(message: msgspec.Struct) -> str:
    return msgspec.json.encode(message).decode()


def _alert(body: str) -> Alert:
    return msgspec.json.decode(body, type=Alert)


def _case(body: str) -> Case:
    return msgspec.json.decode(body, type=Case)
