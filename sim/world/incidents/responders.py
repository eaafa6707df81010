"""Responders as agents: desks, patrols, technicians and fire brigades, in SimPy's virtual time.

There are never more at work than there are. Who finds all of them busy waits, the most urgent first, then in order of
arrival.
"""

import math
from collections.abc import Sequence
from functools import cache
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np
import simpy

from contract import catalogue
from contract.catalogue import Park
from sim.world.incidents.kinds import responders
from sim.world.truth.model import TeamLoad

KM_PER_DEGREE = 111.2  # of latitude; of longitude times the cosine of the latitude
_MS_PER_H = 3_600_000


class Crew:
    """Some responders of one kind and base.

    Args:
        env: virtual time in milliseconds.
        team: `desk`, `patrol`, `technician` or `brigade`.
        base: the park by which they stand.
        parks: the parks that they serve.
        capacity: how many can work at the same time.
    """

    def __init__(self, env: simpy.Environment, team: str, base: str, parks: Sequence[str], capacity: int) -> None:
        self._env = env
        self._team, self._base, self._parks = team, base, list(parks)
        self._capacity = capacity
        self._busy = 0
        # A heap of our own: simpy's PriorityResource sorts its whole queue at every request.
        self._waiting: list[tuple[int, int, int, simpy.Event]] = []
        self._called = 0
        self._waited_ms_max = 0
        self._queue: list[tuple[int, int, int]] = []

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return len(self._waiting)

    def call(self, priority: int) -> simpy.Event:
        """Ask for one of them; the event happens when one is free, and takes it. Priority 1 goes first."""
        self._called += 1
        answer = self._env.event()
        heappush(self._waiting, (priority, self._called, self._env.now, answer))
        self._assign()
        return answer

    def free(self) -> None:
        """One of them has done its work."""
        self._busy -= 1
        self._assign()

    def load(self, from_ms: int, until_ms: int) -> TeamLoad:
        """How busy they were in a span of time."""
        steps = [(from_ms, 0, 0), *self._queue]
        ends_ms = [at_ms for at_ms, _, _ in steps[1:]] + [until_ms]
        work_ms = sum(
            busy * max(min(end_ms, until_ms) - max(at_ms, from_ms), 0)
            for (at_ms, busy, _), end_ms in zip(steps, ends_ms, strict=True)
        )
        return TeamLoad(
            team=self._team,
            base=self._base,
            parks=self._parks,
            capacity=self._capacity,
            handled=self._called,
            busy_share=round(work_ms / (self._capacity * max(until_ms - from_ms, 1)), 6),
            waited_ms_max=self._waited_ms_max,
            queue=self._queue,
        )

    def _assign(self) -> None:
        while self._waiting and self._busy < self._capacity:
            _, _, since_ms, answer = heappop(self._waiting)
            self._busy += 1
            self._waited_ms_max = max(self._waited_ms_max, self._env.now - since_ms)
            answer.succeed()
        now = (self._env.now, self._busy, len(self._waiting))
        if self._queue and self._queue[-1][0] == now[0]:
            self._queue[-1] = now
        else:
            self._queue.append(now)


class Station(NamedTuple):
    """A fire station: the park by which it stands, and the parks that are nearer to it than to any other."""

    base: str
    parks: tuple[str, ...]


@cache
def stations() -> tuple[Station, ...]:
    """The city's fire stations, spread over the catalogue's parks so that the farthest park is near to one.

    They do not depend on which parks take part in a scenario.
    """
    parks = catalogue.parks()
    bases = [parks[0]]
    while len(bases) < min(responders().brigade.stations, len(parks)):
        bases.append(max(parks, key=lambda park: min(distance_km(park, base) for base in bases)))
    nearest = {park.id: min(bases, key=lambda base: distance_km(park, base)).id for park in parks}
    return tuple(Station(base.id, tuple(park.id for park in parks if nearest[park.id] == base.id)) for base in bases)


def distance_km(one: Park, other: Park) -> float:
    """Straight line between two parks; exact enough over a city."""
    north = (one.latitude - other.latitude) * KM_PER_DEGREE
    middle = math.radians((one.latitude + other.latitude) / 2)
    return math.hypot(north, (one.longitude - other.longitude) * KM_PER_DEGREE * math.cos(middle))


class Force:
    """All responders who serve a scenario's parks.

    Args:
        env: virtual time in milliseconds.
        parks: ids of the parks.
    """

    def __init__(self, env: simpy.Environment, parks: Sequence[str]) -> None:
        who = responders()
        self._crews: dict[tuple[str, str], Crew] = {}
        for park in parks:
            self._crews["desk", park] = Crew(env, "desk", park, [park], who.desk.operators)
            for team in who.teams:
                self._crews[team.team, park] = Crew(env, team.team, park, [park], team.of_a_park)
        self._crews_in_order = list(self._crews.values())
        by_id = {park.id: park for park in catalogue.parks()}
        self._drive_ms: dict[str, float] = {}
        for station in stations():
            served = [park for park in parks if park in station.parks]
            if served:
                crew = Crew(env, "brigade", station.base, served, who.brigade.crews)
                self._crews_in_order.append(crew)
                self._crews |= dict.fromkeys((("brigade", park) for park in served), crew)
                for park in served:
                    km = max(distance_km(by_id[park], by_id[station.base]), who.brigade.least_km) * who.brigade.detour
                    self._drive_ms[park] = km / who.brigade.speed_km_h * _MS_PER_H

    def crew(self, team: str, park: str) -> Crew:
        """Those who serve a park."""
        return self._crews[team, park]

    def travel_ms(self, team: str, park: str, rng: np.random.Generator) -> int:
        """How long one of them takes to the place, from being free on."""
        luck = float(rng.standard_normal())
        if team == "brigade":
            brigade = responders().brigade
            return round(brigade.turnout_s * 1000 + self._drive_ms[park] * math.exp(brigade.spread * luck))
        way = next(one for one in responders().teams if one.team == team)
        return round(way.travel_s * 1000 * math.exp(way.spread * luck))

    def loads(self, from_ms: int, until_ms: int) -> tuple[TeamLoad, ...]:
        """How busy each of them was."""
        return tuple(crew.load(from_ms, until_ms) for crew in self._crews_in_order)
