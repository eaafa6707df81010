"""Quiet bands: in which open interval around the newest value a reading leaves a slot as it is.

A timer that fires must not narrow the interval unless it empties the band.
"""

import numpy as np

from reference_impl.monitoring.kernel.core import Core, Record, kernel
from reference_impl.monitoring.slots import ACTIVE, CLEARING, LIMIT, NORMAL, SILENCE

_NOWHERE = (np.inf, -np.inf)
_EVERYWHERE = (-np.inf, np.inf)


@kernel
def _limit_band(param: Record, phase: int, value: float) -> tuple[float, float]:
    """`value` is the newest, NaN when it is not known."""
    if phase in (NORMAL, CLEARING):
        return param.low, param.high
    if param.calendar < 0 and value >= param.high_end:
        return param.high_end, np.inf
    if param.calendar < 0 and value <= param.low_end:
        return -np.inf, param.low_end
    return _NOWHERE


@kernel
def _silence_band(slot: Record) -> tuple[float, float]:
    if slot.flag == 1 or slot.phase in (NORMAL, ACTIVE):
        return _NOWHERE
    return _EVERYWHERE


@kernel
def _compared_band(core: Core, slot: Record, value: float) -> tuple[float, float]:
    """Between the two neighbouring numbers that the operand is compared with."""
    if core.params[slot.param].calendar >= 0 and core.devices[slot.link].true == 1:
        return _NOWHERE  # the next reading may be the first inside the calendar, or outside of it
    operand = core.operands[slot.since_ms]
    low, high = -np.inf, np.inf
    for place in range(operand.first, operand.first + operand.count):
        cut = core.cuts[place]
        if cut < value:
            low = max(low, cut)
        elif cut > value:
            high = min(high, cut)
        else:  # or the value is not known
            return _NOWHERE
    return low, high


@kernel
def empty_band(core: Core, point: int) -> None:
    """Let the point's next reading go to all of its slots."""
    head, span = core.heads[point], core.spans[point]
    head.quiet_low, head.quiet_high = np.float32(np.inf), np.float32(-np.inf)
    span.quiet_low, span.quiet_high = np.float32(np.inf), np.float32(-np.inf)


@kernel
def set_band(core: Core, point: int, value: float) -> None:
    """Set a point's quiet band to where all of its slots are quiet."""
    span = core.spans[point]
    low, high = -np.inf, np.inf
    for index in range(span.first + span.every, span.first + span.all):
        slot = core.slots[index]
        if slot.kind == LIMIT:
            slot_low, slot_high = _limit_band(core.params[slot.param], slot.phase, value)
        elif slot.kind == SILENCE:
            slot_low, slot_high = _silence_band(slot)
        else:
            slot_low, slot_high = _compared_band(core, slot, value)
        low, high = max(low, slot_low), min(high, slot_high)
    quiet_low = np.float32(low)
    if quiet_low < low:
        quiet_low = np.nextafter(quiet_low, np.float32(np.inf))
    quiet_high = np.float32(high)
    if quiet_high > high:
        quiet_high = np.nextafter(quiet_high, np.float32(-np.inf))
    head = core.heads[point]
    if span.every == 0:
        head.quiet_low, head.quiet_high = quiet_low, quiet_high
    else:
        span.quiet_low, span.quiet_high = quiet_low, quiet_high
        head.quiet_low, head.quiet_high = np.float32(np.inf), np.float32(-np.inf)
