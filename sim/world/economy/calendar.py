"""Working days, holidays and the hours of offices and shifts, in China's time."""

import datetime as dt
import functools
from typing import NamedTuple

import numpy as np

from contract import catalogue
from contract.catalogue.model import Entry, Mark
from sim.world.economy.written import fault, read

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
CHINA_OFFSET_MS = 8 * HOUR_MS
_FILE = "calendar.yaml"
_EPOCH = dt.date(1970, 1, 1)
_SATURDAY = 5
_CELLS_PER_HOUR = 12


class Pattern(Entry, frozen=True, kw_only=True):
    """Shares of full activity over a working day.

    Attributes:
        hours: local hours from 0 to 24, rising; between them the share is interpolated.
        share: share (0 to 1) at each of them.
        day_off_share, holiday_share: factor on the whole day where it is a day off, or a public holiday.
    """

    hours: tuple[float, ...]
    share: tuple[float, ...]
    day_off_share: float
    holiday_share: float
    source: str
    mark: Mark


class ShiftPattern(Pattern, frozen=True, kw_only=True):
    """When a firm's machines run."""

    code: str
    name_en: str
    name_zh: str


class _CalendarFile(Entry, frozen=True, kw_only=True):
    office: Pattern
    shifts: tuple[ShiftPattern, ...]


class _Days(NamedTuple):
    """Days as numbers from 1970-01-01; membership only, never iterated."""

    off: frozenset[int]
    worked: frozenset[int]


def day_number(date: dt.date) -> int:
    """Days from 1970-01-01, as the calendar counts them."""
    return (date - _EPOCH).days


def day_of(time_ms: float) -> int:
    """The local day at a time, days from 1970-01-01."""
    return int((time_ms + CHINA_OFFSET_MS) // DAY_MS)


def day_begins_ms(day: int) -> int:
    """Local midnight at which a day begins, Unix milliseconds."""
    return day * DAY_MS - CHINA_OFFSET_MS


def date_of(day: int) -> dt.date:
    """The date of a day."""
    return _EPOCH + dt.timedelta(days=day)


@functools.lru_cache(maxsize=4096)
def is_holiday(day: int) -> bool:
    """The day belongs to a public holiday, in a year that the catalogue knows."""
    return day in _days().off


@functools.lru_cache(maxsize=4096)
def is_working_day(day: int) -> bool:
    """Neither a public holiday nor a free Saturday or Sunday."""
    if is_holiday(day):
        return False
    return date_of(day).weekday() < _SATURDAY or day in _days().worked


def day_share(pattern: Pattern, day: int) -> float:
    """Factor of a pattern on a day."""
    if is_working_day(day):
        return 1.0
    return pattern.holiday_share if is_holiday(day) else pattern.day_off_share


def share_at(pattern: Pattern, time_ms: float) -> float:
    """Share (0 to 1) of a pattern's full activity at a time, Unix milliseconds."""
    hour = (time_ms + CHINA_OFFSET_MS) % DAY_MS / HOUR_MS
    return float(np.interp(hour, pattern.hours, pattern.share)) * day_share(pattern, day_of(time_ms))


def activity(time_ms: float) -> float:
    """Share (0 to 1) of the busiest hour's office traffic at a time, Unix milliseconds."""
    return share_at(office(), time_ms)


def office() -> Pattern:
    """The hours of offices, which decide when requests are made."""
    return _file().office


def shift_patterns() -> tuple[ShiftPattern, ...]:
    """The patterns of shifts, in the order of the file."""
    return _file().shifts


@functools.cache
def _file() -> _CalendarFile:
    written = read(_FILE, _CalendarFile)
    check_pattern("office", written.office)
    for shift in written.shifts:
        check_pattern(f"shifts.{shift.code}", shift)
    return written


def check_pattern(where: str, pattern: Pattern) -> None:
    """Hold a pattern to what the curves rely on.

    Raises:
        HarnessError: the hours do not rise from 0 to 24 in steps of five minutes, or the shares do not fit them.
    """
    hours, share = pattern.hours, pattern.share
    if len(hours) != len(share):
        raise fault(_FILE, f"{where}.share", wanted=f"{len(hours)} shares, one for each hour", found=str(len(share)))
    if hours[0] != 0 or hours[-1] != 24 or list(hours) != sorted(set(hours)):  # noqa: PLR2004 - hours of a day
        raise fault(_FILE, f"{where}.hours", wanted="hours that rise from 0 to 24", found=str(list(hours)))
    if any(hour * _CELLS_PER_HOUR % 1 for hour in hours):
        raise fault(_FILE, f"{where}.hours", wanted="whole steps of five minutes (1/12)", found=str(list(hours)))
    if not all(0 <= one <= 1 for one in (*share, pattern.day_off_share, pattern.holiday_share)):
        raise fault(_FILE, f"{where}.share", wanted="shares from 0 to 1", found=str(list(share)))


@functools.cache
def _days() -> _Days:
    years = catalogue.holidays()
    spans = [(day_number(span.first), day_number(span.last)) for year in years for span in year.off]
    off = frozenset(day for first, last in spans for day in range(first, last + 1))
    return _Days(off, frozenset(day_number(date) for year in years for date in year.worked))
