"""How a park's own people work and what they keep, read from this folder's YAML files and held to the catalogue."""

import functools
from collections.abc import Mapping
from importlib import resources
from math import isclose
from typing import Literal, TypeVar

from contract.catalogue.model import Entry, Mark
from contract.catalogue.procedures import Procedure, procedures
from contract.catalogue.registers import registers
from sim.world.economy.calendar import Pattern, check_pattern
from sim.world.economy.parameters import parameters
from sim.world.economy.written import Figure, fault, parse

_T = TypeVar("_T")
_OFFICE, _MANNERS, _HOLDINGS = "office.yaml", "manners.yaml", "holdings.yaml"
Side = Literal["enterprise", "operator"]


class Working(Entry, frozen=True, kw_only=True):
    """How the people of a park work; `office.yaml` says what each figure means and where it comes from."""

    hours: Pattern
    officers_per_firm: Figure
    officers_min: Figure
    delay_sigma: Figure
    work_sigma: Figure
    supplement_sigma: Figure
    gap_s: Figure
    acts_per_minute_max: Figure
    writings_per_minute_max: Figure
    cases_max: Figure


class Way(Entry, frozen=True, kw_only=True):
    """A way on from a state of a case.

    Attributes:
        state: that the case is in.
        act: that is taken.
        by: on which side its author stands.
        share: part of the cases in this state that go this way.
        after_h: median hours until it is taken up.
        work_min: median minutes that an officer works on it; 0 for an enterprise's act.
        comment: what the author writes.
    """

    state: str
    act: str
    by: Side
    share: float
    after_h: float
    work_min: float = 0.0
    comment: str = ""


class Manner(Entry, frozen=True, kw_only=True):
    """How the cases of a procedure are led."""

    procedure: str
    ways: tuple[Way, ...]
    source: str
    mark: Mark


class Range(Entry, frozen=True, kw_only=True):
    """Bounds of a count."""

    least: int
    most: int
    source: str
    mark: Mark

    def of(self, wanted: float) -> int:
        """The whole number within the bounds that is nearest to a wish."""
        return min(max(round(wanted), self.least), self.most)


class Holdings(Entry, frozen=True, kw_only=True):
    """What registers hold; `holdings.yaml` says what each figure means and where it comes from."""

    chain_links: dict[str, str]
    reports_back: Figure
    report_day: Figure
    report_window_days: Figure
    report_sigma: Figure
    growth_year: Figure
    tax_share: Figure
    investment_share: Figure
    export_share: Figure
    work_days_month: Figure
    parcel_km2: Figure
    parcels: Range
    parcel_uses: dict[str, float]
    parcel_statuses: dict[str, float]
    firms_a_building: Figure
    buildings: Range
    building_m2: Figure
    building_sigma: Figure
    let_share: Figure
    unit_m2: Figure
    floors_most: Figure
    floor_loads_kg_m2: tuple[float, ...]
    rent_yuan_m2_month: Figure
    firms_a_project: Figure
    projects: Range
    project_wan_yuan: Figure
    project_sigma: Figure
    milestone_paid: dict[str, float]
    delayed_share: Figure
    delay_days: Figure
    features: Range
    identifiers: Range
    layers: dict[str, str]
    change_days: dict[str, Figure]


@functools.cache
def working() -> Working:
    """How the people of a park work.

    Raises:
        HarnessError: the file is wrong, with the place, what was found and what was wanted.
    """
    found = _read(_OFFICE, Working)
    check_working(found)
    return found


@functools.cache
def manners() -> Mapping[str, Mapping[str, tuple[Way, ...]]]:
    """The ways on by procedure and state.

    Raises:
        HarnessError: the file is wrong, or does not fit the procedures.
    """
    written = {manner.procedure: manner for manner in _read(_MANNERS, tuple[Manner, ...])}
    found = {}
    for procedure in procedures():
        manner = written.pop(procedure.procedure, None)
        if manner is None:
            raise fault(_MANNERS, "procedures", wanted=f"an entry for {procedure.procedure}", found="none")
        check_manner(manner, procedure)
        found[procedure.procedure] = {
            state.state: tuple(way for way in manner.ways if way.state == state.state) for state in procedure.states
        }
    for name in written:
        raise fault(_MANNERS, name, wanted="a procedure of contract/catalogue/procedures.yaml", found=repr(name))
    return found


@functools.cache
def holdings() -> Holdings:
    """What registers hold.

    Raises:
        HarnessError: the file is wrong, or does not fit the registers or the economy.
    """
    found = _read(_HOLDINGS, Holdings)
    check_holdings(found)
    return found


def _read(name: str, kind: type[_T]) -> _T:
    return parse(name, resources.files("sim.world.office").joinpath(name).read_text(encoding="utf-8"), kind)


def check_working(found: Working) -> None:
    """Hold the figures of the office to what its people rely on.

    Raises:
        HarnessError: with the place, what was found and what was wanted.
    """
    check_pattern(f"{_OFFICE} hours", found.hours)
    least = {"officers_min": 1, "gap_s": 1, "acts_per_minute_max": 1, "writings_per_minute_max": 1, "cases_max": 1}
    for name, minimum in least.items():
        value = getattr(found, name).value
        if value < minimum:
            raise fault(_OFFICE, name, wanted=f"at least {minimum}", found=str(value))


def check_manner(manner: Manner, procedure: Procedure) -> None:
    """Hold the ways of a manner to their procedure: each act may be taken where it is, by who takes it.

    Raises:
        HarnessError: with the place, what was found and what was wanted.
    """
    for number, way in enumerate(manner.ways):
        where = f"{manner.procedure}.ways[{number}]"
        act = procedure.act(way.act)
        if act is None or way.state not in act.origins:
            raise fault(_MANNERS, where, wanted=f"an act that a case may take when {way.state}", found=repr(way.act))
        if way.by not in act.by:
            raise fault(_MANNERS, f"{where}.by", wanted=" or ".join(act.by), found=way.by)
        if way.share <= 0 or way.after_h <= 0 or (way.work_min > 0) != (way.by == "operator"):
            wanted = "a share and hours above 0, and minutes of work just where an operator acts"
            raise fault(_MANNERS, where, wanted=wanted, found=f"{way.share}, {way.after_h}, {way.work_min}")
    for state in procedure.states:
        share = sum(way.share for way in manner.ways if way.state == state.state)
        left_to_city = all(act.by == ("city",) for act in procedure.acts if state.state in act.origins)
        ends = state.final or left_to_city
        if share > 1 + 1e-9 or not (ends or isclose(share, 1)):
            wanted = "shares that sum to at most 1" if ends else "shares that sum to 1"
            raise fault(_MANNERS, f"{manner.procedure} {state.state}", wanted=wanted, found=f"{share:g}")


def check_holdings(found: Holdings) -> None:
    """Hold the holdings to the registers' choices and to the families of the economy.

    Raises:
        HarnessError: with the place, what was found and what was wanted.
    """
    families = {family.code for family in parameters().families}
    if set(found.chain_links) != families:
        raise fault(_HOLDINGS, "chain_links", wanted=", ".join(sorted(families)), found=", ".join(found.chain_links))
    for key, register, field, names in (
        ("chain_links", "enterprise", "chain_link", list(found.chain_links.values())),
        ("parcel_uses", "land-parcel", "use", list(found.parcel_uses)),
        ("parcel_statuses", "land-parcel", "status", list(found.parcel_statuses)),
        ("layers", "map-feature", "layer", list(found.layers)),
        ("milestone_paid", "project", "milestone", list(found.milestone_paid)),
    ):
        choices = next(one.choices for one in registers()[register].fields if one.name == field)
        for name in names:
            if name not in choices:
                raise fault(_HOLDINGS, key, wanted=" or ".join(choices), found=repr(name))
    for register, days in found.change_days.items():
        if register not in registers() or days.value <= 0:
            found_days = f"{days.value} of {register}"
            raise fault(_HOLDINGS, "change_days", wanted="days above 0 of a register", found=found_days)
