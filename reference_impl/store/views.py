"""What views are made of, from the park's store: events, cases and alerts from SQLite, readings wherever they are.

An answer looks at a bounded number of rows: `ITEMS_MAX` of each table, `READINGS_MAX` readings of each glob.
"""

import sqlite3
from collections.abc import Callable, Sequence

import msgspec

from contract.cases import Case
from contract.catalogue.views import ViewPlan
from contract.device_events import DeviceEvent
from contract.errors import PeerError
from contract.messages import Alert
from contract.rulebook import matching
from reference_impl.park.view_groups import Item, Period
from reference_impl.park.view_readings import PointReadings
from reference_impl.park.views import Material
from reference_impl.store import readings
from reference_impl.store.park_store import ParkStore

ITEMS_MAX = 200_000
READINGS_MAX = 2_000_000
CARRIED_MS = 31 * 24 * 3_600_000  # a state that was told longer before the period is not known any more
_EVENTS = """
SELECT body FROM device_event
WHERE park = :park AND subsystem = :subsystem AND kind IN (SELECT value FROM json_each(:kinds))
    AND at_ms >= :begin AND at_ms < :end
ORDER BY at_ms, event_id LIMIT :rows
"""
# Of each device the row with the greatest time: SQLite takes the bare columns of a lone max() from that row.
_STATES = """
SELECT body, max(at_ms) FROM (
    SELECT body, at_ms, kind FROM device_event
    WHERE park = :park AND subsystem = :subsystem AND kind IN (SELECT value FROM json_each(:kinds))
        AND at_ms >= :begin AND at_ms < :end
    ORDER BY at_ms DESC, event_id DESC LIMIT :rows
)
GROUP BY kind, json_extract(body, '$.zone'), json_extract(body, '$.device')
ORDER BY kind, json_extract(body, '$.zone'), json_extract(body, '$.device')
"""
_CASES = """
SELECT body FROM service_case WHERE park = :park AND submitted_ms >= :begin AND submitted_ms < :end
    AND matter IN (SELECT value FROM json_each(:kinds))
ORDER BY submitted_ms, case_id LIMIT :rows
"""
_ALERTS = """
SELECT body FROM alert WHERE park = :park AND onset_ms >= :begin AND onset_ms < :end
    AND json_extract(body, '$.subsystem') = :subsystem
ORDER BY onset_ms, alert_id LIMIT :rows
"""


def material(store: ParkStore, park: str, plan: ViewPlan, period: Period, names: Sequence[str]) -> Material:
    """What a view over a period is made of.

    Args:
        store: the park host's store.
        park: id of the park.
        plan: the view.
        period: event time.
        names: of the park's points, in the order of their index.

    Raises:
        PeerError: 400 it is more than one answer may look at.
    """
    globs = sorted({each.readings for each in plan.measures if each.readings})
    found = {glob: _readings(store, park, glob, tuple(names), period) for glob in globs}
    with store.database.reading() as reader:
        return _items(reader, park, plan, period)._replace(readings=found)


def _items(reader: sqlite3.Connection, park: str, plan: ViewPlan, period: Period) -> Material:
    kinds = sorted({kind for each in plan.measures for kind in (*each.events, *each.other)})
    timed = sorted({kind for each in plan.measures if each.how in {"time", "time_share"} for kind in each.events})
    matters = sorted({code for each in plan.measures for code in each.cases})

    def rows(query: str, wanted: Sequence[str], within: Period, rows_max: int) -> list[bytes]:
        values = {"park": park, "subsystem": plan.subsystem, "kinds": msgspec.json.encode(wanted).decode()}
        bounds = {"begin": within.begin_ms, "end": within.end_ms, "rows": rows_max}
        return [row[0] for row in reader.execute(query, {**values, **bounds})]

    def items(query: str, wanted: Sequence[str], item_of: Callable[[bytes], Item]) -> list[Item]:
        found = rows(query, wanted, period, ITEMS_MAX + 1)
        if len(found) > ITEMS_MAX:
            raise _too_much(f"more than {ITEMS_MAX} events, cases or alerts")
        return [item_of(body) for body in found]

    past = Period(max(0, period.begin_ms - CARRIED_MS), period.begin_ms)
    return Material(
        events=items(_EVENTS, kinds, _event) if kinds else (),
        before=[_event(body) for body in rows(_STATES, timed, past, ITEMS_MAX)] if timed else (),
        cases=items(_CASES, matters, _case) if matters else (),
        alerts=items(_ALERTS, (), _alert) if any(each.alerts for each in plan.measures) else (),
    )


def _readings(store: ParkStore, park: str, glob: str, names: tuple[str, ...], period: Period) -> PointReadings:
    points = matching(glob, names)
    columns = readings.readings_between(store, park, points, period, READINGS_MAX + 1)
    if len(columns) > READINGS_MAX:
        raise _too_much(f"more than {READINGS_MAX} readings of {glob}")
    return PointReadings(tuple(names[point] for point in points), columns)


def _too_much(found: str) -> PeerError:
    return PeerError("too much", status=400, where="query.to_ms", found=found, wanted="a period that has fewer")


def _event(body: bytes) -> Item:
    event = msgspec.json.decode(body, type=DeviceEvent)
    return Item(event.at_ms, event.zone, event.device, event.kind, event.fields)


def _case(body: bytes) -> Item:
    case = msgspec.json.decode(body, type=Case)
    fields = {"matter": case.matter, "state": case.state, "enterprise": case.enterprise}
    return Item(case.submitted_ms, "", "", case.matter, fields)


def _alert(body: bytes) -> Item:
    alert = msgspec.json.decode(body, type=Alert)
    fields = {"level": alert.level, "state": alert.state, "rule": alert.rule}
    parts = alert.point.split("/")
    return Item(alert.onset_ms, alert.zone, parts[2] if len(parts) > 2 else "", "", fields)  # noqa: PLR2004 - subsystem, zone, device
