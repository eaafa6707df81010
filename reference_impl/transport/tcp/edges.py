"""The TCP ports of a park host: opened and closed with it."""

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import msgspec

from contract.devices import hj212
from reference_impl.transport.park_host import ParkHost
from reference_impl.transport.server import BACKLOG, free_port
from reference_impl.transport.tcp.connection import Connection, ConnectionBounds, Dialect, Port
from reference_impl.transport.tcp.gb26875 import FireEdge
from reference_impl.transport.tcp.hj212 import Hj212Edge
from reference_impl.transport.tcp.intake import Intake

SWEEP_INTERVAL_S = 1.0
CLOSE_S = 5.0  # for answers to go out at the end


class EdgeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which ports to open.

    Attributes:
        hj212_port, fire_port: None for no such edge, 0 for any free port.
        freshness: how far a QN may be from the platform's clock; unbounded unless told.
        bounds: of each connection.
    """

    hj212_port: int | None = None
    fire_port: int | None = None
    freshness: hj212.Freshness = hj212.Freshness()
    bounds: ConnectionBounds = ConnectionBounds()


class Edges:
    """The ports of a park host for devices.

    Args:
        host: the park host.
        address: where to listen, IPv4 or IPv6.
        settings: which edges.
        ready: told the protocol and the port once an edge listens.

    Attributes:
        ports: by name of the protocol.

    Raises:
        ServeError: a port is in use or not allowed.
    """

    def __init__(
        self, host: ParkHost, address: str, settings: EdgeSettings, ready: Callable[[str, int], None] | None = None
    ) -> None:
        self.ports: dict[str, Port[Any]] = {}
        self._host = host
        self._address = address
        self._bounds = settings.bounds
        self._ready = ready or (lambda _name, _port: None)
        self._intake = intake = Intake(host)
        self._servers: list[asyncio.Server] = []
        self._numbers: dict[str, int] = {}
        if settings.hj212_port is not None:
            self._open(Hj212Edge(intake, settings.freshness), settings.hj212_port)
        if settings.fire_port is not None:
            self._open(FireEdge(intake), settings.fire_port)

    def _open(self, dialect: Dialect[Any], number: int) -> None:
        metrics, name = self._host.metrics, dialect.name
        port = Port(
            dialect, self._intake, self._bounds, lambda outcome: metrics.device_frames.labels(name, outcome).inc()
        )
        self.ports[name] = port
        self._numbers[name] = free_port(self._address, number)
        metrics.gauge(f"{name}_connections", "Devices that are connected.", port.connections.__len__)

    async def run(self) -> None:
        """Listen, and see to the connections, until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            for name, port in self.ports.items():
                make = functools.partial(Connection, port)
                server = await loop.create_server(make, self._address, self._numbers[name], backlog=BACKLOG)
                self._servers.append(server)
                self._ready(name, self._numbers[name])
            while True:
                await asyncio.sleep(SWEEP_INTERVAL_S)
                for port in self.ports.values():
                    port.sweep(loop.time())
        finally:
            self.pause()

    @property
    def _connections(self) -> list[Connection[Any]]:
        return [each for port in self.ports.values() for each in port.connections]

    def pause(self) -> None:
        """Let nobody in and take nothing more; what was taken is still answered."""
        for server in self._servers:
            server.close()
        for connection in self._connections:
            connection.pause()

    async def close(self) -> None:
        """Send the last answers and end the connections."""
        await self._intake.idle()
        connections = self._connections
        for connection in connections:
            connection.close()
        if connections:
            await asyncio.wait([connection.lost for connection in connections], timeout=CLOSE_S)


class EdgedHost:
    """A park host together with its edges; runs and stops like the host alone."""

    def __init__(self, host: ParkHost, edges: Edges) -> None:
        self._host = host
        self._edges = edges

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._host.run())
            tasks.create_task(self._edges.run())

    async def stop(self) -> None:
        """Answer what was taken, refuse the rest, and end the connections and the streams."""
        self._edges.pause()
        await self._host.stop()
        await self._edges.close()
