"""Alert streams as Server-Sent Events (WHATWG HTML, section 9.2): from any number on out of the store, then live.

A subscriber that cannot keep up is cut off when its bounded queue is full; it reconnects with `Last-Event-ID` and
misses nothing.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from litestar.types import ASGIApp, Receive, Scope, Send

from contract.errors import PeerError
from contract.operations import EVENT_STREAM
from reference_impl.store.history import EVERY_PARK, StoredEvent
from reference_impl.transport.answers import unavailable

HEARTBEAT_S = 10.0
FRAMES_MAX = 4096  # a subscriber's queue
SUBSCRIBERS_MAX = 512
PAGE = 1000  # events read from the store at once

EventsAfter = Callable[[int, str, int], Awaitable[list[StoredEvent]]]


class Subscriber:
    """One stream's queue of frames; `after` is the number of the last transition that it was given."""

    def __init__(self, park: str, after: int) -> None:
        self.park = park
        self.after = after
        self.frames: deque[bytes] = deque()
        self.closed = False
        self.wake = asyncio.Event()

    def put(self, event: StoredEvent, frame: bytes) -> bool:
        """Queue a transition if it is for this stream; False when the queue is full, and then the stream ends."""
        if event.number <= self.after or self.park not in (EVERY_PARK, event.park):
            return True
        if len(self.frames) >= FRAMES_MAX:
            self.close()
            return False
        self.after = event.number
        self.frames.append(frame)
        self.wake.set()
        return True

    def close(self) -> None:
        """End the stream."""
        self.closed = True
        self.wake.set()


class AlertStreams:
    """All streams of a node.

    Args:
        events_after: reads stored transitions: after a number, of a park or `*`, at most so many.
        published: number of the newest transition.
        cut_off: called for each subscriber that was too slow.
    """

    def __init__(self, events_after: EventsAfter, published: int, cut_off: Callable[[], None]) -> None:
        self._events_after = events_after
        self._published = published
        self._cut_off = cut_off
        self._subscribers: set[Subscriber] = set()
        self._open = 0
        self._closing = False

    @property
    def open(self) -> int:
        """Streams that stand now."""
        return self._open

    def publish(self, events: Sequence[StoredEvent]) -> None:
        """Durable transitions, in order of number."""
        if not events:
            return
        self._published = events[-1].number
        if not self._subscribers:
            return
        frames = [(event, _frame(event)) for event in events]
        for subscriber in tuple(self._subscribers):
            if not all(subscriber.put(event, frame) for event, frame in frames):
                self._subscribers.discard(subscriber)
                self._cut_off()

    def stream(self, park: str, after: int | None) -> ASGIApp:
        """An ASGI application that streams transitions of `park` or `*` after number `after`; only new ones without it.

        Raises:
            PeerError: 400 no such number was given yet.
            RefusedError: 503 too many streams, or the node is stopping.
        """
        if self._closing or self._open >= SUBSCRIBERS_MAX:
            raise unavailable("the node is stopping" if self._closing else f"{self._open} streams stand, no more may")
        if after is not None and not 0 <= after <= self._published:
            raise PeerError(
                "unknown event number",
                status=400,
                where="Last-Event-ID",
                found=str(after),
                wanted=f"0 to {self._published}",
            )
        first = self._published if after is None else after

        async def application(_scope: Scope, receive: Receive, send: Send) -> None:
            await self._serve(Subscriber(park, first), receive, send)

        return application

    def close(self) -> None:
        """End every stream; clients resume elsewhere or later."""
        self._closing = True
        for subscriber in tuple(self._subscribers):
            subscriber.close()

    async def _serve(self, subscriber: Subscriber, receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", EVENT_STREAM.encode()),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        self._open += 1
        pump = asyncio.ensure_future(self._pump(subscriber, send))
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b": stream\n\n", "more_body": True})
            await asyncio.wait((pump, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open -= 1
            self._subscribers.discard(subscriber)
            for task in (pump, gone):
                task.cancel()
            await asyncio.gather(pump, gone, return_exceptions=True)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pump(self, subscriber: Subscriber, send: Send) -> None:
        while subscriber.after < self._published and not self._closing:
            through = self._published
            events = await self._events_after(subscriber.after, subscriber.park, PAGE)
            newest = events[-1].number if events else 0
            subscriber.after = newest if len(events) == PAGE else max(newest, through)
            await _send(send, b"".join(map(_frame, events)))
        # No await between the last look and this: nothing can be published in between.
        self._subscribers.add(subscriber)
        while not subscriber.closed and not self._closing:
            await _send(send, await _next(subscriber))


async def _next(subscriber: Subscriber) -> bytes:
    """All frames that wait, or after a while of silence a comment that keeps the connection alive."""
    if not subscriber.frames:
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                await subscriber.wake.wait()
        except TimeoutError:
            return b": heartbeat\n\n"
    subscriber.wake.clear()
    frames = b"".join(subscriber.frames)
    subscriber.frames.clear()
    return frames


async def _send(send: Send, body: bytes) -> None:
    if body:
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _frame(event: StoredEvent) -> bytes:
    return f"id: {event.number}\ndata: {event.body}\n\n".encode()
