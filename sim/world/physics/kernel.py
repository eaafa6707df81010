"""The readings' inner loops, compiled.

Noise comes from a counter: which number a point draws in a step is a hash of the park's key, the step and the point, so
that no order of the loop, width of the vector unit or split into blocks changes it. Only additions, multiplications,
one division and integer arithmetic are used where a reading is made, which IEEE 754 rounds the same everywhere.

Loops are kept to few arrays each, since a compiler that cannot prove arrays to be apart vectorises only those.
"""

import math
from typing import Final

import numpy as np
from numba import float32, njit, uint32, uint64
from numpy.typing import NDArray

MINUTES_A_DAY: Final = 1440
# A sum of four random bytes, made normal by a cubic: mean 0, variance 1, kurtosis 3, sixth moment 14.5 (a normal has
# 15), at most 4.04; its distribution function is nowhere 0.0021 away from the normal one.
BYTES_MEAN: Final = 510.0
LINEAR: Final = 0.0064210406
CUBIC: Final = 5.773954e-09
ROUND: Final = 12_582_912.0  # 1.5 * 2**23: adding and taking it off rounds a float32 below 2**22 to a whole number


@njit(cache=True)
def step_key(key: np.uint64, step: int) -> np.uint64:
    """64 bits for one step (splitmix64; Steele, Lea and Flood 2014)."""
    z = uint64(key) + uint64(step) * uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> uint64(27))) * uint64(0x94D049BB133111EB)
    return z ^ (z >> uint64(31))  # type: ignore[no-any-return]  # numba's types are untyped


@njit(cache=True)
def hashed(counter: np.uint32, key: np.uint64) -> np.uint32:
    """32 bits from a counter and 64 bits of key: multiply and shift, with the constants of "lowbias32" (C. Wellons)."""
    h = uint32(uint32(counter) ^ uint32(key))
    h = uint32(h ^ (h >> uint32(16)))
    h = uint32(h * uint32(0x7FEB352D))
    h = uint32(h ^ uint32(key >> uint64(32)))
    h = uint32(h ^ (h >> uint32(15)))
    h = uint32(h * uint32(0x846CA68B))
    return uint32(h ^ (h >> uint32(16)))  # type: ignore[no-any-return]  # as above


@njit(cache=True)
def fill_normal(out: NDArray[np.float32], first: int, key: np.uint64) -> None:
    """Standard normal numbers of the counters from `first` on."""
    low_bytes = uint32(0x00FF00FF)
    for i in range(len(out)):
        h = hashed(uint32(uint32(i) + uint32(first)), key)
        pairs = uint32((h & low_bytes) + ((h >> uint32(8)) & low_bytes))
        total = uint32((pairs + (pairs >> uint32(16))) & uint32(0x7FF))
        x = float32(np.int32(total)) - float32(BYTES_MEAN)
        out[i] = x * (float32(LINEAR) + float32(CUBIC) * x * x)


@njit(cache=True)
def uniform(counter: np.uint32, key: np.uint64) -> float:
    """A number strictly between 0 and 1."""
    return (np.float64(hashed(counter, key)) + 0.5) / 4_294_967_296.0


@njit(cache=True)
def renew(
    state: NDArray[np.float32], keep: NDArray[np.float32], fresh: NDArray[np.float32], draw: NDArray[np.float32]
) -> None:
    """One step of first-order autoregressive noises, in place."""
    for i in range(len(state)):
        state[i] = state[i] * keep[i] + fresh[i] * draw[i]


@njit(cache=True)
def add_up(  # noqa: PLR0917 - a kernel takes its arrays one by one
    total: NDArray[np.float32],
    level: NDArray[np.float32],
    own: NDArray[np.float32],
    weight: NDArray[np.float32],
    shared: NDArray[np.float32],
    group: NDArray[np.int32],
) -> None:
    """Level, a point's own noise, and its part of the zone's."""
    for i in range(len(total)):
        total[i] = level[i] + own[i] + weight[i] * shared[group[i]]


@njit(cache=True)
def measure(
    value: NDArray[np.float64],
    total: NDArray[np.float32],
    low: NDArray[np.float32],
    high: NDArray[np.float32],
    scale: NDArray[np.float32],
) -> None:
    """Keep to the quiet band, round to whole steps of the instrument, and say it in the quantity's unit.

    The only division is of two whole numbers in float64, so the result is the float64 nearest to the decimal number.
    """
    for i in range(len(value)):
        steps = min(max(total[i], low[i]), high[i])
        steps = (steps + float32(ROUND)) - float32(ROUND)
        value[i] = np.float64(steps) / np.float64(scale[i]) + 0.0  # no negative zero


@njit(cache=True)
def switch(  # noqa: PLR0917 - a kernel takes its arrays one by one
    value: NDArray[np.float64],
    step: int,
    key: np.uint64,
    first: int,
    place: NDArray[np.int32],
    share: NDArray[np.float32],
    memory_steps: NDArray[np.float64],
    state: NDArray[np.float64],
    due_step: NDArray[np.int64],
) -> None:
    """Two-state points: each forgets its state at random times and draws it anew with the present share of 1."""
    for j in range(len(place)):
        if due_step[j] <= step:
            state[j] = 1.0 if uniform(uint32(first + 2 * j), key) < share[place[j]] else 0.0
            wait = -math.log(uniform(uint32(first + 2 * j + 1), key)) * memory_steps[j]
            due_step[j] = step + 1 + np.int64(min(wait, 1e15))
        value[place[j]] = state[j]


@njit(cache=True)
def live(  # noqa: PLR0917 - a kernel takes its arrays one by one
    block: NDArray[np.float64],
    first_step: int,
    key: np.uint64,
    level: NDArray[np.float32],
    own: NDArray[np.float32],
    keep: NDArray[np.float32],
    fresh: NDArray[np.float32],
    shared: NDArray[np.float32],
    shared_keep: NDArray[np.float32],
    shared_fresh: NDArray[np.float32],
    weight: NDArray[np.float32],
    group: NDArray[np.int32],
    low: NDArray[np.float32],
    high: NDArray[np.float32],
    scale: NDArray[np.float32],
    place: NDArray[np.int32],
    memory_steps: NDArray[np.float64],
    state: NDArray[np.float64],
    due_step: NDArray[np.int64],
) -> None:
    """The measured values of some steps, (steps, n) float64, while the level stays as it is."""
    points, groups = len(own), len(shared)
    draw = np.empty(max(points, groups), np.float32)
    total = np.empty(points, np.float32)
    for row in range(len(block)):
        step = first_step + row
        bits = step_key(key, step)
        fill_normal(draw[:groups], 0, bits)
        renew(shared, shared_keep, shared_fresh, draw)
        fill_normal(draw[:points], groups, bits)
        renew(own, keep, fresh, draw)
        add_up(total, level, own, weight, shared, group)
        measure(block[row], total, low, high, scale)
        switch(block[row], step, bits, groups + points, place, level, memory_steps, state, due_step)


@njit(cache=True)
def raise_level(  # noqa: PLR0917 - a kernel takes its arrays one by one
    level: NDArray[np.float32],
    minute: float,
    elapsed_days: float,
    base: NDArray[np.float32],
    swing: NDArray[np.float32],
    late_min: NDArray[np.float32],
    rhythm: NDArray[np.int32],
    tables: NDArray[np.float32],
    drift: NDArray[np.float32],
    kind: NDArray[np.int32],
    weather: NDArray[np.float32],
    scale: NDArray[np.float32],
) -> None:
    """What the points would read without noise: base, rhythm of the day, drift, weather; in steps of the instrument.

    `tables` are (rhythms, 3 * 1440 + 1): yesterday, today and tomorrow by the minute; a point lives `late_min` behind.
    """
    for i in range(len(level)):
        at = minute + MINUTES_A_DAY - late_min[i]
        left = int(at)
        part = float32(at - left)
        table = tables[rhythm[i]]
        daily = table[left] * (float32(1.0) - part) + table[left + 1] * part
        level[i] = base[i] + swing[i] * daily + drift[i] * float32(elapsed_days) + weather[kind[i]] * scale[i]
