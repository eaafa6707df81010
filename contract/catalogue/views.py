"""Views: which figures the users of each subsystem expect, as data; the head of `views.yaml` explains its words."""

import functools
import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from contract.catalogue.load import matters, profiles, read, subsystems
from contract.catalogue.model import Entry, Mark
from contract.errors import HarnessError
from contract.rulebook import matching

FILE = "views.yaml"
How = Literal[
    "count", "distinct", "sum", "mean", "min", "max", "last", "balance", "share", "ratio", "time", "time_share",
    "integral", "coverage", "peak_demand",
]  # fmt: skip
TIMES = ("hour", "shift", "day")
FIELDS = "fields."
CASE_FIELDS = frozenset({"matter", "state", "enterprise"})
ALERT_FIELDS = frozenset({"level", "state", "rule"})
SPAN_S_MAX = 3600  # of `every_s` and `hold_s`: no longer than the shortest group of time
_GROUPS = {
    "events": frozenset({"park", "zone", "device", "kind", *TIMES}),
    "readings": frozenset({"park", "zone", "device", *TIMES}),
    "cases": frozenset({"park", *TIMES}),
    "alerts": frozenset({"park", "zone", "device", *TIMES}),
}
_SOURCES: dict[str, frozenset[str]] = {
    "distinct": frozenset({"events"}),
    "balance": frozenset({"events"}),
    "ratio": frozenset({"events"}),
    "time": frozenset({"events"}),
    "time_share": frozenset({"events"}),
    "sum": frozenset({"events", "readings"}),
    "mean": frozenset({"events", "readings"}),
    "min": frozenset({"events", "readings"}),
    "max": frozenset({"events", "readings"}),
    "last": frozenset({"events", "readings"}),
    "integral": frozenset({"readings"}),
    "coverage": frozenset({"readings"}),
    "peak_demand": frozenset({"readings"}),
}
_OF_FIELD = frozenset({"distinct", "sum", "mean", "min", "max", "last"})
_NEEDED = {
    "share": ("fits",),
    "time": ("fits",),
    "time_share": ("fits",),
    "ratio": ("other",),
    "balance": ("other",),
    "integral": ("hold_s",),
    "coverage": ("every_s",),
    "peak_demand": ("every_s",),
}
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):00|24:00")

Value = str | int | float | bool


class Fits(Entry, frozen=True, kw_only=True):
    """What a share counts as fitting: events of some kinds, fields with one of some values, readings within bounds."""

    kinds: tuple[str, ...] = ()
    where: dict[str, tuple[Value, ...]] = msgspec.field(default_factory=dict)
    within: tuple[float, float] | None = None


class Measure(Entry, frozen=True, kw_only=True):
    """A figure over a group of events, readings, cases or alerts.

    Attributes:
        events: kinds of event of the view's subsystem.
        readings: glob over point names.
        cases: codes of matters.
        alerts: of the view's subsystem.
        other: kinds that a balance takes off, or that a ratio divides by.
        field: of the events.
        where: only events, cases or alerts whose fields have one of these values.
        fits: what a share or a time is about.
        newest: only the newest of each device or point within the group.
        hold_s: a reading holds at most so long when no other follows.
        every_s: span of a slot of time.
    """

    measure: str
    name_en: str
    name_zh: str
    unit: str
    how: How
    events: tuple[str, ...] = ()
    readings: str = ""
    cases: tuple[str, ...] = ()
    alerts: bool = False
    other: tuple[str, ...] = ()
    field: str = ""
    where: dict[str, tuple[Value, ...]] = msgspec.field(default_factory=dict)
    fits: Fits | None = None
    newest: bool = False
    hold_s: int = 0
    every_s: int = 0

    @property
    def source(self) -> str:
        """`events`, `readings`, `cases` or `alerts`; empty when there is not exactly one."""
        told = [name for name in ("events", "readings", "cases", "alerts") if getattr(self, name)]
        return told[0] if len(told) == 1 else ""


class ViewPlan(Entry, frozen=True, kw_only=True):
    """A view of a subsystem.

    Attributes:
        groups: by what it may be grouped; the first is taken unless told.
        source, mark: of which figures are wanted.
    """

    view: str
    subsystem: str
    name_en: str
    name_zh: str
    groups: tuple[str, ...]
    measures: tuple[Measure, ...]
    source: str
    mark: Mark


class DayShift(Entry, frozen=True, kw_only=True):
    """A part of the local day, from `start` to the start of the next one."""

    shift: str
    name_en: str
    name_zh: str
    start: str


class ViewsFile(Entry, frozen=True, kw_only=True):
    """All that the file says."""

    shifts: tuple[DayShift, ...]
    views: tuple[ViewPlan, ...]


class Views(Entry, frozen=True, kw_only=True):
    """The views by name, and the shifts as pairs of first hour and name, ascending from hour 0."""

    plans: dict[str, ViewPlan]
    shifts: tuple[tuple[int, str], ...]


@functools.cache
def views() -> Views:
    """The catalogue's views.

    Raises:
        HarnessError: the file contradicts itself or the catalogue.
    """
    return checked(read(FILE, ViewsFile))


def checked(file: ViewsFile, name: str = FILE) -> Views:
    """The views of a file, held to the catalogue.

    Raises:
        HarnessError: with the file, the path, what was wanted and what was found.
    """
    shifts = _shifts(f"{name}: shifts", file.shifts)
    known = {subsystem.code for subsystem in subsystems()}
    plans: dict[str, ViewPlan] = {}
    for number, plan in enumerate(file.views):
        where = f"{name}: views[{number}]"
        _once(f"{where}.view", plan.view, plans)
        _one_of(f"{where}.subsystem", plan.subsystem, known)
        _check_plan(where, plan)
        plans[plan.view] = plan
    return Views(plans=plans, shifts=shifts)


def _shifts(where: str, written: tuple[DayShift, ...]) -> tuple[tuple[int, str], ...]:
    hours: list[tuple[int, str]] = []
    for number, shift in enumerate(written):
        place = f"{where}[{number}].start"
        if not _CLOCK.fullmatch(shift.start):
            raise _wrong(place, "a full hour such as '08:00'", shift.start)
        hour = int(shift.start[:2])
        if (hours and hour <= hours[-1][0]) or (not hours and hour):
            raise _wrong(place, "'00:00' first, then later and later", shift.start)
        hours.append((hour, shift.shift))
    if not hours:
        raise _wrong(where, "at least one shift", "none")
    return tuple(hours)


def _check_plan(where: str, plan: ViewPlan) -> None:
    if not plan.groups:
        raise _wrong(f"{where}.groups", "at least one group", "none")
    seen: dict[str, Measure] = {}
    for number, measure in enumerate(plan.measures):
        place = f"{where}.measures[{number}]"
        _once(f"{place}.measure", measure.measure, seen)
        _check_measure(place, plan, measure)
        seen[measure.measure] = measure
    for number, group in enumerate(plan.groups):
        fitting = [each for each in plan.measures if answers(each, group)]
        if not fitting:
            found = f"{group!r}, which no measure of the view can be grouped by"
            raise HarnessError(f"{where}.groups[{number}]: expected a group of its measures, found {found}")


def answers(measure: Measure, group: str) -> bool:
    """Can the measure be grouped so? Time in a state and readings have no fields."""
    if measure.how in {"time", "time_share"}:
        return group in _GROUPS["readings"]
    if group.startswith(FIELDS):
        known = {"cases": CASE_FIELDS, "alerts": ALERT_FIELDS}.get(measure.source)
        field = group.removeprefix(FIELDS)
        return measure.source == "events" if known is None else field in known
    return group in _GROUPS[measure.source]


def _check_measure(where: str, plan: ViewPlan, measure: Measure) -> None:
    if not measure.source:
        raise _wrong(where, "exactly one of events, readings, cases, alerts", "none or several")
    allowed = _SOURCES.get(measure.how, frozenset(_GROUPS))
    if measure.source not in allowed:
        raise _wrong(f"{where}.how", f"one that is made of {measure.source}", measure.how)
    for key in _NEEDED.get(measure.how, ()):
        if not getattr(measure, key):
            raise HarnessError(f"{where}.{key}: expected a value for {measure.how!r}, found none")
    if measure.how in _OF_FIELD and bool(measure.field) != (measure.source == "events"):
        wanted = "a field of the events" if measure.source == "events" else "none, a reading has its value"
        raise _wrong(f"{where}.field", wanted, measure.field)
    for key, span_s in (("hold_s", measure.hold_s), ("every_s", measure.every_s)):
        if not 0 <= span_s <= SPAN_S_MAX:
            raise _wrong(f"{where}.{key}", f"1 to {SPAN_S_MAX} s", span_s)
    if measure.how == "time" and measure.unit != "h":
        raise _wrong(f"{where}.unit", "'h', a time is told in hours", measure.unit)
    _check_source(where, plan, measure)
    _check_fits(where, measure)


def _check_source(where: str, plan: ViewPlan, measure: Measure) -> None:
    if measure.source == "readings":
        names = tuple(f"{each.subsystem}/z01/{each.device}-0001/{each.quantity}" for each in profiles())
        found = [name for name in matching(measure.readings, names) if names[name].startswith(f"{plan.subsystem}/")]
        if not found:
            wanted = f"a glob that fits points of the subsystem {plan.subsystem!r}"
            raise _wrong(f"{where}.readings", wanted, measure.readings)
    for number, code in enumerate(measure.cases):
        _one_of(f"{where}.cases[{number}]", code, {matter.code for matter in matters()})


def _check_fits(where: str, measure: Measure) -> None:
    known = {"cases": CASE_FIELDS, "alerts": ALERT_FIELDS, "readings": frozenset[str]()}.get(measure.source)
    fits = measure.fits
    if known is not None:
        for key, fields in (("where", measure.where), ("fits.where", fits.where if fits else {})):
            for field in fields:
                _one_of(f"{where}.{key}", field, known)
    if fits is None:
        return
    if bool(fits.within) != (measure.source == "readings"):
        raise _wrong(f"{where}.fits.within", "a lower and an upper bound for readings alone", fits.within)
    if fits.within and not fits.within[0] <= fits.within[1]:
        raise _wrong(f"{where}.fits.within", "the lower bound first", list(fits.within))
    for number, kind in enumerate(fits.kinds):
        _one_of(f"{where}.fits.kinds[{number}]", kind, set(measure.events))


def _once(where: str, name: str, seen: Mapping[str, object]) -> None:
    if name in seen:
        raise _wrong(where, "each name once", name)


def _one_of(where: str, name: str, known: set[str] | frozenset[str]) -> None:
    if name not in known:
        raise _wrong(where, f"one of {', '.join(sorted(known)) or 'none'}", name)


def _wrong(where: str, wanted: str, found: object) -> HarnessError:
    return HarnessError(f"{where}: expected {wanted}, found {found!r}")
