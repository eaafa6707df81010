"""Events of devices over HTTP: durable once for each id, asked for by period, refused with their path."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from transport_nodes import ParkTestNode, running_park

pytestmark = pytest.mark.anyio
PERIOD = "from_ms=0&to_ms=2000000"


def _event(number: int, **other: Any) -> dict[str, Any]:  # noqa: ANN401 - a field of any type
    event = {"event_id": f"p1-{number}", "at_ms": 1_000_000 + number, "subsystem": "parking", "zone": "z01"}
    return {**event, "device": "barrier-0001", "kind": "entry", "traffic": "event", "fields": {"lane": number}, **other}


async def _send(node: ParkTestNode, *events: dict[str, Any], park: str = "p1") -> httpx.Response:
    headers = node.bearer("gateway", park)
    return await node.client.post(f"/v1/parks/{park}/events", json={"events": list(events)}, headers=headers)


async def _ids(node: ParkTestNode, query: str, park: str = "p1") -> list[str]:
    answer = await node.client.get(f"/v1/parks/{park}/events?{query}", headers=node.bearer("auditor"))
    assert answer.status_code == 200, answer.text
    return [event["event_id"] for event in answer.json()["events"]]


async def test_an_event_that_is_sent_again_is_the_same_event(tmp_path: Path) -> None:
    """However often an id comes it is there once, as it came first; another park has its own."""
    async with running_park(tmp_path) as node:
        first = await _send(node, _event(1), _event(2), _event(1, kind="exit"))
        assert (first.status_code, first.json()) == (200, {"events": 3})
        assert (await _send(node, _event(2, kind="exit"), _event(3))).json() == {"events": 2}
        assert (await _send(node, _event(1), park="p2")).status_code == 200
        assert await _ids(node, PERIOD) == ["p1-3", "p1-2", "p1-1"]
        assert await _ids(node, f"{PERIOD}&kind=exit") == []
        assert await _ids(node, PERIOD, park="p2") == ["p1-1"]


async def test_events_outlive_the_node(tmp_path: Path) -> None:
    """What was acknowledged is there after a restart, by subsystem, kind and period."""
    async with running_park(tmp_path) as node:
        await _send(node, _event(1), _event(2, subsystem="lighting", kind="switched", traffic="state"), _event(3))
    async with running_park(tmp_path) as node:
        assert await _ids(node, f"{PERIOD}&subsystem=lighting&kind=switched") == ["p1-2"]
        assert await _ids(node, "from_ms=1000002&to_ms=1000003") == ["p1-2"]
        assert await _ids(node, f"{PERIOD}&limit=2") == ["p1-3", "p1-2"]


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([], "events: expected 1 to 1000 events, found 0 events"),
        ([_event(1), _event(2, subsystem="magic")], "events[1].subsystem: expected access or attendance or"),
        ([_event(1, event_id="")], "events[0].event_id: expected 1 to 200 characters, found ''"),
        ([_event(1, at_ms=10**15)], "events[0].at_ms: expected at most"),
        ([_event(1, at_ms=-1)], "events[0].at_ms: expected at most"),
        ([_event(1, fields={f"f{n}": n for n in range(33)})], "events[0].fields: expected at most 32, found 33 fields"),
        ([_event(1, fields={"text": "t" * 2001})], "events[0].fields.text: expected at most 2000 characters"),
        ([_event(1, fields={"": 1})], "expected a name of 1 to 200 characters, found 0 characters"),
    ],
)
async def test_a_faulty_batch_is_refused_whole(tmp_path: Path, events: list[dict[str, Any]], message: str) -> None:
    """The fault is named with its place, and nothing of the batch is kept."""
    async with running_park(tmp_path) as node:
        answer = await _send(node, *events)
        assert answer.status_code == 422
        assert message in answer.json()["detail"]
        assert await _ids(node, "from_ms=0&to_ms=2000000") == []


async def test_only_gateways_of_the_park_hand_in_events(tmp_path: Path) -> None:
    """Another park's gateway and an operator are refused."""
    async with running_park(tmp_path) as node:
        for headers in (node.bearer("gateway", "p2"), node.bearer("operator")):
            answer = await node.client.post("/v1/parks/p1/events", json={"events": [_event(1)]}, headers=headers)
            assert answer.status_code == 403
