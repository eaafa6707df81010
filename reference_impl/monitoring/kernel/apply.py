"""The hot loop: readings in, transitions out."""

# ruff: noqa: PLR0917 - kernels take their columns one by one, by position, as numba calls them fastest

import numpy as np

from reference_impl.monitoring.kernel.alarms import end_timer, let_leave, release_member, run_timer, tell
from reference_impl.monitoring.kernel.bands import empty_band, set_band
from reference_impl.monitoring.kernel.book import opened
from reference_impl.monitoring.kernel.calendar import next_opening_ms
from reference_impl.monitoring.kernel.core import (
    Core,
    Floats,
    Int32s,
    Int64s,
    Record,
    Records,
    entrance,
    inlined,
    kernel,
)
from reference_impl.monitoring.kernel.expression import judge_waiting
from reference_impl.monitoring.kernel.kinds import take_every, take_outside_band
from reference_impl.monitoring.kernel.prefetch import prefetch
from reference_impl.monitoring.kernel.timers import next_due_ms, put_off
from reference_impl.monitoring.slots import (
    ACTIVE,
    CAUSE,
    CLEARING,
    COUNT,
    EXPRESSION,
    K_OF_N,
    LATE,
    LEAVING,
    MEMBER,
    MOMENT_MS,
    NEVER_MS,
    NORMAL,
    PENDING,
    SILENCE,
    STIRRED,
    STUCK,
    WAITING,
)

_FAR, _NEAR = 24, 12  # readings ahead


@entrance
def settle(book: Int64s, gateway_of: Int32s) -> None:
    """Set the quiet bands and start the timers that follow from the slots' phases; no timer may be running.

    Args:
        book: of the monitor.
        gateway_of: (slots,) index of the gateway of each slot.
    """
    core = opened(book)
    for point in range(len(core.heads)):
        set_band(core, point, np.nan)
    for index in range(len(core.slots)):
        if core.slots[index].phase in (PENDING, CLEARING):
            run_timer(core, core.gateways[gateway_of[index]], index, core.slots[index].due_ms)


@kernel
def _newest_ms(core: Core, point: int, index: int) -> int:
    """Time of a point's newest reading; `index` is its silence slot."""
    slot = core.slots[index]
    newest_ms: int = slot.since_ms if slot.flag == 1 else core.heads[point].seen_ms
    return newest_ms


@kernel
def _move_clock(core: Core, point: int, at_ms: int) -> None:
    """A timer of a point fires: its history is decided up to here, a reading from before would come too late."""
    head = core.heads[point]
    if at_ms <= head.seen_ms:
        return
    span = core.spans[point]
    for index in range(span.first + span.every, span.first + span.all):
        slot = core.slots[index]
        if slot.kind == SILENCE and slot.flag == 0 and slot.phase != NORMAL:
            slot.since_ms = head.seen_ms
            slot.flag = 1
            empty_band(core, point)
    head.seen_ms = at_ms


@kernel
def _rests(core: Core, gateway: Record, out: Records, index: int, due_ms: int) -> bool:
    """The due timer of a `stuck` or `silence` slot. Is it put off, since readings have come?"""
    slot = core.slots[index]
    param = core.params[slot.param]
    point = core.alarms[slot.alarm].subject
    since_ms = slot.since_ms if slot.kind == STUCK else _newest_ms(core, point, index)
    if slot.phase == CLEARING:
        slot.phase = PENDING
        tell(core, gateway, out, index, due_ms, False)
        let_leave(core, gateway, out, due_ms)
        _move_clock(core, point, due_ms)
    real_ms = since_ms + param.on_delay_ms
    if slot.kind == SILENCE and param.calendar >= 0:
        real_ms = next_opening_ms(core, param.calendar, real_ms)
    if real_ms <= due_ms:
        slot.onset_ms = since_ms
        slot.onset_value = slot.a if slot.kind == STUCK else (due_ms - since_ms) / 1000.0
        return False
    slot.due_ms = real_ms
    put_off(core.heap, core.places, gateway, real_ms)
    return True


@kernel
def _fire_first(core: Core, gateway: Record, out: Records, index: int, due_ms: int) -> None:
    """Fire the gateway's first timer, which is that of the slot `index`."""
    slot = core.slots[index]
    if slot.kind in (STUCK, SILENCE) and _rests(core, gateway, out, index, due_ms):
        return
    end_timer(core, gateway, index)
    if slot.kind == MEMBER:
        release_member(core, gateway, out, index, due_ms)
        return
    is_raised = slot.phase == PENDING
    slot.phase = ACTIVE if is_raised else NORMAL
    subject = core.alarms[slot.alarm].subject
    if slot.kind == K_OF_N:
        group = core.groups[slot.link]
        group.clock_ms = max(group.clock_ms, due_ms)
    elif slot.kind == EXPRESSION:
        device = core.devices[slot.link]
        device.clock_ms = max(device.clock_ms, due_ms)
    tell(core, gateway, out, index, due_ms, is_raised)
    if subject < len(core.heads):
        _move_clock(core, subject, due_ms)
        if slot.kind == SILENCE:
            empty_band(core, subject)


@kernel
def _wake(core: Core, gateway: Record, until_ms: int, out: Records, room: int) -> None:
    """Judge the devices whose moment is over, then fire the timers due at or before `until_ms`."""
    if core.tally[WAITING] > 0 and core.tally[MOMENT_MS] < until_ms:
        judge_waiting(core, gateway, out)
    core.tally[CAUSE] = -1
    due_ms, alarm = NEVER_MS, -1
    while gateway.timers > 0:
        first = core.heap[gateway.heap_start]
        is_one_step = first.due_ms == due_ms and core.slots[first.slot].alarm == alarm >= 0  # levels of one alarm
        if first.due_ms > until_ms or (core.tally[COUNT] >= room and not is_one_step):
            break
        alarm = core.slots[first.slot].alarm
        due_ms = first.due_ms
        _fire_first(core, gateway, out, np.int64(first.slot), due_ms)
        if core.tally[LEAVING] > 0:
            let_leave(core, gateway, out, due_ms)


@inlined
def _wake_ms(core: Core, gateway: Record) -> int:
    """When there is something to do besides the readings."""
    due_ms: int = next_due_ms(core.heap, gateway)
    if core.tally[WAITING] > 0:
        due_ms = min(due_ms, int(core.tally[MOMENT_MS]) + 1)
    return due_ms


@inlined
def _take(core: Core, gateway: Record, out: Records, point: int, now_ms: int, value: float) -> None:
    """A reading outside of the band of its point's head."""
    span = core.spans[point]
    index = np.uint32(span.first)
    end = index + np.uint32(span.every)
    while index < end:
        take_every(core, gateway, out, index, now_ms, value)
        index += np.uint32(1)
    if span.every == 0 or not span.quiet_low < value < span.quiet_high:
        for place in range(span.first + span.every, span.first + span.all):
            take_outside_band(core, gateway, out, place, now_ms, value)
        set_band(core, np.int64(point), value)


@inlined
def _look_ahead(core: Core, point: Int32s, i: int) -> None:
    """Where one reading goes to its point's slots, those to come will too."""
    if i + _FAR < len(point):
        far = np.intp(point[i + _FAR])
        prefetch(core.heads, far)
        prefetch(core.spans, far)
        first = np.intp(core.spans[np.uint32(point[i + _NEAR])].first)
        prefetch(core.slots, first)
        prefetch(core.slots, first + 1)
        prefetch(core.slots, first + 2)


@inlined
def _read(
    core: Core, gateway: Record, out: Records, start: int, point: Int32s, time_ms: Int64s, value: Floats, room: int
) -> int:
    """Take readings, and what is due between them, while there is room; returns how far it came."""
    wake_ms = _wake_ms(core, gateway)
    late = 0
    i = start
    while i < len(point):
        at = np.uint64(i)  # unsigned: what is not negative need not be wrapped
        now_ms, number = time_ms[at], value[at]
        head = core.heads[np.uint32(point[at])]
        in_time = (now_ms < wake_ms) & (now_ms >= head.seen_ms)
        if in_time & (number > head.quiet_low) & (number < head.quiet_high):  # one branch, and nearly always the same
            head.seen_ms = now_ms
            i += 1
            continue
        if wake_ms <= now_ms:
            _wake(core, gateway, now_ms, out, room)
            wake_ms = _wake_ms(core, gateway)
            if core.tally[COUNT] >= room:
                break
        i += 1
        if now_ms < head.seen_ms:
            late += 1
            continue
        head.seen_ms = now_ms
        if head.quiet_low < number < head.quiet_high:
            continue
        _look_ahead(core, point, i)
        core.tally[CAUSE] = i - 1
        _take(core, gateway, out, np.uint32(point[at]), now_ms, number)
        if core.tally[STIRRED] == 1:
            let_leave(core, gateway, out, now_ms)
            core.tally[STIRRED] = 0
            wake_ms = _wake_ms(core, gateway)
            if core.tally[COUNT] >= room:
                break
    core.tally[LATE] += late
    return i


@entrance
def apply(
    book: Int64s,
    gateway_index: int,
    watermark_ms: int,
    start: int,
    point: Int32s,
    time_ms: Int64s,
    value: Floats,
    room: int,
) -> int:
    """Apply released readings from `start` on; returns how far it came.

    It stops early when `room` transitions are written; call it again from there with the counter set back. It is done
    when it returns n + 1.

    Args:
        book: of the monitor. `core.tally[COUNT]` counts the transitions, `core.tally[LATE]` the late readings.
        gateway_index: the gateway whose readings these are.
        watermark_ms: timers due up to here fire at the end; `NEVER_MS` when more of the same release follows.
        start: index of the first reading to take.
        point: (n,) point index.
        time_ms: (n,) event time, ascending.
        value: (n,) value.
        room: when to stop; `core.out` has more than that, by what one reading or timer can bring.
    """
    core = opened(book)
    out = core.out
    gateway = core.gateways[gateway_index]
    i: int = _read(core, gateway, out, start, point, time_ms, value, room)
    if core.tally[COUNT] >= room or i < len(point):
        return i
    if watermark_ms == NEVER_MS:
        return i + 1
    gateway.watermark_ms = max(gateway.watermark_ms, watermark_ms)
    if core.tally[WAITING] > 0:
        judge_waiting(core, gateway, out)
    _wake(core, gateway, gateway.watermark_ms, out, room)
    if core.tally[COUNT] >= room:
        return i
    return i + 1
