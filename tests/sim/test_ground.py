"""The ground of the city: kinds of day, and the weather that all parks share."""

import datetime as dt
import math

import numpy as np
import pytest

from contract import catalogue
from sim.randomness import stream
from sim.world.ground import (
    DRY_H,
    HOUR_MS,
    TEMPERATURE_MEMORY_H,
    WET_H,
    WIND_MEMORY_H,
    DayKind,
    Weather,
    city_weather,
    day_kind,
    local_day,
)

START_MS = 1_607_270_400_000  # 2020-12-07T00:00:00+08:00
SIGMAS = 3.3


@pytest.mark.parametrize(
    ("date", "kind"),
    [
        ("2020-09-26", DayKind.WEEKEND),
        ("2020-09-27", DayKind.WORKDAY),  # a Sunday worked for the holiday
        ("2020-09-30", DayKind.WORKDAY),
        ("2020-10-01", DayKind.HOLIDAY),
        ("2020-10-08", DayKind.HOLIDAY),
        ("2020-10-09", DayKind.WORKDAY),
        ("2019-02-05", DayKind.HOLIDAY),
        ("2031-10-01", DayKind.WORKDAY),  # beyond the list: by its weekday, a Wednesday
    ],
)
def test_days_are_of_their_kind(date: str, kind: DayKind) -> None:
    """Public holidays, the weekend days worked for them, and plain weekdays."""
    assert day_kind((dt.date.fromisoformat(date) - dt.date(1970, 1, 1)).days) == kind


def test_each_listed_year_has_its_holidays() -> None:
    """Eleven statutory days at least are off from 2018 to 2026, and who works a weekend day works no holiday."""
    years = catalogue.holidays()
    assert [year.year for year in years] == list(range(2018, 2027))
    for year in years:
        first = (dt.date(year.year, 1, 1) - dt.date(1970, 1, 1)).days
        off = [day for day in range(first, first + 365) if day_kind(day) == DayKind.HOLIDAY]
        assert 16 <= len(off) <= 34
        assert all(day.weekday() >= 5 for day in year.worked)
        assert all(day_kind((day - dt.date(1970, 1, 1)).days) == DayKind.WORKDAY for day in year.worked)


def test_days_begin_at_midnight_in_china() -> None:
    """A day of the city begins at 16:00 UTC."""
    assert local_day(START_MS) == local_day(START_MS - 1) + 1
    assert local_day(START_MS) == (dt.date(2020, 12, 7) - dt.date(1970, 1, 1)).days


def test_weather_is_the_city_s() -> None:
    """Whoever asks, in whatever order, for however many hours, is told the same; another repetition has another."""
    one, other = city_weather(7, 0, START_MS), city_weather(7, 0, START_MS)
    late = other.at(START_MS + 50 * HOUR_MS + 123)
    hours = [one.at(START_MS + hour * HOUR_MS) for hour in range(60)]
    assert one.at(START_MS + 50 * HOUR_MS + 123) == late
    assert other.at(START_MS) == hours[0]
    assert city_weather(7, 1, START_MS).at(START_MS) != hours[0]


@pytest.fixture(scope="module")
def years() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Twelve years of weather, (hours, 3)."""
    weather = Weather(0, stream(1, replication=0, park=0, name="test weather"))
    return np.array([weather.at(hour * HOUR_MS) for hour in range(100_000)])


def test_weather_stays_within_its_bounds(years: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
    """Temperature and wind deviate by one at most, rain by one upward: none of it is an incident."""
    assert np.abs(years[:, :2]).max() == 1.0
    assert 0 == years[:, 2].min() < years[:, 2].max() <= 1


@pytest.mark.parametrize(("place", "memory_h"), [(0, TEMPERATURE_MEMORY_H), (1, WIND_MEMORY_H)])
def test_weather_has_its_memory(
    place: int, memory_h: float, years: np.ndarray[tuple[int, int], np.dtype[np.float64]]
) -> None:
    """Temperature and wind have mean 0, and forget with their time constants, but for the cut at one."""
    x = years[:, place]
    keep = math.exp(-1 / memory_h)
    assert abs(x.mean()) < SIGMAS * x.std() * math.sqrt((1 + keep) / (1 - keep) / len(x))
    found = (x[1:] * x[:-1]).sum() / (x[:-1] ** 2).sum()
    assert abs(found - keep) < SIGMAS * math.sqrt((1 - keep**2) / len(x)) + 0.05 * (1 - keep)  # what the cut takes


def test_rain_comes_in_spells(years: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
    """Wet spells have their mean length, and fill their share of the time."""
    wet = years[:, 2] > 0
    share = WET_H / (WET_H + DRY_H)
    memory_h = 1 / (1 / WET_H + 1 / DRY_H)
    assert abs(wet.mean() - share) < SIGMAS * math.sqrt(share * (1 - share) * 2 * memory_h / len(wet)) + 0.02
    spells = wet.sum() / (np.diff(wet.astype(int)) == 1).sum()
    mean_h = 1 / -math.expm1(-1 / WET_H)  # it ends on the hour
    assert abs(spells - mean_h) < SIGMAS * mean_h / math.sqrt(len(wet) / (WET_H + DRY_H))
