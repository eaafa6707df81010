"""Processes of ours and what must not outlive a run: started, watched, and ended on any exit.

Each process leads a group of its own, so that what it starts ends with it and Ctrl-C reaches only the orchestrator. A
small reaper process holds the other end of a pipe: when the orchestrator is gone, however it went, the pipe closes and
the reaper ends the groups and removes the temporary directories that are left.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from contract.errors import HarnessError

STOP_TIMEOUT_S = 15.0
KILL_TIMEOUT_S = 5.0


class Process:
    """One started process with its output in a log file."""

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as output:
            self._popen = subprocess.Popen(  # noqa: S603 - the project's own programs, arguments as a list
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **environment},
            )

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its group."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """Exit code, or None while it runs."""
        return self._popen.poll()

    def last_words(self) -> str:
        """The last line of its output and where the rest stands, for a message."""
        lines = self.log.read_text("utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "nothing was said")
        return f"{last} (see {self.log})"

    def stop(self) -> int:
        """End it and its group: politely, then by force. Returns the exit code."""
        if self._popen.poll() is None:
            _signal_group(self.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(STOP_TIMEOUT_S)
        _signal_group(self.pid, signal.SIGKILL)
        return self._popen.wait(KILL_TIMEOUT_S)


class Household:
    """All processes and temporary directories of a run; leaving the block ends and removes them."""

    def __init__(self) -> None:
        self._processes: list[Process] = []
        self._directories: list[Path] = []
        self._reaper: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Start the reaper."""
        self._reaper = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.processes"], stdin=subprocess.PIPE, text=True, start_new_session=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End every process, the last one started first, and remove the directories."""
        for process in reversed(self._processes):
            process.stop()
            self._tell("forget", str(process.pid))
        for directory in self._directories:
            shutil.rmtree(directory, ignore_errors=True)
        if self._reaper and self._reaper.stdin:
            self._reaper.stdin.close()
            self._reaper.wait(KILL_TIMEOUT_S)

    def start(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> Process:
        """Start a process of this household."""
        process = Process(name, command, log, environment or {})
        self._processes.append(process)
        self._tell("group", str(process.pid))
        return process

    def stop(self, process: Process) -> int:
        """End one process now; returns its exit code."""
        code = process.stop()
        self._processes.remove(process)
        self._tell("forget", str(process.pid))
        return code

    def directory(self, path: Path) -> Path:
        """Make a directory that is removed at the end."""
        path.mkdir(parents=True)
        self._directories.append(path)
        self._tell("tree", str(path.resolve()))
        return path

    def check(self, leave_out: Process | None = None) -> None:
        """Raise when a process has ended that should run.

        Raises:
            HarnessError: with its last words.
        """
        for process in self._processes:
            if process is not leave_out and process.exit_code is not None:
                raise HarnessError(f"{process.name} ended with exit code {process.exit_code}: {process.last_words()}")

    def _tell(self, word: str, what: str) -> None:
        if self._reaper and self._reaper.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._reaper.stdin.write(f"{word} {what}\n")
                self._reaper.stdin.flush()


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def reap(commands: IO[str]) -> None:
    """The reaper: note what exists until the pipe closes, then end and remove what was not forgotten."""
    groups: set[int] = set()
    trees: list[Path] = []
    for line in commands:
        word, _, what = line.rstrip("\n").partition(" ")
        if word == "group":
            groups.add(int(what))
        elif word == "forget":
            groups.discard(int(what))
        elif word == "tree":
            trees.append(Path(what))
    for group in groups:
        _signal_group(group, signal.SIGTERM)
    deadline_s = time.monotonic() + STOP_TIMEOUT_S
    while any(_group_lives(group) for group in groups) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    for group in groups:
        _signal_group(group, signal.SIGKILL)
    for tree in trees:
        shutil.rmtree(tree, ignore_errors=True)


if __name__ == "__main__":
    for interrupt in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(interrupt, signal.SIG_IGN)  # it ends with the pipe, not before
    reap(sys.stdin)
