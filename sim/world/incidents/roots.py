"""Root causes: what the scenario's author wrote down, what comes by chance at rates, and storms over the city."""

import math
from collections.abc import Iterator

import msgspec
import numpy as np

from contract import catalogue
from contract.catalogue.layout import ZONES_PER_GATEWAY
from scenarios.model import IncidentKind, Scenario
from sim.randomness import stream
from sim.world.incidents.kinds import Manner, Severity, manners, responders
from sim.world.incidents.plan import CITY, CITY_PLACE, places

DAY_MS = 86_400_000
LASTING_SPREAD = 0.4  # assumption: of the logarithm of how long that lasts which ends by itself
CROSSING_LEAST = 1e-9  # all parks in one place are reached at once


class Root(msgspec.Struct, frozen=True, kw_only=True):
    """An incident without an incident before it; `end_ms` is None when it lasts until it is resolved.

    Attributes:
        parks: of a storm over the city: each park that it reaches, and when.
    """

    id: str
    kind: IncidentKind
    park: str
    zone: int
    onset_ms: int
    severity: float
    end_ms: int | None = None
    written: int | None = None
    parks: tuple[tuple[str, int], ...] = ()


def roots(scenario: Scenario, replication: int) -> list[Root]:
    """All root causes of a scenario, in order of (onset, id)."""
    found = [*_written(scenario, replication), *_by_chance(scenario, replication), *_storms(scenario, replication)]
    return sorted(found, key=lambda root: (root.onset_ms, root.id))


def draw_severity(of: Severity, rng: np.random.Generator) -> float:
    """A severity, rounded so that it reads well."""
    drawn = of.median * math.exp(of.spread * float(rng.standard_normal()))
    return round(min(max(drawn, of.least), of.most), 3)


def lasting_ms(manner: Manner, rng: np.random.Generator) -> int | None:
    """How long an incident lasts that ends by itself, None for the others. Draws once for either."""
    luck = float(rng.standard_normal())
    return None if manner.lasts_s is None else round(manner.lasts_s * 1000 * math.exp(LASTING_SPREAD * luck))


def measured_from_ms(scenario: Scenario) -> int:
    """Incidents begin from here on, Unix milliseconds."""
    return scenario.starts_at_ms + round(scenario.warm_up_s * 1000)


def ends_ms(scenario: Scenario) -> int:
    """Nothing begins from here on."""
    return measured_from_ms(scenario) + round(scenario.duration_s * 1000)


def _written(scenario: Scenario, replication: int) -> Iterator[Root]:
    for number, incident in enumerate(scenario.incidents):
        onset_ms = measured_from_ms(scenario) + round(incident.at_s * 1000)
        is_city = incident.park == CITY
        rng = stream(
            scenario.seed, replication=replication, park=CITY_PLACE, name=f"way of a storm written for {onset_ms}"
        )
        yield Root(
            id=f"{'city' if is_city else incident.park}-{incident.kind}-{number + 1}",
            kind=incident.kind,
            park=incident.park,
            zone=0 if is_city else incident.zone,
            onset_ms=onset_ms,
            severity=incident.severity,
            end_ms=onset_ms + round(incident.duration_s * 1000),
            written=number,
            parks=_crossing(scenario, onset_ms, rng) if is_city else (),
        )


def _by_chance(scenario: Scenario, replication: int) -> Iterator[Root]:
    """Each kind in each park is a Poisson process with a stream of its own, so that none changes another."""
    happenings = scenario.happenings
    if happenings is None or not happenings.per_park_day:
        return
    kinds = [one for one in manners().values() if one.share and (not happenings.kinds or one.kind in happenings.kinds)]
    industries = {park.id: park.industries for park in catalogue.parks()}
    from_ms, until_ms = measured_from_ms(scenario), ends_ms(scenario)
    for park, place in places(scenario.parks).items():
        total = sum(manner.share_in(industries[park]) for manner in kinds)
        for manner in kinds:
            gap_ms = DAY_MS * total / (happenings.per_park_day * manner.share_in(industries[park]))
            rng = stream(scenario.seed, replication=replication, park=place, name=f"{manner.kind} by chance")
            at_ms = from_ms + gap_ms * float(rng.exponential())
            number = 0
            while at_ms < until_ms:
                number += 1
                yield Root(
                    id=f"{park}-{manner.kind}-c{number}",
                    kind=manner.kind,
                    park=park,
                    zone=1 + int(rng.integers(ZONES_PER_GATEWAY * scenario.gateways_per_park)),
                    onset_ms=int(at_ms),
                    severity=draw_severity(responders().severity, rng),
                )
                at_ms += gap_ms * float(rng.exponential())


def _storms(scenario: Scenario, replication: int) -> Iterator[Root]:
    happenings = scenario.happenings
    if happenings is None or not happenings.storms_per_day:
        return
    gap_ms = DAY_MS / happenings.storms_per_day
    rng = stream(scenario.seed, replication=replication, park=CITY_PLACE, name="storms")
    at_ms = measured_from_ms(scenario) + gap_ms * float(rng.exponential())
    number = 0
    while at_ms < ends_ms(scenario):
        number += 1
        severity = draw_severity(responders().storm.severity, rng)
        lasts_ms = lasting_ms(manners()["storm"], rng) or 0
        yield Root(
            id=f"city-storm-c{number}",
            kind="storm",
            park=CITY,
            zone=0,
            onset_ms=int(at_ms),
            severity=severity,
            end_ms=int(at_ms) + lasts_ms,
            parks=_crossing(scenario, int(at_ms), rng),
        )
        at_ms += gap_ms * float(rng.exponential())


def _crossing(scenario: Scenario, onset_ms: int, rng: np.random.Generator) -> tuple[tuple[str, int], ...]:
    """The parks that a storm reaches: those nearest to the line along which it passes, in order of time.

    The line goes through one of the catalogue's parks in a random direction, whichever parks take part.
    """
    known = catalogue.parks()
    storm = responders().storm
    where = np.array([(park.longitude, park.latitude) for park in known])
    centre = where[int(rng.integers(len(known)))]
    angle = float(rng.uniform(0, 2 * np.pi))
    along = (where - centre) @ np.array([np.cos(angle), np.sin(angle)])
    aside = np.abs((where - centre) @ np.array([-np.sin(angle), np.cos(angle)]))
    reached = np.sort(np.argsort(aside, kind="stable")[: math.ceil(storm.parks * len(known))])
    way = along[reached] - along[reached].min()
    delay_ms = np.rint(way / max(float(way.max()), CROSSING_LEAST) * storm.crossing_s * 1000).astype(np.int64)
    when = {known[place].id: onset_ms + late for place, late in zip(reached.tolist(), delay_ms.tolist(), strict=True)}
    hit = [(park, when[park]) for park in scenario.parks if park in when]
    return tuple(sorted(hit, key=lambda one: (one[1], one[0])))
