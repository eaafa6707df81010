"""When a rule takes part (C6), with the standard library's calendar."""

import math
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from contract.rules import Calendar, Shift

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local times of a fixed offset from UTC
DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)


class OpeningHours:
    """The calendar of a rule; always open without one."""

    def __init__(self, calendar: Calendar | None) -> None:
        self.calendar = calendar
        # Both by minute: shifts begin and end at full minutes.
        self._of_minute: dict[int, bool] = {}
        self._opening_after: dict[int, float] = {}

    def open(self, time_ms: int) -> bool:
        """Is this moment inside of the calendar?"""
        if self.calendar is None:
            return True
        minute = time_ms // 60_000
        if minute not in self._of_minute:
            self._of_minute[minute] = is_inside(self.calendar, self._local(time_ms))
        return self._of_minute[minute]

    def next_opening_ms(self, time_ms: int) -> float:
        """The first moment inside of the calendar from `time_ms` on (S4); infinity when there is none."""
        if self.calendar is None or self.open(time_ms):
            return time_ms
        minute = time_ms // 60_000
        if minute not in self._opening_after:
            self._opening_after[minute] = self._opening_ms(time_ms)
        return self._opening_after[minute]

    def _opening_ms(self, time_ms: int) -> float:
        assert self.calendar
        local = self._local(time_ms)
        found = (moment for moment in _beginnings(self.calendar, local.date()) if moment > local)
        opening = next((moment for moment in found if is_inside(self.calendar, moment)), None)
        return math.inf if opening is None else time_ms + (opening - local) // MILLISECOND

    def _local(self, time_ms: int) -> datetime:
        assert self.calendar
        return EPOCH + timedelta(milliseconds=time_ms, minutes=self.calendar.utc_offset_minutes)


def is_inside(calendar: Calendar, local: datetime) -> bool:
    """C6 for a local time."""
    if local.date().isoformat() in calendar.except_dates:
        return False
    return any(_covers(shift, day, local) for shift in calendar.shifts for day in (local.date(), local.date() - DAY))


def _covers(shift: Shift, day: date, local: datetime) -> bool:
    """Does the shift that starts on `day` cover a local time?"""
    start, end = _clock(shift.start), _clock(shift.end)
    if end <= start:
        end += DAY
    since = local - datetime.combine(day, datetime.min.time())
    return DAYS[day.weekday()] in shift.days and start <= since < end


def _clock(text: str) -> timedelta:
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def _beginnings(calendar: Calendar, first: date) -> Iterator[datetime]:
    """All moments from a date on at which a closed calendar may open: starts of shifts, and midnight, in order."""
    weeks = len(calendar.except_dates) + 2
    for days in range(7 * weeks):
        midnight = datetime.combine(first + days * DAY, datetime.min.time())
        yield from sorted({midnight, *(midnight + _clock(shift.start) for shift in calendar.shifts)})
