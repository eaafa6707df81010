"""Codes of HJ 212 as data: systems, commands, returns, flags, factors with their units and number formats."""

import functools
import re
from importlib import resources
from typing import Final, Generic, Literal, TypeVar

import msgspec
import yaml

from contract.errors import HarnessError
from contract.strict_yaml import CoreLoader

Mark = Literal["V", "S", "M", "A"]
Direction = Literal["down", "up", "both"]
_FORMAT: Final = re.compile(r"N([1-9]\d?)(?:\.([1-9]))?")
_WIDTH_MAX: Final = 18
"""Characters of a number with its sign and point (6.3.3.1)."""


class NumberFormat(msgspec.Struct, frozen=True):
    """`N5.2`: at most five digits before the point and two after it; shorter numbers are not padded (6.3.3.1)."""

    whole: int
    decimals: int

    @classmethod
    def parse(cls, text: str) -> "NumberFormat":
        """From the standard's notation; ValueError for another one."""
        match = _FORMAT.fullmatch(text)
        if not match:
            raise ValueError(f"expected a number format such as N5.2, found {text!r}")
        return cls(int(match[1]), int(match[2] or 0))

    def write(self, value: float) -> str:
        """The number, rounded to the format's decimals; one of them stays where the format has any, as in `53.0`.

        Raises:
            HarnessError: it has more digits before the point than the format allows, or is no number.
        """
        text = f"{value:.{self.decimals}f}"
        digits = text.lstrip("-").partition(".")[0]
        if not digits.isdigit() or len(digits) > self.whole or len(text) > _WIDTH_MAX:
            raise HarnessError(
                f"N{self.whole}.{self.decimals} holds {self.whole} digits before the point, found {value}"
            )
        if self.decimals:
            text = text.rstrip("0")
            text += "0" if text.endswith(".") else ""
        return text.removeprefix("-") if not text.strip("-0.") else text


class _Code(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name_en: str
    name_zh: str
    source: str = ""
    mark: Mark | None = None


class Command(_Code, frozen=True, kw_only=True):
    """A command and which way it goes: `down` to the logger, `up` to the platform."""

    direction: Direction
    edition: Literal[2017, 2025] = 2017


class Factor(_Code, frozen=True, kw_only=True):
    """What is measured.

    Attributes:
        unit: as the standard prints it; devices may differ, so a device's profile carries its own.
        amount: unit of the amount in an interval (`Cou`), "" where the table gives none.
        format: of its values.
    """

    unit: str
    format: str
    amount: str = ""

    @property
    def number(self) -> NumberFormat:
        """The format as numbers."""
        return NumberFormat.parse(self.format)


C = TypeVar("C", bound=_Code)


class Table(msgspec.Struct, Generic[C], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the standard, with its source and mark; an entry with its own has another one."""

    source: str
    mark: Mark
    codes: dict[str, C]


class Codes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All tables."""

    systems: Table[_Code]
    commands: Table[Command]
    request_returns: Table[_Code]
    execution_returns: Table[_Code]
    data_flags: Table[_Code]
    facility_states: Table[_Code]
    factors: Table[Factor]


@functools.cache
def codes() -> Codes:
    """The tables, read once and strictly."""
    text = resources.files(__package__).joinpath("codes.yaml").read_text(encoding="utf-8")
    return parse_codes(text)


def parse_codes(text: str) -> Codes:
    """Tables in YAML.

    Raises:
        HarnessError: the file has an unknown key, a wrong type or a number format that is none.
    """
    try:
        read = msgspec.convert(yaml.load(text, Loader=CoreLoader), Codes)  # noqa: S506 - a subclass of SafeLoader
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise HarnessError(f"hj212/codes.yaml: {error}") from None
    for code, factor in read.factors.codes.items():
        if not _FORMAT.fullmatch(factor.format):
            wanted = f"factors.{code}.format: expected one such as N5.2"
            raise HarnessError(f"hj212/codes.yaml: {wanted}, found {factor.format!r}")
    return read


@functools.cache
def number_format(factor: str) -> NumberFormat | None:
    """How values of a factor are written; None for a factor that no table knows."""
    known = codes().factors.codes.get(factor)
    return known.number if known else None
