"""Readings as columns: the form in which telemetry moves inside the testbed and the reference platform."""

from typing import NamedTuple

import numpy as np
from numba import njit, uint64
from numpy.typing import NDArray

from contract.errors import PeerError
from contract.messages import MAX_PACK_READINGS

MAX_TIME_MS = 253_402_300_799_999
"""The last millisecond of the year 9999: what a calendar and a float of seconds can both hold."""


class Columns(NamedTuple):
    """Readings of one pack.

    Attributes:
        point: (n,) int32, index of the point in the park's registered list.
        time_ms: (n,) int64, event time, Unix milliseconds.
        value: (n,) float64, finite.
    """

    point: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    value: NDArray[np.float64]

    def __len__(self) -> int:
        """Number of readings (not of columns)."""
        return len(self.point)

    def shifted(self, shift_ms: int) -> "Columns":
        """The same readings, `shift_ms` later."""
        return Columns(self.point, self.time_ms + shift_ms, self.value)


def reading_hashes(columns: Columns) -> NDArray[np.uint64]:
    """One 64-bit hash per reading, (n,) uint64: splitmix64's finaliser over point, time and the value's bits.

    Sums of these (mod 2**64) identify a multiset of readings whatever their order.
    """
    with np.errstate(over="ignore"):
        state = columns.value.view(np.uint64) ^ (columns.time_ms.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
        state += columns.point.astype(np.uint64) * np.uint64(0xD1B54A32D192ED03) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: NDArray[np.uint64] = state ^ (state >> np.uint64(31))
    return mixed


def pack_digest(columns: Columns) -> int:
    """Order-independent digest of a pack, an unsigned 64-bit integer: the sum of its readings' hashes."""
    return int(_sum_of_hashes(columns.point, columns.time_ms.view(np.uint64), columns.value.view(np.uint64)))


@njit(cache=True)  # type: ignore[untyped-decorator]  # numba ships no types
def _sum_of_hashes(point: NDArray[np.int32], time_ms: NDArray[np.uint64], value: NDArray[np.uint64]) -> int:
    """The sum of `reading_hashes` in one pass, modulo 2**64."""
    total = uint64(0)
    for i in range(len(point)):
        state = value[i] ^ (time_ms[i] * uint64(0x9E3779B97F4A7C15))
        state += uint64(point[i]) * uint64(0xD1B54A32D192ED03) + uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> uint64(27))) * uint64(0x94D049BB133111EB)
        total += state ^ (state >> uint64(31))
    return total  # type: ignore[no-any-return]  # as above


def check_count(readings: int) -> None:
    """Raise `PeerError` unless a pack may carry so many readings: 413 for too many, 422 for none."""
    if readings > MAX_PACK_READINGS:
        raise PeerError(
            "too many readings",
            status=413,
            found=f"{readings} readings",
            wanted=f"at most {MAX_PACK_READINGS} readings",
        )
    if not readings:
        raise PeerError("no readings", found="no readings", wanted="at least one reading")


def in_order_of_time(columns: Columns) -> Columns:
    """The same readings sorted by time; readings of one time keep their order."""
    if (columns.time_ms[1:] >= columns.time_ms[:-1]).all():
        return columns
    order = np.argsort(columns.time_ms, kind="stable")
    return Columns(columns.point[order], columns.time_ms[order], columns.value[order])
