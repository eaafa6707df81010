"""Codes of GB/T 26875.3 as data: types of systems, parts and analogue values, bits of states."""

import functools
from importlib import resources
from typing import Final, Generic, Literal, TypeVar

import msgspec
import yaml

from contract.devices.fault import ProtocolError
from contract.devices.gb26875.units import AnalogueValue
from contract.errors import HarnessError
from contract.strict_yaml import CoreLoader

RAW_MIN: Final = -0x8000
RAW_MAX: Final = 0x7FFF


class _Code(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name_en: str
    name_zh: str


class AnalogueType(_Code, frozen=True, kw_only=True):
    """A measured quantity: its unit, and what one step of the raw value means in it."""

    unit: str
    step: float


C = TypeVar("C", bound=_Code)


class Table(msgspec.Struct, Generic[C], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the standard by number, with its source and mark."""

    source: str
    mark: Literal["V", "S", "M", "A"]
    codes: dict[int, C]


class Codes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All tables."""

    system_types: Table[_Code]
    part_types: Table[_Code]
    analogue_types: Table[AnalogueType]
    system_bits: Table[_Code]
    part_bits: Table[_Code]
    transmitter_bits: Table[_Code]
    operation_bits: Table[_Code]


@functools.cache
def codes() -> Codes:
    """The tables, read once and strictly; HarnessError where the file is wrong."""
    text = resources.files(__package__).joinpath("codes.yaml").read_text(encoding="utf-8")
    return parse_codes(text)


def parse_codes(text: str) -> Codes:
    """Tables in YAML; HarnessError for an unknown key or a wrong type."""
    try:
        return msgspec.convert(yaml.load(text, Loader=CoreLoader), Codes, str_keys=True)  # noqa: S506 - a subclass of SafeLoader
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise HarnessError(f"gb26875/codes.yaml: {error}") from None


def bit_names(state: int, table: Table[_Code]) -> tuple[str, ...]:
    """English names of the bits that are set."""
    return tuple(code.name_en for bit, code in table.codes.items() if state >> bit & 1)


def quantity(value: AnalogueValue) -> tuple[float, str]:
    """A measured value in its unit; ProtocolError for an analogue type that no table knows."""
    known = codes().analogue_types.codes.get(value.analogue_type)
    if known is None:
        raise ProtocolError("analogue-type", where="analogue_type", found=str(value.analogue_type), wanted="1 to 12")
    return value.raw * known.step, known.unit


def raw_value(analogue_type: int, measured: float) -> int:
    """The raw value that tells a measured one, rounded to a step, cut to 16 bits; HarnessError for an unknown type."""
    known = codes().analogue_types.codes.get(analogue_type)
    if known is None:
        raise HarnessError(f"an analogue type from 1 to 12 is wanted, found {analogue_type}")
    return min(max(round(measured / known.step), RAW_MIN), RAW_MAX)
