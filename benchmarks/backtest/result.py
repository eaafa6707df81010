"""What a backtest found, as it is written to result.json."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.backtest.operator_load import Load
from benchmarks.backtest.scoring import Score
from benchmarks.result import Objective
from contract.messages import Level

FORMAT: Final = 1
RESULT_FILE: Final = "result.json"
TRANSITIONS_FILE: Final = "transitions.jsonl"
REPORT_FILE: Final = "report.html"
ALARMS_KEPT_MAX: Final = 1_000
WINDOWS_KEPT_MAX: Final = 1_000


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is written."""


class BadRowFound(Record, frozen=True, kw_only=True):
    """A row that could not be used."""

    where: str
    found: str
    wanted: str


class DataFacts(Record, frozen=True, kw_only=True):
    """The file, as it was understood.

    Attributes:
        file: its name.
        understood: separator, columns, time format, as far as they were found out.
        renamed: names in the patterns of rules by names in the data, where they differ.
        rows, readings: that were used.
        bad_rows: that could not be used, or not wholly; `bad` are the first of them.
        late: readings that came later than `lateness_s` behind the newest and changed nothing.
        naive: times without an offset from UTC, which were taken to be in `timezone`.
        sorted: why the readings were put in order of time; empty where they were not.
    """

    file: str
    shape: str
    understood: dict[str, str]
    renamed: dict[str, str]
    points: int
    rows: int
    readings: int
    bad_rows: int
    bad: list[BadRowFound]
    late: int
    lateness_s: float
    naive: int
    timezone: str
    sorted: str
    first_ms: int
    last_ms: int


class RuleFigures(Record, frozen=True, kw_only=True):
    """What one rule did.

    Attributes:
        subjects: points, devices or zones with at least one alarm.
        standing: alarms that stood at the end.
        longest_s: the longest alarm.
        standing_share: share of the observed time in which at least one alarm stood.
        score: of its alarms against the windows about points that it applies to; None without labels.
    """

    id: str
    kind: str
    level: Level
    alarms: int
    subjects: int
    alarms_per_day: float | None
    standing: int
    longest_s: float | None
    standing_share: float
    score: Score | None


class AlarmFound(Record, frozen=True, kw_only=True):
    """One alarm; `is_true` is None without labels, `cleared_ms` where it stood at the end."""

    point: str
    rule: str
    level: Level
    onset_ms: int
    raised_ms: int
    cleared_ms: int | None
    value: float
    is_true: bool | None


class WindowFound(Record, frozen=True, kw_only=True):
    """One window; `delay_s` is None where it was missed."""

    point: str
    start_ms: int
    end_ms: int
    delay_s: float | None
    stood_before: bool


class Choice(Record, frozen=True, kw_only=True):
    """One choice of a rule's parameters, and what it would have meant.

    Attributes:
        parameters: as they are written in a rules file.
        is_pareto: no other choice is at least as good in precision, recall and alarms a day, and better in one.
    """

    parameters: dict[str, float | str]
    alarms: int
    alarms_per_day: float | None
    per_period_max: int
    score: Score | None
    is_pareto: bool = False


class Tuning(Record, frozen=True, kw_only=True):
    """A sweep over the parameters of a rule.

    Attributes:
        rule: its id.
        current: place of the choice that the rules file has; None where it is not among them.
        best: place of the choice with the best F1; None without labels.
        refused: combinations that are no rule, such as a deadband wider than the band.
        snippet: the best choice as YAML for the rules file; empty without labels.
    """

    rule: str
    choices: list[Choice]
    current: int | None
    best: int | None
    refused: int
    snippet: str


class BacktestResult(Record, frozen=True, kw_only=True):
    """Everything; the transitions are in a file of their own."""

    format: int
    parkbench: str
    repeat: str
    data: DataFacts
    rules_file: str
    rules_version: str
    idle_rules: list[str]
    rules: list[RuleFigures]
    load: Load
    labels_file: str
    labels_left_out: int
    tolerance_s: float
    score: Score | None
    windows: list[WindowFound]
    alarms: list[AlarmFound]
    objectives: list[Objective]
    tuning: Tuning | None

    @property
    def objectives_met(self) -> bool:
        """All of them."""
        return all(objective.met for objective in self.objectives)


def save(result: BacktestResult, path: Path) -> None:
    """Write the result."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")


def load(path: Path) -> BacktestResult:
    """Read a result back."""
    return msgspec.json.decode(path.read_bytes(), type=BacktestResult)


def renamed(names: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The names that differ."""
    return {given: safe for given, safe in names if given != safe}
