"""Registers: what parks keep on file and the city watches, as data."""

import functools
from collections.abc import Mapping
from typing import Literal

import msgspec

from contract.catalogue.load import read
from contract.catalogue.model import Entry, FormField, Mark
from contract.errors import HarnessError

FILE = "registers.yaml"


class Measure(Entry, frozen=True, kw_only=True):
    """A figure over a group of entries.

    Attributes:
        how: `count`; `sum`, `mean` of a field; `share`: of the sum of `of` the part whose entries fit `where`; `ratio`:
            the sum of `of` over the sum of `over`. A mean, share or ratio over nothing is absent.
        scale: factor on the result.
    """

    measure: str
    name_en: str
    name_zh: str
    how: Literal["count", "sum", "mean", "share", "ratio"]
    of: str = ""
    over: str = ""
    where: dict[str, str] = msgspec.field(default_factory=dict)
    scale: float = 1.0


class Register(Entry, frozen=True, kw_only=True):
    """A register of a park.

    Attributes:
        function: the function of the plan that it serves.
        fields: of an entry.
        city: names of the fields that the city sees.
        groups: by what its entries may be grouped: `park`, or a field of text.
        measures: figures that are worked out for each group.
    """

    register: str
    function: str
    name_en: str
    name_zh: str
    fields: tuple[FormField, ...]
    city: tuple[str, ...]
    groups: tuple[str, ...]
    measures: tuple[Measure, ...]
    mark: Mark


@functools.cache
def registers() -> Mapping[str, Register]:
    """All registers by name, checked.

    Raises:
        HarnessError: the file contradicts itself.
    """
    loaded = read(FILE, tuple[Register, ...])
    for number, register in enumerate(loaded):
        _check(f"{FILE}: [{number}]", register)
    return {register.register: register for register in loaded}


def _check(where: str, register: Register) -> None:
    kinds = {field.name: field.type for field in register.fields}
    texts = {name for name, kind in kinds.items() if kind == "string"}
    numbers = {name for name, kind in kinds.items() if kind in {"integer", "number"}}
    _known(f"{where}.city", register.city, set(kinds))
    _known(f"{where}.groups", register.groups, {"park", *texts})
    shared = set(register.city)
    _known(f"{where}.groups", register.groups, {"park", *shared})
    for number, measure in enumerate(register.measures):
        place = f"{where}.measures[{number}]"
        wanted = [] if measure.how == "count" else [measure.of]
        _known(f"{place}.of", wanted, numbers & shared)
        _known(f"{place}.over", [measure.over] if measure.how == "ratio" else [], numbers & shared)
        _known(f"{place}.where", tuple(measure.where), texts & shared)


def _known(where: str, names: tuple[str, ...] | list[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            raise HarnessError(f"{where}: expected one of {', '.join(sorted(known))}, found {name!r}")
