"""Incidents and what they do to the points near them."""

from collections import defaultdict
from typing import get_args

import msgspec
import numpy as np
import pytest

from contract import catalogue
from scenarios.model import Incident, IncidentKind, Scenario, find
from sim.trace import Pack, Trace
from sim.world.incident import manners

KINDS: tuple[IncidentKind, ...] = get_args(IncidentKind)
OVERLAP: tuple[tuple[IncidentKind, float], ...] = (("gas-leak", 2.0), ("fire", 6.0), ("gas-leak", 22.0))
CALM = msgspec.structs.replace(
    find("pilot-2019"), incidents=(), enterprises_per_park=0, sample_period_ms=1000, duration_s=40.0
)


def _everywhere(kind: IncidentKind, points: int, gateways: int, seed: int) -> Scenario:
    """The same incident in every zone, each in a park of its own."""
    zones = 2 * gateways
    incidents = tuple(
        Incident(kind=kind, park=park, zone=zone, at_s=2.0, duration_s=12.0)
        for zone, park in enumerate(CALM.parks[:zones], 1)
    )
    return msgspec.structs.replace(
        CALM,
        seed=seed,
        parks=CALM.parks[:zones],
        points_per_park=points,
        gateways_per_park=gateways,
        incidents=incidents,
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("points", "gateways"), [(2000, 4), (400, 4), (80, 1)])
def test_every_kind_is_noticed_wherever_it_happens(kind: IncidentKind, points: int, gateways: int) -> None:
    """At severity 1.0 every kind of incident is soon knowable, in any zone, also of a small park."""
    trace = Trace(_everywhere(kind, points, gateways, seed=points))
    for _ in trace.steps():
        pass
    first = defaultdict(list)
    for alert in trace.truth.expected:
        first[alert.incident_id].append(alert.knowable_due_ms)
    for incident in trace.truth.incidents:
        assert min(first[incident.incident_id]) - incident.onset_ms < 12_000
    assert len(trace.truth.incidents) == 2 * gateways


@pytest.mark.parametrize("kind", KINDS)
def test_an_incident_touches_its_points_and_no_other(kind: IncidentKind) -> None:
    """Before the onset and away from its points an incident changes no bit; its points come back to normal."""
    incident = Incident(kind=kind, park="baitao", zone=3, at_s=3.0, duration_s=5.0)
    calm = msgspec.structs.replace(CALM, parks=("baitao",), duration_s=120.0)
    values = {}
    for scenario in (calm, msgspec.structs.replace(calm, incidents=(incident,))):
        trace = Trace(scenario)
        packs = [one for one in trace.emissions() if isinstance(one, Pack)]
        rows = defaultdict(list)
        for pack in packs:
            rows[pack.sequence].append(pack.columns.value)
        values[scenario] = np.array([np.concatenate(rows[number]) for number in sorted(rows)])
    before, after = values.values()
    truth = trace.truth.incidents[0]
    touched = np.isin(trace.layout.names, truth.points)
    onset = (truth.onset_ms - trace.start_ms) // 1000
    assert np.array_equal(before[:, ~touched], after[:, ~touched])
    assert np.array_equal(before[:onset], after[:onset])
    assert (before != after).any(axis=0)[touched].all()
    assert np.array_equal(before[-1], after[-1])
    assert truth.zone == "z03"
    assert not trace.truth.undetermined
    assert all(alert.clears_ms is not None for alert in trace.truth.expected)


def test_a_plume_fades_with_distance() -> None:
    """Gas is strongest in the zone of the leak and reaches its neighbours."""
    trace = Trace(_everywhere("gas-leak", 2000, 4, seed=1))
    for _ in trace.steps():
        pass
    home = away = 0
    zones = {incident.incident_id: incident.zone for incident in trace.truth.incidents}
    for alert in trace.truth.expected:
        here = alert.point.split("/")[1] == zones[alert.incident_id]
        home, away = home + here, away + (not here)
    assert home > away / 3 > 0  # eight zones at most around one


def test_severity_is_strength() -> None:
    """A stronger incident raises more alerts."""
    counts = []
    for severity in (0.05, 1.0, 2.0):
        incident = Incident(kind="gas-leak", park="baitao", zone=2, at_s=2.0, duration_s=10.0, severity=severity)
        trace = Trace(msgspec.structs.replace(CALM, parks=("baitao",), incidents=(incident,)))
        for _ in trace.steps():
            pass
        counts.append(len(trace.truth.expected))
    assert counts[0] == 0
    assert counts[1] < counts[2]


def test_every_kind_has_its_manner_and_every_response_its_points() -> None:
    """The table of incidents knows every kind of the scenarios and names only points that the catalogue has."""
    kinds = {f"{one.subsystem}/{one.device}/{one.quantity}": one for one in catalogue.profiles()}
    assert set(manners()) == set(KINDS)
    for manner in manners().values():
        for response in manner.responses:
            profile = kinds[response.quantity]
            assert profile.minimum <= response.to <= profile.maximum


def test_overlapping_incidents_each_have_their_alerts() -> None:
    """Two causes in one place add up, and an alert belongs to the cause that began last before it."""
    incidents = tuple(Incident(kind=kind, park="baitao", zone=2, at_s=at_s, duration_s=15.0) for kind, at_s in OVERLAP)
    trace = Trace(msgspec.structs.replace(CALM, parks=("baitao",), incidents=incidents, duration_s=60.0))
    for _ in trace.steps():
        pass
    assert {alert.incident_id for alert in trace.truth.expected} == {
        "baitao-gas-leak-1",
        "baitao-fire-2",
        "baitao-gas-leak-3",
    }
