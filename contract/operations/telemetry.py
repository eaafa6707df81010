"""Points, rules and readings of a park."""

from contract import messages as m
from contract.codec import ARROW_STREAM, MEDIA_TYPES
from contract.operations.shape import AUTH, LIMIT, PERIOD, Operation, Parameter, query
from contract.rules import RuleSet

SEQUENCE_HEADER = "Pack-Sequence"

OPERATIONS: tuple[Operation, ...] = (
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
            query("from_sequence", "integer", "First pack; 1 unless told."),
            query("to_sequence", "integer", "Last pack, included; the newest unless told."),
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
        parameters=(query("points", "string", "Glob over point names; all unless told."), LIMIT),
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
            query("point", "string", "Point name.", required=True),
            *PERIOD,
            LIMIT,
        ),
        response=m.ReadingList,
        errors=(400, *AUTH, 404, 503),
    ),
)
