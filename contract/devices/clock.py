"""Times as devices write them: local time of China, eight hours before UTC, no summer time."""

import functools
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from contract.devices.fault import ProtocolError
from contract.errors import HarnessError

CHINA: Final = timezone(timedelta(hours=8))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_MINUTE_DIGITS: Final = 12
_SECOND_DIGITS: Final = 14
_QN_DIGITS: Final = 17
_CACHED: Final = 4096
_YEAR_9999_MS: Final = 253_402_243_200_000


@functools.lru_cache(maxsize=_CACHED)
def _minute_ms(text: str) -> int:
    moment = datetime(int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[8:10]), int(text[10:12]), tzinfo=CHINA)
    return (moment - _EPOCH) // _MILLISECOND


def read_time_ms(text: str, where: str = "DataTime") -> int:
    """Unix ms of `YYYYMMDDhhmmss` or, with three more digits of milliseconds, of a QN.

    Raises:
        ProtocolError: another number of digits, or no such time.
    """
    if len(text) in (_SECOND_DIGITS, _QN_DIGITS) and text.isascii() and text.isdigit() and text[12] < "6":
        try:
            return _minute_ms(text[:_MINUTE_DIGITS]) + int(text[12:].ljust(5, "0"))
        except (ValueError, OverflowError):
            pass
    raise ProtocolError("time", where=where, found=text, wanted="YYYYMMDDhhmmss")


def moment(time_ms: int) -> datetime:
    """The local time of a moment in Unix ms; HarnessError outside the years 1970 to 9999."""
    if not 0 <= time_ms < _YEAR_9999_MS:
        raise HarnessError(f"a time between the years 1970 and 9999 is wanted, found {time_ms} ms")
    return (_EPOCH + timedelta(milliseconds=time_ms)).astimezone(CHINA)


def write_time(time_ms: int) -> str:
    """`YYYYMMDDhhmmss`."""
    return f"{moment(time_ms):%Y%m%d%H%M%S}"


def write_qn(time_ms: int) -> str:
    """`YYYYMMDDhhmmsszzz`."""
    return f"{moment(time_ms):%Y%m%d%H%M%S}{time_ms % 1000:03d}"
