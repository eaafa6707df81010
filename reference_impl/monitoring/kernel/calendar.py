"""When a rule takes part (SEMANTICS.md: C5, C6, S4)."""

from reference_impl.monitoring.kernel.core import Core, kernel
from reference_impl.monitoring.slots import FOREVER_MS, WEEK_MINUTES

_MINUTE_MS = 60_000
_DAY_MINUTES = 24 * 60
_MONDAY = 3  # 1970-01-01 was a Thursday
_SEARCH_MINUTES = 400 * _DAY_MINUTES


@kernel
def is_open(core: Core, calendar: int, now_ms: int) -> bool:
    """The moment is inside the calendar."""
    minute = (now_ms + core.offset_ms[calendar]) // _MINUTE_MS
    if core.open[calendar * WEEK_MINUTES + (minute + _MONDAY * _DAY_MINUTES) % WEEK_MINUTES] == 0:
        return False
    day = minute // _DAY_MINUTES
    for place in range(core.closed_first[calendar], core.closed_first[calendar + 1]):
        if core.closed_days[place] == day:
            return False
    return True


@kernel
def next_opening_ms(core: Core, calendar: int, now_ms: int) -> int:
    """The first moment from `now_ms` on that is inside the calendar; `FOREVER_MS` when none is within 400 days."""
    if is_open(core, calendar, now_ms):
        return now_ms
    minute_ms = now_ms - now_ms % _MINUTE_MS
    for _ in range(_SEARCH_MINUTES):
        minute_ms += _MINUTE_MS
        if is_open(core, calendar, minute_ms):
            return minute_ms
    never: int = FOREVER_MS
    return never
