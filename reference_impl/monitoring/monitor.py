"""The monitoring core of one park: packs in, transitions of alarms out. Time comes with the readings."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.columns import Columns
from contract.errors import PeerError
from contract.messages import Level, Point
from contract.rules import LimitRule, Rule
from reference_impl.monitoring import kernel
from reference_impl.monitoring import slots as s
from reference_impl.monitoring.rules import Plan, lay_out

SNAPSHOT_FORMAT = 2
LATENESS_MS = 5_000
_STATE = ("phase", "due_ms", "onset_ms", "onset_value")
_BUSY = np.dtype([("slot", np.int64), *((field, s.SLOT[field]) for field in _STATE)])


class AlarmTransition(NamedTuple):
    """What happened to the alarm of one rule on one point.

    Attributes:
        kind: `slots.RAISE` or `slots.CLEAR`.
        at_ms: event time of the transition.
        subject: index of what the alarm is about, in `Monitor.subjects`.
        rule: the rule.
        onset_ms: event time of the first reading of the run.
        value: value of that reading.
        level: the alarm's level from now on; at a clearing, the one that it had.
    """

    kind: int
    at_ms: int
    subject: int
    rule: Rule
    onset_ms: int
    value: float
    level: Level


class Applied(NamedTuple):
    """What a pack did: its transitions in order of (time, slot), and how many of its readings came too late."""

    transitions: Sequence[AlarmTransition]
    late: int


class _Snapshot(msgspec.Struct, array_like=True, frozen=True):
    """State as bytes of arrays: clocks of all points and gateways, and the slots that are not in `NORMAL` (`_BUSY`)."""

    format: int
    points: int
    gateways: int
    rules: bytes
    clocks_ms: bytes
    watermarks_ms: bytes
    busy: bytes


class Monitor:
    """Alarm state of all points of one park.

    Args:
        points: the points, in the order of their index.
        rules: checked rules (`rules.check_rules`).
        lateness_ms: how long readings wait for others that were overtaken.

    Attributes:
        gateways: names of the gateways, in the order of first mention.
        subjects: what alarms are about: the points, then the devices and zones that rules are about.
        late_readings: readings that came too late since the start.
    """

    def __init__(self, points: Sequence[Point], rules: Sequence[Rule], *, lateness_ms: int = LATENESS_MS) -> None:
        self._points = points
        self.lateness_ms = lateness_ms
        self.subjects: Sequence[Point] = points
        self.gateways = tuple(dict.fromkeys(point.gateway for point in points))
        place_of = {gateway: place for place, gateway in enumerate(self.gateways)}
        self._gateway_of = np.array([place_of[point.gateway] for point in points], dtype=np.int32)
        names, gateways = [point.name for point in points], len(self.gateways)
        self.plan: Plan = lay_out(rules, names)
        self._heads = np.zeros(len(names), dtype=s.HEAD)
        self._heads["seen_ms"] = s.NEVER_MS
        self._heap = np.zeros(len(self.plan.slots), dtype=np.int32)
        self._gateways = np.zeros(gateways, dtype=s.GATEWAY)
        self._gateways["watermark_ms"] = s.NEVER_MS
        self._timers = self._gateways["timers"]
        slots_of = np.bincount(self._gateway_of[self.plan.slots["point"]], minlength=gateways)
        self._gateways["heap_start"] = np.cumsum(slots_of) - slots_of
        self._rules_digest = hashlib.blake2b(msgspec.json.encode(self.plan.rules), digest_size=16).digest()
        self._slots_a_point_max = int(np.diff(self.plan.first_slot).max(initial=1))
        self._out = np.zeros(1024, dtype=s.TRANSITION)
        self.late_readings = 0
        self._settle()

    def _settle(self) -> None:
        plan = self.plan
        kernel.settle(
            self._heads, plan.slots, plan.first_slot, plan.limits, self._heap, self._gateways, self._gateway_of
        )

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

    def finish(self, gateway: int) -> Applied:  # noqa: ARG002 - readings do not wait yet
        """The source has ended: release what waits, fire the timers due up to its newest reading."""
        return Applied((), 0)

    def apply(self, gateway: int, columns: Columns, number: int | None = None) -> Applied:  # noqa: ARG002 - as above
        """Apply readings that `check` returned."""
        room = len(columns) * self._slots_a_point_max + int(self._timers[gateway])
        if room > len(self._out):
            self._out = np.empty(2 * room, dtype=s.TRANSITION)
        plan = self.plan
        count, late = kernel.apply(
            self._heads,
            plan.slots,
            plan.first_slot,
            plan.limits,
            self._heap,
            self._gateways,
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
        slots, rules = self.plan.slots[out["slot"]], self.plan.rules
        return [
            AlarmTransition(kind, at_ms, point, rules[rule], onset_ms, value, rules[rule].level)
            for (at_ms, onset_ms, value, _, kind), point, rule in zip(
                out.tolist(), slots["point"].tolist(), slots["rule"].tolist(), strict=True
            )
        ]

    def standing(self) -> list[AlarmTransition]:
        """The alarms that are raised and not cleared, as the transitions that would clear them now, in order of slot.

        `at_ms` is the watermark of the point's gateway.
        """
        slots, rules = self.plan.slots, self.plan.rules
        found = slots[(slots["phase"] == s.ACTIVE) | (slots["phase"] == s.CLEARING)]
        watermark_ms = self._gateways["watermark_ms"][self._gateway_of[found["point"]]]
        return [
            AlarmTransition(s.CLEAR, at_ms, point, rules[rule], onset_ms, value, rules[rule].level)
            for at_ms, point, rule, onset_ms, value in zip(
                watermark_ms.tolist(),
                *(found[field].tolist() for field in ("point", "rule", "onset_ms", "onset_value")),
                strict=True,
            )
        ]

    def with_rules(self, rules: Sequence[Rule]) -> Self:
        """A monitor of the same points under new rules. Rules that did not change keep their state on every point."""
        cls = type(self)
        new = cls(self._points, rules, lateness_ms=self.lateness_ms)
        new.late_readings = self.late_readings
        now_at = {msgspec.json.encode(rule): place for place, rule in enumerate(new.plan.rules)}
        place_of = np.array([now_at.get(msgspec.json.encode(rule), -1) for rule in self.plan.rules], dtype=np.int64)
        busy = self._busy()
        point, place = self.plan.slots["point"][busy["slot"]], place_of[self.plan.slots["rule"][busy["slot"]]]
        width = len(rules) + 1
        new_key = new.plan.slots["point"].astype(np.int64) * width + new.plan.slots["rule"]
        busy["slot"] = np.searchsorted(new_key, point.astype(np.int64) * width + place)
        new._take_over(self._heads["seen_ms"], self._gateways["watermark_ms"], busy[place >= 0])
        return new

    def _busy(self) -> NDArray[np.void]:
        """The state of the slots that are not in `NORMAL`, (n,) of `_BUSY`."""
        slots = np.flatnonzero(self.plan.slots["phase"] != s.NORMAL)
        busy = np.empty(len(slots), dtype=_BUSY)
        busy["slot"] = slots
        for field in _STATE:
            busy[field] = self.plan.slots[field][slots]
        return busy

    def _take_over(self, seen_ms: NDArray[np.int64], watermark_ms: NDArray[np.int64], busy: NDArray[np.void]) -> None:
        self._heads["seen_ms"] = seen_ms
        self._gateways["watermark_ms"] = watermark_ms
        for field in _STATE:
            self.plan.slots[field][busy["slot"]] = busy[field]
        self._settle()

    def snapshot(self) -> bytes:
        """The whole state, about 8 bytes a point; `resume` gives it back to a monitor of the same points and rules."""
        return msgspec.msgpack.encode(
            _Snapshot(
                format=SNAPSHOT_FORMAT,
                points=len(self._gateway_of),
                gateways=len(self._gateways),
                rules=self._rules_digest,
                clocks_ms=self._heads["seen_ms"].tobytes(),
                watermarks_ms=self._gateways["watermark_ms"].tobytes(),
                busy=self._busy().tobytes(),
            )
        )

    def resume(self, snapshot: bytes) -> None:
        """Take over the state of a snapshot. Only for a monitor that has seen no reading.

        Raises:
            ValueError: the snapshot is unreadable or belongs to other points or rules.
        """
        state = msgspec.msgpack.decode(snapshot, type=_Snapshot)
        mine = (SNAPSHOT_FORMAT, len(self._gateway_of), len(self._gateways), self._rules_digest)
        if (state.format, state.points, state.gateways, state.rules) != mine:
            raise ValueError("snapshot belongs to other points or rules")
        self._take_over(
            np.frombuffer(state.clocks_ms, dtype=np.int64),
            np.frombuffer(state.watermarks_ms, dtype=np.int64),
            np.frombuffer(state.busy, dtype=_BUSY),
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
    monitor = Monitor([Point(name="a/b", gateway="a", zone="a", subsystem="a", unit="1")], [rule])
    pack = Columns(np.zeros(1, dtype=np.int32), np.ones(1, dtype=np.int64), np.array([2.0]))
    monitor.apply(0, monitor.check(0, pack, 1))
