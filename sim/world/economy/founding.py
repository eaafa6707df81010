"""Where firms come from: what each one is, and who supplies whom.

Each firm is drawn from a stream of its own. A firm chooses its suppliers among those that were there before it: in its
park those with a lower number, elsewhere those whose number is not higher. So one more firm in a park changes no link
of the others; it only becomes their customer.
"""

from collections.abc import Iterable
from itertools import accumulate
from math import exp, log1p
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract import catalogue
from contract.catalogue import Park
from contract.catalogue.layout import ZONES_PER_GATEWAY
from scenarios.model import Scenario
from sim.randomness import stream
from sim.world.economy.calendar import shift_patterns
from sim.world.economy.draws import Draws, log_normal
from sim.world.economy.enterprise import Enterprise, Link
from sim.world.economy.parameters import Parameters, family_of_industry

_WORK_HOURS_DAY = 8.0
_TRIES = 3
_DRAWS_LINK = 3 + _TRIES
_DRAWS_SELF = 9
_KM_PER_DEGREE = 111.2


class _Weights(NamedTuple):
    """Cumulated shares, to be searched with a uniform number."""

    edges: list[float]

    def pick(self, uniform: float) -> int:
        for place, edge in enumerate(self.edges):
            if uniform < edge:
                return place
        return len(self.edges) - 1


class _City(NamedTuple):
    """What all foundings share.

    Attributes:
        counts: firms of every park of the catalogue, by place, whether it takes part or not.
        first: place in the list of firms of each scenario park's first firm, by the park's place in the catalogue.
        industries: which of its industries a firm of each park belongs to, by place.
        families: place of the family of each industry.
        power_kw: mean power of a firm of each industry.
        shifts: which pattern each family works, by place.
        partners: which other park a partner stands in, by place.
        distance_km: (parks, parks) between parks.
    """

    scenario: Scenario
    parameters: Parameters
    replication: int
    counts: list[int]
    first: dict[int, int]
    industries: list[_Weights]
    families: dict[str, int]
    power_kw: dict[str, float]
    shifts: list[_Weights]
    partners: list[_Weights]
    distance_km: NDArray[np.float64]


def found(scenario: Scenario, parameters: Parameters, replication: int) -> list[Enterprise]:
    """All firms of a scenario's parks, park by park in the catalogue's order, with links and work in hand."""
    city = _city(scenario, parameters, replication)
    firms: list[Enterprise] = []
    drawn: list[list[float]] = []
    parks = catalogue.parks()
    names = [park.id for park in parks]
    for place in city.first:
        for number in range(1, city.counts[place] + 1):
            draws = _charter(city, place, number)
            industry = parks[place].industries[city.industries[place].pick(draws[0])]
            kind = city.families[industry]
            firm = Enterprise(len(firms), names[place], place, number, parameters.families[kind])
            firm.industry = industry
            _equip(city, firm, kind, draws)
            firms.append(firm)
            drawn.append(draws)
    for firm, draws in zip(firms, drawn, strict=True):
        _link(city, firms, names, firm, draws[_DRAWS_SELF:])
    return firms


def _city(scenario: Scenario, parameters: Parameters, replication: int) -> _City:
    parks = catalogue.parks()
    taking_part = frozenset(scenario.parks)
    places = [place for place, park in enumerate(parks) if park.id in taking_part]
    counts = [firms_of(scenario, park) for park in parks]
    ends = accumulate(counts[place] for place in places)
    distance_km = distances_km()
    near = np.exp(-distance_km / parameters.life.supply_distance_km.value)
    np.fill_diagonal(near, 0.0)
    return _City(
        scenario=scenario,
        parameters=parameters,
        replication=replication,
        counts=counts,
        first={place: end - counts[place] for place, end in zip(places, ends, strict=True)},
        # The first industry that a park names is its largest: weights 1, 1/2, 1/3 (assumption).
        industries=[_weights(1 / rank for rank in range(1, len(park.industries) + 1)) for park in parks],
        families=family_of_industry(parameters.families),
        power_kw={one.industry: one.power_kw for one in catalogue.industries()},
        shifts=[_weights(family.shifts[shift.code] for shift in shift_patterns()) for family in parameters.families],
        partners=[_weights(row) for row in near.tolist()],
        distance_km=distance_km,
    )


def distances_km() -> NDArray[np.float64]:
    """(parks, parks) distances in the catalogue's order, flat-earth approximation."""
    north = np.array([park.latitude for park in catalogue.parks()]) * _KM_PER_DEGREE
    east = np.array([park.longitude for park in catalogue.parks()]) * _KM_PER_DEGREE * np.cos(np.radians(29.6))
    apart: NDArray[np.float64] = np.hypot(north[:, None] - north, east[:, None] - east)
    return apart


def firms_of(scenario: Scenario, park: Park) -> int:
    """Firms of a park: as many as the scenario says, or so many on average, by the catalogue's number of firms."""
    if scenario.sizes == "equal" or not scenario.enterprises_per_park:
        return scenario.enterprises_per_park
    known = catalogue.parks()
    mean = sum(one.firms for one in known) / len(known)
    return max(1, round(scenario.enterprises_per_park * park.firms / mean))


def _weights(weights: Iterable[float]) -> _Weights:
    sums = np.cumsum(np.fromiter(weights, dtype=np.float64))
    return _Weights((sums / sums[-1]).tolist())


def _charter(city: _City, place: int, number: int) -> list[float]:
    links_max = int(city.parameters.life.suppliers_max.value)
    rng = stream(city.scenario.seed, replication=city.replication, park=place, name=f"enterprise {number}")
    drawn: list[float] = rng.random(_DRAWS_SELF + links_max * _DRAWS_LINK).tolist()
    return drawn


def _equip(city: _City, firm: Enterprise, kind: int, draws: list[float]) -> None:
    """Give a firm its shifts, people, machines, place in the park, streams and work in hand."""
    scenario, parameters, family = city.scenario, city.parameters, firm.family
    firm.shift = city.shifts[kind].pick(draws[1])
    firm.staff = 1 + int(log_normal(draws[2], draws[3], family.staff.median, family.staff.sigma))
    firm.power_kw = city.power_kw[firm.industry] * firm.staff / family.staff.median
    firm.machines = 1 + int(firm.staff / family.staff_per_machine)
    firm.zone = 1 + int(draws[4] * ZONES_PER_GATEWAY * scenario.gateways_per_park)
    share = parameters.life.platform_load_share.value
    firm.loads_t_h = firm.staff * family.t_per_staff_day / _WORK_HOURS_DAY * share
    firm.suppliers = [_NO_LINK] * _poisson(draws[5], parameters.life.suppliers_mean.value, _links_max(city))
    firm.occasions = _draws(city, firm, "occasions")
    firm.life = _draws(city, firm, "life")
    firm.choices = _draws(city, firm, "choices")
    firm.paper = _draws(city, firm, "paper")
    if draws[6] < parameters.life.order_load.value:
        firm.take_order(mean_book_h(parameters) * -log1p(-draws[7]))
    firm.load_t = firm.loads_t_h * parameters.life.unshipped_h.value * -log1p(-draws[8])


def _draws(city: _City, firm: Enterprise, purpose: str) -> Draws:
    return Draws(city.scenario.seed, city.replication, firm.place, number=firm.number, purpose=purpose)


_NO_LINK = Link(-1, "", 0.0, 0.0)


def _links_max(city: _City) -> int:
    return int(city.parameters.life.suppliers_max.value)


def mean_book_h(parameters: Parameters) -> float:
    """Mean work in hand of a firm that has any, where orders queue for one server (Pollaczek and Khinchine)."""
    life = parameters.life
    load = life.order_load.value
    mean_h = load * life.order_every_h.value
    waiting_h = load * mean_h * exp(life.order_sigma.value**2) / (2 * (1 - load))
    return waiting_h / load


def _poisson(uniform: float, mean: float, count_max: int) -> int:
    """A Poisson number from a uniform one, by inversion, cut off at a largest."""
    count, share = 0, exp(-mean)
    reached = share
    while uniform >= reached and count < count_max:
        count += 1
        share *= mean / count
        reached += share
    return count


def _link(city: _City, firms: list[Enterprise], names: list[str], firm: Enterprise, draws: list[float]) -> None:
    """Give a firm its suppliers."""
    wanted, firm.suppliers = len(firm.suppliers), []
    for slot in range(wanted):
        link = _supplier(city, firms, names, firm, draws[slot * _DRAWS_LINK : (slot + 1) * _DRAWS_LINK])
        if any(known.name == link.name for known in firm.suppliers):
            continue
        if link.supplier < 0:
            firm.outside.append(link)
        else:
            firms[link.supplier].customers.append((firm.index, len(firm.suppliers)))
        firm.suppliers.append(link)


def _supplier(city: _City, firms: list[Enterprise], names: list[str], firm: Enterprise, draws: list[float]) -> Link:
    life = city.parameters.life
    at_home = draws[0] < life.same_park_share.value and firm.number > 1
    place = firm.place if at_home else city.partners[firm.place].pick(draws[1])
    choice = firm.number - 1 if at_home else firm.number
    dependence = life.dependence_min.value + (1 - life.dependence_min.value) * draws[2]
    transit_h = life.transit_base_h.value
    transit_h += life.transit_h_per_km.value * float(city.distance_km[firm.place, place])
    there = city.counts[place]
    numbers = [1 + int(one * choice) % there for one in draws[3:]] if there else [1]
    if place not in city.first:
        return Link(-1, f"{names[place]}-e{numbers[0]:04d}", dependence, transit_h)
    candidates = [city.first[place] + number - 1 for number in numbers]
    inputs = firm.family.inputs
    fitting = (one for one in candidates if firms[one].family.code in inputs)
    supplier = next(fitting, candidates[0])
    return Link(supplier, firms[supplier].name, dependence, transit_h)
