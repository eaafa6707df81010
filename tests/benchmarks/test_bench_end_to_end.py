"""A whole run with real processes: platform, load, read-back, scoring, audit, report; and one that is interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from benchmarks import result as results
from benchmarks.processes import Household
from benchmarks.reference import start
from scenarios.model import load
from sim.recorded import record
from sim.trace import Trace

SCENARIO = Path(__file__).parent / "small.yaml"
RUN = [sys.executable, "-m", "benchmarks", "run", str(SCENARIO), "--headroom", "0.5"]
TIMING = {"headroom", "send_lag_ms_p99", "harness_cores", "observer_delay_ms_p99"}
PARKS = ("liangjiang", "changshou-etdz", "baitao", "wansheng")


def left_of(directory: Path) -> list[str]:
    """Command lines of living processes that work in a directory of ours."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = " ".join(process.info["cmdline"] or ())
        if str(directory) in words and process.info["status"] != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
            found.append(words)
    return found


def wait_until_nothing_is_left_of(directory: Path) -> None:
    """Wait for the end of all processes of a run, ten seconds at most."""
    deadline_s = time.monotonic() + 10
    while (left := left_of(directory)) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert left == []


@pytest.mark.process
def test_run_against_the_reference(tmp_path: Path) -> None:
    """One command starts everything, loses nothing, finds every incident at both levels, and cleans up.

    On a machine without time the audit may call the run invalid for its timing, never for anything else.
    """
    out = tmp_path / "out"
    done = subprocess.run([*RUN, "--out", str(out), "--seed", "11"], capture_output=True, text=True, check=False)
    made = results.load(out)
    broken = {check.name for check in made.audit if not check.ok}
    assert broken <= TIMING, done.stderr
    assert done.returncode == (4 if broken else 0), done.stdout + done.stderr
    assert (made.ledger.lost, made.ledger.duplicated, made.ledger.altered, made.ledger.reordered) == (0, 0, 0, 0)
    assert made.ledger.acknowledged == 4 * 200 * 10
    assert (made.ingest.offered_per_s, made.ingest.acknowledged_per_s) == (800, 800)
    for level in (made.detection.park, made.detection.city):
        assert level.expected > 0
        assert (level.recall, level.precision, level.missed, level.false, level.duplicate) == (1.0, 1.0, 0, 0, 0)
    assert all(request.errors == 0 for request in made.requests.values())
    assert {"telemetry"} < set(made.requests)
    assert made.seed == 11
    assert "--seed 11" in made.repeat
    assert made.repeat in done.stdout
    assert made.resources.elapsed_s
    kept = {path.name for path in out.iterdir()}
    assert {"result.json", "report.html", "ledger.arrow", "alerts.jsonl", "load.json", "logs"} <= kept
    assert not {"platform-data", "null"} & kept
    wait_until_nothing_is_left_of(out)


@pytest.mark.process
def test_replay_of_a_day_without_truth(tmp_path: Path) -> None:
    """A user's readings alone, on two load processes: all offered once and kept, nothing scored, and it says so."""
    day, out = tmp_path / "day", tmp_path / "out"
    record(Trace(load(SCENARIO)), (0, 1), tmp_path / "whole")
    day.mkdir()
    whole = pq.read_table(tmp_path / "whole" / "readings.parquet")
    pq.write_table(
        whole.select(["time", "park", "gateway", "point", "value"]).sort_by("time"), day / "readings.parquet"
    )
    command = [sys.executable, "-m", "benchmarks", "run", "--trace", str(day), "--headroom", "0.5", "--workers", "2"]
    done = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True, check=False)
    made = results.load(out)
    broken = {check.name for check in made.audit if not check.ok}
    assert broken <= TIMING, done.stderr
    assert done.returncode == (4 if broken else 0), done.stdout + done.stderr
    assert (made.world.source, made.world.readings, made.world.packs) == ("recording", whole.num_rows, 4 * 2 * 10)
    assert (made.ledger.acknowledged, made.ledger.lost, made.ledger.reordered) == (whole.num_rows, 0, 0)
    assert not made.detection.scored
    assert (made.detection.expected, made.detection.false) == (0, 0)
    assert [objective.name for objective in made.objectives] == ["ledger.lost", "ledger.duplicated", "ledger.altered"]
    assert "not scored: the recording has no ground truth" in done.stdout
    assert "Not scored: the recording has no ground truth" in (out / "report.html").read_text("utf-8")
    assert f"parkbench run --trace {day} --workers 2" in made.repeat
    wait_until_nothing_is_left_of(out)


@pytest.mark.process
@pytest.mark.parametrize(
    ("number", "code", "stage"),
    [(signal.SIGTERM, 143, "platform-data/park/credentials.json"), (signal.SIGINT, 130, "null/progress.jsonl")],
)
def test_interrupted_run_leaves_nothing_behind(tmp_path: Path, number: signal.Signals, code: int, stage: str) -> None:
    """SIGTERM or Ctrl-C in the middle ends every process, removes temporary data, and is one line."""
    out = tmp_path / "out"
    run = subprocess.Popen([*RUN, "--out", str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline_s = time.monotonic() + 60
    while not (out / stage).exists():
        assert run.poll() is None
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    run.send_signal(number)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == code
    assert errors.count("\n") == 1
    assert errors.startswith("Interrupted.")
    assert [path.name for path in out.iterdir()] == ["logs"]
    wait_until_nothing_is_left_of(out)


@pytest.mark.process
def test_served_platform_can_be_given_as_a_target(tmp_path: Path) -> None:
    """`run --target` drives a platform that somebody else serves and leaves it running; a second run is refused.

    With the first run's telemetry in it the platform would answer every pack as a duplicate.
    """
    out = tmp_path / "out"
    logs = tmp_path / "logs"
    logs.mkdir()
    with Household() as household:
        served = start(household, PARKS, tmp_path / "data", logs)
        words = ["--target", served.endpoints.park_url, "--city", served.endpoints.city_url]
        for path in served.endpoints.credentials:
            words += ["--credentials", str(path)]
        done = subprocess.run([*RUN, *words, "--out", str(out), "--json"], capture_output=True, text=True, check=False)
        household.check()
        again = [*RUN, *words, "--out", str(tmp_path / "again")]
        second = subprocess.run(again, capture_output=True, text=True, check=False)
    made = json.loads(done.stdout)
    assert made["target"]["kind"] == "external"
    assert made["detection"]["recall"] == made["detection"]["precision"] == 1.0
    assert made["ledger"]["lost"] == 0
    assert done.returncode in {0, 4}
    assert second.returncode == 1
    (error,) = [line for line in second.stderr.splitlines() if line.startswith("Error: ")]
    assert "the platform already holds telemetry of liangjiang/gw-01" in error
