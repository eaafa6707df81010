"""The load through real Locust processes, against the null sink."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import msgspec
import pytest

from loadtests import ledger
from loadtests.plan import Plan
from loadtests.progress import ProgressLine
from loadtests.record import TELEMETRY, LoadRecord
from loadtests.targets.null import sink
from scenarios.model import Scenario, load
from sim.trace import Trace

ROOT = Path(__file__).parents[2]
SCENARIO = """\
name: small
title: {en: Small, zh: 小}
story: {en: Small., zh: 小。}
seed: 5
starts_at: "2020-12-07T07:30:00+08:00"
warm_up: 1s
duration: 2s
parks: [fuling, wulong, baitao]
points_per_park: 200
gateways_per_park: 2
sample_period: 1s
encoding: application/senml+json
enterprises_per_park: 10
requests_per_enterprise_hour: 600
incidents: []
objectives: {ack_ms_p99_max: 100, alert_park_ms_p99_max: 100, alert_city_ms_p99_max: 100}
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SCENARIO)
    return path


@pytest.fixture(scope="module")
def null_url() -> Iterator[str]:
    with sink() as url:
        yield url


class Locust:
    """A Locust process; ends with the test."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", *arguments, "--only-summary"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.output = ""

    def wait(self) -> int:
        """Its exit status; a process that hangs is killed."""
        try:
            self.output = self._process.communicate(timeout=60)[0]
        except subprocess.TimeoutExpired:
            self._process.kill()
            self.output = self._process.communicate()[0]
            raise
        return self._process.returncode

    def signal(self, number: int) -> None:
        """As a person at the keyboard would."""
        self._process.send_signal(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def record_of(out: Path) -> LoadRecord:
    return msgspec.json.decode((out / "load.json").read_bytes(), type=LoadRecord)


def trace_of(scenario: Path) -> Trace:
    trace = Trace(load(scenario))
    for _ in trace.steps():
        pass
    return trace


@pytest.mark.process
def test_workers_together_send_the_whole_trace_on_time(scenario: Path, tmp_path: Path, null_url: str) -> None:
    """A master and two workers: the acknowledged packs are those of the trace, once each, at one common schedule."""
    out = tmp_path / "out"
    port = str(40_000 + os.getpid() % 20_000)
    at_master = [
        "--host",
        null_url,
        "--city",
        null_url,
        "--scenario",
        str(scenario),
        "--out",
        str(out),
        "--drain",
        "0.5",
    ]
    with (
        Locust("--master", "--headless", "--expect-workers", "2", "--master-bind-port", port, *at_master) as master,
        Locust("--worker", "--master-port", port) as first,
        Locust("--worker", "--master-port", port) as second,
    ):
        assert master.wait() == 0, master.output
        assert (first.wait(), second.wait()) == (0, 0)
    record, trace = record_of(out), trace_of(scenario)
    assert record.complete
    assert (record.workers, sorted(record.parks), record.ended) == (2, sorted(trace.parks), "")
    assert record.trace_digest == f"{trace.digest:016x}"
    rows = ledger.load(out / "ledger.arrow")
    assert [(row.park, row.gateway) for row in rows] == [
        (p, g) for p in sorted(trace.parks) for g in ("gw-01", "gw-02")
    ]
    assert all(row.sequence.tolist() == [1, 2, 3] for row in rows)
    telemetry = record.kinds[TELEMETRY]
    assert (telemetry.total.offered, telemetry.total.acknowledged, telemetry.total.unfinished) == (18, 18, 0)
    assert telemetry.corrected.count == 12
    assert sum(kind.total.acknowledged for name, kind in record.kinds.items() if name.startswith("case:")) > 0
    assert [observer.connected_s > 2 for observer in record.observers] == [True, True]
    lines = msgspec.json.Decoder(ProgressLine).decode_lines((out / "progress.jsonl").read_bytes())
    assert lines[-1].phase == "finished"
    assert {"warm-up", "measured"} <= {line.phase for line in lines}
    assert {line.workers for line in lines if line.phase == "measured"} == {2}


@pytest.mark.process
def test_burst_measures_the_harness(scenario: Path, tmp_path: Path) -> None:
    """`--null` starts its own sink, sends as fast as it can, and ends by itself."""
    out = tmp_path / "out"
    with Locust("--headless", "--null", "2", "--scenario", str(scenario), "--out", str(out)) as alone:
        assert alone.wait() == 0, alone.output
    record = record_of(out)
    assert record.burst is not None
    assert record.burst.packs_per_s > 0
    assert record.burst.readings_per_s == pytest.approx(100 * record.burst.packs_per_s)
    assert record.kinds[TELEMETRY].total.errors == {}
    assert re.search(r"POST\s+telemetry\s+\d+\s+0\(0\.00%\)", alone.output)
    assert record.ledger_packs == record.kinds[TELEMETRY].total.acknowledged > 18
    assert record.burst.seconds == pytest.approx(2, abs=0.5)


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_its_files(
    scenario: Path, tmp_path: Path, null_url: str, number: signal.Signals
) -> None:
    """Ctrl-C or SIGTERM in mid-run: record and ledger are written and say that the run is not complete."""
    scenario.write_text(SCENARIO.replace("duration: 2s", "duration: 10m"))
    out = tmp_path / "out"
    progress = out / "progress.jsonl"
    with Locust("--headless", "--host", null_url, "--scenario", str(scenario), "--out", str(out)) as alone:
        wait_for(lambda: progress.exists() and b'"phase":"measured"' in progress.read_bytes())
        alone.signal(number)
        assert alone.wait() == 0, alone.output
    record = record_of(out)
    assert not record.complete
    assert record.ended == "stopped before the end of the trace"
    acknowledged = record.kinds[TELEMETRY].total.acknowledged
    assert acknowledged == sum(len(row.sequence) for row in ledger.load(out / "ledger.arrow")) > 0
    assert json.loads(progress.read_text().splitlines()[-1])["phase"] == "finished"


@pytest.mark.process
def test_a_target_that_is_down_is_told_in_a_line(scenario: Path, tmp_path: Path) -> None:
    """No traceback: what is down, where, and an exit status that is not 0."""
    arguments = ["--host", "http://127.0.0.1:9", "--scenario", str(scenario), "--out", str(tmp_path / "out")]
    with Locust("--headless", *arguments) as alone:
        assert alone.wait() == 1
    assert "park platform at 127.0.0.1:9: GET /health: connection refused" in alone.output
    assert "Traceback" not in alone.output
    assert not (tmp_path / "out" / "load.json").exists()


def test_a_plan_survives_the_way_to_a_worker(scenario: Path) -> None:
    """A worker on another machine has no scenario file: the plan carries the scenario itself."""
    plan = Plan(
        scenario=load(scenario),
        recording="recordings/monday",
        replication=3,
        shard=(1, 2),
        park_url="http://park",
        city_url="",
        credentials=None,
        drain_s=5.0,
        burst_s=0.0,
    )
    back = msgspec.msgpack.decode(msgspec.msgpack.encode(plan), type=Plan)
    assert back == plan
    assert isinstance(back.scenario, Scenario)
