"""Binds handlers to the contract's operations: routing, access, parameters and bodies as the contract says."""

import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from litestar import Litestar, Request
from litestar import Response as FrameworkResponse
from litestar.handlers import HTTPRouteHandler, route
from litestar.types import ASGIApp

from contract.errors import ParkBenchError, PeerError
from contract.operations import LIMIT, OPERATIONS, Operation, Parameter
from reference_impl.store.tokens import Principal
from reference_impl.transport.access import Doorkeeper, forbidden
from reference_impl.transport.admission import Admission
from reference_impl.transport.answers import Answer, Headers, decode_json, problem
from reference_impl.transport.auditing import Auditor, Trace
from reference_impl.transport.bodies import read_body
from reference_impl.transport.metrics import Metrics

ROWS_DEFAULT = 1000
ROWS_MAX = 10_000
PERIOD_MS_MAX = 31 * 24 * 3_600_000
BODY_BYTES_MAX = 4 * 1024 * 1024
LARGE_BODY_BYTES_MAX = 32 * 1024 * 1024
LARGE_BODIES = frozenset({"put_points"})
INT64_MAX = 2**63 - 1
_INTEGER = re.compile(rb"-?[0-9]{1,19}")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class Call(NamedTuple):
    """One call of an operation, checked against the contract.

    Attributes:
        principal: who calls.
        path: path parameters by name.
        values: query parameters and headers by name, integers as `int`; absent ones are missing.
        body: the decoded message, None where the operation takes none.
        trace: what the audit log will be told of the call; a handler may add to it.
    """

    principal: Principal
    path: Mapping[str, str]
    values: Mapping[str, str | int]
    body: Any
    trace: Trace

    def text(self, name: str) -> str | None:
        """A string parameter."""
        value = self.values.get(name)
        return None if value is None else str(value)

    def integer(self, name: str) -> int | None:
        """An integer parameter."""
        value = self.values.get(name)
        return None if value is None else int(value)

    def rows(self) -> int:
        """The `limit` parameter.

        Raises:
            PeerError: 400 it is out of range.
        """
        rows = self.integer(LIMIT.name)
        if rows is None:
            return ROWS_DEFAULT
        if not 1 <= rows <= ROWS_MAX:
            raise PeerError(
                "invalid parameter", status=400, where="query.limit", found=str(rows), wanted=f"1 to {ROWS_MAX}"
            )
        return rows

    def period_ms(self) -> tuple[int, int]:
        """The parameters `from_ms` and `to_ms`.

        Raises:
            PeerError: 400 they are no period, or one that is too long.
        """
        begin_ms, end_ms = int(self.values["from_ms"]), int(self.values["to_ms"])
        if not begin_ms < end_ms <= begin_ms + PERIOD_MS_MAX:
            wanted = f"above {begin_ms}, at most {begin_ms + PERIOD_MS_MAX}"
            raise PeerError("invalid parameter", status=400, where="query.to_ms", found=str(end_ms), wanted=wanted)
        return begin_ms, end_ms

    def scope(self, park: str | None) -> str:
        """The park to look at, `*` for all: what was asked for, within what the token covers.

        Raises:
            RefusedError: 403 the token does not cover it.
        """
        if park is not None and not self.principal.covers(park):
            raise forbidden(f"expected a token for park {park!r}, found one for another park")
        return park or self.principal.park


Response = msgspec.Struct | bytes | Answer | ASGIApp
Handler = Callable[[Call], Awaitable[Response]]


class Bindings(NamedTuple):
    """What the routes of one node share."""

    level: str
    handlers: Mapping[str, Handler]
    doorkeeper: Doorkeeper
    auditor: Auditor
    admission: Admission
    metrics: Metrics
    known_park: Callable[[str], bool]


def operations(level: str) -> list[Operation]:
    """The contract's operations of a level."""
    return [operation for operation in OPERATIONS if level in operation.level]


def application(bindings: Bindings) -> Litestar:
    """The framework's application with a route for every operation that has a handler."""
    routes = [_route(each, bindings) for each in operations(bindings.level) if each.id in bindings.handlers]
    return Litestar(
        route_handlers=routes, exception_handlers={Exception: _on_error}, openapi_config=None, logging_config=None
    )


def _on_error(_request: Request[Any, Any, Any], error: Exception) -> FrameworkResponse[bytes]:
    """What the framework itself refuses: no such route, no such method."""
    answer = problem(error)
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return FrameworkResponse(answer.body, media_type=answer.media_type, status_code=answer.status, headers=headers)


def _route(operation: Operation, bindings: Bindings) -> HTTPRouteHandler:
    handler = bindings.handlers[operation.id]

    async def endpoint(request: Request[Any, Any, Any]) -> ASGIApp:
        trace = Trace.of(request.scope, {name: str(value) for name, value in request.path_params.items()})
        try:
            answer = _answer(operation, await handler(await _call(operation, bindings, request, trace)))
            status = answer.status if isinstance(answer, Answer) else operation.status
        except Exception as error:  # noqa: BLE001 - whatever it is, it is audited and answered
            answer = problem(error)
            status = answer.status
        try:
            await bindings.auditor.tell(operation, trace, status)
        except ParkBenchError as error:
            answer = problem(error)
            status = answer.status
        if status >= HTTPStatus.BAD_REQUEST:
            bindings.metrics.refused.labels(operation.id, str(status)).inc()
        return answer

    path = _PLACEHOLDER.sub(r"{\1:str}", operation.path)
    return route(path, http_method=operation.method, status_code=operation.status, name=operation.id)(endpoint)


async def _call(operation: Operation, bindings: Bindings, request: Request[Any, Any, Any], trace: Trace) -> Call:
    headers = dict(request.scope["headers"])
    path = {name: str(value) for name, value in request.path_params.items()}
    park = path.get("park")
    authorization = headers.get(b"authorization")
    trace.who = bindings.doorkeeper.whose(authorization)
    principal = bindings.doorkeeper.admit(authorization, operation, park, _asked_park(request.scope["query_string"]))
    trace.who = principal.who
    if park is not None and not bindings.known_park(park):
        raise unknown_park(park)
    values = _values(operation, request.scope["query_string"], tuple(request.scope["headers"]))
    body = None
    if operation.request is not None:
        bytes_max = LARGE_BODY_BYTES_MAX if operation.id in LARGE_BODIES else BODY_BYTES_MAX
        with bindings.admission.enter() as place:
            raw = await read_body(request.receive, headers.get(b"content-length"), bytes_max, place)
            body = decode_json(raw, operation.request)
    return Call(principal, path, values, body, trace)


def _asked_park(query: bytes) -> str | None:
    return dict(parse_qsl(query.decode("latin-1"))).get("park") if b"park=" in query else None


def unknown_park(park: str) -> PeerError:
    """404: this node does not have the park."""
    return PeerError("unknown park", status=404, where="park", found=repr(park), wanted="a park of this node")


def _answer(operation: Operation, response: Response) -> ASGIApp:
    if isinstance(response, Answer):
        return response
    if isinstance(response, msgspec.Struct):
        return Answer(operation.status, msgspec.json.encode(response), operation.response_media)
    if isinstance(response, bytes):
        return Answer(operation.status, response, operation.response_media)
    return response


def _values(operation: Operation, query: bytes, headers: Headers) -> dict[str, str | int]:
    given = {"query": dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)), "header": {}}
    given["header"] = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
    values: dict[str, str | int] = {}
    for parameter in operation.parameters:
        text = given[parameter.place].get(parameter.name if parameter.place == "query" else parameter.name.lower())
        if text is not None:
            values[parameter.name] = _value(parameter, text)
        elif parameter.required:
            raise _wrong(parameter, "none")
    return values


def _value(parameter: Parameter, text: str) -> str | int:
    if parameter.type == "string":
        return text
    return integer(parameter, text.encode())


def integer(parameter: Parameter, text: bytes) -> int:
    """An integer parameter within 64 bits.

    Raises:
        PeerError: 400 it is not one.
    """
    if _INTEGER.fullmatch(text):
        number = int(text)
        if -INT64_MAX <= number <= INT64_MAX:
            return number
    raise _wrong(parameter, repr(text.decode("latin-1")))


def _wrong(parameter: Parameter, found: str) -> PeerError:
    where = f"query.{parameter.name}" if parameter.place == "query" else parameter.name
    wanted = "an integer of at most 64 bits" if parameter.type == "integer" else "a value"
    return PeerError("invalid parameter", status=400, where=where, found=found, wanted=wanted)
