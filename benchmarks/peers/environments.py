"""Environments of contestants whose packages are not the project's: made on demand, with pinned and hashed packages."""

import hashlib
import shutil
import sys
from pathlib import Path
from typing import Final

from benchmarks.peers.face import Entry
from contract.errors import HarnessError

REQUIREMENTS: Final = Path(__file__).parent / "requirements"
ROOT: Final = Path(__file__).parents[2]
_READY = "parkbench.ready"


def missing_programs(entry: Entry) -> list[str]:
    """Programs that the contestant needs and this machine lacks."""
    return [program for program in entry.programs if shutil.which(program) is None]


class Environment:
    """The Python of one contestant.

    Args:
        entry: whose.
        folder: where environments are kept from one run to the next.

    Attributes:
        python: its interpreter.
        ready: it has been made; true from the start for the project's own.
    """

    def __init__(self, entry: Entry, folder: Path) -> None:
        self._requirements = REQUIREMENTS / f"{entry.environment}.txt"
        self._root = folder / entry.environment
        if entry.environment:
            content = self._requirements.read_bytes() + f"{sys.version} {ROOT}".encode()
            digest = hashlib.blake2b(content, digest_size=4).hexdigest()
            self._root = folder / f"{entry.environment}-{digest}"
        self.python = self._root / "bin" / "python" if entry.environment else Path(sys.executable)
        self.ready = not entry.environment or (self._root / _READY).exists()

    def commands(self) -> list[list[str]]:
        """What makes it, command by command."""
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        return [
            [sys.executable, "-m", "venv", "--clear", str(self._root)],
            [*pip, "--require-hashes", "-r", str(self._requirements)],
        ]

    def made(self) -> None:
        """Its commands went well: show it the project, behind its own packages.

        Raises:
            HarnessError: there is no folder for packages.
        """
        packages = next(self._root.glob("lib/python*/site-packages"), None)
        if packages is None:
            raise HarnessError(f"{self._root}: expected lib/python*/site-packages, found none")
        (packages / "parkbench.pth").write_text(f"{ROOT}\n", encoding="utf-8")
        (self._root / _READY).touch()
        self.ready = True
