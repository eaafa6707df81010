"""The commands that devices carry out, as data."""

import functools
from collections.abc import Mapping
from typing import Literal

from contract.catalogue.load import read, subsystems
from contract.catalogue.model import Entry, Mark
from contract.errors import HarnessError, PeerError

FILE = "commands.yaml"
CommandKey = tuple[str, str, str]
"""Subsystem, kind of device, command."""
Value = str | int | float | bool
_TYPES: Mapping[str, type | tuple[type, ...]] = {"string": str, "integer": int, "number": (int, float), "boolean": bool}
TEXT_LENGTH_MAX = 200


class CommandParameter(Entry, frozen=True, kw_only=True):
    """What a command is told; it must be given where it has no default."""

    name: str
    type: Literal["string", "integer", "number", "boolean"]
    name_en: str
    name_zh: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    default: Value | None = None

    @property
    def wanted(self) -> str:
        """What may be given, for messages."""
        if self.choices:
            return " or ".join(self.choices)
        bounds = [f"at least {self.minimum:g}"] if self.minimum is not None else []
        bounds += [f"at most {self.maximum:g}"] if self.maximum is not None else []
        return f"{self.type} {' and '.join(bounds)}".strip()

    def takes(self, value: Value) -> bool:
        """May the parameter have this value?"""
        if not isinstance(value, _TYPES[self.type]) or (isinstance(value, bool) and self.type != "boolean"):
            return False
        if isinstance(value, str):
            return value in self.choices if self.choices else len(value) <= TEXT_LENGTH_MAX
        low, high = self.minimum, self.maximum
        return (low is None or value >= low) and (high is None or value <= high)


class CommandKind(Entry, frozen=True, kw_only=True):
    """A command that a kind of device understands.

    Attributes:
        timeout_s: the gateway is expected to report within so long that it is done.
        undo: the command of the same kind of device that takes it back, empty for none.
    """

    subsystem: str
    device: str
    command: str
    name_en: str
    name_zh: str
    timeout_s: float
    mark: Mark
    undo: str = ""
    parameters: tuple[CommandParameter, ...] = ()

    @property
    def key(self) -> CommandKey:
        """Its place among all commands."""
        return self.subsystem, self.device, self.command

    def filled(self, given: Mapping[str, Value], where: str) -> dict[str, Value]:
        """The parameters with their defaults.

        Raises:
            PeerError: 422 one is unknown, missing or out of range.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                wanted = " or ".join(known) or "no parameters"
                raise PeerError("unknown parameter", where=where, found=repr(name[:TEXT_LENGTH_MAX]), wanted=wanted)
        filled: dict[str, Value] = {}
        for name, parameter in known.items():
            value = given.get(name, parameter.default)
            if value is None:
                raise PeerError("missing parameter", where=f"{where}.{name}", found="none", wanted=parameter.wanted)
            if not parameter.takes(value):
                found = repr(value)[:TEXT_LENGTH_MAX]
                raise PeerError("wrong parameter", where=f"{where}.{name}", found=found, wanted=parameter.wanted)
            filled[name] = value
        return filled


@functools.cache
def commands() -> Mapping[CommandKey, CommandKind]:
    """All commands by subsystem, kind of device and name, checked.

    Raises:
        HarnessError: the file contradicts itself or the subsystems.
    """
    loaded = read(FILE, tuple[CommandKind, ...])
    known = {kind.key: kind for kind in loaded}
    devices = {(subsystem.code, device.device) for subsystem in subsystems() for device in subsystem.devices}
    for number, kind in enumerate(loaded):
        check_kind(f"{FILE}: [{number}]", kind, known, devices)
    return known


def check_kind(
    where: str, kind: CommandKind, known: Mapping[CommandKey, CommandKind], devices: set[tuple[str, str]]
) -> None:
    """Hold a command to the devices and to the other commands.

    Raises:
        HarnessError: unknown device, a command twice, unknown undo, a time-out or a default that cannot be.
    """
    if (kind.subsystem, kind.device) not in devices:
        found = f"{kind.subsystem}/{kind.device}"
        raise HarnessError(f"{where}.device: expected a kind of device of the subsystems, found {found!r}")
    if known[kind.key] is not kind:
        raise HarnessError(f"{where}.command: expected each command once, found {kind.command!r} again")
    if kind.undo:
        undo = known.get((kind.subsystem, kind.device, kind.undo))
        if undo is None or any(parameter.default is None for parameter in undo.parameters):
            wanted = f"a command of {kind.subsystem}/{kind.device} that needs no parameters"
            raise HarnessError(f"{where}.undo: expected {wanted}, found {kind.undo!r}")
    if kind.timeout_s <= 0:
        raise HarnessError(f"{where}.timeout_s: expected more than 0, found {kind.timeout_s}")
    for place, parameter in enumerate(kind.parameters):
        if parameter.default is not None and not parameter.takes(parameter.default):
            found = repr(parameter.default)
            raise HarnessError(f"{where}.parameters[{place}].default: expected {parameter.wanted}, found {found}")
