"""What the desks of a park have in common: hours, the pace of a scenario, and how much they hand in at a time."""

import functools
from collections.abc import Callable

import numpy as np

from sim.world.economy.calendar import office
from sim.world.economy.curves import Curve, steady_curve
from sim.world.office.parameters import working

Streams = Callable[[str], np.random.Generator]
"""Makes a park's named streams."""
MINUTE_MS = 60_000


@functools.lru_cache(maxsize=8)
def counter_hours(start_ms: int, end_ms: int) -> Curve:
    """Hours of the park's people between two times; a position is exactly the work done."""
    return steady_curve(working().hours, start_ms, end_ms)


@functools.lru_cache(maxsize=8)
def firm_hours(start_ms: int, end_ms: int) -> Curve:
    """Hours of the firms' offices between two times."""
    return steady_curve(office(), start_ms, end_ms)


class Pace:
    """Lets at most so many a minute through, in order; who comes early waits for the next place.

    Args:
        start_ms: nothing is let through before, Unix milliseconds.
        per_minute_max: how many.
    """

    def __init__(self, start_ms: int, per_minute_max: float) -> None:
        self._every_ms = MINUTE_MS / per_minute_max
        self._free_ms = float(start_ms)

    def place(self, time_ms: float) -> int:
        """The time, Unix milliseconds, at which what is ready at a time leaves; later for each call."""
        leaves_ms = max(time_ms, self._free_ms)
        self._free_ms = leaves_ms + self._every_ms
        return int(-(-leaves_ms // 1))
