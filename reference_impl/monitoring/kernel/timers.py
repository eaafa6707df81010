"""Running timers: for each gateway a heap of (due time, rank), four children a node, all in one flat array.

A gateway's heap owns as many places as the gateway has slots, so it never grows, and each slot knows its place, so a
timer is stopped exactly and nothing stale is left behind. The root says when the gateway is due next: an idle gateway
costs one comparison.
"""

# ruff: noqa: PLR0917 - kernels take their columns one by one, by position, as numba calls them fastest

import numpy as np

from reference_impl.monitoring.kernel.core import Int32s, Record, Records, inlined, kernel
from reference_impl.monitoring.slots import FOREVER_MS

_CHILDREN = 4


@inlined
def next_due_ms(heap: Records, gateway: Record) -> int:
    """Time of the gateway's first timer, `FOREVER_MS` when none runs."""
    due_ms: int = FOREVER_MS
    if gateway.timers > 0:
        due_ms = heap[gateway.heap_start].due_ms
    return due_ms


@inlined
def _put(heap: Records, places: Int32s, start: int, place: int, due_ms: int, rank: int, slot: int) -> None:
    entry = heap[start + place]
    entry.due_ms = due_ms
    entry.rank = rank
    entry.slot = slot
    places[slot] = place


@kernel
def _rise(heap: Records, places: Int32s, start: int, place: int, due_ms: int, rank: int) -> int:
    """Move the hole at `place` towards the root to where the timer belongs; returns where that is."""
    while place > 0:
        parent = (place - 1) // _CHILDREN
        above = heap[start + parent]
        if above.due_ms < due_ms or (above.due_ms == due_ms and above.rank < rank):
            break
        _put(heap, places, start, place, above.due_ms, above.rank, above.slot)
        place = parent
    return place


@kernel
def _sink(heap: Records, places: Int32s, start: int, size: int, place: int, due_ms: int, rank: int) -> int:
    """Move the hole at `place` away from the root to where the timer belongs; returns where that is."""
    while True:
        first = _CHILDREN * place + 1
        if first >= size:
            break
        child = first
        least_ms, least_rank = heap[start + first].due_ms, heap[start + first].rank
        for other in range(first + 1, min(first + _CHILDREN, size)):
            entry = heap[start + other]
            if entry.due_ms < least_ms or (entry.due_ms == least_ms and entry.rank < least_rank):
                child, least_ms, least_rank = other, entry.due_ms, entry.rank
        if due_ms < least_ms or (due_ms == least_ms and rank < least_rank):
            break
        _put(heap, places, start, place, least_ms, least_rank, heap[start + child].slot)
        place = child
    return place


@kernel
def start_timer(heap: Records, places: Int32s, gateway: Record, due_ms: int, rank: int, slot: int) -> None:
    """Add the timer of a slot that has none; of timers due at once the one with the lowest rank fires first."""
    start, size = gateway.heap_start, gateway.timers
    gateway.timers = size + 1
    _put(heap, places, start, _rise(heap, places, start, size, due_ms, rank), due_ms, rank, slot)


@kernel
def stop_timer(heap: Records, places: Int32s, gateway: Record, slot: int) -> None:
    """Remove the timer of a slot that has one."""
    start, size, place = gateway.heap_start, gateway.timers - 1, np.int64(places[slot])
    gateway.timers = size
    if place < size:
        last = heap[start + size]
        due_ms, rank, moved = last.due_ms, last.rank, last.slot
        place = _rise(heap, places, start, place, due_ms, rank)
        place = _sink(heap, places, start, size, place, due_ms, rank)
        _put(heap, places, start, place, due_ms, rank, moved)


@kernel
def put_off(heap: Records, places: Int32s, gateway: Record, due_ms: int) -> None:
    """Give the gateway's first timer a later time."""
    start = gateway.heap_start
    rank, slot = heap[start].rank, heap[start].slot
    _put(heap, places, start, _sink(heap, places, start, gateway.timers, 0, due_ms, rank), due_ms, rank, slot)
