"""Alert streams: from any number on, without a gap, and never at the cost of memory."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from transport_nodes import DEADLINE_S, ParkTestNode, running_park, until

from contract.messages import AlertEvent
from reference_impl.store.history import StoredEvent
from reference_impl.transport import streams
from reference_impl.transport.answers import RefusedError
from reference_impl.transport.streams import AlertStreams

pytestmark = pytest.mark.anyio


class Listener:
    """The client's end of a stream."""

    def __init__(self) -> None:
        self.text = ""
        self.ended = False
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._gone = asyncio.Event()

    async def receive(self) -> MutableMapping[str, Any]:
        """Nothing comes from the client until it leaves."""
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Takes what is streamed while it is `flowing`, like a socket."""
        await self.flowing.wait()
        if message["type"] == "http.response.body":
            self.text += message["body"].decode()
            self.ended = not message["more_body"]

    def leave(self) -> None:
        """Close the connection."""
        self._gone.set()

    def numbers(self) -> list[int]:
        """Ids of the events seen."""
        return [int(line[4:]) for line in self.text.split("\n") if line.startswith("id: ")]


@asynccontextmanager
async def _listening(alerts: AlertStreams, park: str, after: int | None) -> AsyncIterator[Listener]:
    listener = Listener()
    application: Any = alerts.stream(park, after)  # the listener is simpler than the ASGI types
    task = asyncio.create_task(application({}, listener.receive, listener.send))
    await until(lambda: listener.text.startswith(": stream\n\n"))
    yield listener
    listener.leave()
    await asyncio.wait_for(task, DEADLINE_S)


class Log:
    """A store of events that can be slow."""

    def __init__(self, count: int) -> None:
        self.events = [
            StoredEvent(number, f"p{number % 2}", f'{{"number":{number}}}') for number in range(1, count + 1)
        ]
        self.reading = asyncio.Event()
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.cut = 0

    async def after(self, number: int, park: str, limit: int) -> list[StoredEvent]:
        """Stored events."""
        found = [event for event in self.events if event.number > number and park in ("*", event.park)][:limit]
        self.reading.set()
        await self.may_read.wait()
        return found

    def streams(self) -> AlertStreams:
        """Streams over this log."""
        return AlertStreams(self.after, len(self.events), self._count)

    def _count(self) -> None:
        self.cut += 1

    def publish(self, alerts: AlertStreams, count: int) -> None:
        """New events: durable, then told."""
        first = len(self.events) + 1
        new = [StoredEvent(number, f"p{number % 2}", "{}") for number in range(first, first + count)]
        self.events += new
        alerts.publish(new)


async def test_a_stream_resumes_after_any_number_and_goes_on_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stored events come in pages, then live ones: every number once, in order."""
    monkeypatch.setattr(streams, "PAGE", 3)
    log = Log(10)
    alerts = log.streams()
    async with _listening(alerts, "*", 2) as listener:
        await until(lambda: len(listener.numbers()) == 8)
        log.publish(alerts, 5)
        await until(lambda: len(listener.numbers()) == 13)
        assert listener.numbers() == list(range(3, 16))
    assert alerts.open == 0


async def test_events_that_happen_while_the_store_is_read_come_once() -> None:
    """Between the look into the store and going live nothing is lost and nothing comes twice."""
    log = Log(4)
    alerts = log.streams()
    log.may_read.clear()
    async with _listening(alerts, "p1", 0) as listener:
        await asyncio.wait_for(log.reading.wait(), DEADLINE_S)
        log.publish(alerts, 3)
        log.may_read.set()
        await until(lambda: listener.numbers() == [1, 3, 5, 7])
        log.publish(alerts, 2)
        await until(lambda: listener.numbers() == [1, 3, 5, 7, 9])


async def test_without_a_number_a_stream_begins_with_what_happens_next() -> None:
    """No history for who does not ask for it."""
    log = Log(3)
    alerts = log.streams()
    async with _listening(alerts, "*", None) as listener:
        await asyncio.sleep(0)
        log.publish(alerts, 1)
        await until(lambda: listener.numbers() == [4])


async def test_a_slow_listener_is_cut_off_and_can_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full queue ends the stream instead of growing; resuming brings everything."""
    monkeypatch.setattr(streams, "FRAMES_MAX", 4)
    log = Log(0)
    alerts = log.streams()
    async with _listening(alerts, "*", 0) as listener:
        listener.flowing.clear()
        log.publish(alerts, 1)
        await asyncio.sleep(0.01)
        log.publish(alerts, 5)
        assert log.cut == 1
        listener.flowing.set()
        await until(lambda: listener.ended)
        last = max(listener.numbers(), default=0)
        assert last < 6
    async with _listening(alerts, "*", last) as listener:
        await until(lambda: listener.numbers() == list(range(last + 1, 7)))


async def test_silence_is_filled_with_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    """A heartbeat keeps idle connections known to be alive."""
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.01)
    async with _listening(Log(0).streams(), "*", 0) as listener:
        await until(lambda: listener.text.count(": heartbeat\n\n") >= 2)


async def test_streams_end_with_the_node_and_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop ends every stream at once, and neither then nor above the bound is another begun."""
    monkeypatch.setattr(streams, "SUBSCRIBERS_MAX", 1)
    alerts = Log(0).streams()
    async with _listening(alerts, "*", 0) as listener:
        with pytest.raises(RefusedError, match="1 streams stand, no more may"):
            alerts.stream("*", 0)
        await asyncio.sleep(0)
        alerts.close()
        await until(lambda: listener.ended)
    with pytest.raises(RefusedError, match="the node is stopping"):
        alerts.stream("*", 0)


async def test_the_operation_streams_alert_events(tmp_path: Path) -> None:
    """Through the routes: id is the number, data an AlertEvent with the alert as it is after the transition."""

    async def converse(node: ParkTestNode) -> str:
        async with asyncio.timeout(DEADLINE_S):
            answer = asyncio.create_task(
                node.client.get("/v1/alerts/stream", headers={**node.bearer("operator"), "last-event-id": "0"})
            )
            await until(lambda: node.host.streams.open == 1)
            await node.send(1, 12.0)
            await node.send(2, 1.0)
            node.host.streams.close()
            response = await answer
            assert response.headers["content-type"] == "text/event-stream"
            return response.text

    async with running_park(tmp_path) as node:
        await node.configure("p1")
        text = await converse(node)
    frames = [frame.split("\n") for frame in text.split("\n\n") if frame.startswith("id: ")]
    events = [msgspec.json.decode(data.removeprefix("data: "), type=AlertEvent) for _, data in frames]
    assert [first for first, _ in frames] == ["id: 1", "id: 2"]
    assert [(event.number, event.transition, event.alert.state) for event in events] == [
        (1, "raise", "UNACK"),
        (2, "clear", "RTNUN"),
    ]
