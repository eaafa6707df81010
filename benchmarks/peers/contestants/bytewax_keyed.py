"""Bytewax: a keyed stateful operator, the way its documentation builds one.

`stateful_batch` is the operator that the others (`stateful`, `stateful_map`) are made of, so it is the fastest; the
input hands over a whole second as one list of ready pairs.
"""

import importlib.metadata
from collections.abc import Iterable
from datetime import timedelta

import bytewax.operators as op  # type: ignore[import-not-found]  # installed in its own environment only
from bytewax.dataflow import Dataflow  # type: ignore[import-not-found]  # as above
from bytewax.inputs import DynamicSource, StatelessSourcePartition  # type: ignore[import-not-found]  # as above
from bytewax.testing import TestingSink, run_main  # type: ignore[import-not-found]  # as above

from benchmarks.peers.contestants.one_point import OnePoint
from benchmarks.peers.work import Transition, Workload

Pair = tuple[str, tuple[int, float]]
Found = tuple[int, int, int]
NOTHING: tuple[Found, ...] = ()


class _Part(StatelessSourcePartition):  # type: ignore[misc]  # bytewax is not seen by mypy
    def __init__(self, batches: list[list[Pair]]) -> None:
        self._batches = iter(batches)

    def next_batch(self) -> list[Pair]:
        return next(self._batches)  # its StopIteration is bytewax's end of the input


class _Source(DynamicSource):  # type: ignore[misc]  # as above
    def __init__(self, batches: list[list[Pair]]) -> None:
        self._batches = batches

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Part:  # noqa: ARG002 - bytewax's signature
        return _Part(self._batches)


class _Logic(op.StatefulBatchLogic):  # type: ignore[misc]  # as above
    def __init__(self) -> None:
        self._take = OnePoint().take

    def on_batch(self, values: list[tuple[int, float]]) -> tuple[Iterable[Found], bool]:
        if len(values) == 1:
            found = self._take(*values[0])
            return ((found,) if found else NOTHING), False
        return [found for reading in values if (found := self._take(*reading))], False

    def snapshot(self) -> None:
        """Nothing is recovered in this run."""


class Engine:
    """One worker, in this process."""

    def prepare(self, work: Workload) -> None:
        """Pairs of (key, (time, value)), a list a second; the keys are shared."""
        keys = [str(point) for point in range(work.points)]
        self._batches = [
            list(zip(keys, zip(work.time_ms[s].tolist(), work.value[s].tolist(), strict=True), strict=True))
            for s in work.slices(work.points)
        ]

    def begin(self) -> None:
        """A new dataflow."""
        self._found: list[tuple[str, Found]] = []
        self._flow = Dataflow("alarms")
        readings = op.input("readings", self._flow, _Source(self._batches))
        alarms = op.stateful_batch("alarms", readings, lambda _: _Logic())
        op.output("found", alarms, TestingSink(self._found))

    def run(self) -> None:
        """The dataflow, from start to end; epochs are long, since nothing is recovered."""
        run_main(self._flow, epoch_interval=timedelta(hours=1))

    def transitions(self) -> list[Transition]:
        """What the sink took."""
        return [Transition(at_ms, int(key), kind, onset_ms) for key, (at_ms, kind, onset_ms) in self._found]

    def version(self) -> str:
        """Bytewax's."""
        return importlib.metadata.version("bytewax")

    def close(self) -> None:
        """Nothing is held."""
