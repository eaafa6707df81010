"""What the processes of a run use of the machine, sampled while it lasts."""

import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

import psutil

from benchmarks.result import Resources

SAMPLE_EVERY_S = 1.0


class Sample(NamedTuple):
    """One look: at which wall time, and of each group the cores used since the last look and the memory held."""

    at_ms: float
    cores: dict[str, float]
    memory_bytes: dict[str, int]


class Meter:
    """Samples groups of processes (each a process and all its descendants) in a thread of its own."""

    def __init__(self, groups: Mapping[str, int]) -> None:
        self._groups = dict(groups)
        self._cpu_s: dict[int, float] = {}
        self._samples: list[Sample] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)

    def start(self) -> None:
        """Begin to sample."""
        self._thread.start()

    def stop(self) -> list[Sample]:
        """End; gives all samples."""
        self._stop.set()
        self._thread.join()
        return self._samples

    def _run(self) -> None:
        before_s = time.perf_counter()
        self._look()
        while not self._stop.wait(SAMPLE_EVERY_S):
            now_s = time.perf_counter()
            used, memory = self._look()
            passed_s, before_s = now_s - before_s, now_s
            cores = {group: round(spent_s / passed_s, 4) for group, spent_s in used.items()}
            self._samples.append(Sample(time.time() * 1000, cores, memory))

    def _look(self) -> tuple[dict[str, float], dict[str, int]]:
        """Processor seconds since the last look, and resident bytes, by group."""
        used: dict[str, float] = {}
        memory: dict[str, int] = {}
        for group, root in self._groups.items():
            used[group], memory[group] = 0.0, 0
            for process in _family(root):
                try:
                    times = process.cpu_times()
                    memory[group] += process.memory_info().rss
                except psutil.Error:  # it ended between listing and looking
                    continue
                spent_s = times.user + times.system
                used[group] += spent_s - self._cpu_s.get(process.pid, 0.0)
                self._cpu_s[process.pid] = spent_s
        return used, memory


def _family(root: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(root)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def resources(samples: list[Sample], start_at_ms: int) -> Resources:
    """The samples from the start of the trace on; a group that was not sampled (an outside platform) stays empty."""
    samples = [sample for sample in samples if sample.at_ms >= start_at_ms]
    groups = samples[0].cores.keys() if samples else ()

    def cores(group: str) -> list[float]:
        return [sample.cores[group] for sample in samples] if group in groups else []

    def memory(group: str) -> list[int]:
        return [sample.memory_bytes[group] for sample in samples] if group in groups else []

    return Resources(
        elapsed_s=[round((sample.at_ms - start_at_ms) / 1000, 3) for sample in samples],
        harness_cores=cores("harness"),
        park_cores=cores("park"),
        city_cores=cores("city"),
        park_memory_bytes=memory("park"),
        city_memory_bytes=memory("city"),
    )
