"""Incidents as agents: each changes the physics of the points near it, in its own manner (`incidents.yaml`)."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import mesa
import msgspec
import numpy as np
import yaml
from numpy.typing import NDArray

from contract.catalogue import ParkPoints, QuantityProfile
from scenarios.model import Incident, IncidentKind
from sim.world.truth import IncidentTruth

if TYPE_CHECKING:
    from sim.world.model import World

EXPOSURE_SPREAD = 0.1  # assumption: standard deviation of the logarithm of how much a point is exposed
FADE_MIN = 0.05  # a point that would feel less than this share is left untouched
DECAYS = 7  # after this many time constants what is left (0.1 %) is gone


class Response(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an incident does to one quantity.

    Attributes:
        quantity: the kind of point that answers: subsystem/device/quantity of a profile of the catalogue.
        to: the value at the heart of an incident of severity 1.0, in the quantity's unit.
        reach_zones: distance over which the effect falls to 37 %, in zone widths; 0: all of this zone alone.
        rise_s: time constant of the rise.
        decay_s: time constant of the return after the source is stopped.
    """

    quantity: str
    to: float
    reach_zones: float
    rise_s: float
    decay_s: float


class Manner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one kind of incident works.

    Attributes:
        travel_s: time that the effect takes to the next zone.
        wind: how much nearer a point lies downwind, and farther upwind (0 to 1).
        turbulence: standard deviation of the fluctuation, as a share of the effect.
    """

    kind: IncidentKind
    story: str
    mark: str
    travel_s: float
    wind: float
    turbulence: float
    responses: tuple[Response, ...]


@cache
def manners() -> dict[str, Manner]:
    """Every kind of incident by its name, from `incidents.yaml`."""
    written = yaml.safe_load(Path(__file__).with_name("incidents.yaml").read_text(encoding="utf-8"))
    return {manner.kind: manner for manner in msgspec.convert(written, list[Manner])}


class Surroundings(msgspec.Struct, frozen=True):
    """Where an incident happens.

    Attributes:
        place: (n, 2) float64, positions of the park's points in zone widths.
        base: (n,) float64, values in normal operation.
        offset_ms: (n,) int64, time of a point's reading after the beginning of a step.
    """

    layout: ParkPoints
    profiles: Sequence[QuantityProfile]
    place: NDArray[np.float64]
    base: NDArray[np.float64]
    offset_ms: NDArray[np.int64]


class IncidentAgent(mesa.Agent):
    """One incident. `points` are the points that it touches; `disturbance` is what it adds to them in this step.

    Args:
        world: the model.
        incident: what the scenario says.
        incident_id: its name in the ground truth.
        onset_ms: scenario time of its beginning, Unix milliseconds.
        near: the park around it.
        rng: its own stream.
    """

    def __init__(
        self,
        world: "World",
        incident: Incident,
        *,
        incident_id: str,
        onset_ms: int,
        near: Surroundings,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(world)
        self.incident_id = incident_id
        self.onset_ms = onset_ms
        self.end_ms = onset_ms + round(incident.duration_s * 1000)
        self._rng = rng
        self._turbulence = manners()[incident.kind].turbulence
        self._touch(incident, near)
        names = near.layout.names
        self.truth = IncidentTruth(
            incident_id=incident_id,
            kind=incident.kind,
            park=incident.park,
            zone=near.layout.zones[incident.zone - 1],
            onset_ms=onset_ms,
            end_ms=self.end_ms,
            points=[names[point] for point in self.points],
        )
        self._offset_ms = near.offset_ms[self.points]
        self.disturbance = np.zeros(len(self.points))
        longest_s = float((self._begin_s + DECAYS * self._decay_s).max(initial=0.0))
        self._over_ms = self.end_ms + round(longest_s * 1000)

    def _touch(self, incident: Incident, near: Surroundings) -> None:
        """Find the points that feel the incident, how much, when and how fast."""
        manner = manners()[incident.kind]
        zone = incident.zone - 1
        away = near.place - zone_centre(zone, len(near.layout.zones))
        wind = self._rng.uniform(0, 2 * np.pi)
        straight = np.hypot(away[:, 0], away[:, 1])
        distance = straight - manner.wind * (away @ np.array([np.cos(wind), np.sin(wind)]))
        kinds = [f"{profile.subsystem}/{profile.device}/{profile.quantity}" for profile in near.profiles]
        quantity = np.array(kinds)[near.layout.profile]
        columns = []
        for response in manner.responses:
            answers = quantity == response.quantity
            if response.reach_zones:
                fade = np.exp(-((distance / response.reach_zones) ** 2))
            else:
                fade = (near.layout.zone == zone).astype(np.float64)
            points = np.flatnonzero(answers & (fade >= FADE_MIN))
            exposed = np.exp(EXPOSURE_SPREAD * self._rng.standard_normal(len(points)))
            gain = incident.severity * exposed * fade[points] * (response.to - near.base[points])
            begin = manner.travel_s * (distance[points] if response.reach_zones else np.zeros(len(points)))
            columns.append((points, gain, begin, *np.full((2, len(points)), [[response.rise_s], [response.decay_s]])))
        stacked = [np.concatenate(parts) for parts in zip(*columns, strict=True)]
        order = np.argsort(stacked[0])
        self.points, self._gain, self._begin_s, self._rise_s, self._decay_s = (column[order] for column in stacked)

    def at_work(self, from_ms: int, until_ms: int) -> bool:
        """Whether it changes anything in this span."""
        return self.onset_ms < until_ms and from_ms <= self._over_ms

    def step(self) -> None:
        """Decide what it adds to its points at the times of their coming readings; the park applies it."""
        since_s = (self.model.env.now + self._offset_ms - self.onset_ms) / 1000 - self._begin_s
        source_s = (self.end_ms - self.onset_ms) / 1000
        risen = -np.expm1(-np.clip(since_s, 0, source_s) / self._rise_s)
        fallen = np.exp(-np.maximum(since_s - source_s, 0) / self._decay_s)
        swing = 1 + self._turbulence * self._rng.standard_normal(len(since_s))
        self.disturbance = self._gain * risen * fallen * swing


def zone_centre(zone: NDArray[np.int32] | int, zones: int) -> NDArray[np.float64]:
    """Centre of a zone, or of many, in zone widths: zones lie row by row on a square grid."""
    side = int(np.ceil(np.sqrt(zones)))
    return np.stack([np.asarray(zone) % side, np.asarray(zone) // side], axis=-1).astype(np.float64)
