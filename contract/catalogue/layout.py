"""The points of a park, made from the profiles."""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.catalogue.land import device_kind, factor, land
from contract.catalogue.load import parks, profiles
from contract.catalogue.model import Industry, Park
from contract.errors import HarnessError
from contract.messages import Point

ZONES_PER_GATEWAY = 2
POINTS_PER_BUILDING = 40  # assumption
BUILDINGS_MAX = 12  # assumption: of a zone


class ParkPoints(NamedTuple):
    """The points of a park, in the order of their index; n points.

    Attributes:
        points: n registered points. Those of a gateway are one contiguous block, those of a zone too.
        profile: (n,) int32, index into `profiles()`.
        zone: (n,) int32, index into `zones`.
        gateway: (n,) int32, index into `gateways`.
        gateways: names, "gw-01" and so on.
        zones: names, "z01" and so on; each zone lies inside one gateway.
        zone_kinds: what each zone is used for, a code of industries.yaml.
        building: (n,) int32, index into `buildings`: where the point's device stands.
        buildings: names; "z01-open" is the open ground of zone z01, "z01-b1" its first building, and so on.
    """

    points: tuple[Point, ...]
    profile: NDArray[np.int32]
    zone: NDArray[np.int32]
    gateway: NDArray[np.int32]
    gateways: tuple[str, ...]
    zones: tuple[str, ...]
    zone_kinds: tuple[str, ...] = ()
    building: NDArray[np.int32] = np.empty(0, np.int32)
    buildings: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Point names in the order of their index."""
        return [point.name for point in self.points]

    def points_of(self, gateway: str | None) -> NDArray[np.intp]:
        """Indices of a gateway's points; of all points for None."""
        if gateway is None:
            return np.arange(len(self.points))
        return np.flatnonzero(self.gateway == self.gateways.index(gateway))


@functools.lru_cache(maxsize=256)
def park_points(points: int, gateways: int, industries: tuple[str, ...] = ()) -> ParkPoints:
    """The layout of a park: kinds of point by their weights, the same for each call.

    Each zone first gets one point of each kind marked `every_zone`, while it has room; the rest follow the weights.

    Args:
        points: number of points, at least two a gateway.
        gateways: number of gateways; their sizes differ by at most one point a zone.
        industries: of the park, each counting the same; none: the mix of the mean park.

    Raises:
        HarnessError: an unknown industry.
        ValueError: fewer than one point a zone.
    """
    zones = gateways * ZONES_PER_GATEWAY
    if gateways < 1 or points < zones:
        raise ValueError(f"{points} points cannot fill {gateways} gateways with {ZONES_PER_GATEWAY} zones each")
    sizes = np.diff(np.arange(zones + 1, dtype=np.int64) * points // zones)
    kinds = _kinds_by_zone(sizes, industries)
    zone = np.repeat(np.arange(zones, dtype=np.int32), sizes)
    gateway = zone // np.int32(ZONES_PER_GATEWAY)
    profile = np.concatenate(kinds).astype(np.int32)
    zone_names = tuple(f"z{number:02d}" for number in range(1, zones + 1))
    building, buildings = _buildings(kinds, zone_names)
    for column in (profile, zone, gateway, building):
        column.flags.writeable = False  # shared by every caller
    gateway_names = tuple(f"gw-{number:02d}" for number in range(1, gateways + 1))
    registered = tuple(
        point
        for place, kinds_here in enumerate(kinds)
        for point in _zone_points(kinds_here, zone_names[place], gateway_names[place // ZONES_PER_GATEWAY])
    )
    return ParkPoints(
        registered,
        profile,
        zone,
        gateway,
        gateway_names,
        zone_names,
        _zone_kinds(zones, industries),
        building,
        buildings,
    )


def park_layout(park_id: str, mean_points: int, gateways: int) -> ParkPoints:
    """The layout of one park of the city by its industries and size; raises HarnessError for an unknown park."""
    return park_points(park_size(park_id, mean_points, gateways), gateways, _parks()[park_id].industries)


def park_size(park_id: str, mean_points: int, gateways: int) -> int:
    """How many points a park has where the city's parks have `mean_points` in the mean.

    A multiple of `gateways`, at least two for each. Each park is rounded by half a `gateways` at most, so that the sum
    over the 47 parks stays near 47 times the mean.

    Raises:
        HarnessError: an unknown park.
    """
    if park_id not in _parks():
        raise HarnessError(f"expected the id of a park of the catalogue, found {park_id!r}")
    share = round(_parks()[park_id].size * mean_points / gateways)
    return max(share, ZONES_PER_GATEWAY) * gateways


@functools.cache
def _parks() -> dict[str, Park]:
    return {park.id: park for park in parks()}


def _mix(industries: tuple[str, ...]) -> NDArray[np.float64]:
    """Share of each profile among a park's points; the park's industries count the same."""
    known = profiles()
    weight = np.array([profile.per_thousand for profile in known], np.float64)
    if industries:
        found = [_industry(name) for name in industries]
        weight *= [np.mean([factor(industry, profile) for industry in found]) for profile in known]
    share: NDArray[np.float64] = weight / weight.sum()
    return share


def _zone_kinds(zones: int, industries: tuple[str, ...]) -> tuple[str, ...]:
    """Zones take turns among the park's industries, and each industry among its kinds of zone."""
    if not industries:
        return ("mixed",) * zones
    found = [_industry(name).zones for name in industries]
    return tuple(found[zone % len(found)][zone // len(found) % len(found[zone % len(found)])] for zone in range(zones))


def _industry(name: str) -> Industry:
    known = land().industries
    if name not in known:
        raise HarnessError(f"industries: expected one of {', '.join(known)}, found {name!r}")
    return known[name]


def _buildings(kinds: list[NDArray[np.int64]], zones: tuple[str, ...]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """The building of each point, and the names of all: a device's points stand together, its kind over the zone."""
    is_outdoor = np.array([device_kind(profile) in land().outdoor for profile in profiles()])
    places: list[NDArray[np.int64]] = []
    names: list[str] = []
    for here, zone in zip(kinds, zones, strict=True):
        count = min(max(1, len(here) // POINTS_PER_BUILDING), BUILDINGS_MAX)
        first = np.searchsorted(here, here)
        device = np.arange(len(here)) - first  # from 0 within the kind
        places.append(len(names) + np.where(is_outdoor[here], 0, 1 + device % count))
        names += [f"{zone}-open", *(f"{zone}-b{number}" for number in range(1, count + 1))]
    return np.concatenate(places).astype(np.int32), tuple(names)


def _kinds_by_zone(sizes: NDArray[np.int64], industries: tuple[str, ...]) -> list[NDArray[np.int64]]:
    """For each zone the profiles of its points, ascending. What one zone lacks of a kind's share, the next makes up."""
    known = profiles()
    weight = _mix(industries)
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
