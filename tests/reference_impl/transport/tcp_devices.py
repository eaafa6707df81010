"""Devices on real sockets against a park host in the test's own event loop."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from transport_nodes import DEADLINE_S, ParkTestNode, running_park

from contract.devices import gb26875, hj212
from contract.devices_registry import DeviceList, FirePart, Logger, Transmitter
from contract.messages import Point, PointList
from contract.rules import LimitRule, RuleSet
from reference_impl.transport.tcp.edges import EdgedHost, Edges, EdgeSettings

MN, PASSWORD = "010000A8900016F000169DC0", "123456"
ADDRESS, CENTRE = 0x379, 0x15B38
COD, TEMPERATURE = "env/z03/outlet-0001/cod", "fire/z01/detector-0042/temperature"
EDGES = EdgeSettings(hj212_port=0, fire_port=0)
LOGGER = hj212.Logger(st="32", pw=PASSWORD, mn=MN)
POINTS = PointList(
    points=[
        Point(name=COD, gateway="logger-01", zone="z03", subsystem="env", unit="mg/L"),
        Point(name=TEMPERATURE, gateway="fire-01", zone="z01", subsystem="fire", unit="Cel"),
    ]
)
RULES = RuleSet(version="1", rules=[LimitRule(id="cod-high", points="env/*/*/cod", high=100.0, deadband=1.0)])
DEVICES = DeviceList(
    loggers=[
        Logger(
            mn=MN,
            password=PASSWORD,
            gateway="logger-01",
            zone="z03",
            device="outlet-0001",
            factors={"w01018": COD},
        )
    ],
    transmitters=[
        Transmitter(
            address=ADDRESS,
            gateway="fire-01",
            zone="z01",
            device="transmitter-0001",
            parts=[
                FirePart(
                    system_type=1,
                    system_address=1,
                    part_address=0x2000A,
                    zone="z02",
                    device="detector-0042",
                    points={"3": TEMPERATURE},
                )
            ],
        )
    ],
)


def now_s() -> int:
    """The wall clock in whole seconds, as Unix milliseconds: devices tell no more than that."""
    return int(time.time()) * 1000


def data(value: float, at_ms: int, *, qn_ms: int | None = None, flag: str = "N", **logger: str) -> hj212.Segment:
    """Real-time data of the outlet."""
    told = hj212.from_readings("realtime", at_ms, {COD: (value, flag)}, {COD: "w01018"})
    return hj212.encode(told, msgspec.structs.replace(LOGGER, **logger), qn_ms=at_ms if qn_ms is None else qn_ms)


@dataclass
class Wire:
    """A device's end of a connection; what comes in is cut into frames."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    framer: Any
    came: list[Any] = field(default_factory=list)

    async def send(self, *frames: bytes) -> None:
        """Hand bytes to the connection."""
        self.writer.write(b"".join(frames))
        await self.writer.drain()

    async def receive(self) -> Any:  # noqa: ANN401 - a frame of either protocol
        """The next frame."""
        async with asyncio.timeout(DEADLINE_S):
            while not self.came:
                chunk = await self.reader.read(65536)
                if not chunk:
                    raise EOFError("the platform closed the connection")
                self.came += self.framer.feed(chunk)
        return self.came.pop(0)

    async def is_closed(self) -> bool:
        """Wait for the platform to end the connection."""
        async with asyncio.timeout(DEADLINE_S):
            try:
                while await self.reader.read(65536):
                    pass
            except ConnectionError:
                pass
        return True

    async def answer(self) -> hj212.Segment:
        """The next answer to a logger."""
        return hj212.parse(await self.receive(), hj212.Strict())


@dataclass(frozen=True)
class Edged:
    """A park host with its edges."""

    node: ParkTestNode
    edges: Edges
    listens: dict[str, int]
    address: str

    @contextlib.asynccontextmanager
    async def logger(self) -> AsyncIterator[Wire]:
        """A logger that has connected."""
        async with self._connected("hj212", hj212.Framer()) as wire:
            yield wire

    @contextlib.asynccontextmanager
    async def transmitter(self) -> AsyncIterator[Wire]:
        """A transmitter that has connected."""
        async with self._connected("gb26875", gb26875.Framer()) as wire:
            yield wire

    @contextlib.asynccontextmanager
    async def _connected(self, protocol: str, framer: Any) -> AsyncIterator[Wire]:  # noqa: ANN401 - of either protocol
        reader, writer = await asyncio.open_connection(self.address, self.listens[protocol])
        try:
            yield Wire(reader, writer, framer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def get(self, path: str, role: str = "operator") -> Any:  # noqa: ANN401 - JSON
        """Ask over HTTP."""
        answer = await self.node.client.get(f"/v1/parks/p1/{path}", headers=self.node.bearer(role))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def values(self, point: str) -> Sequence[float]:
        """Every stored value of a point in order of time."""
        found = await self.get(f"readings?point={point}&from_ms=0&to_ms=9000000000000")
        return [reading["value"] for reading in found["readings"]]

    async def events(self) -> list[dict[str, Any]]:
        """Events of the last day, newest first."""
        found = await self.get(f"events?from_ms={now_s() - 86_400_000}&to_ms={now_s() + 86_400_000}")
        return list(found["events"])

    async def put(self, what: str, message: object, park: str = "p1") -> Any:  # noqa: ANN401 - an answer of httpx
        """Set something of a park."""
        return await self.node.client.put(
            f"/v1/parks/{park}/{what}", content=msgspec.json.encode(message), headers=self.node.bearer("administrator")
        )

    def counted(self, protocol: str, outcome: str) -> float:
        """How many frames had this outcome."""
        wanted = f'parkbench_device_frames_total{{outcome="{outcome}",protocol="{protocol}"}} '
        lines = self.node.host.metrics.text().decode().splitlines()
        return next((float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted)), 0.0)


@contextlib.asynccontextmanager
async def edged_park(
    folder: Path, settings: EdgeSettings = EDGES, address: str = "127.0.0.1", *, configured: bool = True
) -> AsyncIterator[Edged]:
    """A park host whose edges listen, with points, rules and devices registered if `configured`."""
    listens: dict[str, int] = {}
    listening = asyncio.Event()

    def ready(protocol: str, port: int) -> None:
        listens[protocol] = port
        if len(listens) == len(("hj212", "gb26875")):
            listening.set()

    async with running_park(folder) as node:
        edges = Edges(node.host, address, settings, ready)
        work = asyncio.create_task(edges.run())
        try:
            async with asyncio.timeout(DEADLINE_S):
                await listening.wait()
            edged = Edged(node, edges, listens, address)
            if configured:
                for what, message in (("points", POINTS), ("rules", RULES), ("devices", DEVICES)):
                    answer = await edged.put(what, message)
                    assert answer.status_code == 200, answer.text
            yield edged
            await EdgedHost(node.host, edges).stop()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
