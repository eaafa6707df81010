"""Time of day: kinds of day, daily shapes as cumulative tables, sunrise and sunset. Local time is China's, UTC+8.

An intensity is constant within a minute, so its integral is linear there and arrivals come out exactly by inverting it.
"""

import datetime as dt
import functools
import math
from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from contract import catalogue
from sim.world.activity.laws import DayKind
from sim.world.activity.load import shapes_file
from sim.world.activity.model import Shape

DAY_MS = 86_400_000
MINUTE_MS = 60_000
MINUTES = 1440
LOCAL_MS = 8 * 3_600_000
DAYS_AHEAD_MAX = 400  # nothing comes of a rate that brings nothing within more than a year

_EPOCH = dt.date(1970, 1, 1).toordinal()
_SATURDAY, _SUNDAY = 5, 6
_SUN_ALTITUDE_DEG = -0.833  # refraction and half the sun's disc


def local_day(time_ms: float) -> int:
    """Number of the local day since 1970-01-01."""
    return int((time_ms + LOCAL_MS) // DAY_MS)


def midnight_ms(day: int) -> int:
    """Beginning of a local day, Unix milliseconds."""
    return day * DAY_MS - LOCAL_MS


def clock_ms(text: str) -> int:
    """Milliseconds after midnight of a time such as "08:30"."""
    hours, minutes = text.split(":")
    return (int(hours) * 60 + int(minutes)) * MINUTE_MS


@functools.cache
def day_kind(day: int) -> DayKind:
    """What kind of day a local day is, by weekday and the catalogue's public holidays."""
    calendar = _calendar()
    if day in calendar:
        return calendar[day]
    weekday = (day + _EPOCH - 1) % 7  # ordinal 1 was a Monday
    return "saturday" if weekday == _SATURDAY else "sunday" if weekday == _SUNDAY else "workday"


@functools.cache
def _calendar() -> dict[int, DayKind]:
    days: dict[int, DayKind] = {}
    for year in catalogue.holidays():
        for off in year.off:
            days |= dict.fromkeys(range(off.first.toordinal() - _EPOCH, off.last.toordinal() + 1 - _EPOCH), "holiday")
        days |= {day.toordinal() - _EPOCH: "workday" for day in year.worked}
    return days


class Curve:
    """A shape as tables.

    Attributes:
        weight: (1440,) float64, activity of each minute of a working day, mean 1.
        cumulative: (1441,) float64, share of a day's activity before each minute, 0 to 1.
    """

    def __init__(self, shape: Shape) -> None:
        minute = np.arange(MINUTES) + 0.5
        hours, weights = zip(*shape.points, strict=True)
        weight = np.interp(minute / 60, hours, weights)
        for peak in shape.peaks:
            away = np.abs(minute - clock_ms(peak.at) / MINUTE_MS)
            away = np.minimum(away, MINUTES - away)
            weight += peak.height * np.exp(-0.5 * (away / peak.spread_min) ** 2)
        self.weight = weight / weight.mean()
        self.cumulative = np.concatenate([[0.0], np.cumsum(self.weight)])
        self.cumulative /= self.cumulative[-1]
        self._cumulative: list[float] = self.cumulative.tolist()
        self._days = shape.days

    def factor(self, day: int) -> float:
        """Activity of a local day as a share of a working day's."""
        return self._days[day_kind(day)]

    def level(self, time_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """Activity at each time; 1 is the mean of a working day."""
        local = time_ms + LOCAL_MS
        days = local // DAY_MS
        factor = np.ones(len(days))
        for day in np.unique(days).tolist():
            factor[days == day] = self.factor(day)
        level: NDArray[np.float64] = self.weight[local % DAY_MS // MINUTE_MS] * factor
        return level

    def before(self, of_day_ms: float) -> float:
        """Share of a day's activity before a time of day."""
        minute, rest = divmod(of_day_ms / MINUTE_MS, 1)
        low, high = self._cumulative[int(minute)], self._cumulative[min(int(minute) + 1, MINUTES)]
        return low + rest * (high - low)

    def at(self, share: float) -> float:
        """The inverse of `before`: the first time of day, in milliseconds, before which this share lies."""
        place = min(bisect_right(self._cumulative, share), MINUTES) - 1
        low, high = self._cumulative[place], self._cumulative[place + 1]
        return (place + (share - low) / (high - low if high > low else 1.0)) * MINUTE_MS

    def times(self, share: NDArray[np.float64]) -> NDArray[np.float64]:
        """`at` for many, ascending or not."""
        minutes = np.interp(share, self.cumulative, np.arange(MINUTES + 1))
        return minutes * MINUTE_MS

    def after(self, time_ms: float, units: float, per_day: float) -> float:
        """When `units` of activity have passed since a time, where a working day has `per_day`; else infinity."""
        day = local_day(time_ms)
        passed = self.before(time_ms - midnight_ms(day))
        for ahead in range(day, day + DAYS_AHEAD_MAX):
            rate = per_day * self.factor(ahead)
            if rate * (1 - passed) > units:
                return midnight_ms(ahead) + self.at(passed + units / rate)
            units -= rate * (1 - passed)
            passed = 0.0
        return math.inf


@functools.cache
def curve(name: str) -> Curve:
    """The tables of a named shape."""
    return Curve(next(shape for shape in shapes_file().shapes if shape.shape == name))


@functools.cache
def sun_ms(day: int, latitude: float, longitude: float) -> tuple[int, int]:
    """Sunrise and sunset of a local day, in milliseconds after midnight.

    By the usual low-precision series for declination and equation of time (Spencer 1971, as in NOAA's solar
    calculator) [M]; good to about two minutes at these latitudes.
    """
    year_angle = 2 * math.pi * ((day + _EPOCH - dt.date(_year(day), 1, 1).toordinal()) + 0.5) / 365
    terms = [f(k * year_angle) for k in (1, 2, 3) for f in (math.cos, math.sin)]
    c1, s1, c2, s2, c3, s3 = terms
    declination = (
        0.006918 - 0.399912 * c1 + 0.070257 * s1 - 0.006758 * c2 + 0.000907 * s2 - 0.002697 * c3 + 0.00148 * s3
    )
    equation_min = 229.18 * (0.000075 + 0.001868 * c1 - 0.032077 * s1 - 0.014615 * c2 - 0.040849 * s2)
    north = math.radians(latitude)
    cosine = (math.sin(math.radians(_SUN_ALTITUDE_DEG)) - math.sin(north) * math.sin(declination)) / (
        math.cos(north) * math.cos(declination)
    )
    half_day_min = 4 * math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
    noon_min = 720 - 4 * longitude - equation_min + LOCAL_MS / MINUTE_MS
    return round((noon_min - half_day_min) * MINUTE_MS), round((noon_min + half_day_min) * MINUTE_MS)


def _year(day: int) -> int:
    return dt.date.fromordinal(day + _EPOCH).year
