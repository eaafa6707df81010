"""Which devices may speak to a park over their own protocols, and which points their values belong to."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from contract.addresses import check_identifier
from contract.errors import PeerError
from contract.message import Message

DEVICES_MAX = 10_000
MAPPED_MAX = 1_000
ADDRESS_MAX = 2**48 - 1
PART_ADDRESS_MAX = 2**32 - 1
TYPE_MAX = 255
NAME_LENGTH_MAX = 64


class Logger(Message, frozen=True, kw_only=True):
    """An environment logger (HJ 212).

    Attributes:
        mn: its identity, as it writes it.
        password: its PW.
        gateway: whose packs its readings go into; a gateway that nobody else numbers the packs of.
        zone, device: where its own events (start, state of facilities) belong.
        factors: name of the point by factor code, such as "w01018".
    """

    mn: str
    password: str
    gateway: str
    zone: str
    device: str
    factors: dict[str, str] = msgspec.field(default_factory=dict)


class FirePart(Message, frozen=True, kw_only=True):
    """A part behind a transmitter.

    Attributes:
        system_type, system_address, part_address: as the transmitter tells them.
        zone, device: where its events belong.
        points: name of the point by analogue type (1 to 255, in decimal digits).
    """

    system_type: int
    system_address: int
    part_address: int
    zone: str
    device: str
    points: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def key(self) -> tuple[int, int, int]:
        """What identifies it behind its transmitter."""
        return self.system_type, self.system_address, self.part_address


class Transmitter(Message, frozen=True, kw_only=True):
    """A user information transmission device (GB/T 26875.3).

    Attributes:
        address: its source address, 48 bits.
        gateway: whose packs its readings go into; a gateway that nobody else numbers the packs of.
        zone, device: where its own events, and those of parts that are not listed, belong.
        parts: those whose values are readings or whose events have a place of their own.
    """

    address: int
    gateway: str
    zone: str
    device: str
    parts: list[FirePart] = msgspec.field(default_factory=list)


class DeviceList(Message, frozen=True, kw_only=True):
    """The devices of a park; replaces the former list as a whole."""

    loggers: list[Logger] = msgspec.field(default_factory=list)
    transmitters: list[Transmitter] = msgspec.field(default_factory=list)


class Mapped(NamedTuple):
    """A point that a device's values go to: where the list says so, its name, and the gateway it must have."""

    where: str
    point: str
    gateway: str


def mapped(devices: DeviceList) -> Iterator[Mapped]:
    """Every point that the list names."""
    for place, logger in enumerate(devices.loggers):
        for code, point in logger.factors.items():
            yield Mapped(f"loggers[{place}].factors.{code[:NAME_LENGTH_MAX]}", point, logger.gateway)
    for place, transmitter in enumerate(devices.transmitters):
        for number, part in enumerate(transmitter.parts):
            for kind, point in part.points.items():
                where = f"transmitters[{place}].parts[{number}].points.{kind[:NAME_LENGTH_MAX]}"
                yield Mapped(where, point, transmitter.gateway)


def check_devices(devices: DeviceList) -> None:
    """Hold a list to its bounds, without regard to the points that are registered.

    Raises:
        PeerError: 422 with the path of the first fault, such as `loggers[3].mn`.
    """
    count = len(devices.loggers) + len(devices.transmitters)
    if count > DEVICES_MAX:
        raise PeerError("too many devices", where="devices", found=str(count), wanted=f"at most {DEVICES_MAX}")
    known: dict[str | int, str] = {}
    for place, logger in enumerate(devices.loggers):
        where = f"loggers[{place}]"
        _check_text(logger.mn, f"{where}.mn")
        _check_text(logger.password, f"{where}.password", secret=True)
        _check_place(logger, where)
        _check_count(len(logger.factors), f"{where}.factors")
        _check_single(logger.mn, f"{where}.mn", known)
    for place, transmitter in enumerate(devices.transmitters):
        where = f"transmitters[{place}]"
        _check_number(transmitter.address, ADDRESS_MAX, f"{where}.address")
        _check_place(transmitter, where)
        _check_count(len(transmitter.parts), f"{where}.parts")
        _check_single(transmitter.address, f"{where}.address", known)
        _check_parts(transmitter, where)


def _check_parts(transmitter: Transmitter, above: str) -> None:
    known: dict[tuple[int, int, int], str] = {}
    for place, part in enumerate(transmitter.parts):
        where = f"{above}.parts[{place}]"
        _check_number(part.system_type, TYPE_MAX, f"{where}.system_type")
        _check_number(part.system_address, TYPE_MAX, f"{where}.system_address")
        _check_number(part.part_address, PART_ADDRESS_MAX, f"{where}.part_address")
        _check_text(part.zone, f"{where}.zone")
        _check_text(part.device, f"{where}.device")
        if part.key in known:
            raise PeerError(
                "part comes twice", where=where, found=str(part.key), wanted=f"another than {known[part.key]}"
            )
        known[part.key] = where
        for kind in part.points:
            if not (kind.isascii() and kind.isdigit() and 1 <= len(kind) <= len("255") and int(kind) <= TYPE_MAX):
                wanted = f"an analogue type from 0 to {TYPE_MAX}"
                raise PeerError("wrong analogue type", where=f"{where}.points", found=repr(kind[:10]), wanted=wanted)


def _check_place(device: Logger | Transmitter, where: str) -> None:
    check_identifier(device.gateway, f"{where}.gateway")
    _check_text(device.zone, f"{where}.zone")
    _check_text(device.device, f"{where}.device")


def _check_text(text: str, where: str, *, secret: bool = False) -> None:
    if not 0 < len(text) <= NAME_LENGTH_MAX:
        found = f"{len(text)} characters" if text or secret else "''"
        raise PeerError("wrong length", where=where, found=found, wanted=f"1 to {NAME_LENGTH_MAX} characters")


def _check_number(number: int, largest: int, where: str) -> None:
    if not 0 <= number <= largest:
        raise PeerError("number is out of range", where=where, found=str(number), wanted=f"0 to {largest}")


def _check_count(count: int, where: str) -> None:
    if count > MAPPED_MAX:
        raise PeerError("too many entries", where=where, found=str(count), wanted=f"at most {MAPPED_MAX}")


def _check_single(identity: str | int, where: str, known: dict[str | int, str]) -> None:
    if identity in known:
        raise PeerError(
            "device comes twice", where=where, found=repr(identity), wanted=f"another than {known[identity]}"
        )
    known[identity] = where
