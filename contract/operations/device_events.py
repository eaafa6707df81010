"""Events and states of devices."""

from contract import device_events as d
from contract.operations.shape import AUTH, LIMIT, PERIOD, Operation, query

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="post_events",
        method="POST",
        path="/v1/parks/{park}/events",
        level=("park",),
        roles=("gateway",),
        summary="Hand in events of devices. The answer means that they are durable; an id that was stored before "
        "changes nothing.",
        request=d.EventBatch,
        response=d.EventReceipt,
        errors=(400, *AUTH, 404, 413, 422, 429, 503),
    ),
    Operation(
        id="get_events",
        method="GET",
        path="/v1/parks/{park}/events",
        level=("park",),
        roles=("operator", "auditor"),
        summary="Events of a period.",
        parameters=(
            query("subsystem", "string", "Only this subsystem."),
            query("kind", "string", "Only this kind."),
            *PERIOD,
            LIMIT,
        ),
        response=d.EventList,
        errors=(400, *AUTH, 404, 503),
    ),
)
