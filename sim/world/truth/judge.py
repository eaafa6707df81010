"""The judge behind the ground truth: small, and independent of any platform.

It follows the words of `limit`, `stuck` and `silence` rules on some points, reading by reading; a slot is one such rule
on one point. A condition **holds** from a moment on; the alarm is raised when it has held for the on-delay, and cleared
when it has been **gone** for the off-delay. Each reading of a `silence` rule, and each that moves away from the value
of a `stuck` rule, ends the condition and begins it anew.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contract.columns import Columns
from contract.messages import Point
from contract.rulebook import index_of
from contract.rules import LimitRule, Rule, RuleSet, SilenceRule, StuckRule

LIMIT, STUCK, SILENCE = range(3)
CLEARED, RAISED, RAISED_UNSURE = range(3)
NONE_MS: Final = -(2**62)

SLOT: Final = np.dtype(
    [
        ("high", np.float64),  # of a stuck rule: how far a value must move
        ("low", np.float64),
        ("deadband", np.float64),
        ("held", np.float64),  # value since the condition of a stuck rule holds
        ("on_ms", np.int64),
        ("off_ms", np.int64),
        ("holds_ms", np.int64),  # since when the condition holds, or NONE_MS
        ("gone_ms", np.int64),  # raised: since when it is gone, or NONE_MS
        ("onset_ms", np.int64),  # raised: when the condition had begun
        ("point", np.int32),
        ("rule", np.int32),
        ("kind", np.int8),
        ("raised", np.bool_),
        ("unsure", np.bool_),  # the condition may have begun before the judge saw it
    ]
)


class Happened(NamedTuple):
    """A slot's alarm was raised (`RAISED`, or `RAISED_UNSURE` with an onset that may lie earlier) or cleared."""

    what: int
    slot: int
    onset_ms: int
    at_ms: int


def is_judged(rule: Rule) -> bool:
    """The judge follows this rule; of the others it says nothing."""
    return isinstance(rule, LimitRule | StuckRule | SilenceRule) and rule.active_when is None


class Judge:
    """Follows the rules on some points of a park.

    Args:
        points: the park's points, in the order of their index.
        watched: indices of those to follow, ascending.
        rules: the park's rules; those of other kinds are passed over.

    Attributes:
        slots: (s,) the state, in order of (point, rule).
    """

    def __init__(self, points: Sequence[Point], watched: Sequence[int], rules: RuleSet) -> None:
        self.slots = _slots(points, watched, rules)
        # (n + 1,) slots of point p are those from first[p] to first[p + 1]
        self.first = np.searchsorted(self.slots["point"], np.arange(len(points) + 1)).astype(np.int32)
        self._most = int(np.diff(self.first).max(initial=0))
        self._clock_ms = np.full(len(points), NONE_MS, np.int64)
        self._out = np.empty((0, 4), np.int64)

    def read(self, columns: Columns, watermark_ms: int, span: slice) -> list[Happened]:
        """Apply readings of one gateway, then let the timers fire that are due up to its watermark.

        Args:
            columns: the readings in any order.
            watermark_ms: newest time of any reading of the gateway so far.
            span: the gateway's slots.

        Returns:
            What happened, each slot's in order of time.
        """
        point, time_ms, value = columns
        if not _is_ascending(time_ms):
            order = np.argsort(time_ms, kind="stable")
            point, time_ms, value = point[order], time_ms[order], value[order]
        room = 4 * (self._most * len(point) + span.stop - span.start)
        if len(self._out) < room:
            self._out = np.empty((room, 4), np.int64)
        count = _judge(
            self.slots,
            self.first,
            self._clock_ms,
            point,
            time_ms,
            value,
            watermark_ms,
            span.start,
            span.stop,
            self._out,
        )
        return [Happened(*row) for row in self._out[:count].tolist()]

    def is_idle(self, span: slice) -> bool:
        """No alarm of these slots is raised, and no limit is reached: readings of normal operation change nothing."""
        slots = self.slots[span]
        return not (slots["raised"] | ((slots["kind"] == LIMIT) & (slots["holds_ms"] != NONE_MS))).any()

    def forget(self, span: slice, *, unsure: bool) -> None:
        """Begin anew with these slots' next readings; `unsure`: their points have sent before that."""
        slots = self.slots[span]
        slots["holds_ms"], slots["gone_ms"] = NONE_MS, NONE_MS
        slots["raised"], slots["unsure"] = False, unsure
        self._clock_ms[slots["point"]] = NONE_MS


def _slots(points: Sequence[Point], watched: Sequence[int], rules: RuleSet) -> NDArray[np.void]:
    """One slot for each judged rule on each watched point that it applies to."""
    index = index_of(points)
    among = np.zeros(len(points), np.bool_)
    among[list(watched)] = True
    parts = []
    for number, rule in enumerate(rules.rules):
        if is_judged(rule) and isinstance(rule, LimitRule | StuckRule | SilenceRule):
            found = index.select(rule)
            found = found[among[found]]
            part = np.zeros(len(found), SLOT)
            part["point"], part["rule"] = found, number
            _set_rule(part, rule)
            parts.append(part)
    slots = np.concatenate([np.zeros(0, SLOT), *parts])
    slots["holds_ms"], slots["gone_ms"] = NONE_MS, NONE_MS
    return slots[np.lexsort((slots["rule"], slots["point"]))]


def _set_rule(part: NDArray[np.void], rule: LimitRule | StuckRule | SilenceRule) -> None:
    after_s = 0.0
    if isinstance(rule, LimitRule):
        part["kind"] = LIMIT
        part["high"], part["low"] = _limits(rule)
    else:
        after_s = rule.after_s
        part["kind"] = STUCK if isinstance(rule, StuckRule) else SILENCE
        part["high"] = rule.epsilon if isinstance(rule, StuckRule) else 0.0
    part["deadband"] = rule.deadband
    part["on_ms"] = round((after_s + rule.on_delay_s) * 1000)
    part["off_ms"] = round(rule.off_delay_s * 1000)


def _limits(rule: LimitRule) -> tuple[float, float]:
    """High and low limit, infinite where there is none; of several levels the one that is reached first."""
    if rule.levels is not None:
        first, *others = rule.levels.values()
        rising = max(others) > first
        return (min(first, *others), -np.inf) if rising else (np.inf, max(first, *others))
    return np.inf if rule.high is None else rule.high, -np.inf if rule.low is None else rule.low


@njit(cache=True)
def _is_ascending(time_ms: NDArray[np.int64]) -> bool:
    for i in range(1, len(time_ms)):  # noqa: SIM110 - numba wants a plain loop
        if time_ms[i] < time_ms[i - 1]:
            return False
    return True


@njit(cache=True)
def _judge(  # noqa: PLR0917 - a kernel takes its columns one by one
    slots: NDArray[np.void],
    first: NDArray[np.int32],
    clock_ms: NDArray[np.int64],
    point: NDArray[np.int32],
    time_ms: NDArray[np.int64],
    value: NDArray[np.float64],
    watermark_ms: int,
    start: int,
    stop: int,
    out: NDArray[np.int64],
) -> int:
    """Readings in order of time, then the watermark; returns how many rows of `out` were written."""
    count = 0
    for i in range(len(point)):
        of = point[i]
        if first[of] == first[of + 1] or time_ms[i] < clock_ms[of]:  # unwatched, or too late
            continue
        for place in range(first[of], first[of + 1]):
            slot = slots[place]
            count = _fire(slot, place, time_ms[i], clock_ms, out, count)  # a timer due at T comes before a reading at T
            _take(slot, time_ms[i], value[i])
            count = _fire(slot, place, time_ms[i], clock_ms, out, count)  # a delay of nothing is over at its reading
        clock_ms[of] = time_ms[i]
    for place in range(start, stop):
        count = _fire(slots[place], place, watermark_ms, clock_ms, out, count)
    return count


@njit(cache=True)
def _take(slot: Any, at_ms: int, value: float) -> None:  # noqa: ANN401 - a record to numba
    """A reading, which ends or begins the slot's condition."""
    if slot.kind == LIMIT:
        if slot.holds_ms == NONE_MS:
            if value >= slot.high or value <= slot.low:
                slot.holds_ms = at_ms
                slot.gone_ms = NONE_MS
        elif value < slot.high - slot.deadband and value > slot.low + slot.deadband:
            slot.holds_ms = NONE_MS
            if slot.raised:
                slot.gone_ms = at_ms
        return
    if slot.kind == STUCK and slot.holds_ms != NONE_MS:
        margin = slot.high
        if slot.raised and slot.gone_ms == NONE_MS:
            margin += slot.deadband
        if abs(value - slot.held) <= margin:
            return
        slot.unsure = False
    if slot.raised and slot.gone_ms == NONE_MS:
        slot.gone_ms = at_ms
    slot.holds_ms = at_ms
    slot.held = value


@njit(cache=True)
def _fire(  # noqa: PLR0917 - a kernel takes its columns one by one
    slot: Any,  # noqa: ANN401 - a record to numba
    place: int,
    until_ms: int,
    clock_ms: NDArray[np.int64],
    out: NDArray[np.int64],
    count: int,
) -> int:
    """Clear, then raise, what is due; the point's clock moves with it."""
    if slot.raised and slot.gone_ms != NONE_MS and slot.gone_ms + slot.off_ms <= until_ms:
        at_ms = slot.gone_ms + slot.off_ms
        out[count, 0], out[count, 1], out[count, 2], out[count, 3] = CLEARED, place, slot.onset_ms, at_ms
        count += 1
        slot.raised = False
        slot.gone_ms = NONE_MS
        clock_ms[slot.point] = max(clock_ms[slot.point], at_ms)
    if not slot.raised and slot.holds_ms != NONE_MS and slot.holds_ms + slot.on_ms <= until_ms:
        at_ms = slot.holds_ms + slot.on_ms
        out[count, 0] = RAISED_UNSURE if slot.unsure and slot.kind == STUCK else RAISED
        out[count, 1], out[count, 2], out[count, 3] = place, slot.holds_ms, at_ms
        count += 1
        slot.raised = True
        slot.onset_ms = slot.holds_ms
        clock_ms[slot.point] = max(clock_ms[slot.point], at_ms)
    return count
