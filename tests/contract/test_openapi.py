"""The generated OpenAPI documents."""

import json
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from contract import openapi
from contract.operations import BY_ID, OPERATIONS

Level = Literal["park", "city"]
LEVELS: tuple[Level, ...] = ("park", "city")


def walk(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a JSON value
    """Every object inside a JSON value."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(item)


@pytest.mark.parametrize("level", LEVELS)
def test_committed_documents_are_those_of_the_code(level: Level) -> None:
    """No drift: after a change of the contract, run `python -m contract.openapi`."""
    assert openapi.schema_file(level).read_text(encoding="utf-8") == openapi.rendered(level)


@pytest.mark.parametrize("level", LEVELS)
def test_references_resolve(level: Level) -> None:
    """Every reference points to something in the document, and every schema is used."""
    document = openapi.document(level)
    references = {one["$ref"] for one in walk(document) if "$ref" in one}
    references |= {ref for one in walk(document) for ref in one.get("mapping", {}).values()}
    for reference in references:
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
    assert {f"#/components/schemas/{name}" for name in document["components"]["schemas"]} <= references


@pytest.mark.parametrize("level", LEVELS)
def test_every_operation_is_described(level: Level) -> None:
    """Each operation of the level stands in the document with its parameters, roles and answers."""
    document = openapi.document(level)
    described = {one["operationId"]: one for path in document["paths"].values() for one in path.values()}
    assert set(described) == {operation.id for operation in OPERATIONS if level in operation.level}
    for name, one in described.items():
        operation = BY_ID[name]
        in_path = [parameter["name"] for parameter in one["parameters"] if parameter["in"] == "path"]
        assert operation.path.format(**dict.fromkeys(in_path, "x")).count("{") == 0
        assert tuple(alternative["bearer"][0] for alternative in one["security"]) == operation.roles
        assert set(one["responses"]) == {str(status) for status in (operation.status, *operation.errors)}
        assert ("requestBody" in one) == (operation.request is not None)


@pytest.mark.parametrize("level", LEVELS)
def test_documents_name_no_machine(level: Level) -> None:
    """The document holds no address and no path of where it was made."""
    text = json.dumps(openapi.document(level))
    assert "servers" not in openapi.document(level)
    assert "/work" not in text
    assert "/home" not in text


def test_operations_have_addresses() -> None:
    """Clients fill in path parameters by name."""
    url = BY_ID["post_telemetry"].url("http://127.0.0.1:1/", park="baitao", gateway="gw-01")
    assert url == "http://127.0.0.1:1/v1/parks/baitao/gateways/gw-01/telemetry"
    assert len({operation.id for operation in OPERATIONS}) == len(OPERATIONS)


def test_operations_that_need_a_token_say_so() -> None:
    """Whoever needs a role can be told 401 and 403; only health, metrics and signing in are open."""
    assert [operation.id for operation in OPERATIONS if not operation.roles] == ["health", "metrics", "post_session"]
    assert all({401, 403} <= set(operation.errors) for operation in OPERATIONS if operation.roles)
