"""The judge behind the ground truth."""

from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from contract.rules import LimitRule, RuleSet
from sim.world.truth import LimitJudge, slots

STEP_MS = 1000


class Told(NamedTuple):
    """One alarm: its onset, when it was raised and, if it was, when it cleared."""

    onset_ms: int
    raised_ms: int
    cleared_ms: int | None


def _judged(rule: LimitRule, values: list[float]) -> list[Told]:
    """What the judge says of one point that is read every second from 0."""
    judge = LimitJudge(slots(["fire/z01/heat-0001/temperature"], [0], RuleSet(version="1", rules=[rule])))
    told: list[Told] = []
    for step, value in enumerate(values):
        for outcome in judge.read(np.array([value]), np.array([step * STEP_MS])):
            told += [
                Told(onset, onset + round(rule.on_delay_s * 1000), None) for onset in outcome.raised_onset_ms.tolist()
            ]
            for cleared in outcome.cleared_at_ms.tolist():
                told[-1] = told[-1]._replace(cleared_ms=cleared)
    return told


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


def _by_the_words(rule: LimitRule, values: list[float]) -> list[Told]:
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
    assert slots(names, range(4), rules).point.tolist() == [0]
