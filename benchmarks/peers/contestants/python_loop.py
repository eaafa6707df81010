"""Plain Python, as anybody would write it: a loop over the readings, and a dictionary of points that are not normal."""

import platform

from benchmarks.peers import work as w
from benchmarks.peers.contestants.one_point import NORMAL, OnePoint
from benchmarks.peers.work import Transition, Workload


class Engine:
    """An ordinary reading of an ordinary point costs a comparison and a look into the dictionary."""

    def prepare(self, work: Workload) -> None:
        """Lists of Python numbers, second by second."""
        self._seconds = [
            (int(work.time_ms[s.start]), work.point[s].tolist(), work.value[s].tolist())
            for s in work.slices(work.points)
        ]

    def begin(self) -> None:
        """Forget everything."""
        self._found: list[Transition] = []
        self._busy: dict[int, OnePoint] = {}

    def run(self) -> None:
        """All readings, one by one."""
        busy, high = self._busy, w.HIGH
        for now_ms, points, values in self._seconds:
            for point, value in zip(points, values, strict=True):
                if value >= high or point in busy:
                    self._judge(point, now_ms, value)

    def _judge(self, point: int, now_ms: int, value: float) -> None:
        state = self._busy.get(point) or self._busy.setdefault(point, OnePoint())
        found = state.take(now_ms, value)
        if found:
            at_ms, kind, onset_ms = found
            self._found.append(Transition(at_ms, point, kind, onset_ms))
        if state.phase == NORMAL:
            del self._busy[point]

    def transitions(self) -> list[Transition]:
        """As they came out."""
        return self._found

    def version(self) -> str:
        """Of the interpreter."""
        return platform.python_version()

    def close(self) -> None:
        """Nothing is held."""
