"""`progress.jsonl`: one line a second about how the run goes, for people and programs that watch it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import gevent
import msgspec

from loadtests.clock import Clock
from loadtests.histogram import latency_of
from loadtests.observe import Observer
from loadtests.plan import Progress

if TYPE_CHECKING:
    from loadtests.schedule import Schedule

WRITE_AFTER_MS = 300


class ProgressLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line. Rates are of the second that ended; `phase` is a schedule's phase once the trace runs.

    Attributes:
        elapsed_s: since the start of the trace; negative before it.
        sent_per_s: readings sent.
        acknowledged_per_s: readings acknowledged.
        ack_ms_p50: from the intended time, of the packs acknowledged in this second; None when there was none.
        alerts_park: transitions seen at the park level since the beginning.
    """

    at_ms: int
    phase: str
    elapsed_s: float
    trace_s: float
    workers: int
    sent_per_s: float
    acknowledged_per_s: float
    packs_sent_per_s: float
    packs_acknowledged_per_s: float
    ack_ms_p50: float | None
    ack_ms_p99: float | None
    requests: int
    refused: int
    errors: int
    backlog_mib: float
    alerts_park: int
    alerts_city: int
    observers: int


class ProgressLog:
    """Gathers what the workers tell within a second and writes a line.

    Args:
        path: the file.
        events: transitions seen so far by level; read at each line.
        observers: the observers; read at each line.
    """

    def __init__(self, path: Path, clock: Clock, events: Mapping[str, int], observers: Sequence[Observer]) -> None:
        self._file: IO[bytes] = path.open("wb")
        self._clock = clock
        self._events = events
        self._observers = observers
        self._parts: list[Progress] = []
        self._backlog: dict[str, int] = {}
        self._totals: Counter[str] = Counter()
        self._written_us = clock.now_us()
        self.stage = "starting"
        self.schedule: Schedule | None = None

    def add(self, worker: str, progress: Progress) -> None:
        """A worker's second."""
        self._parts.append(progress)
        self._backlog[worker] = progress.backlog_bytes
        self._totals.update(requests=progress.requests, refused=progress.refused, errors=progress.errors)

    def run(self) -> None:
        """Write a line a second until killed, a little after the workers have told their second."""
        while True:
            start_ms = self.schedule.start_at_ms if self.schedule else 0
            into_ms = (self._clock.now_us() / 1000 - start_ms - WRITE_AFTER_MS) % 1000
            gevent.sleep((1000 - into_ms) / 1000)
            self.write()

    def finish(self, phase: str) -> None:
        """Write the last line and close."""
        self.write(phase)
        self._file.close()

    def write(self, phase: str = "") -> None:
        """Write a line about what came in since the last one."""
        now_us = self._clock.now_us()
        seconds = max((now_us - self._written_us) / 1e6, 1e-3)
        self._written_us = now_us
        parts, self._parts = self._parts, []
        latency = latency_of(Counter(value for part in parts for value in part.latencies_us))
        schedule = self.schedule
        elapsed_s = (now_us / 1000 - schedule.start_at_ms) / 1000 if schedule else 0.0
        line = ProgressLine(
            at_ms=now_us // 1000,
            phase=phase or (schedule.phase(now_us // 1000) if schedule and elapsed_s >= 0 else self.stage),
            elapsed_s=round(elapsed_s, 3),
            trace_s=(schedule.ends_at_ms - schedule.start_at_ms) / 1000 if schedule else 0.0,
            workers=len(self._backlog),
            sent_per_s=round(sum(part.readings_sent for part in parts) / seconds, 1),
            acknowledged_per_s=round(sum(part.readings_acknowledged for part in parts) / seconds, 1),
            packs_sent_per_s=round(sum(part.sent for part in parts) / seconds, 1),
            packs_acknowledged_per_s=round(sum(part.acknowledged for part in parts) / seconds, 1),
            ack_ms_p50=latency.p50_ms if latency.count else None,
            ack_ms_p99=latency.p99_ms if latency.count else None,
            requests=self._totals["requests"],
            refused=self._totals["refused"],
            errors=self._totals["errors"],
            backlog_mib=round(sum(self._backlog.values()) / 2**20, 1),
            alerts_park=self._events["park"],
            alerts_city=self._events["city"],
            observers=sum(observer.connected for observer in self._observers),
        )
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()
