"""What the suites measure with: packs of plausible readings, and the bare loops that set the floor."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contract import codec
from contract.catalogue import ParkPoints, park_points
from contract.columns import Columns

START_MS = 1_780_000_000_000
PARK = "bench-park"
SHORT = {codec.SENML_JSON: "SenML JSON", codec.SENML_CBOR: "SenML CBOR", codec.ARROW_STREAM: "Arrow IPC"}


def layout(points: int = 2_000, gateways: int = 4) -> ParkPoints:
    """The points of one park as the standard scenario has them."""
    return park_points(points, gateways)


def pack(points: int, readings: int, *, time_ms: int = START_MS) -> Columns:
    """Readings of the first `readings` of `points` points at one time; the same for every run."""
    rng = np.random.default_rng(1)
    point = np.arange(readings, dtype=np.int32) % points
    return Columns(point, np.full(readings, time_ms, dtype=np.int64), np.round(rng.uniform(0.0, 40.0, readings), 2))


@njit(cache=True)
def sum_bytes(body: NDArray[np.uint8]) -> int:
    """Load each byte once: no decoder of the same bytes can be faster."""
    total = 0
    for byte in body:
        total += byte
    return total


@njit(cache=True)
def load_and_store(
    point: NDArray[np.int32],
    time_ms: NDArray[np.int64],
    value: NDArray[np.float64],
    last_ms: NDArray[np.int64],
    last: NDArray[np.float64],
) -> None:
    """Load each reading and store it at its point: what any core that remembers the last reading must do at least."""
    for i in range(len(point)):
        last_ms[point[i]] = time_ms[i]
        last[point[i]] = value[i]
