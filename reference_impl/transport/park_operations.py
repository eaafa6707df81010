"""The operations of the park level, bound to a host."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from contract import arrow
from contract.columns import Columns
from contract.errors import PeerError
from contract.messages import Acknowledgement, PointList, Reading, ReadingList
from contract.rulebook import matching
from contract.rules import RuleSet
from reference_impl.park.alarm_states import Act
from reference_impl.park.change import Change
from reference_impl.park.node import ParkNode
from reference_impl.store import readings
from reference_impl.transport.access import forbidden
from reference_impl.transport.bindings import INT64_MAX, Call, Handler, Response
from reference_impl.transport.device_operations import device_operations
from reference_impl.transport.linkage_operations import linkage_operations
from reference_impl.transport.park_host import ParkHost
from reference_impl.transport.view_operations import view_operations
from reference_impl.transport.watching import watching

if TYPE_CHECKING:
    from contract.cases import CaseAct, CaseApplication
    from contract.catalogue.procedures import Actor
    from contract.device_events import EventBatch
    from contract.registers import EntryFields

GLOB_LENGTH_MAX = 200


def park_handlers(host: ParkHost) -> Mapping[str, Handler]:
    """Handlers by operation id; `post_telemetry` has its own entrance."""
    operations = ParkOperations(host)
    return {
        **watching(host),
        **linkage_operations(host),
        **view_operations(host),
        **device_operations(host),
        "put_points": operations.put_points,
        "get_points": operations.get_points,
        "put_rules": operations.put_rules,
        "get_rules": operations.get_rules,
        "get_gateway_readings": operations.get_gateway_readings,
        "get_latest": operations.get_latest,
        "get_readings": operations.get_readings,
        "post_events": operations.post_events,
        "get_events": operations.get_events,
        "acknowledge_alert": operations.acknowledge_alert,
        "shelve_alarm": operations.shelve_alarm,
        "unshelve_alarm": operations.unshelve_alarm,
        "remove_alarm_from_service": operations.remove_alarm_from_service,
        "return_alarm_to_service": operations.return_alarm_to_service,
        "put_entry": operations.put_entry,
        "post_case": operations.post_case,
        "get_cases": operations.get_cases,
        "get_case": operations.get_case,
        "act_on_case": operations.act_on_case,
    }


class ParkOperations:
    """One method for each operation."""

    def __init__(self, host: ParkHost) -> None:
        self._host = host

    # --- registry and rules ---

    async def put_points(self, call: Call) -> Response:
        """Register the points of a park."""
        points: PointList = call.body
        return await self._changed(call, lambda node, _now_ms: node.configure_points(points))

    async def get_points(self, call: Call) -> Response:
        """The points of a park, none before they are registered."""
        return self._node(call).points or PointList(points=[])

    async def put_rules(self, call: Call) -> Response:
        """Set the rules of a park."""
        rules: RuleSet = call.body
        return await self._changed(call, lambda node, now_ms: node.configure_rules(rules, now_ms))

    async def get_rules(self, call: Call) -> Response:
        """The rules of a park, an empty set before any is put."""
        return self._node(call).rules or RuleSet(version="", rules=[])

    def _node(self, call: Call) -> ParkNode:
        return self._host.nodes[call.path["park"]]

    async def _changed(self, call: Call, do: Callable[[ParkNode, int], Change]) -> Response:
        return _response(await self._host.change(call.path["park"], do))

    # --- readings ---

    async def get_gateway_readings(self, call: Call) -> Response:
        """Read back what a gateway handed in."""
        park, gateway = call.path["park"], call.path["gateway"]
        if gateway not in self._node(call).gateways:
            raise PeerError(
                "unknown gateway",
                status=404,
                where="gateway",
                found=repr(gateway),
                wanted="a gateway of the registered points",
            )
        first, last = call.integer("from_sequence"), call.integer("to_sequence")
        return await self._host.query(
            lambda: self._read_back(park, gateway, first or 1, INT64_MAX if last is None else last)
        )

    def _read_back(self, park: str, gateway: str, first: int, last: int) -> bytes:
        found = readings.packs_of(self._host.store, park, gateway, first, last)
        return arrow.encode_sequenced(found.sequence, found.columns)

    async def get_latest(self, call: Call) -> Response:
        """The newest reading of each point."""
        node, rows = self._node(call), call.rows()
        names = tuple(node.names)
        pattern = call.text("points")
        points = range(len(names)) if pattern is None else matching(_checked_glob(pattern), names)
        newest = await self._host.query(lambda: readings.latest(self._host.store, node.park, points))
        found = sorted((names[point], *newest[point]) for point in newest)
        return ReadingList(
            readings=[Reading(point=name, time_ms=time_ms, value=value) for name, time_ms, value in found[:rows]],
            truncated=len(found) > rows,
        )

    async def get_readings(self, call: Call) -> Response:
        """Readings of a point in a range of event time."""
        node, rows, name = self._node(call), call.rows(), str(call.values["point"])
        span = int(call.values["from_ms"]), int(call.values["to_ms"])
        point = node.index.get(f"{node.park}/{name}")
        if point is None or node.points is None:
            raise PeerError(
                "unknown point", status=404, where="query.point", found=repr(name), wanted="a registered point"
            )
        gateway = node.points.points[point].gateway
        columns = await self._host.query(
            lambda: readings.readings_of(self._host.store, (node.park, gateway), point, span, rows + 1)
        )
        return _reading_list(name, columns, rows)

    # --- events of devices ---

    async def post_events(self, call: Call) -> Response:
        """Take events of devices."""
        batch: EventBatch = call.body
        return await self._changed(call, lambda node, now_ms: node.take_events(batch.events, now_ms))

    async def get_events(self, call: Call) -> Response:
        """Events of a period."""
        park, period_ms, rows = call.path["park"], call.period_ms(), call.rows()
        subsystem, kind = call.text("subsystem"), call.text("kind")
        store = self._host.store
        return await self._host.query(
            lambda: store.device_events(park, period_ms, subsystem=subsystem, kind=kind, limit=rows)
        )

    # --- alerts ---

    async def acknowledge_alert(self, call: Call) -> Response:
        """Acknowledge an alert."""
        acknowledgement: Acknowledgement = call.body
        alert_id = call.path["alert_id"]
        alert = await self._host.query(lambda: self._host.store.alert(alert_id))
        if alert is None or alert.park not in self._host.nodes:
            raise PeerError(
                "unknown alert", status=404, where="alert_id", found=repr(alert_id), wanted="id of an alert"
            )
        if not call.principal.covers(alert.park):
            raise forbidden(f"expected a token for park {alert.park!r}, found one for another park")

        def do(node: ParkNode, now_ms: int) -> Change:
            node.recall_alert(alert)
            return node.acknowledge(alert_id, acknowledgement, now_ms)

        return _response(await self._host.change(alert.park, do))

    async def shelve_alarm(self, call: Call) -> Response:
        """Set an alarm aside for a time."""
        return await self._act(call, "shelve")

    async def unshelve_alarm(self, call: Call) -> Response:
        """Take a shelved alarm back."""
        return await self._act(call, "unshelve")

    async def remove_alarm_from_service(self, call: Call) -> Response:
        """Take an alarm out of service."""
        return await self._act(call, "remove_from_service")

    async def return_alarm_to_service(self, call: Call) -> Response:
        """Bring an alarm back into service."""
        return await self._act(call, "return_to_service")

    async def _act(self, call: Call, act: Act) -> Response:
        return await self._changed(call, lambda node, now_ms: node.act(act, call.body, now_ms))

    # --- registers ---

    async def put_entry(self, call: Call) -> Response:
        """Write an entry of a register."""
        park, register, entry = call.path["park"], call.path["register"], call.path["entry"]
        written: EntryFields = call.body
        former = None
        if not self._host.nodes[park].knows_entry(register, entry):
            former = await self._host.query(lambda: self._host.store.entry(register, park, entry))

        def do(node: ParkNode, now_ms: int) -> Change:
            if former is not None:
                node.recall_entry(former)
            return node.put_entry(register, entry, written, now_ms)

        return await self._changed(call, do)

    # --- cases ---

    async def post_case(self, call: Call) -> Response:
        """Open a case."""
        application: CaseApplication = call.body
        case_id = self._node(call).case_id(application)
        return await self._case(call, case_id, lambda node, now_ms: node.open_case(application, now_ms))

    async def act_on_case(self, call: Call) -> Response:
        """Do something with a case."""
        act: CaseAct = call.body
        case_id = call.path["case_id"]
        actor: Actor = "enterprise" if call.principal.role == "enterprise" else "operator"
        return await self._case(call, case_id, lambda node, now_ms: node.act_on_case(case_id, act, actor, now_ms))

    async def _case(self, call: Call, case_id: str, then: Callable[[ParkNode, int], Change]) -> Response:
        """Let the node do something about a case that it may have to be reminded of."""
        park = call.path["park"]
        case = None
        if case_id not in self._host.nodes[park].cases:
            case = await self._host.query(lambda: self._host.store.case(park, case_id))

        def do(node: ParkNode, now_ms: int) -> Change:
            if case is not None:
                node.recall_case(case)
            return then(node, now_ms)

        return await self._changed(call, do)

    async def get_cases(self, call: Call) -> Response:
        """The cases of a park."""
        park, enterprise, rows = call.path["park"], call.text("enterprise"), call.rows()
        return await self._host.query(lambda: self._host.store.cases(park, enterprise, rows))

    async def get_case(self, call: Call) -> Response:
        """One case."""
        park, case_id = call.path["park"], call.path["case_id"]
        case = await self._host.query(lambda: self._host.store.case(park, case_id))
        if case is None:
            raise PeerError("unknown case", status=404, where="case_id", found=repr(case_id), wanted="id of a case")
        return case


def _response(change: Change) -> Response:
    if change.response is None:
        raise TypeError("expected a change that answers its caller, found one of the clock")
    return change.response


def _checked_glob(pattern: str) -> str:
    """A glob no longer than a name may be."""
    if len(pattern) > GLOB_LENGTH_MAX:
        wanted = f"at most {GLOB_LENGTH_MAX} characters"
        raise PeerError(
            "invalid parameter", status=400, where="query.points", found=f"{len(pattern)} characters", wanted=wanted
        )
    return pattern


def _reading_list(name: str, columns: Columns, rows: int) -> ReadingList:
    times, values = columns.time_ms[:rows].tolist(), columns.value[:rows].tolist()
    found = [Reading(point=name, time_ms=time_ms, value=value) for time_ms, value in zip(times, values, strict=True)]
    return ReadingList(readings=found, truncated=len(columns) > rows)
