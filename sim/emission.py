"""What leaves the world: packs of gateways, events of devices, requests, acts on cases and entries of registers."""

from typing import Literal, NamedTuple

from contract.cases import CaseAct
from contract.columns import Columns
from contract.messages import CaseApplication, DeviceEvent
from contract.registers import EntryFields


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


class CaseActing(NamedTuple):
    """Somebody does something with a case that a request of before opened.

    Attributes:
        sequence: counts the acts in the park from 1.
        case_request: enterprise and request id of the request; `contract.cases.case_id` gives the case's id.
        actor: on which side the author stands.
    """

    due_ms: int
    park: str
    sequence: int
    case_request: tuple[str, str]
    act: CaseAct
    actor: Literal["enterprise", "operator"]


class RegisterWriting(NamedTuple):
    """The park's administration writes an entry of a register; `sequence` counts its writings from 1."""

    due_ms: int
    park: str
    sequence: int
    register: str
    entry: str
    fields: EntryFields


Emission = Pack | Event | Request | CaseActing | RegisterWriting
