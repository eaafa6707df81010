"""What each kind of rule makes of a reading (SEMANTICS.md: L, R, K, S, A), and where it is quiet."""

# ruff: noqa: PLR0917 - kernels take their columns one by one, by position, as numba calls them fastest

import numpy as np

from reference_impl.monitoring.kernel.alarms import condition, run_timer, tell
from reference_impl.monitoring.kernel.calendar import is_open
from reference_impl.monitoring.kernel.core import Core, Record, Records, inlined, kernel
from reference_impl.monitoring.slots import (
    ACTIVE,
    ANOMALY,
    CLEARING,
    COMPARED,
    LIMIT,
    MOMENT_MS,
    NEVER_MS,
    NORMAL,
    PENDING,
    RATE,
    ROUND,
    STIRRED,
    STUCK,
    WAITING,
)


@inlined
def take_every(core: Core, gateway: Record, out: Records, index: int, now_ms: int, value: float) -> None:
    """A reading on a slot for which every reading counts."""
    kind = core.slots[index].kind
    if kind == STUCK:
        _stuck(core, gateway, out, index, now_ms, value)
    elif kind == ANOMALY:
        _anomaly(core, gateway, out, index, now_ms, value)
    elif kind == RATE:
        _rate(core, gateway, out, index, now_ms, value)
    else:
        let_wait(core, index, now_ms, value)


@inlined
def _rate(core: Core, gateway: Record, out: Records, index: int, now_ms: int, value: float) -> None:
    slot = core.slots[index]
    param = core.params[np.uint32(slot.param)]
    outside = param.calendar >= 0 and not is_open(core, param.calendar, now_ms)
    begins, ends = False, outside
    if slot.since_ms == NEVER_MS:
        slot.a, slot.since_ms = value, now_ms
    elif now_ms - slot.since_ms >= param.window_ms:
        rate = (value - slot.a) / (now_ms - slot.since_ms)
        slot.a, slot.since_ms = value, now_ms
        if not outside:
            begins = rate >= param.high or rate <= param.low
            ends = not (rate >= param.high_end or rate <= param.low_end)
    if begins or (ends and slot.phase != NORMAL):
        condition(core, gateway, out, index, begins, ends, now_ms, value)


@inlined
def _anomaly(core: Core, gateway: Record, out: Records, index: int, now_ms: int, value: float) -> None:
    slot = core.slots[index]
    if slot.since_ms == now_ms:
        return
    slot.since_ms = now_ms
    param = core.params[np.uint32(slot.param)]
    outside = param.calendar >= 0 and not is_open(core, param.calendar, now_ms)
    delta = value - slot.a
    squared = delta * delta
    least = max(slot.b, param.floor)
    begins = not outside and slot.link >= param.warm_up and squared > param.high * least
    if begins or slot.phase != NORMAL:
        ends = outside or squared <= param.high_end * least
        condition(core, gateway, out, index, begins, ends, now_ms, value)
    elif not outside:
        if slot.link == 0:
            slot.a = value
        else:
            slot.a += param.alpha * delta
            slot.b = (1.0 - param.alpha) * (slot.b + param.alpha * delta * delta)
        slot.link += 1


@inlined
def _stuck(core: Core, gateway: Record, out: Records, index: int, now_ms: int, value: float) -> None:
    slot = core.slots[index]
    param = core.params[np.uint32(slot.param)]
    within = param.high_end if slot.phase == ACTIVE else param.high
    rests = slot.phase != NORMAL and abs(value - slot.a) <= within
    if rests and (param.calendar < 0 or is_open(core, param.calendar, now_ms)):
        return
    slot.a, slot.since_ms = value, now_ms
    if slot.phase == NORMAL:
        slot.phase = PENDING
        run_timer(core, gateway, index, now_ms + param.on_delay_ms)
    elif slot.phase == ACTIVE:
        leave(core, gateway, out, index, now_ms)


@kernel
def leave(core: Core, gateway: Record, out: Records, index: int, now_ms: int) -> None:
    """The condition of a raised `stuck` or `silence` ends with a reading, with which the next one begins."""
    slot = core.slots[index]
    param = core.params[np.uint32(slot.param)]
    if param.off_delay_ms == 0:
        slot.phase = PENDING
        tell(core, gateway, out, index, now_ms, False)
        run_timer(core, gateway, index, now_ms + param.on_delay_ms)
    else:
        slot.phase = CLEARING
        run_timer(core, gateway, index, now_ms + param.off_delay_ms)


@inlined
def let_wait(core: Core, index: int, now_ms: int, value: float) -> None:
    """A reading of an operand: its device is to be judged at the end of the moment."""
    slot = core.slots[index]
    slot.a = value
    if slot.due_ms != core.tally[ROUND]:
        slot.due_ms = core.tally[ROUND]
        if core.tally[WAITING] == 0:
            core.tally[MOMENT_MS] = now_ms
            core.tally[STIRRED] = 1
        core.waiting[core.tally[WAITING]] = slot.link
        core.tally[WAITING] += 1


@kernel
def take_outside_band(core: Core, gateway: Record, out: Records, index: int, now_ms: int, value: float) -> None:
    """A reading outside of the quiet band."""
    slot = core.slots[index]
    if slot.kind == COMPARED:
        let_wait(core, index, now_ms, value)
        return
    param = core.params[np.uint32(slot.param)]
    if slot.kind == LIMIT:
        if param.calendar < 0 or is_open(core, param.calendar, now_ms):
            begins = value >= param.high or value <= param.low
            ends = value < param.high_end and value > param.low_end
            condition(core, gateway, out, index, begins, ends, now_ms, value)
        else:
            condition(core, gateway, out, index, False, True, now_ms, value)
        return
    slot.flag = 0
    if slot.phase == NORMAL:
        slot.phase = PENDING
        run_timer(core, gateway, index, now_ms + param.on_delay_ms)
    elif slot.phase == ACTIVE:
        leave(core, gateway, out, index, now_ms)
