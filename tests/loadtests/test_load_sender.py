"""Senders and feeder: open loop, in order, on time, and nothing is sent faster because the platform is slow."""

from collections.abc import Iterator

import gevent
import gevent.pool
import msgspec
import numpy as np
import pyarrow as pa
import pytest
from load_server import Answered, Asked, Server

from contract.codec import SENML_JSON
from contract.messages import CaseApplication
from loadtests.clock import SteadyClock
from loadtests.feeder import Feeder, Lane, Ready, originals
from loadtests.ledger import PackKey
from loadtests.record import TELEMETRY, HarnessUse, Job, LoadRecord, Recorder
from loadtests.schedule import Schedule
from loadtests.sender import Sender
from loadtests.targets import Outcome
from loadtests.targets.contract_http import ContractHttp
from scenarios.model import Objectives, Scenario, Text
from sim.trace import Pack, Trace

USE = HarnessUse(worker=0, cpu_s=0, wall_s=0, memory_max_mib=0, gc_pause_ms_max=0, feed_late_ms_max=0, feed_stalled_s=0)
SMALL = Scenario(
    name="small",
    title=Text(en="Small", zh="小"),
    story=Text(en="Small.", zh="小。"),
    seed=11,
    starts_at_ms=1_607_304_600_000,
    warm_up_s=1,
    duration_s=3,
    parks=("fuling", "wulong"),
    points_per_park=120,
    gateways_per_park=2,
    sample_period_ms=1000,
    encoding=SENML_JSON,
    enterprises_per_park=10,
    requests_per_enterprise_hour=3_600,
    incidents=(),
    objectives=Objectives(ack_ms_p99_max=100, alert_park_ms_p99_max=100, alert_city_ms_p99_max=100),
)


class Setting:
    """A sender with one lane, started now."""

    def __init__(self, target: ContractHttp) -> None:
        self.clock = SteadyClock()
        now_ms = self.clock.now_us() // 1000
        self.schedule = Schedule(0, 0, 60_000, now_ms)
        self.recorder = Recorder(self.schedule)
        trace = Trace(SMALL)
        self.feeder = Feeder(trace, self.schedule, self.clock)
        self.sender = Sender(target, self.clock, self.feeder, self.recorder)
        self.lane = Lane("fuling", "gw-01")

    def put(self, sequence: int, after_ms: int) -> Job:
        """A pack that is due so long after the start."""
        job = Job(TELEMETRY, "fuling", "gw-01", sequence, 5, 1, (self.schedule.start_at_ms + after_ms) * 1000)
        self.lane.put(Ready(job, b"body", SENML_JSON))
        return job

    def run(self) -> LoadRecord:
        """Send everything."""
        self.lane.put(None)
        with gevent.Timeout(10):
            self.sender.run_lane(self.lane)
        return self.recorder.freeze(["fuling"], 0, USE, complete=True)

    def acks(self) -> list[dict[str, int]]:
        """The ledger's rows."""
        rows: list[dict[str, int]] = pa.ipc.open_stream(self.sender.acks.take()).read_all().to_pylist()
        return rows


def receipt(asked: Asked) -> Answered:
    sequence = int(asked.headers["pack-sequence"])
    return Answered(body=msgspec.json.encode({"gateway": "gw-01", "sequence": sequence, "readings": 5}))


def test_a_busy_platform_gets_the_same_pack_again_in_order(server: Server) -> None:
    """503 with Retry-After: the pack is sent again after that, the next ones wait, all keep their intended times."""
    busy = [True, True]
    server.answer = lambda asked: (
        Answered(503, headers={"Retry-After": "0.15"}) if busy and busy.pop() else receipt(asked)
    )
    target = ContractHttp(server.url)
    setting = Setting(target)
    jobs = [setting.put(sequence, 20 * sequence) for sequence in (1, 2, 3)]
    record = setting.run()
    target.close()
    assert [asked.headers["pack-sequence"] for asked in server.asked] == ["1", "1", "1", "2", "3"]
    rows = setting.acks()
    assert [row["intended_ms"] * 1000 for row in rows] == [job.intended_us for job in jobs]
    assert [row["attempts"] for row in rows] == [3, 1, 1]
    counts = record.kinds[TELEMETRY].total
    assert (counts.acknowledged, counts.refused, counts.errors, counts.attempts) == (3, 2, {}, {"503": 2, "200": 3})
    kind = record.kinds[TELEMETRY]
    assert kind.corrected.p50_ms > 200
    assert kind.uncorrected.max_ms < 150
    assert record.harness_lag.max_ms < 150


def test_a_final_refusal_does_not_stop_the_gateway(server: Server) -> None:
    """A pack that is refused for its content is counted as failed and the next one goes."""
    server.answer = lambda asked: Answered(422) if asked.headers["pack-sequence"] == "1" else receipt(asked)
    target = ContractHttp(server.url)
    setting = Setting(target)
    setting.put(1, 0)
    setting.put(2, 1)
    counts = setting.run().kinds[TELEMETRY].total
    target.close()
    assert (counts.offered, counts.acknowledged, counts.failed, counts.errors) == (2, 1, 1, {"422": 1})
    assert [row["sequence"] for row in setting.acks()] == [2]


def test_nothing_is_sent_before_its_time(server: Server) -> None:
    """The sending time is never before the intended time, and the lag is that of the harness."""
    server.answer = receipt
    target = ContractHttp(server.url)
    setting = Setting(target)
    for sequence in range(1, 6):
        setting.put(sequence, 30 * sequence)
    record = setting.run()
    target.close()
    for row in setting.acks():
        assert row["sent_us"] >= row["intended_ms"] * 1000
        assert row["acked_us"] > row["sent_us"]
    assert record.harness_lag.count == 5


class SlowDesk(ContractHttp):
    """A service desk that takes its time for the first application."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.order: list[str] = []

    def request(self, park: str, application: CaseApplication) -> Outcome:
        """Answer late to the first."""
        assert park == "fuling"
        if application.request_id == "1":
            gevent.sleep(0.1)
        self.order.append(application.request_id)
        return Outcome(201, ok=True)


def test_applications_do_not_wait_for_each_other() -> None:
    """Enterprises are many: a slow answer to one does not delay the next."""
    target = SlowDesk("http://127.0.0.1:9")
    setting = Setting(target)
    lane = Lane("fuling", "")
    for number in ("1", "2", "3"):
        job = Job("case:a", "fuling", "", int(number), 0, 0, setting.schedule.start_at_ms * 1000)
        lane.put(Ready(job, CaseApplication(request_id=number, matter="a", enterprise="e", form={}), ""))
    lane.put(None)
    group = gevent.pool.Group()
    setting.sender.run_requests(lane, group)
    group.join(timeout=10)
    assert target.order == ["2", "3", "1"]
    counts = setting.recorder.freeze(["fuling"], 0, USE, complete=True).kinds["case:a"].total
    assert (counts.offered, counts.acknowledged, counts.attempts) == (3, 3, {"201": 3})


def fed(feeder: Feeder) -> Iterator[Ready]:
    """Everything that a feeder puts into its lanes."""
    feeding = gevent.spawn(feeder.run)
    for lane in feeder.lanes.values():
        for ready in lane:
            feeder.done(ready)
            yield ready
    feeding.join(timeout=10)


def feeder_of(scenario: Scenario, shard: tuple[int, int] = (0, 1), **more: int) -> Feeder:
    """A feeder that is behind, so that it feeds at once."""
    trace = Trace(scenario, shard=shard)
    schedule = Schedule(trace.start_ms, trace.measured_from_ms, trace.end_ms, trace.start_ms + 86_400_000)
    return Feeder(trace, schedule, SteadyClock(), **more)


def test_shards_feed_what_one_feeder_feeds() -> None:
    """The same packs with the same digests, whoever sends them; numbered from 1 in every gateway's lane."""
    whole = {(r.job.park, r.job.gateway, r.job.sequence): r.job.digest for r in fed(feeder_of(SMALL))}
    shards = [
        {(r.job.park, r.job.gateway, r.job.sequence): r.job.digest for r in fed(feeder_of(SMALL, (number, 2)))}
        for number in range(2)
    ]
    assert whole == shards[0] | shards[1]
    assert not shards[0].keys() & shards[1].keys()
    telemetry = sorted(key for key in whole if key[1])
    assert [key[2] for key in telemetry if key[:2] == ("fuling", "gw-01")] == [1, 2, 3, 4]
    assert any(not key[1] for key in whole)


def test_the_backlog_is_bounded() -> None:
    """A platform that takes nothing stops the feeder at the bound, and memory with it."""
    feeder = feeder_of(SMALL, backlog_bytes_max=20_000)
    feeding = gevent.spawn(feeder.run)
    gevent.sleep(0.2)
    assert not feeder.finished
    largest = max(len(r.payload) for lane in feeder.lanes.values() for r in lane.left() if isinstance(r.payload, bytes))
    assert 20_000 <= feeder.backlog_bytes < 20_000 + largest
    feeding.kill()


def test_originals_are_what_was_sent() -> None:
    """The trace gives any pack again, at the times at which it was sent."""
    keys = frozenset({PackKey("fuling", "gw-02", 3), PackKey("wulong", "gw-01", 1)})
    made = originals(lambda: Trace(SMALL), shift_ms=5_000)(keys)
    assert made.keys() == keys
    packs = {(e.park, e.gateway, e.sequence): e for e in Trace(SMALL).emissions() if isinstance(e, Pack)}
    for key, columns in made.items():
        assert np.array_equal(columns.time_ms, packs[key].columns.time_ms + 5_000)
        assert np.array_equal(columns.value, packs[key].columns.value)


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    """No test here may hang."""
    with gevent.Timeout(30):
        yield
