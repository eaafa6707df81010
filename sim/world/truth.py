"""Ground truth: what happened, and which alerts a right platform must raise, judged on the values that were emitted.

The judge here is small and independent of any platform. It follows the words of `contract.messages.LimitRule`.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.messages import Level
from contract.rules import LimitRule, RuleSet


class IncidentTruth(msgspec.Struct, frozen=True, kw_only=True):
    """One incident as it was.

    Attributes:
        onset_ms: beginning of the cause.
        end_ms: the source was stopped; what it did decays after that.
        points: names of the points whose physics it changed.
    """

    incident_id: str
    kind: str
    park: str
    zone: str
    onset_ms: int
    end_ms: int
    points: list[str]


class ExpectedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert that a right platform raises.

    Attributes:
        onset_ms: time of the first reading of the run.
        knowable_ms: onset + on-delay: the alarm becomes true.
        gateway: gateway of the point.
        knowable_sequence: first pack of that gateway whose newest reading is at or after `knowable_ms`.
        knowable_due_ms: when that pack is due.
        clears_ms: when the alarm ends, if the trace shows it.
    """

    park: str
    point: str
    rule: str
    level: Level
    incident_id: str
    onset_ms: int
    knowable_ms: int
    gateway: str
    knowable_sequence: int
    knowable_due_ms: int
    clears_ms: int | None = None


class UndeterminedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """A run that the end of the trace cut before its on-delay: an alert for it is neither expected nor false."""

    park: str
    point: str
    rule: str
    incident_id: str
    onset_ms: int


class GroundTruth(msgspec.Struct, kw_only=True):
    """Everything that the platform under test never sees."""

    incidents: list[IncidentTruth] = []
    expected: list[ExpectedAlert] = []
    undetermined: list[UndeterminedAlert] = []

    def arrange(self) -> None:
        """Put everything into one order, whatever the order in which it became known."""
        self.incidents.sort(key=lambda it: (it.onset_ms, it.incident_id))
        self.expected.sort(key=lambda it: (it.knowable_ms, it.park, it.point, it.rule, it.onset_ms))
        self.undetermined.sort(key=lambda it: (it.onset_ms, it.park, it.point, it.rule))


class Slots(NamedTuple):
    """The (point, rule) pairs that a judge watches, as columns of length n.

    Attributes:
        point: (n,) int32, index of the point in the park.
        rule: (n,) int32, index of the rule in the rule set.
        high: (n,) float64, +inf where the rule has none.
        low: (n,) float64, -inf where the rule has none.
        deadband: (n,) float64.
        on_delay_ms: (n,) int64.
        off_delay_ms: (n,) int64.
    """

    point: NDArray[np.int32]
    rule: NDArray[np.int32]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    deadband: NDArray[np.float64]
    on_delay_ms: NDArray[np.int64]
    off_delay_ms: NDArray[np.int64]


def slots(names: Sequence[str], points: Sequence[int], rules: RuleSet) -> Slots:
    """Pair the given points with the limit rules whose glob takes in their names."""
    limits = {number: rule for number, rule in enumerate(rules.rules) if isinstance(rule, LimitRule)}
    matches = {number: _glob(rule.points) for number, rule in limits.items()}
    pairs = [
        (point, number) for point in points for number, matches_name in matches.items() if matches_name(names[point])
    ]

    def column(of: Callable[[LimitRule], float]) -> NDArray[np.float64]:
        return np.array([of(limits[number]) for _, number in pairs], np.float64)

    return Slots(
        point=np.array([point for point, _ in pairs], np.int32),
        rule=np.array([number for _, number in pairs], np.int32),
        high=column(lambda rule: np.inf if rule.high is None else rule.high),
        low=column(lambda rule: -np.inf if rule.low is None else rule.low),
        deadband=column(lambda rule: rule.deadband),
        on_delay_ms=np.rint(column(lambda rule: rule.on_delay_s) * 1000).astype(np.int64),
        off_delay_ms=np.rint(column(lambda rule: rule.off_delay_s) * 1000).astype(np.int64),
    )


def _glob(pattern: str) -> Callable[[str], object]:
    """A test for a glob in which `*` stays within one part of the name."""
    return re.compile("[^/]*".join(re.escape(part) for part in pattern.split("*"))).fullmatch


class Outcome(NamedTuple):
    """What a moment brought: slots raised, with their onsets, and slots cleared, with the times of clearing."""

    raised: NDArray[np.intp]
    raised_onset_ms: NDArray[np.int64]
    cleared: NDArray[np.intp]
    cleared_at_ms: NDArray[np.int64]


_NORMAL, _PENDING, _RAISED, _RETURNING = range(4)


class LimitJudge:
    """Follows the limit rules on slots that are all read in every step.

    A slot is normal, pending (limit reached, the on-delay runs), raised, or returning (raised, normal again, the
    off-delay runs).
    """

    def __init__(self, watched: Slots) -> None:
        self.watched = watched
        self.state = np.full(len(watched.point), _NORMAL, np.int8)
        self.since_ms = np.zeros(len(watched.point), np.int64)

    @property
    def idle(self) -> bool:
        """No slot is pending, raised or returning."""
        return not self.state.any()

    @property
    def pending(self) -> NDArray[np.intp]:
        """Slots whose on-delay still runs."""
        return np.flatnonzero(self.state == _PENDING)

    def read(self, value: NDArray[np.float64], time_ms: NDArray[np.int64]) -> tuple[Outcome, Outcome]:
        """Apply one reading to each slot; `value` and `time_ms` are (n,). Two outcomes, one after the other."""
        early = self._fire_timers(time_ms)  # a timer due at T fires before a reading at T is applied
        self._apply(value, time_ms)
        late = self._fire_timers(time_ms)  # a delay of nothing is over at its own reading
        return early, late

    def _fire_timers(self, time_ms: NDArray[np.int64]) -> Outcome:
        on = np.flatnonzero((self.state == _PENDING) & (self.since_ms + self.watched.on_delay_ms <= time_ms))
        off = np.flatnonzero((self.state == _RETURNING) & (self.since_ms + self.watched.off_delay_ms <= time_ms))
        self.state[on] = _RAISED
        self.state[off] = _NORMAL
        return Outcome(on, self.since_ms[on], off, self.since_ms[off] + self.watched.off_delay_ms[off])

    def _apply(self, value: NDArray[np.float64], time_ms: NDArray[np.int64]) -> None:
        rule = self.watched
        reached = (value >= rule.high) | (value <= rule.low)
        normal = (value < rule.high - rule.deadband) & (value > rule.low + rule.deadband)
        begins = (self.state == _NORMAL) & reached
        returns = (self.state == _RAISED) & normal
        self.state[(self.state == _PENDING) & normal] = _NORMAL
        self.state[(self.state == _RETURNING) & reached] = _RAISED
        self.state[begins] = _PENDING
        self.state[returns] = _RETURNING
        started = begins | returns
        self.since_ms[started] = time_ms[started]
