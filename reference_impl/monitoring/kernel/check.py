"""Is a pack fit to be applied?"""

# ruff: noqa: PLR0917 - kernels take their columns one by one, by position, as numba calls them fastest

import numpy as np

from reference_impl.monitoring.kernel.book import opened
from reference_impl.monitoring.kernel.core import Floats, Int32s, Int64s, entrance, kernel

# What `check` finds.
IN_ORDER = 0
OUT_OF_ORDER = 1
UNKNOWN_POINT = 2
FOREIGN_POINT = 3
NOT_FINITE = 4
IN_THE_FUTURE = 5


@entrance
def check(book: Int64s, gateway: int, latest_ms: int, point: Int32s, time_ms: Int64s, value: Floats) -> tuple[int, int]:
    """Returns what was found and the place of the reading that it was found at.

    Args:
        book: of the monitor.
        gateway: index of the gateway that sent the pack.
        latest_ms: readings after this time are refused.
        point: (n,) point index, n at least 1.
        time_ms: (n,) event time.
        value: (n,) value.
    """
    core = opened(book)
    gateway_of, record = core.gateway_of, core.gateways[gateway]
    if record.alone == 1:
        fit, in_order = _glance(record.first_point, record.end_point, latest_ms, point, time_ms, value)
        if fit:
            return (IN_ORDER if in_order else OUT_OF_ORDER), 0
    found = IN_ORDER
    former_ms = time_ms[0]
    for i in range(len(point)):
        if point[i] < 0 or point[i] >= len(gateway_of):
            return UNKNOWN_POINT, i
        if gateway_of[point[i]] != gateway:
            return FOREIGN_POINT, i
        if not np.isfinite(value[i]):
            return NOT_FINITE, i
        if time_ms[i] > latest_ms:
            return IN_THE_FUTURE, i
        if time_ms[i] < former_ms:
            found = OUT_OF_ORDER
        former_ms = time_ms[i]
    return found, 0


@kernel
def _glance(
    first_point: int, end_point: int, latest_ms: int, point: Int32s, time_ms: Int64s, value: Floats
) -> tuple[bool, bool]:
    """Whether all is well, and whether it is in order of time. No branch in the loops, so they run on vectors."""
    low, high = np.int32(first_point), np.int32(end_point)
    foreign = 0
    for i in range(len(point)):
        foreign |= (point[i] < low) | (point[i] >= high)
    infinite = 0
    for i in range(len(value)):
        infinite |= not (abs(value[i]) < np.inf)
    newest_ms, backward = time_ms[0], 0
    for i in range(1, len(time_ms)):
        backward |= time_ms[i] < time_ms[i - 1]
        newest_ms = max(newest_ms, time_ms[i])
    return (foreign | infinite) == 0 and newest_ms <= latest_ms, backward == 0
