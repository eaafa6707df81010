"""HJ 212 over TCP: a real park host, rules on, loggers that wait for each answer, each answered after the commit.

The rate is per core: readings over the processor seconds that the host's process spent on them. The loggers run on the
other core and do not count. One frame holds `len(FACTORS)` readings.
"""

import asyncio
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import numpy as np
import psutil
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.load import sum_bytes
from benchmarks.micro.table import BARE
from contract.devices import hj212
from contract.devices_registry import DeviceList, Logger
from contract.messages import CredentialFile, Point, PointList
from contract.operations import BY_ID
from contract.rules import LimitRule, RuleSet
from reference_impl.serve import ParkHostSettings, command
from reference_impl.transport.tcp.edges import EdgeSettings

PARK = "bench-park"
PASSWORD = "123456"  # noqa: S105 - of a device that does not exist
FACTORS = ("w01001", "w01018", "w21003")
FRAMES = 40_000
START_MS = 1_760_000_000_000
TIMEOUT_S = 60.0
# loggers, how many of them share a gateway
CASES = [(256, 1), (256, 256), (2_048, 2_048)]


class Host:
    """A park host in a process of its own, with its loggers registered."""

    def __init__(self, folder: Path, loggers: int, shared: int) -> None:
        settings = ParkHostSettings(data=folder, parks=(PARK,), port=0, edges=EdgeSettings(hj212_port=0))
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [*command(settings), "--attached"], stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        assert self.process.stdout
        assert self.process.stderr
        announced = re.search(r"http://\S+", self.process.stdout.readline())
        assert announced, "the park host did not start"
        self.port = int(self.process.stderr.readline().rsplit(maxsplit=1)[1])
        token = msgspec.json.decode((folder / "credentials.json").read_bytes(), type=CredentialFile).find(
            "park", "administrator"
        )
        gateways = [f"logger-{number // shared:04d}" for number in range(loggers)]
        bodies = {
            "put_points": PointList(
                points=[_point(n, name, code) for n, name in enumerate(gateways) for code in FACTORS]
            ),
            "put_rules": RuleSet(version="1", rules=[LimitRule(id="cod", points="env/*/*/w01018", high=100.0)]),
            "put_devices": DeviceList(loggers=[_logger(n, name) for n, name in enumerate(gateways)]),
        }
        for operation, body in bodies.items():
            answer = httpx.put(
                BY_ID[operation].url(announced.group(), park=PARK),
                content=msgspec.json.encode(body),
                headers={"authorization": f"Bearer {token}"},
                timeout=TIMEOUT_S,
                trust_env=False,
            )
            assert answer.status_code == 200, answer.text

    def cpu_s(self) -> float:
        """Processor seconds that the process has used."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    def stop(self) -> None:
        """End the process in good order."""
        self.process.communicate(timeout=TIMEOUT_S)


def _name(number: int, code: str) -> str:
    return f"env/z01/outlet-{number:04d}/{code}"


def _point(number: int, gateway: str, code: str) -> Point:
    return Point(name=_name(number, code), gateway=gateway, zone="z01", subsystem="env", unit="1")


def _logger(number: int, gateway: str) -> Logger:
    factors = {code: _name(number, code) for code in FACTORS}
    return Logger(
        mn=_mn(number), password=PASSWORD, gateway=gateway, zone="z01", device=f"outlet-{number:04d}", factors=factors
    )


def _mn(number: int) -> str:
    return f"{number:024X}"


def _frames(number: int, count: int) -> list[bytes]:
    """Real-time data of one logger, second after second."""
    logger = hj212.Logger(st="32", pw=PASSWORD, mn=_mn(number))
    made = []
    for step in range(count):
        measured = tuple(hj212.Measured(code=code, values={"Rtd": 7.1}, flag="N") for code in FACTORS)
        told = hj212.Data(cadence="realtime", time_ms=START_MS + 1000 * step, measured=measured)
        made.append(hj212.encode(told, logger, qn_ms=told.time_ms).to_frame())
    return made


class Sender(asyncio.Protocol):
    """A logger: the next frame goes out when the last one is answered."""

    def __init__(self, frames: list[bytes]) -> None:
        self._frames = iter(frames)
        self.answered = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        # An answer is far smaller than what one segment of TCP carries, and no second one is under way.
        assert b"CN=9014" in data, data
        self.answered += 1
        self._send()

    def _send(self) -> None:
        frame = next(self._frames, None)
        if frame is None:
            self._transport.close()
            self.done.set_result(None)
        else:
            self._transport.write(frame)


async def _upload(port: int, frames: list[list[bytes]]) -> int:
    loop = asyncio.get_running_loop()
    senders = [Sender(each) for each in frames]
    for sender in senders:
        await loop.create_connection(lambda sender=sender: sender, "127.0.0.1", port)  # type: ignore[misc]  # a lambda with a default
    await asyncio.gather(*(sender.done for sender in senders))
    return sum(sender.answered for sender in senders)


@pytest.fixture
def host(tmp_path: Path, loggers: int, shared: int) -> Iterator[Host]:
    host = Host(tmp_path / "park", loggers, shared)
    yield host
    host.stop()


@pytest.mark.parametrize(("loggers", "shared"), CASES)
def test_uploads(benchmark: BenchmarkFixture, host: Host, loggers: int, shared: int) -> None:
    frames = [_frames(number, FRAMES // loggers) for number in range(loggers)]
    count = sum(map(len, frames))
    before_s, began_s = host.cpu_s(), time.perf_counter()
    assert benchmark.pedantic(lambda: asyncio.run(_upload(host.port, frames)), rounds=1) == count
    wall_s, cpu_s = time.perf_counter() - began_s, host.cpu_s() - before_s
    benchmark.group = "HJ 212 over TCP"
    gateways = "a gateway each" if shared == 1 else "one gateway"
    benchmark.extra_info.update(
        case=f"{loggers} loggers, {gateways}",
        readings=count * len(FACTORS),
        bytes=sum(len(frame) for each in frames for frame in each),
        readings_per_s=count * len(FACTORS) / cpu_s,
        note=f"{count / cpu_s:,.0f} frames/s per core, {count / wall_s:,.0f} by the clock",
    )


def test_bare_loop(benchmark: BenchmarkFixture) -> None:
    raw = np.frombuffer(b"".join(_frames(0, 1_000)), dtype=np.uint8)
    benchmark.group = "HJ 212 over TCP"
    benchmark.extra_info.update(case=BARE, readings=1_000 * len(FACTORS), bytes=len(raw))
    assert benchmark(sum_bytes, raw) == int(raw.sum())
