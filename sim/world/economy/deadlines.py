"""Bursts before the deadlines that the whole city shares.

The rate of filing grows as one over the time that is left (Alfi, Parisi and Pietronero 2007), within office hours. Each
deadline is a curve of its own whose area over a window is 1: the filings of firms are independent Poisson processes
beside their other requests.
"""

import datetime as dt

import numpy as np
from numpy.typing import NDArray

from sim.world.economy.calendar import (
    DAY_MS,
    HOUR_MS,
    Pattern,
    date_of,
    day_begins_ms,
    day_number,
    day_of,
    day_share,
    is_working_day,
)
from sim.world.economy.curves import CELL_MS, Curve, cell_edges_ms, day_curve
from sim.world.economy.enterprise import Enterprise
from sim.world.economy.parameters import Deadline


def concerns_firm(deadline: Deadline, firm: Enterprise) -> bool:
    """The firm has to file by this deadline."""
    if deadline.emitters_only and not firm.family.emitter:
        return False
    return deadline.staff_min <= firm.staff <= deadline.staff_max


def last_days(deadline: Deadline, first_day: int, last_day: int) -> list[int]:
    """The deadline's last days whose windows touch the days from one to another."""
    found = []
    years = range(date_of(first_day).year, date_of(last_day + 366).year + 1)
    for year in years:
        for month in deadline.months:
            day = day_number(dt.date(year, month, deadline.day))
            while deadline.moves and not is_working_day(day):
                day += 1
            if day - deadline.window_days < last_day + 1 and day >= first_day:
                found.append(day)
    return sorted(found)


def deadline_curve(deadline: Deadline, office: Pattern, begin_ms: float, end_ms: float) -> Curve | None:
    """Expected filings an hour of a firm concerned that files once; None where no window touches the span."""
    windows = last_days(deadline, day_of(begin_ms), day_of(end_ms))
    if not windows:
        return None
    days: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
    for last in windows:
        days.update(_window(deadline, office, last))
    nothing = np.zeros(DAY_MS // CELL_MS)
    return day_curve(begin_ms, end_ms, lambda day: days.get(day, (nothing, nothing)))


def _window(
    deadline: Deadline, office: Pattern, last: int
) -> dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The days of one window, scaled so that their area is 1."""
    closes_ms = day_begins_ms(last + 1)
    found, area = {}, 0.0
    for day in range(last - deadline.window_days + 1, last + 1):
        edges_ms = cell_edges_ms(day)
        hour = (edges_ms - edges_ms[0]) / HOUR_MS
        left_h = (closes_ms - edges_ms) / HOUR_MS + deadline.round_off_h
        rate = np.interp(hour, office.hours, office.share) * day_share(office, day) / left_h
        found[day] = rate[:-1], rate[1:]
        area += float((rate[:-1] + rate[1:]).sum()) / 2 * CELL_MS / HOUR_MS
    return {day: (left / area, right / area) for day, (left, right) in found.items()}
