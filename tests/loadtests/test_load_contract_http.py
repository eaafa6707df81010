"""The client of the contract, against a server that misbehaves as told."""

import socket
import threading

import gevent
import msgspec
import numpy as np
import pytest
from load_server import Answered, Asked, Server

from contract.arrow import encode_sequenced
from contract.codec import ARROW_STREAM, SENML_JSON
from contract.columns import Columns
from contract.errors import HarnessError, TargetError
from contract.messages import CaseApplication, Credential, CredentialFile, Point, PointList
from contract.rules import LimitRule, RuleSet
from loadtests.targets import Outcome
from loadtests.targets.contract_http import ContractHttp, take_events

PROBLEM = "application/problem+json"
TOKEN = "token"  # noqa: S105 - of this test's own server
TOKENS = CredentialFile(
    credentials=[
        Credential(token=f"g-{TOKEN}", role="gateway", park="fuling", level="park"),
        Credential(token=f"e-{TOKEN}", role="enterprise", park="fuling", level="park"),
        Credential(token=f"a-{TOKEN}", role="administrator", park="*", level="park"),
        Credential(token=f"u-{TOKEN}", role="auditor", park="*", level="park"),
    ]
)
APPLICATION = CaseApplication(request_id="r-1", matter="hot-work-permit", enterprise="e-1", form={"days": 2})


def receipt(asked: Asked) -> Answered:
    sequence = int(asked.headers["pack-sequence"])
    gateway = asked.path.split("/")[5]
    return Answered(body=msgspec.json.encode({"gateway": gateway, "sequence": sequence, "readings": 5}))


def problem(status: int, title: str, **headers: str) -> Answered:
    body = msgspec.json.encode({"title": title, "status": status})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answered(status, body, PROBLEM, named)


def test_a_pack_goes_as_the_contract_says(server: Server) -> None:
    """Path, number, media type, token and body are those of the contract; the connection is kept."""
    server.answer = receipt
    target = ContractHttp(server.url, credentials=TOKENS)
    assert target.send("fuling", "gw-01", 7, b"body", SENML_JSON) == Outcome(200, ok=True)
    assert target.send("fuling", "gw-01", 8, b"", SENML_JSON).ok
    target.close()
    first = server.asked[0]
    assert (first.method, first.path) == ("POST", "/v1/parks/fuling/gateways/gw-01/telemetry")
    assert first.body == b"body"
    assert first.headers["pack-sequence"] == "7"
    assert first.headers["content-type"] == SENML_JSON
    assert first.headers["authorization"] == "Bearer g-token"


def test_refusals_say_what_the_platform_said(server: Server) -> None:
    """Status, title and Retry-After come through; the same fault has the same words."""
    answers = [problem(503, "overloaded", Retry_After="1.5"), problem(422, "unknown point"), Answered(500, b"oops")]
    server.answer = lambda _: answers.pop(0)
    target = ContractHttp(server.url)
    assert target.send("fuling", "gw-01", 1, b"x", SENML_JSON) == Outcome(503, False, 1.5, "503 overloaded")
    assert target.send("fuling", "gw-01", 1, b"x", SENML_JSON) == Outcome(422, False, None, "422 unknown point")
    assert target.send("fuling", "gw-01", 1, b"x", SENML_JSON) == Outcome(500, False, None, "500")
    target.close()


def test_receipt_of_another_pack_is_no_acknowledgement(server: Server) -> None:
    """An answer that does not name this pack acknowledges nothing."""
    bodies = [
        b'{"gateway":"gw-01","sequence":8,"readings":1}',
        b"{}",
        b'{"gateway":"gw-01","sequence":7,"readings":1,"duplicate":true}',
    ]
    server.answer = lambda _: Answered(body=bodies.pop(0))
    target = ContractHttp(server.url)
    errors = [target.send("fuling", "gw-01", 7, b"x", SENML_JSON).error for _ in range(2)]
    assert errors == ["receipt for another pack", "unreadable receipt"]
    assert target.send("fuling", "gw-01", 7, b"x", SENML_JSON) == Outcome(200, ok=True, duplicate=True)
    target.close()


def test_silence_is_an_outcome() -> None:
    """A target that is down gives status 0 and a reason, never an exception."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        target = ContractHttp(url)
        assert target.send("fuling", "gw-01", 1, b"x", SENML_JSON) == Outcome(0, ok=False, error="connection refused")
        assert target.request("fuling", APPLICATION) == Outcome(0, ok=False, error="connection refused")
        with pytest.raises(TargetError, match=r"park platform at 127\.0\.0\.1:\d+: GET /health: connection refused"):
            target.health("park")


def test_a_kept_connection_that_was_closed_is_opened_again(server: Server) -> None:
    """The next pack does not fail because an idle connection was closed; a server that always hangs up is told on."""
    hang_up = [False, True, False, True, True]
    server.answer = lambda asked: Answered(hang_up=True) if hang_up.pop(0) else receipt(asked)
    target = ContractHttp(server.url)
    assert target.send("fuling", "gw-01", 1, b"x", SENML_JSON).ok
    assert target.send("fuling", "gw-01", 2, b"x", SENML_JSON).ok
    assert [asked.headers["pack-sequence"] for asked in server.asked] == ["1", "2", "2"]
    assert target.send("fuling", "gw-01", 3, b"x", SENML_JSON) == Outcome(0, ok=False, error="connection closed")
    target.close()


def test_sends_of_different_gateways_overlap(server: Server) -> None:
    """One slow gateway does not hold up another (greenlets, one connection each)."""
    barrier = threading.Barrier(3, timeout=10)

    def together(asked: Asked) -> Answered:
        barrier.wait()
        return receipt(asked)

    server.answer = together
    target = ContractHttp(server.url)
    sends = [gevent.spawn(target.send, "fuling", f"gw-0{n}", 1, b"x", SENML_JSON) for n in range(3)]
    gevent.joinall(sends, timeout=10)
    assert [send.value.ok for send in sends] == [True] * 3
    target.close()


def test_an_application_goes_as_the_contract_says(server: Server) -> None:
    """201 and, for a repeated request, 200 are both taken."""
    statuses = [201, 200, 404]
    server.answer = lambda _: Answered(statuses.pop(0), b"{}")
    target = ContractHttp(server.url, credentials=TOKENS)
    assert [target.request("fuling", APPLICATION).ok for _ in range(3)] == [True, True, False]
    assert server.asked[0].path == "/v1/parks/fuling/cases"
    assert msgspec.json.decode(server.asked[0].body, type=CaseApplication) == APPLICATION
    assert server.asked[0].headers["authorization"] == "Bearer e-token"
    target.close()


def test_provision_waits_while_the_platform_is_busy(server: Server) -> None:
    """Points, then rules; "later" is obeyed; a refusal is the target's error with its words."""
    points = PointList(points=[Point(name="env/z01/a/so2", gateway="gw-01", zone="z01", subsystem="env", unit="mg/m3")])
    rules = RuleSet(version="1", rules=[LimitRule(id="r", points="env/*/*/so2", high=1.0)])
    answers = [problem(503, "starting", Retry_After="0"), Answered(), Answered(), problem(403, "not your park")]
    server.answer = lambda _: answers.pop(0)
    target = ContractHttp(server.url, credentials=TOKENS)
    target.provision("fuling", points, rules)
    assert [(asked.method, asked.path.rpartition("/")[2]) for asked in server.asked] == [
        ("PUT", "points"),
        ("PUT", "points"),
        ("PUT", "rules"),
    ]
    assert msgspec.json.decode(server.asked[2].body, type=RuleSet) == rules
    with pytest.raises(TargetError, match="PUT /v1/parks/fuling/points: 403 not your park"):
        target.provision("fuling", points, rules)


def test_read_back(server: Server) -> None:
    """Sequences and columns come as they are; what is not Arrow is the target's error."""
    held = Columns(np.array([3, 4], np.int32), np.array([10, 20]), np.array([0.5, 1.5]))
    body = encode_sequenced(np.array([1, 2]), held)
    answers = [
        Answered(body=body, media_type=ARROW_STREAM),
        Answered(body=b"{}"),
        Answered(body=b"x", media_type=ARROW_STREAM),
    ]
    server.answer = lambda _: answers.pop(0)
    target = ContractHttp(server.url, credentials=TOKENS)
    sequence, columns = target.read_back("fuling", "gw-01", 1, 2)
    assert sequence.tolist() == [1, 2]
    assert [column.tolist() for column in columns] == [[3, 4], [10, 20], [0.5, 1.5]]
    assert server.asked[0].path == "/v1/parks/fuling/gateways/gw-01/readings?from_sequence=1&to_sequence=2"
    with pytest.raises(TargetError, match=f"expected {ARROW_STREAM}, found 'application/json'"):
        target.read_back("fuling", "gw-01")
    with pytest.raises(TargetError, match="unreadable Arrow stream"):
        target.read_back("fuling", "gw-01")


def test_a_missing_credential_is_our_fault(server: Server) -> None:
    """No token for a park is a fault of the harness, not of the platform."""
    target = ContractHttp(server.url, credentials=TOKENS)
    with pytest.raises(HarnessError, match="no credential for role 'gateway' at the park level for park 'wulong'"):
        target.send("wulong", "gw-01", 1, b"x", SENML_JSON)
    with pytest.raises(HarnessError, match="no address of the city platform"):
        target.health("city")


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://example.test", "http://", ""])
def test_a_wrong_url_is_told(url: str) -> None:
    """What is not a URL is refused before anything is sent."""
    with pytest.raises(TargetError, match="expected a URL such as"):
        ContractHttp(url)


def test_event_blocks_are_taken_whole() -> None:
    """Comments are skipped, half an event stays, all three line ends are understood, the contract is enforced."""
    buffer = bytearray(b": hello\n\nid: 1\r\ndata: {}\r\n\r\n")
    with pytest.raises(TargetError, match="alert stream: Object missing required field"):
        list(take_events(buffer))
    half = bytearray(b"id: 1\ndata: {")
    assert list(take_events(half)) == []
    assert bytes(half) == b"id: 1\ndata: {"
