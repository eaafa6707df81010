"""Judging an expression (SEMANTICS.md: E)."""

from typing import Final

import numpy as np

from reference_impl.monitoring.kernel.alarms import condition
from reference_impl.monitoring.kernel.bands import empty_band
from reference_impl.monitoring.kernel.calendar import is_open
from reference_impl.monitoring.kernel.core import Core, Record, Records, inlined, kernel
from reference_impl.monitoring.kernel.prefetch import prefetch
from reference_impl.monitoring.slots import ACTIVE, MOMENT_MS, PENDING, ROUND, WAITING

# Operations of a program, which works on a stack. Those from ADD on take two numbers.
NUMBER: Final = 0
OPERAND: Final = 1
NEGATE: Final = 2
ABSOLUTE: Final = 3
ADD: Final = 4
SUBTRACT: Final = 5
MULTIPLY: Final = 6
DIVIDE: Final = 7
MINIMUM: Final = 8
MAXIMUM: Final = 9
AND: Final = 10
OR: Final = 11
LESS: Final = 12  # comparisons from here on
LESS_EQUAL: Final = 13
GREATER: Final = 14
GREATER_EQUAL: Final = 15
EQUAL: Final = 16
NOT_EQUAL: Final = 17

STACK_MAX: Final = 128
_AHEAD: Final = 8  # devices


@kernel
def judge_waiting(core: Core, gateway: Record, out: Records) -> None:
    """The moment of the devices that wait is over."""
    waiting, this_round = core.tally[WAITING], core.tally[ROUND]
    for place in range(waiting):
        if place + _AHEAD < waiting:
            ahead = core.devices[np.uint32(core.waiting[place + _AHEAD])]
            prefetch(core.slots, np.intp(ahead.slot))
            operand = core.operands[np.uint32(ahead.first)]
            prefetch(core.heads, np.intp(operand.point))
            prefetch(core.slots, np.intp(operand.slot))
        device = core.devices[np.uint32(core.waiting[place])]
        if device.round != this_round:
            device.round = this_round
            _judge(core, gateway, out, device)
    core.tally[WAITING] = 0
    core.tally[ROUND] = this_round + 1


@inlined
def _judge(core: Core, gateway: Record, out: Records, device: Record) -> None:
    now_ms = max(core.tally[MOMENT_MS], device.clock_ms)
    for place in range(device.first, device.first + device.count):
        operand = core.operands[place]
        if np.isnan(core.slots[operand.slot].a):
            return
        now_ms = max(now_ms, core.heads[operand.point].seen_ms)
    device.clock_ms = now_ms
    slot = core.slots[device.slot]
    param = core.params[slot.param]
    outside = param.calendar >= 0 and not is_open(core, param.calendar, now_ms)
    holds = slot.phase in (PENDING, ACTIVE)
    is_true = _evaluate(core, param, device.first, param.high_end if holds else 0.0)
    if param.calendar >= 0 and is_true != (device.true == 1):
        device.true = 1 if is_true else 0
        for place in range(device.first, device.first + device.count):
            empty_band(core, core.operands[place].point)
    begins = is_true and not outside
    if begins != holds:
        condition(core, gateway, out, np.int64(device.slot), begins, not begins, now_ms, 1.0)


@inlined
def _evaluate(core: Core, param: Record, first: int, deadband: float) -> bool:
    """Run an expression's program, its comparisons widened by `deadband`."""
    stack = core.stack
    top = -1
    for place in range(param.code, param.code + param.codes):
        code = core.codes[place]
        if code.op == NUMBER:
            top += 1
            stack[top] = code.number
        elif code.op == OPERAND:
            top += 1
            stack[top] = core.slots[core.operands[first + code.operand].slot].a
        elif code.op == NEGATE:
            stack[top] = -stack[top]
        elif code.op == ABSOLUTE:
            stack[top] = abs(stack[top])
        else:
            top -= 1
            if code.op >= LESS:
                stack[top] = 1.0 if _compares(code.op, stack[top], stack[top + 1], deadband) else 0.0
            else:
                stack[top] = _combine(code.op, stack[top], stack[top + 1])
    is_true: bool = stack[0] != 0.0
    return is_true


@inlined
def _combine(op: int, a: float, b: float) -> float:
    """A number that is not finite becomes NaN, and whatever is made of NaN is NaN (E4)."""
    result = a + b
    if op == SUBTRACT:
        result = a - b
    elif op in (MULTIPLY, AND):
        result = a * b
    elif op == DIVIDE:
        result = a / b if b != 0.0 else np.nan
    elif op == MINIMUM and not np.isnan(result):
        result = min(a, b)
    elif op == MAXIMUM and not np.isnan(result):
        result = max(a, b)
    return result if np.isfinite(result) else np.nan


@inlined
def _compares(op: int, a: float, b: float, deadband: float) -> bool:
    if not (np.isfinite(a) and np.isfinite(b)):
        return False
    result = a != b
    if op == LESS:
        result = a < b + deadband
    elif op == LESS_EQUAL:
        result = a <= b + deadband
    elif op == GREATER:
        result = a > b - deadband
    elif op == GREATER_EQUAL:
        result = a >= b - deadband
    elif op == EQUAL:
        result = abs(a - b) <= deadband
    return result
