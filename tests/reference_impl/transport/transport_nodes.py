"""Park hosts and cities inside the test's own event loop, asked over ASGI."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import httpx
import msgspec
import numpy as np
from litestar.types import ASGIApp

from contract.catalogue import matters
from contract.codec import SENML_JSON, encode
from contract.columns import Columns
from contract.messages import CredentialFile, Point, PointList
from contract.names import PointNames
from contract.rules import LimitRule, RuleSet
from reference_impl.serve import city_application, park_application
from reference_impl.store.city_store import CityStore
from reference_impl.store.park_store import ParkStore
from reference_impl.transport.access import Doorkeeper
from reference_impl.transport.city_host import CityHost
from reference_impl.transport.credentials import FILE_NAME, prepare_credentials, read_credentials
from reference_impl.transport.park_host import Bounds, ParkHost
from reference_impl.transport.uplink import City

PARKS = ("p1", "p2")
POINTS = PointList(
    points=[
        Point(name=f"env/z01/air-{place}/so2", gateway=f"gw-0{1 + place // 2}", zone="z01", subsystem="env", unit="1")
        for place in range(4)
    ]
)
RULES = RuleSet(version="1", rules=[LimitRule(id="so2-high", points="env/*/*/so2", high=10.0, deadband=1.0)])
DEADLINE_S = 10.0
START_MS = 1_700_000_000_000


HostT = TypeVar("HostT", ParkHost, CityHost)


@dataclass(frozen=True)
class Node(Generic[HostT]):
    """A running node and a client that speaks to it."""

    host: HostT
    client: httpx.AsyncClient
    credentials: CredentialFile
    level: str

    def bearer(self, role: str, park: str = "*") -> dict[str, str]:
        """The Authorization header of a role."""
        return {"authorization": f"Bearer {self.credentials.find(self.level, role, park)}"}

    async def configure(self, *parks: str) -> None:
        """Register the points and rules of parks."""
        for park in parks:
            for what, message in (("points", POINTS), ("rules", RULES)):
                answer = await self.client.put(
                    f"/v1/parks/{park}/{what}",
                    content=msgspec.json.encode(message),
                    headers=self.bearer("administrator"),
                )
                assert answer.status_code == 200, answer.text

    async def send(
        self, sequence: int, *values: float, gateway: int = 1, park: str = "p1", **headers: str
    ) -> httpx.Response:
        """Hand in a pack of the gateway's first point (see `pack_body`)."""
        return await self.client.post(
            f"/v1/parks/{park}/gateways/gw-0{gateway}/telemetry",
            content=pack_body(park, gateway, sequence, *values),
            headers=self.bearer("gateway", park)
            | {"content-type": SENML_JSON, "pack-sequence": str(sequence)}
            | {name.replace("_", "-"): value for name, value in headers.items()},
        )

    def application(self) -> dict[str, object]:
        """An application for the first matter of the catalogue."""
        matter = matters()[0]
        samples = {"string": "text", "integer": 7, "number": 1.5, "boolean": True}
        form = {field.name: field.choices[0] if field.choices else samples[field.type] for field in matter.form}
        return {"request_id": "r-1", "matter": matter.code, "enterprise": "e-1", "form": form}


ParkTestNode = Node[ParkHost]
CityTestNode = Node[CityHost]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: it did not come true in time.
    """
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - conditions of the node, which has no event for each
            await asyncio.sleep(0.002)


def pack_body(park: str, gateway: int, sequence: int, *values: float) -> bytes:
    """A pack in SenML JSON: the gateway's first point, a reading a second from `START_MS` + 10 s x sequence on."""
    times = START_MS + 10_000 * sequence + 1000 * np.arange(len(values), dtype=np.int64)
    columns = Columns(np.full(len(values), 2 * gateway - 2, np.int32), times, np.array(values, np.float64))
    return encode(SENML_JSON, park, PointNames([point.name for point in POINTS.points]), columns)


@contextlib.asynccontextmanager
async def running_park(
    folder: Path, bounds: Bounds | None = None, city: City | None = None
) -> AsyncIterator[ParkTestNode]:
    """A park host."""
    store = ParkStore(folder)
    principals = prepare_credentials(store, folder, "park", PARKS)
    host = ParkHost(store, PARKS, bounds or Bounds(), city)
    async with _running(host, park_application(host, Doorkeeper(principals)), folder, "park") as node:
        yield node


@contextlib.asynccontextmanager
async def running_city(folder: Path) -> AsyncIterator[CityTestNode]:
    """A city."""
    store = CityStore(folder)
    principals = prepare_credentials(store, folder, "city", PARKS)
    host = CityHost(store, PARKS)
    async with _running(host, city_application(host, Doorkeeper(principals)), folder, "city") as node:
        yield node


@contextlib.asynccontextmanager
async def _running(host: HostT, application: ASGIApp, folder: Path, level: str) -> AsyncIterator[Node[HostT]]:
    work = asyncio.create_task(host.run())
    transport = httpx.ASGITransport(application)  # type: ignore[arg-type]  # httpx types ASGI's messages more loosely
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            await asyncio.sleep(0)
            yield Node(host, client, read_credentials(folder / FILE_NAME), level)
        await host.stop()
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        host.close()
