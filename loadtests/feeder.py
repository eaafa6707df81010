"""From the trace to encoded jobs, a few seconds ahead of time and within a bound of memory.

Encoding at send time would add to the latency that is measured, so it is done here, one park's step after another, with
room for the senders in between.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import gevent
from gevent.event import Event
from gevent.queue import SimpleQueue
from msgspec.structs import replace

from contract import codec
from contract.columns import Columns, pack_digest
from contract.device_events import DeviceEvent
from contract.names import PointNames
from loadtests.clock import Clock
from loadtests.ledger import PackKey
from loadtests.record import TELEMETRY, Job
from loadtests.schedule import Schedule
from loadtests.targets import Handed
from loadtests.traffic import Traffic, handed
from sim.trace import Emission, Pack

AHEAD_MS = 3_000
BACKLOG_BYTES_MAX = 512 * 1024 * 1024
BURST_BYTES_MAX = 8 * 1024 * 1024
BURST_NUMBERS = 1_000_000  # more packs than a gateway sends in one trace
REQUEST_LANE = ""


class Ready(NamedTuple):
    """A job and what is to be sent for it."""

    job: Job
    payload: bytes | Handed
    media_type: str


class Lane:
    """What one gateway (or, as `REQUEST_LANE`, a park's people and devices) has to send, in order."""

    def __init__(self, park: str, gateway: str) -> None:
        self.park = park
        self.gateway = gateway
        self._queue: SimpleQueue = SimpleQueue()

    def put(self, ready: Ready | None) -> None:
        """Add the next; None ends the lane."""
        self._queue.put(ready)

    def __iter__(self) -> Iterator[Ready]:
        """The jobs as they become ready, until the lane ends."""
        while (ready := self._queue.get()) is not None:
            yield ready

    def left(self) -> list[Ready]:
        """Take what nobody has taken."""
        waiting = []
        while not self._queue.empty():
            if (ready := self._queue.get()) is not None:
                waiting.append(ready)
        return waiting


class Feeder:
    """Runs the trace ahead of the clock and fills the lanes.

    Args:
        schedule: when everything is meant to be sent.
        paced: keep `AHEAD_MS` before the schedule; else as fast as the backlog's bound lets it (a burst).
    """

    def __init__(
        self,
        trace: Traffic,
        schedule: Schedule,
        clock: Clock,
        *,
        paced: bool = True,
        backlog_bytes_max: int | None = None,
    ) -> None:
        self._trace = trace
        self._schedule = schedule
        self._clock = clock
        self._paced = paced
        self._bytes_max = backlog_bytes_max or (BACKLOG_BYTES_MAX if paced else BURST_BYTES_MAX)
        known: dict[int, PointNames] = {}  # parks with one layout share its names
        self._names = {
            park: known.setdefault(id(layout), PointNames(layout.names)) for park, layout in trace.layouts.items()
        }
        self._media_type = trace.scenario.encoding
        self._step_gap_ms = trace.scenario.sample_period_ms / len(trace.parks) if trace.parks else 0.0
        self._space = Event()
        self._number_offset = 0
        self.backlog_bytes = 0
        self.late_us_max = 0
        self.stalled_us = 0
        self.finished = False
        self.lanes = {
            (park, gateway): Lane(park, gateway)
            for park in trace.parks
            for gateway in (*trace.layouts[park].gateways, REQUEST_LANE)
        }

    def run(self) -> None:
        """Feed until the trace ends, then end the lanes; a burst lives it again and again, with other numbers."""
        self._feed_trace()
        while not self._paced:
            self._number_offset += BURST_NUMBERS
            self._feed_trace()
        self.finished = True
        for lane in self.lanes.values():
            lane.put(None)

    def _feed_trace(self) -> None:
        for emissions in self._trace.steps():
            if emissions and self._paced:
                self._wait_until_near(emissions[0].due_ms)
            for emission in emissions:
                self._wait_for_space()
                ready = self._ready(emission)
                self.lanes[ready.job.park, ready.job.gateway].put(ready)
                late_us = self._clock.now_us() - ready.job.intended_us
                self.late_us_max = max(self.late_us_max, late_us)
            gevent.sleep(0)

    def done(self, ready: Ready) -> None:
        """A job has been dealt with: its memory is free again."""
        if isinstance(ready.payload, bytes):
            self.backlog_bytes -= len(ready.payload)
            self._space.set()

    def _wait_until_near(self, due_ms: int) -> None:
        """Spread the parks of a step evenly, unless the feeder has fallen behind."""
        spare_ms = self._schedule.intended_ms(due_ms) - AHEAD_MS - self._clock.now_us() / 1000
        if spare_ms > 0:
            gevent.sleep(spare_ms / 1000)
        elif spare_ms > -AHEAD_MS / 2:
            gevent.sleep(self._step_gap_ms / 2 / 1000)

    def _wait_for_space(self) -> None:
        if self.backlog_bytes < self._bytes_max:
            return
        began_us = self._clock.now_us()
        while self.backlog_bytes >= self._bytes_max:
            self._space.clear()
            self._space.wait()
        self.stalled_us += self._clock.now_us() - began_us

    def _ready(self, emission: Emission) -> Ready:
        intended_us = self._schedule.intended_ms(emission.due_ms) * 1000 if self._paced else self._clock.now_us()
        if not isinstance(emission, Pack):
            kind, message = handed(emission)
            if isinstance(message, DeviceEvent):
                message = replace(message, at_ms=message.at_ms + self._schedule.shift_ms)
            job = Job(kind, emission.park, REQUEST_LANE, emission.sequence, 0, 0, intended_us)
            return Ready(job, message, "")
        columns = emission.columns.shifted(self._schedule.shift_ms)
        body = codec.encode(self._media_type, emission.park, self._names[emission.park], columns)
        self.backlog_bytes += len(body)
        digest = pack_digest(columns)
        number = emission.sequence + self._number_offset
        job = Job(TELEMETRY, emission.park, emission.gateway, number, len(columns), digest, intended_us)
        return Ready(job, body, self._media_type)


def originals(
    again: Callable[[], Traffic], *, shift_ms: int
) -> Callable[[frozenset[PackKey]], Mapping[PackKey, Columns]]:
    """What `loadtests.ledger.verify` asks for: the packs as they were sent.

    Args:
        again: gives the trace of the run once more.
        shift_ms: wall time less scenario time.
    """

    def make(keys: frozenset[PackKey]) -> dict[PackKey, Columns]:
        packs = {}
        for emission in again().emissions():
            if isinstance(emission, Pack):
                key = PackKey(emission.park, emission.gateway, emission.sequence)
                if key in keys:
                    packs[key] = emission.columns.shifted(shift_ms)
                    if len(packs) == len(keys):
                        break
        return packs

    return make
