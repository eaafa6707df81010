"""What every node answers, and what a city knows of its parks."""

from contract import messages as m
from contract.operations.shape import AUTH, PLAIN, Operation

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
