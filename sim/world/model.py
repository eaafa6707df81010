"""The world: a mesa model in SimPy's time."""

from collections.abc import Generator, Iterator, Mapping, Sequence

import mesa
import numpy as np
import simpy

from contract import catalogue
from contract.catalogue import ParkPoints
from scenarios.model import Scenario, ScenarioError
from sim.network import Cut
from sim.randomness import stream
from sim.world.activity import Activity, staff_of
from sim.world.economy import Economy
from sim.world.ground import city_weather
from sim.world.incidents.course import plan
from sim.world.incidents.kinds import manners, responders
from sim.world.incidents.park_incidents import ParkIncidents, incident_truth
from sim.world.incidents.plan import CITY
from sim.world.office import Office
from sim.world.park import Blueprint, ParkAgent, Turn, blueprint
from sim.world.truth import GroundTruth, Touch, Witness


class World(mesa.Model):
    """Parks with their points, devices, enterprises and incidents.

    Args:
        scenario: what to simulate.
        parks: ids of the parks that live in this world, a part of the scenario's.
        replication: number of the repetition.

    Attributes:
        env: owns the time; links are cut and restored by processes of it.
        truth: what the platform under test never sees.
        economy: the enterprises of all the scenario's parks.

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
        self.weather = city_weather(scenario.seed, replication, self.start_ms)
        self.plan = plan(scenario, replication)
        self.economy = Economy(scenario, parks, replication=replication, start_ms=self.start_ms, end_ms=self.end_ms)
        self._replication = replication
        self._prints = _blueprints(scenario, parks)
        self.parks = [self._settle(park) for park in parks]
        self._turning: Iterator[ParkAgent] = iter(())
        self._interrupt_firms()
        self._whole_city(parks)
        self.truth.arrange()
        # mesa keeps every model that ever had an agent alive by this table; all agents have their ids by now.
        mesa.Agent._ids.pop(self, None)  # noqa: SLF001 - mesa has no public way
        self.env.process(self._clock())

    def turns(self) -> Iterator[Turn]:
        """Live to the end, one turn after another: every park in every sample period."""
        while self.env.peek() < float("inf"):
            self.env.step()
            for park in self._turning:
                yield park.step()
        for park in self.parks:
            if park.witness is not None:
                park.witness.close()
        self.truth.arrange()

    def step(self) -> None:
        """It is every park's turn."""
        self._turning = iter(self.parks)

    def _clock(self) -> Generator[simpy.Event]:
        period_ms = self.scenario.sample_period_ms
        for _ in range(self.start_ms, self.end_ms, period_ms):
            self.step()
            yield self.env.timeout(period_ms)

    def _settle(self, park: str) -> ParkAgent:
        """Build one park with its residents."""
        place = _places()[park]

        def named(name: str) -> np.random.Generator:
            return stream(self.scenario.seed, replication=self._replication, park=place, name=name)

        agent = ParkAgent(self, park, place, self._prints[park], named=named, cuts=self._cuts(park))
        incidents = ParkIncidents(self.plan.of_park(park), agent.surroundings)
        self._check(incidents)
        self.truth.incidents += incidents.truth
        agent.settle(incidents, self._witness(agent, incidents), self._activity(agent), self._office(agent))
        return agent

    def _cuts(self, park: str) -> list[Cut]:
        """What interrupts the park's links: what the scenario says, and outages that are incidents."""
        gateways = self._prints[park].layout.gateways
        cuts = [
            Cut(park, gateways[cut.gateway - 1], cut.from_ms, cut.until_ms, "cut")
            for cut in self.plan.cuts
            if cut.park == park
        ]
        for outage in self.scenario.outages:
            if outage.park == park:
                begin_ms = self.measured_from_ms + round(outage.at_s * 1000)
                end_ms = begin_ms + round(outage.duration_s * 1000)
                gateway = None if outage.gateway is None else gateways[outage.gateway - 1]
                cuts.append(Cut(park, gateway, begin_ms, end_ms, outage.kind, outage.share))
        return cuts

    def _activity(self, agent: ParkAgent) -> Activity | None:
        if not self.scenario.events:
            return None
        activity = Activity(
            park=agent.park,
            layout=self._prints[agent.park].layout,
            staff=staff_of(self.scenario.enterprises_per_park),
            start_ms=self.start_ms,
            end_ms=self.end_ms,
            draw=agent.surroundings.named,
        )
        zones = self._prints[agent.park].layout.zones
        for incident in self.plan.of_park(agent.park):
            zone = zones[incident.zone - 1]
            activity.respond(incident.kind, zone, incident.onset_ms, incident.severity, incident.end_ms)
        return activity

    def _office(self, agent: ParkAgent) -> Office | None:
        """The park's own people, where enterprises give them something to do."""
        if not self.economy.firms:
            return None
        layout, named = self._prints[agent.park].layout, agent.surroundings.named
        return Office(agent.park, self.economy, layout, start_ms=self.start_ms, end_ms=self.end_ms, draw=named)

    def _witness(self, agent: ParkAgent, incidents: ParkIncidents) -> Witness | None:
        touches = incidents.touches(cut=agent.is_networked) + self._outage_touches(agent.park)
        if not touches:
            return None
        blueprint_of = self._prints[agent.park]
        return Witness(
            agent.park,
            blueprint_of.layout,
            blueprint_of.rules,
            touches,
            self.truth,
            period_ms=self.scenario.sample_period_ms,
            escalation_s=responders().escalation_s,
        )

    def _outage_touches(self, park: str) -> list[Touch]:
        """A link that is cut on purpose may lose readings of any of its points."""
        layout = self._prints[park].layout
        return [
            Touch(
                f"outage-{cut.begin_ms}",
                f"outage-{cut.begin_ms}",
                cut.begin_ms,
                cut.end_ms,
                None,
                layout.points_of(cut.gateway),
            )
            for cut in self._cuts(park)
        ]

    def _check(self, incidents: ParkIncidents) -> None:
        """An incident that somebody wrote down and nobody would notice is a mistake."""
        for planned, touched in incidents.planned:
            if planned.written is not None and not touched and not manners()[planned.kind].cuts:
                wanted = f"a zone with points that a {planned.kind} touches"
                found = f"{planned.zone}, which has none of the {self.scenario.points_per_park} points of the park"
                raise ScenarioError(
                    self.scenario.name, f"incidents[{planned.written}].zone", wanted=wanted, found=found
                )

    def _interrupt_firms(self) -> None:
        """Power failures, fires and floods stop the machines of their zone, in every shard's economy alike."""
        for incident in self.plan.incidents:
            if incident.park != CITY and manners()[incident.kind].stops_firms:
                self.economy.interrupt(
                    incident.park, incident.zone, incident.onset_ms, incident.end_ms, cause=incident.kind
                )

    def _whole_city(self, parks: Sequence[str]) -> None:
        """What belongs to no single park is told by the shard with the scenario's first park, responders by base."""
        if self.scenario.parks[:1] == tuple(parks[:1]):
            self.truth.incidents += [incident_truth(planned, None) for planned in self.plan.of_park(CITY)]
        self.truth.responders += [load for load in self.plan.loads if load.parks[0] in parks]


def layout_of(scenario: Scenario, park: str) -> ParkPoints:
    """The points that a park of the scenario has."""
    if scenario.sizes == "catalogue":
        return catalogue.park_layout(park, scenario.points_per_park, scenario.gateways_per_park)
    return catalogue.park_points(scenario.points_per_park, scenario.gateways_per_park)


def _blueprints(scenario: Scenario, parks: Sequence[str]) -> Mapping[str, Blueprint]:
    """Each park's blueprint; parks with the same points share one."""
    by_layout: dict[int, Blueprint] = {}
    prints = {}
    for park in parks:
        layout = layout_of(scenario, park)
        if id(layout) not in by_layout:
            by_layout[id(layout)] = blueprint(scenario, layout)
        prints[park] = by_layout[id(layout)]
    return prints


def _places() -> dict[str, int]:
    return {park.id: place for place, park in enumerate(catalogue.parks())}
