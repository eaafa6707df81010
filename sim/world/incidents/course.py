"""The course of incidents: causes bring about consequences, responders answer, in SimPy's virtual time."""

import math
from collections.abc import Generator
from functools import lru_cache

import numpy as np
import simpy

from contract.catalogue.layout import ZONES_PER_GATEWAY
from scenarios.model import IncidentKind, Scenario
from sim.randomness import stream
from sim.world.incidents.kinds import Consequence, manners, responders
from sim.world.incidents.plan import CITY, Cut, IncidentPlan, PlannedIncident, gateway_of, places
from sim.world.incidents.responders import Force
from sim.world.incidents.roots import Root, draw_severity, ends_ms, lasting_ms, roots


@lru_cache(maxsize=8)
def plan(scenario: Scenario, replication: int = 0) -> IncidentPlan:
    """All that goes wrong in a scenario: the same on every shard.

    Incidents that the scenario's author wrote keep their duration, whatever the responders do; all others last until
    they are resolved, or end by themselves, if need be after the end of the trace.
    """
    return _Course(scenario, replication).run()


class _Life:
    """An incident while it is lived; `end_ms` is None as long as nobody knows when it ends."""

    def __init__(
        self,
        incident_id: str,
        kind: IncidentKind,
        park: str,
        zone: int,
        *,
        severity: float,
        end_ms: int | None,
        cause: "_Life | None" = None,
        written: int | None = None,
    ) -> None:
        self.id = incident_id
        self.kind, self.park, self.zone = kind, park, zone
        self.severity = severity
        self.end_ms = end_ms
        self.written = written
        self.cause_id = cause.id if cause else None
        self.group: str = cause.group if cause else incident_id
        self.onset_ms = 0
        self.noticed_ms: int | None = None
        self.acknowledged_ms: int | None = None
        self.dispatched_ms: int | None = None
        self.arrived_ms: int | None = None
        self.resolved_ms: int | None = None

    @property
    def what(self) -> str:
        """What it is, for its streams: not its id, so that another in the author's list changes nothing here."""
        return f"{self.kind} in zone {self.zone} at {self.onset_ms}"

    def told(self) -> PlannedIncident:
        """As it was."""
        return PlannedIncident(
            id=self.id,
            cause_id=self.cause_id,
            group=self.group,
            kind=self.kind,
            park=self.park,
            zone=self.zone,
            onset_ms=self.onset_ms,
            end_ms=self.end_ms or self.onset_ms,
            severity=self.severity,
            noticed_ms=self.noticed_ms,
            acknowledged_ms=self.acknowledged_ms,
            dispatched_ms=self.dispatched_ms,
            arrived_ms=self.arrived_ms,
            resolved_ms=self.resolved_ms,
            written=self.written,
        )


class _Course:
    """Lives the incidents of all parks of a scenario, without any readings."""

    def __init__(self, scenario: Scenario, replication: int) -> None:
        self._scenario = scenario
        self._replication = replication
        self._env = simpy.Environment(initial_time=scenario.starts_at_ms)
        self._ends_ms = ends_ms(scenario)
        self._chains = scenario.happenings is not None and scenario.happenings.chains
        self._force = Force(self._env, scenario.parks)
        self._place = places(scenario.parks)
        self._lives: list[_Life] = []
        self._known: set[tuple[str, str, int, str]] = set()  # group, park, zone, kind

    def run(self) -> IncidentPlan:
        """Live to the last resolution."""
        for root in roots(self._scenario, self._replication):
            self._env.process(self._begin(root))
        self._env.run()
        incidents = sorted((life.told() for life in self._lives), key=lambda it: (it.onset_ms, it.id))
        cuts = [
            Cut(
                park=it.park,
                gateway=gateway_of(it.zone),
                from_ms=it.onset_ms,
                until_ms=it.end_ms,
                incident_id=it.id,
            )
            for it in incidents
            if manners()[it.kind].cuts
        ]
        loads = self._force.loads(self._scenario.starts_at_ms, self._ends_ms)
        return IncidentPlan(incidents=tuple(incidents), cuts=tuple(cuts), loads=loads)

    def _stream(self, park: str, name: str) -> np.random.Generator:
        return stream(self._scenario.seed, replication=self._replication, park=self._place[park], name=name)

    def _begin(self, root: Root) -> Generator[simpy.Event]:
        yield self._env.timeout(root.onset_ms - self._env.now)
        life = _Life(
            root.id,
            root.kind,
            root.park,
            root.zone,
            severity=root.severity,
            end_ms=root.end_ms,
            written=root.written,
        )
        if root.park != CITY:
            yield from self._live(life)
            return
        life.onset_ms = root.onset_ms
        self._lives.append(life)
        for park, at_ms in root.parks:
            self._env.process(self._reach(life, park, at_ms))

    def _reach(self, storm: _Life, park: str, at_ms: int) -> Generator[simpy.Event]:
        """The storm over the city comes to a park, unless it is over by then; it ends everywhere at the same time."""
        yield self._env.timeout(at_ms - self._env.now)
        if at_ms >= min(self._ends_ms, storm.end_ms or self._ends_ms):
            return
        local = _Life(
            storm.id.replace("city", park, 1),
            storm.kind,
            park,
            1,
            severity=storm.severity,
            end_ms=storm.end_ms,
            cause=storm,
        )
        yield from self._live(local)

    def _live(self, life: _Life) -> Generator[simpy.Event]:
        """From the onset to the resolution, in one park."""
        life.onset_ms = self._env.now
        self._lives.append(life)
        self._known.add((life.group, life.park, life.zone, life.kind))
        if self._chains and manners()[life.kind].leads_to:
            rng = self._stream(life.park, f"what follows {life.what}")
            for consequence in manners()[life.kind].leads_to:
                self._env.process(self._lead(life, consequence, rng))
        yield from self._answer(life)

    def _lead(self, cause: _Life, consequence: Consequence, rng: np.random.Generator) -> Generator[simpy.Event]:
        """Perhaps the incident brings about another, if it still lasts by then."""
        happens = float(rng.random()) < consequence.probability(cause.severity)
        after_ms = round(1000 * float(rng.uniform(*consequence.after_s)))
        zone = 1 + int(rng.integers(ZONES_PER_GATEWAY * self._scenario.gateways_per_park))
        severity = draw_severity(responders().severity, rng)
        lasts_ms = lasting_ms(manners()[consequence.kind], rng)
        if not happens:
            return
        yield self._env.timeout(after_ms)
        now_ms = self._env.now
        zone = zone if consequence.zone == "any" else cause.zone
        is_over = cause.end_ms is not None and now_ms >= cause.end_ms
        if is_over or now_ms >= self._ends_ms or (cause.group, cause.park, zone, consequence.kind) in self._known:
            return
        end_ms = None if lasts_ms is None else now_ms + lasts_ms
        name = f"{cause.id}.{consequence.kind}"
        yield from self._live(
            _Life(name, consequence.kind, cause.park, zone, severity=severity, end_ms=end_ms, cause=cause)
        )

    def _answer(self, life: _Life) -> Generator[simpy.Event]:
        """The desk notices and acknowledges; teams go there; when the last is done, it is resolved."""
        rng = self._stream(life.park, f"answer to {life.what}")
        answer, desk = manners()[life.kind].answer, responders().desk
        yield self._env.timeout(_drawn_ms(answer.noticed_s, answer.spread, rng))
        life.noticed_ms = self._env.now
        operators = self._force.crew("desk", life.park)
        yield operators.call(answer.priority)
        further = answer.alarms * life.severity - 1 + operators.waiting
        yield self._env.timeout(_drawn_ms(desk.read_s + desk.each_alarm_s * max(further, 0), desk.spread, rng))
        life.acknowledged_ms = self._env.now
        operators.free()
        if answer.teams:
            life.dispatched_ms = self._env.now
            work = [
                self._env.process(
                    self._work(life, team, answer.priority, self._force.travel_ms(team, life.park, rng), done_ms)
                )
                for team, work_s in answer.teams.items()
                for done_ms in [_drawn_ms(work_s * life.severity, responders().work_spread, rng)]
            ]
            yield self._env.all_of(work)
            life.resolved_ms = self._env.now
        if life.end_ms is None:
            life.end_ms = self._env.now

    def _work(self, life: _Life, team: str, priority: int, travel_ms: int, work_ms: int) -> Generator[simpy.Event]:
        crew = self._force.crew(team, life.park)
        yield crew.call(priority)
        yield self._env.timeout(travel_ms)
        if life.arrived_ms is None:
            life.arrived_ms = self._env.now
        yield self._env.timeout(work_ms)
        crew.free()


def _drawn_ms(median_s: float, spread: float, rng: np.random.Generator) -> int:
    """A log-normal span of time, at least a millisecond."""
    return max(1, round(1000 * median_s * math.exp(spread * float(rng.standard_normal()))))
