"""Application data units: objects of every type, both ways (GB/T 26875.3-2011, clauses 7 and 8)."""

from typing import Final

import msgspec

from contract.devices.gb26875.frame import Clock

NORMAL: Final = 1
FIRE: Final = 1 << 1
FAULT: Final = 1 << 2


class _Object(msgspec.Struct, frozen=True):
    """Fields stand in the order of the line. Texts keep their blanks; zeros at their end are padding."""


class SystemState(_Object, frozen=True):
    """1: state of a fire system. Bits of `state` are in codes.yaml."""

    system_type: int
    system_address: int
    state: int
    time: Clock


class PartState(_Object, frozen=True):
    """2: state of a part. `text` holds at most 31 bytes of GB 18030.

    `part_address` is 32 bits; in common use the low half is the loop or zone and the high half the position [S].
    """

    system_type: int
    system_address: int
    part_type: int
    part_address: int
    state: int
    text: str
    time: Clock


class AnalogueValue(_Object, frozen=True):
    """3: a measured value as sent, -32768 to 32767, in steps of its analogue type."""

    system_type: int
    system_address: int
    part_type: int
    part_address: int
    analogue_type: int
    raw: int
    time: Clock


class Operation(_Object, frozen=True):
    """4: somebody operated the system. Bits of `operation` are in codes.yaml."""

    system_type: int
    system_address: int
    operation: int
    operator: int
    time: Clock


class SoftwareVersion(_Object, frozen=True):
    """5: of the system."""

    system_type: int
    system_address: int
    major: int
    minor: int


class SystemConfiguration(_Object, frozen=True):
    """6: description of the system, at most 255 bytes of GB 18030."""

    system_type: int
    system_address: int
    text: str


class PartConfiguration(_Object, frozen=True):
    """7: description of a part."""

    system_type: int
    system_address: int
    part_type: int
    part_address: int
    text: str


class SystemTime(_Object, frozen=True):
    """8: the system's clock."""

    system_type: int
    system_address: int
    time: Clock


class TransmitterState(_Object, frozen=True):
    """21: state of the user information transmission device itself."""

    state: int
    time: Clock


class TransmitterOperation(_Object, frozen=True):
    """24: somebody operated it; bit 5 answers a duty check."""

    operation: int
    operator: int
    time: Clock


class TransmitterVersion(_Object, frozen=True):
    """25: its software."""

    major: int
    minor: int


class TransmitterConfiguration(_Object, frozen=True):
    """26: its description, at most 255 bytes of GB 18030."""

    text: str


class TransmitterTime(_Object, frozen=True):
    """28: its clock."""

    time: Clock


class ReadSystemState(_Object, frozen=True):
    """61."""

    system_type: int
    system_address: int


class ReadPartState(_Object, frozen=True):
    """62."""

    system_type: int
    system_address: int
    part_address: int


class ReadAnalogueValue(_Object, frozen=True):
    """63."""

    system_type: int
    system_address: int
    part_address: int


class ReadOperations(_Object, frozen=True):
    """64: so many records from a time on."""

    system_type: int
    system_address: int
    records: int
    since: Clock


class ReadSoftwareVersion(_Object, frozen=True):
    """65."""

    system_type: int
    system_address: int


class ReadSystemConfiguration(_Object, frozen=True):
    """66."""

    system_type: int
    system_address: int


class ReadPartConfiguration(_Object, frozen=True):
    """67."""

    system_type: int
    system_address: int
    part_address: int


class ReadSystemTime(_Object, frozen=True):
    """68."""

    system_type: int
    system_address: int


class ReadTransmitterState(_Object, frozen=True):
    """81."""

    reserved: int = 0


class ReadTransmitterOperations(_Object, frozen=True):
    """84: so many records from a time on."""

    records: int
    since: Clock


class ReadTransmitterVersion(_Object, frozen=True):
    """85."""

    reserved: int = 0


class ReadTransmitterConfiguration(_Object, frozen=True):
    """86."""

    reserved: int = 0


class ReadTransmitterTime(_Object, frozen=True):
    """88."""

    reserved: int = 0


class Initialise(_Object, frozen=True):
    """89: start the transmitter anew."""

    reserved: int = 0


class SynchroniseClock(_Object, frozen=True):
    """90: set its clock."""

    time: Clock


class DutyCheck(_Object, frozen=True):
    """91: is somebody there? To be answered at the device within so many minutes."""

    minutes: int


class Unknown(_Object, frozen=True):
    """A unit of a type that is reserved or the user's, as it stands."""

    type: int
    count: int
    payload: bytes
