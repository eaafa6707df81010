"""What a park's registers hold when the story begins: entries in keeping with the park's area, firms and points.

Each register draws from a stream of its own. A register's figures and those of the economy are the same firms, so that
they add up: land and reports carry the firms' output, scaled to the number of firms that the park has.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import cos, exp, pi, radians, sin, sqrt
from typing import NamedTuple

import numpy as np

from contract import catalogue
from contract.catalogue import Park, ParkPoints
from contract.registers import Fields
from sim.world.economy.calendar import shift_patterns
from sim.world.economy.enterprise import Enterprise
from sim.world.incidents.surroundings import zone_centre
from sim.world.office.counter import Streams
from sim.world.office.parameters import holdings

MU_PER_KM2 = 1500.0
WAN = 10_000.0
KM_PER_DEGREE = 111.2  # of latitude, mean over the Earth
WORKED_USES = frozenset({"industry", "storage", "research"})

Entries = Iterator[tuple[str, Fields]]


class Premises(NamedTuple):
    """What an administration knows of its park.

    Attributes:
        firms: of the scenario, of which the park has more than live here.
        layout: the park's points.
        draw: makes the park's named streams.
    """

    park: Park
    firms: Sequence[Enterprise]
    layout: ParkPoints
    draw: Streams

    @property
    def scale(self) -> float:
        """Firms of the park for each that lives in the scenario."""
        return self.park.firms / len(self.firms)

    def output_wan_yuan(self) -> float:
        """Annual output of all firms of the park."""
        return sum(map(output_wan_yuan, self.firms)) * self.scale

    def pick(self, rng: np.random.Generator) -> str:
        """The name of a firm."""
        return self.firms[int(rng.random() * len(self.firms))].name


def output_wan_yuan(firm: Enterprise) -> float:
    """Annual output of a firm, in 10,000 yuan."""
    return firm.staff * firm.family.sales_cny_staff_year / WAN


def electricity_mwh_month(firm: Enterprise) -> float:
    """Electricity of a firm in a month of full work."""
    pattern = shift_patterns()[firm.shift]
    hours = float(np.trapezoid(pattern.share, pattern.hours))
    return firm.power_kw * hours * holdings().work_days_month.value / 1000


def enterprises(premises: Premises) -> Entries:
    """The firms that live in the scenario."""
    for firm in premises.firms:
        yield (
            firm.name,
            {
                "industry": firm.industry,
                "chain_link": holdings().chain_links[firm.family.code],
                "staff": firm.staff,
                "output_wan_yuan": round(output_wan_yuan(firm), 1),
                "contact": f"{firm.name} 综合办公室 (general office)",
            },
        )


def parcels(premises: Premises) -> Entries:
    """Parcels whose areas sum to the park's, and whose outputs to its firms'."""
    known, rng = holdings(), premises.draw("office register land-parcel")
    count = known.parcels.of(premises.park.area_km2 / known.parcel_km2.value)
    weight = rng.gamma(4.0, size=count)
    area = weight / weight.sum() * premises.park.area_km2 * MU_PER_KM2
    uses = [_pick(known.parcel_uses, float(draw)) for draw in rng.random(count)]
    statuses = [_pick(known.parcel_statuses, float(draw)) for draw in rng.random(count)]
    uses[0], statuses[0] = "industry", "in-use"  # somewhere the firms must stand
    statuses = [status if use in WORKED_USES else "in-use" for use, status in zip(uses, statuses, strict=True)]
    works = np.array([_is_worked(use, status) for use, status in zip(uses, statuses, strict=True)])
    output = np.where(works, area, 0.0) / area[works].sum() * premises.output_wan_yuan()
    for number, (use, status) in enumerate(zip(uses, statuses, strict=True)):
        firm = premises.pick(rng)
        yield (
            f"{premises.park.id}-p{number + 1:03d}",
            {
                "area_mu": round(float(area[number]), 1),
                "use": use,
                "status": status,
                "holder": firm if _is_worked(use, status) else f"{premises.park.id}-administration",
                "output_wan_yuan": round(float(output[number]), 1),
            },
        )


def buildings(premises: Premises) -> Entries:
    """Standard factory buildings, mostly let."""
    known, rng = holdings(), premises.draw("office register factory-building")
    for number in range(known.buildings.of(premises.park.firms / known.firms_a_building.value)):
        size, rent = rng.standard_normal(2)
        let, floors, load = rng.random(3)
        area_m2 = round(known.building_m2.value * exp(known.building_sigma.value * size), -1)
        share = min(1.0, known.let_share.value + (let - 0.5) * 2 * (1 - known.let_share.value))
        units = int(area_m2 * share / known.unit_m2.value)
        loads = known.floor_loads_kg_m2
        yield (
            f"{premises.park.id}-b{number + 1:03d}",
            {
                "area_m2": area_m2,
                "let_m2": min(area_m2, units * known.unit_m2.value),
                "floors": 1 + int(floors * known.floors_most.value),
                "floor_load_kg_m2": loads[int(load * len(loads))],
                "rent_yuan_m2_month": round(known.rent_yuan_m2_month.value * exp(0.2 * rent), 1),
            },
        )


def projects(premises: Premises) -> Entries:
    """Construction projects somewhere on their way."""
    known, rng = holdings(), premises.draw("office register project")
    stages = list(known.milestone_paid)
    for number in range(known.projects.of(premises.park.firms / known.firms_a_project.value)):
        size = float(rng.standard_normal())
        industry, stage, late, days = rng.random(4)
        invested = round(known.project_wan_yuan.value * exp(known.project_sigma.value * size), -1)
        milestone = stages[int(stage * len(stages))]
        name = premises.park.industries[int(industry * len(premises.park.industries))]
        behind = late < known.delayed_share.value
        yield (
            f"{premises.park.id}-j{number + 1:03d}",
            {
                "title": f"{name} {number + 1:02d}",
                "industry": name,
                "investment_wan_yuan": invested,
                "paid_wan_yuan": round(invested * known.milestone_paid[milestone], 1),
                "milestone": milestone,
                "delay_days": round(2 * days * known.delay_days.value) if behind else 0,
            },
        )


def features(premises: Premises) -> Entries:
    """The park's bounds, its buildings, and some of its devices, placed around the park's rough position."""
    park, layout, most = premises.park, premises.layout, holdings().features.most
    radius_km = sqrt(park.area_km2 / pi)
    for number in range(4):
        angle = pi / 4 + number * pi / 2
        place = (radius_km * cos(angle), radius_km * sin(angle))
        yield _feature(park, f"boundary-{number + 1}", "boundary", f"{park.name_zh} {number + 1}", place)
    for name in layout.buildings[:most]:
        yield _feature(park, name, "building", name, _zone_km(premises, layout.zones.index(name.partition("-")[0])))
    for layer, kind in holdings().layers.items():
        for name, zone in _devices(layout, kind)[:most]:
            yield _feature(park, name.replace("/", "-"), layer, name, _zone_km(premises, zone))


def identifiers(premises: Premises) -> Entries:
    """Products of firms, and equipment and points of the park, each with where it is described."""
    park, most = premises.park.id, holdings().identifiers.most
    register = f"/v1/parks/{park}/registers"
    for firm in premises.firms[:most]:
        yield (
            f"{firm.name}.{firm.family.goods}",
            _identifier("product", firm.family.goods, f"{register}/enterprise/{firm.name}", firm.name),
        )
    points = premises.layout.names[:: max(1, len(premises.layout.names) // most)][:most]
    for name in points:
        device = name.rpartition("/")[0]
        address, owner = f"/v1/parks/{park}/points", f"{park}-administration"
        yield f"{park}.{device.replace('/', '.')}", _identifier("equipment", device, address, owner)
        yield f"{park}.{name.replace('/', '.')}", _identifier("point", name, address, owner)


def report(premises: Premises, year: int, month: int) -> Fields:
    """A month of the park's economy; each has a stream of its own."""
    known = holdings()
    period = f"{year}-{month:02d}"
    rng = premises.draw(f"office register economy-report {period}")
    noise = known.report_sigma.value * rng.standard_normal(4)
    ahead_years = (year - 2020) + (month - 12) / 12
    level = premises.output_wan_yuan() / 12 * (1 + known.growth_year.value) ** ahead_years
    output = level * exp(noise[0])
    electricity_mwh = sum(map(electricity_mwh_month, premises.firms)) * premises.scale
    return {
        "period": period,
        "output_wan_yuan": round(output, 1),
        "tax_wan_yuan": round(output * known.tax_share.value * exp(noise[1]), 1),
        "investment_wan_yuan": round(output * known.investment_share.value * exp(noise[2]), 1),
        "exports_wan_yuan": round(output * known.export_share.value * exp(noise[3]), 1),
        "staff": round(sum(firm.staff for firm in premises.firms) * premises.scale),
        "electricity_mwh": round(electricity_mwh * output / level, 1),
    }


STANDING: Mapping[str, Callable[[Premises], Entries]] = {
    "enterprise": enterprises,
    "land-parcel": parcels,
    "factory-building": buildings,
    "project": projects,
    "map-feature": features,
    "identifier": identifiers,
}
"""Registers that stand when the story begins; economy reports come month by month."""


def _is_worked(use: str, status: str) -> bool:
    return use in WORKED_USES and status == "in-use"


def _pick(weights: Mapping[str, float], draw: float) -> str:
    """A name by its weight, from a number between 0 and 1."""
    left = draw * sum(weights.values())
    for name, weight in weights.items():
        left -= weight
        if left < 0:
            return name
    return next(reversed(list(weights)))


def _devices(layout: ParkPoints, kind: str) -> list[tuple[str, int]]:
    """Devices of a kind such as `fire/hydrant`, as subsystem/zone/device with the zone's place, in order of index."""
    subsystem, _, device = kind.partition("/")
    profiles = catalogue.profiles()
    fits = [(one.subsystem, one.device) == (subsystem, device) for one in profiles]
    found: dict[str, int] = {}
    for place in np.flatnonzero(np.array(fits)[layout.profile]).tolist():
        found.setdefault(layout.points[place].name.rpartition("/")[0], int(layout.zone[place]))
    return list(found.items())


def _zone_km(premises: Premises, zone: int) -> tuple[float, float]:
    """East and north of the park's middle: zones lie row by row on a square of the park's area."""
    zones = len(premises.layout.zones)
    side = int(np.ceil(np.sqrt(zones)))
    east, north = ((zone_centre(zone, zones) + 0.5) / side - 0.5) * sqrt(premises.park.area_km2)
    return float(east), float(north)


def _feature(park: Park, name: str, layer: str, title: str, km: tuple[float, float]) -> tuple[str, Fields]:
    east_km, north_km = km
    return (
        f"{park.id}-{name}",
        {
            "layer": layer,
            "title": title,
            "longitude": round(park.longitude + east_km / KM_PER_DEGREE / cos(radians(park.latitude)), 6),
            "latitude": round(park.latitude + north_km / KM_PER_DEGREE, 6),
        },
    )


def _identifier(kind: str, title: str, address: str, owner: str) -> Fields:
    return {"kind": kind, "title": title, "address": address, "owner": owner}
