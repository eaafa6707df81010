"""All incidents of one park while it is lived."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.catalogue.layout import ZONES_PER_GATEWAY
from sim.world.incidents.effect import NO_POINTS, Effect, Points
from sim.world.incidents.kinds import manners
from sim.world.incidents.plan import CITY, PlannedIncident
from sim.world.incidents.surroundings import Surroundings
from sim.world.truth import IncidentTruth, Touch

NEVER_MS: Final = 2**62


class ParkIncidents:
    """What goes wrong in one park, step by step.

    Args:
        planned: the incidents of the park (`IncidentPlan.of_park`).
        near: the park around them.

    Attributes:
        truth: one entry for each of them.
        wake_ms: nothing is at work before this moment.
    """

    def __init__(self, planned: Sequence[PlannedIncident], near: Surroundings) -> None:
        self._near = near
        self._effects = [Effect(incident, near) for incident in planned]
        self.truth = [incident_truth(effect.incident, near, effect.points) for effect in self._effects]
        self._coming = sorted(self._effects, key=lambda it: (it.incident.onset_ms, it.incident.id), reverse=True)
        self._busy: list[Effect] = []
        self._changed = NO_POINTS
        self.wake_ms = NEVER_MS
        self._look_ahead()

    def act(self, now_ms: int, until_ms: int, value: NDArray[np.float64], alive: NDArray[np.bool_]) -> bool:
        """Let the incidents change the readings of a step.

        Args:
            now_ms: beginning of the step, scenario time.
            until_ms: its end.
            value: (n,) readings of all points, changed in place; what is changed is then inside the sensor's range and
                rounded to its decimals.
            alive: (n,) true; made false where a point sends nothing.

        Returns:
            Whether `alive` was changed.
        """
        if until_ms <= self.wake_ms:
            return False
        self._wake(now_ms, until_ms)
        for effect in self._busy:
            effect.stray(now_ms, until_ms, value)
        near, changed = self._near, self._changed
        scale = near.scale[changed]
        measured = np.clip(value[changed], near.minimum[changed], near.maximum[changed])
        value[changed] = np.rint(measured * scale) / scale + 0.0  # no negative zero
        silent = False
        for effect in self._busy:
            effect.hold(now_ms, value)
            if effect.silences:
                silent |= effect.silence(now_ms, alive)
        return silent

    @property
    def planned(self) -> list[tuple[PlannedIncident, bool]]:
        """Each incident, with whether it touches any point."""
        return [(effect.incident, len(effect.points) > 0) for effect in self._effects]

    def touches(self, *, cut: bool) -> list[Touch]:
        """What a witness has to look at; `cut`: lines are really cut, so all points of their gateways too."""
        return [
            _touch(effect, self._near, cut=cut and manners()[effect.incident.kind].cuts) for effect in self._effects
        ]

    def _wake(self, now_ms: int, until_ms: int) -> None:
        """Take in those that begin in this step, let go those that are over."""
        before = len(self._busy)
        self._busy = [effect for effect in self._busy if now_ms <= effect.over_ms]
        is_changed = len(self._busy) != before
        while self._coming and self._coming[-1].incident.onset_ms < until_ms:
            self._busy.append(self._coming.pop())
            is_changed = True
        if is_changed:
            self._changed = np.unique(np.concatenate([NO_POINTS, *(effect.changed for effect in self._busy)]))
            self._look_ahead()

    def _look_ahead(self) -> None:
        coming_ms = self._coming[-1].incident.onset_ms if self._coming else NEVER_MS
        self.wake_ms = -NEVER_MS if self._busy else coming_ms


def incident_truth(incident: PlannedIncident, near: Surroundings | None, points: Points = NO_POINTS) -> IncidentTruth:
    """An incident as the ground truth tells it; `near` is None for one of the whole city."""
    return IncidentTruth(
        incident_id=incident.id,
        kind=incident.kind,
        park=incident.park,
        zone=CITY if near is None else near.layout.zones[incident.zone - 1],
        onset_ms=incident.onset_ms,
        end_ms=incident.end_ms,
        points=[] if near is None else [near.names[point] for point in points.tolist()],
        cause_id=incident.cause_id,
        group=incident.group,
        severity=incident.severity,
        noticed_ms=incident.noticed_ms,
        acknowledged_ms=incident.acknowledged_ms,
        dispatched_ms=incident.dispatched_ms,
        arrived_ms=incident.arrived_ms,
        resolved_ms=incident.resolved_ms,
    )


def _touch(effect: Effect, near: Surroundings, *, cut: bool) -> Touch:
    incident, points = effect.incident, effect.points
    if cut:
        gateway = (incident.zone - 1) // ZONES_PER_GATEWAY
        points = np.union1d(points, np.flatnonzero(near.layout.gateway == gateway))
    return Touch(incident.id, incident.group, incident.onset_ms, effect.over_ms, incident.acknowledged_ms, points)
