"""Linkage over HTTP: readings raise alerts, plans command, gateways fetch and report, operators see and command."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from transport_nodes import START_MS, ParkTestNode, running_city, running_park, until

from contract.codec import SENML_JSON
from contract.messages import Point, PointList
from contract.rules import LimitRule, RuleSet

pytestmark = pytest.mark.anyio
POINTS = PointList(
    points=[
        Point(name=f"{device}/{quantity}", gateway=gateway, zone="z01", subsystem=device.split("/")[0], unit="1")
        for gateway, device, quantity in (
            ("gw-fire", "fire/z01/smoke-0001", "smoke"),
            ("gw-fire", "fire/z01/smoke-0002", "smoke"),
            ("gw-doors", "access/z01/door-0001", "open"),
            ("gw-doors", "broadcast/z01/amplifier-0001", "temperature"),
        )
    ]
)
SMOKE = LimitRule(id="fire-smoke-smoke-high", points="fire/*/*/smoke", high=10.0, level="red", cause="fire")
DAY = f"from_ms={START_MS}&to_ms={START_MS + 86_400_000}"


async def _configure(node: ParkTestNode) -> None:
    for what, message in (("points", POINTS), ("rules", RuleSet(version="1", rules=[SMOKE]))):
        headers = node.bearer("administrator")
        answer = await node.client.put(f"/v1/parks/p1/{what}", content=msgspec.json.encode(message), headers=headers)
        assert answer.status_code == 200, answer.text


async def _smoke(node: ParkTestNode, sequence: int, value: float) -> None:
    """Both detectors read the same."""
    records = [
        {"n": f"p1/fire/z01/smoke-000{device}/smoke", "v": value, "t": START_MS / 1000 + sequence} for device in (1, 2)
    ]
    headers = node.bearer("gateway", "p1") | {"content-type": SENML_JSON, "pack-sequence": str(sequence)}
    url = "/v1/parks/p1/gateways/gw-fire/telemetry"
    answer = await node.client.post(url, content=msgspec.json.encode(records), headers=headers)
    assert answer.status_code == 200, answer.text


async def _fetch(node: ParkTestNode, gateway: str = "gw-doors", query: str = "") -> list[dict[str, Any]]:
    headers = node.bearer("gateway", "p1")
    answer = await node.client.get(f"/v1/parks/p1/gateways/{gateway}/commands{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["commands"]
    return found


async def _report(node: ParkTestNode, command: dict[str, Any], state: str, park: str = "p1") -> httpx.Response:
    url = f"/v1/parks/{park}/commands/{command['command_id']}/feedback"
    return await node.client.post(url, json={"state": state}, headers=node.bearer("gateway", park))


async def _get(node: ParkTestNode, path: str) -> Any:  # noqa: ANN401 - as the operation answers
    answer = await node.client.get(path, headers=node.bearer("auditor"))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _order(node: ParkTestNode, **other: Any) -> httpx.Response:  # noqa: ANN401 - a field of any type
    order = {"request_id": "r-1", "subsystem": "access", "device": "door", "command": "lock", "zone": "*"}
    order |= {"operator": "li", "reason": "drill", **other}
    return await node.client.post("/v1/parks/p1/commands", json=order, headers=node.bearer("operator"))


async def test_a_fire_commands_the_gateways_and_is_timed(tmp_path: Path) -> None:
    """Two detectors alarm, the fire plan commands what the zone has, and the times from onset on are told."""
    async with running_park(tmp_path) as node:
        await _configure(node)
        await _smoke(node, 1, 50.0)
        commands = await _fetch(node)
        assert [each["command"] for each in commands] == ["announce", "open"]
        assert await _fetch(node, query=f"?after={commands[0]['number']}") == commands[1:]
        assert await _fetch(node, gateway="gw-fire") == []
        accepted = await _report(node, commands[0], "accepted")
        assert (accepted.status_code, accepted.json()["state"]) == (200, "accepted")
        assert (await _report(node, commands[0], "done")).json()["state"] == "done"
        assert (await _report(node, commands[0], "done")).json()["state"] == "done"
        assert (await _report(node, commands[0], "failed")).status_code == 409
        assert await _fetch(node) == commands[1:]
        run = (await _get(node, "/v1/linkage-runs?park=p1"))["runs"][0]
        assert (run["plan"], run["zone"], run["state"]) == ("fire", "z01", "running")
        assert (await _get(node, f"/v1/linkage-runs?incident={run['incident']}"))["runs"] == [run]
        assert (await _get(node, "/v1/linkage-runs?incident=another"))["runs"] == []
        done = (await _get(node, "/v1/parks/p1/commands?state=done"))["commands"]
        assert [each["command_id"] for each in done] == [commands[0]["command_id"]]
        since, to = run["started_ms"], run["started_ms"] + 1
        times = (await _get(node, f"/v1/linkage-times?park=p1&from_ms={since}&to_ms={to}"))["plans"]
        assert [(each["plan"], each["runs"]) for each in times] == [("fire", 1)]
        assert times[0]["onset_to_command_ms_p50"] == commands[0]["issued_ms"] - run["onset_ms"]
        answered_ms = done[0]["ended_ms"] - done[0]["issued_ms"]
        assert times[0]["command_to_feedback_ms_p50"] == times[0]["command_to_feedback_ms_p99"] == answered_ms
        assert times[0]["onset_to_done_ms_p50"] is None
        assert (await _get(node, f"/v1/linkage-times?from_ms=0&to_ms={24 * 3_600_000}"))["plans"] == []


async def test_linkage_outlives_the_node(tmp_path: Path) -> None:
    """After a restart the same commands wait, none is given twice, no plan starts twice, reports still count."""
    async with running_park(tmp_path) as node:
        await _configure(node)
        await _smoke(node, 1, 50.0)
        before = (await _get(node, "/v1/parks/p1/commands"))["commands"]
    async with running_park(tmp_path) as node:
        await _smoke(node, 2, 60.0)
        after = (await _get(node, "/v1/parks/p1/commands"))["commands"]
        ids = [each["command_id"] for each in before]
        assert [each["command_id"] for each in after if each["command_id"] in ids] == ids
        assert len((await _get(node, "/v1/linkage-runs?park=p1"))["runs"]) == 1
        assert (await _report(node, (await _fetch(node))[0], "done")).status_code == 200


async def test_a_gateway_waits_for_its_next_command(tmp_path: Path) -> None:
    """The long poll answers as soon as a command is durable, empty when its time is over or the node stops."""
    async with running_park(tmp_path) as node:
        await _configure(node)
        assert await _fetch(node, query="?wait_ms=1") == []
        waiting = asyncio.create_task(_fetch(node, query="?wait_ms=30000"))
        waits = node.host.commands_given
        await until(lambda: waits.waiting == 1)
        ordered = (await _order(node)).json()["commands"]
        assert await waiting == ordered
        assert waits.waiting == 0
        last = asyncio.create_task(_fetch(node, query=f"?wait_ms=30000&after={ordered[-1]['number']}"))
        await until(lambda: waits.waiting == 1)
        await node.host.stop()
        assert await last == []


async def test_an_order_is_carried_out_once(tmp_path: Path) -> None:
    """The same request again answers the same commands, after a restart too; another under its id is refused."""
    async with running_park(tmp_path) as node:
        await _configure(node)
        made = await _order(node)
        assert made.status_code == 200, made.text
        assert (await _order(node)).json() == made.json()
        assert (await _report(node, made.json()["commands"][0], "done")).status_code == 200
    async with running_park(tmp_path) as node:
        again = (await _order(node)).json()["commands"]
        assert [(each["command_id"], each["state"]) for each in again] == [
            (made.json()["commands"][0]["command_id"], "done")
        ]
        assert (await _order(node, reason="no drill")).status_code == 409
        assert len((await _get(node, "/v1/parks/p1/commands"))["commands"]) == 1


async def test_the_city_is_told_of_runs(tmp_path: Path) -> None:
    """What the park's outbox says of a run is what the city answers, and one of another park is refused."""
    async with running_park(tmp_path / "park") as node:
        await _configure(node)
        await _smoke(node, 1, 50.0)
        for command in await _fetch(node):
            await _report(node, command, "done")
        runs = (await _get(node, "/v1/linkage-runs"))["runs"]
        entries = [msgspec.json.decode(entry.body) for entry in node.host.store.entries_after("p1", 0, 100)]
        assert [entry["number"] for entry in entries] == list(range(1, len(entries) + 1))
        assert [entry["run"] for entry in entries if entry["kind"] == "linkage"][-1] == runs[0]
    async with running_city(tmp_path / "city") as city:
        told = {"entries": entries}
        foreign = await city.client.post("/v1/parks/p2/uplink", json=told, headers=city.bearer("uplink", "p2"))
        assert foreign.status_code == 422
        applied = await city.client.post("/v1/parks/p1/uplink", json=told, headers=city.bearer("uplink", "p1"))
        assert applied.status_code == 200, applied.text
        answer = await city.client.get("/v1/linkage-runs", headers=city.bearer("auditor"))
        assert answer.json() == {"runs": runs, "truncated": False}


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/v1/parks/p1/commands?state=lost", 400, "query.state: expected issued or accepted or done"),
        (f"/v1/linkage-times?{DAY}&park=p9", 400, "query.park: expected a park of this node, found 'p9'"),
        ("/v1/linkage-times?from_ms=5&to_ms=5", 400, "query.to_ms: expected above 5"),
        ("/v1/linkage-runs?park=p9", 400, "query.park: expected a park of this node, found 'p9'"),
    ],
)
async def test_faulty_questions_are_refused(tmp_path: Path, path: str, status: int, message: str) -> None:
    """The fault is named with its place."""
    async with running_park(tmp_path) as node:
        answer = await node.client.get(path, headers=node.bearer("auditor"))
        assert answer.status_code == status
        assert message in answer.json()["detail"]


async def test_a_gateway_asks_for_its_own_commands_only(tmp_path: Path) -> None:
    """Unknown gateways and waits, foreign parks and commands, and other roles are refused."""
    async with running_park(tmp_path) as node:
        await _configure(node)
        made = (await _order(node)).json()["commands"][0]
        url = "/v1/parks/p1/gateways/{}/commands"
        own, foreign = node.bearer("gateway", "p1"), node.bearer("gateway", "p2")
        assert (await node.client.get(url.format("gw-9"), headers=own)).status_code == 404
        assert (await node.client.get(url.format("gw-doors") + "?wait_ms=30001", headers=own)).status_code == 400
        assert (await node.client.get(url.format("gw-doors"), headers=foreign)).status_code == 403
        assert (await node.client.get(url.format("gw-doors"), headers=node.bearer("operator"))).status_code == 403
        assert (await _report(node, made, "done", park="p2")).status_code == 404
        assert (await _order(node, zone="z07")).status_code == 404
        assert (await _order(node, command="burn")).status_code == 422
