"""Taking packs in: durable before the answer, bounded, and right again after any trouble."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from transport_nodes import DEADLINE_S, START_MS, ParkTestNode, pack_body, running_park, until

from contract import arrow
from contract.codec import ARROW_STREAM, MEDIA_TYPES, SENML_JSON, encode
from contract.columns import Columns
from contract.names import PointNames
from reference_impl.park.node import ParkNode
from reference_impl.store.park_store import ParkStore
from reference_impl.transport import group_commit, park_host
from reference_impl.transport.admission import Limits
from reference_impl.transport.park_host import Bounds

pytestmark = pytest.mark.anyio


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[ParkTestNode]:
    """A park host with a configured park."""
    async with running_park(tmp_path) as running:
        await running.configure("p1")
        yield running


class Gate:
    """Holds the store's commits until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._open = threading.Event()
        commit = ParkStore.commit

        def held(store: ParkStore, *arguments: object) -> object:
            assert self._open.wait(DEADLINE_S)
            return commit(store, *arguments)  # type: ignore[arg-type]  # handed through

        monkeypatch.setattr(ParkStore, "commit", held)

    def open(self) -> None:
        """Let every commit through."""
        self._open.set()


async def _read_back(node: ParkTestNode, gateway: str = "gw-01") -> tuple[list[int], Columns]:
    answer = await node.client.get(f"/v1/parks/p1/gateways/{gateway}/readings", headers=node.bearer("auditor"))
    assert answer.headers["content-type"] == ARROW_STREAM
    sequence, columns = arrow.decode_sequenced(answer.content)
    return sequence.tolist(), columns


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
async def test_a_pack_can_be_read_back_as_it_came(node: ParkTestNode, media_type: str) -> None:
    """In each encoding: the receipt, the duplicate's receipt, and the same readings from the auditor's operation."""
    columns = Columns(np.array([0, 1, 0], np.int32), START_MS + np.array([0, 0, 500]), np.array([1.25, -3.0, 1e-3]))
    body = encode(media_type, "p1", PointNames([f"env/z01/air-{place}/so2" for place in range(4)]), columns)
    for duplicate in (False, True):
        answer = await node.client.post(
            "/v1/parks/p1/gateways/gw-01/telemetry",
            content=body,
            headers={**node.bearer("gateway", "p1"), "content-type": media_type, "pack-sequence": "7"},
        )
        assert answer.json() == {"gateway": "gw-01", "sequence": 7, "readings": 3, "duplicate": duplicate}
    sequence, found = await _read_back(node)
    assert sequence == [7, 7, 7]
    assert [column.tolist() for column in found] == [column.tolist() for column in columns]


async def test_nothing_is_answered_or_told_before_it_is_durable(
    node: ParkTestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the commit runs there is no receipt, no transition on a stream, and the next packs gather."""
    gate = Gate(monkeypatch)
    sent = [asyncio.create_task(node.send(1, 12.0, gateway=number)) for number in (1, 2)]
    await until(lambda: node.host.packs.items == 2)
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in sent)
    assert node.host.store.events_after(0, "*", 10) == []
    gate.open()
    assert [(await task).status_code for task in sent] == [200, 200]
    assert [event.number for event in node.host.store.events_after(0, "*", 10)] == [1, 2]


async def test_the_same_pack_twice_at_once_is_stored_once(node: ParkTestNode) -> None:
    """A retry that overtakes its original's commit is answered as a duplicate, after that commit."""
    answers = await asyncio.gather(*(node.send(1, 5.0) for _ in range(4)))
    assert sorted(answer.json()["duplicate"] for answer in answers) == [False, True, True, True]
    assert (await _read_back(node))[0] == [1]


async def test_overload_is_refused_at_the_door_and_ends_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all places taken packs get 503 with Retry-After and cost no memory; afterwards they are taken."""
    async with running_park(tmp_path, Bounds(packs=Limits(3, 1 << 20))) as node:
        await node.configure("p1")
        gate = Gate(monkeypatch)
        taken = [asyncio.create_task(node.send(number, 1.0)) for number in (1, 2, 3)]
        await until(lambda: node.host.packs.items == 3)
        refused = [await node.send(number, 1.0) for number in range(4, 34)]
        assert {answer.status_code for answer in refused} == {503}
        assert {answer.headers["retry-after"] for answer in refused} == {"1"}
        assert refused[0].json() == {
            "title": "temporarily unavailable",
            "status": 503,
            "detail": "3 packs are in progress, at most 3 may be",
        }
        gate.open()
        assert {(await task).status_code for task in taken} == {200}
        assert (await node.send(4, 1.0)).status_code == 200
        assert (node.host.packs.items, node.host.packs.bytes) == (0, 0)
        assert (await _read_back(node))[0] == [1, 2, 3, 4]
        figures = (await node.client.get("/metrics")).text
        assert 'parkbench_overload_total{bound="packs"} 30.0' in figures
        assert 'parkbench_refused_total{operation="post_telemetry",status="503"} 30.0' in figures


async def test_bodies_in_progress_are_bounded_by_their_bytes(tmp_path: Path) -> None:
    """What was announced is counted before it arrives."""
    async with running_park(tmp_path, Bounds(packs=Limits(100, 50))) as node:
        await node.configure("p1")
        answer = await node.send(1, 1.0)
        assert answer.status_code == 503
        assert answer.json()["detail"] == "packs in progress hold 0 bytes, at most 50 may be"


async def test_intake_waits_for_the_column_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the journal has outgrown its bound packs are refused until the column store has caught up."""
    monkeypatch.setattr(park_host, "FILL_INTERVAL_S", 3600.0)
    async with running_park(tmp_path, Bounds(backlog_bytes_max=30)) as node:
        await node.configure("p1")
        assert (await node.send(1, 1.0)).status_code == 200
        assert (await node.send(2, 1.0)).status_code == 200
        refused = await node.send(3, 1.0)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["detail"] == "40 bytes wait for the column store, at most 30 may"
        node.host.store.fill(1 << 20)
        assert (await node.send(3, 1.0)).status_code == 200
        assert (await _read_back(node))[0] == [1, 2, 3]


async def test_a_full_disk_refuses_and_the_node_goes_on_from_the_store(
    node: ParkTestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed commit is 503 and nothing of it shows; with room again the same packs are taken, not duplicates."""
    monkeypatch.setattr(group_commit, "PAUSE_S", 0.0)
    assert (await node.send(1, 1.0)).status_code == 200
    writer = node.host.store.database.writer
    writer.execute(f"PRAGMA max_page_count = {writer.execute('PRAGMA page_count').fetchone()[0]}")
    failed = await node.send(2, *[12.0] * 5000)
    assert failed.status_code == 503
    assert failed.json()["detail"] == "the store could not keep it"
    assert (await node.client.get("/v1/alerts", headers=node.bearer("operator"))).json()["alerts"] == []

    writer.execute("PRAGMA max_page_count = 1000000")
    again = await node.send(2, *[12.0] * 5000)
    assert again.json() == {"gateway": "gw-01", "sequence": 2, "readings": 5000, "duplicate": False}
    assert [event.number for event in node.host.store.events_after(0, "*", 10)] == [1]
    assert "parkbench_commit_failures_total 1.0" in (await node.client.get("/metrics")).text


async def test_after_a_failed_commit_the_store_is_given_a_moment(
    node: ParkTestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a second everything is refused at the door and health says so; then work is taken again."""
    monkeypatch.setattr(group_commit, "PAUSE_S", 0.3)
    writer = node.host.store.database.writer
    writer.execute(f"PRAGMA max_page_count = {writer.execute('PRAGMA page_count').fetchone()[0]}")
    assert (await node.send(1, *[1.0] * 5000)).status_code == 503
    writer.execute("PRAGMA max_page_count = 1000000")
    assert (await node.send(1, 1.0)).json()["detail"] == "the last commit failed, the store is given a moment"
    assert (await node.client.get("/health")).status_code == 503
    await until(lambda: node.host.healthy)
    assert (await node.client.get("/health")).json()["status"] == "ok"
    assert (await node.send(1, 1.0)).json()["duplicate"] is False


async def test_a_node_that_fails_takes_nothing_with_it(node: ParkTestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error nobody foresaw answers 500 without its inside, and the nodes come back from the store."""
    monkeypatch.setattr(group_commit, "PAUSE_S", 0.0)
    assert (await node.send(1, 12.0)).status_code == 200
    ingest = ParkNode.ingest
    monkeypatch.setattr(ParkNode, "ingest", lambda *_: 1 / 0)
    answer = await node.send(2, 1.0)
    assert (answer.status_code, answer.json()["title"]) == (500, "internal error")
    assert "division" not in answer.text
    monkeypatch.setattr(ParkNode, "ingest", ingest)
    assert (await node.send(2, 1.0)).json()["duplicate"] is False
    alerts = (await node.client.get("/v1/alerts", headers=node.bearer("operator"))).json()["alerts"]
    assert [alert["cleared_ms"] for alert in alerts] == [START_MS + 20_000]


async def test_everything_taken_is_answered_before_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop amid traffic: packs in progress get their receipts, later ones 503, all is in the column store."""
    async with running_park(tmp_path) as node:
        await node.configure("p1")
        gate = Gate(monkeypatch)
        taken = asyncio.create_task(node.send(1, 1.0))
        await until(lambda: node.host.packs.items == 1)
        stop = asyncio.create_task(node.host.stop())
        await asyncio.sleep(0)
        assert (await node.send(2, 1.0)).json()["detail"] == "the node is stopping"
        gate.open()
        await stop
        assert (await taken).status_code == 200
    store = ParkStore(tmp_path)
    assert (store.telemetry.filled, store.backlog_bytes) == (1, 0)
    store.close()


async def test_queries_see_what_was_acknowledged(node: ParkTestNode) -> None:
    """Latest and ranges answer by point name, at once after the receipt."""
    await node.send(1, 1.0, 2.0, 3.0)
    await node.send(2, 9.0, gateway=2)
    operator = node.bearer("operator")
    latest = (await node.client.get("/v1/parks/p1/latest", headers=operator)).json()
    assert latest == {
        "readings": [
            {"point": "env/z01/air-0/so2", "time_ms": START_MS + 12_000, "value": 3.0},
            {"point": "env/z01/air-2/so2", "time_ms": START_MS + 20_000, "value": 9.0},
        ],
        "truncated": False,
    }
    some = (await node.client.get("/v1/parks/p1/latest?points=env/*/air-2/*", headers=operator)).json()["readings"]
    assert [reading["value"] for reading in some] == [9.0]
    asked: dict[str, str | int] = {
        "point": "env/z01/air-0/so2",
        "from_ms": START_MS + 11_000,
        "to_ms": START_MS + 13_000,
        "limit": 1,
    }
    found = (await node.client.get("/v1/parks/p1/readings", params=asked, headers=operator)).json()
    assert found == {
        "readings": [{"point": "env/z01/air-0/so2", "time_ms": START_MS + 11_000, "value": 2.0}],
        "truncated": True,
    }


async def test_packs_decoded_against_other_points_are_not_stored(
    node: ParkTestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the list of points changes between a pack's decoding and its turn, the pack must come again."""
    assert node.host.nodes["p1"].points is not None
    old = node.host.nodes["p1"]
    await node.configure("p2")
    gate = Gate(monkeypatch)
    first = asyncio.create_task(node.send(1, 1.0, park="p2"))
    await until(lambda: node.host.packs.items == 1)
    late = asyncio.create_task(node.send(1, 1.0))
    await until(lambda: node.host.packs.items == 2)
    node.host.nodes = {**node.host.nodes, "p1": node.host.store.load(["p1"])["p1"]}
    assert node.host.nodes["p1"] is not old
    gate.open()
    assert (await first).status_code == 200
    answer = await late
    assert (answer.status_code, answer.json()["detail"]) == (503, "the points were read anew meanwhile")
    assert (await node.send(1, 1.0)).json()["duplicate"] is False


async def test_cases_and_acknowledgements_recall_what_the_node_forgot(
    node: ParkTestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A case or an alert that only the store still knows can be asked for again, decided and acknowledged."""
    await node.send(1, 12.0)
    await node.send(2, 1.0)
    operator = node.bearer("operator")
    alert = (await node.client.get("/v1/alerts", headers=operator)).json()["alerts"][0]
    application = node.application()
    opened = await node.client.post("/v1/parks/p1/cases", json=application, headers=node.bearer("enterprise", "p1"))
    assert opened.status_code == 201
    case = opened.json()

    monkeypatch.setattr("reference_impl.store.park_store.RECENT_CASES", 0)
    node.host.nodes = node.host.store.load(["p1", "p2"])
    assert not node.host.nodes["p1"].cases
    assert not node.host.nodes["p1"].alerts
    again = await node.client.post("/v1/parks/p1/cases", json=application, headers=node.bearer("enterprise", "p1"))
    assert again.json() == case
    node.host.nodes = node.host.store.load(["p1", "p2"])
    decided = await node.client.post(
        f"/v1/parks/p1/cases/{case['case_id']}/acts",
        json={"request_id": "a-1", "act": "approve", "by": "wang"},
        headers=operator,
    )
    assert decided.json()["state"] == "approved"
    assert (await node.client.get("/v1/parks/p1/cases", headers=operator)).json()["cases"] == [decided.json()]
    one = await node.client.get(f"/v1/parks/p1/cases/{case['case_id']}", headers=operator)
    assert one.json() == decided.json()
    seen = await node.client.post(
        f"/v1/alerts/{alert['alert_id']}/acknowledge", json={"operator": "li"}, headers=operator
    )
    assert (seen.json()["acknowledged_by"], seen.json()["cleared_ms"]) == ("li", START_MS + 20_000)


async def test_a_pack_that_arrives_too_slowly_is_given_up(node: ParkTestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that does not come holds its place for a bounded time."""
    monkeypatch.setattr("reference_impl.transport.bodies.BODY_TIMEOUT_S", 0.05)

    async def never() -> AsyncIterator[bytes]:
        yield pack_body("p1", 1, 1, 1.0)[:10]
        await asyncio.Event().wait()

    answer = await node.client.post(
        "/v1/parks/p1/gateways/gw-01/telemetry",
        content=never(),
        headers={**node.bearer("gateway", "p1"), "content-type": SENML_JSON, "pack-sequence": "1"},
    )
    assert answer.json()["detail"] == "body: expected the whole body within 0.05 s, found a sender too slow"
    assert node.host.packs.items == 0
