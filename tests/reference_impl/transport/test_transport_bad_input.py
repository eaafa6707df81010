"""Each bad input has one exact answer, is a client fault, and changes nothing."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from transport_nodes import START_MS, ParkTestNode, pack_body, running_park

from contract.codec import ARROW_STREAM, SENML_CBOR, SENML_JSON
from contract.messages import MAX_PACK_BYTES

pytestmark = pytest.mark.anyio

NOW_MS = START_MS + 60_000
GOOD = pack_body("p1", 1, 1, 1.0)
NAME = "p1/env/z01/air-0/so2"


class Bad(NamedTuple):
    """A request that is wrong in one way, and its answer."""

    status: int
    title: str
    detail: str
    body: bytes = GOOD
    path: str = "/v1/parks/p1/gateways/gw-01/telemetry"
    headers: dict[str, str | None] = {}  # noqa: RUF012 - a tuple's default, never changed
    role: tuple[str, str] = ("gateway", "p1")
    method: str = "POST"


MEDIA = f"expected {SENML_JSON} or {SENML_CBOR} or {ARROW_STREAM}"
TELEMETRY = {
    "malformed SenML": Bad(400, "malformed JSON", "expected JSON, found Input data was truncated", body=b'[{"n":'),
    "unknown point": Bad(
        422,
        "unknown point",
        "[0].n: expected the name of a registered point, found 'p1/env/z09/air-9/so2'",
        body=f'[{{"n":"p1/env/z09/air-9/so2","t":{START_MS // 1000},"v":1}}]'.encode(),
    ),
    "a point of another park": Bad(
        422,
        "unknown point",
        "[0].n: expected the name of a registered point, found 'p2/env/z01/air-0/so2'",
        body=f'[{{"n":"p2/env/z01/air-0/so2","t":{START_MS // 1000},"v":1}}]'.encode(),
    ),
    "a point of another gateway": Bad(
        422,
        "point of another gateway",
        "[0]: expected a point of the gateway that sends the pack, found index 2",
        body=pack_body("p1", 2, 1, 1.0),
    ),
    "non-finite value": Bad(
        422,
        "not a finite number",
        "[0]: expected a finite number, found a number out of range",
        body=f'[{{"n":"{NAME}","t":{START_MS // 1000},"v":1e999}}]'.encode(),
    ),
    "not a number": Bad(
        400,
        "malformed JSON",
        "expected JSON, found invalid character (byte 48)",
        body=f'[{{"n":"{NAME}","t":{START_MS // 1000},"v":NaN}}]'.encode(),
    ),
    "no readings": Bad(422, "no readings", "expected at least one reading, found no readings", body=b"[]"),
    "far future": Bad(
        422,
        "time is in the future",
        f"[0]: expected at most {NOW_MS + 60_000} ms, a minute after the platform's clock, found {NOW_MS + 61_000} ms",
        body=f'[{{"n":"{NAME}","t":{NOW_MS // 1000 + 61},"v":1}}]'.encode(),
    ),
    "oversized body": Bad(
        413,
        "body too large",
        f"body: expected at most {MAX_PACK_BYTES} bytes, found {MAX_PACK_BYTES + 1} bytes",
        body=b" " * (MAX_PACK_BYTES + 1),
    ),
    "unknown media type": Bad(
        415,
        "unsupported media type",
        f"Content-Type: {MEDIA}, found 'text/plain'",
        headers={"content-type": "text/plain; charset=utf-8"},
    ),
    "compressed": Bad(
        415,
        "unsupported content coding",
        "Content-Encoding: expected identity, found 'gzip'",
        headers={"content-encoding": "gzip"},
    ),
    "no sequence": Bad(
        400,
        "invalid parameter",
        "Pack-Sequence: expected an integer from 1, found none",
        headers={"pack-sequence": None},
    ),
    "sequence 0": Bad(
        400, "invalid parameter", "Pack-Sequence: expected an integer from 1, found 0", headers={"pack-sequence": "0"}
    ),
    "sequence is text": Bad(
        400,
        "invalid parameter",
        "Pack-Sequence: expected an integer of at most 64 bits, found 'one'",
        headers={"pack-sequence": "one"},
    ),
    "sequence too large": Bad(
        400,
        "invalid parameter",
        "Pack-Sequence: expected an integer of at most 64 bits, found '9223372036854775808'",
        headers={"pack-sequence": "9223372036854775808"},
    ),
    "unknown gateway": Bad(
        404,
        "unknown gateway",
        "gateway: expected a gateway of the registered points, found 'gw-99'",
        path="/v1/parks/p1/gateways/gw-99/telemetry",
    ),
    "a park of another token": Bad(
        403,
        "forbidden",
        "expected a token for park 'p2', found one for another park",
        path="/v1/parks/p2/gateways/gw-01/telemetry",
    ),
    "no token": Bad(401, "unauthorized", "expected a bearer token, found none", headers={"authorization": None}),
    "unknown token": Bad(
        401,
        "unauthorized",
        "expected a bearer token of this node, found another",
        headers={"authorization": "Bearer nobody"},
    ),
    "another role": Bad(
        403, "forbidden", "expected a token of role gateway, found role operator", role=("operator", "*")
    ),
    "no such path": Bad(404, "not found", "not found", path="/v1/parks/p1/telemetry"),
}
LIMITED = "expected 1 to 10000, found "
REQUESTS = {
    "unknown park": Bad(
        404,
        "unknown park",
        "park: expected a park of this node, found 'p9'",
        path="/v1/parks/p9/points",
        method="GET",
        role=("administrator", "*"),
    ),
    "malformed JSON": Bad(
        400,
        "malformed JSON",
        "expected JSON, found object keys must be strings (byte 1)",
        body=b"{points:[]}",
        path="/v1/parks/p1/points",
        method="PUT",
        role=("administrator", "*"),
    ),
    "wrong type with its path": Bad(
        422,
        "invalid message",
        "points[0].name: expected `str`, found `int`",
        body=b'{"points":[{"name":1}]}',
        path="/v1/parks/p1/points",
        method="PUT",
        role=("administrator", "*"),
    ),
    "unknown field": Bad(
        422,
        "invalid message",
        "body: found object contains unknown field `extra`",
        body=b'{"points":[],"extra":1}',
        path="/v1/parks/p1/points",
        method="PUT",
        role=("administrator", "*"),
    ),
    "missing field": Bad(
        422,
        "invalid message",
        "rules[0]: found object missing required field `id`",
        body=b'{"version":"1","rules":[{"kind":"limit"}]}',
        path="/v1/parks/p1/rules",
        method="PUT",
        role=("administrator", "*"),
    ),
    "limit of 0": Bad(
        400,
        "invalid parameter",
        f"query.limit: {LIMITED}0",
        path="/v1/alerts?limit=0",
        method="GET",
        role=("operator", "*"),
    ),
    "unknown state": Bad(
        400,
        "invalid parameter",
        "query.state: expected NORM or UNACK or ACKED or RTNUN or SHLVD or DSUPR or OOSRV, found 'LOUD'",
        path="/v1/alerts?state=LOUD",
        method="GET",
        role=("operator", "*"),
    ),
    "missing query parameter": Bad(
        400,
        "invalid parameter",
        "query.point: expected a value, found none",
        path="/v1/parks/p1/readings?from_ms=1&to_ms=2",
        method="GET",
        role=("operator", "*"),
    ),
    "unknown point in a query": Bad(
        404,
        "unknown point",
        "query.point: expected a registered point, found 'a/b'",
        path="/v1/parks/p1/readings?point=a/b&from_ms=1&to_ms=2",
        method="GET",
        role=("operator", "*"),
    ),
    "a glob longer than any name": Bad(
        400,
        "invalid parameter",
        "query.points: expected at most 200 characters, found 201 characters",
        path="/v1/parks/p1/latest?points=" + 201 * "a",
        method="GET",
        role=("operator", "*"),
    ),
    "event number that was not given": Bad(
        400,
        "unknown event number",
        "Last-Event-ID: expected 0 to 0, found 7",
        path="/v1/alerts/stream",
        method="GET",
        role=("operator", "*"),
        headers={"last-event-id": "7"},
    ),
    "unknown alert": Bad(
        404,
        "unknown alert",
        "alert_id: expected id of an alert, found 'nothing'",
        body=b'{"operator":"li"}',
        path="/v1/alerts/nothing/acknowledge",
        role=("operator", "*"),
    ),
    "unknown case": Bad(
        404,
        "unknown case",
        "case_id: expected id of a case, found 'nothing'",
        path="/v1/parks/p1/cases/nothing",
        method="GET",
        role=("operator", "*"),
    ),
    "no such route": Bad(404, "not found", "Not Found", path="/v2/nothing", method="GET"),
    "no such method": Bad(405, "method not allowed", "Method Not Allowed", path="/health", method="PUT"),
}


@pytest.fixture
async def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ParkTestNode]:
    """A park host with a configured park, at a known time."""
    monkeypatch.setattr("reference_impl.transport.group_commit.wall_ms", lambda: NOW_MS)
    async with running_park(tmp_path) as running:
        await running.configure("p1")
        yield running


async def _ask(node: ParkTestNode, bad: Bad, given: dict[str, str]) -> Any:  # noqa: ANN401 - a decoded problem
    headers = {**node.bearer(*bad.role), **given, **bad.headers}
    answer = await node.client.request(
        bad.method,
        bad.path,
        content=bad.body if bad.method != "GET" else None,
        headers={name: value for name, value in headers.items() if value is not None},
    )
    assert answer.headers["content-type"] == "application/problem+json"
    return answer, msgspec.json.decode(answer.content)


@pytest.mark.parametrize("name", TELEMETRY)
async def test_a_bad_pack_has_its_exact_answer_and_changes_nothing(node: ParkTestNode, name: str) -> None:
    """The problem names what is wrong; the same number is then free for the right pack."""
    bad = TELEMETRY[name]
    answer, problem = await _ask(node, bad, {"content-type": SENML_JSON, "pack-sequence": "1"})
    assert (answer.status_code, problem["status"], problem["title"], problem["detail"]) == (
        bad.status,
        bad.status,
        bad.title,
        bad.detail,
    )
    receipt = await node.send(1, 1.0)
    assert receipt.json() == {"gateway": "gw-01", "sequence": 1, "readings": 1, "duplicate": False}


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_bad_request_has_its_exact_answer(node: ParkTestNode, name: str) -> None:
    """The problem names where, what was found and what was wanted."""
    bad = REQUESTS[name]
    answer, problem = await _ask(node, bad, {})
    assert (answer.status_code, problem["status"], problem["title"], problem["detail"]) == (
        bad.status,
        bad.status,
        bad.title,
        bad.detail,
    )


async def test_a_refused_caller_is_told_how_to_identify(node: ParkTestNode) -> None:
    """401 carries the challenge of RFC 6750; 405 carries the methods that are allowed."""
    missing = await node.client.get("/v1/alerts")
    assert missing.headers["www-authenticate"] == 'Bearer realm="parkbench"'
    wrong = await node.client.get("/v1/alerts", headers={"authorization": "Bearer x"})
    assert wrong.headers["www-authenticate"] == 'Bearer realm="parkbench", error="invalid_token"'
    assert "GET" in (await node.client.put("/health")).headers["allow"]


async def test_a_body_without_a_length_is_cut_off_at_the_bound(node: ParkTestNode) -> None:
    """No more of an endless body is taken than a pack may have."""
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 65_536
            yield b" " * 65_536

    answer = await node.client.post(
        "/v1/parks/p1/gateways/gw-01/telemetry",
        content=endless(),
        headers={**node.bearer("gateway", "p1"), "content-type": SENML_JSON, "pack-sequence": "1"},
    )
    assert answer.status_code == 413
    assert (
        answer.json()["detail"]
        == f"body: expected at most {MAX_PACK_BYTES} bytes, found more than {MAX_PACK_BYTES} bytes"
    )
    assert taken < MAX_PACK_BYTES + 2 * 65_536


async def test_an_escaped_slash_is_part_of_a_name(node: ParkTestNode) -> None:
    """`gw%2F01` is one segment, and no gateway."""
    answer = await node.client.post(
        "/v1/parks/p1/gateways/gw%2F01/telemetry",
        content=GOOD,
        headers={**node.bearer("gateway", "p1"), "content-type": SENML_JSON, "pack-sequence": "1"},
    )
    assert answer.json()["detail"] == "gateway: expected a gateway of the registered points, found 'gw/01'"
