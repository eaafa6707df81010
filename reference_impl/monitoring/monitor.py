"""The monitoring core of one park: packs in, transitions of alarms out. Time comes with the readings."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.columns import Columns
from contract.errors import PeerError
from contract.messages import Level, Point
from contract.rules import Rule
from reference_impl.monitoring import slots as s
from reference_impl.monitoring import state
from reference_impl.monitoring.kernel import check
from reference_impl.monitoring.kernel.apply import apply, settle
from reference_impl.monitoring.parameters import LEVELS
from reference_impl.monitoring.plan import ROOM, Plan, lay_out
from reference_impl.monitoring.reorder import Released, Reorder, ReorderState

LATENESS_MS = 5_000
_LEVEL_OF = (LEVELS[0], *LEVELS)  # counted from 1


class AlarmTransition(NamedTuple):
    """What happened to the alarm of one rule on one subject.

    Attributes:
        kind: `slots.RAISE`, `slots.CLEAR` or `slots.LEVEL`.
        at_ms: event time of the transition.
        subject: index of what the alarm is about, in `Monitor.subjects`.
        rule: the rule.
        onset_ms: event time at which the condition began.
        value: SEMANTICS.md, C7.
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
    """What a pack did: transitions in order of (time, subject, rule), and how many of its readings came too late."""

    transitions: Sequence[AlarmTransition]
    late: int


class _Snapshot(msgspec.Struct, array_like=True, frozen=True):
    state: state.State
    waiting: list[ReorderState]


class Monitor:
    """Alarm state of all points of one park.

    Args:
        points: the points, in the order of their index.
        rules: checked rules (`contract.rulebook.check_rules`).
        lateness_ms: how long readings wait for others that were overtaken (SEMANTICS.md, T3).

    Attributes:
        gateways: names of the gateways, in the order of first mention.
        late_readings: readings that came too late since the start.
        lateness_ms: as above.
    """

    def __init__(self, points: Sequence[Point], rules: Sequence[Rule], *, lateness_ms: int = LATENESS_MS) -> None:
        self._points = points
        self.lateness_ms = lateness_ms
        self.gateways = tuple(dict.fromkeys(point.gateway for point in points))
        place_of = {gateway: place for place, gateway in enumerate(self.gateways)}
        self._gateway_of: NDArray[np.int32] = np.array([place_of[point.gateway] for point in points], dtype=np.int32)
        self.plan: Plan = lay_out(points, self._gateway_of, len(self.gateways), rules)
        self._core = self.plan.core
        self._digest = state.digest(len(points), len(self.gateways), rules)
        self._reorders = [Reorder(lateness_ms) for _ in self.gateways]
        self.late_readings = 0
        settle(self.plan.book, self.plan.gateway_of_slot)

    @property
    def subjects(self) -> Sequence[Point]:
        """What alarms are about: the points, then the devices and zones that rules are about."""
        return self.plan.subjects

    def check(self, gateway: int, columns: Columns, latest_ms: int) -> Columns:
        """The same readings in order of time, fit for `apply`.

        Raises:
            PeerError: 422 no readings, unknown point, point of another gateway, non-finite value, time after
                `latest_ms`.
        """
        if len(columns) == 0:
            raise PeerError("no readings", found="an empty pack", wanted="at least one reading")
        columns = _behaved(columns)
        found, place = check.check(self.plan.book, gateway, latest_ms, *columns)
        if found == check.IN_ORDER:
            return columns
        if found == check.OUT_OF_ORDER:
            order = np.argsort(columns.time_ms, kind="stable")
            return Columns(columns.point[order], columns.time_ms[order], columns.value[order])
        raise _refusal(found, place, columns, len(self._gateway_of), latest_ms)

    def apply(self, gateway: int, columns: Columns, number: int | None = None) -> Applied:
        """Apply readings that `check` returned.

        Args:
            gateway: index of the gateway that sent them.
            columns: its readings.
            number: number of the pack, which was not applied before; None when the gateway does not number its packs.
        """
        return self._release(gateway, self._reorders[gateway].take(columns, number))

    def finish(self, gateway: int) -> Applied:
        """The source has ended: release what waits, fire the timers due up to its newest reading."""
        return self._release(gateway, self._reorders[gateway].finish())

    def _release(self, gateway: int, released: Released) -> Applied:
        tally = self._core.tally
        tally[s.LATE] = 0
        found: list[NDArray[np.void]] = []
        parts = released.parts or (_NOTHING,)
        for place, columns in enumerate(parts):
            watermark_ms = released.watermark_ms if place == len(parts) - 1 else s.NEVER_MS
            start = 0
            while start <= len(columns):
                tally[s.COUNT] = 0
                start = apply(self.plan.book, gateway, watermark_ms, start, *columns, ROOM)
                if tally[s.COUNT]:
                    found.append(self._core.out[: tally[s.COUNT]].copy())
        late = int(tally[s.LATE])
        self.late_readings += late
        return Applied(self._transitions(found) if found else (), late)

    def _transitions(self, found: list[NDArray[np.void]]) -> list[AlarmTransition]:
        out = found[0] if len(found) == 1 else np.concatenate(found)
        if len(out) > 1:
            # The kernel writes in order of time; equal times are ordered by alarm, so that the order of readings of the
            # same time within a pack does not show. Stable: an alarm's own transitions keep their order.
            out = out[np.lexsort((out["alarm"], out["at_ms"]))]
        alarms, rules = self._core.alarms[out["alarm"]], self.plan.rules
        level = np.where(out["kind"] == s.CLEAR, out["former"], out["level"])
        columns = (out["kind"], out["at_ms"], alarms["subject"], alarms["rule"], out["onset_ms"], out["value"], level)
        return [
            AlarmTransition(kind, at_ms, subject, rules[rule], onset_ms, value, _LEVEL_OF[of])
            for kind, at_ms, subject, rule, onset_ms, value, of in zip(*(c.tolist() for c in columns), strict=True)
        ]

    def standing(self) -> list[AlarmTransition]:
        """The alarms that are raised and not cleared, as the transitions that would clear them now, in order of alarm.

        `at_ms` is the watermark of the subject's gateway.
        """
        alarms = self._core.alarms
        found = np.flatnonzero(alarms["level"])
        gateway = self.plan.gateway_of_slot[alarms["first_slot"][found]]
        watermark_ms = self._core.gateways["watermark_ms"][gateway].tolist()
        fields = (alarms[field][found].tolist() for field in ("subject", "rule", "onset_ms", "value", "level"))
        return [
            AlarmTransition(s.CLEAR, at_ms, subject, self.plan.rules[rule], onset_ms, value, _LEVEL_OF[level])
            for at_ms, subject, rule, onset_ms, value, level in zip(watermark_ms, *fields, strict=True)
        ]

    def with_rules(self, rules: Sequence[Rule]) -> Self:
        """A monitor of the same points under new rules. Rules that did not change keep their state everywhere."""
        new = type(self)(self._points, rules, lateness_ms=self.lateness_ms)
        new.late_readings = self.late_readings
        new._reorders = self._reorders  # noqa: SLF001 - of the same class
        state.carry_over(self.plan, new.plan)
        settle(new.plan.book, new.plan.gateway_of_slot)
        return new

    def snapshot(self) -> bytes:
        """The whole state; `resume` gives it back to a monitor of the same points and rules."""
        waiting = [reorder.state() for reorder in self._reorders]
        return msgspec.msgpack.encode(_Snapshot(state.keep(self._core, self._digest), waiting))

    def resume(self, snapshot: bytes) -> None:
        """Take over the state of a snapshot. Only for a monitor that has seen no reading.

        Raises:
            ValueError: the snapshot is unreadable or belongs to other points or rules.
        """
        kept = msgspec.msgpack.decode(snapshot, type=_Snapshot)
        if (kept.state.format, kept.state.plan) != (state.SNAPSHOT_FORMAT, self._digest):
            raise ValueError("snapshot belongs to other points or rules")
        self._reorders = [Reorder.of(waiting, self.lateness_ms) for waiting in kept.waiting]
        state.give_back(self._core, kept.state)
        settle(self.plan.book, self.plan.gateway_of_slot)


_NOTHING = Columns(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64), np.empty(0))


def _behaved(columns: Columns) -> Columns:
    """The columns as the kernels are compiled for: writable, aligned, contiguous; a decoder may hand in others."""
    point, time_ms, value = columns
    if point.flags.carray and time_ms.flags.carray and value.flags.carray:
        return columns
    return Columns(np.array(point), np.array(time_ms), np.array(value))


def _refusal(found: int, place: int, columns: Columns, points: int, latest_ms: int) -> PeerError:
    where = f"[{place}]"
    if found == check.UNKNOWN_POINT:
        return PeerError(
            "unknown point", where=where, found=f"index {columns.point[place]}", wanted=f"a point index below {points}"
        )
    if found == check.FOREIGN_POINT:
        return PeerError(
            "point of another gateway",
            where=where,
            found=f"index {columns.point[place]}",
            wanted="a point of the gateway that sends the pack",
        )
    if found == check.NOT_FINITE:
        return PeerError("value is not finite", where=where, found=f"{columns.value[place]}", wanted="a finite number")
    return PeerError(
        "time is in the future",
        where=where,
        found=f"{columns.time_ms[place]} ms",
        wanted=f"at most {latest_ms} ms, a minute after the platform's clock",
    )


def warm_up() -> None:
    """Compile the kernels, or load them from numba's cache, before the first reading is waited for."""
    monitor = Monitor([Point(name="a/b", gateway="a", zone="a", subsystem="a", unit="1")], [])
    pack = Columns(np.zeros(1, dtype=np.int32), np.ones(1, dtype=np.int64), np.array([2.0]))
    monitor.apply(0, monitor.check(0, pack, 1), 1)
