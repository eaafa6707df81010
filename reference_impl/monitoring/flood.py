"""Alarm floods: times in which more alarms come than an operator can handle (ISA-18.2; see SEMANTICS.md, O).

The figures are those of the standard as remembered; its text was not at hand.
"""

from collections.abc import Sequence
from typing import Final

from contract.alarms import AlarmFlood

FLOOD_WINDOW_MS: Final = 600_000
FLOOD_BEGINS_ABOVE: Final = 10
FLOOD_ENDS_BELOW: Final = 5


def floods(raised_ms: Sequence[int], end_ms: int) -> list[AlarmFlood]:
    """The floods among alarms of one desk.

    Args:
        raised_ms: event times at which alarms were raised that the operator was shown, in any order.
        end_ms: end of the period; a flood that has not ended by then has no end.
    """
    times = sorted(raised_ms)
    found: list[AlarmFlood] = []
    oldest = 0  # of the alarms in the window that ends at the newest
    first: int | None = None  # alarm with which the flood that is on began
    peak = 0
    for newest, at_ms in enumerate(times):
        if first is not None:
            calm_ms = _calm_ms(times, newest)
            if calm_ms <= at_ms:
                found.append(AlarmFlood(begin_ms=times[first], end_ms=calm_ms, alarms=newest - first, peak=peak))
                first = None
        while times[oldest] <= at_ms - FLOOD_WINDOW_MS:
            oldest += 1
        count = newest + 1 - oldest
        if first is None and count > FLOOD_BEGINS_ABOVE:
            first, peak = newest, 0
        peak = max(peak, count)
    if first is not None:
        calm_ms = _calm_ms(times, len(times))
        ended = calm_ms if calm_ms <= end_ms else None
        found.append(AlarmFlood(begin_ms=times[first], end_ms=ended, alarms=len(times) - first, peak=peak))
    return found


def _calm_ms(times: Sequence[int], count: int) -> int:
    """When fewer than `FLOOD_ENDS_BELOW` of the first `count` alarms are left in the window."""
    return times[count - FLOOD_ENDS_BELOW] + FLOOD_WINDOW_MS
