"""The world: a mesa model, stepped by one process of SimPy, which owns the time."""

from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import pairwise

import mesa
import numpy as np
import simpy

from contract import catalogue
from scenarios.model import Incident, Scenario, ScenarioError
from sim.randomness import stream
from sim.world.enterprise import EnterpriseAgent
from sim.world.incident import IncidentAgent
from sim.world.park import Blueprint, ParkAgent, Turn
from sim.world.physics import frame
from sim.world.truth import GroundTruth


class World(mesa.Model):
    """Parks with their points, enterprises and incidents.

    Args:
        scenario: what to simulate.
        parks: ids of the parks that live in this world, a part of the scenario's.
        replication: number of the repetition.

    Raises:
        ScenarioError: an incident would touch nothing.
    """

    def __init__(self, scenario: Scenario, parks: Sequence[str], replication: int) -> None:
        super().__init__(rng=scenario.seed)  # mesa wants one; every agent here has a named stream of its own instead
        self.scenario = scenario
        self.start_ms = scenario.starts_at_ms
        self.measured_from_ms = self.start_ms + round(scenario.warm_up_s * 1000)
        self.end_ms = self.measured_from_ms + round(scenario.duration_s * 1000)
        self.env = simpy.Environment(initial_time=self.start_ms)
        self.truth = GroundTruth()
        self._blueprint = blueprint(scenario)
        self._turn: Turn | None = None
        self._parks = [self._settle(park, replication) for park in parks]
        self.truth.arrange()
        self._next_park = iter(self._parks)
        # mesa keeps every model that ever had an agent alive by this table; all agents have their ids by now.
        mesa.Agent._ids.pop(self, None)  # noqa: SLF001 - mesa has no public way
        self.env.process(self._clock())

    def turns(self) -> Iterator[Turn]:
        """Live to the end, one turn after another: every park in every sample period."""
        while self.env.peek() < float("inf"):
            self.env.step()
            if self._turn is not None:
                turn, self._turn = self._turn, None
                yield turn
        for park in self._parks:
            if park.witness is not None:
                park.witness.close()
        self.truth.arrange()

    def step(self) -> None:
        """One turn: the next park lives one sample period."""
        next(self._next_park).step()

    def emit(self, turn: Turn) -> None:
        """An agent's intent: this leaves the world."""
        self._turn = turn

    def _clock(self) -> Generator[simpy.Event]:
        period_ms = self.scenario.sample_period_ms
        for _ in range(self.start_ms, self.end_ms, period_ms):
            self._next_park = iter(self._parks)
            for _ in self._parks:
                self.step()
                yield self.env.timeout(0)  # so that who feeds a live platform from here can do so after every turn
            yield self.env.timeout(period_ms)

    def _settle(self, park: str, replication: int) -> ParkAgent:
        """Build one park with its residents."""
        place = _places()[park]

        def named(name: str) -> np.random.Generator:
            return stream(self.scenario.seed, replication=replication, park=place, name=name)

        agent = ParkAgent(self, park, place, self._blueprint, build=named("build"), noise=named("noise"))
        enterprises = [
            EnterpriseAgent(
                self,
                f"{park}-e{number:04d}",
                rate_per_hour=self.scenario.requests_per_enterprise_hour,
                matters=catalogue.matters(),
                begin_ms=self.start_ms,
                rng=named(f"enterprise {number}"),
            )
            for number in range(1, self.scenario.enterprises_per_park + 1)
        ]
        incidents = [
            self._incident(number, incident, agent, named)
            for number, incident in enumerate(self.scenario.incidents)
            if incident.park == park
        ]
        self.truth.incidents += [incident.truth for incident in incidents]
        agent.settle(enterprises, incidents, self.truth)
        return agent

    def _incident(
        self, number: int, incident: Incident, park: ParkAgent, named: Callable[[str], np.random.Generator]
    ) -> IncidentAgent:
        onset_ms = self.measured_from_ms + round(incident.at_s * 1000)
        agent = IncidentAgent(
            self,
            incident,
            incident_id=f"{incident.park}-{incident.kind}-{number + 1}",
            onset_ms=onset_ms,
            near=park.surroundings,
            # Named by what it is, not by its place in the list: another incident beside it changes nothing here.
            rng=named(f"{incident.kind} in zone {incident.zone} at {onset_ms}"),
        )
        if not len(agent.points):
            wanted = f"a zone with points that a {incident.kind} touches"
            found = f"{incident.zone}, which has none of the {self.scenario.points_per_park} points of the park"
            raise ScenarioError(self.scenario.name, f"incidents[{number}].zone", wanted=wanted, found=found)
        return agent


def blueprint(scenario: Scenario) -> Blueprint:
    """What all parks of a scenario have in common."""
    layout = catalogue.park_points(scenario.points_per_park, scenario.gateways_per_park)
    profiles = catalogue.profiles()
    edges = np.searchsorted(layout.gateway, np.arange(len(layout.gateways) + 1)).tolist()
    point = np.arange(len(layout.points), dtype=np.int32)
    point.setflags(write=False)
    return Blueprint(
        layout=layout,
        profiles=profiles,
        frame=frame(layout, profiles, scenario.sample_period_ms),
        rules=catalogue.standard_rules(),
        period_ms=scenario.sample_period_ms,
        point=point,
        blocks=tuple(slice(start, stop) for start, stop in pairwise(edges)),
        parks_total=len(catalogue.parks()),
    )


def _places() -> dict[str, int]:
    return {park.id: place for place, park in enumerate(catalogue.parks())}
