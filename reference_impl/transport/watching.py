"""Operations that both levels have: health, metrics, alerts and their stream."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from importlib.metadata import version
from typing import Literal, Protocol, TypeVar, get_args

from contract.alarms import AlarmKpiReport, AlarmList, IncidentList
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
PERIOD_MS_MAX = 31 * 24 * 3_600_000


class AlertQueries(Protocol):
    """What a store answers about alerts."""

    def alerts(self, park: str, state: str | None, incident: str | None, limit: int) -> AlertList:
        """Alerts of one park or of `*`, newest onset first."""
        ...

    def alarms(self, park: str, limit: int) -> AlarmList:
        """Alarms that are set aside."""
        ...

    def incidents(self, park: str, begin_ms: int, end_ms: int, limit: int) -> IncidentList:
        """Incidents of a period."""
        ...

    def kpis(self, park: str, parks: Collection[str], begin_ms: int, end_ms: int) -> AlarmKpiReport:
        """Key figures of a period, of one park or of all `parks`."""
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
        incident = call.text("incident")
        return await node.query(lambda: node.alert_queries.alerts(park, state, incident, rows))

    async def get_alarms(call: Call) -> Response:
        park, rows = _park(node, call), call.rows()
        return await node.query(lambda: node.alert_queries.alarms(park, rows))

    async def get_incidents(call: Call) -> Response:
        park, rows, (begin_ms, end_ms) = _park(node, call), call.rows(), _period(call)
        return await node.query(lambda: node.alert_queries.incidents(park, begin_ms, end_ms, rows))

    async def get_alarm_kpis(call: Call) -> Response:
        park, (begin_ms, end_ms) = _park(node, call), _period(call)
        return await node.query(lambda: node.alert_queries.kpis(park, node.parks, begin_ms, end_ms))

    async def stream_alerts(call: Call) -> Response:
        return node.streams.stream(call.principal.park, call.integer("Last-Event-ID"))

    return {
        "health": health,
        "metrics": metrics,
        "get_alerts": get_alerts,
        "stream_alerts": stream_alerts,
        "get_alarms": get_alarms,
        "get_incidents": get_incidents,
        "get_alarm_kpis": get_alarm_kpis,
    }


def _park(node: Node, call: Call) -> str:
    asked = call.text("park")
    park = call.scope(asked)
    if asked is not None and asked not in node.parks:
        error = unknown_park(asked)
        raise PeerError("invalid parameter", status=400, where="query.park", found=error.found, wanted=error.wanted)
    return park


def _period(call: Call) -> tuple[int, int]:
    """The parameters `from_ms` and `to_ms`.

    Raises:
        PeerError: 400 they are no period, or one that is too long.
    """
    begin_ms, end_ms = int(call.values["from_ms"]), int(call.values["to_ms"])
    if not begin_ms < end_ms <= begin_ms + PERIOD_MS_MAX:
        wanted = f"above {begin_ms}, at most {begin_ms + PERIOD_MS_MAX}"
        raise PeerError("invalid parameter", status=400, where="query.to_ms", found=str(end_ms), wanted=wanted)
    return begin_ms, end_ms
