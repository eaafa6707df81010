"""The points of a park, made from the profiles."""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.catalogue.load import profiles
from contract.messages import Point

ZONES_PER_GATEWAY = 2


class ParkPoints(NamedTuple):
    """The points of a park, in the order of their index; n points.

    Attributes:
        points: n registered points. Those of a gateway are one contiguous block, those of a zone too.
        profile: (n,) int32, index into `profiles()`.
        zone: (n,) int32, index into `zones`.
        gateway: (n,) int32, index into `gateways`.
        gateways: names, "gw-01" and so on.
        zones: names, "z01" and so on; each zone lies inside one gateway.
    """

    points: tuple[Point, ...]
    profile: NDArray[np.int32]
    zone: NDArray[np.int32]
    gateway: NDArray[np.int32]
    gateways: tuple[str, ...]
    zones: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Point names in the order of their index."""
        return [point.name for point in self.points]


@functools.lru_cache(maxsize=8)
def park_points(points: int, gateways: int) -> ParkPoints:
    """The layout that every park of a scenario has: kinds of point by their weights, the same for each call.

    Each zone first gets one point of each kind marked `every_zone`, while it has room; the rest follow the weights.

    Args:
        points: number of points, at least two a gateway.
        gateways: number of gateways; their sizes differ by at most one point a zone.

    Raises:
        ValueError: fewer than one point a zone.
    """
    zones = gateways * ZONES_PER_GATEWAY
    if gateways < 1 or points < zones:
        raise ValueError(f"{points} points cannot fill {gateways} gateways with {ZONES_PER_GATEWAY} zones each")
    sizes = np.diff(np.arange(zones + 1, dtype=np.int64) * points // zones)
    kinds = _kinds_by_zone(sizes)
    zone = np.repeat(np.arange(zones, dtype=np.int32), sizes)
    gateway = zone // np.int32(ZONES_PER_GATEWAY)
    profile = np.concatenate(kinds).astype(np.int32)
    for column in (profile, zone, gateway):
        column.flags.writeable = False  # shared by every caller
    zone_names = tuple(f"z{number:02d}" for number in range(1, zones + 1))
    gateway_names = tuple(f"gw-{number:02d}" for number in range(1, gateways + 1))
    registered = tuple(
        point
        for place, kinds_here in enumerate(kinds)
        for point in _zone_points(kinds_here, zone_names[place], gateway_names[place // ZONES_PER_GATEWAY])
    )
    return ParkPoints(registered, profile, zone, gateway, gateway_names, zone_names)


def _kinds_by_zone(sizes: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """For each zone the profiles of its points, ascending. What one zone lacks of a kind's share, the next makes up."""
    known = profiles()
    weight = np.array([profile.per_thousand for profile in known], np.float64)
    weight /= weight.sum()
    needed = np.array([place for place, profile in enumerate(known) if profile.every_zone], np.int64)
    owed = np.zeros(len(known))
    result = []
    for size in sizes.tolist():
        owed += weight * size
        kinds = needed[:size].tolist()
        owed[kinds] -= 1
        for _ in range(size - len(kinds)):
            kind = int(np.argmax(owed))
            owed[kind] -= 1
            kinds.append(kind)
        result.append(np.sort(np.array(kinds, np.int64)))
    return result


def _zone_points(kinds: NDArray[np.int64], zone: str, gateway: str) -> list[Point]:
    """The points of one zone. The first point of each quantity of a device kind belongs to device 0001, and so on."""
    known = profiles()
    seen: dict[int, int] = {}
    points = []
    for kind in kinds.tolist():
        profile = known[kind]
        seen[kind] = seen.get(kind, 0) + 1
        name = f"{profile.subsystem}/{zone}/{profile.device}-{seen[kind]:04d}/{profile.quantity}"
        points.append(Point(name=name, gateway=gateway, zone=zone, subsystem=profile.subsystem, unit=profile.unit))
    return points
