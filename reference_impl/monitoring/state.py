"""The state of a monitor apart from its rules' layout: to keep it, give it back, and carry it over to other rules."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.rules import KOfNRule, Rule
from reference_impl.monitoring import slots as s
from reference_impl.monitoring.kernel.core import Core
from reference_impl.monitoring.plan import Plan
from reference_impl.monitoring.subjects import Subjects

SNAPSHOT_FORMAT = 3
_OF_SLOT = ("a", "b", "since_ms", "due_ms", "onset_ms", "onset_value", "link", "phase", "flag")
_OF_ALARM = ("onset_ms", "value", "raised", "level")
_Records = NDArray[np.void]


def _picked(dtype: np.dtype[Any], fields: Sequence[str]) -> np.dtype[Any]:
    return np.dtype([("place", np.int32), *((field, dtype[field]) for field in fields)])


_SLOT_STATE, _ALARM_STATE = _picked(s.SLOT, _OF_SLOT), _picked(s.ALARM, _OF_ALARM)


class State(msgspec.Struct, array_like=True, frozen=True):
    """Bytes of arrays: clocks of all points, gateways, groups and devices; slots and alarms that are not as new.

    Attributes:
        plan: digest of points and rules.
    """

    format: int
    plan: bytes
    seen_ms: bytes
    watermarks_ms: bytes
    slots: bytes
    alarms: bytes
    groups: bytes
    memberships: bytes
    device_clocks_ms: bytes
    operands: bytes


def digest(points: int, gateways: int, rules: Sequence[Rule]) -> bytes:
    """What a state belongs to."""
    return hashlib.blake2b(msgspec.json.encode((points, gateways, rules)), digest_size=16).digest()


def _busy_slots(slots: _Records) -> NDArray[np.intp]:
    """Those that are not as new."""
    learns = (slots["kind"] == s.RATE) | (slots["kind"] == s.ANOMALY)
    return np.flatnonzero((slots["phase"] != s.NORMAL) | (learns & (slots["since_ms"] != s.NEVER_MS)))


def _take(records: _Records, places: NDArray[np.intp], dtype: np.dtype[Any]) -> _Records:
    taken = np.empty(len(places), dtype=dtype)
    taken["place"] = places
    for field in dtype.names[1:]:  # type: ignore[index]  # it has fields
        taken[field] = records[field][places]
    return taken


def _put(records: _Records, taken: _Records) -> None:
    for field in taken.dtype.names[1:]:  # type: ignore[index]  # it has fields
        records[field][taken["place"]] = taken[field]


def keep(core: Core, plan: bytes) -> State:
    """The state as it is now."""
    return State(
        format=SNAPSHOT_FORMAT,
        plan=plan,
        seen_ms=core.heads["seen_ms"].tobytes(),
        watermarks_ms=core.gateways["watermark_ms"].tobytes(),
        slots=_take(core.slots, _busy_slots(core.slots), _SLOT_STATE).tobytes(),
        alarms=_take(core.alarms, np.flatnonzero(core.alarms["level"]), _ALARM_STATE).tobytes(),
        groups=core.groups.tobytes(),
        memberships=core.memberships.tobytes(),
        device_clocks_ms=core.devices["clock_ms"].tobytes(),
        operands=core.slots["a"][core.operands["slot"]].tobytes(),
    )


def give_back(core: Core, state: State) -> None:
    """Lay a state onto arrays as new, which belong to the same points and rules."""
    core.heads["seen_ms"] = np.frombuffer(state.seen_ms, dtype=np.int64)
    core.gateways["watermark_ms"] = np.frombuffer(state.watermarks_ms, dtype=np.int64)
    _put(core.slots, np.frombuffer(state.slots, dtype=_SLOT_STATE))
    _put(core.alarms, np.frombuffer(state.alarms, dtype=_ALARM_STATE))
    core.groups[:] = np.frombuffer(state.groups, dtype=s.GROUP)
    core.memberships[:] = np.frombuffer(state.memberships, dtype=s.MEMBERSHIP)
    core.devices["clock_ms"] = np.frombuffer(state.device_clocks_ms, dtype=np.int64)
    core.slots["a"][core.operands["slot"]] = np.frombuffer(state.operands)


def carry_over(old: Plan, new: Plan) -> None:
    """Give new rules over the same points the state of those old ones that are the same in every field (G1)."""
    new.core.heads["seen_ms"] = old.core.heads["seen_ms"]
    new.core.gateways["watermark_ms"] = old.core.gateways["watermark_ms"]
    place_of = {key: place for place, key in enumerate(_keys(new.rules))}
    for former, key in enumerate(_keys(old.rules)):
        if key in place_of:
            _carry_rule(old, former, new, place_of[key])


def _keys(rules: Sequence[Rule]) -> list[bytes]:
    """All that decides what a rule does; a `k_of_n` takes in the rules that it names."""
    by_id = {rule.id: rule for rule in rules}
    return [
        msgspec.json.encode((rule, [by_id.get(name) for name in rule.of]) if isinstance(rule, KOfNRule) else rule)
        for rule in rules
    ]


def _carry_rule(old: Plan, former: int, new: Plan, now: int) -> None:
    """The alarms of a rule are the same in both plans, up to the numbers of devices and zones."""
    one, other = _alarms_of(old, former), _alarms_of(new, now)
    for field in _OF_ALARM:
        new.core.alarms[field][other] = old.core.alarms[field][one]
    levels = int(np.count_nonzero(old.core.slots["alarm"] == one[0])) if len(one) else 0
    for level in range(levels):
        _carry_slots(
            old.core, old.core.alarms["first_slot"][one] + level, new.core, new.core.alarms["first_slot"][other] + level
        )
    _carry_devices(old, former, new, now)
    _carry_groups(old, former, new, now)


def _alarms_of(plan: Plan, rule: int) -> NDArray[np.intp]:
    """Places of a rule's alarms, in order of their subjects' names where these are devices or zones."""
    places = np.flatnonzero(plan.core.alarms["rule"] == rule)
    subjects = plan.core.alarms["subject"][places]
    if len(places) and subjects[0] >= len(plan.subjects.points):
        names = [_name(plan.subjects, subject) for subject in subjects.tolist()]
        places = places[sorted(range(len(names)), key=names.__getitem__)]
    return places


def _name(subjects: Subjects, subject: int) -> tuple[str, str]:
    return subjects[subject].name, subjects[subject].gateway


def _carry_slots(old: Core, former: NDArray[np.intp], new: Core, now: NDArray[np.intp]) -> None:
    for field in _OF_SLOT:
        if field != "link" or (len(now) and new.slots["kind"][now[0]] == s.ANOMALY):
            new.slots[field][now] = old.slots[field][former]


def _carry_devices(old: Plan, former: int, new: Plan, now: int) -> None:
    places = {_name(old.subjects, d.subject): place for place, d in enumerate(old.subjects.devices) if d.rule == former}
    for number, device in enumerate(new.subjects.devices):
        if device.rule == now:
            one, other = old.core.devices[places[_name(new.subjects, device.subject)]], new.core.devices[number]
            other["clock_ms"] = one["clock_ms"]
            values = old.core.slots["a"][_operands(old.core, one)]
            new.core.slots["a"][_operands(new.core, other)] = values


def _operands(core: Core, device: Any) -> NDArray[np.int32]:  # noqa: ANN401 - a record
    found: NDArray[np.int32] = core.operands["slot"][device["first"] : device["first"] + device["count"]]
    return found


def _carry_groups(old: Plan, former: int, new: Plan, now: int) -> None:
    places = {_name(old.subjects, g.subject): place for place, g in enumerate(old.subjects.groups) if g.rule == former}
    for number, group in enumerate(new.subjects.groups):
        if group.rule == now:
            place = places[_name(new.subjects, group.subject)]
            for field in ("clock_ms", "count"):
                new.core.groups[field][number] = old.core.groups[field][place]
            _carry_slots(old.core, _members_of(old.core, place), new.core, _members_of(new.core, number))
            raised = dict(zip(_memberships(old, place), _raised_of(old.core, place), strict=True))
            new.core.memberships["raised"][_memberships_of(new.core, number)] = [
                raised[key] for key in _memberships(new, number)
            ]


def _members_of(core: Core, group: int) -> NDArray[np.intp]:
    return np.flatnonzero((core.slots["kind"] == s.MEMBER) & (core.slots["link"] == group))


def _memberships(plan: Plan, group: int) -> list[tuple[int, str]]:
    """Point and rule of each membership of a group, in order."""
    return [(it.point, plan.rules[rule].id) for it in plan.subjects.groups[group].members for rule in it.rules]


def _raised_of(core: Core, group: int) -> list[int]:
    found: list[int] = core.memberships["raised"][_memberships_of(core, group)].tolist()
    return found


def _memberships_of(core: Core, group: int) -> NDArray[np.intp]:
    return np.flatnonzero(core.slots["link"][core.memberships["slot"]] == group)
