"""The monitoring core of one park: packs in, transitions of alarms out. Time comes with the readings."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.columns import Columns
from contract.errors import PeerError
from contract.messages import LimitRule
from reference_impl.monitoring import kernel
from reference_impl.monitoring import slots as s
from reference_impl.monitoring.rules import Plan, lay_out

SNAPSHOT_FORMAT = 1


class AlarmTransition(NamedTuple):
    """What happened to the alarm of one rule on one point.

    Attributes:
        kind: `slots.RAISE` or `slots.CLEAR`.
        at_ms: event time of the transition.
        point: index of the point.
        rule: the rule.
        onset_ms: event time of the first reading of the run.
        value: value of that reading.
    """

    kind: int
    at_ms: int
    point: int
    rule: LimitRule
    onset_ms: int
    value: float


class Applied(NamedTuple):
    """What a pack did: its transitions in order of (time, slot), and how many of its readings came too late."""

    transitions: Sequence[AlarmTransition]
    late: int


class _Snapshot(msgspec.Struct, array_like=True, frozen=True):
    """State as bytes of arrays: clocks of all points and gateways, and the slots that are not in `NORMAL`."""

    format: int
    points: int
    gateways: int
    rules: bytes
    clocks_ms: bytes
    watermarks_ms: bytes
    busy: bytes
    busy_slots: bytes
    busy_values: bytes


class Monitor:
    """Alarm state of all points of one park.

    Args:
        names: point names in the order of their index.
        gateway_of: (points,) int32, index of the gateway of each point.
        gateways: number of gateways.
        rules: checked rules (`rules.check_rules`).

    Attributes:
        late_readings: readings that came too late since the start.
    """

    def __init__(
        self, names: Sequence[str], gateway_of: NDArray[np.int32], gateways: int, rules: Sequence[LimitRule]
    ) -> None:
        self._names = names
        self._gateway_of = np.array(gateway_of, dtype=np.int32)
        self.plan: Plan = lay_out(rules, names)
        count = len(self.plan.slots)
        slot_gateway = self._gateway_of[self.plan.point_of]
        self._onset_value = np.zeros(count, dtype=np.float64)
        self._heap = np.zeros(count, dtype=np.int32)
        self._heap_at = np.full(count, -1, dtype=np.int32)
        per_gateway = np.bincount(slot_gateway, minlength=gateways)
        self._heap_start = np.concatenate([[0], np.cumsum(per_gateway)]).astype(np.int32)
        self._heap_size = np.zeros(gateways, dtype=np.int32)
        self._watermark_ms = np.full(gateways, s.NEVER_MS, dtype=np.int64)
        self._rules_digest = hashlib.blake2b(msgspec.json.encode(self.plan.rules), digest_size=16).digest()
        self._slots_a_point_max = int(np.diff(self.plan.first_slot).max(initial=1))
        self._out = np.zeros(1024, dtype=s.TRANSITION)
        self.late_readings = 0

    def check(self, gateway: int, columns: Columns, latest_ms: int) -> Columns:
        """The same readings in order of time, fit for `apply`.

        Raises:
            PeerError: 422 no readings, unknown point, point of another gateway, non-finite value, time after
                `latest_ms`.
        """
        if len(columns) == 0:
            raise PeerError("no readings", found="an empty pack", wanted="at least one reading")
        columns = _behaved(columns)
        found, place = kernel.check(self._gateway_of, gateway, latest_ms, *columns)
        if found == kernel.IN_ORDER:
            return columns
        if found == kernel.OUT_OF_ORDER:
            order = np.argsort(columns.time_ms, kind="stable")
            return Columns(columns.point[order], columns.time_ms[order], columns.value[order])
        raise _refusal(found, place, columns, len(self._gateway_of), latest_ms)

    def apply(self, gateway: int, columns: Columns) -> Applied:
        """Apply readings that `check` returned."""
        room = len(columns) * self._slots_a_point_max + int(self._heap_size[gateway])
        if room > len(self._out):
            self._out = np.zeros(2 * room, dtype=s.TRANSITION)
        plan = self.plan
        count, late = kernel.apply(
            plan.slots,
            self._onset_value,
            plan.first_slot,
            plan.point_of,
            plan.on_delay_ms,
            plan.off_delay_ms,
            self._heap,
            self._heap_at,
            self._heap_start,
            self._heap_size,
            self._watermark_ms,
            gateway,
            *columns,
            self._out,
        )
        self.late_readings += late
        return Applied(self._transitions(count) if count else (), late)

    def _transitions(self, count: int) -> list[AlarmTransition]:
        out = self._out[:count]
        if count > 1:
            # The kernel writes in order of time; equal times are ordered by slot, so that the order of readings of the
            # same time within a pack does not show. Stable: a slot's own transitions keep their order.
            out = out[np.lexsort((out["slot"], out["at_ms"]))]
        rules, rule_of, point_of = self.plan.rules, self.plan.slots["rule"], self.plan.point_of
        return [
            AlarmTransition(kind, at_ms, int(point_of[slot]), rules[rule_of[slot]], onset_ms, value)
            for at_ms, onset_ms, value, slot, kind in out.tolist()
        ]

    def standing(self) -> list[AlarmTransition]:
        """The alarms that are raised and not cleared, as the transitions that would clear them now, in order of slot.

        `at_ms` is the watermark of the point's gateway.
        """
        plan = self.plan
        found = np.flatnonzero((plan.slots["phase"] == s.ACTIVE) | (plan.slots["phase"] == s.CLEARING))
        return [
            AlarmTransition(
                s.CLEAR,
                int(self._watermark_ms[self._gateway_of[plan.point_of[slot]]]),
                int(plan.point_of[slot]),
                plan.rules[plan.slots["rule"][slot]],
                int(plan.slots["onset_ms"][slot]),
                float(self._onset_value[slot]),
            )
            for slot in found
        ]

    def with_rules(self, rules: Sequence[LimitRule]) -> Self:
        """A monitor of the same points under new rules. Rules that did not change keep their state on every point."""
        cls = type(self)
        new = cls(self._names, self._gateway_of, len(self._heap_size), rules)
        new._watermark_ms[:] = self._watermark_ms
        new.late_readings = self.late_readings
        old = self.plan
        new.plan.slots["seen_ms"][new.plan.first_slot[:-1]] = old.slots["seen_ms"][old.first_slot[:-1]]
        now_at = {rule: place for place, rule in enumerate(new.plan.rules)}
        place_of = np.array([now_at.get(rule, -1) for rule in old.rules] + [-1], dtype=np.int64)
        busy = np.flatnonzero(old.slots["phase"] != s.NORMAL)
        busy = busy[place_of[old.slots["rule"][busy]] >= 0]
        width = len(rules) + 1
        old_key = old.point_of[busy].astype(np.int64) * width + place_of[old.slots["rule"][busy]]
        new_key = new.plan.point_of.astype(np.int64) * width + new.plan.slots["rule"]
        new._resume(np.searchsorted(new_key, old_key), old.slots[busy], self._onset_value[busy])
        return new

    def _resume(self, places: NDArray[np.intp], busy: NDArray[np.void], values: NDArray[np.float64]) -> None:
        """Put slots that are not in `NORMAL` back, and their timers."""
        slots = self.plan.slots
        for field in ("phase", "onset_ms", "due_ms"):
            slots[field][places] = busy[field]
        self._onset_value[places] = values
        for slot in places[(busy["phase"] == s.PENDING) | (busy["phase"] == s.CLEARING)]:
            gateway = self._gateway_of[self.plan.point_of[slot]]
            self._heap_size[gateway] = kernel.start_timer(
                slots,
                self._heap,
                self._heap_at,
                int(self._heap_start[gateway]),
                int(self._heap_size[gateway]),
                int(slot),
            )

    def snapshot(self) -> bytes:
        """The whole state, about 8 bytes a point; `resume` gives it back to a monitor of the same points and rules."""
        slots = self.plan.slots
        busy = np.flatnonzero(slots["phase"] != s.NORMAL)
        return msgspec.msgpack.encode(
            _Snapshot(
                format=SNAPSHOT_FORMAT,
                points=len(self._gateway_of),
                gateways=len(self._heap_size),
                rules=self._rules_digest,
                clocks_ms=slots["seen_ms"][self.plan.first_slot[:-1]].tobytes(),
                watermarks_ms=self._watermark_ms.tobytes(),
                busy=busy.astype(np.int64).tobytes(),
                busy_slots=slots[busy].tobytes(),
                busy_values=self._onset_value[busy].tobytes(),
            )
        )

    def resume(self, snapshot: bytes) -> None:
        """Take over the state of a snapshot. Only for a monitor that has seen no reading.

        Raises:
            ValueError: the snapshot is unreadable or belongs to other points or rules.
        """
        state = msgspec.msgpack.decode(snapshot, type=_Snapshot)
        mine = (SNAPSHOT_FORMAT, len(self._gateway_of), len(self._heap_size), self._rules_digest)
        if (state.format, state.points, state.gateways, state.rules) != mine:
            raise ValueError("snapshot belongs to other points or rules")
        self.plan.slots["seen_ms"][self.plan.first_slot[:-1]] = np.frombuffer(state.clocks_ms, dtype=np.int64)
        self._watermark_ms[:] = np.frombuffer(state.watermarks_ms, dtype=np.int64)
        self._resume(
            np.frombuffer(state.busy, dtype=np.int64).astype(np.intp),
            np.frombuffer(state.busy_slots, dtype=s.SLOT),
            np.frombuffer(state.busy_values, dtype=np.float64),
        )


def _behaved(columns: Columns) -> Columns:
    """The columns as the kernels are compiled for: writable, aligned, contiguous; a decoder may hand in others."""
    point, time_ms, value = columns
    if point.flags.carray and time_ms.flags.carray and value.flags.carray:
        return columns
    return Columns(np.array(point), np.array(time_ms), np.array(value))


def _refusal(found: int, place: int, columns: Columns, points: int, latest_ms: int) -> PeerError:
    where = f"[{place}]"
    if found == kernel.UNKNOWN_POINT:
        return PeerError(
            "unknown point", where=where, found=f"index {columns.point[place]}", wanted=f"a point index below {points}"
        )
    if found == kernel.FOREIGN_POINT:
        return PeerError(
            "point of another gateway",
            where=where,
            found=f"index {columns.point[place]}",
            wanted="a point of the gateway that sends the pack",
        )
    if found == kernel.NOT_FINITE:
        return PeerError("value is not finite", where=where, found=f"{columns.value[place]}", wanted="a finite number")
    return PeerError(
        "time is in the future",
        where=where,
        found=f"{columns.time_ms[place]} ms",
        wanted=f"at most {latest_ms} ms, a minute after the platform's clock",
    )


def warm_up() -> None:
    """Compile the kernels, or load them from numba's cache, before the first reading is waited for."""
    rule = LimitRule(id="warm-up", points="a/b", high=1.0, on_delay_s=0.001)
    monitor = Monitor(["a/b"], np.zeros(1, dtype=np.int32), 1, [rule])
    for time_ms in (1, 2):
        pack = Columns(np.zeros(1, dtype=np.int32), np.array([time_ms], dtype=np.int64), np.array([2.0]))
        monitor.apply(0, monitor.check(0, pack, time_ms))
        monitor = monitor.with_rules([rule])  # with a timer running the first time, as after a restart
