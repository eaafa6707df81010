"""What the economy is made of, read from its YAML files and held together: families, life, deadlines, reasons."""

import functools
from collections.abc import Iterable
from typing import Literal, NamedTuple

from contract import catalogue
from contract.catalogue.model import Entry, Mark, Matter
from sim.world.economy.calendar import shift_patterns
from sim.world.economy.written import Figure, fault, read


class LogNormal(Entry, frozen=True, kw_only=True):
    """A log-normal law by its median and the standard deviation of the logarithm."""

    median: float
    sigma: float


class Family(Entry, frozen=True, kw_only=True):
    """Firms of one kind; the units of the figures stand in their names.

    Attributes:
        industries: names of the catalogue's parks that lead to this family.
        shifts: weight of each pattern of shifts.
        inputs: families that it buys from.
        emitter: it holds a discharge permit.
        goods: what it ships, as forms name it.
    """

    code: str
    name_en: str
    name_zh: str
    industries: tuple[str, ...]
    shifts: dict[str, float]
    staff: LogNormal
    staff_per_machine: float
    water_l_staff_day: float
    cod_mg_l: float
    t_per_staff_day: float
    sales_cny_staff_year: float
    inputs: tuple[str, ...]
    emitter: bool
    hot_work: bool
    dangerous_goods_share: float
    goods: str
    source: str
    mark: Mark


class Life(Entry, frozen=True, kw_only=True):
    """How firms live; `life.yaml` says what each figure means and where it comes from."""

    natural_requests_per_hour: Figure
    before_h: Figure
    unshipped_h: Figure
    suppliers_mean: Figure
    suppliers_max: Figure
    same_park_share: Figure
    supply_distance_km: Figure
    transit_base_h: Figure
    transit_h_per_km: Figure
    dependence_min: Figure
    order_every_h: Figure
    order_load: Figure
    order_sigma: Figure
    market_share: Figure
    large_order_h: Figure
    idle_h: Figure
    overload_h: Figure
    handed_on_h_max: Figure
    posting_lasts_h: Figure
    stop_every_h: Figure
    stop_median_h: Figure
    stop_sigma: Figure
    stop_share_min: Figure
    repeated_stops: Figure
    repeated_within_h: Figure
    slack_h: Figure
    catch_up_share: Figure
    stock_h: Figure
    outside_late_every_h: Figure
    outside_late_median_h: Figure
    outside_late_sigma: Figure
    idea_every_h: Figure
    licence_every_h: Figure
    asked_back_share: Figure
    agenda_max: Figure
    reaction_min: Figure
    truck_t: Figure
    platform_load_share: Figure
    part_load_t: Figure


class Deadline(Entry, frozen=True, kw_only=True):
    """A day of the calendar by which many firms file; `window_days` counts the last day in.

    Attributes:
        moves: a last day that is no working day moves to the next one.
        filings: mean number for each firm concerned, at the natural rate.
        staff_min, staff_max: size of the firms concerned.
        round_off_h: rounds off the rush in the last hour.
    """

    code: str
    name_en: str
    name_zh: str
    matter: str
    months: tuple[int, ...]
    day: int
    moves: bool
    window_days: int
    filings: float
    source: str
    mark: Mark
    staff_min: int = 1
    staff_max: int = 1_000_000_000
    emitters_only: bool = False
    round_off_h: float = 1.0


Needs = Literal["", "hot-work", "emitter", "goods"]


class Reason(Entry, frozen=True, kw_only=True):
    """Why a firm turns to its park, and for which matters; an event with no `lapses_h` waits until it is filed."""

    code: str
    kind: Literal["event", "state", "routine"]
    weight: float
    asks: tuple[str, ...]
    name_en: str
    name_zh: str
    needs: Needs = ""
    lapses_h: float = 0.0
    source: str = "assumption"
    mark: Mark = "A"


def concerns(reason: Reason, family: Family) -> bool:
    """Firms of a family may have this reason."""
    if reason.needs == "hot-work":
        return family.hot_work
    if reason.needs == "emitter":
        return family.emitter
    return reason.needs != "goods" or family.t_per_staff_day > 0


class Parameters(NamedTuple):
    """All of it, checked together; `reasons` by code, in the order of the file."""

    families: tuple[Family, ...]
    life: Life
    deadlines: tuple[Deadline, ...]
    reasons: dict[str, Reason]


@functools.cache
def parameters() -> Parameters:
    """The parameters as they are written.

    Raises:
        HarnessError: a file is wrong, with the place, what was found and what was wanted.
    """
    found = Parameters(
        families=read("families.yaml", tuple[Family, ...]),
        life=read("life.yaml", Life),
        deadlines=read("deadlines.yaml", tuple[Deadline, ...]),
        reasons={reason.code: reason for reason in read("reasons.yaml", tuple[Reason, ...])},
    )
    check(found)
    return found


def family_of_industry(families: Iterable[Family]) -> dict[str, int]:
    """The place of the family of each industry that the catalogue may name."""
    return {industry: place for place, family in enumerate(families) for industry in family.industries}


def check(found: Parameters) -> None:
    """Hold the files to each other and to the catalogue.

    Raises:
        HarnessError: with the place, what was found and what was wanted.
    """
    matters = {matter.code: matter for matter in catalogue.matters()}
    _check_families(found.families)
    _check_life(found.life)
    for deadline in found.deadlines:
        _check_matter("deadlines.yaml", f"{deadline.code}.matter", deadline.matter, matters)
        days = [_days_of_month(month) for month in deadline.months]
        if not days or not 1 <= deadline.day <= min(days) or deadline.window_days < 1 or deadline.filings < 0:
            wanted = "a day that each of the months (1 to 12) has, a window of at least a day, filings of at least 0"
            raise fault("deadlines.yaml", deadline.code, wanted=wanted, found=f"{deadline.day} of {deadline.months}")
    for reason in found.reasons.values():
        for ask in reason.asks:
            _check_matter("reasons.yaml", f"{reason.code}.asks", ask, matters)
        if reason.weight <= 0 or not reason.asks:
            raise fault("reasons.yaml", reason.code, wanted="a weight above 0 and a matter", found=str(reason.weight))


def _days_of_month(month: int) -> int:
    """Days that a month has in every year; 0 where there is no such month."""
    return {2: 28, 4: 30, 6: 30, 9: 30, 11: 30}.get(month, 31) if 1 <= month <= 12 else 0  # noqa: PLR2004 - the calendar


def _check_matter(file: str, where: str, code: str, matters: dict[str, Matter]) -> None:
    if code not in matters:
        raise fault(file, where, wanted="a matter of contract/catalogue/matters.yaml", found=repr(code))


def _check_families(families: tuple[Family, ...]) -> None:
    codes, shifts = {family.code for family in families}, {shift.code for shift in shift_patterns()}
    for family in families:
        if not set(family.inputs) <= codes:
            raise fault("families.yaml", f"{family.code}.inputs", wanted="codes of families", found=str(family.inputs))
        if set(family.shifts) != shifts or sum(family.shifts.values()) <= 0:
            wanted = f"a weight for each of {', '.join(sorted(shifts))}"
            raise fault("families.yaml", f"{family.code}.shifts", wanted=wanted, found=str(family.shifts))
    known = family_of_industry(families)
    for park in catalogue.parks():
        for industry in park.industries:
            if industry not in known:
                wanted = f"a family for every industry of the catalogue ({park.id} has this one)"
                raise fault("families.yaml", "industries", wanted=wanted, found=f"none for {industry!r}")


def _check_life(life: Life) -> None:
    for name in ("natural_requests_per_hour", "order_every_h", "stop_every_h", "outside_late_every_h", "idea_every_h"):
        if getattr(life, name).value <= 0:
            raise fault("life.yaml", name, wanted="more than 0", found=str(getattr(life, name).value))
    for name in ("order_load", "market_share", "same_park_share", "dependence_min", "stop_share_min"):
        if not 0 < getattr(life, name).value < 1:
            raise fault("life.yaml", name, wanted="a share between 0 and 1", found=str(getattr(life, name).value))
