"""Incidents and what they do to the points near them."""

from collections import defaultdict
from typing import get_args

import msgspec
import numpy as np
import pytest

from contract import catalogue
from scenarios.model import Incident, IncidentKind, Scenario, find
from sim.randomness import stream
from sim.trace import Pack, Trace
from sim.world.incidents.kinds import manners
from sim.world.incidents.surroundings import Surroundings

KINDS: tuple[IncidentKind, ...] = get_args(IncidentKind)
SOON: tuple[IncidentKind, ...] = (
    "gas-leak",
    "ammonia-leak",
    "fire",
    "discharge",
    "flue-exceedance",
    "power-failure",
    "flood",
    "false-call",
)
LATER_S: dict[IncidentKind, float] = {
    "storm": 90.0,
    "pump-stop": 360.0,
    "equipment-wear": 900.0,
    "sensor-drift": 600.0,
    "sensor-spikes": 150.0,
    "sensor-dead": 400.0,
    "sensor-stuck": 2000.0,
}
OVERLAP: tuple[tuple[IncidentKind, float], ...] = (("gas-leak", 2.0), ("fire", 6.0), ("gas-leak", 22.0))
CALM = msgspec.structs.replace(
    find("pilot-2019"), incidents=(), enterprises_per_park=0, sample_period_ms=1000, duration_s=40.0
)


def _everywhere(kind: IncidentKind, points: int, gateways: int, seed: int, *, lasts_s: float = 12.0) -> Scenario:
    """The same incident in every zone, each in a park of its own."""
    zones = 2 * gateways
    incidents = tuple(
        Incident(kind=kind, park=park, zone=zone, at_s=2.0, duration_s=lasts_s)
        for zone, park in enumerate(CALM.parks[:zones], 1)
    )
    return msgspec.structs.replace(
        CALM,
        seed=seed,
        parks=CALM.parks[:zones],
        points_per_park=points,
        gateways_per_park=gateways,
        incidents=incidents,
        duration_s=lasts_s + 28.0,
    )


def _lived(scenario: Scenario) -> Trace:
    trace = Trace(scenario)
    for _ in trace.steps():
        pass
    return trace


def _one(kind: IncidentKind, *, severity: float = 1.0, duration_s: float = 10.0) -> Scenario:
    incident = Incident(kind=kind, park="baitao", zone=2, at_s=2.0, duration_s=duration_s, severity=severity)
    return msgspec.structs.replace(CALM, parks=("baitao",), incidents=(incident,), duration_s=duration_s + 30.0)


@pytest.mark.parametrize("kind", SOON)
@pytest.mark.parametrize(("points", "gateways"), [(2000, 4), (400, 4), (80, 1)])
def test_every_kind_is_noticed_wherever_it_happens(kind: IncidentKind, points: int, gateways: int) -> None:
    """At severity 1.0 every kind of sudden incident is soon knowable, in any zone, also of a small park."""
    trace = _lived(_everywhere(kind, points, gateways, seed=points))
    first = defaultdict(list)
    for alert in trace.truth.expected:
        first[alert.incident_id].append(alert.knowable_due_ms)
    for incident in trace.truth.incidents:
        assert min(first[incident.incident_id]) - incident.onset_ms < 12_000
    assert len(trace.truth.incidents) == 2 * gateways


@pytest.mark.parametrize("kind", LATER_S)
def test_slow_kinds_are_noticed_too(kind: IncidentKind) -> None:
    """At severity 1.0 slow incidents and faults of sensors are knowable while they last, in any zone."""
    scenario = msgspec.structs.replace(_everywhere(kind, 150, 1, seed=3, lasts_s=LATER_S[kind]), rules="all")
    trace = _lived(scenario)
    noticed = {alert.incident_id: alert.knowable_due_ms for alert in reversed(trace.truth.expected)}
    assert all(noticed[incident.incident_id] < incident.end_ms for incident in trace.truth.incidents)
    assert len(noticed) == 2


def test_every_kind_is_tested_for_being_noticed() -> None:
    """Only a cut line is not seen in the readings: no time passes for a gateway that sends nothing."""
    assert {*SOON, *LATER_S} | {kind for kind, manner in manners().items() if manner.cuts} == set(KINDS)


def _values(scenario: Scenario) -> tuple[Trace, np.ndarray]:
    """Each step's readings of one park, (steps, n); NaN where a point sent nothing."""
    trace = Trace(scenario)
    steps = round(scenario.warm_up_s + scenario.duration_s)
    values = np.full((steps, len(trace.layouts[trace.parks[0]].points)), np.nan)
    for one in trace.emissions():
        if isinstance(one, Pack):
            values[(one.columns.time_ms - trace.start_ms) // 1000, one.columns.point] = one.columns.value
    return trace, values


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not manners()[kind].cuts])
def test_an_incident_touches_its_points_and_no_other(kind: IncidentKind) -> None:
    """Before the onset and away from its points an incident changes no bit; its points come back to normal."""
    long_s = LATER_S.get(kind, 20.0)
    incident = Incident(kind=kind, park="baitao", zone=3, at_s=3.0, duration_s=long_s)
    tail_s = 120.0 if kind in SOON else 3000.0
    calm = msgspec.structs.replace(CALM, parks=("baitao",), duration_s=long_s + tail_s, points_per_park=400)
    _, before = _values(calm)
    trace, after = _values(msgspec.structs.replace(calm, incidents=(incident,)))
    truth = trace.truth.incidents[0]
    touched = np.isin(trace.layouts[trace.parks[0]].names, truth.points)
    onset = (truth.onset_ms - trace.start_ms) // 1000
    assert not np.isnan(before).any()
    assert np.array_equal(before[:, ~touched], after[:, ~touched])
    assert np.array_equal(before[:onset], after[:onset])
    late = 600 if kind == "power-failure" else 0  # some live on a battery for longer than this failure
    assert ((before != after).any(axis=0)[touched]).all() or late
    assert np.array_equal(before[-1], after[-1])
    assert truth.zone == "z03"
    assert not trace.truth.undetermined
    assert all(alert.clears_ms is not None for alert in trace.truth.expected)


def test_a_plume_fades_with_distance() -> None:
    """Gas is strongest in the zone of the leak and reaches its neighbours."""
    trace = _lived(_everywhere("gas-leak", 2000, 4, seed=1))
    home = away = 0
    zones = {incident.incident_id: incident.zone for incident in trace.truth.incidents}
    for alert in trace.truth.expected:
        here = alert.point.split("/")[1] == zones[alert.incident_id]
        home, away = home + here, away + (not here)
    assert home > away / 3 > 0  # eight zones at most around one


def _surroundings(park: int) -> Surroundings:
    layout = catalogue.park_points(100, 1)
    return Surroundings(
        layout,
        catalogue.profiles(),
        place=np.zeros((100, 2)),
        level=lambda: np.zeros(100),
        offset_ms=np.zeros(100, np.int64),
        named=lambda name: stream(1, replication=0, park=park, name=name),
    )


def test_the_wind_belongs_to_the_park_and_the_hour() -> None:
    """Two plumes of an hour drift the same way; from hour to hour it veers around the park's prevailing direction."""
    near = _surroundings(3)
    hour_ms = 3_600_000
    assert near.wind_rad(7 * hour_ms) == near.wind_rad(8 * hour_ms - 1) == _surroundings(3).wind_rad(7 * hour_ms + 5)
    assert near.wind_rad(7 * hour_ms) != _surroundings(4).wind_rad(7 * hour_ms)
    day = [near.wind_rad(hour * hour_ms) for hour in range(400)]
    assert 0.5 < np.std(day) < 0.7


def test_severity_is_strength() -> None:
    """A stronger incident raises more alerts."""
    counts = [len(_lived(_one("gas-leak", severity=severity)).truth.expected) for severity in (0.05, 1.0, 2.0)]
    assert counts[0] == 0
    assert counts[1] < counts[2]


def test_every_kind_has_its_manner_and_every_response_its_points() -> None:
    """The table of incidents knows every kind of the scenarios and names only points that the catalogue has."""
    kinds = {f"{one.subsystem}/{one.device}/{one.quantity}": one for one in catalogue.profiles()}
    devices = {f"{one.subsystem}/{one.device}" for one in catalogue.profiles()}
    assert set(manners()) == set(KINDS)
    for manner in manners().values():
        for response in manner.responses:
            profile = kinds[response.quantity]
            assert profile.minimum <= response.to <= profile.maximum
        assert all(device in devices for it in manner.silences for device in it.devices)
        assert all(quantity in kinds for quantity in (manner.fault.among if manner.fault else ()))
        assert manner.answer.teams or manner.lasts_s, "what nobody resolves must end by itself"


def test_overlapping_incidents_each_have_their_alerts() -> None:
    """Two causes in one place add up, and an alert belongs to the cause that began last before it."""
    incidents = tuple(Incident(kind=kind, park="baitao", zone=2, at_s=at_s, duration_s=15.0) for kind, at_s in OVERLAP)
    trace = _lived(msgspec.structs.replace(CALM, parks=("baitao",), incidents=incidents, duration_s=60.0))
    assert {alert.incident_id for alert in trace.truth.expected} == {
        "baitao-gas-leak-1",
        "baitao-fire-2",
        "baitao-gas-leak-3",
    }


def _touched(kind: IncidentKind, duration_s: float) -> tuple[Trace, np.ndarray, np.ndarray, int]:
    """The trace of one incident, the values of the points that it touches, their places, and the step of its onset."""
    trace, values = _values(msgspec.structs.replace(_one(kind, duration_s=duration_s), points_per_park=400))
    truth = trace.truth.incidents[0]
    places = np.flatnonzero(np.isin(trace.layouts[trace.parks[0]].names, truth.points))
    return trace, values[:, places], places, (truth.onset_ms - trace.start_ms + 999) // 1000


def test_a_stuck_sensor_repeats_its_last_value() -> None:
    """From the onset to the end it sends one value, and moves before and after."""
    trace, values, _, onset = _touched("sensor-stuck", 60.0)
    end = (trace.truth.incidents[0].end_ms - trace.start_ms) // 1000
    during = values[onset + 1 : end]
    assert (during == during[0]).all()
    assert (np.ptp(values[end + 1 :], axis=0) > 0).all()


def test_a_dead_sensor_sends_nothing() -> None:
    """From the onset to the end there is no reading of it, and all others go on."""
    trace, values, places, onset = _touched("sensor-dead", 30.0)
    end = (trace.truth.incidents[0].end_ms - trace.start_ms) // 1000
    assert np.isnan(values[onset + 1 : end]).all()
    assert not np.isnan(values[:onset]).any()
    assert not np.isnan(values[end + 1 :]).any()
    assert 0 < len(places) <= 2


def test_a_drifting_sensor_strays_slowly_and_one_way() -> None:
    """A sensor that drifts is farther off at the end than half-way, by far more than its noise."""
    _, values, _, onset = _touched("sensor-drift", 600.0)
    start, middle, end = values[onset], values[onset + 300], values[onset + 595]
    assert (start < middle).all()
    assert (middle < end).all()


def test_a_spiking_sensor_bursts_and_returns() -> None:
    """Bursts take up about their share of the time; between them the values are ordinary."""
    _, values, _, onset = _touched("sensor-spikes", 2000.0)
    during = values[onset : onset + 2000]
    usual = np.median(during, axis=0)
    burst = during > usual + 10 * (np.median(np.abs(during - usual), axis=0) + 0.1)
    share = burst.mean(axis=0)
    expected = 4 / (20 + 4)  # kinds.yaml: burst_s and every_s
    assert (np.abs(share - expected) < 0.06).all()


def test_a_power_failure_silences_what_hangs_on_the_feeder() -> None:
    """Lamps at once, what has a battery later, and the meters of the feeder go on telling of it."""
    trace, values, places, onset = _touched("power-failure", 700.0)
    names = [trace.layouts[trace.parks[0]].names[place] for place in places]
    silent_s = {name: int(np.isnan(values[onset:, column]).argmax()) for column, name in enumerate(names)}
    lamps = [silent_s[name] for name in names if name.startswith("lighting/")]
    doors = [silent_s[name] for name in names if "/door-" in name]
    volts = [column for column, name in enumerate(names) if name.endswith("/voltage")]
    assert lamps
    assert max(lamps) <= 2
    assert doors
    assert min(doors) >= 599
    assert not np.isnan(values[:, volts]).any()
    assert not np.isnan(values[-1]).any()
