"""Rules laid out over the points of a park: the arrays that the kernels work on, as before the first reading."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.messages import Point
from contract.rules import Rule
from reference_impl.monitoring import slots as s
from reference_impl.monitoring.calendars import Calendars
from reference_impl.monitoring.kernel.book import book_of
from reference_impl.monitoring.kernel.core import Core
from reference_impl.monitoring.kernel.expression import STACK_MAX
from reference_impl.monitoring.parameters import KIND_OF, Parameters, numbers_compared, parameters
from reference_impl.monitoring.subjects import Device, Group, Subjects

_Records = NDArray[np.void]
_Ints = NDArray[np.int64]
_BEFORE_ANY_ROUND = -1
ROOM: Final = 4_096
"""Transitions that a call of the kernel writes, at least, before it stops to have them taken away."""


class Plan(NamedTuple):
    """A monitor's arrays and what they are about.

    Attributes:
        rules: the rules, in the order of their index.
        subjects: what alarms are about.
        core: the arrays.
        book: the arrays as the kernels take them.
        gateway_of_slot: (slots,) int32, index of the gateway of each slot.
    """

    rules: tuple[Rule, ...]
    subjects: Subjects
    core: Core
    book: NDArray[np.int64]
    gateway_of_slot: NDArray[np.int32]


class _Slots(NamedTuple):
    """Slots in their order. (n,) each; `operand_of` and `member_of` say which one serves whom."""

    records: _Records
    owner: _Ints  # the point that a reading must be of to go there; the number of points for those that none goes to
    gateway: _Ints
    rank: _Ints  # in which order timers fire that are due at once
    first_of_alarm: _Ints
    operand_of: _Ints  # one for each operand of each device, in their order
    member_of: _Ints  # one for each member of each group, in their order


def lay_out(points: Sequence[Point], gateway_of: NDArray[np.int32], gateways: int, rules: Sequence[Rule]) -> Plan:
    """Give each rule an alarm on each subject that it applies to.

    Args:
        points: the points, in the order of their index.
        gateway_of: (points,) index of the gateway of each.
        gateways: number of gateways.
        rules: checked rules.
    """
    subjects = Subjects(points, gateway_of, rules)
    calendars = Calendars(rules)
    numbers = parameters(rules, calendars)
    alarms = _alarms(subjects, rules)
    slots = _slots(subjects, rules, numbers, alarms, gateway_of)
    alarms["first_slot"] = slots.first_of_alarm
    spans = _spans(slots, len(points))
    groups, memberships = _groups(subjects.groups, alarms, slots)
    operands, cuts = _operands(subjects.devices, rules, slots)
    core = Core(
        heads=np.zeros(len(points), dtype=s.HEAD),
        spans=spans,
        slots=slots.records,
        params=numbers.records,
        alarms=alarms,
        gateway_of=np.ascontiguousarray(gateway_of, dtype=np.int32),
        gateways=_gateways(gateway_of, gateways, slots.gateway),
        heap=np.zeros(len(slots.records), dtype=s.TIMER),
        ranks=slots.rank.astype(np.int32),
        places=np.zeros(len(slots.records), dtype=np.int32),
        groups=groups,
        memberships=memberships,
        devices=_devices(subjects.devices, alarms, slots),
        operands=operands,
        cuts=cuts,
        codes=numbers.codes,
        open=calendars.open.reshape(-1),
        offset_ms=calendars.offset_ms,
        closed_days=calendars.closed_days,
        closed_first=calendars.closed_first,
        waiting=np.zeros(len(slots.operand_of), dtype=np.int32),
        leaving=np.zeros(len(slots.member_of), dtype=np.int32),
        stack=np.zeros(STACK_MAX),
        out=np.zeros(ROOM + _step_max(spans, subjects), dtype=s.TRANSITION),
        tally=np.zeros(s.TALLIES, dtype=np.int64),
    )
    core.heads["seen_ms"] = s.NEVER_MS
    return Plan(tuple(rules), subjects, core, book_of(core), slots.gateway.astype(np.int32))


def _alarms(subjects: Subjects, rules: Sequence[Rule]) -> _Records:
    """One for each rule on each of its subjects, in order of (subject, rule)."""
    of_rule: list[list[int] | NDArray[np.int32]] = [
        [] if KIND_OF[type(rule)] in {s.K_OF_N, s.EXPRESSION} else match
        for rule, match in zip(rules, subjects.matches, strict=True)
    ]
    subject = [np.asarray(match, dtype=np.int32) for match in of_rule]
    rule = [np.full(len(match), place, dtype=np.int32) for place, match in enumerate(of_rule)]
    others: list[Device | Group] = [*subjects.devices, *subjects.groups]
    subject.append(np.array([it.subject for it in others], dtype=np.int32))
    rule.append(np.array([it.rule for it in others], dtype=np.int32))
    all_subjects, all_rules = np.concatenate(subject), np.concatenate(rule)
    order = np.lexsort((all_rules, all_subjects))
    alarms = np.zeros(len(order), dtype=s.ALARM)
    alarms["subject"], alarms["rule"], alarms["membership"] = all_subjects[order], all_rules[order], -1
    return alarms


def _slots(
    subjects: Subjects, rules: Sequence[Rule], numbers: Parameters, alarms: _Records, gateway_of: NDArray[np.int32]
) -> _Slots:
    points = len(subjects.points)
    levels = np.diff(numbers.first)[alarms["rule"]] if len(alarms) else np.empty(0, dtype=np.int32)
    operand_points = np.array([point for it in subjects.devices for point in it.operands], dtype=np.int64)
    members = [(place, it, member) for place, it in enumerate(subjects.groups) for member in it.members]
    of_alarm, operands = int(levels.sum()), len(operand_points)
    records = np.zeros(of_alarm + operands + len(members), dtype=s.SLOT)
    in_alarm, is_operand, is_member = np.split(np.arange(len(records)), [of_alarm, of_alarm + operands])

    records["since_ms"] = s.NEVER_MS
    records["alarm"] = -1
    first = np.cumsum(levels) - levels
    alarm = np.repeat(np.arange(len(alarms)), levels)
    param = numbers.first[alarms["rule"][alarm]] + (in_alarm - first[alarm])
    kind_of_rule = np.array([KIND_OF[type(rule)] for rule in rules], dtype=np.int8)
    records["alarm"][in_alarm], records["param"][in_alarm] = alarm, param
    records["level"][in_alarm] = numbers.level[param]
    records["kind"][in_alarm] = kind_of_rule[alarms["rule"][alarm]]

    sort = [s.TERM if numbers_compared(rule) is None else s.COMPARED for rule in rules]
    records["kind"][is_operand] = [sort[it.rule] for it in subjects.devices for _ in it.operands]
    records["param"][is_operand] = [numbers.first[it.rule] for it in subjects.devices for _ in it.operands]
    records["since_ms"][is_operand] = np.arange(operands)
    records["a"][is_operand], records["due_ms"][is_operand] = np.nan, _BEFORE_ANY_ROUND
    records["link"][is_operand] = np.repeat(
        np.arange(len(subjects.devices)), [len(d.operands) for d in subjects.devices]
    )

    records["kind"][is_member], records["since_ms"][is_member] = s.MEMBER, 0
    records["link"][is_member] = [place for place, _, _ in members]
    records["param"][is_member] = [numbers.first[it.rule] for _, it, _ in members]

    owner = np.full(len(records), points, dtype=np.int64)
    owner[in_alarm] = np.minimum(alarms["subject"][alarm], points)
    owner[is_operand] = operand_points
    gateway = _gateway_of_slots(subjects, alarms, alarm, gateway_of)
    gateway = np.concatenate([gateway, gateway_of[operand_points], [it.gateway for _, it, _ in members]]).astype(
        np.int64
    )

    order = np.lexsort((np.arange(len(records)), records["kind"] > s.TERM, owner))
    place_of = np.empty(len(order), dtype=np.int64)
    place_of[order] = np.arange(len(order))
    return _Slots(
        records=records[order],
        owner=owner[order],
        gateway=gateway[order],
        rank=_ranks(records, owner == points)[order],
        first_of_alarm=place_of[first],
        operand_of=place_of[is_operand],
        member_of=place_of[is_member],
    )


def _gateway_of_slots(subjects: Subjects, alarms: _Records, alarm: _Ints, gateway_of: NDArray[np.int32]) -> _Ints:
    """The gateway of each slot of an alarm."""
    of_subject = np.full(len(subjects), -1, dtype=np.int64)
    of_subject[: len(gateway_of)] = gateway_of
    others: list[Device | Group] = [*subjects.devices, *subjects.groups]
    for it in others:
        of_subject[it.subject] = it.gateway
    found: _Ints = of_subject[alarms["subject"][alarm]]
    return found


def _ranks(records: _Records, is_apart: NDArray[np.bool_]) -> _Ints:
    """What is decided first of what is due at one moment: devices and zones, then their members, then points."""
    turn = np.where(is_apart, np.where(records["kind"] == s.MEMBER, 1, 0), 2)
    ranks = np.empty(len(records), dtype=np.int64)
    ranks[np.argsort(turn, kind="stable")] = np.arange(len(records))
    return ranks


def _spans(slots: _Slots, points: int) -> _Records:
    bounds = np.searchsorted(slots.owner, np.arange(points + 1))
    takes_every = np.concatenate([[0], np.cumsum(slots.records["kind"] <= s.TERM)])
    spans = np.zeros(points, dtype=s.SPAN)
    spans["first"], spans["all"] = bounds[:-1], np.diff(bounds)
    spans["every"] = takes_every[bounds[1:]] - takes_every[bounds[:-1]]
    return spans


def _gateways(gateway_of: NDArray[np.int32], gateways: int, gateway_of_slot: _Ints) -> _Records:
    records = np.zeros(gateways, dtype=s.GATEWAY)
    records["watermark_ms"] = s.NEVER_MS
    timers = np.bincount(gateway_of_slot, minlength=gateways)
    records["heap_start"] = np.cumsum(timers) - timers
    points = np.bincount(gateway_of, minlength=gateways)
    ends = np.full(gateways, 0)
    np.maximum.at(ends, gateway_of, np.arange(1, len(gateway_of) + 1))
    firsts = np.full(gateways, len(gateway_of))
    np.minimum.at(firsts, gateway_of, np.arange(len(gateway_of)))
    records["first_point"], records["end_point"] = firsts, ends
    records["alone"] = ends - firsts == points
    return records


def _operands(devices: Sequence[Device], rules: Sequence[Rule], slots: _Slots) -> tuple[_Records, NDArray[np.float64]]:
    """The operands of all devices, and the numbers that they are compared with."""
    records = np.zeros(len(slots.operand_of), dtype=s.OPERAND)
    records["slot"] = slots.operand_of
    records["point"] = [point for device in devices for point in device.operands]
    of_rule = [numbers_compared(rule) for rule in rules]
    compared = [numbers for it in devices for numbers in of_rule[it.rule] or [()] * len(it.operands)]
    records["count"] = [len(numbers) for numbers in compared]
    records["first"] = np.cumsum(records["count"]) - records["count"]
    return records, np.array([number for numbers in compared for number in numbers])


def _alarm_index(alarms: _Records) -> dict[tuple[int, int], int]:
    """Place of each alarm by (subject, rule)."""
    pairs = zip(alarms["subject"].tolist(), alarms["rule"].tolist(), strict=True)
    return {pair: place for place, pair in enumerate(pairs)}


def _groups(groups: Sequence[Group], alarms: _Records, slots: _Slots) -> tuple[_Records, _Records]:
    """The groups, and for each alarm that counts the chain of the members that it makes count."""
    records = np.zeros(len(groups), dtype=s.GROUP)
    records["clock_ms"] = s.NEVER_MS
    chains: list[tuple[int, int, int]] = []
    place_of = _alarm_index(alarms) if groups else {}
    members = iter(slots.member_of.tolist())
    for number, group in enumerate(groups):
        slot = alarms["first_slot"][place_of[group.subject, group.rule]]
        records["slot"][number] = slot
        slots.records["link"][slot] = number
        for member in group.members:
            member_slot = next(members)
            for rule in member.rules:
                alarm = alarms[place_of[member.point, rule]]
                chains.append((member_slot, int(alarm["membership"]), 0))
                alarm["membership"] = len(chains) - 1
    return records, np.array(chains, dtype=s.MEMBERSHIP)


def _step_max(spans: _Records, subjects: Subjects) -> int:
    """Transitions that one reading, one timer or the end of one moment can bring at most."""
    zones = len({group.rule for group in subjects.groups})
    return int(spans["all"].max(initial=1)) * 2 * (1 + zones) + len(subjects.devices) + 8


def _devices(devices: Sequence[Device], alarms: _Records, slots: _Slots) -> _Records:
    records = np.zeros(len(devices), dtype=s.DEVICE)
    records["clock_ms"] = s.NEVER_MS
    records["round"] = _BEFORE_ANY_ROUND
    records["count"] = [len(device.operands) for device in devices]
    records["first"] = np.cumsum(records["count"]) - records["count"]
    place_of = _alarm_index(alarms) if devices else {}
    for number, device in enumerate(devices):
        records["slot"][number] = alarms["first_slot"][place_of[device.subject, device.rule]]
    slots.records["link"][records["slot"]] = np.arange(len(devices))
    return records
