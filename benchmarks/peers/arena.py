"""Let the contestants run one after another, each in its own process, within its limit of time."""

import datetime as dt
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from benchmarks import environment as machines
from benchmarks.peers import work as w
from benchmarks.peers.child import Told
from benchmarks.peers.environments import Environment, missing_programs
from benchmarks.peers.face import Entry
from benchmarks.peers.result import Comparison, Line, Machine, Status, judge
from benchmarks.processes import Household, Process

INSTALL_LIMIT_S = 300.0
LOOK_EVERY_S = 0.05
Say = Callable[[str], None]


class _NotDone(Exception):  # noqa: N818 - the status of a line, not an error of the program
    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Arena:
    """One workload, and the processes that work on it.

    Args:
        points, seconds: size of the workload.
        limit_s: what one contestant may take, its preparation included, installation not.
        out: folder for environments and logs.
        say: told what is being done now.
    """

    def __init__(self, points: int, seconds: int, limit_s: float, out: Path, say: Say) -> None:
        self._points, self._seconds, self._limit_s, self._say = points, seconds, limit_s, say
        self._environments, self._logs = out / "environments", out / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._expected = w.expected(points, seconds)

    def compare(self, entries: Sequence[Entry], done: Callable[[Line], None]) -> Comparison:
        """Run them all; `done` is told each line as soon as it is there."""
        lines = []
        with Household() as household:
            folder = household.directory(Path(tempfile.gettempdir()) / f"parkbench-peers-{os.getpid()}")
            self._say("making the workload")
            w.make(self._points, self._seconds).save(folder)
            for entry in entries:
                lines.append(self._line(household, folder, entry))
                done(lines[-1])
        return Comparison(
            machine=_machine(self._logs),
            points=self._points,
            seconds=self._seconds,
            readings=self._points * self._seconds,
            transitions=len(self._expected),
            lines=lines,
        )

    def _line(self, household: Household, folder: Path, entry: Entry) -> Line:
        try:
            python = self._install(household, entry)
            told = self._run(household, folder, entry, python)
        except _NotDone as no:
            return Line(name=entry.name, kind=entry.kind, notes=entry.notes, status=no.status, reason=str(no))
        return judge(entry, told, self._expected, self._points * self._seconds)

    def _install(self, household: Household, entry: Entry) -> Path:
        missing = missing_programs(entry)
        if missing:
            raise _NotDone("not available", f"{', '.join(missing)} not found; install a JDK of version 17 or newer")
        environment = Environment(entry, self._environments)
        if not environment.ready:
            self._say(f"{entry.name}: installing {entry.environment}")
            for command in environment.commands():
                process = household.start(entry.name, command, self._logs / f"{entry.name}.install.log")
                if self._wait(household, process, INSTALL_LIMIT_S) != 0:
                    raise _NotDone("not available", f"its packages cannot be installed: {process.last_words()}")
            environment.made()
        return environment.python

    def _run(self, household: Household, folder: Path, entry: Entry, python: Path) -> Told:
        self._say(f"{entry.name}: {entry.notes}")
        arguments = [entry.name, str(folder), str(self._points), str(self._seconds)]
        command = [str(python), "-P", "-m", "benchmarks.peers.child", *arguments]
        process = household.start(entry.name, command, self._logs / f"{entry.name}.log", {"TMPDIR": str(folder)})
        code = self._wait(household, process, self._limit_s)
        if code is None:
            raise _NotDone("timed out", f"not done within {self._limit_s:g} s")
        if code != 0:
            raise _NotDone("failed", process.last_words())
        return msgspec.json.decode((folder / f"{entry.name}.json").read_bytes(), type=Told)

    @staticmethod
    def _wait(household: Household, process: Process, limit_s: float) -> int | None:
        """Exit code of a process, None where it had to be ended for its time."""
        until_s = time.monotonic() + limit_s
        while process.exit_code is None and time.monotonic() < until_s:
            time.sleep(LOOK_EVERY_S)
        in_time = process.exit_code is not None
        code = household.stop(process)
        return code if in_time else None


def _machine(folder: Path) -> Machine:
    found = machines.collect(folder)
    now = dt.datetime.now(tz=dt.UTC)
    return Machine(
        system=found.system,
        processor=found.processor,
        cores=found.cores,
        python=found.python,
        date=now.isoformat(timespec="seconds"),
    )
