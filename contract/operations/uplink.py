"""What a park tells the city."""

from contract import messages as m
from contract.operations.shape import AUTH, Operation

OPERATIONS: tuple[Operation, ...] = (
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
        errors=(400, *AUTH, 404, 409, 413, 422, 503),
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
)
