"""Views over what a store holds: days of a world, readings wherever they are, and no more than may be asked."""

import functools
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from contract import catalogue
from contract.cases import Case
from contract.catalogue.views import Measure, ViewPlan, views
from contract.columns import Columns
from contract.device_events import DeviceEvent
from contract.errors import PeerError
from contract.examples import examples_of
from contract.messages import Alert, PointList
from reference_impl.park.change import Change, EventDraft
from reference_impl.park.node import ParkNode
from reference_impl.park.view_groups import Period
from reference_impl.park.views import Figures, fits, grouped
from reference_impl.store import views as store_views
from reference_impl.store.park_store import ParkStore
from sim.world.activity import Activity, Flow
from sim.world.activity.load import book

DAY_MS = 86_400_000
BEGIN_MS = 1_772_380_800_000  # Monday 2026-03-02 in China
WORLD_DAYS = 3
LOOKED_AT = Period(BEGIN_MS + DAY_MS, BEGIN_MS + 2 * DAY_MS)
RARE_DAYS = 300
PLANS = list(views().plans.values())
SILENT_MINUTES = 360  # at the end of the day nothing is read


def _draw(name: str) -> np.random.Generator:
    return np.random.default_rng([7, zlib.crc32(name.encode())])


def _lived(flows: tuple[Flow, ...], days: int) -> list[DeviceEvent]:
    activity = Activity(
        park="liangjiang",
        layout=_layout(),
        staff=600,
        start_ms=BEGIN_MS,
        end_ms=BEGIN_MS + days * DAY_MS,
        draw=_draw,
        flows=flows,
    )
    return [event.message for event in activity.events(BEGIN_MS + days * DAY_MS)]


@functools.cache
def _layout() -> catalogue.ParkPoints:
    return catalogue.park_points(400, 2)


@functools.cache
def _world() -> tuple[DeviceEvent, ...]:
    """Three days of a small park; what is too rare for them is taken from a year and moved into the second day."""
    sent = _lived(book().flows, WORLD_DAYS)
    newest = {_key(event): event for event in sent if LOOKED_AT.begin_ms <= event.at_ms < LOOKED_AT.end_ms}
    rare = tuple(
        flow for flow in book().flows if any((flow.subsystem, kind.kind) not in newest for kind in flow.kinds.values())
    )
    added = [event for event in _lived(rare, RARE_DAYS) if newest.setdefault(_key(event), event) is event]
    for plan in PLANS:
        for measure in plan.measures:
            fields = {name: values[0] for name, values in measure.where.items() if measure.events}
            if fields:
                told = newest[plan.subsystem, measure.events[0]]
                added.append(replace(told, fields={**told.fields, **fields}))
    for number, event in enumerate(added):
        at_ms = LOOKED_AT.begin_ms + 60_000 * number
        sent.append(replace(event, event_id=f"rare-{number}", at_ms=at_ms))
    return tuple(sent)


def _key(event: DeviceEvent) -> tuple[str, str]:
    return event.subsystem, event.kind


def _example(kind: type[Any], name: str, **other: Any) -> Any:  # noqa: ANN401 - a message of that kind
    return replace(msgspec.json.decode(examples_of(name)[0].body, type=kind), park="p1", **other)


def _fill(store: ParkStore) -> None:
    node = ParkNode("p1")
    layout = _layout()
    store.commit([node.configure_points(PointList(points=list(layout.points)))], LOOKED_AT.end_ms)
    events = _world()
    for first in range(0, len(events), 5000):
        store.commit([Change("p1", None, device_events=tuple(events[first : first + 5000]))], LOOKED_AT.end_ms)
    onset_ms = LOOKED_AT.begin_ms + 1
    alert = _example(Alert, "Alert", subsystem="fire", point="fire/z01/smoke-0001/smoke", onset_ms=onset_ms)
    case = _example(Case, "Case", matter="hot-work-permit", state="submitted", submitted_ms=onset_ms)
    store.commit([Change("p1", None, events=[EventDraft("raise", onset_ms, alert)], cases=[case])], onset_ms)
    _read(store, node)


def _read(store: ParkStore, node: ParkNode) -> None:
    """A reading of each point in ten minutes over the day but for its end; half of them in the column store."""
    layout = _layout()
    bases = np.array([profile.base for profile in catalogue.profiles()])[layout.profile]
    begins = range(LOOKED_AT.begin_ms, LOOKED_AT.end_ms - SILENT_MINUTES * 60_000, 600_000)
    for sequence, at_ms in enumerate(begins, 1):
        for gateway in layout.gateways:
            mine = layout.points_of(gateway).astype(np.int32)
            columns = Columns(mine, np.full(len(mine), at_ms, np.int64), bases[mine])
            store.commit([node.ingest(gateway, sequence, columns, at_ms)], at_ms)
        if sequence == len(begins) // 2:
            store.fill(1 << 30)


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ParkStore]:
    """A store with the world's days, filled once."""
    store = ParkStore(tmp_path_factory.mktemp("views") / "data")
    _fill(store)
    yield store
    store.close()


def _asked(store: ParkStore, plan: ViewPlan, by: str, period: Period = LOOKED_AT) -> dict[str, Figures]:
    return grouped(plan, by, "p1", period, store_views.material(store, "p1", plan, period, _layout().names))


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.view)
def test_every_view_answers_over_the_days_of_a_world(lived_in: ParkStore, plan: ViewPlan) -> None:
    """Grouped by each of its groups there are rows, and each of its figures is in one of them."""
    told: set[str] = set()
    for by in plan.groups:
        rows = _asked(lived_in, plan, by)
        assert rows, by
        told |= {name for figures in rows.values() for name in figures}
    assert told == {measure.measure for measure in plan.measures}


COUNTS = [
    (plan, measure)
    for plan in PLANS
    for measure in plan.measures
    if measure.how == "count" and measure.events and not measure.newest
]


@pytest.mark.parametrize(("plan", "measure"), COUNTS, ids=[f"{plan.view}-{each.measure}" for plan, each in COUNTS])
def test_groups_of_a_view_add_up_to_the_events_of_the_day(
    lived_in: ParkStore, plan: ViewPlan, measure: Measure
) -> None:
    """Whatever it is grouped by, but for fields, an event of the period is counted once."""
    of_day = [
        event
        for event in _world()
        if (event.subsystem, LOOKED_AT.begin_ms <= event.at_ms < LOOKED_AT.end_ms) == (plan.subsystem, True)
        and event.kind in measure.events
        and all(event.fields.get(name) in values for name, values in measure.where.items())
    ]
    for by in plan.groups:
        if not by.startswith("fields."):
            rows = _asked(lived_in, plan, by)
            assert sum(figures.get(measure.measure, 0) for figures in rows.values()) == len(of_day) > 0, by


def test_readings_count_wherever_they_are(lived_in: ParkStore) -> None:
    """Energy is power x time over the column store and the journal; what was not read is missing from the coverage."""
    energy = _asked(lived_in, views().plans["energy-by-hour"], "park")["p1"]
    power = next(each for each in catalogue.profiles() if (each.subsystem, each.quantity) == ("energy", "power")).base
    feeders = sum(name.startswith("energy/") and name.endswith("/power") for name in _layout().names)
    hours = (24 * 60 - SILENT_MINUTES + 5) / 60  # the last reading holds for 15 minutes, not for 10
    assert energy["energy_kwh"] == pytest.approx(power * feeders * hours)
    assert energy["demand_peak_kw"] == pytest.approx(power * feeders)
    coverage = _asked(lived_in, views().plans["env-completeness"], "park")["p1"]
    assert coverage["water_coverage"] == pytest.approx(1 - SILENT_MINUTES / (24 * 60))
    last_hour = Period(LOOKED_AT.end_ms - 3_600_000, LOOKED_AT.end_ms)
    silent = _asked(lived_in, views().plans["env-completeness"], "park", last_hour)["p1"]
    assert silent["water_coverage"] == 0.0


def test_a_state_from_before_the_period_holds(lived_in: ParkStore) -> None:
    """Lamps that went on in the evening before are lit from midnight on, and the day's hours are those of a winter."""
    plan = views().plans["lighting-hours"]
    small_hours = Period(LOOKED_AT.begin_ms, LOOKED_AT.begin_ms + 3_600_000)
    assert _asked(lived_in, plan, "park", small_hours)["p1"]["burning_share"] == 1.0
    assert 0.4 < _asked(lived_in, plan, "park")["p1"]["burning_share"] < 0.6
    forgotten = Period(LOOKED_AT.begin_ms + 40 * DAY_MS, LOOKED_AT.begin_ms + 41 * DAY_MS)
    assert _asked(lived_in, plan, "park", forgotten) == {}


def test_a_park_sees_nothing_of_another(lived_in: ParkStore) -> None:
    """Another park's view over the same store is empty, but for what its own points lack."""
    plan = views().plans["access-passes"]
    material = store_views.material(lived_in, "p2", plan, LOOKED_AT, ())
    assert grouped(plan, "park", "p2", LOOKED_AT, material) == {}
    energy = views().plans["energy-by-hour"]
    material = store_views.material(lived_in, "p2", energy, LOOKED_AT, _layout().names)
    assert grouped(energy, "park", "p2", LOOKED_AT, material) == {}


@pytest.mark.parametrize(
    ("bound", "view", "found"),
    [
        ("ITEMS_MAX", "access-passes", "more than 3 events, cases or alerts"),
        ("READINGS_MAX", "energy-by-hour", "more than 3 readings of energy/*/supply-*/power"),
    ],
)
def test_an_answer_looks_at_a_bounded_number(
    lived_in: ParkStore, monkeypatch: pytest.MonkeyPatch, bound: str, view: str, found: str
) -> None:
    """What would be more is refused with what to do about it."""
    monkeypatch.setattr(store_views, bound, 3)
    with pytest.raises(PeerError) as refused:
        _asked(lived_in, views().plans[view], "park")
    assert (refused.value.status, refused.value.detail) == (
        400,
        f"query.to_ms: expected a period that has fewer, found {found}",
    )


def test_items_fit_what_is_wanted_of_their_fields(lived_in: ParkStore) -> None:
    """Cases and alerts come with the fields that views know."""
    permits = store_views.material(lived_in, "p1", views().plans["safety-permits"], LOOKED_AT, ())
    assert [fits(case, {"enterprise": ("e017",), "state": ("submitted",)}) for case in permits.cases] == [True]
    alerts = store_views.material(lived_in, "p1", views().plans["fire-alerts"], LOOKED_AT, ()).alerts
    assert [(each.zone, each.device, each.fields["level"]) for each in alerts] == [("z03", "smoke-0001", "orange")]


def test_the_views_of_a_folder_outlive_the_host(lived_in: ParkStore, tmp_path: Path) -> None:
    """The same answer after the store was closed and opened again."""
    plan = views().plans["attendance-by-shift"]
    of_day = [event for event in _world() if event.subsystem == "attendance"]
    store = ParkStore(tmp_path / "again")
    store.commit([Change("p1", None, device_events=tuple(of_day))], LOOKED_AT.end_ms)
    store.close()
    store = ParkStore(tmp_path / "again")
    assert _asked(store, plan, "fields.shift") == _asked(lived_in, plan, "fields.shift")
    store.close()
