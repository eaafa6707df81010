"""The record: exact, mergeable, free of coordinated omission."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.histogram import HIGHEST_US, Latency, LatencyRecorder, bucket
from loadtests.record import TELEMETRY, HarnessUse, Job, LoadRecord, Recorder, Times, merge
from loadtests.schedule import Schedule
from loadtests.targets import Outcome

SCHEDULE = Schedule(start_ms=0, measured_from_ms=2_000, end_ms=102_000, start_at_ms=1_000_000)
OK = Outcome(200, ok=True)


def use(worker: int = 0) -> HarnessUse:
    return HarnessUse(
        worker=worker, cpu_s=1, wall_s=2, memory_max_mib=3, gc_pause_ms_max=0, feed_late_ms_max=0, feed_stalled_s=0
    )


def job(sequence: int, intended_us: int, kind: str = TELEMETRY) -> Job:
    return Job(kind, "fuling", "gw-01", sequence, 500, 7 * sequence, intended_us)


def take(recorder: Recorder, one: Job, sent_us: int, acked_us: int) -> None:
    recorder.offered(one)
    recorder.sent(one, sent_us, max(0, sent_us - one.intended_us))
    recorder.answered(one, OK, acked_us)
    recorder.acknowledged(one, Times(sent_us, sent_us, acked_us, 1))


def test_a_stall_shows_in_the_corrected_latency_only() -> None:
    """One gateway, a pack every 10 ms for 100 s, each taking 1 ms; the platform freezes once for 1.4 s.

    Packs due in the freeze wait for it: their latencies are spread evenly from 1.4 s down to 1 ms while the backlog
    drains. A generator that measures from the sending sees one slow pack in ten thousand.
    """
    recorder = Recorder(SCHEDULE)
    first_us = SCHEDULE.measured_from_wall_ms * 1000
    period_us, service_us, freeze_us = 10_000, 1_000, 1_400_000
    free_us = 0
    expected = []
    for number in range(10_000):
        intended_us = first_us + number * period_us
        sent_us = max(intended_us, free_us)
        acked_us = sent_us + service_us + (freeze_us if number == 5_000 else 0)
        free_us = acked_us
        expected.append(acked_us - intended_us)
        take(recorder, job(number + 1, intended_us), sent_us, acked_us)
    kind = recorder.freeze(["fuling"], 0, use(), complete=True).kinds[TELEMETRY]
    expected.sort()
    corrected = kind.corrected
    for rank, found_ms in ((9_000, corrected.p90_ms), (9_900, corrected.p99_ms), (9_990, corrected.p999_ms)):
        assert found_ms == pytest.approx(expected[rank - 1] / 1000, rel=2e-3)
    # The backlog of a freeze F with period T and service s takes F / (T - s) packs; the k-th waits F - k (T - s).
    waiting = freeze_us / (period_us - service_us)
    assert kind.corrected.p99_ms == pytest.approx((freeze_us - 100 * (period_us - service_us)) / 1000, rel=2e-2)
    assert sum(latency > service_us for latency in expected) == pytest.approx(waiting, abs=2)
    assert kind.uncorrected.p999_ms == pytest.approx(1.0, rel=2e-3)
    assert kind.corrected.max_ms == pytest.approx(1401, rel=2e-3)
    assert kind.corrected.p99_ms > 200 * kind.uncorrected.p99_ms


def test_nothing_is_clipped_below_an_hour() -> None:
    """Values keep three digits up to one hour; what is longer is counted."""
    recorder = LatencyRecorder()
    for latency_us in (1, 999, 123_456_789, HIGHEST_US, HIGHEST_US + 1):
        recorder.record(latency_us)
    latency = recorder.freeze()
    assert latency.max_ms == pytest.approx(HIGHEST_US / 1000, rel=1e-3)
    assert (latency.count, latency.over_one_hour) == (5, 1)
    with pytest.raises(ValueError, match="found -1"):
        recorder.record(-1)


@given(st.integers(0, HIGHEST_US))
def test_buckets_are_those_of_the_histogram(latency_us: int) -> None:
    """The sparse counts of a second fall into the very buckets of the HdrHistogram."""
    exact, cut = LatencyRecorder(), LatencyRecorder()
    exact.record(latency_us)
    cut.record(bucket(latency_us))
    assert exact.freeze() == cut.freeze()


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from([TELEMETRY, "case:a"]),
            st.integers(0, 101_999),
            st.integers(0, 5_000_000),
            st.integers(0, 200_000_000),
            st.sampled_from([OK, Outcome(503, ok=False), Outcome(422, ok=False, error="422 unknown point")]),
        ),
        max_size=60,
    )
)
def test_merged_workers_equal_one_worker(samples: list[tuple[int, str, int, int, int, Outcome]]) -> None:
    """However the samples are shared out over workers, the merged record is one worker's, through JSON and back."""
    whole, parts = Recorder(SCHEDULE), [Recorder(SCHEDULE) for _ in range(3)]
    for number, (worker, kind, at_ms, wait_us, took_us, outcome) in enumerate(samples):
        one = job(number, (SCHEDULE.start_at_ms + at_ms) * 1000, kind)
        sent_us = one.intended_us + wait_us
        for recorder in (whole, parts[worker]):
            recorder.offered(one)
            recorder.sent(one, sent_us, wait_us)
            recorder.answered(one, outcome, sent_us + took_us)
            if outcome.ok:
                recorder.acknowledged(one, Times(sent_us, sent_us, sent_us + took_us, 1))
            elif outcome.status == 422:
                recorder.failed(one)
    records = [part.freeze([f"p{number}"], number, use(number), complete=True) for number, part in enumerate(parts)]
    merged = merge(msgspec.json.decode(msgspec.json.encode(record), type=LoadRecord) for record in records)
    alone = whole.freeze(["p0", "p1", "p2"], 3, use(), complete=True)
    alone.harness = merged.harness
    alone.workers = 3
    assert merged == alone


def test_warm_up_counts_but_is_not_measured() -> None:
    """Latencies come from the measured phase alone, by intended time; the totals hold everything."""
    recorder = Recorder(SCHEDULE)
    take(recorder, job(1, 1_001_999_000), 1_001_999_000, 1_002_500_000)
    take(recorder, job(2, 1_002_000_000), 1_002_000_000, 1_002_001_000)
    record = recorder.freeze(["fuling"], 0, use(), complete=True)
    kind = record.kinds[TELEMETRY]
    assert (kind.total.acknowledged, kind.measured.acknowledged) == (2, 1)
    assert kind.corrected.max_ms == 1.0
    assert record.harness_lag.count == 1
    assert [(second.second, second.offered, second.acknowledged) for second in record.series] == [(1, 1, 0), (2, 1, 2)]


def test_what_is_neither_acknowledged_nor_refused_is_unfinished() -> None:
    """Every offered thing has exactly one fate."""
    recorder = Recorder(SCHEDULE)
    take(recorder, job(1, 1_003_000_000), 1_003_000_000, 1_003_001_000)
    recorder.offered(job(2, 1_004_000_000))
    recorder.offered(job(3, 1_005_000_000))
    recorder.failed(job(3, 1_005_000_000))
    counts = recorder.freeze(["fuling"], 0, use(), complete=True).kinds[TELEMETRY].measured
    assert (counts.offered, counts.acknowledged, counts.failed, counts.unfinished) == (3, 1, 1, 1)


def test_a_late_answer_of_a_long_run_keeps_its_second() -> None:
    """Seconds long past are packed away, and opened again for what arrives late."""
    long_run = Schedule(start_ms=0, measured_from_ms=0, end_ms=200_000, start_at_ms=0)
    recorder = Recorder(long_run)
    for second in range(150):
        take(recorder, job(second + 1, second * 1_000_000), second * 1_000_000, second * 1_000_000 + 2_000)
    take(recorder, job(999, 500_000), 500_000, 140_000_000)
    record = recorder.freeze(["fuling"], 0, use(), complete=True)
    first = record.series[0].corrected
    assert (first.count, first.p50_ms) == (2, 2.0)
    assert first.max_ms == pytest.approx(139_500, rel=1e-3)
    assert Latency.merged(second.corrected for second in record.series).count == 151


def test_records_of_different_runs_do_not_merge() -> None:
    """A merge of strangers is an error, not a figure."""
    one = Recorder(SCHEDULE).freeze([], 0, use(), complete=True)
    other = Recorder(SCHEDULE._replace(start_at_ms=5)).freeze([], 0, use(), complete=True)
    with pytest.raises(ValueError, match="different schedules"):
        merge([one, other])
    with pytest.raises(ValueError, match="found none"):
        merge([])
