"""The wall clock of a run: it never steps, because it is read once and then carried on by the monotonic clock."""

import time
from typing import Protocol


class Clock(Protocol):
    """Unix time in microseconds."""

    def now_us(self) -> int:
        """Now, Unix microseconds."""
        ...


class SteadyClock:
    """Unix time that runs evenly even when the machine's clock is set during a run."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.perf_counter_ns()

    def now_us(self) -> int:
        """Now, Unix microseconds."""
        return (time.perf_counter_ns() + self._offset_ns) // 1000
