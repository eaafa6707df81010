"""One device's connection: bounded in what it may have in flight, in what it leaves unread, and in rubbish."""

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar, cast

import msgspec

from contract.devices.fault import Fault
from contract.devices.stream import StreamFramer
from reference_impl.park.devices import Outcome, Report
from reference_impl.transport.tcp.intake import Intake

F = TypeVar("F")


class ConnectionBounds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a connection may do before something is done about it. All are the operator's; the standards have none.

    Attributes:
        connections_max: of one port; the next one is closed at once.
        in_flight_max: frames that wait for their commit; more are not read meanwhile, but for what has been received.
        unread_bytes_max: answers that the peer has not read; nothing more is read from it meanwhile.
        offences_max: faults, malformed frames and refused ones since the last frame that was taken; then cut off.
        rubbish_bytes_max: bytes that belong to no frame since the last one that was taken; then cut off.
        between_bytes_s: a frame that is not whole after so long a silence is given up.
        idle_s: silence after which the connection is closed.
        unread_s: so long a peer may leave its answers unread; then cut off.
    """

    connections_max: int = 4_096
    in_flight_max: int = 256
    unread_bytes_max: int = 65_536
    offences_max: int = 32
    rubbish_bytes_max: int = 65_536
    between_bytes_s: float = 10.0
    idle_s: float = 900.0
    unread_s: float = 60.0


class Link(Protocol):
    """What a dialect may do with the connection that a frame came from."""

    def send(self, data: bytes) -> None:
        """Answer at once."""
        ...

    def good(self, outcome: str) -> None:
        """The frame was one that may come."""
        ...

    def offend(self, outcome: str) -> None:
        """It was not."""
        ...

    def report(self, place: tuple[str, str], report: Report, answer: Callable[[Outcome], bytes]) -> None:
        """Hand a report to a (park, gateway); what `answer` makes of the outcome is sent when that is durable."""
        ...


class Dialect(Protocol[F]):
    """A protocol of devices, without sockets."""

    @property
    def name(self) -> str:
        """For figures."""
        ...

    def framer(self) -> StreamFramer[F]:
        """A framer for a new connection."""
        ...

    def take(self, came: F | Fault, link: Link) -> None:
        """Use what came in."""
        ...


class Port(Generic[F]):
    """What the connections of one port share.

    Attributes:
        connections: those that are open.
    """

    def __init__(
        self, dialect: Dialect[F], intake: Intake, bounds: ConnectionBounds, count: Callable[[str], None]
    ) -> None:
        self.dialect = dialect
        self.intake = intake
        self.bounds = bounds
        self.count = count
        self.connections: dict[Connection[F], None] = {}

    def sweep(self, now_s: float) -> None:
        """See to what is silent or stuck; `now_s` is the event loop's time."""
        for connection in tuple(self.connections):
            connection.sweep(now_s)


class Connection(asyncio.Protocol, Generic[F]):
    """A device at the other end.

    Attributes:
        lost: done when the connection is over.
    """

    def __init__(self, port: Port[F]) -> None:
        self._port = port
        self._framer = port.dialect.framer()
        self._loop = asyncio.get_running_loop()
        self._heard_s = self._loop.time()
        self._blocked_since_s: float | None = None
        self._in_flight = 0
        self._offences = 0
        self._rubbish_from = 0
        self._is_paused = False
        self._is_stopping = False
        self._is_cut = False
        self._transport: asyncio.Transport | None = None
        self.lost: asyncio.Future[None] = self._loop.create_future()

    # --- called by the event loop ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A device has come, if there is room for it."""
        stream = cast("asyncio.Transport", transport)  # uvloop's transports are no subclass of it
        if len(self._port.connections) >= self._port.bounds.connections_max:
            self._port.count("connection-refused")
            stream.abort()
            return
        self._transport = stream
        stream.set_write_buffer_limits(high=self._port.bounds.unread_bytes_max)
        self._port.connections[self] = None

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._transport is None:
            return
        self._heard_s = self._loop.time()
        self._dispatch(self._framer.feed(data))
        if self._framer.skipped_bytes - self._rubbish_from > self._port.bounds.rubbish_bytes_max:
            self._cut("rubbish")
        self._flow()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it ended makes no difference
        """The device is gone: what it had told is used all the same."""
        if self._transport is not None:
            del self._port.connections[self]
            self._dispatch(self._framer.abandon())
            self._transport = None
        self.lost.set_result(None)

    def pause_writing(self) -> None:
        """The peer does not read its answers: take nothing more from it."""
        self._blocked_since_s = self._loop.time()
        self._flow()

    def resume_writing(self) -> None:
        """It reads again."""
        self._blocked_since_s = None
        self._flow()

    @property
    def is_blocked(self) -> bool:
        """The peer leaves its answers unread."""
        return self._blocked_since_s is not None

    @property
    def held_bytes(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return self._framer.held_bytes

    # --- used by the dialect ---

    def send(self, data: bytes) -> None:
        """Answer, if the device is still there."""
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def good(self, outcome: str) -> None:
        """Count a frame that was taken, and forgive what was before."""
        self._port.count(outcome)
        self._offences = 0
        self._rubbish_from = self._framer.skipped_bytes

    def offend(self, outcome: str) -> None:
        """Count a frame that was not taken; too many of them end the connection."""
        self._port.count(outcome)
        self._offences += 1
        if self._offences > self._port.bounds.offences_max:
            self._cut("cut-off")

    def report(self, place: tuple[str, str], report: Report, answer: Callable[[Outcome], bytes]) -> None:
        """Hand a report in, and answer when its outcome is durable."""
        self._in_flight += 1

        def settled(outcome: Outcome | None) -> None:
            self._in_flight -= 1
            if outcome is None:
                self._port.count("unavailable")
            elif outcome == "refused":
                self.send(answer(outcome))
                self.offend(outcome)
            else:
                self.send(answer(outcome))
                self.good(outcome)
            self._flow()

        self._port.intake.offer(*place, report, settled)

    # --- upkeep ---

    def sweep(self, now_s: float) -> None:
        """Give up half a frame, close what is silent, cut off who does not read."""
        bounds, silent_s = self._port.bounds, now_s - self._heard_s
        if self._transport is None:
            return
        if self._blocked_since_s is not None:
            if now_s - self._blocked_since_s > bounds.unread_s:
                self._cut("unread")
        elif self._in_flight:
            return
        elif silent_s > bounds.idle_s:
            self._port.count("idle")
            self._transport.close()
        elif silent_s > bounds.between_bytes_s and self._framer.held_bytes:
            self._dispatch(self._framer.abandon())

    def pause(self) -> None:
        """Take nothing more from the device; answers still go out."""
        self._is_stopping = True
        self._flow()

    def close(self) -> None:
        """End in order: what was answered is sent before."""
        if self._transport is not None:
            self._transport.close()

    def _dispatch(self, found: list[F | Fault]) -> None:
        for came in found:
            if self._is_cut:
                return
            if isinstance(came, Fault):
                self.offend(came.kind)
            self._port.dialect.take(came, self)

    def _cut(self, why: str) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._is_cut = True
            self._port.count(why)
            self._transport.abort()

    def _flow(self) -> None:
        """Read on only while there is room for what comes."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        is_full = self._is_stopping or self._blocked_since_s is not None
        is_full = is_full or self._in_flight >= self._port.bounds.in_flight_max
        if is_full and not self._is_paused:
            transport.pause_reading()
        elif self._is_paused and not is_full:
            transport.resume_reading()
        self._is_paused = is_full
