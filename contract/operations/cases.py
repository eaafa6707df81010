"""Service cases."""

from contract import cases
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
        request=cases.CaseApplication,
        response=cases.Case,
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
        response=cases.CaseList,
        errors=(400, *AUTH, 404, 503),
    ),
    Operation(
        id="get_case",
        method="GET",
        path="/v1/parks/{park}/cases/{case_id}",
        level=("park",),
        roles=("enterprise", "operator", "auditor"),
        summary="One case.",
        response=cases.Case,
        errors=(*AUTH, 404, 503),
    ),
    Operation(
        id="get_case_matches",
        method="GET",
        path="/v1/parks/{park}/cases/{case_id}/matches",
        level=("park", "city"),
        roles=("enterprise", "operator", "auditor"),
        summary="Open cases that fit this one, the best first, with the reasons: of its park, at the city of all parks "
        "that the token may see.",
        parameters=(LIMIT,),
        response=cases.CaseMatchList,
        errors=(400, *AUTH, 404, 503),
    ),
    Operation(
        id="act_on_case",
        method="POST",
        path="/v1/parks/{park}/cases/{case_id}/acts",
        level=("park",),
        roles=("enterprise", "operator"),
        summary="Do what the procedure of the case's matter allows: accept, supplement, approve, withdraw and so on.",
        request=cases.CaseAct,
        response=cases.Case,
        errors=(400, *AUTH, 404, 409, 413, 422, 503),
    ),
)
