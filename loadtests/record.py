"""What the load did and how long it took: counted while it runs, frozen into a record, merged over workers.

Every sample has four times: when it was meant to be sent, when it was sent, when it was acknowledged, and when its
effect was seen (the observers keep that one). Latency is counted twice: corrected, from the intended time, so that a
platform that stalls pays for everything that had to wait; and uncorrected, from the sending of the attempt that was
accepted, which is what a generator with coordinated omission would report.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from loadtests.histogram import Latency, LatencyRecorder, bucket, latency_of
from loadtests.observe import ClockOffset, ObserverRecord
from loadtests.schedule import Schedule, is_back_pressure
from loadtests.targets import Outcome

TELEMETRY = "telemetry"
OPEN_SECONDS_MAX = 64


class Job(NamedTuple):
    """One thing that the trace wants handed in: a pack of a gateway, or an enterprise's application.

    Attributes:
        kind: `telemetry`, `case:` and the matter, or `event:` and the subsystem.
        gateway: name of the gateway; empty for an application.
        readings: readings in the pack; 0 for an application.
        digest: `contract.columns.pack_digest` of the pack as it is sent.
    """

    kind: str
    park: str
    gateway: str
    sequence: int
    readings: int
    digest: int
    intended_us: int


class Times(NamedTuple):
    """Times of a job that was acknowledged, Unix microseconds.

    Attributes:
        sent_us: first attempt.
        accepted_sent_us: the attempt that was accepted.
    """

    sent_us: int
    accepted_sent_us: int
    acked_us: int
    attempts: int


class Counts(msgspec.Struct, kw_only=True):
    """How many of what. Everything adds up over workers.

    Attributes:
        offered: things whose intended time came.
        acknowledged: things that the platform took.
        failed: things given up because the platform refused them for good.
        unfinished: things that were offered and neither acknowledged nor refused when the run ended.
        duplicates: acknowledgements that say "stored before" (after a lost answer that is right).
        attempts: attempts to hand in, by status; 0 is no answer.
        refused: attempts answered with back pressure (429, 503).
        errors: attempts that went wrong otherwise, by what the platform said.
    """

    offered: int = 0
    acknowledged: int = 0
    failed: int = 0
    unfinished: int = 0
    readings_offered: int = 0
    readings_acknowledged: int = 0
    duplicates: int = 0
    attempts: dict[str, int] = {}
    refused: int = 0
    errors: dict[str, int] = {}

    @property
    def errors_total(self) -> int:
        """Attempts that went wrong otherwise than by back pressure."""
        return sum(self.errors.values())


class KindRecord(msgspec.Struct, kw_only=True):
    """One kind of thing. `total` is the whole run; the rest is the measured phase, by intended time."""

    total: Counts
    measured: Counts
    corrected: Latency
    uncorrected: Latency


class Second(msgspec.Struct, kw_only=True):
    """One second of the run.

    What was offered and `corrected` hold the things whose intended time lies in it; the rest is counted when it
    happened.
    """

    second: int
    offered: int = 0
    readings_offered: int = 0
    sent: int = 0
    acknowledged: int = 0
    readings_acknowledged: int = 0
    refused: int = 0
    errors: int = 0
    corrected: Latency = Latency()


class HarnessUse(msgspec.Struct, kw_only=True):
    """What one load process used, from the start of the trace to its end."""

    worker: int
    cpu_s: float
    wall_s: float
    memory_max_mib: float
    gc_pause_ms_max: float
    feed_late_ms_max: float  # latest that a pack was ready after its intended time
    feed_stalled_s: float  # time in which the feeder waited because the backlog had reached its bound


class Burst(msgspec.Struct, frozen=True, kw_only=True):
    """An unpaced burst against the null sink: the harness's own ceiling, from the world's step to the record."""

    seconds: float
    packs_per_s: float
    readings_per_s: float


class LoadRecord(msgspec.Struct, kw_only=True):
    """What one worker, or all of them together, did. `load.json` is one of these.

    Attributes:
        start_at_ms: wall time at which the trace was started.
        measured_from_ms: wall time at which measuring began.
        ends_at_ms: wall time of the end of the trace.
        shift_ms: wall time less scenario time.
        complete: the whole trace was offered.
        ended: why the run ended; empty when it ran to its end.
        trace_digest: sum of `sim.trace.Trace.digest` over the shards, mod 2**64, as a hexadecimal number.
        harness_lag: how much later than possible things were sent, in the measured phase.
        observers: how the observers of the two levels fared; filled in for the whole run, as are the rest.
        clocks: each level's clock against ours, before the run.
    """

    start_at_ms: int
    measured_from_ms: int
    ends_at_ms: int
    shift_ms: int
    parks: list[str]
    complete: bool
    trace_digest: str
    kinds: dict[str, KindRecord]
    harness_lag: Latency
    series: list[Second]
    harness: list[HarnessUse]
    ended: str = ""
    scenario: str = ""
    seed: int = 0
    replication: int = 0
    workers: int = 1
    observers: list[ObserverRecord] = []
    clocks: dict[str, ClockOffset] = {}
    ledger_packs: int = 0
    ledger_readings: int = 0
    burst: Burst | None = None

    @property
    def times(self) -> tuple[int, int, int, int]:
        """What all workers of one run have in common."""
        return self.start_at_ms, self.measured_from_ms, self.ends_at_ms, self.shift_ms


class _KindRecorder:
    def __init__(self) -> None:
        self.total = Counts()
        self.measured = Counts()
        self.corrected = LatencyRecorder()
        self.uncorrected = LatencyRecorder()

    def freeze(self) -> KindRecord:
        for counts in (self.total, self.measured):
            counts.unfinished = counts.offered - counts.acknowledged - counts.failed
        return KindRecord(
            total=self.total,
            measured=self.measured,
            corrected=self.corrected.freeze(),
            uncorrected=self.uncorrected.freeze(),
        )


class Recorder:
    """Counts while the load runs; one a worker, used by one thread (greenlets share it)."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._kinds: dict[str, _KindRecorder] = {}
        self._lag = LatencyRecorder()
        self._seconds: dict[int, Second] = {}
        self._open: dict[int, Counter[int]] = {}

    def offered(self, job: Job) -> None:
        """The job's intended time has come, or the run ended after it."""
        for counts in self._counts(job):
            counts.offered += 1
            counts.readings_offered += job.readings
        second = self._second(job.intended_us)
        second.offered += 1
        second.readings_offered += job.readings

    def sent(self, job: Job, sent_us: int, lag_us: int | None) -> None:
        """An attempt begins; `lag_us` is how late the harness was with the first one."""
        self._second(sent_us).sent += 1
        if lag_us is not None and self._schedule.phase(job.intended_us // 1000) == "measured":
            self._lag.record(lag_us)

    def answered(self, job: Job, outcome: Outcome, at_us: int) -> None:
        """An attempt ended, well or not."""
        second = self._second(at_us)
        status = str(outcome.status)
        for counts in self._counts(job):
            counts.attempts[status] = counts.attempts.get(status, 0) + 1
            if outcome.ok:
                counts.duplicates += outcome.duplicate
            elif is_back_pressure(outcome.status):
                counts.refused += 1
            else:
                counts.errors[outcome.error] = counts.errors.get(outcome.error, 0) + 1
        if not outcome.ok:
            if is_back_pressure(outcome.status):
                second.refused += 1
            else:
                second.errors += 1

    def acknowledged(self, job: Job, times: Times) -> None:
        """The platform took it."""
        corrected_us = times.acked_us - job.intended_us
        for counts in self._counts(job):
            counts.acknowledged += 1
            counts.readings_acknowledged += job.readings
        second = self._second(times.acked_us)
        second.acknowledged += 1
        second.readings_acknowledged += job.readings
        self._open_second(self._schedule.second(job.intended_us // 1000))[bucket(corrected_us)] += 1
        if self._schedule.phase(job.intended_us // 1000) == "measured":
            kind = self._kind(job)
            kind.corrected.record(corrected_us)
            kind.uncorrected.record(times.acked_us - times.accepted_sent_us)

    def failed(self, job: Job) -> None:
        """The platform refused it for good."""
        for counts in self._counts(job):
            counts.failed += 1

    def freeze(self, parks: Iterable[str], trace_digest: int, harness: HarnessUse, *, complete: bool) -> LoadRecord:
        """The record of this worker."""
        for number in list(self._open):
            self._close_second(number)
        return LoadRecord(
            start_at_ms=self._schedule.start_at_ms,
            measured_from_ms=self._schedule.measured_from_wall_ms,
            ends_at_ms=self._schedule.ends_at_ms,
            shift_ms=self._schedule.shift_ms,
            parks=sorted(parks),
            complete=complete,
            trace_digest=f"{trace_digest:016x}",
            kinds={kind: self._kinds[kind].freeze() for kind in sorted(self._kinds)},
            harness_lag=self._lag.freeze(),
            series=[self._seconds[number] for number in sorted(self._seconds)],
            harness=[harness],
        )

    def _kind(self, job: Job) -> _KindRecorder:
        kind = self._kinds.get(job.kind)
        if kind is None:
            kind = self._kinds[job.kind] = _KindRecorder()
        return kind

    def _counts(self, job: Job) -> tuple[Counts, ...]:
        kind = self._kind(job)
        if self._schedule.phase(job.intended_us // 1000) == "measured":
            return kind.total, kind.measured
        return (kind.total,)

    def _second(self, at_us: int) -> Second:
        number = self._schedule.second(at_us // 1000)
        second = self._seconds.get(number)
        if second is None:
            second = self._seconds[number] = Second(second=number)
        return second

    def _open_second(self, number: int) -> Counter[int]:
        counts = self._open.get(number)
        if counts is None:
            counts = self._open[number] = Counter()
            if len(self._open) > OPEN_SECONDS_MAX:  # a long run keeps only the packed form of what is past
                self._close_second(min(self._open))
                return self._open.setdefault(number, counts)
        return counts

    def _close_second(self, number: int) -> None:
        second = self._second((self._schedule.start_at_ms + number * 1000) * 1000)
        second.corrected = Latency.merged((second.corrected, latency_of(self._open.pop(number))))


def merge(records: Iterable[LoadRecord]) -> LoadRecord:
    """One record of all workers: the same as if one worker had done everything.

    Raises:
        ValueError: no record, or records of different runs.
    """
    parts = list(records)
    if not parts:
        raise ValueError("expected at least one record, found none")
    if len({part.times for part in parts}) > 1:
        raise ValueError("expected records of one run, found different schedules")
    kinds = sorted({kind for part in parts for kind in part.kinds})
    seconds = sorted({second.second for part in parts for second in part.series})
    by_second: dict[int, list[Second]] = {number: [] for number in seconds}
    for part in parts:
        for second in part.series:
            by_second[second.second].append(second)
    return LoadRecord(
        start_at_ms=parts[0].start_at_ms,
        measured_from_ms=parts[0].measured_from_ms,
        ends_at_ms=parts[0].ends_at_ms,
        shift_ms=parts[0].shift_ms,
        parks=sorted(park for part in parts for park in part.parks),
        complete=all(part.complete for part in parts),
        trace_digest=f"{sum(int(part.trace_digest, 16) for part in parts) % 2**64:016x}",
        kinds={kind: _merge_kind([part.kinds[kind] for part in parts if kind in part.kinds]) for kind in kinds},
        harness_lag=Latency.merged(part.harness_lag for part in parts),
        series=[_merge_second(number, by_second[number]) for number in seconds],
        harness=sorted((use for part in parts for use in part.harness), key=lambda use: use.worker),
        workers=len(parts),
    )


def _merge_kind(parts: list[KindRecord]) -> KindRecord:
    return KindRecord(
        total=_merge_counts([part.total for part in parts]),
        measured=_merge_counts([part.measured for part in parts]),
        corrected=Latency.merged(part.corrected for part in parts),
        uncorrected=Latency.merged(part.uncorrected for part in parts),
    )


def _merge_counts(parts: list[Counts]) -> Counts:
    attempts: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for part in parts:
        attempts.update(part.attempts)
        errors.update(part.errors)
    added = {
        name: sum(getattr(part, name) for part in parts)
        for name in Counts.__struct_fields__
        if name not in ("attempts", "errors")
    }
    return Counts(**added, attempts=dict(attempts), errors=dict(errors))


def _merge_second(number: int, parts: list[Second]) -> Second:
    added = {
        name: sum(getattr(part, name) for part in parts)
        for name in Second.__struct_fields__
        if name not in ("second", "corrected")
    }
    return Second(second=number, corrected=Latency.merged(part.corrected for part in parts), **added)
