"""Activity over time as a curve from which arrivals are drawn: inversion under a stepwise majorant, then thinning.

Lewis and Shedler (1979), Simulation of nonhomogeneous Poisson processes by thinning, with a majorant that is constant
in cells of five minutes, so that almost no draw is thrown away. Positions on the curve are hours of full activity.
"""

from bisect import bisect_right
from collections.abc import Callable
from math import inf

import numpy as np
from numpy.typing import NDArray

from sim.world.economy.calendar import DAY_MS, HOUR_MS, Pattern, day_begins_ms, day_of, day_share

CELL_MS = 300_000
_CELLS_PER_DAY = DAY_MS // CELL_MS


class Curve:
    """A rate over the days that a span touches, linear in each cell of five minutes.

    Args:
        first_day: local day at whose midnight the curve begins.
        left: (n,) float64, the rate at the beginning of each cell, in shares of full activity.
        right: (n,) float64, the rate at its end.
    """

    def __init__(self, first_day: int, left: NDArray[np.float64], right: NDArray[np.float64]) -> None:
        self.begin_ms = day_begins_ms(first_day)
        self.end_ms = self.begin_ms + len(left) * CELL_MS
        self._left: list[float] = left.tolist()
        self._right: list[float] = right.tolist()
        self._top: list[float] = np.maximum(left, right).tolist()
        hours = np.concatenate(([0.0], np.cumsum(np.maximum(left, right)))) * (CELL_MS / HOUR_MS)
        self._hours: list[float] = hours.tolist()
        self._mean = (left + right) / 2

    def position(self, time_ms: float) -> float:
        """Hours under the majorant from the beginning of the curve to a time; outside the curve those of its ends."""
        place = max(0.0, (time_ms - self.begin_ms) / CELL_MS)
        cell = int(place)
        hours = self._hours
        if cell >= len(hours) - 1:
            return hours[-1]
        return hours[cell] + (hours[cell + 1] - hours[cell]) * (place - cell)

    def after(self, position: float) -> tuple[float, float]:
        """The time at a position, Unix milliseconds, and the probability that an arrival drawn there is kept.

        Beyond the end of the curve the time is infinite.
        """
        hours = self._hours
        cell = bisect_right(hours, position) - 1
        if cell >= len(hours) - 1:
            return inf, 1.0
        low = hours[cell]
        share = (position - low) / (hours[cell + 1] - low)
        left = self._left[cell]
        keep = (left + (self._right[cell] - left) * share) / self._top[cell]
        return self.begin_ms + (cell + share) * CELL_MS, keep

    def integral_hours(self, begin_ms: float, end_ms: float) -> float:
        """Hours of full activity between two times, the exact area under the curve."""
        return self._area(end_ms) - self._area(begin_ms)

    def _area(self, time_ms: float) -> float:
        place = min(max((time_ms - self.begin_ms) / CELL_MS, 0.0), float(len(self._left)))
        cell = min(int(place), len(self._left) - 1)
        share = place - cell
        left, right = self._left[cell], self._right[cell]
        part = share * (left + (right - left) * share / 2)
        return float(self._mean[:cell].sum() + part) * CELL_MS / HOUR_MS


def pattern_curve(pattern: Pattern, begin_ms: float, end_ms: float) -> Curve:
    """The curve of an office or of shifts over the days from one time to another."""
    return day_curve(begin_ms, end_ms, lambda day: _of_day(pattern, day))


def steady_curve(pattern: Pattern, begin_ms: float, end_ms: float) -> Curve:
    """Like `pattern_curve`, levelled in each cell: a position is then exactly the work done, and nothing is thinned."""

    def levelled(day: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        left, right = _of_day(pattern, day)
        mean = (left + right) / 2
        return mean, mean

    return day_curve(begin_ms, end_ms, levelled)


def day_curve(
    begin_ms: float, end_ms: float, of_day: Callable[[int], tuple[NDArray[np.float64], NDArray[np.float64]]]
) -> Curve:
    """A curve from the shares of each local day's 288 cells at their beginnings and ends."""
    days = [of_day(day) for day in range(day_of(begin_ms), day_of(end_ms) + 1)]
    left, right = (np.concatenate(side) for side in zip(*days, strict=True))
    return Curve(day_of(begin_ms), left, right)


def _of_day(pattern: Pattern, day: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    edges = np.arange(_CELLS_PER_DAY + 1, dtype=np.float64) * (CELL_MS / HOUR_MS)
    shares = np.interp(edges, pattern.hours, pattern.share) * day_share(pattern, day)
    return shares[:-1], shares[1:]


def cell_edges_ms(day: int) -> NDArray[np.float64]:
    """(289,) the times of a day's cell edges, Unix milliseconds."""
    return np.linspace(day_begins_ms(day), day_begins_ms(day + 1), _CELLS_PER_DAY + 1, dtype=np.float64)
