"""Rules over recorded readings: one source, in the order in which its readings came."""

from collections.abc import Iterable, Sequence

from benchmarks.backtest.arrival import packs
from benchmarks.backtest.history import History, Recorder
from benchmarks.backtest.readings import Batch
from benchmarks.backtest.times import TIME_MS_MAX
from contract.messages import Point
from contract.rules import Rule
from reference_impl.monitoring import Monitor


def replay(batches: Iterable[Batch], points: Sequence[Point], rules: Sequence[Rule], lateness_ms: int) -> History:
    """What the rules make of the readings.

    The file is one gateway without pack numbers: readings wait for `lateness_ms`. At its end what waits is released and
    the timers due up to its newest reading fire (SEMANTICS.md, T3 and T11).
    """
    monitor = Monitor(points, rules, lateness_ms=lateness_ms)
    late = 0
    with Recorder(rules) as recorder:
        for columns in packs(batches, lateness_ms):
            applied = monitor.apply(0, monitor.check(0, columns, TIME_MS_MAX))
            recorder.add(applied.transitions)
            late += applied.late
        ended = monitor.finish(0)
        recorder.add(ended.transitions)
        return History(recorder.transitions(), monitor.subjects, rules, late + ended.late)
