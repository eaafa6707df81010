"""The operator's side over HTTP, at both levels: acts on alarms, incidents, key figures, and who may see what."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from transport_nodes import PARKS, START_MS, CityTestNode, ParkTestNode, running_city, running_park, until

from contract.alarms import AlarmKpiReport, IncidentList
from contract.messages import AlertEvent, Credential
from contract.rules import LimitRule, RuleSet
from reference_impl.transport import group_commit, park_host
from reference_impl.transport.uplink import City

pytestmark = pytest.mark.anyio
POINT, RULE = "env/z01/air-0/so2", "so2-high"
ALARM = {"point": POINT, "rule": RULE, "operator": "li"}
HOUR_MS = 3_600_000


async def _post(node: ParkTestNode, what: str, body: dict[str, Any], park: str = "p1", role: str = "operator") -> Any:  # noqa: ANN401 - an answer in JSON
    path = f"/v1/parks/{park}/alarms/{what}"
    answer = await node.client.post(path, json=body, headers=node.bearer(role))
    return {"status": answer.status_code, **answer.json()}


async def _get(node: ParkTestNode | CityTestNode, path: str, token: str | None = None) -> httpx.Response:
    headers = node.bearer("auditor") if token is None else {"authorization": f"Bearer {token}"}
    return await node.client.get(path, headers=headers)


def _events(node: ParkTestNode | CityTestNode, park: str = "*") -> list[AlertEvent]:
    return [msgspec.json.decode(event.body, type=AlertEvent) for event in node.host.store.events_after(0, park, 1000)]


@asynccontextmanager
async def _levels(folder: Path) -> AsyncIterator[tuple[ParkTestNode, CityTestNode]]:
    async with running_city(folder / "city") as city:
        tokens = {park: city.credentials.find("city", "uplink", park) for park in PARKS}
        link = city.client._transport  # noqa: SLF001 - the city without a socket
        async with running_park(folder / "park", city=City("http://city", tokens, link)) as park:
            await park.configure(*PARKS)
            yield park, city


async def test_an_alarm_is_shelved_and_taken_back(tmp_path: Path) -> None:
    """The alert goes out of sight and returns, each time with operator and reason in the history."""
    async with running_park(tmp_path) as node:
        await node.configure("p1")
        await node.send(1, 12.0)
        shelved = await _post(node, "shelve", {**ALARM, "reason": "known leak", "duration_s": 600})
        assert (shelved["status"], shelved["state"], shelved["until_ms"] - shelved["since_ms"]) == (
            200,
            "SHLVD",
            600_000,
        )
        (listed,) = (await _get(node, "/v1/alarms?park=p1")).json()["alarms"]
        assert {"status": 200, **listed} == shelved
        assert [a["state"] for a in (await _get(node, "/v1/alerts?state=SHLVD")).json()["alerts"]] == ["SHLVD"]
        back = await _post(node, "unshelve", {**ALARM, "reason": "leak closed"})
        assert (back["status"], back["state"], back["until_ms"]) == (200, "UNACK", None)
        assert (await _get(node, "/v1/alarms")).json() == {"alarms": [], "truncated": False}
        told = [(event.transition, event.operator, event.comment) for event in _events(node)]
        assert told == [("raise", "", ""), ("shelve", "li", "known leak"), ("unshelve", "li", "leak closed")]


async def test_an_alarm_goes_out_of_service_and_returns(tmp_path: Path) -> None:
    """Also when nothing stands: the event then tells of the alarm alone."""
    async with running_park(tmp_path) as node:
        await node.configure("p1")
        gone = await _post(node, "remove-from-service", {**ALARM, "reason": "exchange"})
        assert (gone["status"], gone["state"], gone["until_ms"]) == (200, "OOSRV", None)
        again = await _post(node, "remove-from-service", {**ALARM, "reason": "exchange"})
        assert (again["status"], again["title"]) == (409, "alarm cannot be taken out of service")
        assert (await _post(node, "return-to-service", ALARM))["state"] == "NORM"
        assert [(event.transition, event.alert) for event in _events(node)] == [
            ("remove_from_service", None),
            ("return_to_service", None),
        ]


@pytest.mark.parametrize(
    ("what", "body", "status", "detail"),
    [
        (
            "shelve",
            {**ALARM, "duration_s": 60},
            422,
            "body: found object missing required field `reason`",
        ),
        ("shelve", {**ALARM, "reason": "", "duration_s": 60}, 422, "reason: expected some text, found ''"),
        (
            "shelve",
            {**ALARM, "reason": "x", "duration_s": 86_401},
            422,
            "duration_s: expected 1 to 86400 seconds, found 86401",
        ),
        ("unshelve", ALARM, 409, "point: expected one in state SHLVD, found an alarm in state NORM"),
        (
            "remove-from-service",
            {**ALARM, "rule": "none", "reason": "x"},
            404,
            "point: expected a point and a rule of this park, found 'env/z01/air-0/so2' with rule 'none'",
        ),
    ],
)
async def test_faulty_acts_are_refused(
    tmp_path: Path, what: str, body: dict[str, Any], status: int, detail: str
) -> None:
    """The fault is named, and nothing happens."""
    async with running_park(tmp_path) as node:
        await node.configure("p1")
        answer = await _post(node, what, body)
        assert answer["status"] == status
        assert answer["detail"] == detail
        assert _events(node) == []


async def test_only_operators_act_and_only_in_their_park(tmp_path: Path) -> None:
    """An auditor may look and not act; a token of one park neither acts in nor sees another."""
    async with running_park(tmp_path) as node:
        bound = Credential(token="bound", role="operator", park="p2", level="park")  # noqa: S106 - no secret
        node.host.store.put_credentials([bound])
    async with running_park(tmp_path) as node:
        await node.configure(*PARKS)
        shelving = {**ALARM, "reason": "x", "duration_s": 60}
        for role in ("auditor", "administrator"):
            assert (await _post(node, "shelve", shelving, role=role))["status"] == 403
        headers = {"authorization": "Bearer bound"}
        answers = [
            await node.client.post(f"/v1/parks/{park}/alarms/shelve", json=shelving, headers=headers) for park in PARKS
        ]
        assert [answer.status_code for answer in answers] == [403, 200]
        await _post(node, "shelve", shelving)
        assert [alarm["park"] for alarm in (await _get(node, "/v1/alarms")).json()["alarms"]] == ["p1", "p2"]
        assert [alarm["park"] for alarm in (await _get(node, "/v1/alarms", "bound")).json()["alarms"]] == ["p2"]
        for path in ("/v1/alarms?park=p1", f"/v1/incidents?from_ms=0&to_ms={HOUR_MS}&park=p1"):
            assert (await _get(node, path, "bound")).status_code == 403
        report = (await _get(node, f"/v1/alarm-kpis?from_ms=0&to_ms={HOUR_MS}", "bound")).json()
        assert [each["park"] for each in report["parks"]] == ["p2"]


async def test_a_shelving_ends_over_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node was down when its time was over: it ends as soon as the node is up, at the moment it was due."""
    async with running_park(tmp_path) as node:
        await node.configure("p1")
        await node.send(1, 12.0)
        shelved = await _post(node, "shelve", {**ALARM, "reason": "known", "duration_s": 600})
    for module in (park_host, group_commit):
        monkeypatch.setattr(module, "wall_ms", lambda: shelved["until_ms"] + 5)
    monkeypatch.setattr(park_host, "TICK_INTERVAL_S", 3600.0)  # only the call at the start counts
    async with running_park(tmp_path) as node:
        await until(lambda: len(_events(node)) == 3)
        last = _events(node)[-1]
        assert (last.transition, last.at_ms, last.comment) == ("unshelve", shelved["until_ms"], "its time is over")
        assert last.alert is not None
        assert last.alert.state == "UNACK"


async def test_the_city_knows_what_the_parks_know(tmp_path: Path) -> None:
    """History, alarms set aside, incidents and each park's key figures are the same at both levels."""
    async with _levels(tmp_path) as (park, city):
        for name, raises in (("p1", 3), ("p2", 1)):
            for sequence in range(1, 2 * raises + 1):
                await park.send(sequence, 12.0 if sequence % 2 else 1.0, park=name)
        await _post(park, "shelve", {**ALARM, "reason": "noise", "duration_s": 600}, park="p2")
        await park.send(3, 12.0, park="p2")
        await until(lambda: all(len(_events(city, name)) == len(_events(park, name)) for name in PARKS))
        for name in PARKS:
            assert [msgspec.structs.replace(e, number=0, known_ms=0) for e in _events(city, name)] == [
                msgspec.structs.replace(e, number=0, known_ms=0) for e in _events(park, name)
            ]
        period = f"from_ms={START_MS}&to_ms={START_MS + HOUR_MS}"
        for path in ("/v1/alarms", f"/v1/incidents?{period}", f"/v1/alarm-kpis?{period}"):
            here, there = await asyncio.gather(_get(park, path), _get(city, path))
            assert (here.status_code, there.status_code) == (200, 200), there.text
            assert here.json() == there.json(), path
        report = msgspec.json.decode((await _get(city, f"/v1/alarm-kpis?{period}")).content, type=AlarmKpiReport)
        assert [(each.park, each.alarms, each.shelved) for each in (report.together, *report.parks)] == [
            ("*", 4, 1),
            ("p1", 3, 0),
            ("p2", 1, 1),
        ]
        one = (await _get(city, f"/v1/alarm-kpis?{period}&park=p1")).json()
        assert [each["park"] for each in one["parks"]] == ["p1"]
        assert one["together"]["alarms"] == 3


async def test_incidents_gather_alerts(tmp_path: Path) -> None:
    """The alerts of a zone that follow each other are one incident, and its alerts can be listed."""
    async with running_park(tmp_path) as node:
        await node.configure("p1")
        for sequence in (1, 2, 3):
            await node.send(sequence, 12.0, 1.0)
        answer = await _get(node, f"/v1/incidents?from_ms={START_MS}&to_ms={START_MS + HOUR_MS}")
        (incident,) = msgspec.json.decode(answer.content, type=IncidentList).incidents
        assert (incident.zone, incident.cause, incident.alerts, incident.standing) == ("z01", RULE, 3, 0)
        assert (incident.begin_ms, incident.end_ms) == (START_MS + 10_000, START_MS + 31_000)
        members = (await _get(node, f"/v1/alerts?incident={incident.incident}")).json()["alerts"]
        assert [alert["onset_ms"] for alert in members] == [START_MS + at for at in (30_000, 20_000, 10_000)]
        later = await _get(node, f"/v1/incidents?from_ms={START_MS + HOUR_MS}&to_ms={START_MS + 2 * HOUR_MS}")
        assert later.json() == {"incidents": [], "truncated": False}


@pytest.mark.parametrize("span_ms", [0, -1, 31 * 24 * HOUR_MS + 1])
@pytest.mark.parametrize("what", ["incidents", "alarm-kpis"])
async def test_periods_have_a_bound(tmp_path: Path, what: str, span_ms: int) -> None:
    """An empty period and one that would take too long are refused."""
    async with running_park(tmp_path) as node:
        answer = await _get(node, f"/v1/{what}?from_ms=1000&to_ms={1000 + span_ms}")
        assert (answer.status_code, answer.json()["errors"][0]["where"]) == (400, "query.to_ms")
        assert (await _get(node, f"/v1/{what}?from_ms=1000")).status_code == 400


async def test_an_alert_that_nobody_answers_is_escalated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host lets the clock call: the escalation comes by itself, and is in the history."""
    monkeypatch.setattr(park_host, "TICK_INTERVAL_S", 0.005)
    rule = LimitRule(id=RULE, points="env/*/*/so2", high=10.0, deadband=1.0, escalate_after_s=0.05)
    async with running_park(tmp_path) as node:
        await node.configure("p1")
        await node.client.put(
            "/v1/parks/p1/rules",
            content=msgspec.json.encode(RuleSet(version="2", rules=[rule])),
            headers=node.bearer("administrator"),
        )
        await node.send(1, 12.0)
        await until(lambda: len(_events(node)) == 2)
        raised, escalated = (event.alert for event in _events(node))
        assert raised is not None
        assert escalated is not None
        assert escalated.escalated_ms == (raised.annunciated_ms or 0) + 50
