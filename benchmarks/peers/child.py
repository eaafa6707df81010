"""The process of one contestant: `python -m benchmarks.peers.child NAME FOLDER POINTS SECONDS`.

It runs in that contestant's environment, on one core, and leaves `NAME.json` in the folder, in which it also finds the
columns of the workload.
"""

import gc
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from benchmarks.peers.face import Contestant, by_name
from benchmarks.peers.work import Transition, Workload

WARM_UP_S = 4.0
MEASURE_S = 6.0
RUNS_MIN, RUNS_MAX = 3, 100


class Told(TypedDict):
    """What a contestant's process tells.

    Attributes:
        version: of the engine.
        run_s: duration of each timed run, seconds.
        steady: all runs gave the same answer.
        transitions: the answer, sorted.
        peak_bytes: most memory that was resident, of this process or of one that it started.
    """

    version: str
    run_s: list[float]
    steady: bool
    transitions: list[Transition]
    peak_bytes: int


def main(name: str, folder: Path, points: int, seconds: int) -> None:
    """Run one contestant and write down what it did."""
    _use_one_core()
    engine = by_name(name).engine()
    engine.prepare(Workload.load(folder, points, seconds))
    with _left_alone():
        told = measure(engine)
    engine.close()
    told["peak_bytes"] = _peak_bytes()
    (folder / f"{name}.json").write_text(json.dumps(told), encoding="utf-8")


def measure(engine: Contestant, warm_up_s: float = WARM_UP_S, measure_s: float = MEASURE_S) -> Told:
    """Run a prepared engine until both times have passed; at least one warm-up and `RUNS_MIN` timed runs."""
    began_s = time.perf_counter()
    answers = {_run(engine)[1]}
    for _ in range(RUNS_MAX):
        if time.perf_counter() - began_s >= warm_up_s:
            break
        answers.add(_run(engine)[1])
    began_s = time.perf_counter()
    run_s: list[float] = []
    while len(run_s) < RUNS_MIN or (time.perf_counter() - began_s < measure_s and len(run_s) < RUNS_MAX):
        duration_s, answer = _run(engine)
        run_s.append(duration_s)
        answers.add(answer)
    return Told(
        version=engine.version(),
        run_s=run_s,
        steady=len(answers) == 1,
        transitions=list(answers.pop()),
        peak_bytes=_peak_bytes(),
    )


def _run(engine: Contestant) -> tuple[float, tuple[Transition, ...]]:
    engine.begin()
    began_s = time.perf_counter()
    engine.run()
    duration_s = time.perf_counter() - began_s
    return duration_s, tuple(sorted(engine.transitions()))


def _use_one_core() -> None:
    """Stay on the last core that is allowed; what is started from here inherits that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


@contextmanager
def _left_alone() -> Iterator[None]:
    """The prepared readings are no work for the garbage collector."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _peak_bytes() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
