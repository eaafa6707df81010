"""One node as one process: the ASGI server, the node's work, and an orderly end."""

import asyncio
import contextlib
import gc
import socket
import sys
from collections.abc import Callable
from typing import Protocol

import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar
from litestar.types import ASGIApp, Receive, Scope, Send

from contract.errors import ParkBenchError
from reference_impl.transport.stopping import stop_requested
from reference_impl.transport.telemetry import TelemetryEntrance, is_telemetry

BACKLOG = 2048  # connections that wait to be accepted
CONNECTIONS_MAX = 8192
GRACE_S = 10.0  # for requests in progress at the end
REACHABLE_S = 10.0
SWITCH_INTERVAL_S = 0.0005


class ServeError(ParkBenchError):
    """The node cannot serve; the message says why."""


class Host(Protocol):
    """What runs behind the routes."""

    async def run(self) -> None:
        """Work until cancelled."""
        ...

    async def stop(self) -> None:
        """Answer what was taken, refuse the rest, and end the streams."""
        ...


def dispatcher(framework: Litestar, telemetry: TelemetryEntrance | None) -> ASGIApp:
    """The node's ASGI application: telemetry to its entrance, everything else to the framework."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if telemetry is not None and is_telemetry(scope):
            await telemetry(scope, receive, send)
        else:
            await framework(scope, receive, send)

    return application


def free_port(address: str, port: int) -> int:
    """`port` if nobody listens there, or any free one for 0.

    The server itself would share the port with another process (SO_REUSEPORT) instead of failing.

    Raises:
        ServeError: the port is in use or not allowed.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise ServeError(
                f"expected a free port, found {address}:{port} in use or not allowed ({error.strerror})"
            ) from error
        return int(probe.getsockname()[1])


def run(
    host: Host, application: ASGIApp, address: str, port: int, *, ready: Callable[[str], None], attached: bool
) -> None:
    """Serve until SIGTERM or SIGINT or, if `attached`, until standard input ends.

    Args:
        host: the node's work.
        application: its routes.
        address: where to listen.
        port: a free port.
        ready: told the base address once requests are answered.
        attached: end with the process that holds the other end of standard input.

    Raises:
        ServeError: the server or the node's work ended by itself.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(host, application, address, port, ready, attached=attached))


async def _serve(
    host: Host, application: ASGIApp, address: str, port: int, ready: Callable[[str], None], *, attached: bool
) -> None:
    stopping = stop_requested(attached=attached)
    # A commit asks for the interpreter's lock a few times; a loop that is busy decoding keeps it for so long each time.
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    server = Server(
        application,
        address=address,
        port=port,
        interface=Interfaces.ASGINL,
        websockets=False,
        backlog=BACKLOG,
        backpressure=CONNECTIONS_MAX,
        log_enabled=False,
    )
    work = asyncio.create_task(host.run())
    serving = asyncio.create_task(server.serve())
    waiting = asyncio.create_task(stopping.wait())
    try:
        await _until_reachable(address, port, serving)
        ready(f"http://{f'[{address}]' if ':' in address else address}:{port}")
        gc.collect()
        gc.freeze()  # what stands now stands to the end: collections need not look at it again
        await asyncio.wait((work, serving, waiting), return_when=asyncio.FIRST_COMPLETED)
        ended = _ended_by_itself(work, serving)
        if ended is None:
            await host.stop()
        server.stop()  # type: ignore[no-untyped-call]  # granian leaves it without types
        await asyncio.wait((serving,), timeout=GRACE_S)
        if ended is not None:
            raise ended
    finally:
        gc.unfreeze()  # or what is released at the end is reported as leaked
        for task in (work, serving, waiting):
            task.cancel()
        await asyncio.gather(work, serving, waiting, return_exceptions=True)


def _ended_by_itself(work: asyncio.Task[None], serving: asyncio.Task[None]) -> ServeError | None:
    for task, what in ((work, "the node's work"), (serving, "the server")):
        if task.done():
            error = ServeError(f"{what} ended by itself: {task.exception()!r}")
            error.__cause__ = task.exception()
            return error
    return None


async def _until_reachable(address: str, port: int, serving: asyncio.Task[None]) -> None:
    try:
        async with asyncio.timeout(REACHABLE_S):
            while not serving.done():
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection(address, port)
                    writer.close()
                    return
                await asyncio.sleep(0.01)
    except TimeoutError:
        pass
    raise ServeError(f"expected the server to listen at {address}:{port}, found that it does not")
