"""A park as an agent: its points live, its devices report, its gateways send."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import mesa
import numpy as np
from numpy.typing import NDArray

from contract import catalogue
from contract.catalogue import ParkPoints, QuantityProfile
from contract.columns import Columns
from contract.rules import RuleSet
from scenarios.model import Scenario
from sim.emission import CaseActing, Event, Pack, RegisterWriting, Request
from sim.network import AccessNetwork, Cut, DirectAccess
from sim.world.activity import Activity
from sim.world.incidents.park_incidents import ParkIncidents
from sim.world.incidents.surroundings import Named, Surroundings, zone_centre
from sim.world.office import Office
from sim.world.physics import Frame, QuietPhysics, frame
from sim.world.truth import Witness

if TYPE_CHECKING:
    from sim.world.model import World


class Blueprint(NamedTuple):
    """What parks with the same points have in common.

    Attributes:
        point: (n,) int32, the points' own indices.
        parks_total: parks in the catalogue, over which the gateways' phases are spread.
    """

    layout: ParkPoints
    profiles: tuple[QuantityProfile, ...]
    frame: Frame
    rules: RuleSet
    period_ms: int
    point: NDArray[np.int32]
    parks_total: int


def blueprint(scenario: Scenario, layout: ParkPoints) -> Blueprint:
    """The blueprint of a scenario's parks that have these points."""
    profiles = catalogue.profiles()
    point = np.arange(len(layout.points), dtype=np.int32)
    point.setflags(write=False)
    return Blueprint(
        layout=layout,
        profiles=profiles,
        frame=frame(layout, profiles, scenario.sample_period_ms),
        rules=catalogue.full_rules() if scenario.rules == "all" else catalogue.standard_rules(),
        period_ms=scenario.sample_period_ms,
        point=point,
        parks_total=len(catalogue.parks()),
    )


class Turn(NamedTuple):
    """What one park sent in one step.

    Attributes:
        readings: all readings of the packs, in as few pieces as they come.
    """

    number: int
    readings: Sequence[Columns]
    packs: list[Pack]
    events: list[Event]
    requests: list[Request]
    office: list[CaseActing | RegisterWriting]


class ParkAgent(mesa.Agent):
    """One park.

    Args:
        world: the model.
        park: id of the park.
        place: its place in the catalogue, from 0.
        blueprint: what parks with the same points have in common.
        named: the park's streams, by name.
        cuts: interruptions of its links on purpose.

    Attributes:
        surroundings: the park as its incidents find it.
        is_networked: its packs go over the links of the field.
        network: what carries its packs.
    """

    def __init__(
        self, world: "World", park: str, place: int, blueprint: Blueprint, *, named: Named, cuts: Sequence[Cut]
    ) -> None:
        super().__init__(world)
        self.park = park
        self._print = blueprint
        layout, period_ms = blueprint.layout, blueprint.period_ms
        gateways = len(layout.gateways)
        # The gateways of all parks take turns over the sample period.
        spread = np.arange(gateways) * blueprint.parks_total + place
        phase_ms = (spread * period_ms // (gateways * blueprint.parks_total)).astype(np.int64)
        self._offset_ms = phase_ms[layout.gateway]
        build = named("build")
        industries = catalogue.parks()[place].industries
        self._physics = QuietPhysics(
            blueprint.frame,
            layout,
            blueprint.profiles,
            build,
            named("noise"),
            weather=world.weather,
            industries=industries,
        )
        where = zone_centre(layout.zone, len(layout.zones)) + build.uniform(-0.5, 0.5, (len(layout.zone), 2))
        self.surroundings = Surroundings(
            layout,
            blueprint.profiles,
            place=where,
            level=lambda: self._physics.level,
            offset_ms=self._offset_ms,
            named=named,
        )
        self.is_networked = world.scenario.links == "field"
        self.network = self._connect(phase_ms.tolist(), cuts, named)
        self._alive = np.ones(len(layout.zone), np.bool_)
        self._some_silent = False
        self._incidents: ParkIncidents | None = None
        self._activity: Activity | None = None
        self._office: Office | None = None
        self.witness: Witness | None = None
        self._steps_done = 0

    def _connect(self, phases_ms: list[int], cuts: Sequence[Cut], named: Named) -> AccessNetwork | DirectAccess:
        layout, world = self._print.layout, self.model
        if not self.is_networked:
            return DirectAccess(park=self.park, layout=layout, phases_ms=phases_ms)
        return AccessNetwork(
            world.env,
            park=self.park,
            layout=layout,
            profiles=self._print.profiles,
            scheduled=cuts,
            start_ms=world.start_ms,
            end_ms=world.end_ms,
            period_ms=self._print.period_ms,
            phases_ms=phases_ms,
            draw=named,
        )

    def settle(
        self, incidents: ParkIncidents, witness: Witness | None, activity: Activity | None, office: Office | None
    ) -> None:
        """Take in what happens here, who sees it, and who works here, once."""
        self._incidents, self.witness, self._activity, self._office = incidents, witness, activity, office

    def step(self) -> Turn:
        """Live one sample period: what is sent in it."""
        now_ms: int = self.model.env.now
        until_ms = now_ms + self._print.period_ms
        value = self._physics.advance(now_ms, now_ms - self.model.start_ms)
        self._suffer(now_ms, until_ms, value)
        columns = Columns(self._print.point, self._offset_ms + now_ms, value)
        if self._some_silent:
            alive = self._alive
            columns = Columns(columns.point[alive], columns.time_ms[alive], columns.value[alive])
        packs = self.network.carry(now_ms, columns)
        if self.witness is not None and until_ms > self.witness.wake_ms:
            for pack in packs:
                self.witness.see(pack)
        self._steps_done += 1
        requests = self.model.economy.requests(self.park, until_ms)
        return Turn(
            self._steps_done,
            [pack.columns for pack in packs] if self.is_networked else [columns],
            packs,
            [] if self._activity is None else self._activity.events(until_ms),
            requests,
            [] if self._office is None else self._office.acts(until_ms, requests),
        )

    def _suffer(self, now_ms: int, until_ms: int, value: NDArray[np.float64]) -> None:
        """Let the incidents change the readings, and say in `_alive` which points send."""
        if self._some_silent:
            self._alive.fill(True)
        if self._incidents is not None:
            self._some_silent = self._incidents.act(now_ms, until_ms, value, self._alive)
