"""Load a park platform, and watch a city platform, with the world's traffic.

    locust -f loadtests/locustfile.py --host http://PARK-PLATFORM --city http://CITY-PLATFORM --credentials FILE,FILE

Alone with the web interface, with `--headless`, or as `--master` and `--worker`: the parks are shared out over the
workers and everything is gathered at the master. The run ends by itself when the trace ends and what is late has had
its time.
"""

# ruff: noqa: ANN401 - Locust ships no types for what it hands to listeners

import contextlib
import logging
import signal
import time
from pathlib import Path
from typing import Any

import gevent
import msgspec
from locust import events
from locust.runners import MasterRunner, WorkerRunner

from contract.errors import HarnessError, ParkBenchError
from loadtests import plan
from loadtests.coordinator import Coordinator, RunOptions, read_credentials
from loadtests.schedule import Schedule
from loadtests.session import Session, prepare
from loadtests.targets.null import sink
from loadtests.users import OneUserPerPark, ParkUser, show_in
from scenarios.model import find
from sim.recorded import RecordedTrace

__all__ = ["OneUserPerPark", "ParkUser"]

logger = logging.getLogger("parkbench")
logging.getLogger("MESA").setLevel(logging.WARNING)  # it tells every step, and Locust shows what is told


@events.init_command_line_parser.add_listener
def add_options(parser: Any, **_: Any) -> None:
    """The options beside Locust's own; each also as an environment variable."""

    def option(name: str, default: Any, text: str, **more: Any) -> None:
        variable = "PARKBENCH_" + name.removeprefix("--").replace("-", "_").upper()
        parser.add_argument(name, default=default, env_var=variable, help=f"{text} [env {variable}]", **more)

    option("--scenario", "first-morning", "name of a scenario of the library, or a YAML file")
    option("--trace", "", "directory of a recorded trace to replay instead of a scenario")
    option("--city", "", "base URL of the city platform; none: only the park level is observed")
    option("--credentials", "", "credential files of the platforms, comma-separated")
    option(
        "--out",
        "",
        "directory for load.json, ledger.arrow, alerts.jsonl, progress.jsonl; a new one under results/ unless told",
    )
    option("--trace-seed", "", "seed of the trace instead of the scenario's own")
    option("--replication", 0, "number of the repetition; another number, other draws", type=int)
    option("--drain", 5.0, "seconds after the end of the trace in which late packs and alerts still count", type=float)
    option(
        "--null",
        0.0,
        "send unpaced for so many seconds (3 unless told) to the null sink at --host, or to one of its own",
        type=float,
        nargs="?",
        const=3.0,
        include_in_web_ui=False,
    )


class Node:
    """This process's part in a run: coordinator (on the master or alone), worker, or both."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._runner = environment.runner
        self._options: RunOptions | None = None
        self._resources = contextlib.ExitStack()
        self._coordinator: Coordinator | None = None
        self._prepared: tuple[plan.Plan, Any] | None = None
        self._failed = False
        self.session: Session | None = None

    # --- coordinating -----------------------------------------------------------------------------------------------

    def begin(self) -> tuple[int, int] | None:
        """Read the options of the run that is about to start; gives (parks, workers)."""
        self._coordinator = None
        self._failed = False
        try:
            self._options = self._read_options()
            workers = len(self._workers())
            if not workers:
                raise HarnessError("no load worker is connected")
        except (ParkBenchError, ValueError, OSError) as error:
            self._fail(str(error))
            return None
        return len(self._options.scenario.parks), workers

    def over(self) -> bool:
        """Whether the files are written, or there will be none."""
        return self._failed or (self._coordinator is not None and self._coordinator.done.is_set())

    def start(self) -> None:
        """Start the run; called by Locust before it spawns users."""
        if self._options is None:
            return
        try:
            self._coordinator = Coordinator(self._options, self._workers(), self._send)
            self._coordinator.start()
        except (ParkBenchError, OSError) as error:
            self._fail(str(error))
            return
        gevent.spawn(self._await_end, self._coordinator)

    def stop(self) -> None:
        """Locust stops the test: write what there is."""
        if self._coordinator is not None:
            self._coordinator.stop("stopped before the end of the trace")
        if self.session is not None:
            self.session.finish()
        self._resources.close()

    def terminate(self) -> None:
        """SIGTERM while Locust waits for the shape to end; it installs its own handler only after that."""
        self.stop()
        self._runner.quit()

    def hear(self, kind: str, worker: str, data: bytes) -> None:
        """A message from a worker."""
        coordinator = self._coordinator
        if coordinator is None:
            return
        if kind == plan.READY:
            coordinator.on_ready(worker)
        elif kind == plan.PROGRESS:
            coordinator.on_progress(worker, data)
        elif kind == plan.RECORD:
            coordinator.on_record(worker, data)
        else:
            coordinator.fail(f"worker {worker}: {data.decode()}")

    def _await_end(self, coordinator: Coordinator) -> None:
        coordinator.done.wait()
        if coordinator.failure:
            self._fail(coordinator.failure)
        else:
            logger.info("The run is over; its files are in %s", self._options.out if self._options else "")

    def _fail(self, message: str) -> None:
        logger.error("%s", message)
        self._failed = True
        self._environment.process_exit_code = 1
        if self._coordinator is not None:
            self._coordinator.fail(message)

    def _workers(self) -> list[str]:
        if isinstance(self._runner, MasterRunner):
            return sorted((node.id for node in self._runner.clients.ready), key=self._runner.get_worker_index)
        return [self._runner.client_id]

    def _send(self, kind: str, data: bytes, worker: str) -> None:
        self._runner.send_message(kind, data, worker)

    def _read_options(self) -> RunOptions:
        given = self._environment.parsed_options
        scenario = RecordedTrace(Path(given.trace)).scenario if given.trace else find(given.scenario)
        if given.trace_seed and not given.trace:
            scenario = msgspec.structs.replace(scenario, seed=int(given.trace_seed))
        park_url = self._environment.host or ""
        if given.null and not park_url:
            park_url = self._resources.enter_context(sink())
        if not park_url:
            raise HarnessError("--host: expected the base URL of the park platform, found nothing")
        out = Path(given.out or f"results/{scenario.name}-{time.strftime('%Y%m%d-%H%M%S')}")
        if (out / "load.json").exists():
            raise HarnessError(f"--out: {out} already holds a run")
        return RunOptions(
            scenario=scenario,
            recording=str(Path(given.trace).resolve()) if given.trace else "",
            replication=given.replication,
            park_url=park_url,
            city_url=given.city or "",
            credentials=None if given.null else read_credentials(given.credentials or ""),
            out=out,
            drain_s=0.0 if given.null else given.drain,
            burst_s=given.null,
        )

    # --- working ----------------------------------------------------------------------------------------------------

    def obey(self, kind: str, data: bytes) -> None:
        """A message from the coordinator."""
        if kind == plan.PREPARE:
            self.session = None
            gevent.spawn(self._prepare, msgspec.msgpack.decode(data, type=plan.Plan))
        elif kind == plan.GO and self._prepared is not None:
            work, trace = self._prepared
            schedule = msgspec.msgpack.decode(data, type=Schedule)
            self.session = Session(work, trace, schedule, self._tell, show_in(self._environment))
        elif kind == plan.STOP and self.session is not None:
            self.session.finish()

    def _prepare(self, work: plan.Plan) -> None:
        try:
            self._prepared = work, prepare(work)
        except Exception as error:  # the coordinator must hear of it, whatever it is
            logger.exception("This worker cannot take part")
            self._tell(plan.FAILED, f"{type(error).__name__}: {error}".encode())
        else:
            self._tell(plan.READY, b"")

    def _tell(self, kind: str, data: bytes) -> None:
        self._runner.send_message(kind, data)


@events.init.add_listener
def join(environment: Any, runner: Any, **_: Any) -> None:
    """Take part: as worker, as coordinator, or alone as both."""
    node = Node(environment)
    environment.process_exit_code = 0  # a platform's errors are in the record, they are not ours
    ParkUser.session = staticmethod(lambda: node.session)
    if not isinstance(runner, WorkerRunner):
        OneUserPerPark.begin, OneUserPerPark.over = node.begin, node.over
        events.test_start.add_listener(lambda **_: node.start())
        for kind in plan.TO_COORDINATOR:
            runner.register_message(kind, lambda msg, **_: node.hear(msg.type, _name(runner, msg), msg.data))
    if not isinstance(runner, MasterRunner):
        for kind in plan.TO_WORKER:
            runner.register_message(kind, lambda msg, **_: node.obey(msg.type, msg.data))
    events.test_stopping.add_listener(lambda **_: node.stop())
    events.quitting.add_listener(lambda **_: node.stop())
    gevent.signal_handler(signal.SIGTERM, node.terminate)


def _name(runner: Any, message: Any) -> str:
    """Who sent it; the only process talks to itself."""
    return str(message.node_id if isinstance(runner, MasterRunner) else runner.client_id)
