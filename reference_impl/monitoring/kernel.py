"""The hot loops: free functions over arrays. SEMANTICS.md says what they decide; the tests' oracle checks them.

They are all in this file on purpose: numba's cache notices a change of the file that a kernel stands in, not of the
files that it calls into. After changing a constant in `slots`, delete `__pycache__`.
"""

# ruff: noqa: PLR0917 - kernels take their columns one by one, by position, as numba calls them fastest

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from reference_impl.monitoring.slots import (
    ACTIVE,
    CLEAR,
    CLEARING,
    FOREVER_MS,
    NORMAL,
    PENDING,
    RAISE,
)

Record = Any  # one record of a structured array, by reference
Records = NDArray[np.void]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]

# What `check` finds.
IN_ORDER = 0
OUT_OF_ORDER = 1
UNKNOWN_POINT = 2
FOREIGN_POINT = 3
NOT_FINITE = 4
IN_THE_FUTURE = 5


@njit(cache=True, nogil=True)
def check(
    gateway_of: Int32s, gateway: int, latest_ms: int, point: Int32s, time_ms: Int64s, value: Floats
) -> tuple[int, int]:
    """Is a pack fit to be applied? Returns what was found and the place of the reading that it was found at.

    Args:
        gateway_of: (points,) index of the gateway of each point.
        gateway: index of the gateway that sent the pack.
        latest_ms: readings after this time are refused.
        point: (n,) point index.
        time_ms: (n,) event time.
        value: (n,) value.
    """
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


# Running timers: for each gateway a binary heap of slots, ordered by (due time, slot), in one flat array. A gateway's
# heap owns as many places as the gateway has slots, so it never grows, and each slot knows its place, so a timer is
# stopped exactly and nothing stale is left behind. The root says when the gateway is due next: an idle gateway costs
# one comparison.


@njit(cache=True, nogil=True)
def _next_due_ms(slots: Records, heap: Int32s, gateway: Record) -> int:
    """Time of the gateway's first timer, `FOREVER_MS` when none runs."""
    due_ms: int = FOREVER_MS
    if gateway.timers > 0:
        due_ms = slots[heap[gateway.heap_start]].due_ms
    return due_ms


@njit(cache=True, nogil=True)
def _earlier(slots: Records, one: int, other: int) -> bool:
    one_ms: int = slots[one].due_ms
    other_ms: int = slots[other].due_ms
    return one_ms < other_ms or (one_ms == other_ms and one < other)


@njit(cache=True, nogil=True)
def _sift_up(slots: Records, heap: Int32s, start: int, place: int) -> int:
    moving = heap[start + place]
    while place > 0:
        parent = (place - 1) >> 1
        above = heap[start + parent]
        if not _earlier(slots, moving, above):
            break
        heap[start + place] = above
        slots[above].timer = place
        place = parent
    heap[start + place] = moving
    slots[moving].timer = place
    return place


@njit(cache=True, nogil=True)
def _sift_down(slots: Records, heap: Int32s, start: int, size: int, place: int) -> None:
    moving = heap[start + place]
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and _earlier(slots, heap[start + child + 1], heap[start + child]):
            child += 1
        below = heap[start + child]
        if not _earlier(slots, below, moving):
            break
        heap[start + place] = below
        slots[below].timer = place
        place = child
    heap[start + place] = moving
    slots[moving].timer = place


@njit(cache=True, nogil=True)
def _start_timer(slots: Records, heap: Int32s, gateway: Record, index: int) -> None:
    """Add a slot whose `due_ms` is set."""
    place = gateway.timers
    gateway.timers = place + 1
    heap[gateway.heap_start + place] = index
    _sift_up(slots, heap, gateway.heap_start, place)


@njit(cache=True, nogil=True)
def _stop_timer(slots: Records, heap: Int32s, gateway: Record, index: int) -> None:
    """Remove a slot that is in the heap."""
    start, size, place = gateway.heap_start, gateway.timers - 1, slots[index].timer
    gateway.timers = size
    last = heap[start + size]
    if last != index:
        heap[start + place] = last
        place = _sift_up(slots, heap, start, place)
        _sift_down(slots, heap, start, size, place)


@njit(cache=True, nogil=True)
def _write(out: Records, count: int, kind: int, at_ms: int, index: int, slot: Record) -> int:
    record = out[count]
    record.kind = kind
    record.at_ms = at_ms
    record.slot = index
    record.onset_ms = slot.onset_ms
    record.value = slot.onset_value
    return count + 1


@njit(cache=True, nogil=True)
def _fire(
    heads: Records, slots: Records, heap: Int32s, gateway: Record, until_ms: int, out: Records, count: int
) -> int:
    """Fire the gateway's timers due at or before `until_ms`; returns the number of transitions."""
    while gateway.timers > 0:
        index = heap[gateway.heap_start]
        slot = slots[index]
        if slot.due_ms > until_ms:
            break
        _stop_timer(slots, heap, gateway, index)
        if slot.phase == PENDING:
            slot.phase = ACTIVE
            count = _write(out, count, RAISE, slot.due_ms, index, slot)
        else:
            slot.phase = NORMAL
            count = _write(out, count, CLEAR, slot.due_ms, index, slot)
        # The point's history is decided up to here: a reading from before would come too late.
        head = heads[slot.point]
        head.seen_ms = max(head.seen_ms, slot.due_ms)
    return count


@njit(cache=True, nogil=True)
def _limit(
    slots: Records,
    limit: Record,
    heap: Int32s,
    gateway: Record,
    index: int,
    time_ms: int,
    value: float,
    out: Records,
    count: int,
) -> int:
    """One reading on one limit slot; returns the number of transitions."""
    slot = slots[index]
    if slot.phase == NORMAL:
        if value >= limit.high or value <= limit.low:
            slot.onset_ms = time_ms
            slot.onset_value = value
            if limit.on_delay_ms == 0:
                slot.phase = ACTIVE
                count = _write(out, count, RAISE, time_ms, index, slot)
            else:
                slot.phase = PENDING
                slot.due_ms = time_ms + limit.on_delay_ms
                _start_timer(slots, heap, gateway, index)
    elif slot.phase == CLEARING:
        if value >= limit.high or value <= limit.low:
            _stop_timer(slots, heap, gateway, index)
            slot.phase = ACTIVE
    elif value < limit.high_end and value > limit.low_end:
        if slot.phase == PENDING:
            _stop_timer(slots, heap, gateway, index)
            slot.phase = NORMAL
        elif limit.off_delay_ms == 0:
            slot.phase = NORMAL
            count = _write(out, count, CLEAR, time_ms, index, slot)
        else:
            slot.phase = CLEARING
            slot.due_ms = time_ms + limit.off_delay_ms
            _start_timer(slots, heap, gateway, index)
    return count


# Quiet bands. Each kind of rule says in which open interval around the newest value a reading leaves its slot as it is;
# a kind for which every reading counts says `_NOWHERE`. A timer that fires must not narrow the interval.

_NOWHERE = (np.inf, -np.inf)


@njit(cache=True, nogil=True)
def _limit_band(limit: Record, phase: int, value: float) -> tuple[float, float]:
    """Where a limit's condition stays as it is; `value` is the newest, NaN when it is not known."""
    if phase in (NORMAL, CLEARING):
        return limit.low, limit.high
    if value >= limit.high_end:
        return limit.high_end, np.inf
    if value <= limit.low_end:
        return -np.inf, limit.low_end
    return _NOWHERE


@njit(cache=True, nogil=True)
def _set_band(heads: Records, slots: Records, first_slot: Int32s, limits: Records, point: int, value: float) -> None:
    """Set a point's quiet band to where all of its slots are quiet."""
    low, high = -np.inf, np.inf
    for index in range(first_slot[point], first_slot[point + 1]):
        slot_low, slot_high = _limit_band(limits[slots[index].rule], slots[index].phase, value)
        low, high = max(low, slot_low), min(high, slot_high)
    head = heads[point]
    head.quiet_low = np.float32(low)
    if head.quiet_low < low:
        head.quiet_low = np.nextafter(head.quiet_low, np.float32(np.inf))
    head.quiet_high = np.float32(high)
    if head.quiet_high > high:
        head.quiet_high = np.nextafter(head.quiet_high, np.float32(-np.inf))


@njit(cache=True, nogil=True)
def settle(
    heads: Records,
    slots: Records,
    first_slot: Int32s,
    limits: Records,
    heap: Int32s,
    gateways: Records,
    gateway_of: Int32s,
) -> None:
    """Set the quiet bands and start the timers that follow from the slots' phases; no timer may be running.

    The arrays are those of `check` and `apply`.
    """
    for point in range(len(heads)):
        _set_band(heads, slots, first_slot, limits, point, np.nan)
        for index in range(first_slot[point], first_slot[point + 1]):
            if slots[index].phase == PENDING or slots[index].phase == CLEARING:
                _start_timer(slots, heap, gateways[gateway_of[point]], index)


@njit(cache=True, nogil=True)
def apply(
    heads: Records,
    slots: Records,
    first_slot: Int32s,
    limits: Records,
    heap: Int32s,
    gateways: Records,
    gateway_index: int,
    point: Int32s,
    time_ms: Int64s,
    value: Floats,
    out: Records,
) -> tuple[int, int]:
    """Apply a checked pack in order of time; returns (number of transitions written to `out`, number of late readings).

    Args:
        heads: (points,) of `HEAD`.
        slots: (slots,) of `SLOT`, sorted by point.
        first_slot: (points + 1,) where each point's slots begin.
        limits: (rules,) of `LIMIT`.
        heap: (slots,) the timer heaps of all gateways.
        gateways: (gateways,) of `GATEWAY`.
        gateway_index: the gateway that sent the pack.
        point: (n,) point index.
        time_ms: (n,) event time, ascending.
        value: (n,) value.
        out: of `TRANSITION`, with room for a transition of each slot of each reading and of each running timer.
    """
    gateway = gateways[gateway_index]
    due_ms = _next_due_ms(slots, heap, gateway)
    count = 0
    late = 0
    for i in range(len(point)):
        now_ms = time_ms[i]
        if due_ms <= now_ms:
            count = _fire(heads, slots, heap, gateway, now_ms, out, count)
            due_ms = _next_due_ms(slots, heap, gateway)
        head = heads[np.uint32(point[i])]  # unsigned: a checked index is not negative, so it need not be wrapped
        if now_ms < head.seen_ms:
            late += 1
            continue
        head.seen_ms = now_ms
        if head.quiet_low < value[i] < head.quiet_high:
            continue
        for index in range(first_slot[point[i]], first_slot[point[i] + 1]):
            limit = limits[slots[index].rule]
            count = _limit(slots, limit, heap, gateway, index, now_ms, value[i], out, count)
        _set_band(heads, slots, first_slot, limits, point[i], value[i])
        due_ms = _next_due_ms(slots, heap, gateway)
    # A pack from before the watermark may have started timers that are due by now; its own readings came first.
    if len(point) > 0:
        gateway.watermark_ms = max(gateway.watermark_ms, time_ms[-1])
    count = _fire(heads, slots, heap, gateway, gateway.watermark_ms, out, count)
    return count, late
