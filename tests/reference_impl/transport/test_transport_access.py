"""Routes and access are those of the contract, operation by operation."""

import re
import stat
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from litestar import Litestar
from transport_nodes import PARKS, CityTestNode, ParkTestNode, running_city, running_park

from contract.messages import Role
from contract.operations import OPERATIONS, Operation
from reference_impl.store.park_store import ParkStore
from reference_impl.store.tokens import digest
from reference_impl.transport import telemetry
from reference_impl.transport.credentials import FILE_NAME, prepare_credentials, read_credentials

pytestmark = pytest.mark.anyio
AnyNode = ParkTestNode | CityTestNode
BOUND = "a token for p2 alone"
LEVELS = ("park", "city")


def _running(level: str, folder: Path):  # type: ignore[no-untyped-def]  # noqa: ANN202 - the context manager of either level
    return running_park(folder) if level == "park" else running_city(folder)


def _of(level: str) -> list[Operation]:
    return [operation for operation in OPERATIONS if level in operation.level]


def _framework(node: AnyNode) -> Litestar:
    application = node.client._transport.app  # type: ignore[attr-defined]  # noqa: SLF001 - httpx's ASGI transport
    cells = (cell.cell_contents for cell in application.__closure__)
    return next(cell for cell in cells if isinstance(cell, Litestar))


@pytest.mark.parametrize("level", LEVELS)
async def test_the_routes_are_the_contracts_operations(tmp_path: Path, level: str) -> None:
    """Every operation of the level has its route and there is no other."""
    async with _running(level, tmp_path) as node:
        routed = {
            (method, route.path_format)
            for route in _framework(node).routes
            for method in getattr(route, "methods", ())
            if method != "OPTIONS"
        }
    if level == "park":
        routed.add((telemetry.OPERATION.method, telemetry.OPERATION.path))
    assert routed == {(operation.method, operation.path) for operation in _of(level)}


def _path(operation: Operation, park: str, **names: str) -> str:
    """Its path, with something that does not exist for whatever else it names."""
    return re.sub(r"\{(\w+)\}", lambda found: {"park": park, **names}.get(found[1], "none"), operation.path)


async def _status(node: AnyNode, operation: Operation, park: str, token: str | None) -> int:
    path = _path(operation, park, gateway="gw-01")
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    if operation.id == "stream_alerts":
        headers["last-event-id"] = "999"  # a refusal, so that no stream stays open
    body = b"" if operation.request is not None else None
    return (await node.client.request(operation.method, path, headers=headers, content=body)).status_code


@pytest.mark.parametrize("level", LEVELS)
async def test_every_operation_with_every_role(tmp_path: Path, level: str) -> None:
    """No token and unknown tokens are 401, other roles and foreign parks 403; the right role gets past the door."""
    async with _running(level, tmp_path) as node:
        tokens = {(each.role, each.park): each.token for each in node.credentials.credentials}
        for operation in _of(level):
            if not operation.roles:
                expected = 400 if operation.request is not None else 200  # nothing was sent
                assert await _status(node, operation, "p1", None) == expected, operation.id
                continue
            assert await _status(node, operation, "p1", None) == 401, operation.id
            assert await _status(node, operation, "p1", "unknown") == 401, operation.id
            for (role, park), token in tokens.items():
                allowed = role in operation.roles and ("{park}" not in operation.path or park in ("*", "p1"))
                status = await _status(node, operation, "p1", token)
                assert (status not in (401, 403)) == allowed, (operation.id, role, park, status)
                assert status < 500, (operation.id, role, park, status)


@pytest.mark.parametrize("level", LEVELS)
async def test_what_is_answered_is_what_the_contract_documents(tmp_path: Path, level: str) -> None:
    """Every refusal has a status that the operation lists, and is a problem that says so itself."""
    async with _running(level, tmp_path) as node:
        for operation in _of(level):
            for park in ("p1", "p9"):
                token = next(
                    (each.token for each in node.credentials.credentials if each.role in operation.roles), None
                )
                path = _path(operation, park)
                answer = await node.client.request(
                    operation.method,
                    path,
                    headers={"authorization": f"Bearer {token}", "last-event-id": "999"},
                    content=b"{" if operation.request is not None else None,
                )
                if answer.status_code != operation.status:
                    assert answer.status_code in operation.errors, (operation.id, park, answer.text)
                    assert answer.headers["content-type"] == "application/problem+json"
                    assert answer.json()["status"] == answer.status_code


async def test_a_token_of_one_park_sees_its_alerts_only(tmp_path: Path) -> None:
    """A token that is bound to a park lists that park's alerts, and may not ask for another's."""
    async with running_park(tmp_path) as node:
        await node.configure(*PARKS)
        for park in PARKS:
            assert (await node.send(1, 12.0, park=park)).status_code == 200
        store = node.host.store
        bound = node.credentials.credentials[0]
        bound = msgspec.structs.replace(bound, token=BOUND, role="operator", park="p2")
        store.put_credentials([bound])
    async with running_park(tmp_path) as node:
        headers = {"authorization": f"Bearer {BOUND}"}
        listed = (await node.client.get("/v1/alerts", headers=headers)).json()["alerts"]
        assert [alert["park"] for alert in listed] == ["p2"]
        assert (await node.client.get("/v1/alerts?park=p1", headers=headers)).status_code == 403
        everything = (await node.client.get("/v1/alerts", headers=node.bearer("operator"))).json()["alerts"]
        foreign = next(alert["alert_id"] for alert in everything if alert["park"] == "p1")
        answer = await node.client.post(
            f"/v1/alerts/{foreign}/acknowledge", headers=headers, content=b'{"operator":"li"}'
        )
        assert answer.status_code == 403


def test_tokens_are_kept_as_digests_and_handed_out_once(tmp_path: Path) -> None:
    """The file is its owner's alone, the store never sees a token, and later starts make tokens for new parks."""
    store = ParkStore(tmp_path)
    prepare_credentials(store, tmp_path, "park", ["p1"])
    path = tmp_path / FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = read_credentials(path).credentials
    assert {each.role for each in first} == set(get_args(Role)) - {"uplink"}
    assert {digest(each.token) for each in first} == store.principals().keys()

    path.unlink()
    prepare_credentials(store, tmp_path, "park", ["p1", "p2"])
    assert {(each.role, each.park) for each in read_credentials(path).credentials} == {
        ("gateway", "p2"),
        ("enterprise", "p2"),
    }
    store.close()
    for file in tmp_path.glob("park.sqlite*"):
        assert not any(each.token.encode() in file.read_bytes() for each in first)


def test_a_crash_between_file_and_store_leaves_tokens_that_work(tmp_path: Path) -> None:
    """Tokens that are in the file and not in the store are taken in by the next start, not made anew."""
    store = ParkStore(tmp_path)
    prepare_credentials(store, tmp_path, "park", ["p1"])
    written = (tmp_path / FILE_NAME).read_bytes()
    with store.database.transaction() as writer:
        writer.execute("DELETE FROM token")
    prepare_credentials(store, tmp_path, "park", ["p1"])
    assert (tmp_path / FILE_NAME).read_bytes() == written
    assert len(store.principals()) == len(read_credentials(tmp_path / FILE_NAME).credentials)
    store.close()
