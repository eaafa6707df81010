"""What lies under everything else in the city: which kind of day it is, and the weather that all parks share."""

import datetime as dt
import functools
import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from contract import catalogue
from sim.randomness import stream

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
CHINA_OFFSET_MS = 8 * HOUR_MS
CITY = 2**32 - 1
"""The place of the whole city where a random stream wants a park's: the same on every shard."""
SATURDAY = 5

# Assumptions [A]: memories and shares of the weather, chosen for a subtropical basin with long drizzle and little wind.
TEMPERATURE_MEMORY_H = 36.0
WIND_MEMORY_H = 8.0
DRY_H = 30.0
WET_H = 6.0
MODERATION = 2.0  # a deviation of this many standard deviations counts as a full one; beyond it nothing grows


class DayKind(IntEnum):
    """Kinds of day that people live differently."""

    WORKDAY = 0
    WEEKEND = 1
    HOLIDAY = 2


@functools.lru_cache(maxsize=1024)
def day_kind(day: int) -> DayKind:
    """Kind of a day in China.

    Args:
        day: local days since 1970-01-01. A year without an entry in the catalogue's holidays goes by its weekdays.
    """
    date = dt.date(1970, 1, 1) + dt.timedelta(days=day)
    off, worked = _exceptions()
    if date in off:
        return DayKind.HOLIDAY
    if date.weekday() < SATURDAY or date in worked:
        return DayKind.WORKDAY
    return DayKind.WEEKEND


def local_day(time_ms: float) -> int:
    """Days since 1970-01-01 in China's time."""
    return math.floor((time_ms + CHINA_OFFSET_MS) / DAY_MS)


@functools.cache
def _exceptions() -> tuple[frozenset[dt.date], frozenset[dt.date]]:
    years = catalogue.holidays()
    off = {
        holiday.first + dt.timedelta(days=number)
        for year in years
        for holiday in year.off
        for number in range((holiday.last - holiday.first).days + 1)
    }
    return frozenset(off), frozenset(day for year in years for day in year.worked)


class Sky(NamedTuple):
    """The weather at one time, each as a deviation that moves points within their normal operation.

    Attributes:
        temperature: -1 to 1, colder or warmer than usual.
        wind: -1 to 1, calmer or windier than usual.
        rain: 0 to 1, none to the most that is still no incident.
    """

    temperature: float
    wind: float
    rain: float


class Weather:
    """The city's weather, drawn hour by hour and straight in between; storms and floods are incidents, not this.

    Temperature and wind are first-order autoregressive, cut at one; rain comes in spells of exponential length whose
    strength is uniform.

    Args:
        start_ms: its beginning, Unix milliseconds; no time before it may be asked for.
        rng: its own stream, see `city_weather`.
    """

    def __init__(self, start_ms: int, rng: np.random.Generator) -> None:
        self._start_ms = start_ms
        self._rng = rng
        self._temperature, self._wind = rng.standard_normal(2).tolist()
        self._is_wet = bool(rng.random() < WET_H / (WET_H + DRY_H))
        self._strength = float(rng.random())
        self._hours: list[Sky] = []
        self._told_ms = start_ms
        self._told = self._between(start_ms)

    def at(self, time_ms: int) -> Sky:
        """The weather at a time; who asks for one time again, as the next park does, is told at once."""
        if time_ms != self._told_ms:
            self._told_ms, self._told = time_ms, self._between(time_ms)
        return self._told

    def _between(self, time_ms: int) -> Sky:
        hours, rest_ms = divmod(time_ms - self._start_ms, HOUR_MS)
        while len(self._hours) < hours + 2:
            self._hours.append(self._next())
        share = rest_ms / HOUR_MS
        before, after = self._hours[hours], self._hours[hours + 1]
        return Sky(*(a + (b - a) * share for a, b in zip(before, after, strict=True)))

    def _next(self) -> Sky:
        """Live one hour; draws the same count of numbers each time."""
        fresh = self._rng.standard_normal(2).tolist()
        self._temperature = _renewed(self._temperature, TEMPERATURE_MEMORY_H, fresh[0])
        self._wind = _renewed(self._wind, WIND_MEMORY_H, fresh[1])
        turn, strength = self._rng.random(2).tolist()
        if turn < -math.expm1(-1 / (WET_H if self._is_wet else DRY_H)):
            self._is_wet, self._strength = not self._is_wet, strength
        return Sky(_moderate(self._temperature), _moderate(self._wind), self._strength if self._is_wet else 0.0)


def city_weather(seed: int, replication: int, start_ms: int) -> Weather:
    """The weather of a scenario's city: one stream for all parks, whichever of them live in this process."""
    return Weather(start_ms, stream(seed, replication=replication, park=CITY, name="weather"))


def _renewed(state: float, memory_h: float, fresh: float) -> float:
    keep = math.exp(-1 / memory_h)
    return state * keep + fresh * math.sqrt(1 - keep * keep)


def _moderate(deviation: float) -> float:
    return min(max(deviation / MODERATION, -1.0), 1.0)
