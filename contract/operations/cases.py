"""Service cases."""

from contract import messages as m
from contract.operations.shape import AUTH, LIMIT, Operation, query

OPERATIONS: tuple[Operation, ...] = (
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
        parameters=(query("enterprise", "string", "Only this enterprise."), LIMIT),
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
)
