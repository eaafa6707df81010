"""The reference platform as real processes, for tests that kill them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from contract.messages import CredentialFile
from reference_impl.serve import AllSettings, CitySettings, ParkHostSettings, command
from reference_impl.transport.credentials import FILE_NAME, read_credentials

END_S = 30.0


class Served:
    """A node in a process of its own; `--attached`, so that it ends with the test run whatever happens."""

    def __init__(self, settings: ParkHostSettings | CitySettings | AllSettings) -> None:
        self._settings = settings
        self.process = subprocess.Popen(
            [*command(settings), "--attached"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = ""

    def line(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ready(self) -> "Served":
        """Wait until it answers."""
        line = self.line()
        assert " ready on " in line, line
        self.url = line.partition(" ready on ")[2]
        return self

    def credentials(self) -> CredentialFile:
        """The tokens that it made."""
        return read_credentials(self._settings.data / FILE_NAME)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.wait()

    def end(self) -> int:
        """End it in order; gives the exit status."""
        self.process.terminate()
        return self.wait()

    def wait(self) -> int:
        """Wait until it is gone; gives the exit status."""
        status = self.process.wait(END_S)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        return status


@contextmanager
def served(settings: ParkHostSettings | CitySettings | AllSettings) -> Iterator[Served]:
    """A node for the length of a block; the block may have ended or killed it already."""
    node = Served(settings)
    try:
        yield node
    finally:
        if node.process.poll() is None:
            node.kill()


def refused(settings: ParkHostSettings | CitySettings | AllSettings) -> tuple[int, str]:
    """Exit status and standard error of a node that is expected not to start."""
    done = subprocess.run(command(settings), capture_output=True, text=True, timeout=END_S, check=False)
    return done.returncode, done.stderr
