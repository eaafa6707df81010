"""Apache Flink: the rule as a keyed operator in Java on heap state, in a cluster of one slot in one virtual machine.

The jars are those of Flink's Python package. Python functions are not used: each reading would cross into another
process and back, which is many times slower and would flatter whoever stands beside it.
"""

import importlib.metadata
import os
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import IO

from benchmarks.peers import work as w
from benchmarks.peers.work import Transition, Workload

SOURCE = Path(__file__).with_name("FlinkAlarms.java")
HEAP = "-Xmx4g"
# What Flink's own launcher opens: its serialisers and closure cleaner look into these packages.
OPENS = ("--add-opens=java.base/java.lang=ALL-UNNAMED", "--add-opens=java.base/java.util=ALL-UNNAMED")


class Engine:
    """A virtual machine for all runs, so that its compiler gets warm; a job for each.

    Args:
        link: "exchange": after `keyBy`, as in any job; "chained": the source's order is taken as partitioned already,
            which spares the exchange and is possible only where nothing has to be brought together.
    """

    def __init__(self, link: str) -> None:
        self._link = link

    def prepare(self, work: Workload) -> None:
        """Compile the job, and let the virtual machine read the columns into arrays."""
        self._folder = tempfile.TemporaryDirectory(prefix="parkbench-flink-")
        folder = Path(self._folder.name)
        work.save(folder)
        jars = f"{sysconfig.get_path('purelib')}/pyflink/lib/*"
        subprocess.run(["javac", "-nowarn", "-cp", jars, "-d", folder, SOURCE], check=True)  # noqa: S603, S607 - the JDK's compiler, wherever it is
        rule = [str(part) for part in (w.HIGH, w.DEADBAND, w.ON_DELAY_MS, w.OFF_DELAY_MS)]
        classes = f"{folder}{os.pathsep}{jars}"
        command = ["java", HEAP, *OPENS, "-cp", classes, "FlinkAlarms", str(folder), self._link, *rule]
        self._machine = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - as above

    def begin(self) -> None:
        """Submit a job; it waits at its first reading."""
        self._tell("begin")
        self._hear("ready")

    def run(self) -> None:
        """Let it go, until the last reading is judged."""
        self._tell("go")
        lines = int(self._hear("done"))
        self._rows = [self._pipe(self._machine.stdout).readline() for _ in range(lines)]

    def transitions(self) -> list[Transition]:
        """What the operator collected."""
        rows = ([int(word) for word in row.split()] for row in self._rows)
        return [Transition(*row) for row in rows]

    def version(self) -> str:
        """Flink's."""
        return importlib.metadata.version("apache-flink-libraries")

    def close(self) -> None:
        """End the virtual machine."""
        self._tell("end")
        self._machine.wait()
        self._folder.cleanup()

    def _tell(self, word: str) -> None:
        pipe = self._pipe(self._machine.stdin)
        pipe.write(word + "\n")
        pipe.flush()

    def _hear(self, word: str) -> str:
        """Wait for a line that begins with a word; returns what follows it."""
        line = self._pipe(self._machine.stdout).readline()
        found, _, rest = line.strip().partition(" ")
        if found != word:
            raise RuntimeError(f"Flink's virtual machine: expected {word!r}, found {line!r}")
        return rest

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        if pipe is None:
            raise RuntimeError("Flink's virtual machine was started without pipes")
        return pipe
