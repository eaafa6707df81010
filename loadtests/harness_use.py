"""What the load process itself uses: processor time, memory, pauses of the garbage collector."""

import gc
import resource
import time
from typing import Any

from loadtests.record import HarnessUse

_COLLECT_EVERY = 50_000  # allocations; the load makes little garbage in cycles, and a full collection is a pause


class UseMeter:
    """Measures this process over the part of a run that counts."""

    def __init__(self) -> None:
        self._begun: tuple[float, float] | None = None
        self._latest: tuple[float, float] | None = None
        self._collection_began_s = 0.0
        self._pause_s_max = 0.0
        self._thresholds = gc.get_threshold()

    def start(self) -> None:
        """Take everything that stands out of the collector's sight, and begin to watch it."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(_COLLECT_EVERY, 20, 20)
        gc.callbacks.append(self._on_collection)

    def mark(self) -> None:
        """The part that counts begins here (first call) or has lasted until here."""
        now = (time.process_time(), time.perf_counter())
        self._begun = self._begun or now
        self._latest = now

    def stop(self) -> None:
        """Give the collector back as it was."""
        if self._on_collection in gc.callbacks:
            gc.callbacks.remove(self._on_collection)
            gc.set_threshold(*self._thresholds)
            gc.unfreeze()

    def freeze(self, worker: int, *, feed_late_us_max: int, feed_stalled_us: int) -> HarnessUse:
        """What was measured."""
        cpu_s = wall_s = 0.0
        if self._begun and self._latest:
            cpu_s, wall_s = (late - early for early, late in zip(self._begun, self._latest, strict=True))
        return HarnessUse(
            worker=worker,
            cpu_s=cpu_s,
            wall_s=wall_s,
            memory_max_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            gc_pause_ms_max=self._pause_s_max * 1000,
            feed_late_ms_max=feed_late_us_max / 1000,
            feed_stalled_s=feed_stalled_us / 1e6,
        )

    def _on_collection(self, phase: str, _info: dict[str, Any]) -> None:
        now_s = time.perf_counter()
        if phase == "start":
            self._collection_began_s = now_s
        else:
            self._pause_s_max = max(self._pause_s_max, now_s - self._collection_began_s)
