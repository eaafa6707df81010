"""Many choices of a rule's parameters over the same readings, each with its score and its load."""

import multiprocessing
import signal
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Final, NamedTuple

import yaml
from msgspec.structs import replace

from benchmarks.backtest import operator_load, sweep
from benchmarks.backtest.progress import Progress
from benchmarks.backtest.replay import replay
from benchmarks.backtest.result import Choice, Tuning
from benchmarks.backtest.ruling import kind_of, reach
from benchmarks.backtest.run import Outcome
from benchmarks.backtest.scoring import Truth, score
from benchmarks.backtest.spool import Spool
from contract.errors import PeerError
from contract.messages import Point
from contract.rules import Rule, RuleSet

_SAME: Final = 1e-9
ALONE_BELOW: Final = 20_000_000
"""Readings to judge for which processes are not worth their start."""


class Work(NamedTuple):
    """What a worker needs; the readings are in a file that all workers share."""

    spool: Path
    points: Sequence[Point]
    rule: Rule
    rules: RuleSet
    lateness_ms: int
    span_ms: tuple[int, int]
    truth: Truth | None


def find_rule(rules: RuleSet, name: str) -> Rule:
    """The rule with an id.

    Raises:
        PeerError: there is none.
    """
    for rule in rules.rules:
        if rule.id == name:
            return rule
    known = ", ".join(rule.id for rule in rules.rules)
    raise PeerError("no such rule", where="--tune", found=repr(name), wanted=f"one of {known}")


def tune(outcome: Outcome, name: str, written: Sequence[str], jobs: int, progress: Progress) -> Tuning:
    """Try the choices.

    Args:
        outcome: of the backtest with the rules as they are.
        name: id of the rule.
        written: the sweeps; empty for what the kind of rule and the data suggest.
        jobs: processes.
        progress: shows how far it is.

    Raises:
        PeerError: there is no such rule, or a sweep cannot be meant.
    """
    rule, recording = find_rule(outcome.rules, name), outcome.recording
    asked = sweep.parse(written, rule) if written else None
    recording.keep(strict=outcome.options.strict)
    points = recording.points
    values = asked or sweep.suggest(rule, points, recording.spool)
    parameters, refused = sweep.choices(rule, outcome.rules, values)
    work = Work(
        spool=recording.spool.path,
        points=points,
        rule=rule,
        rules=outcome.rules,
        lateness_ms=outcome.options.lateness_ms,
        span_ms=(recording.first_ms, recording.last_ms),
        truth=outcome.truth.within(reach(rule, outcome.rules.rules, points)) if outcome.truth else None,
    )
    progress.phase(f"trying {len(parameters)} choices")
    tried = mark_pareto(_try_all(work, parameters, jobs, progress))
    current = next(
        (place for place, one in enumerate(parameters) if all(getattr(rule, key) == it for key, it in one.items())),
        None,
    )
    best = best_of(tried)
    snippet = "" if best is None else _snippet(rule, tried[best])
    return Tuning(rule=name, choices=tried, current=current, best=best, refused=refused, snippet=snippet)


def _try_all(work: Work, parameters: Sequence[Mapping[str, float]], jobs: int, progress: Progress) -> list[Choice]:
    if jobs == 1 or len(parameters) == 1 or Spool(work.spool).readings * len(parameters) < ALONE_BELOW:
        tried = []
        for one in parameters:
            tried.append(try_choice(work, one))
            progress.at(len(tried) / len(parameters), f"{len(tried)} of {len(parameters)}")
        return tried
    # Forking a process whose libraries have threads can hang it.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(parameters)), mp_context=context, initializer=_leave_to_parent) as pool:
        futures: list[Future[Choice]] = [pool.submit(try_choice, work, one) for one in parameters]
        try:
            for done, _ in enumerate(as_completed(futures), 1):
                progress.at(done / len(futures), f"{done} of {len(futures)}")
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.terminate()
            raise


def _leave_to_parent() -> None:
    """A worker does not hear Ctrl-C: its parent ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def try_choice(work: Work, parameters: Mapping[str, float]) -> Choice:
    """One choice over all readings; only the alarms of the rule itself count."""
    rules = sweep.with_choice(work.rule, work.rules, parameters)
    history = replay(Spool(work.spool).batches(), work.points, rules, work.lateness_ms)
    alarms = history.alarms()
    alarms = alarms.chosen(alarms.rule == 0)
    load = operator_load.measure(alarms, *work.span_ms)
    return Choice(
        parameters=sweep.written(parameters),
        alarms=load.alarms,
        alarms_per_day=load.alarms_per_day,
        per_period_max=load.per_period_max,
        score=score(alarms, work.truth).score if work.truth else None,
    )


def mark_pareto(tried: Sequence[Choice]) -> list[Choice]:
    """Mark the choices that no other beats in precision, recall and alarms a day."""
    return [replace(one, is_pareto=_is_pareto(one, tried)) for one in tried]


def _is_pareto(one: Choice, tried: Sequence[Choice]) -> bool:
    if one.score is None or not one.alarms:
        return False
    mine = _merits(one)
    return not any(
        all(theirs >= own for theirs, own in zip(_merits(other), mine, strict=True)) and _merits(other) != mine
        for other in tried
    )


def _merits(choice: Choice) -> tuple[float, float, float]:
    score = choice.score
    if score is None:
        return 0.0, 0.0, -choice.alarms
    return score.precision or 0.0, score.recall or 0.0, -choice.alarms


def best_of(tried: Sequence[Choice]) -> int | None:
    """The choice with the best F1; of equals the one with the fewest false alarms, then the shortest delay."""
    scored = [(place, one.score) for place, one in enumerate(tried) if one.score and one.score.f1 is not None]
    if not scored:
        return None
    f1 = max(score.f1 or 0.0 for _, score in scored)
    equals = [(place, score) for place, score in scored if (score.f1 or 0.0) >= f1 - _SAME]
    return min(equals, key=lambda one: (one[1].false_alarms, one[1].delay_s.p50 or 0.0))[0]


def _snippet(rule: Rule, choice: Choice) -> str:
    """The lines of the rule that are to be written into the rules file."""
    lines: dict[str, object] = {"id": rule.id, "kind": kind_of(rule), **choice.parameters}
    return yaml.safe_dump(lines, sort_keys=False, allow_unicode=True)
