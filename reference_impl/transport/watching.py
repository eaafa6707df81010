"""Operations that both levels have: health, metrics, alerts and their stream."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from importlib.metadata import version
from typing import Literal, Protocol, TypeVar, get_args

from contract.errors import PeerError
from contract.messages import AlarmState, AlertList, Health
from contract.operations import PLAIN
from reference_impl.store.history import StoredEvent
from reference_impl.transport.answers import Answer, unavailable
from reference_impl.transport.bindings import Call, Handler, Response, unknown_park
from reference_impl.transport.group_commit import wall_ms
from reference_impl.transport.metrics import Metrics
from reference_impl.transport.streams import AlertStreams

T = TypeVar("T")
VERSION = version("parkbench")
STATES = get_args(AlarmState)


class AlertQueries(Protocol):
    """What a store answers about alerts."""

    def alerts(self, park: str, state: str | None, limit: int) -> AlertList:
        """Alerts of one park or of `*`, newest onset first."""
        ...

    def events_after(self, number: int, park: str, limit: int) -> list[StoredEvent]:
        """Transitions after a number."""
        ...


class Node(Protocol):
    """A host of either level, as these operations see it."""

    metrics: Metrics
    streams: AlertStreams

    @property
    def level(self) -> Literal["park", "city"]:
        """Which level it is."""
        ...

    @property
    def parks(self) -> Collection[str]:
        """Ids of its parks."""
        ...

    @property
    def healthy(self) -> bool:
        """Does what keeps data safe work?"""
        ...

    @property
    def alert_queries(self) -> AlertQueries:
        """Its store."""
        ...

    def query(self, read: Callable[[], T]) -> Awaitable[T]:
        """Read the store beside the event loop."""
        ...


def watching(node: Node) -> Mapping[str, Handler]:
    """Handlers by operation id."""

    async def health(_call: Call) -> Response:
        if not node.healthy:
            raise unavailable("the store is failing")
        return Health(status="ok", level=node.level, version=VERSION, now_ms=wall_ms(), parks=len(node.parks))

    async def metrics(_call: Call) -> Response:
        return Answer(200, node.metrics.text(), f"{PLAIN}; version=0.0.4; charset=utf-8")

    async def get_alerts(call: Call) -> Response:
        park, state, rows = _park(node, call), call.text("state"), call.rows()
        if state is not None and state not in STATES:
            raise PeerError(
                "invalid parameter", status=400, where="query.state", found=repr(state), wanted=" or ".join(STATES)
            )
        return await node.query(lambda: node.alert_queries.alerts(park, state, rows))

    async def stream_alerts(call: Call) -> Response:
        return node.streams.stream(call.principal.park, call.integer("Last-Event-ID"))

    return {"health": health, "metrics": metrics, "get_alerts": get_alerts, "stream_alerts": stream_alerts}


def _park(node: Node, call: Call) -> str:
    asked = call.text("park")
    park = call.scope(asked)
    if asked is not None and asked not in node.parks:
        error = unknown_park(asked)
        raise PeerError("invalid parameter", status=400, where="query.park", found=error.found, wanted=error.wanted)
    return park
