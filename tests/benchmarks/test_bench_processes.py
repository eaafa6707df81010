"""Processes of a run end with it, however it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.processes import Household
from contract.errors import HarnessError

FAMILY_SCRIPT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("up", flush=True)
time.sleep(600)
"""
FAMILY = [sys.executable, "-c", FAMILY_SCRIPT]


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until something holds, ten seconds at most."""
    deadline_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline_s, f"{what} did not come true"
        time.sleep(0.02)


def group_lives(group: int) -> bool:
    """Whether any process of a group is left that is not a zombie."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    listed = subprocess.run(["ps", "-o", "stat=", "-g", str(group)], capture_output=True, text=True, check=False).stdout
    return any(not state.startswith("Z") for state in listed.split())


@pytest.mark.process
def test_leaving_ends_everything(tmp_path: Path) -> None:
    """After the block no process, no child of one, and no temporary directory is left."""
    with Household() as household:
        process = household.start("a family", FAMILY, tmp_path / "log")
        data = household.directory(tmp_path / "data")
        (data / "file").write_text("x")
        wait_for(lambda: "up" in (tmp_path / "log").read_text(), "the start")
    assert not group_lives(process.pid)
    assert not data.exists()


@pytest.mark.process
def test_killed_orchestrator_leaves_nothing(tmp_path: Path) -> None:
    """When the orchestrator is killed outright, the reaper ends its processes and removes its directories."""
    script = f"""
import sys, time
from pathlib import Path
from benchmarks.processes import Household
with Household() as household:
    household.directory(Path({str(tmp_path / "data")!r}))
    process = household.start("a family", {FAMILY!r}, Path({str(tmp_path / "log")!r}))
    Path({str(tmp_path / "pid")!r}).write_text(str(process.pid) + ".")
    time.sleep(600)
"""
    orchestrator = subprocess.Popen([sys.executable, "-c", script])
    pid_file = tmp_path / "pid"
    wait_for(lambda: pid_file.exists() and pid_file.read_text().endswith("."), "the start")
    group = int(pid_file.read_text().removesuffix("."))
    assert group_lives(group)
    orchestrator.send_signal(signal.SIGKILL)
    orchestrator.wait(10)
    wait_for(lambda: not group_lives(group), "the end of the group")
    wait_for(lambda: not (tmp_path / "data").exists(), "the removal of the directory")


@pytest.mark.process
def test_a_process_that_ends_is_noticed_with_its_last_words(tmp_path: Path) -> None:
    """A process that should run and has ended is an error with its last words and the place of its log."""
    with Household() as household:
        process = household.start(
            "a mayfly", [sys.executable, "-c", "print('out of air'); raise SystemExit(3)"], tmp_path / "log"
        )
        wait_for(lambda: process.exit_code is not None, "the end")
        with pytest.raises(HarnessError) as caught:
            household.check()
    assert str(caught.value) == f"a mayfly ended with exit code 3: out of air (see {tmp_path / 'log'})"
