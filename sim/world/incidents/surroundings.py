"""Where incidents happen: the park around them, and the wind over it."""

import math
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from contract.catalogue import ParkPoints, QuantityProfile

HOUR_MS = 3_600_000
VEERING_RAD = 0.6  # assumption: standard deviation of an hour's wind around the park's prevailing one

Named = Callable[[str], np.random.Generator]
"""The park's random stream of a name."""


class Surroundings:
    """A park as its incidents find it: n points.

    Args:
        layout: its points.
        profiles: the catalogue's profiles.
        place: (n, 2) float64, positions of the points in zone widths.
        level: gives the present values of normal operation without noise, (n,) float64.
        offset_ms: (n,) int64, time of a point's reading after the beginning of a step.
        named: the park's random streams.
    """

    def __init__(
        self,
        layout: ParkPoints,
        profiles: Sequence[QuantityProfile],
        *,
        place: NDArray[np.float64],
        level: Callable[[], NDArray[np.float64]],
        offset_ms: NDArray[np.int64],
        named: Named,
    ) -> None:
        self.layout = layout
        self.profiles = profiles
        self.place, self.level, self.offset_ms = place, level, offset_ms
        self.named = named
        self._wind_rad: dict[int, float] = {}

    @cached_property
    def names(self) -> list[str]:
        """Names of the points."""
        return self.layout.names

    @cached_property
    def minimum(self) -> NDArray[np.float64]:
        """(n,) lower end of each sensor's range."""
        return self._of_profiles([profile.minimum for profile in self.profiles])

    @cached_property
    def maximum(self) -> NDArray[np.float64]:
        """(n,) upper end of each sensor's range."""
        return self._of_profiles([profile.maximum for profile in self.profiles])

    @cached_property
    def scale(self) -> NDArray[np.float64]:
        """(n,) 10 to the power of the sensor's decimals."""
        return self._of_profiles([10.0**profile.decimals for profile in self.profiles])

    def of_kind(self, quantities: Sequence[str]) -> NDArray[np.bool_]:
        """(n,) whether a point is of one of these kinds: subsystem/device/quantity, or the first two of them."""
        wanted = frozenset(quantities)
        fits = [
            f"{one.subsystem}/{one.device}" in wanted or f"{one.subsystem}/{one.device}/{one.quantity}" in wanted
            for one in self.profiles
        ]
        found: NDArray[np.bool_] = np.array(fits, np.bool_)[self.layout.profile]
        return found

    def in_zone(self, zone: int) -> NDArray[np.bool_]:
        """(n,) whether a point is in a zone, which counts from 1."""
        within: NDArray[np.bool_] = self.layout.zone == zone - 1
        return within

    def wind_rad(self, at_ms: int) -> float:
        """Where the wind blows to in the hour around a moment: the park's prevailing direction, and some veering."""
        hour = at_ms // HOUR_MS
        if hour not in self._wind_rad:
            prevailing = float(self.named("prevailing wind").uniform(0, 2 * math.pi))
            veering = VEERING_RAD * float(self.named(f"wind of the hour {hour}").standard_normal())
            self._wind_rad[hour] = prevailing + veering
        return self._wind_rad[hour]

    def _of_profiles(self, column: Sequence[float]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.array(column, np.float64)[self.layout.profile]
        return found


def zone_centre(zone: NDArray[np.int32] | int, zones: int) -> NDArray[np.float64]:
    """Centre of a zone, or of many, counted from 0, in zone widths: zones lie row by row on a square grid."""
    side = int(np.ceil(np.sqrt(zones)))
    return np.stack([np.asarray(zone) % side, np.asarray(zone) // side], axis=-1).astype(np.float64)
