"""Ten times what the host can take: memory stays bounded, it recovers, and what it acknowledged is there."""

import asyncio
import contextlib
import re
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx
import msgspec
import numpy as np
import psutil
import pytest
from transport_processes import Served, served

from contract import arrow
from contract.codec import ARROW_STREAM
from contract.columns import Columns
from contract.messages import Point, PointList
from reference_impl.serve import ParkHostSettings
from reference_impl.transport.admission import Limits
from reference_impl.transport.park_host import Bounds

pytestmark = pytest.mark.process
PARK = "p1"
GATEWAYS = 400
IN_PROGRESS_MAX = 16  # far fewer than gateways, so that the bound is met
READINGS = 500
MEASURE_S = 2.0
OVERLOAD_S = 5.0
SHARE = 0.1  # of the processor time that the host is left with under overload
CYCLE_S = 0.1
GROWTH_MAX_BYTES = 200 * 1024 * 1024
DEADLINE_S = 60.0
BOUNDS = Bounds(packs=Limits(IN_PROGRESS_MAX, 64 * 1024 * 1024))
POINTS = PointList(
    points=[
        Point(name=f"env/z01/air-{number}/so2", gateway=f"gw-{number}", zone="z01", subsystem="env", unit="1")
        for number in range(GATEWAYS)
    ]
)


@dataclass
class Gateway:
    """One connection; sends its packs in order, the same one again until it is acknowledged."""

    number: int
    port: int
    token: str
    acknowledged: list[int] = field(default_factory=list)
    refused: int = 0

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def send(self) -> bool:
        """Hand in the next pack once; a refusal must be 503 with a whole number of seconds to wait."""
        sequence = len(self.acknowledged) + 1
        time_ms = 1_700_000_000_000 + 1000 * (READINGS * sequence + np.arange(READINGS, dtype=np.int64))
        body = arrow.encode(Columns(np.full(READINGS, self.number, np.int32), time_ms, np.full(READINGS, 1.5)))
        head = (
            f"POST /v1/parks/{PARK}/gateways/gw-{self.number}/telemetry HTTP/1.1\r\nHost: host\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Type: {ARROW_STREAM}\r\n"
            f"Pack-Sequence: {sequence}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = re.search(r"content-length: (\d+)", answer)
        assert length
        await self._reader.readexactly(int(length[1]))
        if answer.startswith("http/1.1 200"):
            self.acknowledged.append(sequence)
            return True
        assert answer.startswith("http/1.1 503"), answer
        assert re.search(r"retry-after: [1-9]\d*\r\n", answer), answer
        self.refused += 1
        return False

    async def send_all_along(self, until_s: float, every_s: float = 0.0) -> None:
        """Send until a time of the monotonic clock; with `every_s`, when a pack is due."""
        due_s = time.monotonic() + every_s * self.number / GATEWAYS
        while time.monotonic() < until_s:
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            due_s += every_s
            await self.send()


@contextlib.asynccontextmanager
async def left_with_a_tenth(process: psutil.Process) -> AsyncIterator[None]:
    """Let a process run a tenth of the time only."""

    async def stop_and_go() -> None:
        while True:
            process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(CYCLE_S * (1 - SHARE))
            process.send_signal(signal.SIGCONT)
            await asyncio.sleep(CYCLE_S * SHARE)

    throttle = asyncio.create_task(stop_and_go())
    try:
        yield
    finally:
        throttle.cancel()
        process.send_signal(signal.SIGCONT)


async def _watch_memory(process: psutil.Process, seen: list[int]) -> None:
    while True:
        seen.append(process.memory_info().rss)
        await asyncio.sleep(0.02)


async def _overload(node: Served, gateways: list[Gateway]) -> tuple[int, int, list[int]]:
    """Measure the host, then offer ten times as much; gives (packs sent, packs taken, memory in bytes)."""
    process = psutil.Process(node.process.pid)
    async with contextlib.AsyncExitStack() as stack:
        for gateway in gateways:
            await stack.enter_async_context(gateway)
        few, end_s = gateways[:IN_PROGRESS_MAX], time.monotonic() + MEASURE_S
        await asyncio.gather(*(gateway.send_all_along(end_s) for gateway in few))
        before = sum(len(gateway.acknowledged) for gateway in gateways)
        refused_before = sum(gateway.refused for gateway in gateways)
        capacity_per_s = before / MEASURE_S
        memory: list[int] = []
        watch = asyncio.create_task(_watch_memory(process, memory))
        async with left_with_a_tenth(process):
            end_s = time.monotonic() + OVERLOAD_S
            every_s = GATEWAYS / capacity_per_s
            await asyncio.gather(*(gateway.send_all_along(end_s, every_s) for gateway in gateways))
        taken = sum(len(gateway.acknowledged) for gateway in gateways) - before
        sent = taken + sum(gateway.refused for gateway in gateways) - refused_before
        async with asyncio.timeout(DEADLINE_S):
            for gateway in gateways:  # it recovers by itself: one after the other, each is taken
                while not await gateway.send():  # noqa: ASYNC110 - a refused sender waits and asks again
                    await asyncio.sleep(0.05)
        watch.cancel()
    return sent, taken, memory


def _stored(client: httpx.Client, gateway: Gateway) -> list[int]:
    """Sequences that the host holds of a gateway, each as often as it has readings."""
    answer = client.get(f"/v1/parks/{PARK}/gateways/gw-{gateway.number}/readings")
    assert answer.status_code == 200, answer.text
    sequence, _ = arrow.decode_sequenced(answer.content)
    return [int(number) for number in sequence]


def test_ten_times_what_it_can_take(tmp_path: Path) -> None:
    """Under overload the host refuses with 503 and Retry-After, keeps its memory, recovers, and holds what it took."""
    with served(ParkHostSettings(data=tmp_path, parks=(PARK,), port=0, bounds=BOUNDS)) as node:
        node.ready()
        tokens = node.credentials()
        auditor = {"authorization": f"Bearer {tokens.find('park', 'auditor')}"}
        administrator = {"authorization": f"Bearer {tokens.find('park', 'administrator')}"}
        with httpx.Client(base_url=node.url, headers=auditor, trust_env=False, timeout=DEADLINE_S) as client:
            points = msgspec.json.encode(POINTS)
            assert client.put(f"/v1/parks/{PARK}/points", content=points, headers=administrator).status_code == 200
            port, token = int(node.url.rpartition(":")[2]), tokens.find("park", "gateway", PARK)
            gateways = [Gateway(number, port, token) for number in range(GATEWAYS)]
            sent, taken, memory = asyncio.run(_overload(node, gateways))
            assert sent >= 10 * taken > 0
            assert max(memory) - memory[0] < GROWTH_MAX_BYTES
            assert client.get("/health").json()["status"] == "ok"
            for gateway in gateways:
                assert _stored(client, gateway) == [n for n in gateway.acknowledged for _ in range(READINGS)]
