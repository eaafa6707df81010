"""OpenAPI 3.1 documents of the two interfaces, generated from `contract.operations`.

`python -m contract.openapi` writes them to `contract/schema/`; a test holds the committed files to the code.
"""

import inspect
import json
import re
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

import msgspec

from contract import messages as m
from contract.codec import ARROW_STREAM, SENML_CBOR, SENML_JSON
from contract.examples import examples_of
from contract.message import Message
from contract.operations import JSON, OPERATIONS, PROBLEM, Operation, Parameter

VERSION = "1.0.0"
SCHEMA_FOLDER = Path(__file__).parent / "schema"
LEVELS: tuple[Literal["park", "city"], ...] = ("park", "city")

_REF = "#/components/schemas/{name}"
_IDENTIFIER = {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"}
_PATH_PARAMETERS: dict[str, tuple[str, dict[str, Any]]] = {
    "park": ("Id of the park.", _IDENTIFIER),
    "gateway": ("Id of the gateway inside its park.", _IDENTIFIER),
    "alert_id": ("Deterministic identity of the alert.", {"type": "string", "pattern": "^[0-9a-f]{32}$"}),
    "case_id": ("Id of the case.", {"type": "string"}),
    "register": ("Name of the register.", _IDENTIFIER),
    "command_id": ("Deterministic identity of the command.", {"type": "string", "pattern": "^[0-9a-f]{32}$"}),
    "view": ("Name of the view.", _IDENTIFIER),
    "person": ("Name of the account.", {"type": "string"}),
    "entry": ("Id of the entry inside its register and park.", {"type": "string"}),
}
_SENML_FIELDS = {
    "bn": "string", "bt": "number", "bu": "string", "bv": "number", "bs": "number", "bver": "integer",
    "n": "string", "u": "string", "v": "number", "vb": "boolean", "s": "number", "t": "number", "ut": "number",
}  # fmt: skip


def document(level: Literal["park", "city"]) -> dict[str, Any]:
    """The OpenAPI document of one level. The same on every machine."""
    operations = [operation for operation in OPERATIONS if level in operation.level]
    kinds = sorted({kind for one in operations for kind in (one.request, one.response) if _is_message(kind)}, key=_name)
    _, components = msgspec.json.schema_components([*kinds, m.Problem], ref_template=_REF)
    schemas = {name: _tidy(schema) for name, schema in sorted(components.items())}
    if level == "park":
        schemas["SenMLPack"] = _senml_schema()
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"ParkBench contract: {level} level",
            "version": VERSION,
            "description": inspect.cleandoc(_DESCRIPTION),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {"Problem": _problem_response()},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": _SECURITY}},
        },
    }


_DESCRIPTION = """
    What any platform must speak so that the simulated city can load it and judge it.

    Times are Unix milliseconds. A 2xx answer to telemetry means that the pack is durable. What is wrong with a request
    is answered with application/problem+json (RFC 9457); 429 and 503 carry Retry-After in seconds.
"""
_SECURITY = "An opaque token. The roles that may call an operation are its security alternatives."


def _name(kind: Any) -> str:  # noqa: ANN401 - the operations hold types as data
    return str(kind.__name__)


def _is_message(kind: Any) -> bool:  # noqa: ANN401 - the operations hold types as data
    return isinstance(kind, type) and issubclass(kind, Message)


def _tidy(schema: Any) -> Any:  # noqa: ANN401 - a JSON value
    """Docstrings without their indentation."""
    if isinstance(schema, dict):
        return {
            key: inspect.cleandoc(value) if key == "description" and isinstance(value, str) else _tidy(value)
            for key, value in schema.items()
        }
    return [_tidy(item) for item in schema] if isinstance(schema, list) else schema


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": [_path_parameter(name) for name in re.findall(r"{(\w+)}", operation.path)]
        + [_parameter(parameter) for parameter in operation.parameters],
        "security": [{"bearer": [role]} for role in operation.roles],
    }
    if operation.request is not None:
        content = {media: _content(operation.request, media) for media in operation.request_media}
        described["requestBody"] = {"required": True, "content": content}
    media = operation.response_media
    answer = {
        "description": HTTPStatus(operation.status).phrase,
        "content": {media: _content(operation.response, media)},
    }
    described["responses"] = {str(operation.status): answer} | {
        str(status): {"$ref": "#/components/responses/Problem", "description": HTTPStatus(status).phrase}
        for status in operation.errors
    }
    return described


def _path_parameter(name: str) -> dict[str, Any]:
    description, schema = _PATH_PARAMETERS[name]
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": {"type": parameter.type},
    }


def _content(kind: Any, media: str) -> dict[str, Any]:  # noqa: ANN401 - the operations hold types as data
    """Schema and examples of a body."""
    if media == SENML_JSON:
        return {"schema": {"$ref": _REF.format(name="SenMLPack")}, "examples": _examples("SenMLPack")}
    if media in (SENML_CBOR, ARROW_STREAM):
        return {"schema": {"contentMediaType": media}}
    if not _is_message(kind):
        return {"schema": {"type": "string"}}
    content: dict[str, Any] = {"schema": {"$ref": _REF.format(name=_name(kind))}}
    examples = _examples(_name(kind)) if media == JSON else {}
    return content | ({"examples": examples} if examples else {})


def _examples(name: str) -> dict[str, Any]:
    return {example.case: {"value": json.loads(example.body)} for example in examples_of(name) if not example.is_bad}


def _senml_schema() -> dict[str, Any]:
    record = {
        "type": "object",
        "description": "A SenML record (RFC 8428 section 4). Other labels are ignored unless they end in '_'.",
        "properties": {label: {"type": kind} for label, kind in _SENML_FIELDS.items()},
    }
    return {
        "title": "SenMLPack",
        "description": "A SenML pack (RFC 8428 section 5). Names resolve to `park/point`.",
        "type": "array",
        "minItems": 1,
        "maxItems": m.MAX_PACK_READINGS,
        "items": record,
    }


def _problem_response() -> dict[str, Any]:
    return {
        "description": "What is wrong, as RFC 9457 asks.",
        "headers": {"Retry-After": {"description": "Seconds; with 429 and 503.", "schema": {"type": "integer"}}},
        "content": {PROBLEM: {"schema": {"$ref": _REF.format(name="Problem")}, "examples": _examples("Problem")}},
    }


def rendered(level: Literal["park", "city"]) -> str:
    """The document as it is committed."""
    return json.dumps(document(level), indent=2, ensure_ascii=False) + "\n"


def schema_file(level: Literal["park", "city"]) -> Path:
    """Where the document of a level is committed."""
    return SCHEMA_FOLDER / f"{level}.openapi.json"


def main() -> None:
    """Write both documents."""
    SCHEMA_FOLDER.mkdir(exist_ok=True)
    for level in LEVELS:
        schema_file(level).write_text(rendered(level), encoding="utf-8")


if __name__ == "__main__":
    main()
