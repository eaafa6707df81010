"""The machine that a run stands on: what a result tells so that its figures can be read, and what `doctor` checks."""

import importlib.metadata
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.result import Environment

FSYNC_ROUNDS = 16
FSYNC_BYTES = 4096
OPEN_FILES_WANTED = 4096
PYTHON_WANTED = (3, 11)
CORES_WANTED = 2
MEMORY_WANTED_BYTES = 4 * 1024**3
DISK_FREE_WANTED_BYTES = 4 * 1024**3
FSYNC_MS_WANTED = 20.0
PACKAGES = ("duckdb", "granian", "hdrhistogram", "litestar", "locust", "mesa", "msgspec", "numba", "numpy", "pyarrow")


class Finding(NamedTuple):
    """One line of `doctor`."""

    name: str
    found: str
    wanted: str
    ok: bool
    needed: bool = True  # False: only some features need it


def collect(directory: Path) -> Environment:
    """Describe this machine; `directory` is where results are written."""
    return Environment(
        parkbench=_version("parkbench"),
        python=platform.python_version(),
        system=_system(),
        kernel=f"{platform.system()} {platform.release()}",
        processor=_processor(),
        cores=_cores(),
        memory_bytes=psutil.virtual_memory().total,
        fsync_ms_p50=round(fsync_ms_p50(directory), 3),
        open_files_max=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        packages={name: _version(name) for name in PACKAGES},
    )


def raise_open_files_limit() -> None:
    """Ask for as many open files as the hard limit allows: each gateway keeps a connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, 65_536) if hard == resource.RLIM_INFINITY else hard
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def fsync_ms_p50(directory: Path) -> float:
    """Median time of writing 4 KiB and fsync in a directory, milliseconds."""
    times_ms = []
    with tempfile.TemporaryFile(dir=directory) as file:
        for _ in range(FSYNC_ROUNDS):
            began_s = time.perf_counter()
            file.write(b"\0" * FSYNC_BYTES)
            file.flush()
            os.fsync(file.fileno())
            times_ms.append((time.perf_counter() - began_s) * 1000)
    return sorted(times_ms)[FSYNC_ROUNDS // 2]


def examine(directory: Path) -> list[Finding]:
    """What `parkbench doctor` reports: needed things first."""
    python = sys.version_info
    memory = psutil.virtual_memory().total
    disk = psutil.disk_usage(str(directory)).free
    fsync_ms = fsync_ms_p50(directory)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    enough_files = files == resource.RLIM_INFINITY or files >= OPEN_FILES_WANTED
    return [
        Finding("Python", platform.python_version(), "3.11 or newer", python >= PYTHON_WANTED),
        *(_package(name) for name in PACKAGES),
        Finding("cores", str(_cores()), f"at least {CORES_WANTED}", _cores() >= CORES_WANTED),
        Finding("memory", _gib(memory), f"at least {_gib(MEMORY_WANTED_BYTES)}", memory >= MEMORY_WANTED_BYTES),
        Finding("free disk", _gib(disk), f"at least {_gib(DISK_FREE_WANTED_BYTES)}", disk >= DISK_FREE_WANTED_BYTES),
        Finding("fsync, median", f"{fsync_ms:.2f} ms", f"at most {FSYNC_MS_WANTED:g} ms", fsync_ms <= FSYNC_MS_WANTED),
        Finding("open files, hard limit", "no limit" if files == resource.RLIM_INFINITY else str(files),
                f"at least {OPEN_FILES_WANTED}", enough_files),
        _program("docker", ("docker",), "container tests"),
        _program("browser", ("chromium", "chromium-browser", "google-chrome"), "looking at reports in tests"),
    ]  # fmt: skip


def _package(name: str) -> Finding:
    version = _version(name)
    return Finding(name, version, "installed", version != "not installed")


def _program(name: str, commands: tuple[str, ...], use: str) -> Finding:
    path = next((found for command in commands if (found := shutil.which(command))), None)
    return Finding(name, path or "not found", f"only for {use}", path is not None, needed=False)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()


def _processor() -> str:
    """The processor's name; Linux tells it in /proc only."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text("utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gib(size_bytes: float) -> str:
    return f"{size_bytes / 1024**3:.1f} GiB"
