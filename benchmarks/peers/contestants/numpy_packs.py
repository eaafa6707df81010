"""Numpy over whole packs: a mask finds the few readings that matter, Python looks at those."""

import numpy as np

from benchmarks.peers import work as w
from benchmarks.peers.contestants.one_point import NORMAL, OnePoint
from benchmarks.peers.work import Transition, Workload


class Engine:
    """Takes it for granted that readings are valid and in order; nothing is checked and no clock is kept.

    Args:
        size: readings of a pack.
    """

    def __init__(self, size: int) -> None:
        self._size = size

    def prepare(self, work: Workload) -> None:
        """Cut the columns into packs."""
        self._points = work.points
        self._packs = [(work.point[s], work.time_ms[s], work.value[s]) for s in work.slices(self._size)]

    def begin(self) -> None:
        """Forget everything."""
        self._found: list[Transition] = []
        self._state: dict[int, OnePoint] = {}
        self._busy = np.zeros(self._points, dtype=np.bool_)

    def run(self) -> None:
        """All packs."""
        busy = self._busy
        for point, time_ms, value in self._packs:
            matters = value >= w.HIGH
            matters |= busy[point]
            for place in np.flatnonzero(matters).tolist():
                self._judge(int(point[place]), int(time_ms[place]), float(value[place]))

    def _judge(self, point: int, now_ms: int, value: float) -> None:
        state = self._state.get(point) or self._state.setdefault(point, OnePoint())
        found = state.take(now_ms, value)
        if found:
            at_ms, kind, onset_ms = found
            self._found.append(Transition(at_ms, point, kind, onset_ms))
        self._busy[point] = state.phase != NORMAL

    def transitions(self) -> list[Transition]:
        """As they came out."""
        return self._found

    def version(self) -> str:
        """Numpy's."""
        return np.__version__

    def close(self) -> None:
        """Nothing is held."""
