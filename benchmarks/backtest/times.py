"""Times in text, read by a compiled loop: ISO 8601 and its relatives, and epochs.

Proleptic Gregorian calendar; a second 60 is the next minute's first, as POSIX has it. What is finer than a millisecond
is cut off.
"""

# ruff: noqa: PLR0917 - kernels take their columns one by one, by position, as numba calls them fastest
# ruff: noqa: PLR0911, PLR1714, PLR2004, SIM109, SIM110 - a calendar is branches and numbers

from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.backtest.lines import Bytes, Int32s, Int64s
from benchmarks.backtest.zones import UTC, Zone

YEAR_FIRST: Final = 0  # 2024-03-31T08:00:00.5+08:00, 2024/3/31 8:00, 20240331080000
DAY_FIRST: Final = 1  # 31.03.2024 08:00
MONTH_FIRST: Final = 2  # 3/31/2024 8:00 AM
EPOCH: Final = 3  # a decimal number since 1970-01-01T00:00:00Z

_AWARE: Final = 0
_NAIVE: Final = 1
_NO_TIME: Final = 255
_DASH, _PLUS, _DOT, _COMMA, _COLON, _SLASH, _SPACE, _ZERO = b"-+.,:/ 0"
_LETTER_A, _LETTER_C, _LETTER_G, _LETTER_M, _LETTER_P, _LETTER_T, _LETTER_U, _LETTER_Z = b"acgmptuz"
_LOWER_CASE = 0x20  # this bit makes an ASCII letter lower-case
_DAY_MS, _HOUR_MS, _MINUTE_MS, _SECOND_MS = 86_400_000, 3_600_000, 60_000, 1_000
TIME_MS_MAX: Final = 253_402_300_799_999  # the last millisecond of the year 9999
_COMPACT_DIGITS = 14  # of 20240331080000
_NOTHING = -(1 << 60)  # no such time
_inlined = njit(cache=True, nogil=True, forceinline=True, _nrt=False)


class TimeFormat(NamedTuple):
    """How the times of a file are written.

    Attributes:
        name: as `--time-format` has it.
        form: `YEAR_FIRST`, `DAY_FIRST`, `MONTH_FIRST` or `EPOCH`.
        units_per_s: of an epoch.
    """

    name: str
    form: int
    units_per_s: int = 1


FORMATS: Final = {
    known.name: known
    for known in (
        TimeFormat("iso", YEAR_FIRST),
        TimeFormat("dmy", DAY_FIRST),
        TimeFormat("mdy", MONTH_FIRST),
        TimeFormat("epoch_s", EPOCH, 1),
        TimeFormat("epoch_ms", EPOCH, 10**3),
        TimeFormat("epoch_us", EPOCH, 10**6),
        TimeFormat("epoch_ns", EPOCH, 10**9),
    )
}


class Times(NamedTuple):
    """Times that were read.

    Attributes:
        time_ms: (n,) int64, Unix milliseconds from 0 to the year 9999; undefined where there is none.
        is_time: (n,) bool, is there one?
        naive: how many had no offset from UTC of their own.
    """

    time_ms: Int64s
    is_time: NDArray[np.bool_]
    naive: int


def read_times(body: Bytes, spans: Int32s, written: TimeFormat, zone: Zone = UTC) -> Times:
    """The times at some places of a text.

    Args:
        body: (bytes,) the text.
        spans: (n, 2) start and stop of each, without spaces around it.
        written: how they are written.
        zone: of times without an offset.
    """
    time_ms, status = np.empty(len(spans), dtype=np.int64), np.empty(len(spans), dtype=np.uint8)
    naive = _times(body, spans, written.form, written.units_per_s, zone.from_ms, zone.offset_ms, time_ms, status)
    return Times(time_ms, status != _NO_TIME, naive)


@njit(cache=True, nogil=True, _nrt=False)
def _times(
    body: Bytes,
    spans: Int32s,
    form: int,
    units_per_s: int,
    zone_from_ms: Int64s,
    zone_offset_ms: Int64s,
    time_ms: Int64s,
    status: Bytes,
) -> int:
    naive = 0
    for i in range(len(spans)):
        a, b = np.int64(spans[i, 0]), np.int64(spans[i, 1])
        # Readings of one moment are neighbours, so that the former time is often this one's too.
        if i > 0 and _same(body, a, b, np.int64(spans[i - 1, 0]), np.int64(spans[i - 1, 1])):
            time_ms[i], status[i] = time_ms[i - 1], status[i - 1]
        else:
            if form == EPOCH:
                found, at_ms = _epoch(body, a, b, units_per_s)
            else:
                found, at_ms = _calendar(body, a, b, form)
            if found == _NAIVE:
                at_ms -= zone_offset_ms[np.searchsorted(zone_from_ms, at_ms, side="right") - 1]
            status[i] = found if 0 <= at_ms <= TIME_MS_MAX else _NO_TIME
            time_ms[i] = at_ms
        naive += status[i] == _NAIVE
    return naive


@_inlined
def _same(body: Bytes, a: int, b: int, other: int, other_stop: int) -> bool:
    if b - a != other_stop - other:
        return False
    for i in range(b - a):
        if body[np.uintp(b - 1 - i)] != body[np.uintp(other_stop - 1 - i)]:  # times differ at their end
            return False
    return True


@_inlined
def _at(body: Bytes, p: int, stop: int) -> int:
    """The byte at `p`, 0 from `stop` on."""
    return int(body[np.uintp(p)]) if p < stop else 0


@_inlined
def _integer(body: Bytes, p: int, stop: int) -> tuple[int, int]:
    """The digits at `p` as a number (at most 19 of them), and where they end."""
    number, start = 0, p
    while p < stop and p - start < 19:
        digit = int(body[np.uintp(p)]) - _ZERO
        if not 0 <= digit <= 9:
            break
        number = 10 * number + digit
        p += 1
    return number, p


@_inlined
def _epoch(body: Bytes, p: int, stop: int, units_per_s: int) -> tuple[int, int]:
    """An epoch: status and milliseconds."""
    start = p
    whole, p = _integer(body, p, stop)
    if p == start:
        return _NO_TIME, _NOTHING
    if whole < 0 or (units_per_s == 1 and whole > TIME_MS_MAX):  # 19 digits may run over
        return _NO_TIME, _NOTHING
    at_ms = whole * 1000 if units_per_s == 1 else whole // (units_per_s // 1000)
    byte = _at(body, p, stop)
    if byte == _DOT or byte == _COMMA:
        part_ms, p = _thousandths(body, p + 1, stop)
        if units_per_s == 1:
            at_ms += part_ms
    return (_AWARE, at_ms) if p == stop else (_NO_TIME, _NOTHING)


@_inlined
def _thousandths(body: Bytes, p: int, stop: int) -> tuple[int, int]:
    """The first three of the decimals at `p`, and where all of them end."""
    thousandths, scale = 0, 100
    while p < stop:
        digit = int(body[np.uintp(p)]) - _ZERO
        if not 0 <= digit <= 9:
            break
        thousandths += digit * scale
        scale //= 10
        p += 1
    return thousandths, p


@_inlined
def _calendar(body: Bytes, p: int, stop: int, form: int) -> tuple[int, int]:
    """A date with or without a time of day: status, and milliseconds, local where the status is `_NAIVE`."""
    start = p
    first, p = _integer(body, p, stop)
    if p == stop and p - start == _COMPACT_DIGITS and form == YEAR_FIRST:
        day_ms = _day_ms(first // 10**10, first // 10**8 % 100, first // 10**6 % 100)
        compact: tuple[int, int] = _moment(day_ms, first // 10**4 % 100, first // 100 % 100, first % 100, 0)
        return compact
    separator, first_digits = _at(body, p, stop), p - start
    if separator != _DASH and separator != _SLASH and separator != _DOT:
        return _NO_TIME, _NOTHING
    start = p + 1
    second, p = _integer(body, start, stop)
    if _at(body, p, stop) != separator or not 1 <= p - start <= 2:
        return _NO_TIME, _NOTHING
    start = p + 1
    third, p = _integer(body, start, stop)
    year_digits = first_digits if form == YEAR_FIRST else p - start
    if year_digits != 4 or not 1 <= first_digits + p - start - 4 <= 2:
        return _NO_TIME, _NOTHING
    if form == YEAR_FIRST:
        day_ms = _day_ms(first, second, third)
    else:
        day_ms = _day_ms(third, second, first) if form == DAY_FIRST else _day_ms(third, first, second)
    if p == stop or day_ms < 0:
        midnight: tuple[int, int] = _moment(day_ms, 0, 0, 0, 0)
        return midnight
    found: tuple[int, int] = _time_of_day(body, p, stop, day_ms)
    return found


@_inlined
def _day_ms(year: int, month: int, day: int) -> int:
    """The beginning of a day, negative for none (or one before 1970)."""
    if not (1970 <= year <= 9999 and 1 <= month <= 12 and day >= 1):
        return _NOTHING
    is_leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    length = 31 - (month - 1) % 7 % 2 if month != 2 else 28 + is_leap
    if day > length:
        return _NOTHING
    # Days from civil, H. Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March.
    shifted = year - (month <= 2)
    era, of_era = shifted // 400, shifted % 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return (era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468) * _DAY_MS


@_inlined
def _moment(day_ms: int, hour: int, minute: int, second: int, millisecond: int) -> tuple[int, int]:
    if day_ms < 0 or hour > 23 or minute > 59 or second > 60:
        return _NO_TIME, _NOTHING
    return _NAIVE, day_ms + hour * _HOUR_MS + minute * _MINUTE_MS + second * _SECOND_MS + millisecond


@njit(cache=True, nogil=True, _nrt=False)
def _time_of_day(body: Bytes, p: int, stop: int, day_ms: int) -> tuple[int, int]:
    """What follows a date, with its separator: status and milliseconds."""
    byte = _at(body, p, stop)
    if byte != _SPACE and byte | _LOWER_CASE != _LETTER_T:
        return _NO_TIME, _NOTHING
    p = _skip_space(body, p + 1, stop)
    start = p
    hour, p = _integer(body, p, stop)
    if not 1 <= p - start <= 2 or _at(body, p, stop) != _COLON:
        return _NO_TIME, _NOTHING
    start = p + 1
    minute, p = _integer(body, start, stop)
    if not 1 <= p - start <= 2:
        return _NO_TIME, _NOTHING
    second = part_ms = 0
    if _at(body, p, stop) == _COLON:
        start = p + 1
        second, p = _integer(body, start, stop)
        if not 1 <= p - start <= 2:
            return _NO_TIME, _NOTHING
        byte = _at(body, p, stop)
        if byte == _DOT or byte == _COMMA:
            part_ms, p = _thousandths(body, p + 1, stop)
    p = _skip_space(body, p, stop)
    half = _at(body, p, stop) | _LOWER_CASE
    if (half == _LETTER_A or half == _LETTER_P) and _at(body, p + 1, stop) | _LOWER_CASE == _LETTER_M:
        if not 1 <= hour <= 12:
            return _NO_TIME, _NOTHING
        hour = hour % 12 + 12 * (half == _LETTER_P)
        p = _skip_space(body, p + 2, stop)
    found, at_ms = _moment(day_ms, hour, minute, second, part_ms)
    if p == stop or found == _NO_TIME:
        return found, at_ms
    offset_ms = _offset_ms(body, p, stop)
    return (_NO_TIME, _NOTHING) if offset_ms == _NOTHING else (_AWARE, at_ms - offset_ms)


@_inlined
def _skip_space(body: Bytes, p: int, stop: int) -> int:
    while _at(body, p, stop) == _SPACE:
        p += 1
    return p


@_inlined
def _offset_ms(body: Bytes, p: int, stop: int) -> int:
    """An offset from UTC that fills the rest: Z, UTC, GMT, +08, +0800 or +08:00."""
    sign = _at(body, p, stop)
    if sign | _LOWER_CASE == _LETTER_Z and p + 1 == stop:
        return 0
    if p + 3 == stop:
        first, third = sign | _LOWER_CASE, _at(body, p + 2, stop) | _LOWER_CASE
        if (first == _LETTER_U and third == _LETTER_C) or (first == _LETTER_G and third == _LETTER_T):
            return 0
    if sign != _PLUS and sign != _DASH:
        return _NOTHING
    start = p + 1
    hours, p = _integer(body, start, stop)
    minutes = 0
    if p - start == 4:
        hours, minutes = hours // 100, hours % 100
    elif p - start != 2:
        return _NOTHING
    elif _at(body, p, stop) == _COLON:
        start = p + 1
        minutes, p = _integer(body, start, stop)
        if p - start != 2:
            return _NOTHING
    if p != stop or hours > 23 or minutes > 59:
        return _NOTHING
    size_ms: int = hours * _HOUR_MS + minutes * _MINUTE_MS
    return size_ms if sign == _PLUS else -size_ms
