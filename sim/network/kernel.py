"""The compiled part: readings of devices behind radios wait until they are at their gateway.

Readings under way are records of a pool, linked in lists: one for each gateway and pack to come. The lists are a ring
over the packs. A list grows at its end, so its readings are in order of sampling.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

DEVICE = np.dtype(
    [
        ("gateway", np.int32),
        ("link", np.int32),
        ("first", np.int32),  # of its points among the members
        ("points", np.int32),
        ("waiting", np.int32),  # readings under way
        ("room", np.int32),  # readings that may be under way
        ("sending_ms", np.float64),  # time on the air of a message
        ("free_ms", np.float64),  # when the last message had left
        ("arrived_ms", np.float64),  # when it arrived
    ],
    align=True,
)
UNDER_WAY = np.dtype(
    [("time_ms", np.int64), ("value", np.float64), ("point", np.int32), ("next", np.int32), ("device", np.int32)],
    align=True,
)
MESSAGES, LOST, REFUSED = range(3)
"""Columns of the counts: messages sent, readings lost, readings refused."""
FREE, USED = range(2)
"""What the book holds: the first free record, and how many are in use."""


@njit(cache=True, error_model="numpy")
def _sampled(
    time_ms: NDArray[np.int64], place: NDArray[np.int32], members: NDArray[np.int32], first: int, end: int
) -> tuple[int, int]:
    """How many of a device's points have a reading in this step, and its time."""
    readings, sampled_ms = 0, 0
    for member in range(first, end):
        at = place[members[member]]
        if at >= 0:
            readings += 1
            sampled_ms = time_ms[at]
    return readings, sampled_ms


@njit(cache=True, error_model="numpy", inline="always")
def _enlist(  # noqa: PLR0917 - a kernel takes its arrays one by one
    time_ms: NDArray[np.int64],
    value: NDArray[np.float64],
    place: NDArray[np.int32],
    members: NDArray[np.int32],
    first: int,
    end: int,
    skew_ms: int,
    device: int,
    pool: NDArray[np.void],
    free: int,
    heads: NDArray[np.int32],
    tails: NDArray[np.int32],
    slot: int,
    gateway: int,
) -> int:
    """Put a device's readings at the end of a list; returns the first of the records that are still free."""
    last = tails[slot, gateway] if heads[slot, gateway] >= 0 else -1
    for member in range(first, end):
        point = members[member]
        at = place[point]
        if at < 0:
            continue
        if last >= 0:
            pool[last].next = free
        else:
            heads[slot, gateway] = free
        last, free = free, pool[free].next
        pool[last].time_ms = time_ms[at] + skew_ms
        pool[last].value = value[at]
        pool[last].point = point
        pool[last].device = device
    pool[last].next = -1
    tails[slot, gateway] = last
    return free


@njit(cache=True, error_model="numpy")
def set_off(  # noqa: PLR0917 - a kernel takes its arrays one by one
    time_ms: NDArray[np.int64],
    value: NDArray[np.float64],
    place: NDArray[np.int32],
    devices: NDArray[np.void],
    members: NDArray[np.int32],
    error_ms: NDArray[np.int64],
    delay_ms: NDArray[np.float32],
    close_ms: NDArray[np.int64],
    up_ms: NDArray[np.float64],
    share: NDArray[np.float64],
    resends: NDArray[np.bool_],
    pool: NDArray[np.void],
    book: NDArray[np.int64],
    heads: NDArray[np.int32],
    tails: NDArray[np.int32],
    arriving: NDArray[np.int32],
    cursor: int,
    period_ms: int,
    counts: NDArray[np.int64],
) -> None:
    """Each device sends its readings of a step as one message.

    Args:
        time_ms: (r,) sampling times.
        value: (r,) values.
        place: (n,) where the reading of a point stands in them, or -1.
        devices: (k,) records of `DEVICE`.
        members: points of the devices, one device after another.
        error_ms: (g + k,) of the clocks of gateways and devices.
        delay_ms: (k,) one-way delays of this step's messages, infinite if lost.
        close_ms: (g,) when the gateways close this step's pack.
        up_ms: (l, g) when a link is up again that is down at the gateways' sampling time, else 0.
        share: (l, g) of the bandwidth that is left.
        resends: (l,) links that keep a message until it arrives.
        pool: records of `UNDER_WAY` with room for all readings of this step.
        book: (2,) the first of the free records, and how many are in use.
        heads: (w, g) first record of each list, -1 if empty.
        tails: (w, g) last record of each list that is not empty.
        arriving: (w,) readings in the lists of each pack.
        cursor: place of this step's pack in the ring.
        period_ms: sample period.
        counts: (l, 3), to be added to.
    """
    gateways, ring, periods_per_ms, free = len(close_ms), len(heads), 1 / period_ms, book[FREE]
    whole = len(time_ms) == len(place)  # every point has its reading, at its own place
    for number in range(len(devices)):
        device = devices[number]
        link, gateway, first = device.link, device.gateway, device.first
        if whole:
            readings, sampled_ms = device.points, time_ms[members[first]]
        else:
            readings, sampled_ms = _sampled(time_ms, place, members, first, first + device.points)
            if not readings:
                continue
        begin_ms = max(np.float64(sampled_ms), device.free_ms)
        if up_ms[link, gateway] > 0:
            if not resends[link]:
                counts[link, LOST] += readings
                continue
            begin_ms = max(begin_ms, up_ms[link, gateway])
        if device.waiting + readings > device.room:
            counts[link, REFUSED] += readings
            continue
        left_ms = begin_ms + device.sending_ms / share[link, gateway]
        device.free_ms = left_ms
        counts[link, MESSAGES] += 1
        if delay_ms[number] == np.inf:
            counts[link, LOST] += readings
            continue
        arrival_ms = max(left_ms + delay_ms[number], device.arrived_ms)
        device.arrived_ms = arrival_ms
        device.waiting += readings
        late_ms = max(arrival_ms - close_ms[gateway], 0.0)
        slot = cursor + min(int(np.ceil(late_ms * periods_per_ms)), ring - 1)
        if slot >= ring:
            slot -= ring
        arriving[slot] += readings
        book[USED] += readings
        free = _enlist(
            time_ms, value, place, members, first, first + device.points, error_ms[gateways + number], number,
            pool, free, heads, tails, slot, gateway,
        )  # fmt: skip
    book[FREE] = free


@njit(cache=True, error_model="numpy")
def gather(  # noqa: PLR0917 - a kernel takes its arrays one by one
    time_ms: NDArray[np.int64],
    value: NDArray[np.float64],
    place: NDArray[np.int32],
    wired: NDArray[np.int32],
    wired_edge: NDArray[np.int64],
    error_ms: NDArray[np.int64],
    devices: NDArray[np.void],
    pool: NDArray[np.void],
    book: NDArray[np.int64],
    heads: NDArray[np.int32],
    arriving: NDArray[np.int32],
    cursor: int,
    point_out: NDArray[np.int32],
    time_out: NDArray[np.int64],
    value_out: NDArray[np.float64],
    edge_out: NDArray[np.int64],
) -> None:
    """Each gateway's pack of a step: what has arrived over radio, in order of sampling, then its wired points.

    Args:
        time_ms: (r,) sampling times.
        value: (r,) values.
        place: (n,) where the reading of a point stands in them, or -1.
        wired: wired points, one gateway after another.
        wired_edge: (g + 1,) where each gateway's begin.
        error_ms: (g + k,) of the clocks of gateways and devices.
        devices: (k,) records of `DEVICE`.
        pool: records of `UNDER_WAY`.
        book: (2,) the first of the free records, and how many are in use.
        heads: (w, g) first record of each list, -1 if empty.
        arriving: (w,) readings in the lists of each pack.
        cursor: place of this step's pack in the ring.
        point_out: points of the packs' readings, with room for all.
        time_out: their times by the clocks.
        value_out: their values.
        edge_out: (g + 1,) where each gateway's begin.
    """
    out, free = 0, book[FREE]
    book[USED] -= arriving[cursor]
    arriving[cursor] = 0
    for gateway in range(len(wired_edge) - 1):
        edge_out[gateway] = out
        here = heads[cursor, gateway]
        heads[cursor, gateway] = -1
        while here >= 0:
            point_out[out] = pool[here].point
            time_out[out] = pool[here].time_ms
            value_out[out] = pool[here].value
            out += 1
            devices[pool[here].device].waiting -= 1
            following = pool[here].next
            pool[here].next = free
            free = here
            here = following
        skew_ms = error_ms[gateway]
        first, end = wired_edge[gateway], wired_edge[gateway + 1]
        if len(time_ms) == len(place):
            for member in range(first, end):
                point = wired[member]
                at = out + member - first
                point_out[at] = point
                time_out[at] = time_ms[point] + skew_ms
                value_out[at] = value[point]
            out += end - first
            continue
        for member in range(first, end):
            at = place[wired[member]]
            if at >= 0:
                point_out[out] = wired[member]
                time_out[out] = time_ms[at] + skew_ms
                value_out[out] = value[at]
                out += 1
    edge_out[len(wired_edge) - 1] = out
    book[FREE] = free
