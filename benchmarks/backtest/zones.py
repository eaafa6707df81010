"""Time zones of times that are written without an offset, as tables that a compiled loop can search."""

import datetime as dt
import re
import zoneinfo
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.errors import PeerError

_FIXED = re.compile(r"([+-])(\d{1,2})(?::?(\d{2}))?")
_YEARS: Final = range(1970, 2101)  # in which changes of an IANA zone are looked for
_EVER: Final = np.iinfo(np.int64).min


class Zone(NamedTuple):
    """Offsets from UTC by local time.

    Attributes:
        name: as it was given.
        from_ms: (n,) int64, ascending; from this local time on, local time is `offset_ms` ahead of UTC.
        offset_ms: (n,) int64. A time that occurs twice is the first, as PEP 495 has it.
    """

    name: str
    from_ms: NDArray[np.int64]
    offset_ms: NDArray[np.int64]

    def to_utc(self, local_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Unix milliseconds of local times."""
        return local_ms - self.offset_ms[np.searchsorted(self.from_ms, local_ms, side="right") - 1]


def _fixed(name: str, offset_ms: int) -> Zone:
    return Zone(name, np.array([_EVER], dtype=np.int64), np.array([offset_ms], dtype=np.int64))


UTC: Final = _fixed("UTC", 0)


@cache
def find_zone(name: str) -> Zone:
    """A zone by offset (`+08:00`) or IANA name (`Asia/Shanghai`).

    Raises:
        PeerError: there is no such zone.
    """
    if name.upper() in {"UTC", "Z"}:
        return UTC
    match = _FIXED.fullmatch(name)
    if match and int(match[2]) < 24 and int(match[3] or 0) < 60:  # noqa: PLR2004 - hours and minutes
        size_ms = (int(match[2]) * 60 + int(match[3] or 0)) * 60_000
        return _fixed(name, -size_ms if match[1] == "-" else size_ms)
    try:
        zone = zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise PeerError(
            "unknown time zone",
            where="--timezone",
            found=repr(name),
            wanted='an offset such as "+08:00" or an IANA name such as "Asia/Shanghai"',
        ) from None
    return _table(name, zone)


def _table(name: str, zone: zoneinfo.ZoneInfo) -> Zone:
    """Look for changes of the offset day by day, then for the second of each."""
    start = dt.datetime(_YEARS.start, 1, 1, tzinfo=dt.UTC)
    days = (dt.datetime(_YEARS.stop, 1, 1, tzinfo=dt.UTC) - start).days

    def offset_s(at_s: int) -> int:
        offset = (start + dt.timedelta(seconds=at_s)).astimezone(zone).utcoffset()
        return round(offset.total_seconds()) if offset is not None else 0

    former = offset_s(0)
    from_ms, offset_ms = [_EVER], [former * 1000]
    for day in range(days):
        low, high = day * 86_400, (day + 1) * 86_400
        later = offset_s(high)
        if later == former:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset_s(middle) == former else (low, middle)
        # Clocks put back: local times after the change come a second time. Put forward: some never come.
        from_ms.append((high + max(former, later)) * 1000)
        offset_ms.append(later * 1000)
        former = later
    return Zone(name, np.array(from_ms, dtype=np.int64), np.array(offset_ms, dtype=np.int64))
