"""Sweeps: what is tried, what each choice would have meant, which are worth looking at."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from backtest_files import PLAIN, Row, write_long
from rich.console import Console

from benchmarks.backtest import sweep, tune
from benchmarks.backtest.progress import Progress
from benchmarks.backtest.result import Choice, Tuning
from benchmarks.backtest.run import Options, Outcome, judge
from benchmarks.backtest.scoring import Delay, Score
from contract.errors import PeerError
from contract.rulebook import parse_rules
from contract.rules import KOfNRule, Rule

KINDS = parse_rules(
    """
rules:
  - {id: high, kind: limit, points: "*", high: 12, deadband: 1}
  - {id: band, kind: limit, points: "*", high: 12, low: 2, deadband: 1}
  - {id: steps, kind: limit, points: "*", levels: {yellow: 10, red: 14}}
  - {id: fast, kind: rate, points: "*", rise: 5, fall: 3}
  - {id: frozen, kind: stuck, points: "*", after: 20s}
  - {id: quiet, kind: silence, points: "*", after: 15s}
  - {id: odd, kind: anomaly, points: "*", z: 3.2}
  - {id: both, kind: k_of_n, of: [high], k: 2}
""",
    "rules.yaml",
)


def _rule(name: str) -> Rule:
    return tune.find_rule(KINDS, name)


def _outcome(folder: Path, rules: str, labels: str = "") -> Outcome:
    """A backtest of one point that is quiet at 5, and three times rises to 20 for ten seconds."""
    rng = np.random.default_rng(4)
    rows: list[Row] = []
    for second in range(600):
        is_fault = second // 10 in {10, 25, 40}
        rows.append((1000 * second, "a", round(20.0 if is_fault else 5.0 + 3.0 * float(rng.random()), 3)))
    write_long(folder / "data.csv", rows)
    (folder / "rules.yaml").write_text(rules, "utf-8")
    if labels:
        (folder / "labels.csv").write_text(labels, "utf-8")
    options = Options(
        data=str(folder / "data.csv"),
        rules=folder / "rules.yaml",
        labels=folder / "labels.csv" if labels else None,
        csv=PLAIN,
        order="auto",
        lateness_ms=5_000,
        tolerance_ms=None,
        strict=False,
        objectives=[],
        command=["parkbench", "backtest"],
    )
    return judge(options, folder, Progress(Console(quiet=True)))


LABELS = "start,end\n" + "".join(
    f"2024-01-01T00:{minute:02d}:{second:02d}Z,2024-01-01T00:{minute:02d}:{second + 9:02d}Z\n"
    for minute, second in ((1, 40), (4, 10), (6, 40))
)
HIGH = "rules: [{id: high, kind: limit, points: a, high: 7.9}]"


def _tune(outcome: Outcome, *sweeps: str, jobs: int = 1, rule: str = "high") -> Tuning:
    return tune.tune(outcome, rule, list(sweeps), jobs, Progress(Console(quiet=True)))


@pytest.mark.parametrize(
    ("rule", "written", "wanted"),
    [
        ("high", ["high=80:100:10"], {"high": [80, 90, 100]}),
        ("high", ["high=0.1:0.3:0.1"], {"high": [0.1, 0.2, 0.3]}),
        ("high", ["high=3", "on_delay=0s,1m"], {"high": [3], "on_delay_s": [0.0, 60.0]}),
        ("frozen", ["after=10s:30s:10s"], {"after_s": [10.0, 20.0, 30.0]}),
        ("both", ["k=1,2,3"], {"k": [1, 2, 3]}),
    ],
)
def test_sweeps_as_they_are_written(rule: str, written: list[str], wanted: dict[str, list[float]]) -> None:
    """Lists and ranges of numbers and durations, of one parameter or two."""
    assert sweep.parse(written, _rule(rule)) == wanted


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (["z=1,2"], r"NAME=FIRST:LAST:STEP or NAME=A,B,C with one of .*high, low, of this limit rule, found 'z=1,2'"),
        (["on_delay_s=1,2"], r"with one of .*on_delay.*found 'on_delay_s=1,2'"),
        (["on_delay=1,2"], "expected durations such as \"30s\", found 'on_delay=1,2'"),
        (["high=a"], "expected numbers, found 'high=a'"),
        (["high=3:1:1"], "FIRST:LAST:STEP with a step above 0"),
        (["high=1:2:0"], "FIRST:LAST:STEP with a step above 0"),
        (["high=1:1000000:1"], "at most 400 choices"),
        (["high=1", "low=1", "deadband=1"], "at most 2, found 3 parameters"),
        (["level=red"], "of this limit rule, found 'level=red'"),
    ],
)
def test_sweeps_that_cannot_be_meant(written: list[str], message: str) -> None:
    """A sweep that cannot be read is refused with what there is to sweep."""
    with pytest.raises(PeerError, match=message):
        sweep.parse(written, _rule("high"))


def test_a_sweep_for_each_kind_of_rule(tmp_path: Path) -> None:
    """Where nothing is said, each kind of rule has choices around what it has now; limits have those of the data."""
    outcome = _outcome(tmp_path, HIGH)
    outcome.recording.keep(strict=False)
    points, spool = outcome.recording.points, outcome.recording.spool
    for rule in KINDS.rules:
        values = sweep.suggest(rule, points, spool)
        found, _ = sweep.choices(rule, KINDS, values)
        assert 2 <= len(found) <= sweep.CHOICES_MAX
        assert any(all(getattr(rule, name) == value for name, value in one.items()) for one in found), rule.id
    high = sweep.suggest(_rule("high"), points, spool)["high"]
    value = [value for batch in spool.batches() for value in batch.columns.value.tolist()]
    assert min(high) == pytest.approx(np.quantile(value, 0.9), rel=1e-3)
    assert set(sweep.suggest(_rule("band"), points, spool)) == {"high", "low"}


def test_combinations_that_are_no_rule_are_left_out() -> None:
    """A deadband wider than the band is no choice; where nothing is left the reason is told."""
    found, refused = sweep.choices(_rule("band"), KINDS, {"high": [3, 12], "deadband": [1, 4]})
    assert (len(found), refused) == (2, 2)
    with pytest.raises(PeerError, match="deadband"):
        sweep.choices(_rule("band"), KINDS, {"deadband": [50]})


def test_a_rule_that_counts_others_is_tried_with_them() -> None:
    """`k_of_n` needs the rules that it counts; they are there, and what is tuned comes first."""
    rule = _rule("both")
    assert isinstance(rule, KOfNRule)
    assert [one.id for one in sweep.with_choice(rule, KINDS, {"k": 3})] == ["both", "high"]


def test_tuning_finds_the_right_limit(tmp_path: Path) -> None:
    """Between noise and fault lies the choice with the best F1; the file's own choice is marked."""
    found = _tune(_outcome(tmp_path, HIGH, LABELS), "high=7.5,7.9,10,19,21")
    assert [choice.parameters["high"] for choice in found.choices] == [7.5, 7.9, 10, 19, 21]
    assert found.current == 1
    assert found.best is not None
    best = found.choices[found.best]
    assert best.parameters["high"] in {10, 19}
    assert best.score is not None
    assert (best.alarms, best.score.precision, best.score.recall) == (3, 1.0, 1.0)
    assert [choice.is_pareto for choice in found.choices] == [False, False, True, True, False]
    written = yaml.safe_load(found.snippet)
    assert written == {"id": "high", "kind": "limit", "high": best.parameters["high"]}
    choices = [choice.score for choice in found.choices]
    assert choices[0] is not None
    assert choices[4] is not None
    assert choices[0].precision is not None
    assert choices[0].precision < 0.2
    assert (choices[4].recall, choices[4].precision) == (0.0, None)


def test_a_choice_is_the_same_as_a_backtest_with_it(tmp_path: Path) -> None:
    """What a sweep says of a choice is what a backtest with that rule says."""
    found = _tune(_outcome(tmp_path, HIGH, LABELS), "high=7.5,10", "on_delay=0s,2s")
    for choice in found.choices:
        high, on_delay = choice.parameters.values()
        rules = f"rules: [{{id: high, kind: limit, points: a, high: {high}, on_delay: {on_delay}}}]"
        alone = _outcome(tmp_path, rules, LABELS)
        assert alone.scored is not None
        assert choice.score == alone.scored.score  # the windows are about all points
        assert choice.alarms == len(alone.alarms)


def test_without_labels_there_is_the_load(tmp_path: Path) -> None:
    """Without labels each choice has its alarms a day, and none is called the best."""
    found = _tune(_outcome(tmp_path, HIGH), "high=7.5,10,21")
    assert [choice.alarms for choice in found.choices][1:] == [3, 0]
    assert found.choices[0].alarms > 50
    assert (found.best, found.snippet) == (None, "")
    assert not any(choice.is_pareto for choice in found.choices)


@pytest.mark.process
def test_processes_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Choices tried in processes are those tried in one."""
    outcome = _outcome(tmp_path, HIGH, LABELS)
    alone = _tune(outcome, "high=7.5,10,19,21")
    monkeypatch.setattr(tune, "ALONE_BELOW", 0)
    assert _tune(outcome, "high=7.5,10,19,21", jobs=2) == alone


def test_no_such_rule(tmp_path: Path) -> None:
    """A rule that is not in the file is refused with those that are."""
    with pytest.raises(PeerError, match="--tune: expected one of high, found 'low'"):
        _tune(_outcome(tmp_path, HIGH), rule="low")


def _choice(precision: float, recall: float, alarms: int, false_alarms: int = 0) -> Choice:
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    score = Score(
        alarms=alarms, true_alarms=alarms - false_alarms, false_alarms=false_alarms, windows=10,
        detected=round(10 * recall), stood_before=0, missed=0, precision=precision, recall=recall, f1=f1,
        false_alarms_per_day=0.0, delay_s=Delay(p50=1.0, p95=1.0, max=1.0, mean=1.0),
    )  # fmt: skip
    return Choice(parameters={}, alarms=alarms, alarms_per_day=alarms, per_period_max=1, score=score)


def test_what_no_other_choice_beats() -> None:
    """A choice that is behind another in all three merits is beaten; one that is ahead in any is not."""
    tried = [_choice(0.5, 0.5, 10), _choice(0.5, 0.4, 10), _choice(0.4, 0.6, 12), _choice(0.5, 0.5, 9)]
    assert [one.is_pareto for one in tune.mark_pareto(tried)] == [False, False, True, True]


def test_of_equal_choices_the_calmer_is_best() -> None:
    """With the same F1 the choice with fewer false alarms is the best."""
    assert tune.best_of([_choice(0.5, 1.0, 10, 5), _choice(0.5, 1.0, 10, 4), _choice(0.4, 1.0, 10, 1)]) == 1
