"""The hot loops: free functions over arrays. SEMANTICS.md says what they decide; the tests' oracle checks them.

They are all in this file on purpose: numba's cache notices a change of the file that a kernel stands in, not of the
files that it calls into. After changing a constant in `slots`, delete `__pycache__`.
"""

# ruff: noqa: PLR0917 - kernels take their columns one by one, by position, as numba calls them fastest

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

Slots = NDArray[np.void]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]
Transitions = NDArray[np.void]

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
def next_due_ms(slots: Slots, heap: Int32s, start: int, size: int) -> int:
    """Time of the gateway's first timer, `FOREVER_MS` when none runs."""
    due_ms: int = FOREVER_MS
    if size > 0:
        due_ms = slots[heap[start]].due_ms
    return due_ms


@njit(cache=True, nogil=True)
def _earlier(slots: Slots, one: int, other: int) -> bool:
    one_ms: int = slots[one].due_ms
    other_ms: int = slots[other].due_ms
    return one_ms < other_ms or (one_ms == other_ms and one < other)


@njit(cache=True, nogil=True)
def _sift_up(slots: Slots, heap: Int32s, heap_at: Int32s, start: int, place: int) -> int:
    moving = heap[start + place]
    while place > 0:
        parent = (place - 1) >> 1
        above = heap[start + parent]
        if not _earlier(slots, moving, above):
            break
        heap[start + place] = above
        heap_at[above] = place
        place = parent
    heap[start + place] = moving
    heap_at[moving] = place
    return place


@njit(cache=True, nogil=True)
def _sift_down(slots: Slots, heap: Int32s, heap_at: Int32s, start: int, size: int, place: int) -> None:
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
        heap_at[below] = place
        place = child
    heap[start + place] = moving
    heap_at[moving] = place


@njit(cache=True, nogil=True)
def start_timer(slots: Slots, heap: Int32s, heap_at: Int32s, start: int, size: int, slot: int) -> int:
    """Add a slot whose `due_ms` is set; returns the new size."""
    heap[start + size] = slot
    heap_at[slot] = size
    _sift_up(slots, heap, heap_at, start, size)
    return size + 1


@njit(cache=True, nogil=True)
def stop_timer(slots: Slots, heap: Int32s, heap_at: Int32s, start: int, size: int, slot: int) -> int:
    """Remove a slot that is in the heap; returns the new size."""
    place = heap_at[slot]
    heap_at[slot] = -1
    last = heap[start + size - 1]
    if last != slot:
        heap[start + place] = last
        place = _sift_up(slots, heap, heap_at, start, place)
        _sift_down(slots, heap, heap_at, start, size - 1, place)
    return size - 1


@njit(cache=True, nogil=True)
def _write(out: Transitions, count: int, kind: int, at_ms: int, slot: int, onset_ms: int, value: float) -> int:
    record = out[count]
    record.kind = kind
    record.at_ms = at_ms
    record.slot = slot
    record.onset_ms = onset_ms
    record.value = value
    return count + 1


@njit(cache=True, nogil=True)
def _fire(
    slots: Slots,
    onset_value: Floats,
    first_slot: Int32s,
    point_of: Int32s,
    heap: Int32s,
    heap_at: Int32s,
    start: int,
    size: int,
    until_ms: int,
    out: Transitions,
    count: int,
) -> tuple[int, int]:
    """Fire the gateway's timers due at or before `until_ms`; returns (size of the heap, number of transitions)."""
    while size > 0:
        index = heap[start]
        slot = slots[index]
        due_ms = slot.due_ms
        if due_ms > until_ms:
            break
        size = stop_timer(slots, heap, heap_at, start, size, index)
        if slot.phase == PENDING:
            slot.phase = ACTIVE
            count = _write(out, count, RAISE, due_ms, index, slot.onset_ms, onset_value[index])
        else:
            slot.phase = NORMAL
            count = _write(out, count, CLEAR, due_ms, index, slot.onset_ms, onset_value[index])
        # The point's history is decided up to here: a reading from before would come too late.
        head = slots[first_slot[point_of[index]]]
        head.seen_ms = max(head.seen_ms, due_ms)
    return size, count


@njit(cache=True, nogil=True)
def _limit(
    slots: Slots,
    onset_value: Floats,
    on_delay_ms: Int64s,
    off_delay_ms: Int64s,
    heap: Int32s,
    heap_at: Int32s,
    start: int,
    size: int,
    index: int,
    time_ms: int,
    value: float,
    out: Transitions,
    count: int,
) -> tuple[int, int]:
    """One reading on one limit slot; returns (size of the heap, number of transitions)."""
    slot = slots[index]
    phase = slot.phase
    if phase == NORMAL:
        if value >= slot.high or value <= slot.low:
            slot.onset_ms = time_ms
            onset_value[index] = value
            if on_delay_ms[slot.rule] == 0:
                slot.phase = ACTIVE
                count = _write(out, count, RAISE, time_ms, index, time_ms, value)
            else:
                slot.phase = PENDING
                slot.due_ms = time_ms + on_delay_ms[slot.rule]
                size = start_timer(slots, heap, heap_at, start, size, index)
    elif phase == CLEARING:
        if value >= slot.high or value <= slot.low:
            size = stop_timer(slots, heap, heap_at, start, size, index)
            slot.phase = ACTIVE
    elif value < slot.high_end and value > slot.low_end:
        if phase == PENDING:
            size = stop_timer(slots, heap, heap_at, start, size, index)
            slot.phase = NORMAL
        elif off_delay_ms[slot.rule] == 0:
            slot.phase = NORMAL
            count = _write(out, count, CLEAR, time_ms, index, slot.onset_ms, onset_value[index])
        else:
            slot.phase = CLEARING
            slot.due_ms = time_ms + off_delay_ms[slot.rule]
            size = start_timer(slots, heap, heap_at, start, size, index)
    return size, count


@njit(cache=True, nogil=True)
def apply(
    slots: Slots,
    onset_value: Floats,
    first_slot: Int32s,
    point_of: Int32s,
    on_delay_ms: Int64s,
    off_delay_ms: Int64s,
    heap: Int32s,
    heap_at: Int32s,
    heap_start: Int32s,
    heap_size: Int32s,
    watermark_ms: Int64s,
    gateway: int,
    point: Int32s,
    time_ms: Int64s,
    value: Floats,
    out: Transitions,
) -> tuple[int, int]:
    """Apply a checked pack in order of time; returns (number of transitions written to `out`, number of late readings).

    Args:
        slots: (slots,) of `SLOT`, sorted by point.
        onset_value: (slots,) value of the first reading of the run.
        first_slot: (points + 1,) where each point's slots begin.
        point_of: (slots,) point of each slot.
        on_delay_ms: (rules,) delay before an alarm is raised.
        off_delay_ms: (rules,) delay before it is cleared.
        heap: (slots,) the timer heaps of all gateways.
        heap_at: (slots,) place of each slot in its gateway's heap, -1 for none.
        heap_start: (gateways + 1,) where each gateway's heap begins.
        heap_size: (gateways,) timers running.
        watermark_ms: (gateways,) newest event time seen.
        gateway: index of the gateway that sent the pack.
        point: (n,) point index.
        time_ms: (n,) event time, ascending.
        value: (n,) value.
        out: of `TRANSITION`, with room for a transition of each slot of each reading and of each running timer.
    """
    start = heap_start[gateway]
    size = heap_size[gateway]
    due_ms = next_due_ms(slots, heap, start, size)
    count = 0
    late = 0
    for i in range(len(point)):
        now_ms = time_ms[i]
        if due_ms <= now_ms:
            size, count = _fire(
                slots, onset_value, first_slot, point_of, heap, heap_at, start, size, now_ms, out, count
            )
            due_ms = next_due_ms(slots, heap, start, size)
        first = first_slot[point[i]]
        head = slots[first]
        if now_ms < head.seen_ms:
            late += 1
            continue
        head.seen_ms = now_ms
        reading = value[i]
        for index in range(first, first_slot[point[i] + 1]):
            slot = slots[index]
            if slot.phase == NORMAL and reading < slot.high and reading > slot.low:
                continue
            size, count = _limit(
                slots,
                onset_value,
                on_delay_ms,
                off_delay_ms,
                heap,
                heap_at,
                start,
                size,
                index,
                now_ms,
                reading,
                out,
                count,
            )
            due_ms = next_due_ms(slots, heap, start, size)
    # A pack from before the watermark may have started timers that are due by now; its own readings came first.
    if len(point) > 0:
        watermark_ms[gateway] = max(watermark_ms[gateway], time_ms[-1])
    if due_ms <= watermark_ms[gateway]:
        size, count = _fire(
            slots, onset_value, first_slot, point_of, heap, heap_at, start, size, watermark_ms[gateway], out, count
        )
    heap_size[gateway] = size
    return count, late
