"""A park as an agent: its points live, its residents are stepped, its gateways send."""

import math
from typing import TYPE_CHECKING, NamedTuple

import mesa
import numpy as np
from numpy.typing import NDArray

from contract.catalogue import ParkPoints, QuantityProfile
from contract.columns import Columns
from contract.rules import RuleSet
from sim.world.emission import Event, Pack, Request
from sim.world.enterprise import EnterpriseAgent
from sim.world.incident import IncidentAgent, Surroundings, zone_centre
from sim.world.physics import Frame, QuietPhysics, as_measured
from sim.world.truth import GroundTruth
from sim.world.witness import Witness

if TYPE_CHECKING:
    from sim.world.model import World


class Blueprint(NamedTuple):
    """What all parks of a world have in common.

    Attributes:
        point: (n,) int32, the points' own indices.
        blocks: the points of each gateway.
        parks_total: parks in the catalogue, over which the gateways' phases are spread.
    """

    layout: ParkPoints
    profiles: tuple[QuantityProfile, ...]
    frame: Frame
    rules: RuleSet
    period_ms: int
    point: NDArray[np.int32]
    blocks: tuple[slice, ...]
    parks_total: int


class Turn(NamedTuple):
    """What one park sent in one step: `columns` are all readings, of which each pack holds its gateway's part."""

    number: int
    columns: Columns
    packs: list[Pack]
    events: list[Event]
    requests: list[Request]


class ParkAgent(mesa.Agent):
    """One park.

    Args:
        world: the model.
        park: id of the park.
        place: its place in the catalogue, from 0.
        blueprint: what all parks have in common.
        build: stream of the differences between devices and of their positions.
        noise: stream of the noise.
    """

    def __init__(
        self,
        world: "World",
        park: str,
        place: int,
        blueprint: Blueprint,
        *,
        build: np.random.Generator,
        noise: np.random.Generator,
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
        self._gateways = list(zip(layout.gateways, blueprint.blocks, phase_ms.tolist(), strict=True))
        self._physics = QuietPhysics(blueprint.frame, layout, blueprint.profiles, build, noise)
        where = zone_centre(layout.zone, len(layout.zones)) + build.uniform(-0.5, 0.5, (len(layout.zone), 2))
        self.surroundings = Surroundings(layout, blueprint.profiles, where, self._physics.base, self._offset_ms)
        self.enterprises: list[EnterpriseAgent] = []
        self.incidents: list[IncidentAgent] = []
        self.witness: Witness | None = None
        self._steps_done = 0
        self._requests_done = 0
        self._next_request_ms = math.inf

    def settle(self, enterprises: list[EnterpriseAgent], incidents: list[IncidentAgent], truth: GroundTruth) -> None:
        """Take in the agents that live here, once."""
        self.enterprises, self.incidents = enterprises, incidents
        self._next_request_ms = min((enterprise.next_request_ms for enterprise in enterprises), default=math.inf)
        if incidents:
            self.witness = Witness(self.park, self._print.layout, self._print.rules, incidents, truth)

    def step(self) -> None:
        """Live one sample period and emit what is sent in it."""
        now_ms: int = self.model.env.now
        value = self._physics.advance(now_ms, now_ms - self.model.start_ms)
        busy = [incident for incident in self.incidents if incident.at_work(now_ms, now_ms + self._print.period_ms)]
        for incident in busy:
            incident.step()
            value[incident.points] += incident.disturbance
        if busy:
            np.minimum(value, self._print.frame.maximum, out=value)
            np.maximum(value, self._print.frame.minimum, out=value)
        columns = Columns(self._print.point, self._offset_ms + now_ms, as_measured(value, self._print.frame.scale))
        self._steps_done += 1
        if self.witness is not None and (busy or not self.witness.idle):
            self.witness.see(columns, self._steps_done)
        requests = self._requests(now_ms + self._print.period_ms)
        self.model.emit(Turn(self._steps_done, columns, self._packs(now_ms, columns), [], requests))

    def _packs(self, now_ms: int, columns: Columns) -> list[Pack]:
        point, time_ms, value = columns
        return [
            Pack(
                now_ms + phase_ms,
                self.park,
                gateway,
                self._steps_done,
                Columns(point[part], time_ms[part], value[part]),
            )
            for gateway, part, phase_ms in self._gateways
        ]

    def _requests(self, until_ms: int) -> list[Request]:
        """Let each enterprise whose time has come hand in its application, in order of time."""
        requests: list[Request] = []
        while self._next_request_ms < until_ms:
            enterprise = min(self.enterprises, key=lambda it: it.next_request_ms)
            due_ms = int(enterprise.next_request_ms)
            self._requests_done += 1
            application = enterprise.apply(f"{self.park}-r{self._requests_done:06d}")
            requests.append(Request(due_ms, self.park, self._requests_done, application))
            self._next_request_ms = min(it.next_request_ms for it in self.enterprises)
        return requests
