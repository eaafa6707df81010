"""Calendars of rules as the kernels read them: a table of the minutes of a week, and days that are left out."""

from collections.abc import Sequence

import numpy as np

from contract.rules import Calendar, Day, Rule, Shift
from reference_impl.monitoring.slots import WEEK_MINUTES

_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES = 24 * 60
_MINUTE_MS = 60_000


class Calendars:
    """The different calendars of some rules.

    Attributes:
        open: (n, WEEK_MINUTES) uint8, 1 in the minutes of a week, from Monday, that are covered by a shift.
        offset_ms: (n,) int64, local time less UTC.
        closed_days: (m,) int64, local days since 1970 that are left out, those of each calendar together.
        closed_first: (n + 1,) int32, where those of each calendar begin.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._index: dict[Calendar, int] = {}
        for rule in rules:
            if rule.active_when is not None:
                self._index.setdefault(rule.active_when, len(self._index))
        known = list(self._index)
        self.open = np.zeros((len(known), WEEK_MINUTES), dtype=np.uint8)
        for place, calendar in enumerate(known):
            for shift in calendar.shifts:
                self.open[place, _minutes(shift)] = 1
        self.offset_ms = np.array([it.utc_offset_minutes * _MINUTE_MS for it in known], dtype=np.int64)
        days = [sorted(map(_day, calendar.except_dates)) for calendar in known]
        self.closed_days = np.array([day for of_one in days for day in of_one], dtype=np.int64)
        self.closed_first = np.cumsum([0, *map(len, days)]).astype(np.int32)

    def index(self, rule: Rule) -> int:
        """Which calendar a rule has, -1 for none."""
        return -1 if rule.active_when is None else self._index[rule.active_when]


def _minutes(shift: Shift) -> list[int]:
    """The minutes of the week that a shift covers; over midnight it goes on into the next day."""
    start, end = _minute(shift.start), _minute(shift.end)
    if end <= start:
        end += _DAY_MINUTES
    return [
        (_DAYS.index(day) * _DAY_MINUTES + minute) % WEEK_MINUTES for day in shift.days for minute in range(start, end)
    ]


def _minute(time: str) -> int:
    hours, _, minutes = time.partition(":")
    return int(hours) * 60 + int(minutes)


def _day(date: str) -> int:
    return int(np.datetime64(date, "D").astype(np.int64))
