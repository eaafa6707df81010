"""Responders: never more at work than there are, and late where there are too few."""

import math

import msgspec
import numpy as np
import pytest
import simpy

from contract import catalogue
from scenarios.model import Happenings, Incident, Scenario, find
from sim.trace import Trace
from sim.world.incidents.course import plan
from sim.world.incidents.kinds import manners, responders
from sim.world.incidents.plan import CITY, IncidentPlan
from sim.world.incidents.responders import Crew, Force, distance_km, stations

DAY_S = 86_400.0
BASE = msgspec.structs.replace(find("full-2020"), incidents=(), duration_s=DAY_S)
BUSY = msgspec.structs.replace(BASE, happenings=Happenings(per_park_day=40.0, storms_per_day=4.0))


def _at_work_max(of: IncidentPlan, team: str) -> int:
    return max(busy for load in of.loads if load.team == team for _, busy, _ in load.queue)


def test_never_more_are_at_work_than_there_are() -> None:
    """At no moment of a busy day is more than the capacity at work, while others wait."""
    loads = plan(BUSY, 0).loads
    assert {load.team for load in loads} == {"desk", "patrol", "technician", "brigade"}
    for load in loads:
        assert all(0 <= busy <= load.capacity for _, busy, _ in load.queue)
        assert all(busy == load.capacity for _, busy, waiting in load.queue if waiting)
        assert 0 <= load.busy_share <= 1
    assert any(waiting for load in loads for _, _, waiting in load.queue)


def test_a_crew_with_one_server_keeps_the_law_of_its_queue() -> None:
    """Poisson calls and exponential work at one server: the mean wait is that of an M/M/1 queue."""
    env = simpy.Environment(initial_time=0)
    crew = Crew(env, "patrol", "here", ["here"], 1)
    rng = np.random.Generator(np.random.PCG64(7))
    load, work_ms, calls = 0.6, 1000.0, 20_000
    waits: list[int] = []

    def job(took_ms: int) -> object:
        came_ms = env.now
        yield crew.call(2)
        waits.append(env.now - came_ms)
        yield env.timeout(took_ms)
        crew.free()

    def arrivals() -> object:
        for _ in range(calls):
            yield env.timeout(round(rng.exponential(work_ms / load)))
            env.process(job(round(rng.exponential(work_ms))))

    env.process(arrivals())
    env.run()
    assert len(waits) == calls
    assert np.mean(waits) == pytest.approx(load / (1 - load) * work_ms, rel=0.12)
    assert crew.load(0, env.now).busy_share == pytest.approx(load, rel=0.05)


def test_the_urgent_go_first_and_the_others_in_order() -> None:
    """Of those who wait, priority 1 is served first; of equals, who came first."""
    env = simpy.Environment(initial_time=0)
    crew = Crew(env, "desk", "here", ["here"], 1)
    served: list[str] = []

    def job(name: str, priority: int) -> object:
        yield crew.call(priority)
        served.append(name)
        yield env.timeout(10)
        crew.free()

    for name, priority in (("first", 3), ("low", 3), ("high", 1), ("low too", 3), ("high too", 1)):
        env.process(job(name, priority))
    env.run()
    assert served == ["first", "high", "high too", "low", "low too"]


def test_timelines_are_in_order() -> None:
    """Noticed, acknowledged, dispatched, arrived, resolved: each after the other, for every incident with teams."""
    for incident in plan(BUSY, 0).incidents:
        if incident.park == CITY:
            assert incident.noticed_ms is None
            continue
        steps = [incident.onset_ms, incident.noticed_ms, incident.acknowledged_ms]
        if manners()[incident.kind].answer.teams:
            steps += [incident.dispatched_ms, incident.arrived_ms, incident.resolved_ms]
        assert None not in steps, incident.id
        assert steps == sorted(steps), incident.id


def test_what_is_not_written_down_lasts_until_it_is_resolved() -> None:
    """Help that comes late makes incidents longer: the same fires last longer where many burn at once."""
    park = BASE.parks[0]
    one = msgspec.structs.replace(BASE, happenings=Happenings(per_park_day=0.5, kinds=("fire",), chains=False))
    many = msgspec.structs.replace(BASE, happenings=Happenings(per_park_day=60.0, kinds=("fire",), chains=False))

    def lasts_s(scenario: Scenario) -> float:
        fires = plan(scenario, 0).incidents
        return float(np.median([(it.end_ms - it.onset_ms) / 1000 for it in fires]))

    assert lasts_s(many) > 3 * lasts_s(one)
    assert park in {it.park for it in plan(many, 0).incidents}


def _desk_delays_s(alone: bool) -> list[float]:
    incidents = tuple(
        Incident(kind="discharge", park=park, zone=zone, at_s=60.0, duration_s=600.0)
        for park in BASE.parks
        for zone in (range(1, 2) if alone else range(1, 9))
    )
    found = plan(msgspec.structs.replace(BASE, incidents=incidents), 0).incidents
    return [((it.acknowledged_ms or 0) - (it.noticed_ms or 0)) / 1000 for it in found]


def test_a_flood_of_alarms_makes_the_desk_slow() -> None:
    """Eight incidents at once at one desk are acknowledged far later than one, which takes half a minute or so."""
    quick, slow = np.median(_desk_delays_s(alone=True)), np.median(_desk_delays_s(alone=False))
    desk = responders().desk
    assert quick == pytest.approx(desk.read_s + 3 * desk.each_alarm_s, rel=0.25)  # four alarms each
    assert slow > 3 * quick


def test_a_brigade_serves_several_parks_by_road() -> None:
    """Each park has the nearest station; the way there takes as long as its distance says."""
    served = [park for station in stations() for park in station.parks]
    assert sorted(served) == sorted(park.id for park in catalogue.parks())
    by_id = {park.id: park for park in catalogue.parks()}
    for station in stations():
        for park in station.parks:
            mine = distance_km(by_id[park], by_id[station.base])
            assert all(mine <= distance_km(by_id[park], by_id[other.base]) for other in stations())
    assert max(len(station.parks) for station in stations()) > 1
    force = Force(simpy.Environment(initial_time=0), BASE.parks)
    rng = np.random.Generator(np.random.PCG64(3))
    law = responders().brigade
    for station in stations():
        park = max(station.parks, key=lambda it: distance_km(by_id[it], by_id[station.base]))
        km = max(distance_km(by_id[park], by_id[station.base]), law.least_km) * law.detour
        drives_s = [force.travel_ms("brigade", park, rng) / 1000 - law.turnout_s for _ in range(400)]
        assert np.median(drives_s) == pytest.approx(km / law.speed_km_h * 3600, rel=4 * law.spread / math.sqrt(400))


def test_a_brigade_at_work_in_one_park_comes_late_to_the_next() -> None:
    """Fires in the parks of one station share its crews; a fire far away does not."""
    station = max(stations(), key=lambda it: len(it.parks))
    parks, crews = station.parks, responders().brigade.crews
    assert len(parks) > 2 * crews

    def resolved_ms(*burning: str) -> int:
        """Of a fire in the last park, which breaks out just after those in the others."""
        others = [(park, 60.0 + place) for place, park in enumerate(burning[:-1])]
        incidents = tuple(
            Incident(kind="fire", park=park, zone=1, at_s=at_s, duration_s=100.0)
            for park, at_s in [*others, (burning[-1], 120.0)]
        )
        found = plan(msgspec.structs.replace(BASE, incidents=incidents), 0).incidents
        return max(it.resolved_ms or 0 for it in found if it.park == burning[-1])

    far = next(it.parks[0] for it in stations() if it.base != station.base)
    last = parks[-1]
    alone = resolved_ms(last)
    assert resolved_ms(*parks[: 2 * crews], last) > alone + 600_000
    assert resolved_ms(far, last) == alone


def test_the_truth_tells_timelines_and_loads() -> None:
    """Each incident of the truth has its timeline, and each of the responders their load."""
    scenario = msgspec.structs.replace(find("pilot-2019"), parks=find("pilot-2019").parks[:3], incidents=())
    fire = Incident(kind="fire", park=scenario.parks[1], zone=2, at_s=2.0, duration_s=20.0)
    trace = Trace(msgspec.structs.replace(scenario, incidents=(fire,)))
    told = trace.truth.incidents[0]
    planned = plan(msgspec.structs.replace(scenario, incidents=(fire,)), 0).incidents[0]
    assert (told.noticed_ms, told.acknowledged_ms, told.dispatched_ms, told.arrived_ms, told.resolved_ms) == (
        planned.noticed_ms,
        planned.acknowledged_ms,
        planned.dispatched_ms,
        planned.arrived_ms,
        planned.resolved_ms,
    )
    desks = {load.base: load.handled for load in trace.truth.responders if load.team == "desk"}
    assert desks == {park: int(park == fire.park) for park in scenario.parks}


def test_who_acknowledges_late_lets_alarms_escalate() -> None:
    """An alert escalates that stands past its level's time while nobody has acknowledged its incident."""
    scenario = msgspec.structs.replace(find("pilot-2019"), incidents=(), duration_s=300.0, parks=("baitao",))
    incidents = tuple(
        Incident(kind="fire", park="baitao", zone=zone, at_s=5.0, duration_s=250.0) for zone in range(1, 5)
    )
    trace = Trace(msgspec.structs.replace(scenario, incidents=incidents))
    for _ in trace.steps():
        pass
    known = {incident.incident_id: incident for incident in trace.truth.incidents}
    after_ms = {level: round(1000 * after_s) for level, after_s in responders().escalation_s.items()}
    escalated = [alert for alert in trace.truth.expected if alert.escalates_ms is not None]
    assert escalated
    for alert in trace.truth.expected:
        due_ms = alert.knowable_ms + after_ms[alert.level]
        acknowledged_ms = known[alert.incident_id].acknowledged_ms or 0
        cleared_ms = math.inf if alert.clears_ms is None else alert.clears_ms
        wanted = due_ms if acknowledged_ms > due_ms and cleared_ms > due_ms else None
        assert alert.escalates_ms == wanted
    assert any(alert.escalates_ms is None and alert.level == "red" for alert in trace.truth.expected)
