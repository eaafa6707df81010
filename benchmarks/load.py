"""The load as a subprocess: Locust with our locustfile, watched through the files that it writes."""

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

import loadtests
from benchmarks.processes import Household, Process
from benchmarks.reference import Endpoints
from contract.errors import HarnessError
from loadtests.observe import Seen
from loadtests.progress import WRITE_AFTER_MS, ProgressLine
from loadtests.record import Burst, LoadRecord

LOCUSTFILE = Path(loadtests.__file__).parent / "locustfile.py"
BURST_TIMEOUT_S = 120.0
SETUP_TIMEOUT_S = 300.0  # beyond the trace: building the world, provisioning, draining
DRAIN_S = 3.0
POLL_S = 0.25
_ERROR = re.compile(r"/ERROR/parkbench: (.+)")


class LoadOptions(NamedTuple):
    """What the load is asked to do.

    Attributes:
        scenario: a name of the library or a path, as the person gave it.
        recording: directory of a recorded trace that is replayed instead.
        burst_s: length of the burst against the null sink.
        workers: Locust worker processes; 1 runs the load in one process without a master.
        out: directory for the load's files.
    """

    scenario: str
    seed: int
    recording: Path | None
    workers: int
    burst_s: float
    out: Path
    logs: Path


class LineFile:
    """The whole lines that were added to a growing file since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def new_lines(self) -> Iterator[bytes]:
        """Each new whole line; none while the file does not exist."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                added = file.read()
        except FileNotFoundError:
            return
        whole = added[: added.rfind(b"\n") + 1]
        self._read += len(whole)
        yield from whole.splitlines()


class Watch:
    """What a running load tells."""

    def __init__(self, out: Path) -> None:
        self._progress = LineFile(out / "progress.jsonl")
        self._alerts = LineFile(out / "alerts.jsonl")

    def progress(self) -> list[ProgressLine]:
        """The seconds that ended since the last look."""
        return [msgspec.json.decode(line, type=ProgressLine) for line in self._progress.new_lines()]

    def alerts(self) -> list[Seen]:
        """The transitions that were seen since the last look."""
        return [msgspec.json.decode(line, type=Seen) for line in self._alerts.new_lines()]


def observer_delays_ms(lines: Sequence[ProgressLine], start_at_ms: int) -> list[float]:
    """How late the process of the observers woke up in the measured part, once a second.

    It writes a progress line `WRITE_AFTER_MS` after each full second; a line that never came is a second of delay.
    """
    delays_ms: list[float] = []
    due_before: int | None = None
    for line in lines:
        if line.phase != "measured":
            continue
        due, late_ms = divmod(line.at_ms - start_at_ms - WRITE_AFTER_MS, 1000)
        if due_before is not None:
            delays_ms += [1000.0] * (due - due_before - 1)
        delays_ms.append(float(late_ms))
        due_before = due
    return delays_ms


def null_burst(household: Household, options: LoadOptions) -> Burst:
    """Measure the harness's own ceiling: an unpaced burst against the null sink.

    Raises:
        HarnessError: the load failed.
    """
    process = _start(
        household, "the null burst", options, ["--null", f"{options.burst_s:g}"], options.logs / "null.log"
    )
    _wait(household, process, BURST_TIMEOUT_S, lambda: None)
    burst = _record(process, options).burst
    if burst is None:
        raise HarnessError(f"the null burst measured nothing: {process.last_words()}")
    return burst


def start(household: Household, options: LoadOptions, target: Endpoints) -> Process:
    """Start the load against a platform; `finish` waits for it."""
    more = ["--host", target.park_url, "--city", target.city_url, "--drain", f"{DRAIN_S:g}"]
    if target.credentials:
        more += ["--credentials", ",".join(str(path) for path in target.credentials)]
    return _start(household, "the load", options, more, options.logs / "load.log")


def finish(
    household: Household, process: Process, options: LoadOptions, trace_s: float, look: Callable[[], None]
) -> LoadRecord:
    """Wait for the load's end, looking a few times a second; gives its record.

    Raises:
        HarnessError: the load failed or took too long, or a process of the household ended.
    """
    _wait(household, process, trace_s + SETUP_TIMEOUT_S, look)
    return _record(process, options)


def _start(household: Household, name: str, options: LoadOptions, more: list[str], log: Path) -> Process:
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary"]
    if options.recording:
        command += ["--trace", str(options.recording)]
    else:
        command += ["--scenario", options.scenario, "--trace-seed", str(options.seed)]
    command += ["--out", str(options.out), *more]
    if options.workers > 1:
        command += ["--processes", str(options.workers)]
    return household.start(name, command, log)


def _wait(household: Household, process: Process, timeout_s: float, look: Callable[[], None]) -> None:
    deadline_s = time.monotonic() + timeout_s
    while process.exit_code is None:
        if time.monotonic() >= deadline_s:
            raise HarnessError(f"{process.name} did not end within {timeout_s:g} s: {process.last_words()}")
        look()
        household.check(leave_out=process)
        time.sleep(POLL_S)
    household.stop(process)


def _record(process: Process, options: LoadOptions) -> LoadRecord:
    """The load's record, whatever its exit code; without one the load failed."""
    path = options.out / "load.json"
    if path.is_file():
        return msgspec.json.decode(path.read_bytes(), type=LoadRecord)
    told = _ERROR.findall(process.log.read_text("utf-8", errors="replace"))
    raise HarnessError(f"{process.name} failed: {f'{told[0]} (see {process.log})' if told else process.last_words()}")
