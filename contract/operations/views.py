"""Derived views of the subsystems."""

from contract import views as v
from contract.operations.shape import AUTH, LIMIT, PERIOD, Operation, query

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="get_views",
        method="GET",
        path="/v1/views",
        level=("park",),
        roles=("operator", "auditor"),
        summary="The views that there are, with the names and units of their figures.",
        response=v.ViewList,
        errors=(400, *AUTH),
    ),
    Operation(
        id="get_view",
        method="GET",
        path="/v1/parks/{park}/views/{view}",
        level=("park",),
        roles=("operator", "auditor"),
        summary="Figures of a subsystem over a period of at most 31 days, by group.",
        parameters=(*PERIOD, query("by", "string", "One of the view's groups; its first unless told."), LIMIT),
        response=v.ViewTable,
        errors=(400, *AUTH, 404, 503),
    ),
)
