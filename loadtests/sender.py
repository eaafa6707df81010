"""Sends what the lanes hold: in order, on time, and again when the platform asks for it."""

from typing import TYPE_CHECKING, NamedTuple

import gevent
import gevent.pool

from loadtests.clock import Clock
from loadtests.feeder import Feeder, Lane, Ready
from loadtests.ledger import AckBuffer
from loadtests.record import TELEMETRY, Job, Recorder, Times
from loadtests.schedule import harness_lag_us, is_back_pressure, may_resend, retry_wait_s
from loadtests.targets import Outcome, Target

if TYPE_CHECKING:
    from collections.abc import Callable


class Attempt(NamedTuple):
    """One attempt, for whoever wants to show it (Locust does)."""

    job: Job
    outcome: Outcome
    latency_us: int  # from the intended time
    request_bytes: int


class Interval:
    """What happened since it was last taken, for live progress."""

    def __init__(self) -> None:
        self.sent = 0
        self.readings_sent = 0
        self.acknowledged = 0
        self.readings_acknowledged = 0
        self.requests = 0
        self.refused = 0
        self.errors = 0
        self.latencies_us: list[int] = []


class Sender:
    """Delivers jobs to a target. Greenlets share it: one a gateway, one for each application that is under way."""

    def __init__(self, target: Target, clock: Clock, feeder: Feeder, recorder: Recorder, *, paced: bool = True) -> None:
        self._target = target
        self._clock = clock
        self._feeder = feeder
        self._recorder = recorder
        self._paced = paced
        self.acks = AckBuffer()
        self.interval = Interval()
        self.show: Callable[[Attempt], None] = lambda _: None

    def run_lane(self, lane: Lane) -> None:
        """Send a gateway's packs one after the other until the lane ends."""
        free_us = 0
        for ready in lane:
            self._wait_until(ready.job.intended_us)
            self._recorder.offered(ready.job)
            self._deliver(ready, free_us)
            free_us = self._clock.now_us()

    def run_requests(self, lane: Lane, group: "gevent.pool.Group") -> None:
        """Hand in a park's applications, each on its own: one that waits does not hold up the next."""
        for ready in lane:
            self._wait_until(ready.job.intended_us)
            self._recorder.offered(ready.job)
            group.spawn(self._deliver, ready, 0)

    def _wait_until(self, at_us: int) -> None:
        if self._paced:
            while (wait_us := at_us - self._clock.now_us()) > 0:
                gevent.sleep(wait_us / 1e6)

    def _deliver(self, ready: Ready, free_us: int) -> None:
        job = ready.job
        first_us = 0
        attempt = 0
        while True:
            attempt += 1
            sent_us = self._clock.now_us()
            first_us = first_us or sent_us
            lag_us = harness_lag_us(sent_us, job.intended_us, free_us) if attempt == 1 else None
            self._recorder.sent(job, sent_us, lag_us)
            self._count_sent(job)
            outcome = self._hand_in(ready)
            acked_us = self._clock.now_us()
            self._recorder.answered(job, outcome, acked_us)
            self.show(Attempt(job, outcome, acked_us - job.intended_us, _size(ready)))
            if outcome.ok:
                self._acknowledged(job, Times(first_us, sent_us, acked_us, attempt))
                break
            self._count_trouble(outcome)
            if not may_resend(outcome.status):
                self._recorder.failed(job)
                break
            gevent.sleep(retry_wait_s(attempt, outcome.retry_after_s))
        self._feeder.done(ready)

    def _hand_in(self, ready: Ready) -> Outcome:
        job = ready.job
        if isinstance(ready.payload, bytes):
            return self._target.send(job.park, job.gateway, job.sequence, ready.payload, ready.media_type)
        return self._target.request(job.park, ready.payload)

    def _acknowledged(self, job: Job, times: Times) -> None:
        self._recorder.acknowledged(job, times)
        if job.kind != TELEMETRY:
            self.interval.requests += 1
            return
        self.acks.add(job, times)
        self.interval.acknowledged += 1
        self.interval.readings_acknowledged += job.readings
        self.interval.latencies_us.append(times.acked_us - job.intended_us)

    def _count_sent(self, job: Job) -> None:
        if job.kind == TELEMETRY:
            self.interval.sent += 1
            self.interval.readings_sent += job.readings

    def _count_trouble(self, outcome: Outcome) -> None:
        if is_back_pressure(outcome.status):
            self.interval.refused += 1
        else:
            self.interval.errors += 1


def _size(ready: Ready) -> int:
    return len(ready.payload) if isinstance(ready.payload, bytes) else 0
