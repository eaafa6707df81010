"""The plan of incidents: rates, severities, consequences, storms, and who draws what."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from statistics import NormalDist

import msgspec
import numpy as np
import pytest

from contract import catalogue
from scenarios.model import Happenings, Incident, IncidentKind, Scenario, find
from sim.trace import Trace
from sim.world.incidents.course import plan
from sim.world.incidents.kinds import manners, responders
from sim.world.incidents.plan import CITY, IncidentPlan, PlannedIncident

DAY_S = 86_400.0
CITY_DAY = msgspec.structs.replace(find("full-2020"), incidents=(), duration_s=DAY_S)
FAR = NormalDist().inv_cdf(1 - 1e-4)  # standard deviations that chance passes once in 5,000 tests


def _happening(scenario: Scenario = CITY_DAY, **happenings: object) -> Scenario:
    return msgspec.structs.replace(scenario, happenings=Happenings(**{"per_park_day": 0.0, **happenings}))


def _roots(of: IncidentPlan) -> list[PlannedIncident]:
    return [incident for incident in of.incidents if incident.cause_id is None]


def _children(of: IncidentPlan, kind: IncidentKind) -> list[PlannedIncident]:
    return [incident for incident in of.incidents if incident.cause_id is not None and incident.kind == kind]


def _is_poisson(count: int, mean: float) -> bool:
    return abs(count - mean) < FAR * mean**0.5 + 1


def test_incidents_come_at_the_rate_that_is_written() -> None:
    """Their number is Poisson with the mean that the scenario names, over the city and for each park."""
    scenario = _happening(per_park_day=40.0, chains=False)
    roots = _roots(plan(scenario, 0))
    assert _is_poisson(len(roots), 47 * 40)
    by_park = Counter(incident.park for incident in roots)
    assert len(by_park) == 47
    # The index of dispersion of Poisson counts is 1, with variance 2 / (n - 1).
    dispersion = np.var(list(by_park.values()), ddof=1) / np.mean(list(by_park.values()))
    assert abs(dispersion - 1) < FAR * (2 / 46) ** 0.5


def test_each_kind_comes_by_its_share() -> None:
    """Kinds divide the rate by their shares; kinds without a share never come by chance."""
    found = Counter(incident.kind for incident in _roots(plan(_happening(per_park_day=40.0, chains=False), 1)))
    mean: Counter[str] = Counter()
    for park in catalogue.parks():
        shares = {kind: manner.share_in(park.industries) for kind, manner in manners().items()}
        mean.update({kind: 40 * share / sum(shares.values()) for kind, share in shares.items()})
    assert mean.total() == pytest.approx(47 * 40)
    for kind in manners():
        assert _is_poisson(found[kind], mean[kind]), kind
    assert "storm" not in found


def test_some_kinds_are_likelier_in_some_industries() -> None:
    """Ammonia leaks where food is kept cold, and each industry that is named is one of the catalogue."""
    leak = manners()["ammonia-leak"]
    assert leak.share_in(("software", "food")) == 5 * leak.share_in(("software",)) == 5 * leak.share
    known = {industry for park in catalogue.parks() for industry in park.industries}
    assert all(industry in known for manner in manners().values() for industry in manner.likelier_in)


def test_arrivals_spread_evenly_over_the_day() -> None:
    """Onsets of a Poisson process are uniform: the Kolmogorov distance stays below its bound."""
    scenario = _happening(per_park_day=40.0, chains=False)
    from_ms = scenario.starts_at_ms + round(scenario.warm_up_s * 1000)
    onset = np.sort([(it.onset_ms - from_ms) / (DAY_S * 1000) for it in _roots(plan(scenario, 0))])
    assert onset[0] >= 0
    assert onset[-1] < 1
    distance = np.abs(onset - (np.arange(len(onset)) + 0.5) / len(onset)).max()
    assert distance < 2.2 / len(onset) ** 0.5  # passed once in 8,000 tests


def test_severities_are_log_normal_within_their_ends() -> None:
    """Median and spread are those of the file, and nothing lies beyond the ends."""
    severities = np.array([it.severity for it in _roots(plan(_happening(per_park_day=40.0, chains=False), 0))])
    law = responders().severity
    assert severities.min() >= law.least
    assert severities.max() <= law.most
    assert abs(np.median(severities) / law.median - 1) < 0.05
    quartiles = np.quantile(np.log(severities), [0.25, 0.75])
    assert abs((quartiles[1] - quartiles[0]) / (2 * NormalDist().inv_cdf(0.75) * law.spread) - 1) < 0.1


def test_only_the_kinds_that_are_named_come() -> None:
    """The scenario may narrow them; the whole rate goes to the rest."""
    roots = _roots(plan(_happening(per_park_day=10.0, kinds=("fire", "discharge"), chains=False), 0))
    assert {it.kind for it in roots} == {"fire", "discharge"}
    assert _is_poisson(len(roots), 470)


def test_a_cause_comes_before_its_consequence() -> None:
    """A consequence begins while its cause lasts, after a time that the file names, in the same group and park."""
    found = plan(_happening(per_park_day=40.0, storms_per_day=6.0), 0)
    by_id = {incident.id: incident for incident in found.incidents}
    assert len(by_id) == len(found.incidents)
    chained = [incident for incident in found.incidents if incident.cause_id is not None]
    assert len(chained) > 300
    for incident in chained:
        cause = by_id[incident.cause_id or ""]
        assert incident.group == cause.group
        if cause.park == CITY:
            assert incident.kind == "storm"
            continue
        consequence = next(it for it in manners()[cause.kind].leads_to if it.kind == incident.kind)
        assert consequence.after_s[0] * 1000 - 1 <= incident.onset_ms - cause.onset_ms
        assert incident.onset_ms - cause.onset_ms <= consequence.after_s[1] * 1000 + 1
        assert incident.onset_ms < cause.end_ms
        assert incident.park == cause.park
    assert all(by_id[incident.group].cause_id is None for incident in found.incidents)
    depth = max(_depth(incident, by_id) for incident in found.incidents)
    assert depth >= 3  # a storm, a power failure, pumps that stop, and perhaps a flood


def _depth(incident: PlannedIncident, by_id: dict[str, PlannedIncident]) -> int:
    return 0 if incident.cause_id is None else 1 + _depth(by_id[incident.cause_id], by_id)


@pytest.mark.parametrize("severity", [0.5, 1.0, 3.0])
def test_consequences_come_with_their_probability(severity: float) -> None:
    """The chance grows with the severity: that of several chances in a row."""
    leaks = tuple(
        Incident(kind="gas-leak", park=park, zone=zone, at_s=600.0 * slot, duration_s=599.0, severity=severity)
        for park in CITY_DAY.parks
        for slot in range(16)
        for zone in (1 + slot % 8,)
    )
    found = plan(_happening(msgspec.structs.replace(CITY_DAY, incidents=leaks)), 0)
    chance = manners()["gas-leak"].leads_to[0].probability(severity)
    assert chance == pytest.approx(1 - 0.9**severity)
    mean = len(leaks) * chance
    assert abs(len(_children(found, "fire")) - mean) < FAR * (mean * (1 - chance)) ** 0.5


def test_what_is_over_brings_about_nothing() -> None:
    """A leak that is stopped within seconds starts no fire; without chains nothing does."""
    leaks = tuple(
        Incident(kind="gas-leak", park=park, zone=2, at_s=100.0 * slot, duration_s=20.0, severity=5.0)
        for park in CITY_DAY.parks
        for slot in range(10)
    )
    short = msgspec.structs.replace(CITY_DAY, incidents=leaks)
    long = msgspec.structs.replace(
        CITY_DAY, incidents=tuple(msgspec.structs.replace(leak, duration_s=400.0) for leak in leaks)
    )
    assert not _children(plan(_happening(short), 0), "fire")
    assert _children(plan(_happening(long), 0), "fire")
    assert not _children(plan(_happening(long, chains=False), 0), "fire")
    assert not _children(plan(long, 0), "fire")


def test_a_storm_touches_many_parks_at_once() -> None:
    """Within the time that it takes to cross the city it is over its share of the parks."""
    found = plan(_happening(storms_per_day=12.0), 0)
    storms = [incident for incident in found.incidents if incident.park == CITY]
    assert _is_poisson(len(storms), 12)
    law = responders().storm
    for storm in storms:
        local = [incident for incident in found.incidents if incident.cause_id == storm.id]
        assert len({incident.park for incident in local}) == len(local) == -int(-law.parks * 47 // 1)
        assert all(storm.onset_ms <= it.onset_ms <= storm.onset_ms + law.crossing_s * 1000 for it in local)
        assert max(it.onset_ms for it in local) > storm.onset_ms


def test_floods_of_a_storm_come_together() -> None:
    """Counts of floods in ten minutes over the city are far more uneven than independent parks would have them."""

    def dispersion(scenario: Scenario) -> float:
        onsets = [it.onset_ms for it in plan(scenario, 0).incidents if it.kind == "flood"]
        counts = np.bincount((np.array(onsets) - scenario.starts_at_ms) // 600_000, minlength=145)
        return float(counts.var(ddof=1) / counts.mean())

    assert dispersion(_happening(storms_per_day=6.0)) > 3
    alone = _happening(per_park_day=4.0, kinds=("flood",), chains=False)
    assert dispersion(alone) < 1 + FAR * (2 / 144) ** 0.5


def test_a_storm_that_is_written_down_keeps_its_times() -> None:
    """A storm over the city ends everywhere when its author says so, and its cuts and floods are in its group."""
    storm = Incident(kind="storm", park="*", zone=1, at_s=60.0, duration_s=1800.0, severity=1.5)
    scenario = _happening(msgspec.structs.replace(CITY_DAY, duration_s=3600.0, incidents=(storm,)))
    found = plan(scenario, 0)
    whole = found.of_park(CITY)[0]
    assert (whole.id, whole.end_ms - whole.onset_ms) == ("city-storm-1", 1_800_000)
    local = [incident for incident in found.incidents if incident.cause_id == whole.id]
    assert {incident.end_ms for incident in local} == {whole.end_ms}
    assert {incident.group for incident in found.incidents} == {whole.id}
    assert {cut.incident_id for cut in found.cuts} == {it.id for it in found.incidents if it.kind == "network-outage"}


def test_written_incidents_keep_their_duration() -> None:
    """Whatever the responders do, the author's end stands; all others last until they are resolved."""
    scenario = msgspec.structs.replace(find("full-2020"), happenings=Happenings(per_park_day=20.0))
    found = plan(scenario, 0)
    written = [incident for incident in found.incidents if incident.written is not None]
    assert len(written) == len(scenario.incidents)
    for incident in written:
        author = scenario.incidents[incident.written or 0]
        assert incident.end_ms - incident.onset_ms == author.duration_s * 1000
    for incident in found.incidents:
        if incident.written is None and manners()[incident.kind].lasts_s is None:
            assert incident.end_ms == incident.resolved_ms


def _drawn(of: IncidentPlan, park: str) -> list[tuple[str, int, int, float]]:
    return [(it.id, it.zone, it.onset_ms, it.severity) for it in _roots(of) if it.park == park]


def test_one_parks_happenings_leave_the_others_draws() -> None:
    """Leaving parks out, or writing incidents for one, changes nothing of what comes by chance in another."""
    scenario = _happening(per_park_day=10.0, storms_per_day=3.0)
    whole = plan(scenario, 0)
    fewer = plan(msgspec.structs.replace(scenario, parks=scenario.parks[3:9]), 0)
    fire = Incident(kind="fire", park=scenario.parks[0], zone=1, at_s=5.0, duration_s=9_000.0)
    other = plan(msgspec.structs.replace(scenario, incidents=(fire,)), 0)
    for park in scenario.parks[3:9]:
        assert _drawn(fewer, park) == _drawn(whole, park) == _drawn(other, park) != []
    assert [it.onset_ms for it in fewer.of_park(CITY)] == [it.onset_ms for it in whole.of_park(CITY)]


def test_more_of_one_kind_leaves_the_others_draws() -> None:
    """Each kind has its own stream: severities and zones of fires stay when other kinds may not come."""
    few = plan(_happening(per_park_day=3.0, kinds=("fire",), chains=False), 0)
    both = plan(_happening(per_park_day=11.0, kinds=("fire", "false-call"), chains=False), 0)  # shares of 3 and 8
    fires = [(it.id, it.zone, it.onset_ms, it.severity) for it in both.incidents if it.kind == "fire"]
    assert fires == [(it.id, it.zone, it.onset_ms, it.severity) for it in few.incidents]
    assert len(fires) > 100


def test_another_replication_is_another_plan() -> None:
    """Repetitions are independent draws."""
    scenario = _happening(per_park_day=10.0)
    assert {it.onset_ms for it in plan(scenario, 0).incidents}.isdisjoint(
        {it.onset_ms for it in plan(scenario, 1).incidents}
    )


_TELL = """
import hashlib, msgspec
from scenarios.model import Happenings, find
from sim.world.incidents.course import plan
happenings = Happenings(per_park_day=10.0, storms_per_day=3.0)
scenario = msgspec.structs.replace(find("full-2020"), duration_s=86_400.0, happenings=happenings)
print(hashlib.sha256(msgspec.json.encode(plan(scenario, 0))).hexdigest())
"""


def test_the_hash_seed_changes_no_plan() -> None:
    """A process with another hash seed than this one makes the same plan, to the byte."""
    other = "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0"
    environment = {**os.environ, "PYTHONHASHSEED": other}
    told = subprocess.run([sys.executable, "-c", _TELL], env=environment, capture_output=True, text=True, check=True)
    happenings = Happenings(per_park_day=10.0, storms_per_day=3.0)
    scenario = msgspec.structs.replace(find("full-2020"), duration_s=DAY_S, happenings=happenings)
    assert told.stdout.strip() == hashlib.sha256(msgspec.json.encode(plan(scenario, 0))).hexdigest()


@pytest.mark.parametrize("shards", [2, 7])
def test_shards_together_tell_the_whole_truth(shards: int) -> None:
    """Incidents by chance, storms and responders stand in the truth of exactly one shard, in the same words."""
    small = msgspec.structs.replace(
        find("pilot-2019"), duration_s=300.0, points_per_park=160, sample_period_ms=10_000, rules="all", warm_up_s=0.0
    )
    scenario = _happening(small, per_park_day=600.0, storms_per_day=300.0)
    whole = Trace(scenario)
    parts = [Trace(scenario, shard=(number, shards)) for number in range(shards)]
    for trace in (whole, *parts):
        for _ in trace.steps():
            pass
    for field in ("incidents", "expected", "undetermined", "tolerated", "responders"):
        one = [msgspec.json.encode(it) for it in getattr(whole.truth, field)]
        many = [msgspec.json.encode(it) for part in parts for it in getattr(part.truth, field)]
        assert sorted(one) == sorted(many), field
    assert len(whole.truth.incidents) > 20
    assert any(incident.park == CITY for incident in whole.truth.incidents)
