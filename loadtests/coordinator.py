"""The run as a whole: prepare the platform, start all workers at one instant, observe, gather, write the files.

It runs beside the master (or in the only process). It knows Locust only as something that carries messages.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import gevent
import gevent.event
import gevent.pool
import msgspec

from contract.errors import HarnessError, TargetError
from contract.messages import CredentialFile, PointList
from loadtests.clock import SteadyClock
from loadtests.ledger import LedgerFile
from loadtests.observe import AlertLog, ClockOffset, Observer, clock_offset
from loadtests.plan import GO, PREPARE, STOP, Plan, Progress, pack
from loadtests.progress import ProgressLog
from loadtests.record import TELEMETRY, Burst, LoadRecord, merge
from loadtests.schedule import Schedule
from loadtests.targets.contract_http import ContractHttp
from loadtests.traffic import rules_of, traffic
from scenarios.model import Scenario

if TYPE_CHECKING:
    from loadtests.targets import Level, Target

PROVISION_AT_ONCE = 4
WORKER_BUILD_S_MAX = 180.0
WORKER_SILENT_S_MAX = 20.0
CONNECT_S_MAX = 10.0
LEAD_MS = 2_000

SendTo = Callable[[str, bytes, str], None]


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks for.

    Attributes:
        recording: directory of a recorded trace, whose scenario `scenario` then is; "" to simulate it.
        city_url: base of the city platform; "" when there is none, then only the park level is observed.
        out: directory for the files; made when absent.
        burst_s: length of an unpaced burst; then `park_url` is a null sink.
    """

    scenario: Scenario
    recording: str
    replication: int
    park_url: str
    city_url: str
    credentials: CredentialFile | None
    out: Path
    drain_s: float
    burst_s: float


class Coordinator:
    """One run. `start` blocks until the workers have been told to go; `done` is set when the files are written.

    Args:
        options: what to run.
        workers: names of the workers, in the order of their shards.
        send: sends a message (type, bytes) to a worker.
    """

    def __init__(self, options: RunOptions, workers: list[str], send: SendTo) -> None:
        if not workers:
            raise HarnessError("no load worker is connected")
        if len(workers) > len(options.scenario.parks):
            raise HarnessError(f"{len(options.scenario.parks)} parks cannot be spread over {len(workers)} workers")
        self._options = options
        self._workers = workers
        self._send = send
        self._clock = SteadyClock()
        self._target: Target = ContractHttp(options.park_url, options.city_url, options.credentials)
        self._levels: tuple[Level, ...] = ("park", "city") if options.city_url else ("park",)
        self._ready: set[str] = set()
        self._built = gevent.event.Event()
        self._records: dict[str, LoadRecord] = {}
        self._gathered = gevent.event.Event()
        self._heard_us: dict[str, int] = {}
        self._observers: list[Observer] = []
        self._observing = gevent.pool.Group()
        self._stop_observing = gevent.event.Event()
        self._clocks: dict[str, ClockOffset] = {}
        self._ended = ""
        self._closed = False
        self.schedule: Schedule | None = None
        self.failure = ""
        self.done = gevent.event.Event()
        options.out.mkdir(parents=True, exist_ok=True)
        self._ledger = LedgerFile(options.out / "ledger.arrow")
        self._alerts = AlertLog(options.out / "alerts.jsonl")
        self._progress = ProgressLog(options.out / "progress.jsonl", self._clock, self._alerts.events, self._observers)
        self._ticker = gevent.spawn(self._progress.run)

    # --- the run ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Prepare platform and workers, and let them go.

        Raises:
            TargetError: the platform cannot be used.
            HarnessError: a worker cannot take part.
        """
        paced = not self._options.burst_s
        if paced:
            self._prepare_platform()
        self._build_workers()
        if paced:
            self._observe()
        self.schedule = self._set_schedule()
        self._progress.schedule = self.schedule
        self._progress.stage = "starting"
        self._heard_us = dict.fromkeys(self._workers, self._clock.now_us())
        self._tell_all(GO, pack(self.schedule))
        gevent.spawn(self._see_it_through)

    def stop(self, reason: str) -> None:
        """End before the trace does, and write what there is."""
        if self.done.is_set() or self._closed:
            return
        self._ended = reason
        if self.schedule is not None:
            self._tell_all(STOP, b"")
            self._gathered.wait(timeout=WORKER_SILENT_S_MAX)
        else:
            self.failure = reason
        self._close()

    def fail(self, message: str) -> None:
        """The harness failed; write what there is."""
        self.failure = self.failure or message
        self._ended = self._ended or message
        self._built.set()
        if self.schedule is None:
            self._close()

    # --- what workers tell ------------------------------------------------------------------------------------------

    def on_ready(self, worker: str) -> None:
        """A worker has built its share."""
        self._ready.add(worker)
        if self._ready >= set(self._workers):
            self._built.set()

    def on_progress(self, worker: str, data: bytes) -> None:
        """A worker's second."""
        if self._closed or worker not in self._workers:
            return
        self._heard_us[worker] = self._clock.now_us()
        progress = msgspec.msgpack.decode(data, type=Progress)
        self._ledger.append(progress.acks)
        self._progress.add(worker, progress)

    def on_record(self, worker: str, data: bytes) -> None:
        """A worker is done."""
        self._records[worker] = msgspec.msgpack.decode(data, type=LoadRecord)
        if set(self._records) >= set(self._workers):
            self._gathered.set()

    # --- steps ------------------------------------------------------------------------------------------------------

    def _prepare_platform(self) -> None:
        self._progress.stage = "preparing the platform"
        for level in self._levels:
            self._clocks[level] = clock_offset(self._target, level, self._clock)
        options = self._options
        layouts = traffic(options.scenario, options.recording, replication=options.replication).layouts
        rules = rules_of(options.scenario)

        def provision(park: str) -> Exception | None:
            points = PointList(points=list(layouts[park].points))
            return _attempt(lambda: self._target.provision(park, points, rules))

        for fault in gevent.pool.Pool(PROVISION_AT_ONCE).imap_unordered(provision, options.scenario.parks):
            if fault:
                raise fault
        self._check_empty(layouts[options.scenario.parks[0]].gateways[0])

    def _check_empty(self, gateway: str) -> None:
        """A platform that holds an earlier run answers every pack as a duplicate: nothing would be measured."""
        park = self._options.scenario.parks[0]
        sequence, _ = self._target.read_back(park, gateway, 1, 1)
        if len(sequence):
            raise TargetError(
                f"the platform already holds telemetry of {park}/{gateway} (an earlier run): start it with empty data"
            )

    def _build_workers(self) -> None:
        self._progress.stage = "building the world"
        options = self._options
        for number, worker in enumerate(self._workers):
            plan = Plan(
                scenario=options.scenario,
                recording=options.recording,
                replication=options.replication,
                shard=(number, len(self._workers)),
                park_url=options.park_url,
                city_url=options.city_url,
                credentials=options.credentials,
                drain_s=options.drain_s,
                burst_s=options.burst_s,
            )
            self._send(PREPARE, pack(plan), worker)
        if not self._built.wait(timeout=WORKER_BUILD_S_MAX):
            waiting = sorted(set(self._workers) - self._ready)
            raise HarnessError(f"workers not ready after {WORKER_BUILD_S_MAX:.0f} s: {', '.join(waiting)}")
        if self.failure:
            raise HarnessError(self.failure)

    def _observe(self) -> None:
        self._progress.stage = "connecting the observers"
        for level in self._levels:
            observer = Observer(self._target, level, self._clock, self._alerts.keep)
            self._observers.append(observer)
            self._observing.spawn(observer.run, self._stop_observing)
        with gevent.Timeout(CONNECT_S_MAX, False):
            while not all(observer.connected for observer in self._observers):
                gevent.sleep(0.01)
        for observer in self._observers:
            if not observer.connected:
                raise TargetError(f"no alert stream at the {observer.record.level} level: {observer.record.last_break}")

    def _set_schedule(self) -> Schedule:
        """One instant for all workers, far enough off for their feeders to get ahead."""
        scenario = self._options.scenario
        start_at_ms = self._clock.now_us() // 1000 + LEAD_MS
        start_ms = scenario.starts_at_ms
        if self._options.burst_s:
            start_at_ms -= LEAD_MS
            return Schedule(start_ms, start_ms, start_ms + round(self._options.burst_s * 1000), start_at_ms)
        measured_from_ms = start_ms + round(scenario.warm_up_s * 1000)
        return Schedule(start_ms, measured_from_ms, measured_from_ms + round(scenario.duration_s * 1000), start_at_ms)

    def _see_it_through(self) -> None:
        """Wait for the end of the trace, the drain and the records; notice a worker that fell silent."""
        if self.schedule is None:
            return
        end_us = (self.schedule.ends_at_ms + self._options.drain_s * 1000) * 1000
        while not self._closed and not self.failure:
            if self._gathered.is_set() and (self._options.burst_s or self._clock.now_us() >= end_us):
                break
            self._notice_silence()
            gevent.sleep(0.1)
        if self.failure:
            self._tell_all(STOP, b"")
            self._gathered.wait(timeout=CONNECT_S_MAX)
        self._close()

    def _notice_silence(self) -> None:
        now_us = self._clock.now_us()
        waiting = set(self._workers) - set(self._records)
        silent = sorted(worker for worker in waiting if now_us - self._heard_us[worker] > WORKER_SILENT_S_MAX * 1e6)
        if silent:
            self.fail(f"load workers fell silent: {', '.join(silent)}")

    def _tell_all(self, kind: str, data: bytes) -> None:
        for worker in self._workers:
            self._send(kind, data, worker)

    def _close(self) -> None:
        """Write the files, once."""
        if self._closed:
            return
        self._closed = True
        self._stop_observing.set()
        self._observing.join(timeout=2)
        self._observing.kill()
        self._progress.finish("failed" if self.failure else "finished")
        self._ticker.kill()
        self._ledger.close()
        self._alerts.close()
        self._target.close()
        if self._records:
            _write(self._options.out / "load.json", msgspec.json.format(msgspec.json.encode(self._record()), indent=1))
        elif not self.failure:
            self.failure = "no worker told its record"
        self.done.set()

    def _record(self) -> LoadRecord:
        options = self._options
        record = merge(self._records[worker] for worker in self._workers if worker in self._records)
        missing = sorted(set(self._workers) - set(self._records))
        record.ended = self._ended or (f"no record from {', '.join(missing)}" if missing else "")
        record.complete = record.complete and not record.ended
        record.scenario = options.scenario.name
        record.seed = options.scenario.seed
        record.replication = options.replication
        record.observers = [observer.record for observer in self._observers]
        record.clocks = self._clocks
        record.ledger_packs, record.ledger_readings = self._ledger.packs, self._ledger.readings
        if options.burst_s:
            record.burst = self._burst(record)
        return record

    def _burst(self, record: LoadRecord) -> Burst:
        """Rates over the time in which packs were acknowledged."""
        measured = max(use.wall_s for use in record.harness)
        counts = record.kinds[TELEMETRY].total
        seconds = measured or self._options.burst_s
        return Burst(
            seconds=seconds,
            packs_per_s=counts.acknowledged / seconds,
            readings_per_s=counts.readings_acknowledged / seconds,
        )


def read_credentials(paths: str) -> CredentialFile | None:
    """The credentials in one or several files, comma-separated; None when no file is named.

    Raises:
        HarnessError: a file cannot be read or is not a credential file.
    """
    credentials = []
    for path in filter(None, (part.strip() for part in paths.split(","))):
        try:
            credentials += msgspec.json.decode(Path(path).read_bytes(), type=CredentialFile).credentials
        except (OSError, msgspec.MsgspecError) as error:
            raise HarnessError(f"credentials {path}: {error}") from error
    return CredentialFile(credentials=credentials) if credentials else None


def _attempt(act: Callable[[], None]) -> Exception | None:
    """What went wrong, as a value, so that a pool of greenlets does not print it."""
    try:
        act()
    except (TargetError, HarnessError) as error:
        return error
    return None


def _write(path: Path, data: bytes) -> None:
    """Replace the file as a whole."""
    draft = path.with_suffix(path.suffix + ".part")
    draft.write_bytes(data)
    draft.replace(path)
