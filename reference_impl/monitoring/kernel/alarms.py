"""From a condition to an alarm: the same for every kind of rule (SEMANTICS.md: C, L4, L5, N)."""

# ruff: noqa: PLR0917 - kernels take their columns one by one, by position, as numba calls them fastest

import numpy as np

from reference_impl.monitoring.kernel.core import Core, Record, Records, kernel
from reference_impl.monitoring.kernel.timers import start_timer, stop_timer
from reference_impl.monitoring.slots import (
    ACTIVE,
    CAUSE,
    CLEAR,
    CLEARING,
    COUNT,
    K_OF_N,
    LEAVING,
    LEVEL,
    NORMAL,
    PENDING,
    RAISE,
    STIRRED,
)


@kernel
def _worst(raised: int) -> int:
    level = 0
    while raised > 1:
        raised >>= 1
        level += 1
    return level


@kernel
def _tell_alone(core: Core, out: Records, index: int, at_ms: int, is_raised: bool) -> bool:
    """A slot of an alarm is raised, or is no longer: write what that does to the alarm. Was it raised or cleared?"""
    slot = core.slots[index]
    alarm = core.alarms[slot.alarm]
    former = alarm.level
    bit = 1 << slot.level
    alarm.raised = (alarm.raised | bit) if is_raised else (alarm.raised & ~bit)
    if former == 0:
        alarm.onset_ms = slot.onset_ms
        alarm.value = slot.onset_value
    level = _worst(alarm.raised)
    alarm.level = level
    if level != former:
        _write(core, out, index, at_ms, former, level)
    is_other: bool = (level == 0) != (former == 0)
    return is_other


@kernel
def tell(core: Core, gateway: Record, out: Records, index: int, at_ms: int, is_raised: bool) -> None:
    """A slot of an alarm is raised, or is no longer: write what that does to the alarm and to groups that count it."""
    if _tell_alone(core, out, index, at_ms, is_raised):
        place = core.alarms[core.slots[index].alarm].membership
        while place >= 0:
            membership = core.memberships[place]
            if is_raised or membership.raised == 1:
                membership.raised = 1 if is_raised else 0
                _count_member(core, gateway, out, membership.slot, at_ms, is_raised)
            place = membership.next


@kernel
def _write(core: Core, out: Records, index: int, at_ms: int, former: int, level: int) -> None:
    """One transition; those of one alarm, moment and cause are one (L5)."""
    number = core.slots[index].alarm
    cause = core.tally[CAUSE]
    place = core.tally[COUNT]
    before = place - 1
    while before >= 0 and core.slots[out[before].slot].kind == K_OF_N:  # what the alarm's first level did to its zone
        before -= 1
    if before >= 0 and out[before].alarm == number and out[before].slot != index:
        last = out[before]
        if last.at_ms == at_ms and last.cause == cause and last.level == former:
            place, former = before, last.former
    if place == core.tally[COUNT]:
        core.tally[COUNT] = place + 1
    alarm = core.alarms[number]
    core.tally[STIRRED] = 1
    record = out[place]
    record.at_ms = at_ms
    record.onset_ms = alarm.onset_ms
    record.alarm = number
    record.slot = index
    record.cause = cause
    record.former = former
    record.level = level
    record.kind, record.value = _kind_and_value(core, alarm, former, level)


@kernel
def _kind_and_value(core: Core, alarm: Record, former: int, level: int) -> tuple[int, float]:
    if former == 0:
        return RAISE, alarm.value
    if level == 0:
        return CLEAR, alarm.value
    place = alarm.first_slot
    while core.slots[place].level != level:
        place += 1
    return LEVEL, core.slots[place].onset_value


@kernel
def run_timer(core: Core, gateway: Record, index: int, due_ms: int) -> None:
    """Start the timer of a slot."""
    core.slots[index].due_ms = due_ms
    core.tally[STIRRED] = 1
    start_timer(core.heap, core.places, gateway, due_ms, core.ranks[index], index)


@kernel
def end_timer(core: Core, gateway: Record, index: int) -> None:
    """Stop the timer of a slot."""
    core.tally[STIRRED] = 1
    stop_timer(core.heap, core.places, gateway, index)


@kernel
def _move(core: Core, gateway: Record, index: int, begins: bool, ends: bool, now_ms: int, value: float) -> int:
    """The condition of a slot begins, or ends, or stays as it was; returns `RAISE`, `CLEAR`, or 0."""
    slot = core.slots[index]
    param = core.params[slot.param]
    if slot.phase == NORMAL:
        if begins:
            slot.onset_ms = now_ms
            slot.onset_value = value
            if param.on_delay_ms == 0:
                slot.phase = ACTIVE
                return RAISE
            slot.phase = PENDING
            run_timer(core, gateway, index, now_ms + param.on_delay_ms)
    elif slot.phase == CLEARING:
        if begins:
            end_timer(core, gateway, index)
            slot.phase = ACTIVE
    elif ends:
        if slot.phase == PENDING:
            end_timer(core, gateway, index)
            slot.phase = NORMAL
        elif param.off_delay_ms == 0:
            slot.phase = NORMAL
            return CLEAR
        else:
            slot.phase = CLEARING
            run_timer(core, gateway, index, now_ms + param.off_delay_ms)
    return 0


@kernel
def condition(
    core: Core, gateway: Record, out: Records, index: int, begins: bool, ends: bool, now_ms: int, value: float
) -> None:
    """The condition of a slot was judged."""
    moved = _move(core, gateway, index, begins, ends, now_ms, value)
    if moved != 0:
        tell(core, gateway, out, index, now_ms, moved == RAISE)


@kernel
def _count_member(core: Core, gateway: Record, out: Records, index: int, at_ms: int, is_raised: bool) -> None:
    """An alarm of a group's member was raised or cleared."""
    member = core.slots[index]
    group = core.groups[member.link]
    now_ms = max(at_ms, group.clock_ms)
    group.clock_ms = now_ms
    if is_raised:
        member.since_ms += 1
        if member.phase == NORMAL:
            group.count += 1
            _judge_group(core, gateway, out, group, now_ms)
        elif member.phase == CLEARING:
            end_timer(core, gateway, index)
        member.phase = ACTIVE
        return
    member.since_ms -= 1
    if member.since_ms == 0:
        core.tally[STIRRED] = 1
        core.leaving[core.tally[LEAVING]] = index
        core.tally[LEAVING] += 1


@kernel
def let_leave(core: Core, gateway: Record, out: Records, at_ms: int) -> None:
    """A reading or timer has done its work: members whose last alarm it cleared leave, unless it raised another."""
    for place in range(core.tally[LEAVING]):
        index = np.int64(core.leaving[place])
        member = core.slots[index]
        if member.since_ms > 0 or member.phase != ACTIVE:
            continue
        now_ms = max(at_ms, core.groups[member.link].clock_ms)
        window_ms = core.params[member.param].window_ms
        if window_ms > 0:
            member.phase = CLEARING
            run_timer(core, gateway, index, now_ms + window_ms)
        else:
            release_member(core, gateway, out, index, now_ms)
    core.tally[LEAVING] = 0


@kernel
def release_member(core: Core, gateway: Record, out: Records, index: int, now_ms: int) -> None:
    """A member counts no longer."""
    member = core.slots[index]
    member.phase = NORMAL
    group = core.groups[member.link]
    group.clock_ms = max(group.clock_ms, now_ms)
    group.count -= 1
    _judge_group(core, gateway, out, group, now_ms)


@kernel
def _judge_group(core: Core, gateway: Record, out: Records, group: Record, now_ms: int) -> None:
    index = group.slot
    param = core.params[core.slots[index].param]
    count = float(group.count)
    moved = _move(core, gateway, index, count >= param.high, count < param.high_end, now_ms, count)
    if moved != 0:
        _tell_alone(core, out, index, now_ms, moved == RAISE)
