"""The list of operations of the two interfaces, as data.

OpenAPI is generated from it, clients take their paths from it, and the reference platform's routes are held to it.
"""

from contract.operations import (
    alerts,
    cases,
    device_events,
    devices_registry,
    identity,
    linkage,
    node,
    registers,
    telemetry,
    uplink,
    views,
)
from contract.operations.shape import EVENT_STREAM, JSON, LIMIT, PLAIN, PROBLEM, Operation, Parameter
from contract.operations.telemetry import SEQUENCE_HEADER

__all__ = [
    "BY_ID",
    "EVENT_STREAM",
    "JSON",
    "LIMIT",
    "OPERATIONS",
    "PLAIN",
    "PROBLEM",
    "SEQUENCE_HEADER",
    "Operation",
    "Parameter",
]

OPERATIONS: tuple[Operation, ...] = (
    *node.OPERATIONS,
    *telemetry.OPERATIONS,
    *device_events.OPERATIONS,
    *devices_registry.OPERATIONS,
    *alerts.OPERATIONS,
    *cases.OPERATIONS,
    *registers.OPERATIONS,
    *linkage.OPERATIONS,
    *views.OPERATIONS,
    *identity.OPERATIONS,
    *uplink.OPERATIONS,
)

BY_ID: dict[str, Operation] = {operation.id: operation for operation in OPERATIONS}
