"""What leaves the world: telemetry packs of gateways, events of devices, and service requests of enterprises."""

from typing import NamedTuple

from contract.columns import Columns
from contract.messages import CaseApplication, DeviceEvent


class Pack(NamedTuple):
    """One telemetry pack as a gateway sends it.

    Attributes:
        due_ms: scenario time at which it is sent, Unix milliseconds.
        park: id of the park.
        gateway: id of the gateway in the park.
        sequence: number of the pack, from 1, without gaps for each gateway.
        columns: the readings; their `point` is the index in the park's registered list. Not to be written to.
    """

    due_ms: int
    park: str
    gateway: str
    sequence: int
    columns: Columns


class Event(NamedTuple):
    """One event or state as a device sends it; `sequence` counts those of the park from 1."""

    due_ms: int
    park: str
    sequence: int
    message: DeviceEvent


class Request(NamedTuple):
    """One service request as an enterprise sends it.

    Attributes:
        sequence: counts the requests of the park from 1.
        reason: why the enterprise sends it, a short code; the platform is not told.
    """

    due_ms: int
    park: str
    sequence: int
    application: CaseApplication
    reason: str = ""


Emission = Pack | Event | Request
