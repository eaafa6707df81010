"""Registers: what parks keep on file and the city watches."""

from contract import registers as r
from contract.operations.shape import AUTH, LIMIT, PARK, Operation, query

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="put_entry",
        method="PUT",
        path="/v1/parks/{park}/registers/{register}/{entry}",
        level=("park",),
        roles=("operator",),
        summary="Write an entry of a register; the same again changes nothing. The city is told what it may see.",
        request=r.EntryFields,
        response=r.RegisterEntry,
        errors=(400, *AUTH, 404, 413, 422, 503),
    ),
    Operation(
        id="get_entries",
        method="GET",
        path="/v1/registers/{register}",
        level=("park", "city"),
        roles=("operator", "auditor"),
        summary="Entries of a register, of the parks that the token may see.",
        parameters=(PARK, LIMIT),
        response=r.RegisterEntryList,
        errors=(400, *AUTH, 404, 503),
    ),
    Operation(
        id="get_register_summary",
        method="GET",
        path="/v1/registers/{register}/summary",
        level=("park", "city"),
        roles=("operator", "auditor"),
        summary="The figures of a register by group, over the parks that the token may see.",
        parameters=(PARK, query("by", "string", "One of the register's groups; `park` unless told.")),
        response=r.RegisterSummary,
        errors=(400, *AUTH, 404, 503),
    ),
)
