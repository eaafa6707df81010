"""Who sends: the devices of a park's points, and those that they ask for."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.catalogue import ParkPoints
from sim.world.activity.model import Fleet

STAFF_PER_ENTERPRISE = 20
"""44,454 industrial employees in 2,234 firms of Kaizhou at the end of 2023 (census bulletin on cqkz.gov.cn) [S]."""

ZONE_WIDTH_M = 400.0  # assumption: 47 parks of some square kilometres with some ten zones each
_METRES_PER_DEGREE = 111_320.0


class Member(NamedTuple):
    """A device: the number and name of its zone, and its own name in it."""

    zone: int
    zone_name: str
    device: str


def staff_of(enterprises: int) -> int:
    """People who work in a park with so many enterprises."""
    return enterprises * STAFF_PER_ENTERPRISE


class Premises:
    """What the laws know of a park.

    Args:
        layout: its points.
        staff: people who work in it.
        latitude, longitude: its place, degrees north and east.
        fleets: what is written about devices.

    Attributes:
        zones: names of the zones.
    """

    def __init__(
        self, layout: ParkPoints, staff: int, latitude: float, longitude: float, fleets: dict[str, Fleet]
    ) -> None:
        self.zones = layout.zones
        self.staff = staff
        self.latitude, self.longitude = latitude, longitude
        self._points = len(layout.points)
        self._present = _devices(layout)
        self._fleets = fleets
        self._members: dict[str, list[Member]] = {}
        self.side = math.ceil(math.sqrt(len(self.zones)))

    def members(self, fleet: str) -> list[Member]:
        """The devices of a fleet, in order of zone and name."""
        if fleet not in self._members:
            written = self._fleets[fleet]
            present = self._present.get(fleet, []) if written.every is None else []
            wanted = len(present) if written.every is None else math.ceil(self._basis(written.of) / written.every)
            more = max(wanted, written.at_least) - len(present)
            self._members[fleet] = sorted([*present, *self._invented(fleet, present, more)])
        return self._members[fleet]

    def place(self, zone: int) -> tuple[float, float]:
        """Centre of a zone, metres east and north of the park's south-western one: rows of a square grid."""
        return zone % self.side * ZONE_WIDTH_M, zone // self.side * ZONE_WIDTH_M

    def degrees(
        self, east_m: NDArray[np.float64], north_m: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latitudes and longitudes of places given in metres."""
        wide = _METRES_PER_DEGREE * math.cos(math.radians(self.latitude))
        return self.latitude + north_m / _METRES_PER_DEGREE, self.longitude + east_m / wide

    def _basis(self, of: str) -> int:
        counts = {"points": self._points, "zones": len(self.zones), "staff": self.staff}
        if of in counts:
            return counts[of]
        if of.endswith("/*"):
            subsystem = of.removesuffix("*")
            return sum(len(members) for name, members in self._present.items() if name.startswith(subsystem))
        return len(self._present.get(of, []))

    def _invented(self, fleet: str, present: list[Member], more: int) -> list[Member]:
        """Devices that have no points: spread over the zones, numbered after those that have."""
        kind = fleet.partition("/")[2]
        taken = [0] * len(self.zones)
        for member in present:
            taken[member.zone] += 1
        invented = []
        for number in range(more):
            zone = number * len(self.zones) // more if more < len(self.zones) else number % len(self.zones)
            taken[zone] += 1
            invented.append(Member(zone, self.zones[zone], f"{kind}-{taken[zone]:04d}"))
        return invented


def _devices(layout: ParkPoints) -> dict[str, list[Member]]:
    """Devices that the points belong to, by subsystem/device kind."""
    seen: dict[tuple[str, str], None] = {}
    found: dict[str, list[Member]] = {}
    for point, zone in zip(layout.points, layout.zone.tolist(), strict=True):
        subsystem, zone_name, device, _ = point.name.split("/", 3)
        if (zone_name, f"{subsystem}/{device}") not in seen:
            seen[zone_name, f"{subsystem}/{device}"] = None
            kind = device.rpartition("-")[0]
            found.setdefault(f"{subsystem}/{kind}", []).append(Member(zone, zone_name, device))
    return found
