"""The list of operations of the two interfaces, as data.

OpenAPI is generated from it, clients take their paths from it, and the reference platform's routes are held to it.
"""

from typing import Any, Literal

import msgspec

from contract import alarms
from contract import messages as m
from contract.codec import ARROW_STREAM, MEDIA_TYPES
from contract.rules import RuleSet

JSON = "application/json"
PROBLEM = "application/problem+json"
EVENT_STREAM = "text/event-stream"
PLAIN = "text/plain"


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A query parameter or header."""

    name: str
    place: Literal["query", "header"]
    type: Literal["string", "integer"]
    required: bool = False
    description: str


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation: what may be sent, what is answered, who may call it.

    Attributes:
        roles: roles that may call it; empty means that no token is needed.
        errors: statuses of `application/problem+json` answers.
    """

    id: str
    method: Literal["GET", "PUT", "POST"]
    path: str
    summary: str
    level: tuple[Literal["park", "city"], ...]
    roles: tuple[m.Role, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    request: Any = None
    request_media: tuple[str, ...] = (JSON,)
    status: int = 200
    response: Any = None
    response_media: str = JSON
    errors: tuple[int, ...] = ()

    def url(self, base: str, **values: str) -> str:
        """The address of this operation at a platform, with its path parameters filled in."""
        return base.rstrip("/") + self.path.format(**values)


def _query(name: str, kind: Literal["string", "integer"], description: str, *, required: bool = False) -> Parameter:
    return Parameter(name=name, place="query", type=kind, description=description, required=required)


SEQUENCE_HEADER = "Pack-Sequence"
LIMIT = _query("limit", "integer", "At most so many rows, 1 to 10000; 1000 unless told.")
PARK = _query("park", "string", "Only this park.")
PERIOD = (
    _query("from_ms", "integer", "First event time, included.", required=True),
    _query("to_ms", "integer", "Last event time, not included.", required=True),
)
AUTH = (401, 403)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="health",
        method="GET",
        path="/health",
        level=("park", "city"),
        summary="Is the node up, and what is its clock?",
        response=m.Health,
        errors=(503,),
    ),
    Operation(
        id="metrics",
        method="GET",
        path="/metrics",
        level=("park", "city"),
        summary="Prometheus text metrics.",
        response=str,
        response_media=PLAIN,
    ),
    Operation(
        id="put_points",
        method="PUT",
        path="/v1/parks/{park}/points",
        level=("park",),
        roles=("administrator",),
        summary="Register the points of a park; replaces the former list.",
        request=m.PointList,
        response=m.PointList,
        errors=(400, *AUTH, 404, 409, 413, 422, 503),
    ),
    Operation(
        id="get_points",
        method="GET",
        path="/v1/parks/{park}/points",
        level=("park",),
        roles=("administrator", "gateway", "operator", "auditor"),
        summary="The points of a park in the order of their index.",
        response=m.PointList,
        errors=(*AUTH, 404),
    ),
    Operation(
        id="put_rules",
        method="PUT",
        path="/v1/parks/{park}/rules",
        level=("park",),
        roles=("administrator",),
        summary="Set the alarm rules of a park as a whole.",
        request=RuleSet,
        response=RuleSet,
        errors=(400, *AUTH, 404, 413, 422, 503),
    ),
    Operation(
        id="get_rules",
        method="GET",
        path="/v1/parks/{park}/rules",
        level=("park",),
        roles=("administrator", "operator", "auditor"),
        summary="The alarm rules of a park.",
        response=RuleSet,
        errors=(*AUTH, 404),
    ),
    Operation(
        id="post_telemetry",
        method="POST",
        path="/v1/parks/{park}/gateways/{gateway}/telemetry",
        level=("park",),
        roles=("gateway",),
        summary="Hand in a numbered pack of readings. The answer means that it is durable.",
        parameters=(
            Parameter(
                name=SEQUENCE_HEADER,
                place="header",
                type="integer",
                required=True,
                description="Number of the pack, counted by the gateway from 1 without gaps. "
                "A number that was stored before is answered as a duplicate and changes nothing.",
            ),
        ),
        request=bytes,
        request_media=MEDIA_TYPES,
        response=m.PackReceipt,
        errors=(400, *AUTH, 404, 413, 415, 422, 429, 503),
    ),
    Operation(
        id="get_gateway_readings",
        method="GET",
        path="/v1/parks/{park}/gateways/{gateway}/readings",
        level=("park",),
        roles=("auditor",),
        summary="Read back what a gateway handed in, in order of sequence: Arrow columns sequence int64, point int32 "
        "(index), time_ms int64, value float64.",
        parameters=(
            _query("from_sequence", "integer", "First pack; 1 unless told."),
            _query("to_sequence", "integer", "Last pack, included; the newest unless told."),
        ),
        response=bytes,
        response_media=ARROW_STREAM,
        errors=(400, *AUTH, 404, 503),
    ),
    Operation(
        id="get_latest",
        method="GET",
        path="/v1/parks/{park}/latest",
        level=("park",),
        roles=("operator", "auditor"),
        summary="The newest reading of each point.",
        parameters=(_query("points", "string", "Glob over point names; all unless told."), LIMIT),
        response=m.ReadingList,
        errors=(400, *AUTH, 404, 503),
    ),
    Operation(
        id="get_readings",
        method="GET",
        path="/v1/parks/{park}/readings",
        level=("park",),
        roles=("operator", "auditor"),
        summary="Readings of a point in a range of event time.",
        parameters=(
            _query("point", "string", "Point name.", required=True),
            *PERIOD,
            LIMIT,
        ),
        response=m.ReadingList,
        errors=(400, *AUTH, 404, 503),
    ),
    Operation(
        id="get_alerts",
        method="GET",
        path="/v1/alerts",
        level=("park", "city"),
        roles=("operator", "auditor"),
        summary="Alerts of the parks that the token may see.",
        parameters=(
            PARK,
            _query("state", "string", "Only alerts in this ISA-18.2 state."),
            _query("incident", "string", "Only alerts of this incident."),
            LIMIT,
        ),
        response=m.AlertList,
        errors=(400, *AUTH, 503),
    ),
    Operation(
        id="stream_alerts",
        method="GET",
        path="/v1/alerts/stream",
        level=("park", "city"),
        roles=("operator", "auditor"),
        summary="Transitions as Server-Sent Events: id is the number, data an AlertEvent. "
        "`Last-Event-ID` resumes after that number; without it the stream begins with what happens next.",
        parameters=(
            Parameter(
                name="Last-Event-ID",
                place="header",
                type="integer",
                description="Resume after this number; 0 for everything.",
            ),
        ),
        response=m.AlertEvent,
        response_media=EVENT_STREAM,
        errors=(400, *AUTH, 503),
    ),
    Operation(
        id="acknowledge_alert",
        method="POST",
        path="/v1/alerts/{alert_id}/acknowledge",
        level=("park",),
        roles=("operator",),
        summary="Acknowledge an alert.",
        request=m.Acknowledgement,
        response=m.Alert,
        errors=(400, *AUTH, 404, 409, 413, 422, 503),
    ),
    Operation(
        id="shelve_alarm",
        method="POST",
        path="/v1/parks/{park}/alarms/shelve",
        level=("park",),
        roles=("operator",),
        summary="Set an alarm aside for a time, which ends by itself.",
        request=alarms.Shelving,
        response=m.Alarm,
        errors=(400, *AUTH, 404, 409, 413, 422, 503),
    ),
    Operation(
        id="unshelve_alarm",
        method="POST",
        path="/v1/parks/{park}/alarms/unshelve",
        level=("park",),
        roles=("operator",),
        summary="Take a shelved alarm back before its time is over.",
        request=alarms.AlarmAct,
        response=m.Alarm,
        errors=(400, *AUTH, 404, 409, 413, 422, 503),
    ),
    Operation(
        id="remove_alarm_from_service",
        method="POST",
        path="/v1/parks/{park}/alarms/remove-from-service",
        level=("park",),
        roles=("operator",),
        summary="Take an alarm out of service, for maintenance.",
        request=alarms.AlarmAct,
        response=m.Alarm,
        errors=(400, *AUTH, 404, 409, 413, 422, 503),
    ),
    Operation(
        id="return_alarm_to_service",
        method="POST",
        path="/v1/parks/{park}/alarms/return-to-service",
        level=("park",),
        roles=("operator",),
        summary="Bring an alarm back into service.",
        request=alarms.AlarmAct,
        response=m.Alarm,
        errors=(400, *AUTH, 404, 409, 413, 422, 503),
    ),
    Operation(
        id="get_alarms",
        method="GET",
        path="/v1/alarms",
        level=("park", "city"),
        roles=("operator", "auditor"),
        summary="Alarms that operators have set aside: shelved or out of service, by whom and why.",
        parameters=(PARK, LIMIT),
        response=alarms.AlarmList,
        errors=(400, *AUTH, 503),
    ),
    Operation(
        id="get_incidents",
        method="GET",
        path="/v1/incidents",
        level=("park", "city"),
        roles=("operator", "auditor"),
        summary="Incidents that have an alert raised in the period, with all their alerts counted.",
        parameters=(PARK, *PERIOD, LIMIT),
        response=alarms.IncidentList,
        errors=(400, *AUTH, 503),
    ),
    Operation(
        id="get_alarm_kpis",
        method="GET",
        path="/v1/alarm-kpis",
        level=("park", "city"),
        roles=("operator", "auditor"),
        summary="Key figures of alarm management (ISA-18.2, EEMUA 191) over a period of at most 31 days.",
        parameters=(PARK, *PERIOD),
        response=alarms.AlarmKpiReport,
        errors=(400, *AUTH, 503),
    ),
    Operation(
        id="post_case",
        method="POST",
        path="/v1/parks/{park}/cases",
        level=("park",),
        roles=("enterprise",),
        status=201,
        summary="Apply for a matter.",
        request=m.CaseApplication,
        response=m.Case,
        errors=(400, *AUTH, 404, 409, 413, 422, 503),
    ),
    Operation(
        id="get_cases",
        method="GET",
        path="/v1/parks/{park}/cases",
        level=("park",),
        roles=("enterprise", "operator", "auditor"),
        summary="The cases of a park.",
        parameters=(_query("enterprise", "string", "Only this enterprise."), LIMIT),
        response=m.CaseList,
        errors=(400, *AUTH, 404, 503),
    ),
    Operation(
        id="get_case",
        method="GET",
        path="/v1/parks/{park}/cases/{case_id}",
        level=("park",),
        roles=("enterprise", "operator", "auditor"),
        summary="One case.",
        response=m.Case,
        errors=(*AUTH, 404, 503),
    ),
    Operation(
        id="decide_case",
        method="POST",
        path="/v1/parks/{park}/cases/{case_id}/decision",
        level=("park",),
        roles=("operator",),
        summary="Decide a case.",
        request=m.CaseDecision,
        response=m.Case,
        errors=(400, *AUTH, 404, 409, 413, 422, 503),
    ),
    Operation(
        id="post_uplink",
        method="POST",
        path="/v1/parks/{park}/uplink",
        level=("city",),
        roles=("uplink",),
        summary="A park tells the city what follows the number that the city applied last. "
        "Entries already applied are skipped, a gap is refused with 409.",
        request=m.UplinkBatch,
        response=m.UplinkReceipt,
        errors=(400, *AUTH, 404, 409, 413, 422, 429, 503),
    ),
    Operation(
        id="get_uplink",
        method="GET",
        path="/v1/parks/{park}/uplink",
        level=("city",),
        roles=("uplink",),
        summary="The number up to which the city has applied a park's uplink.",
        response=m.UplinkReceipt,
        errors=(*AUTH, 404, 503),
    ),
    Operation(
        id="get_parks",
        method="GET",
        path="/v1/parks",
        level=("city",),
        roles=("operator", "auditor"),
        summary="What the city knows of each park.",
        response=m.ParkOverviewList,
        errors=(*AUTH, 503),
    ),
)

BY_ID: dict[str, Operation] = {operation.id: operation for operation in OPERATIONS}
