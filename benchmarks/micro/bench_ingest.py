"""Durable ingest over HTTP: a real park host, rules on, each pack acknowledged after its commit.

The rate is per core: readings over the processor seconds that the host's process spent on them, moving them to the
column store included. The load generator runs on the other core and does not count.
"""

import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import msgspec
import numpy as np
import psutil
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.load import SHORT, START_MS, layout, sum_bytes
from benchmarks.micro.table import BARE
from contract import codec
from contract.catalogue import ParkPoints, profiles, standard_rules
from contract.columns import Columns
from contract.messages import CredentialFile, PointList
from contract.names import PointNames
from contract.operations import BY_ID
from loadtests.targets.contract_http import ContractHttp
from reference_impl.serve import ParkHostSettings, command

PARKS = tuple(f"bench-{number:02d}" for number in range(1, 9))
GATEWAYS = 2
TIMEOUT_S = 60.0
# (media type, readings a pack, packs of each gateway)
CASES = [
    (codec.SENML_JSON, 500, 120),
    (codec.SENML_CBOR, 500, 60),
    (codec.ARROW_STREAM, 500, 240),
    (codec.ARROW_STREAM, 5_000, 60),
]


class Host:
    """A park host in a process of its own."""

    def __init__(self, folder: Path) -> None:
        settings = ParkHostSettings(data=folder, parks=PARKS, port=0)
        self.process = subprocess.Popen(
            [*command(settings), "--attached"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        announced = re.search(r"http://\S+", self.process.stdout.readline())
        assert announced, "the park host did not start"
        self.url = announced.group()
        self.credentials = msgspec.json.decode((folder / "credentials.json").read_bytes(), type=CredentialFile)

    def cpu_s(self) -> float:
        """Processor seconds that the process has used."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    def wait_filled(self, readings: int) -> None:
        """Wait until so many readings have reached the column store."""
        deadline = time.monotonic() + TIMEOUT_S
        while self._filled() < readings:
            assert time.monotonic() < deadline, "the column store was not filled in time"
            time.sleep(0.2)

    def _filled(self) -> float:
        text = httpx.get(BY_ID["metrics"].url(self.url), trust_env=False).text
        found = re.search(r"^parkbench_filled_readings_total (\S+)$", text, re.MULTILINE)
        assert found
        return float(found.group(1))

    def stop(self) -> None:
        """End the process in good order."""
        self.process.communicate(timeout=TIMEOUT_S)  # closes its standard input, which ends an attached host


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "park")
    yield host
    host.stop()


def _packs(lane: tuple[str, int], points: ParkPoints, media_type: str, readings: int, count: int) -> list[bytes]:
    """Packs of one gateway, each with `readings` quiet readings, second after second. The lane: (park, gateway)."""
    park, gateway = lane
    here = np.flatnonzero(points.gateway == gateway).astype(np.int32)
    seconds = readings // len(here)
    quiet = np.array([(profile.quiet_low + profile.quiet_high) / 2 for profile in profiles()])[points.profile[here]]
    rng = np.random.default_rng(gateway)
    packs = []
    names = PointNames(points.names)
    for number in range(count):
        time_ms = START_MS - 3_600_000 + (number * seconds + np.arange(seconds)) * 1000
        value = np.round(np.tile(quiet, seconds) * rng.uniform(0.999, 1.001, readings), 2)
        columns = Columns(np.tile(here, seconds), np.repeat(time_ms, len(here)), value)
        packs.append(codec.encode(media_type, park, names, columns))
    return packs


@pytest.mark.parametrize(("media_type", "readings", "count"), CASES)
def test_durable_ingest(benchmark: BenchmarkFixture, host: Host, media_type: str, readings: int, count: int) -> None:
    points = layout(500 * GATEWAYS, GATEWAYS)
    lanes = {
        (park, name): _packs((park, gateway), points, media_type, readings, count)
        for park in PARKS
        for gateway, name in enumerate(points.gateways)
    }
    total = len(lanes) * count * readings
    target = ContractHttp(host.url, "", host.credentials)
    for park in PARKS:
        target.provision(park, PointList(points=list(points.points)), standard_rules())

    def send(lane: tuple[str, str]) -> int:
        return sum(target.send(*lane, sequence, body, media_type).ok for sequence, body in enumerate(lanes[lane], 1))

    def run() -> int:
        with ThreadPoolExecutor(len(lanes)) as pool:
            return sum(pool.map(send, lanes))

    benchmark.group = _group(media_type, readings)
    before_s, began_s = host.cpu_s(), time.perf_counter()
    assert benchmark.pedantic(run, rounds=1) == len(lanes) * count
    wall_s = time.perf_counter() - began_s
    target.close()
    host.wait_filled(total)
    cpu_s = host.cpu_s() - before_s
    size = sum(len(body) for packs in lanes.values() for body in packs)
    benchmark.extra_info.update(
        case="durable ingest over HTTP",
        readings=total,
        bytes=size,
        readings_per_s=total / cpu_s,
        note=f"{total / wall_s / 1e6:.2f} M/s by the clock",
    )


@pytest.mark.parametrize(("media_type", "readings", "count"), CASES)
def test_bare_loop(benchmark: BenchmarkFixture, media_type: str, readings: int, count: int) -> None:  # noqa: ARG001 - the same cases
    points = layout(500 * GATEWAYS, GATEWAYS)
    body = _packs((PARKS[0], 0), points, media_type, readings, 1)[0]
    raw = np.frombuffer(body, dtype=np.uint8)
    benchmark.group = _group(media_type, readings)
    benchmark.extra_info.update(case=BARE, readings=readings, bytes=len(body))
    assert benchmark(sum_bytes, raw) == int(raw.sum())


def _group(media_type: str, readings: int) -> str:
    return f"ingest, {SHORT[media_type]}, {readings} a pack"
