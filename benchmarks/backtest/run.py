"""One backtest from beginning to end: read, replay, score, write."""

import importlib.metadata
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.backtest import objective, operator_load, result, scoring
from benchmarks.backtest.arrival import Order
from benchmarks.backtest.delimited import CsvOptions
from benchmarks.backtest.history import LEVELS, STANDING, Alarms, History
from benchmarks.backtest.labels import Window, load_labels
from benchmarks.backtest.names import NewPointError
from benchmarks.backtest.progress import Progress
from benchmarks.backtest.recording import Recording, open_source
from benchmarks.backtest.replay import replay
from benchmarks.backtest.result import AlarmFound, BacktestResult, BadRowFound, DataFacts, RuleFigures, WindowFound
from benchmarks.backtest.ruling import fitted, kind_of, reach
from benchmarks.backtest.scoring import Scored, Truth
from benchmarks.result import Bound
from contract.rulebook import load_rules
from contract.rules import Rule, RuleSet

POINT_TOLERANCE_MS = 60_000
"""Labels that are points in time, as most fault logs have them, are rarely exact to the second."""


class Options(NamedTuple):
    """What a person asks for.

    Attributes:
        data: a path, or `-`.
        rules: the rules file.
        labels: a file of labels.
        csv: how the file is written, as far as the person says so.
        order: in which the readings are judged.
        lateness_ms: how long readings wait for others that were overtaken.
        tolerance_ms: how far outside of a window an alarm may stand and count; by the kind of labels unless told.
        strict: refuse the first bad row.
        objectives: parsed.
        command: the words of the command, to repeat it.
    """

    data: str
    rules: Path
    labels: Path | None
    csv: CsvOptions
    order: Order
    lateness_ms: int
    tolerance_ms: int | None
    strict: bool
    objectives: Sequence[tuple[str, Bound, float]]
    command: Sequence[str]

    @property
    def is_labelled(self) -> bool:
        """Are there labels?"""
        return self.labels is not None or self.csv.asked.label is not None


class Outcome(NamedTuple):
    """What a backtest found, in the forms that its outputs need.

    Attributes:
        truth, scored: None without labels.
    """

    options: Options
    recording: Recording
    rules: RuleSet
    idle: list[str]
    history: History
    alarms: Alarms
    truth: Truth | None
    scored: Scored | None

    @property
    def subject_names(self) -> list[str]:
        """Names of what alarms were about, as the data have them."""
        given = {name.safe: name.given for name in self.recording.names}
        nameless = Path(self.options.data).stem
        return [given.get(point.name, point.name) or nameless for point in self.history.subjects]


def judge(options: Options, folder: Path, progress: Progress) -> Outcome:
    """Read the file, apply the rules, score the alarms.

    Args:
        options: what is asked for.
        folder: for temporary files.
        progress: shows how far it is.

    Raises:
        PeerError: the file, the rules or the labels cannot be used.
        BadRowError: a bad row, where that is not forgiven.
    """
    rules = load_rules(options.rules)
    windows = load_labels(options.labels, options.csv.zone, options.csv.time_format) if options.labels else []
    recording = Recording(open_source(options.data, options.csv, folder), options.order, folder, progress)
    recording.survey(strict=options.strict)
    try:
        fit, idle, history = _replayed(options, recording, rules, progress)
    except NewPointError:
        recording.survey(strict=options.strict, whole=True)
        fit, idle, history = _replayed(options, recording, rules, progress)
    alarms = history.alarms()
    truth = _truth(options, recording, history, windows) if options.is_labelled else None
    scored = scoring.score(alarms, truth) if truth else None
    return Outcome(options, recording, fit, idle, history, alarms, truth, scored)


def _replayed(
    options: Options, recording: Recording, rules: RuleSet, progress: Progress
) -> tuple[RuleSet, list[str], History]:
    points = recording.points
    fit, idle = fitted(rules, points, str(options.rules))
    progress.phase("applying the rules")
    history = replay(recording.batches(strict=options.strict), points, fit.rules, options.lateness_ms)
    return fit, idle, history


def _truth(options: Options, recording: Recording, history: History, listed: Sequence[Window]) -> Truth:
    windows = sorted([*listed, *recording.labelled])
    tolerance_ms = options.tolerance_ms
    if tolerance_ms is None:
        are_moments = bool(listed) and all(window.start_ms == window.end_ms for window in listed)
        tolerance_ms = POINT_TOLERANCE_MS if are_moments else 0
    span_ms = recording.first_ms, recording.last_ms
    return scoring.prepare(windows, history.subjects, recording.names, span_ms, tolerance_ms)


# --- the result ------------------------------------------------------------------------------------------------------


def assemble(outcome: Outcome) -> BacktestResult:
    """The result that is written and shown."""
    options, recording, history = outcome.options, outcome.recording, outcome.history
    load = operator_load.measure(outcome.alarms, recording.first_ms, recording.last_ms)
    score = outcome.scored.score if outcome.scored else None
    return BacktestResult(
        format=result.FORMAT,
        parkbench=importlib.metadata.version("parkbench"),
        repeat=shlex.join(options.command),
        data=_data(outcome),
        rules_file=str(options.rules),
        rules_version=outcome.rules.version,
        idle_rules=outcome.idle,
        rules=[_figures(outcome, place, rule) for place, rule in enumerate(history.rules)],
        load=load,
        labels_file=str(options.labels or options.csv.asked.label or ""),
        labels_left_out=outcome.truth.left_out if outcome.truth else 0,
        tolerance_s=outcome.truth.tolerance_ms / 1000 if outcome.truth else 0.0,
        score=score,
        windows=_windows(outcome),
        alarms=_alarms(outcome),
        objectives=[objective.judge(asked, score, load.alarms_per_day) for asked in options.objectives],
        tuning=None,
    )


def _data(outcome: Outcome) -> DataFacts:
    options, recording, tally = outcome.options, outcome.recording, outcome.recording.tally
    return DataFacts(
        file=options.data,
        shape=recording.source.shape,
        understood=recording.source.facts,
        renamed=result.renamed(recording.names),
        points=len(recording.names),
        rows=tally.rows,
        readings=tally.readings,
        bad_rows=tally.bad_rows,
        bad=[BadRowFound(where=row.where, found=row.found, wanted=row.wanted) for row in tally.bad],
        late=outcome.history.late,
        lateness_s=options.lateness_ms / 1000,
        naive=tally.naive,
        timezone=options.csv.zone.name,
        sorted=recording.disorder,
        first_ms=recording.first_ms,
        last_ms=recording.last_ms,
    )


def _figures(outcome: Outcome, place: int, rule: Rule) -> RuleFigures:
    recording = outcome.recording
    chosen = outcome.alarms.chosen(outcome.alarms.rule == place)
    first_ms, last_ms = recording.first_ms, recording.last_ms
    until_ms = chosen.ends_ms(last_ms)
    stood_ms = until_ms - chosen.raised_ms
    span_ms = last_ms - first_ms
    reached = reach(rule, outcome.history.rules, recording.points)
    return RuleFigures(
        id=rule.id,
        kind=kind_of(rule),
        level=rule.level,
        alarms=len(chosen),
        subjects=len(np.unique(chosen.subject)),
        alarms_per_day=operator_load.per_day(len(chosen), span_ms),
        standing=int(np.count_nonzero(chosen.cleared_ms == STANDING)),
        longest_s=float(stood_ms.max()) / 1000 if len(chosen) else None,
        standing_share=scoring.covered_ms(chosen.raised_ms, until_ms) / span_ms if span_ms else 0.0,
        score=scoring.score(chosen, outcome.truth.within(reached)).score if outcome.truth else None,
    )


def _windows(outcome: Outcome) -> list[WindowFound]:
    if outcome.truth is None or outcome.scored is None:
        return []
    found = zip(outcome.truth.windows, outcome.scored.delay_ms.tolist(), outcome.scored.stood_before, strict=True)
    return [
        WindowFound(
            point=window.point,
            start_ms=window.start_ms,
            end_ms=window.end_ms,
            delay_s=None if np.isnan(delay_ms) else delay_ms / 1000,
            stood_before=bool(stood),
        )
        for window, delay_ms, stood in list(found)[: result.WINDOWS_KEPT_MAX]
    ]


def _alarms(outcome: Outcome) -> list[AlarmFound]:
    names, rules, first = outcome.subject_names, outcome.history.rules, slice(result.ALARMS_KEPT_MAX)
    is_true = outcome.scored.is_true[first].tolist() if outcome.scored else [None] * len(outcome.alarms.rule[first])
    return [
        AlarmFound(
            point=names[subject],
            rule=rules[rule].id,
            level=LEVELS[level],
            onset_ms=onset_ms,
            raised_ms=raised_ms,
            cleared_ms=None if cleared_ms == STANDING else cleared_ms,
            value=value,
            is_true=true,
        )
        for subject, rule, raised_ms, cleared_ms, onset_ms, value, level, true in zip(
            *(column[first].tolist() for column in outcome.alarms), is_true, strict=True
        )
    ]
