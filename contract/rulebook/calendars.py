"""Calendars of rules: shifts, days, dates and the offset of local time."""

import datetime as dt
import re

from contract.errors import PeerError
from contract.rules import Calendar, Shift

OFFSET_MINUTES_MAX = 14 * 60
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def check_calendar(calendar: Calendar, where: str) -> None:
    """Refuse a calendar that cannot be meant (SEMANTICS.md, C6).

    Raises:
        PeerError: 422 with the path of the first fault, such as `rules[0].active_when.shifts[1].start`.
    """
    if not calendar.shifts:
        raise PeerError("calendar is empty", where=f"{where}.shifts", found="none", wanted="at least one shift")
    for place, shift in enumerate(calendar.shifts):
        _check_shift(shift, f"{where}.shifts[{place}]")
    for place, date in enumerate(calendar.except_dates):
        if not _is_date(date):
            raise PeerError(
                "invalid date",
                where=f"{where}.except_dates[{place}]",
                found=repr(date),
                wanted="a date such as '2026-10-01'",
            )
    if abs(calendar.utc_offset_minutes) > OFFSET_MINUTES_MAX:
        raise PeerError(
            "invalid offset",
            where=f"{where}.utc_offset_minutes",
            found=repr(calendar.utc_offset_minutes),
            wanted=f"minutes from -{OFFSET_MINUTES_MAX} to {OFFSET_MINUTES_MAX}",
        )


def _check_shift(shift: Shift, where: str) -> None:
    if not shift.days:
        raise PeerError("shift has no days", where=f"{where}.days", found="none", wanted="at least one day")
    for name, clock in (("start", shift.start), ("end", shift.end)):
        if not _CLOCK.fullmatch(clock):
            raise PeerError(
                "invalid time of day",
                where=f"{where}.{name}",
                found=repr(clock),
                wanted="a time such as '08:30', from '00:00' to '24:00'",
            )
    if shift.start == "24:00":
        raise PeerError(
            "invalid time of day", where=f"{where}.start", found=repr(shift.start), wanted="a time before '24:00'"
        )


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True
