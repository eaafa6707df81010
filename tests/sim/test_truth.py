"""The judge behind the ground truth."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from contract.columns import Columns
from contract.messages import Point
from contract.rules import Calendar, LimitRule, Rule, RuleSet, Shift, SilenceRule, StuckRule
from sim.world.truth.judge import CLEARED, RAISED_UNSURE, Judge, is_judged

STEP_MS = 1000
NAME = "fire/z01/heat-0001/temperature"


class Told(NamedTuple):
    """One alarm: its onset, when it was raised and, if it was, when it cleared."""

    onset_ms: int
    raised_ms: int
    cleared_ms: int | None


class Read(NamedTuple):
    """One reading."""

    at_ms: int
    value: float


def _point(name: str = NAME) -> Point:
    return Point(name=name, gateway="gw-01", zone="z01", subsystem="fire", unit="1")


def _heard(rule: Rule, packs: Sequence[Sequence[Read]]) -> list[Told]:
    """What the judge says of one point whose readings come in these packs."""
    judge = Judge([_point()], [0], RuleSet(version="1", rules=[rule]))
    told: list[Told] = []
    watermark_ms = 0
    for pack in packs:
        watermark_ms = max([watermark_ms, *(read.at_ms for read in pack)])
        columns = Columns(
            np.zeros(len(pack), np.int32),
            np.array([read.at_ms for read in pack], np.int64),
            np.array([read.value for read in pack], np.float64),
        )
        for what, _, onset_ms, at_ms in judge.read(columns, watermark_ms, slice(0, 1)):
            if what == CLEARED:
                told[-1] = told[-1]._replace(cleared_ms=at_ms)
            else:
                told.append(Told(onset_ms, at_ms, None))
    return told


def _judged(rule: Rule, values: Sequence[float]) -> list[Told]:
    """What the judge says of one point that is read every second from 0."""
    return _heard(rule, [[Read(step * STEP_MS, value)] for step, value in enumerate(values)])


class _Literal:
    """One point under one rule, by the words of LimitRule."""

    def __init__(self, rule: LimitRule) -> None:
        self.rule = rule
        self.told: list[Told] = []
        self.condition = self.raised = False
        self.onset_ms = self.normal_since_ms = 0

    def pass_time(self, now_ms: int) -> None:
        """Let the timers that are due fire."""
        raise_ms = self.onset_ms + round(self.rule.on_delay_s * 1000)
        clear_ms = self.normal_since_ms + round(self.rule.off_delay_s * 1000)
        if self.condition and not self.raised and now_ms >= raise_ms:
            self.raised = True
            self.told.append(Told(self.onset_ms, raise_ms, None))
        if self.raised and not self.condition and now_ms >= clear_ms:
            self.raised = False
            self.told[-1] = self.told[-1]._replace(cleared_ms=clear_ms)

    def read(self, now_ms: int, value: float) -> None:
        """Apply a reading."""
        if not self.condition and _reached(self.rule, value):
            self.condition = True
            self.onset_ms = self.onset_ms if self.raised else now_ms
        elif self.condition and _normal(self.rule, value):
            self.condition, self.normal_since_ms = False, now_ms


def _by_the_words(rule: LimitRule, values: Sequence[float]) -> list[Told]:
    """A literal reading of the rule, a tenth of a second after another."""
    point = _Literal(rule)
    for now_ms in range(0, len(values) * STEP_MS - STEP_MS + 1, 100):
        point.pass_time(now_ms)
        if now_ms % STEP_MS == 0:
            point.read(now_ms, values[now_ms // STEP_MS])
            point.pass_time(now_ms)
    return point.told


def _reached(rule: LimitRule, value: float) -> bool:
    return (rule.high is not None and value >= rule.high) or (rule.low is not None and value <= rule.low)


def _normal(rule: LimitRule, value: float) -> bool:
    below = rule.high is None or value < rule.high - rule.deadband
    return below and (rule.low is None or value > rule.low + rule.deadband)


_DELAY = st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 3.0])


@given(
    high=st.booleans(),
    deadband=st.sampled_from([0.0, 1.0, 2.0]),
    on_delay_s=_DELAY,
    off_delay_s=_DELAY,
    values=st.lists(st.integers(4, 12).map(float), min_size=1, max_size=12),
)
def test_the_judge_follows_the_words_of_the_rule(
    *, high: bool, deadband: float, on_delay_s: float, off_delay_s: float, values: list[float]
) -> None:
    """On any history the judge tells the same alarms as a literal reading of `LimitRule`, moment by moment."""
    rule = LimitRule(
        id="limit",
        points="fire/*/*/temperature",
        high=9.0 if high else None,
        low=None if high else 7.0,
        deadband=deadband,
        on_delay_s=on_delay_s,
        off_delay_s=off_delay_s,
    )
    assert _judged(rule, values) == _by_the_words(rule, values)


_RULE = LimitRule(id="r", points="*/*/*/*", high=10.0, deadband=2.0, on_delay_s=2.0, off_delay_s=3.0)


def test_a_short_peak_raises_nothing() -> None:
    """A run that ends before its on-delay is no alarm."""
    assert _judged(_RULE, [5, 12, 5, 5, 5, 5]) == []


def test_a_run_that_ends_at_its_on_delay_is_raised() -> None:
    """A timer due at T fires before a reading at T is applied."""
    assert _judged(_RULE, [5, 12, 12, 5, 5, 5, 5]) == [Told(1000, 3000, 6000)]


def test_the_deadband_holds_a_run() -> None:
    """Between the limit and its deadband the run goes on, and a normal run does too."""
    assert _judged(_RULE, [12, 9, 9, 5, 9, 9, 9]) == [Told(0, 2000, 6000)]


def test_a_relapse_belongs_to_the_same_alarm() -> None:
    """A return that is broken before the off-delay keeps the alarm and its onset."""
    assert _judged(_RULE, [12, 12, 12, 5, 12, 5, 5, 5, 5]) == [Told(0, 2000, 8000)]


def test_a_glob_stays_within_one_part_of_the_name() -> None:
    """A rule for `env/*/*/cod` takes in no point with more parts, and its dots are dots."""
    names = ["env/z01/water-0001/cod", "env/z01/x/water-0001/cod", "env/z01/cod", "envi/z01/water-0001/cod"]
    rules = RuleSet(version="1", rules=[LimitRule(id="r", points="env/*/*/cod", high=1.0)])
    assert Judge([_point(name) for name in names], range(4), rules).slots["point"].tolist() == [0]


_EVERY = "*/*/*/*"
_STUCK = StuckRule(id="s", points=_EVERY, after_s=3.0, on_delay_s=1.0, off_delay_s=1.0, epsilon=0.5)
_SILENCE = SilenceRule(id="q", points=_EVERY, after_s=3.0, on_delay_s=1.0, off_delay_s=2.0)


def test_a_value_that_stays_is_stuck() -> None:
    """K1, K2: counted from the anchor, which is the first reading of the value, not from each reading."""
    assert _judged(_STUCK, [1, 2, 2.5, 2, 2, 2, 2]) == [Told(1000, 5000, None)]


def test_a_value_that_moves_is_not_stuck() -> None:
    """K1: each reading that differs by more than epsilon is a new anchor."""
    assert _judged(_STUCK, [1, 2, 3, 4, 5, 6, 7]) == []


def test_a_sensor_that_moves_again_is_cleared() -> None:
    """K3: the condition of a raised alarm ends at the next anchor, and the alarm an off-delay after it."""
    assert _judged(_STUCK, [1, 1, 1, 1, 1, 2, 3, 4]) == [Told(0, 4000, 6000)]


def test_a_raised_stuck_alarm_wants_a_wider_move() -> None:
    """K1: epsilon and the deadband once the alarm is raised for that anchor."""
    rule = StuckRule(id="s", points=_EVERY, after_s=2.0, epsilon=0.5, deadband=1.0)
    assert _judged(rule, [1, 1, 1, 2, 2, 3, 3]) == [Told(0, 2000, 5000)]


def test_silence_counts_from_the_last_reading() -> None:
    """S1, S2: raised `after` and the on-delay after the newest reading, cleared an off-delay after the next."""
    other = [Read(second * STEP_MS, 0) for second in (0, 1, 6, 7, 8)]
    assert _heard(_SILENCE, [[read] for read in other]) == [Told(1000, 5000, 8000)]


def test_a_backlog_shows_that_nothing_was_silent() -> None:
    """S3: readings that come late in one pack fill the gap."""
    assert _heard(_SILENCE, [[Read(0, 0)], [Read(second * STEP_MS, 0) for second in range(1, 20)]]) == []


def test_a_pack_may_hold_its_readings_in_any_order() -> None:
    """Readings count in order of their own time."""
    ordered = [Read(second * STEP_MS, value) for second, value in enumerate([5, 12, 12, 12, 5, 5, 5, 5])]
    assert _heard(_RULE, [ordered[::-1]]) == _heard(_RULE, [ordered]) == [Told(1000, 3000, 7000)]


def test_a_reading_from_before_the_points_clock_changes_nothing() -> None:
    """T7: what was decided stays decided."""
    packs = [[Read(0, 5)], [Read(3000, 12)], [Read(1000, 12), Read(5000, 12)]]
    assert _heard(_RULE, packs) == [Told(3000, 5000, None)]


class _Story:
    """A `stuck` or `silence` rule on one point, by the words of SEMANTICS.md, tenth by tenth of a second."""

    def __init__(self, rule: StuckRule | SilenceRule) -> None:
        self.rule = rule
        self.after_ms = round((rule.after_s + rule.on_delay_s) * 1000)
        self.off_ms = round(rule.off_delay_s * 1000)
        self.anchor: Read | None = None
        self.ended_ms = math.inf
        self.told: list[Told] = []
        self.raised_for: Read | None = None

    def pass_time(self, now_ms: int) -> None:
        """Clear, then raise."""
        if self.raised_for is not None and self.ended_ms + self.off_ms <= now_ms:
            self.told[-1] = self.told[-1]._replace(cleared_ms=int(self.ended_ms) + self.off_ms)
            self.raised_for, self.ended_ms = None, math.inf
        if self.raised_for is None and self.anchor is not None and self.anchor.at_ms + self.after_ms <= now_ms:
            self.told.append(Told(self.anchor.at_ms, self.anchor.at_ms + self.after_ms, None))
            self.raised_for = self.anchor

    def read(self, read: Read) -> None:
        """Is this reading a new anchor?"""
        if self.anchor is not None and isinstance(self.rule, StuckRule):
            margin = self.rule.epsilon + (self.rule.deadband if self.raised_for is self.anchor else 0)
            if abs(read.value - self.anchor.value) <= margin:
                return
        if self.raised_for is not None and self.ended_ms == math.inf:
            self.ended_ms = read.at_ms
        self.anchor = read


@given(
    stuck=st.booleans(),
    after_s=st.sampled_from([1.0, 2.0, 3.5]),
    on_delay_s=st.sampled_from([0.0, 0.5, 1.0]),
    off_delay_s=st.sampled_from([0.0, 0.5, 1.0]),
    deadband=st.sampled_from([0.0, 1.0]),
    reads=st.dictionaries(st.integers(0, 30), st.integers(0, 3).map(float), min_size=1, max_size=14),
    together=st.integers(1, 4),
)
def test_the_judge_follows_stuck_and_silent_points(
    *,
    stuck: bool,
    after_s: float,
    on_delay_s: float,
    off_delay_s: float,
    deadband: float,
    reads: dict[int, float],
    together: int,
) -> None:
    """On any history, in packs of any size, the judge tells the same alarms as a literal reading of K and S."""
    delays = {"after_s": after_s, "on_delay_s": on_delay_s, "off_delay_s": off_delay_s}
    rule = (
        StuckRule(id="r", points=_EVERY, epsilon=0.0, deadband=deadband, **delays)
        if stuck
        else SilenceRule(id="r", points=_EVERY, **delays)
    )
    history = [Read(half * 500, value) for half, value in sorted(reads.items())]
    story = _Story(rule)
    coming = {read.at_ms: read for read in history}
    for now_ms in range(0, history[-1].at_ms + 1, 100):
        story.pass_time(now_ms)
        if now_ms in coming:
            story.read(coming[now_ms])
            story.pass_time(now_ms)
    packs = [history[start : start + together] for start in range(0, len(history), together)]
    assert _heard(rule, packs) == story.told


def test_an_anchor_from_before_the_judge_looked_is_unsure() -> None:
    """Who begins to look in the middle cannot know for how long the first value has stood."""
    judge = Judge([_point()], [0], RuleSet(version="1", rules=[_STUCK]))
    judge.forget(slice(0, 1), unsure=True)
    reads = [Read(second * STEP_MS, 7.0) for second in range(6)]
    happened = [
        one
        for at_ms, value in reads
        for one in judge.read(Columns(np.zeros(1, np.int32), np.array([at_ms]), np.array([value])), at_ms, slice(0, 1))
    ]
    assert [(one.what, one.onset_ms) for one in happened] == [(RAISED_UNSURE, 0)]


def test_rules_of_other_kinds_and_hours_are_not_judged() -> None:
    """What the judge does not follow, the truth tolerates."""
    calendar = Calendar(shifts=(Shift(start="08:00", end="18:00"),))
    assert is_judged(_STUCK)
    assert not is_judged(LimitRule(id="r", points=_EVERY, high=1.0, active_when=calendar))


def test_of_several_levels_the_first_counts() -> None:
    """L4: an alarm of a rule with levels is raised with the first of them and cleared with the last."""
    rising = LimitRule(id="r", points=_EVERY, levels={"blue": 10.0, "red": 20.0})
    falling = LimitRule(id="r", points=_EVERY, levels={"blue": 10.0, "red": 5.0})
    assert _judged(rising, [1, 12, 25, 12, 1]) == [Told(1000, 1000, 4000)]
    assert _judged(falling, [12, 9, 3, 9, 12]) == [Told(1000, 1000, 4000)]
