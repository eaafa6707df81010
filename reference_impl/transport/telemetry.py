"""The telemetry entrance: plain ASGI beneath the framework, because nearly every request comes through it."""

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import unquote

import msgspec
from litestar.types import Receive, Scope, Send

from contract.codec import MEDIA_TYPES, decode
from contract.errors import ParkBenchError, PeerError
from contract.messages import MAX_PACK_BYTES, PackReceipt
from contract.operations import BY_ID, SEQUENCE_HEADER
from reference_impl.park.change import StoredPack
from reference_impl.park.node import ParkNode
from reference_impl.transport.access import Doorkeeper
from reference_impl.transport.admission import Admission
from reference_impl.transport.answers import Answer, problem
from reference_impl.transport.auditing import Auditor, Trace
from reference_impl.transport.bindings import integer, unknown_park
from reference_impl.transport.bodies import read_body
from reference_impl.transport.group_commit import wall_ms
from reference_impl.transport.metrics import Metrics

OPERATION = BY_ID["post_telemetry"]
_SEQUENCE = next(each for each in OPERATION.parameters if each.name == SEQUENCE_HEADER)
_SEQUENCE_KEY = SEQUENCE_HEADER.lower().encode()
_SEGMENTS = OPERATION.path.split("/")
_PARK, _GATEWAY = _SEGMENTS.index("{park}"), _SEGMENTS.index("{gateway}")
_encode = msgspec.json.Encoder().encode


class Ingest(Protocol):
    """What the entrance needs of the host."""

    @property
    def nodes(self) -> Mapping[str, ParkNode]:
        """The node of each park."""
        ...

    def check_intake(self) -> None:
        """Raise `RefusedError` 503 while no telemetry can be taken."""
        ...

    async def ingest(self, node: ParkNode, pack: StoredPack) -> PackReceipt:
        """Take a pack and wait until it is durable."""
        ...


def is_telemetry(scope: Scope) -> bool:
    """Is this request for the entrance? Other methods at its path are for the framework to refuse."""
    return scope["path"].endswith("/telemetry") and scope.get("method") == "POST"


class TelemetryEntrance:
    """Takes packs. Everything that can be refused before the body is read is refused before."""

    def __init__(
        self, host: Ingest, doorkeeper: Doorkeeper, auditor: Auditor, admission: Admission, metrics: Metrics
    ) -> None:
        self._host = host
        self._doorkeeper = doorkeeper
        self._auditor = auditor
        self._admission = admission
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        trace = Trace.of(scope, {})
        try:
            answer = Answer(200, _encode(await self._take(scope, receive, trace)))
        except ParkBenchError as error:
            answer = problem(error)
            self._metrics.refused.labels(OPERATION.id, str(answer.status)).inc()
        except Exception as error:  # noqa: BLE001 - the last resort of this entrance, as the framework has its own
            answer = problem(error)
        self._auditor.count(OPERATION, trace, answer.status)
        await answer(scope, receive, send)

    async def _take(self, scope: Scope, receive: Receive, trace: Trace) -> PackReceipt:
        park, gateway = addressed(scope)
        headers = dict(scope["headers"])
        trace.who = self._doorkeeper.admit(headers.get(b"authorization"), OPERATION, park).who
        trace.park, trace.object = park, gateway
        node = self._host.nodes.get(park)
        if node is None:
            raise unknown_park(park)
        if gateway not in node.gateways:
            raise PeerError(
                "unknown gateway",
                status=404,
                where="gateway",
                found=repr(gateway),
                wanted="a gateway of the registered points",
            )
        sequence = _sequence(headers.get(_SEQUENCE_KEY))
        media_type = _media_type(headers)
        self._host.check_intake()
        with self._admission.enter() as place:
            body = await read_body(receive, headers.get(b"content-length"), MAX_PACK_BYTES, place)
            node = self._host.nodes[park]
            columns = decode(media_type, body, node.index, wall_ms())
            del body
            return await self._host.ingest(node, StoredPack(gateway, sequence, late=False, columns=columns))


def addressed(scope: Scope) -> tuple[str, str]:
    """Park and gateway of the request's path, which is split before it is decoded: an escaped slash separates nothing.

    Raises:
        PeerError: 404 there is nothing at this path.
    """
    segments = scope.get("raw_path", scope["path"].encode()).partition(b"?")[0].decode("latin-1").split("/")
    fixed = [place for place, text in enumerate(_SEGMENTS) if not text.startswith("{")]
    if len(segments) != len(_SEGMENTS) or any(segments[place] != _SEGMENTS[place] for place in fixed):
        raise PeerError("not found", status=404)
    return unquote(segments[_PARK]), unquote(segments[_GATEWAY])


def _sequence(header: bytes | None) -> int:
    if header is None:
        raise PeerError(
            "invalid parameter", status=400, where=SEQUENCE_HEADER, found="none", wanted="an integer from 1"
        )
    sequence = integer(_SEQUENCE, header)
    if sequence < 1:
        raise PeerError(
            "invalid parameter", status=400, where=SEQUENCE_HEADER, found=str(sequence), wanted="an integer from 1"
        )
    return sequence


def _media_type(headers: Mapping[bytes, bytes]) -> str:
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")
    if media_type not in MEDIA_TYPES:
        raise PeerError(
            "unsupported media type",
            status=415,
            where="Content-Type",
            found=repr(media_type),
            wanted=" or ".join(MEDIA_TYPES),
        )
    coding = headers.get(b"content-encoding", b"identity").strip().lower()
    if coding != b"identity":
        found = repr(coding.decode("latin-1"))
        raise PeerError(
            "unsupported content coding", status=415, where="Content-Encoding", found=found, wanted="identity"
        )
    return media_type
