"""One worker's run: its share of the world, its feeder, its senders, its record."""

from collections.abc import Callable

import gevent
import gevent.event
import gevent.pool
import msgspec
import numpy as np

from contract import codec
from contract.columns import Columns, pack_digest
from contract.names import PointNames
from loadtests.clock import SteadyClock
from loadtests.feeder import REQUEST_LANE, Feeder
from loadtests.harness_use import UseMeter
from loadtests.plan import FAILED, PROGRESS, RECORD, Plan, Progress, pack
from loadtests.record import Recorder
from loadtests.schedule import Schedule
from loadtests.sender import Attempt, Interval, Sender
from loadtests.targets import Target
from loadtests.targets.contract_http import ContractHttp
from loadtests.targets.null import NullTarget
from loadtests.traffic import Traffic, traffic

REPORT_EVERY_S = 1.0

Tell = Callable[[str, bytes], None]


def prepare(plan: Plan) -> Traffic:
    """Build this worker's share of the world, and run the compiled parts once so that no pack waits for a compiler."""
    trace = traffic(plan.scenario, plan.recording, shard=plan.shard, replication=plan.replication)
    if trace.parks:
        columns = Columns(np.zeros(1, np.int32), np.full(1, trace.start_ms, np.int64), np.zeros(1))
        park = trace.parks[0]
        codec.encode(plan.scenario.encoding, park, PointNames(trace.layouts[park].names), columns)
        pack_digest(columns)
    return trace


def target_of(plan: Plan) -> Target:
    """The client of the platform that the plan names."""
    if plan.burst_s:
        return NullTarget(plan.park_url)
    return ContractHttp(plan.park_url, plan.city_url, plan.credentials)


class Session:
    """A run of one worker. It starts at once; each Locust user serves one park; it tells its record when all is done.

    Args:
        plan: what to do.
        trace: what `prepare` gave.
        schedule: the common start, from the coordinator.
        tell: sends a message (type, bytes) to the coordinator.
        show: is told of every attempt.
    """

    def __init__(
        self, plan: Plan, trace: Traffic, schedule: Schedule, tell: Tell, show: Callable[[Attempt], None]
    ) -> None:
        self._plan = plan
        self._trace = trace
        self._schedule = schedule
        self._tell = tell
        self._clock = SteadyClock()
        paced = not plan.burst_s
        self._target = target_of(plan)
        self._feeder = Feeder(trace, schedule, self._clock, paced=paced)
        self._recorder = Recorder(schedule)
        self._sender = Sender(self._target, self._clock, self._feeder, self._recorder, paced=paced)
        self._sender.show = show
        self._unclaimed = list(reversed(trace.parks))
        self._unserved = len(trace.parks)
        self._groups: list[gevent.pool.Group] = []
        self._use = UseMeter()
        self._told = False
        self.finished = gevent.event.Event()
        self._use.start()
        self._tasks = [gevent.spawn(task) for task in (self._feeder.run, self._report, self._end_in_time)]
        for task in self._tasks:
            task.link_exception(self._broke)

    def claim(self) -> str | None:
        """A park that nobody serves yet, or None when there is none left."""
        return self._unclaimed.pop() if self._unclaimed else None

    def serve(self, park: str) -> None:
        """Send everything that the park's gateways and enterprises send; returns when that is done."""
        group = gevent.pool.Group()
        self._groups.append(group)
        for (owner, gateway), lane in self._feeder.lanes.items():
            if owner == park and gateway == REQUEST_LANE:
                group.spawn(self._sender.run_requests, lane, group).link_exception(self._broke)
            elif owner == park:
                group.spawn(self._sender.run_lane, lane).link_exception(self._broke)
        try:
            group.join()
        finally:
            group.kill()
        self._unserved -= 1
        if not self._unserved:
            self.finish()

    def finish(self) -> None:
        """End, whatever is left, and tell the record. A second call does nothing."""
        if self._told:
            return
        self._told = True
        now_us = self._clock.now_us()
        current = gevent.getcurrent()
        gevent.killall([task for task in self._tasks if task is not current])
        for group in self._groups:
            group.kill()
        for lane in self._feeder.lanes.values():
            for ready in lane.left():
                if ready.job.intended_us <= now_us:
                    self._recorder.offered(ready.job)
        if self._plan.burst_s or self._schedule.phase(now_us // 1000) == "measured":
            self._use.mark()
        self._use.stop()
        self._progress()
        record = self._recorder.freeze(
            self._trace.parks,
            self._trace.digest,
            self._use.freeze(
                self._plan.shard[0],
                feed_late_us_max=self._feeder.late_us_max,
                feed_stalled_us=self._feeder.stalled_us,
            ),
            complete=self._feeder.finished,
        )
        self._target.close()
        self._tell(RECORD, msgspec.msgpack.encode(record))
        self.finished.set()

    def _broke(self, greenlet: gevent.Greenlet) -> None:
        """Something of ours raised: the run is worth nothing, and must say so."""
        self._tell(FAILED, f"{type(greenlet.exception).__name__}: {greenlet.exception}".encode())

    def _end_in_time(self) -> None:
        """What is still late after the drain is left unfinished."""
        end_ms = self._schedule.ends_at_ms + self._plan.drain_s * 1000
        gevent.sleep(max(0.0, end_ms / 1000 - self._clock.now_us() / 1e6))
        self.finish()

    def _report(self) -> None:
        """Tell what happened once a second, on the second of the run."""
        while True:
            now_us = self._clock.now_us()
            if self._schedule.phase(now_us // 1000) == "measured":
                self._use.mark()
            into_s = (now_us / 1000 - self._schedule.start_at_ms) / 1000 % REPORT_EVERY_S
            gevent.sleep(REPORT_EVERY_S - into_s)
            self._progress()

    def _progress(self) -> None:
        interval, self._sender.interval = self._sender.interval, Interval()
        message = Progress(
            sent=interval.sent,
            readings_sent=interval.readings_sent,
            acknowledged=interval.acknowledged,
            readings_acknowledged=interval.readings_acknowledged,
            requests=interval.requests,
            refused=interval.refused,
            errors=interval.errors,
            latencies_us=interval.latencies_us,
            backlog_bytes=self._feeder.backlog_bytes,
            acks=self._sender.acks.take(),
        )
        self._tell(PROGRESS, pack(message))
