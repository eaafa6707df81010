"""`active_when` as a person writes it, turned into its wire form."""

import difflib
import re
from collections.abc import Iterable
from typing import NoReturn, get_args

from contract.errors import PeerError
from contract.rules import Day
from contract.strict_yaml import quoted

DAYS: tuple[str, ...] = get_args(Day)
_ONE_SHIFT = ("days", "start", "end")
_WHOLE = ("except_dates", "utc_offset")
_OFFSET = re.compile(r"([-+])(\d\d):([0-5]\d)")
_DAYS_WANTED = 'days such as "mon-fri", "sat, sun" or [mon, wed]'
_SHIFT_WANTED = "a mapping with the keys days, start and end"


def calendar(written: object, where: str) -> dict[str, object]:
    """A calendar in its wire form.

    Args:
        written: `{days, start, end, except_dates, utc_offset}` for one shift, or `{shifts: [{days, start, end}],
            except_dates, utc_offset}`.
        where: file and path, for errors.

    Raises:
        PeerError: 422 with the path of the first fault. Times and dates are left to `check_rules`.
    """
    if not isinstance(written, dict) or not written:
        _refuse(where, quoted(written), f"{_SHIFT_WANTED}, or shifts, and except_dates and utc_offset")
    _check_keys(written, (*_ONE_SHIFT, "shifts", *_WHOLE), where)
    wire: dict[str, object] = {}
    if "shifts" in written:
        if both := [key for key in _ONE_SHIFT if key in written]:
            _refuse(f"{where}.{both[0]}", f'the key "{both[0]}" beside shifts', "it inside of each shift")
        shifts = _list(written["shifts"], f"{where}.shifts", f"a list of shifts, each {_SHIFT_WANTED}")
        wire["shifts"] = [_shift(shift, f"{where}.shifts[{place}]") for place, shift in enumerate(shifts)]
    else:
        wire["shifts"] = [_shift({key: written[key] for key in _ONE_SHIFT if key in written}, where)]
    if "except_dates" in written:
        path, wanted = f"{where}.except_dates", 'a list of dates such as "2026-10-01"'
        dates = _list(written["except_dates"], path, wanted)
        wire["except_dates"] = [_text(date, f"{path}[{place}]", wanted) for place, date in enumerate(dates)]
    if "utc_offset" in written:
        wire["utc_offset_minutes"] = _offset_minutes(written["utc_offset"], f"{where}.utc_offset")
    return wire


def _shift(written: object, where: str) -> dict[str, object]:
    if not isinstance(written, dict):
        _refuse(where, quoted(written), _SHIFT_WANTED)
    _check_keys(written, _ONE_SHIFT, where)
    wire: dict[str, object] = {
        key: _text(written[key], f"{where}.{key}", 'a time such as "08:30"')
        for key in ("start", "end")
        if key in written
    }
    if "days" in written:
        wire["days"] = _days(written["days"], f"{where}.days")
    return wire


def _days(written: object, where: str) -> list[str]:
    """Days in the order of the week, from a list or a text of days and spans such as "mon-fri, sun"."""
    spans = written.split(",") if isinstance(written, str) else written
    if not isinstance(spans, list) or not spans or not all(isinstance(span, str) for span in spans):
        _refuse(where, quoted(written), _DAYS_WANTED)
    chosen: set[str] = set()
    for span in spans:
        first, _, last = (word.strip() for word in span.partition("-"))
        last = last or first
        if first not in DAYS or last not in DAYS:
            _refuse(where, quoted(span.strip()), _DAYS_WANTED)
        begin = DAYS.index(first)
        length = (DAYS.index(last) - begin) % len(DAYS) + 1
        chosen.update((DAYS + DAYS)[begin : begin + length])
    return [day for day in DAYS if day in chosen]


def _offset_minutes(written: object, where: str) -> int:
    match = _OFFSET.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        _refuse(where, quoted(written), 'an offset from UTC such as "+08:00"')
    minutes = int(match[2]) * 60 + int(match[3])
    return -minutes if match[1] == "-" else minutes


def _check_keys(written: Iterable[str], known: tuple[str, ...], where: str) -> None:
    for key in written:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            wanted = f'a known key such as "{near[0]}"' if near else f"one of the keys {', '.join(known)}"
            _refuse(f"{where}.{key}", f'the key "{key}"', wanted)


def _list(written: object, where: str, wanted: str) -> list[object]:
    if not isinstance(written, list):
        _refuse(where, quoted(written), wanted)
    return written


def _text(written: object, where: str, wanted: str) -> str:
    if not isinstance(written, str):
        _refuse(where, quoted(written), wanted)
    return written


def _refuse(where: str, found: str, wanted: str) -> NoReturn:
    raise PeerError("invalid rules file", where=where, found=found, wanted=wanted)
