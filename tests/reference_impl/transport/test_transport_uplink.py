"""The uplink tells the city everything exactly once, whatever the link does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec
import pytest
from transport_nodes import PARKS, CityTestNode, ParkTestNode, running_city, running_park, until

from contract.messages import AlertEvent
from reference_impl.transport import uplink
from reference_impl.transport.uplink import City

pytestmark = pytest.mark.anyio


class Link(httpx.AsyncBaseTransport):
    """The way to the city, which can be cut, lose answers, or lead to another city."""

    def __init__(self) -> None:
        self.city: CityTestNode | None = None
        self.lose_answers = 0
        self.requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Hand a request to the city."""
        self.requests += 1
        if self.city is None:
            raise httpx.ConnectError("the link is cut", request=request)
        answer = await self.city.client._transport.handle_async_request(request)  # noqa: SLF001 - past the client
        if self.lose_answers:
            self.lose_answers -= 1
            raise httpx.ReadError("the answer was lost", request=request)
        return answer


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uplink, "WAIT_FIRST_S", 0.005)
    monkeypatch.setattr(uplink, "WAIT_MAX_S", 0.02)


@asynccontextmanager
async def _levels(folder: Path, link: Link) -> AsyncIterator[tuple[ParkTestNode, CityTestNode]]:
    async with running_city(folder / "city") as city:
        tokens = {park: city.credentials.find("city", "uplink", park) for park in PARKS}
        async with running_park(folder / "park", city=City("http://city", tokens, link)) as park:
            await park.configure(*PARKS)
            yield park, city


def _history(node: ParkTestNode | CityTestNode, park: str) -> list[tuple[str, str, int]]:
    events = [msgspec.json.decode(event.body, type=AlertEvent) for event in node.host.store.events_after(0, park, 1000)]
    return [(event.alert.alert_id, event.transition, event.at_ms) for event in events]


async def _told(park: ParkTestNode, city: CityTestNode) -> None:
    """Wait until the city has all transitions of all parks, and see that they are the parks' own."""
    for name in PARKS:
        await until(lambda name=name: len(_history(city, name)) >= len(_history(park, name)))  # type: ignore[misc]  # a default argument
        assert _history(city, name) == _history(park, name)


async def test_transitions_and_cases_arrive_in_order(tmp_path: Path) -> None:
    """What a park commits the city has soon after: alerts, cases and the overview."""
    link = Link()
    async with _levels(tmp_path, link) as (park, city):
        link.city = city
        for sequence in range(1, 7):
            await park.send(sequence, 12.0 if sequence % 2 else 1.0)
            await park.send(sequence, 12.0 if sequence % 2 else 1.0, park="p2")
        opened = await park.client.post(
            "/v1/parks/p1/cases", json=park.application(), headers=park.bearer("enterprise", "p1")
        )
        assert opened.status_code == 201
        await _told(park, city)
        await until(lambda: "parkbench_outbox_lag 0.0" in park.host.metrics.text().decode())
        overview = (await city.client.get("/v1/parks", headers=city.bearer("operator"))).json()["parks"]
        counts = [
            (each["park"], each["applied_through"], each["alerts_total"], each["cases_open"]) for each in overview
        ]
        assert counts == [("p1", 7, 3, 1), ("p2", 6, 3, 0)]
        applied = await city.client.get("/v1/parks/p1/uplink", headers=city.bearer("uplink", "p1"))
        assert applied.json() == {"applied_through": 7}


async def test_a_cut_link_only_makes_it_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backlog beyond what is kept in memory arrives from the store, in order and once."""
    monkeypatch.setattr(uplink, "AT_HAND_MAX", 3)
    monkeypatch.setattr(uplink, "ENTRIES_MAX", 4)
    link = Link()
    async with _levels(tmp_path, link) as (park, city):
        for sequence in range(1, 22):
            await park.send(sequence, 12.0 if sequence % 2 else 1.0)
        await until(lambda: link.requests > 3)
        assert _history(city, "*") == []
        assert "parkbench_outbox_lag 21.0" in park.host.metrics.text().decode()
        link.city = city
        await _told(park, city)


async def test_answers_that_are_lost_apply_nothing_twice(tmp_path: Path) -> None:
    """The city applied a batch, the park does not know: sent again, it changes nothing."""
    link = Link()
    async with _levels(tmp_path, link) as (park, city):
        link.city = city
        for sequence in range(1, 10):
            link.lose_answers = 1
            await park.send(sequence, 12.0 if sequence % 2 else 1.0)
            await until(lambda: link.lose_answers == 0)
        await _told(park, city)
        numbers = [event.number for event in city.host.store.events_after(0, "*", 100)]
        assert numbers == list(range(1, len(numbers) + 1))


async def test_both_levels_restarted_go_on_where_they_were(tmp_path: Path) -> None:
    """Neither a new park host nor a new city repeats or misses a transition."""
    link = Link()
    async with _levels(tmp_path, link) as (park, city):
        link.city = city
        await park.send(1, 12.0)
        await _told(park, city)
        link.city = None
        await park.send(2, 1.0)
    async with _levels(tmp_path, link) as (park, city):
        link.city = city
        await park.send(3, 12.0)
        await _told(park, city)
        assert [transition for _, transition, _ in _history(city, "p1")] == ["raise", "clear", "raise"]


async def test_a_gap_and_a_foreign_entry_are_refused(tmp_path: Path) -> None:
    """The city takes only what follows, and only from the park itself."""
    async with running_city(tmp_path) as city:
        headers = city.bearer("uplink", "p1")
        case = {
            "case_id": "c", "park": "p1", "matter": "m", "enterprise": "e", "state": "submitted",
            "submitted_ms": 1, "due_ms": 2, "form": {}, "steps": [],
        }  # fmt: skip
        gap = await city.client.post(
            "/v1/parks/p1/uplink", json={"entries": [{"kind": "case", "number": 2, "case": case}]}, headers=headers
        )
        assert (gap.status_code, gap.json()["detail"]) == (409, "entries[0].number: expected 1 or less, found 2")
        foreign = await city.client.post(
            "/v1/parks/p1/uplink",
            json={"entries": [{"kind": "case", "number": 1, "case": {**case, "park": "p2"}}]},
            headers=headers,
        )
        assert (foreign.status_code, foreign.json()["title"]) == (422, "entry of another park")
        unknown = await city.client.post("/v1/parks/p1/uplink", json={"entries": [{"kind": "x"}]}, headers=headers)
        assert unknown.json()["detail"] == "entries[0].kind: found invalid value 'x'"
        assert (await city.client.get("/v1/parks", headers=city.bearer("operator"))).json() == {"parks": []}
