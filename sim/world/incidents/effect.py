"""What one incident does to the points near it while the world is lived."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.world.incidents.kinds import Fault, Manner, manners
from sim.world.incidents.plan import PlannedIncident
from sim.world.incidents.surroundings import Surroundings, zone_centre

EXPOSURE_SPREAD = 0.1  # assumption: standard deviation of the logarithm of how much a point is exposed
FADE_MIN = 0.05  # a point that would feel less than this share is left untouched
DECAYS = 7  # after this many time constants what is left (0.1 %) is gone
SETTLED = 12  # after this many time constants a rise is over for good
SPIKE_LEAST = 0.7  # assumption: a burst reaches at least this share of its farthest

Points = NDArray[np.intp]
Numbers = NDArray[np.float64]
NO_POINTS: Points = np.empty(0, np.intp)


class _Felt(NamedTuple):
    """Points that stray, with how much, whereto and how fast: columns of length n.

    Attributes:
        share: of the way from normal operation to `to` that a point goes at most.
    """

    points: Points
    share: Numbers
    to: Numbers
    begin_s: Numbers
    rise_s: Numbers
    decay_s: Numbers


class Effect:
    """One incident at work.

    Args:
        incident: what the plan says.
        near: the park around it.

    Attributes:
        points: all points that it touches, ascending.
        over_ms: from here on it changes nothing.
    """

    def __init__(self, incident: PlannedIncident, near: Surroundings) -> None:
        self.incident = incident
        manner = manners()[incident.kind]
        # Named by what it is, not by its place in the list: another incident beside it changes nothing here.
        rng = near.named(f"{incident.kind} in zone {incident.zone} at {incident.onset_ms}")
        self._rng = rng
        self._turbulence = manner.turbulence
        self._felt = _responses(incident, manner, near, rng)
        self._gain: Numbers | None = None  # known when it begins
        self._level = near.level
        self._stuck, self._dead, self._spiky = NO_POINTS, NO_POINTS, NO_POINTS
        if manner.fault is not None:
            self._break(manner.fault, near)
        hung = [(np.flatnonzero(near.in_zone(incident.zone) & near.of_kind(it.devices)), it) for it in manner.silences]
        self._silent = np.concatenate([self._dead, *(points for points, _ in hung)])
        after_s = [np.zeros(len(self._dead)), *(np.full(len(points), it.after_s) for points, it in hung)]
        self._silent_from_ms = incident.onset_ms + np.rint(1000 * np.concatenate(after_s)).astype(np.int64)
        self._offset_ms = near.offset_ms
        touched = (self._felt.points, self._stuck, self._spiky, self._silent)
        self.points = np.unique(np.concatenate(touched))
        self.changed = np.unique(np.concatenate(touched[:3]))
        longest_s = float((self._felt.begin_s + DECAYS * self._felt.decay_s).max(initial=0.0))
        self.over_ms = incident.end_ms + round(longest_s * 1000)
        slowest_s = float((self._felt.begin_s + SETTLED * self._felt.rise_s).max(initial=0.0))
        self._settled_ms = incident.onset_ms + round(slowest_s * 1000)
        self._held: Numbers | None = None
        self._felt_offset_ms = near.offset_ms[self._felt.points]

    @property
    def silences(self) -> bool:
        """Some of its points fall silent."""
        return len(self._silent) > 0

    def stray(self, now_ms: int, until_ms: int, value: Numbers) -> None:
        """Add what it does to the readings of a step, in place."""
        felt, incident = self._felt, self.incident
        if len(felt.points):
            if self._gain is None:
                self._gain = felt.share * (felt.to - self._level()[felt.points])
            if self._settled_ms <= now_ms and until_ms <= incident.end_ms:
                envelope = self._gain
            else:
                since_s = (now_ms + self._felt_offset_ms - incident.onset_ms) / 1000 - felt.begin_s
                source_s = (incident.end_ms - incident.onset_ms) / 1000
                risen = -np.expm1(-np.clip(since_s, 0, source_s) / felt.rise_s)
                envelope = self._gain * risen * np.exp(-np.maximum(since_s - source_s, 0) / felt.decay_s)
            if self._turbulence:
                envelope = envelope * (1 + self._turbulence * self._rng.standard_normal(len(envelope)))
            value[felt.points] += envelope
        if len(self._spiky):
            self._burst(now_ms, until_ms, value)

    def hold(self, now_ms: int, value: Numbers) -> None:
        """Put the last value of stuck sensors in the place of their readings, which are as measured."""
        if not len(self._stuck):
            return
        at_ms = now_ms + self._offset_ms[self._stuck]
        if self._held is None:
            self._held = np.full(len(self._stuck), np.nan)
        stuck = (at_ms >= self.incident.onset_ms) & (at_ms < self.incident.end_ms)
        fresh = stuck & np.isnan(self._held)
        self._held[fresh] = value[self._stuck[fresh]]
        value[self._stuck[stuck]] = self._held[stuck]

    def silence(self, now_ms: int, alive: NDArray[np.bool_]) -> bool:
        """Take out what sends nothing in this step; returns whether there is any."""
        at_ms = now_ms + self._offset_ms[self._silent]
        silent = (at_ms >= self._silent_from_ms) & (at_ms < self.incident.end_ms)
        alive[self._silent[silent]] = False
        return bool(silent.any())

    def _break(self, fault: Fault, near: Surroundings) -> None:
        """Choose the sensors that go wrong."""
        fitting = np.flatnonzero(near.in_zone(self.incident.zone) & near.of_kind(fault.among))
        wanted = max(1, round(fault.sensors * self.incident.severity))
        chosen = np.sort(self._rng.choice(fitting, min(wanted, len(fitting)), replace=False))
        level = near.level()[chosen]
        far = fault.far * self.incident.severity * (near.maximum[chosen] - level)
        if fault.how == "drift":
            ones = np.ones(len(chosen))
            drift = _Felt(chosen, ones, level + far, 0 * ones, fault.rise_s * ones, fault.decay_s * ones)
            self._felt = _Felt(*(np.concatenate(parts) for parts in zip(self._felt, drift, strict=True)))
        elif fault.how == "spikes":
            self._spiky, self._farthest, self._fault = chosen, far, fault
            self._height = np.zeros(len(chosen))
        elif fault.how == "stuck":
            self._stuck = chosen
        else:
            self._dead = chosen

    def _burst(self, now_ms: int, until_ms: int, value: Numbers) -> None:
        """Bursts begin and end at random, each sensor's by themselves."""
        begins, ends, share = self._rng.random((3, len(self._spiky)))
        passed_s = (until_ms - now_ms) / 1000
        on = self._height > 0
        on = np.where(on, ends >= -math.expm1(-passed_s / self._fault.burst_s), begins < passed_s / self._fault.every_s)
        height = self._farthest * (SPIKE_LEAST + (1 - SPIKE_LEAST) * share)
        self._height = np.where(on, np.where(self._height > 0, self._height, height), 0.0)
        at_ms = now_ms + self._offset_ms[self._spiky]
        during = (at_ms >= self.incident.onset_ms) & (at_ms < self.incident.end_ms)
        value[self._spiky] += np.where(during, self._height, 0.0)


def _responses(incident: PlannedIncident, manner: Manner, near: Surroundings, rng: np.random.Generator) -> _Felt:
    """The points that feel the incident, how much, when and how fast."""
    away = near.place - zone_centre(incident.zone - 1, len(near.layout.zones))
    wind_rad = near.wind_rad(incident.onset_ms)
    straight = np.hypot(away[:, 0], away[:, 1])
    distance = straight - manner.wind * (away @ np.array([math.cos(wind_rad), math.sin(wind_rad)]))
    parts: list[tuple[NDArray[np.generic], ...]] = []
    for response in manner.responses:
        fade = (
            np.exp(-((distance / response.reach_zones) ** 2)) if response.reach_zones else near.in_zone(incident.zone)
        )
        points = np.flatnonzero(near.of_kind([response.quantity]) & (fade >= FADE_MIN))
        # One feeder, one outlet: what holds for a whole zone holds for all of it alike.
        spread = EXPOSURE_SPREAD if response.reach_zones else 0.0
        exposed = np.exp(spread * rng.standard_normal(len(points)))
        share = incident.severity * exposed * fade[points]
        to = np.full(len(points), response.to)
        begin_s = manner.travel_s * np.maximum(distance[points], 0) if response.reach_zones else np.zeros(len(points))
        parts.append((points, share, to, begin_s, *np.full((2, len(points)), [[response.rise_s], [response.decay_s]])))
    if not parts:
        return _Felt(NO_POINTS, *np.zeros((5, 0)))
    stacked = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(stacked[0])
    return _Felt(*(column[order] for column in stacked))
