"""Operations that both levels have: health, metrics, alerts and their stream, registers."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from importlib.metadata import version
from typing import Literal, Protocol, TypeVar, get_args

from contract.alarms import AlarmKpiReport, AlarmList, IncidentList
from contract.cases import Case, CaseMatchList
from contract.catalogue.matching import matchings
from contract.errors import PeerError
from contract.linkage import LinkageRunList
from contract.messages import AlarmState, AlertList, Health
from contract.operations import PLAIN
from contract.registers import RegisterEntry, RegisterEntryList
from reference_impl.park.matching import matches
from reference_impl.park.registers import register_of, summary
from reference_impl.store.history import StoredEvent
from reference_impl.transport.answers import Answer, unavailable
from reference_impl.transport.bindings import Call, Handler, Response, unknown_park
from reference_impl.transport.group_commit import wall_ms
from reference_impl.transport.metrics import Metrics
from reference_impl.transport.streams import AlertStreams

T = TypeVar("T")
VERSION = version("parkbench")
STATES = get_args(AlarmState)
CANDIDATES_MAX = 10_000  # newest open cases that one answer looks at


class Queries(Protocol):
    """What a store answers about alerts and registers."""

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

    def case(self, park: str, case_id: str) -> Case | None:
        """One case of a park."""
        ...

    def open_cases(self, park: str, matters: Sequence[str], limit: int) -> list[Case]:
        """Open cases of some matters, of one park or of `*`."""
        ...

    def entries(self, register: str, park: str, limit: int) -> RegisterEntryList:
        """Entries of a register, of one park or of `*`."""
        ...

    def all_entries(self, register: str, park: str) -> list[RegisterEntry]:
        """Every entry of a register, for a summary."""
        ...

    def linkage_runs(self, park: str, incident: str | None, limit: int) -> LinkageRunList:
        """Runs of linkage plans of one park or of `*`, newest first."""
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
    def queries_to(self) -> Queries:
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
        return await node.query(lambda: node.queries_to.alerts(park, state, incident, rows))

    async def get_alarms(call: Call) -> Response:
        park, rows = _park(node, call), call.rows()
        return await node.query(lambda: node.queries_to.alarms(park, rows))

    async def get_incidents(call: Call) -> Response:
        park, rows, (begin_ms, end_ms) = _park(node, call), call.rows(), call.period_ms()
        return await node.query(lambda: node.queries_to.incidents(park, begin_ms, end_ms, rows))

    async def get_alarm_kpis(call: Call) -> Response:
        park, (begin_ms, end_ms) = _park(node, call), call.period_ms()
        return await node.query(lambda: node.queries_to.kpis(park, node.parks, begin_ms, end_ms))

    async def stream_alerts(call: Call) -> Response:
        return node.streams.stream(call.principal.park, call.integer("Last-Event-ID"))

    return {
        **_matching(node),
        **_linkage(node),
        **_registers(node),
        "health": health,
        "metrics": metrics,
        "get_alerts": get_alerts,
        "stream_alerts": stream_alerts,
        "get_alarms": get_alarms,
        "get_incidents": get_incidents,
        "get_alarm_kpis": get_alarm_kpis,
    }


def _linkage(node: Node) -> Mapping[str, Handler]:
    async def get_linkage_runs(call: Call) -> Response:
        park, incident, rows = _park(node, call), call.text("incident"), call.rows()
        return await node.query(lambda: node.queries_to.linkage_runs(park, incident, rows))

    return {"get_linkage_runs": get_linkage_runs}


def _matching(node: Node) -> Mapping[str, Handler]:
    async def get_case_matches(call: Call) -> Response:
        park, case_id, rows = call.path["park"], call.path["case_id"], call.rows()
        scope = call.principal.park if node.level == "city" else park
        return await node.query(lambda: _matches(node.queries_to, park, case_id, scope, rows))

    return {"get_case_matches": get_case_matches}


def _matches(store: Queries, park: str, case_id: str, scope: str, rows: int) -> CaseMatchList:
    case = store.case(park, case_id)
    if case is None:
        raise PeerError("unknown case", status=404, where="case_id", found=repr(case_id), wanted="id of a case")
    matching = matchings().get(case.matter)
    if matching is None:
        return CaseMatchList(matches=[])
    return matches(case, matching, store.open_cases(scope, matching.offers, CANDIDATES_MAX), rows)


def _registers(node: Node) -> Mapping[str, Handler]:
    async def get_entries(call: Call) -> Response:
        register, park, rows = register_of(call.path["register"]).register, _park(node, call), call.rows()
        return await node.query(lambda: node.queries_to.entries(register, park, rows))

    async def get_register_summary(call: Call) -> Response:
        register, park, by = register_of(call.path["register"]), _park(node, call), call.text("by") or "park"
        return await node.query(lambda: summary(register, by, node.queries_to.all_entries(register.register, park)))

    return {"get_entries": get_entries, "get_register_summary": get_register_summary}


def _park(node: Node, call: Call) -> str:
    asked = call.text("park")
    park = call.scope(asked)
    if asked is not None and asked not in node.parks:
        error = unknown_park(asked)
        raise PeerError("invalid parameter", status=400, where="query.park", found=error.found, wanted=error.wanted)
    return park
