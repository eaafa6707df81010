"""What alarms cost an operator: ISA-18.2-2016 clause 16 and EEMUA 191 figures over a recorded time."""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.backtest.history import STANDING, Alarms

DAY_MS: Final = 86_400_000
PERIOD_MS: Final = 600_000
FLOOD_BEGINS_ABOVE: Final = 10
"""Alarms in ten minutes: a flood begins above it ..."""
FLOOD_ENDS_BELOW: Final = 5
"""... and ends with the first period below this (ISA-18.2-2016, 16.5.3)."""
CHATTERING_TIMES: Final = 3
CHATTERING_MS: Final = 60_000
"""An alarm that is raised so often within so long chatters (ISA-18.2-2016, 16.5.5)."""
STALE_MS: Final = DAY_MS
MOST_FREQUENT: Final = 10


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's load. Periods are ten minutes of Unix time; those without data in them count too.

    Attributes:
        alarms: raised.
        days: from the first reading to the last.
        alarms_per_day: None where there is no time.
        per_period_mean, per_period_max: alarms in ten minutes.
        periods_over_share: share of the periods with more than ten alarms.
        flood_share: share of the periods in a flood.
        floods: how many.
        chattering: alarms (rule on subject) that chattered at least once.
        stale: alarms that stood for more than a day.
        standing: alarms that stood at the end.
        longest_standing_s: None without alarms.
        most_frequent_share: share of the alarms that the ten most frequent ones (rule on subject) made.
    """

    alarms: int
    days: float
    alarms_per_day: float | None
    per_period_mean: float
    per_period_max: int
    periods_over_share: float
    flood_share: float
    floods: int
    chattering: int
    stale: int
    standing: int
    longest_standing_s: float | None
    most_frequent_share: float | None


def per_day(count: float, span_ms: int) -> float | None:
    """A count as a rate; None where there is no time."""
    return count / (span_ms / DAY_MS) if span_ms > 0 else None


def measure(alarms: Alarms, first_ms: int, last_ms: int) -> Load:
    """The load of some alarms between the first reading and the last."""
    span_ms = last_ms - first_ms
    periods = last_ms // PERIOD_MS - first_ms // PERIOD_MS + 1
    place, count = np.unique(alarms.raised_ms // PERIOD_MS, return_counts=True)
    flooded, floods = _floods(place, count)
    stood_ms = alarms.ends_ms(last_ms) - alarms.raised_ms
    which = np.unique(np.stack([alarms.subject, alarms.rule]), axis=1, return_inverse=True)[1]
    times = np.sort(np.bincount(which))[::-1] if len(alarms) else np.zeros(0, dtype=np.int64)
    return Load(
        alarms=len(alarms),
        days=span_ms / DAY_MS,
        alarms_per_day=per_day(len(alarms), span_ms),
        per_period_mean=len(alarms) / periods,
        per_period_max=int(count.max(initial=0)),
        periods_over_share=float(np.count_nonzero(count > FLOOD_BEGINS_ABOVE) / periods),
        flood_share=flooded / periods,
        floods=floods,
        chattering=_chattering(which, alarms.raised_ms),
        stale=int(np.count_nonzero(stood_ms > STALE_MS)),
        standing=int(np.count_nonzero(alarms.cleared_ms == STANDING)),
        longest_standing_s=float(stood_ms.max()) / 1000 if len(alarms) else None,
        most_frequent_share=float(times[:MOST_FREQUENT].sum() / len(alarms)) if len(alarms) else None,
    )


def _floods(place: NDArray[np.int64], count: NDArray[np.intp]) -> tuple[int, int]:
    """Periods in a flood, and how many floods; only periods with alarms are listed."""
    flooded = floods = 0
    former, is_flood = None, False
    for at, alarms in zip(place.tolist(), count.tolist(), strict=True):
        is_flood = is_flood and former == at - 1 and alarms >= FLOOD_ENDS_BELOW
        if not is_flood and alarms > FLOOD_BEGINS_ABOVE:
            is_flood = True
            floods += 1
        flooded += is_flood
        former = at
    return flooded, floods


def _chattering(which: NDArray[np.intp], raised_ms: NDArray[np.int64]) -> int:
    """Alarms that were raised three times within a minute."""
    order = np.lexsort((raised_ms, which))
    which, raised_ms = which[order], raised_ms[order]
    back = CHATTERING_TIMES - 1
    is_close = (which[back:] == which[:-back]) & (raised_ms[back:] - raised_ms[:-back] <= CHATTERING_MS)
    return len(np.unique(which[back:][is_close]))
