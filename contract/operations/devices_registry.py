"""The registry of devices that speak their own protocols."""

from contract import devices_registry as d
from contract.operations.shape import AUTH, Operation

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="put_devices",
        method="PUT",
        path="/v1/parks/{park}/devices",
        level=("park",),
        roles=("administrator",),
        summary="Register the devices of a park that speak HJ 212 or GB/T 26875.3; replaces the former list. Their "
        "points have to be registered before. An identity belongs to one park of a node.",
        request=d.DeviceList,
        response=d.DeviceList,
        errors=(400, *AUTH, 404, 409, 413, 422, 503),
    ),
    Operation(
        id="get_devices",
        method="GET",
        path="/v1/parks/{park}/devices",
        level=("park",),
        roles=("administrator",),
        summary="The devices of a park, with their passwords: HJ 212 sends them in plain text, they keep no secret.",
        response=d.DeviceList,
        errors=(*AUTH, 404),
    ),
)
