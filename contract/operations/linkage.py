"""Linkage: commands to devices, reports about them, and the times that plans took."""

from contract import linkage as k
from contract.operations.shape import AUTH, LIMIT, PARK, PERIOD, Operation, query

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="post_command",
        method="POST",
        path="/v1/parks/{park}/commands",
        level=("park",),
        roles=("operator",),
        summary="Command all devices of a kind in a zone or in the park, one command for each gateway. The same "
        "request id again commands nothing new.",
        request=k.CommandOrder,
        response=k.CommandList,
        errors=(400, *AUTH, 404, 409, 413, 422, 503),
    ),
    Operation(
        id="get_commands",
        method="GET",
        path="/v1/parks/{park}/commands",
        level=("park",),
        roles=("operator", "auditor"),
        summary="Commands of plans and operators as they stand, newest first.",
        parameters=(
            query("state", "string", "Only commands in this state."),
            query("run", "string", "Only commands of this run of a plan."),
            LIMIT,
        ),
        response=k.CommandList,
        errors=(400, *AUTH, 404, 503),
    ),
    Operation(
        id="get_gateway_commands",
        method="GET",
        path="/v1/parks/{park}/gateways/{gateway}/commands",
        level=("park",),
        roles=("gateway",),
        summary="Commands that a gateway is to carry out, in order of number: those given after a number that nobody "
        "has reported about. Where there are none, the answer waits for the first.",
        parameters=(
            query("after", "integer", "Number of the last command that the gateway has; 0 unless told."),
            query("wait_ms", "integer", f"Wait so long at most, 0 to {k.MAX_WAIT_MS}; 0 unless told."),
            LIMIT,
        ),
        response=k.CommandList,
        errors=(400, *AUTH, 404, 503),
    ),
    Operation(
        id="post_command_feedback",
        method="POST",
        path="/v1/parks/{park}/commands/{command_id}/feedback",
        level=("park",),
        roles=("gateway",),
        summary="Report that a command was accepted, is done or has failed; the same again changes nothing.",
        request=k.CommandFeedback,
        response=k.Command,
        errors=(400, *AUTH, 404, 409, 413, 422, 503),
    ),
    Operation(
        id="get_linkage_runs",
        method="GET",
        path="/v1/linkage-runs",
        level=("park", "city"),
        roles=("operator", "auditor"),
        summary="Runs of linkage plans, newest first, of the parks that the token may see.",
        parameters=(PARK, query("incident", "string", "Only runs of this incident."), LIMIT),
        response=k.LinkageRunList,
        errors=(400, *AUTH, 503),
    ),
    Operation(
        id="get_linkage_times",
        method="GET",
        path="/v1/linkage-times",
        level=("park",),
        roles=("operator", "auditor"),
        summary="For each plan that started in a period: from onset to command, from command to feedback, from onset "
        "to all done.",
        parameters=(PARK, *PERIOD),
        response=k.LinkageTimes,
        errors=(400, *AUTH, 503),
    ),
)
