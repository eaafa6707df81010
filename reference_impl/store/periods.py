"""What both levels answer about a period: its incidents, and the key figures of its alarms."""

import sqlite3

import msgspec

from contract.alarms import AlarmKpiReport, IncidentList
from contract.errors import PeerError
from contract.messages import Alert
from reference_impl.monitoring.incidents import gathered
from reference_impl.monitoring.kpis import report
from reference_impl.store.history import EVERY_PARK

ALERTS_MAX = 500_000  # that one answer may be made of
_OF_PARK = "(:park = '*' OR park = :park)"
_IN_PERIOD = "raised_ms >= :begin AND raised_ms < :end"
_OF_INCIDENTS = (
    f"incident IN (SELECT DISTINCT incident FROM alert WHERE {_IN_PERIOD} AND {_OF_PARK} AND incident <> '')"  # noqa: S608 - the fixed clause above
)
# Alerts from before that stood at the end of the period count as standing or stale. Each part has its index.
_IN_PERIOD_OR_STOOD = (
    f"{_OF_PARK} AND ({_IN_PERIOD} OR (cleared_ms IS NULL AND raised_ms < :end) "
    "OR (cleared_ms >= :end AND raised_ms < :end))"
)


def incidents(connection: sqlite3.Connection, park: str, begin_ms: int, end_ms: int, limit: int) -> IncidentList:
    """Incidents of one park or of `EVERY_PARK` that have an alert raised in [begin_ms, end_ms), with all their alerts.

    Raises:
        PeerError: 400 they have more alerts than one answer may be made of.
    """
    found = gathered(_alerts(connection, _OF_INCIDENTS, {"park": park, "begin": begin_ms, "end": end_ms}))
    return IncidentList(incidents=found[:limit], truncated=len(found) > limit)


def kpis(connection: sqlite3.Connection, park: str, parks: list[str], begin_ms: int, end_ms: int) -> AlarmKpiReport:
    """Key figures of [begin_ms, end_ms) of `parks`, or of `park` alone where it is not `EVERY_PARK`.

    Raises:
        PeerError: 400 the period has more alerts than one answer may be made of.
    """
    found = _alerts(connection, _IN_PERIOD_OR_STOOD, {"park": park, "begin": begin_ms, "end": end_ms})
    return report(found, begin_ms, end_ms, parks if park == EVERY_PARK else [park])


def _alerts(connection: sqlite3.Connection, clause: str, values: dict[str, str | int]) -> list[Alert]:
    rows = connection.execute(
        f"SELECT body FROM alert WHERE {clause} LIMIT :rows",  # noqa: S608 - the fixed clauses above
        {**values, "rows": ALERTS_MAX + 1},
    ).fetchall()
    if len(rows) > ALERTS_MAX:
        raise PeerError(
            "too many alerts",
            status=400,
            where="query.to_ms",
            found=f"more than {ALERTS_MAX} alerts",
            wanted="a period that has fewer",
        )
    return [msgspec.json.decode(body, type=Alert) for (body,) in rows]
