"""Data segments not written as the standard has it: what can be understood, each departure counted by its name."""

import re
from collections.abc import Iterator
from typing import Final

from contract.devices.fault import Deviations, ProtocolError

FIELDS: Final = ("QN", "ST", "CN", "PW", "MN", "Flag", "PNUM", "PNO", "RF")
"""Names before CP, in the order of the standard."""

_AREA: Final = re.compile(r"CP\s*=\s*&&", re.IGNORECASE)
_ANY_CASE: Final = {name.lower(): name for name in FIELDS}
_TOKEN: Final = re.compile(r"([^=;,]*)(?:(=)(//.*?//(?=[;,]|$)|[^;,]*))?([;,]|$)", re.DOTALL)
_BARE_FACTOR: Final = re.compile(r"\d{5}(?:-|$)")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z]+)?")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_WIDTHS: Final = {
    "QN": re.compile(r"\d{17}"),
    "ST": re.compile(r"[0-9A-Z]\d"),
    "CN": re.compile(r"\d{4}"),
    "PW": re.compile(r"[^;=&\s]{6}"),
    "MN": re.compile(r"[0-9A-F]{24}"),
    "Flag": re.compile(r"0|[1-9]\d{0,2}"),
    "PNUM": re.compile(r"[1-9]\d*"),
    "PNO": re.compile(r"[1-9]\d*"),
    "RF": re.compile(r"[01]"),
}

Items = tuple[tuple[tuple[str, str], ...], ...]


def read_fields(head: str, deviations: Deviations) -> dict[str, str]:
    """The fields before CP by their standard names.

    Counts `field-order`, `field-case`, `field-blank`, `field-repeated` (the first one holds), `field-unknown`,
    `field-empty` and `field-form` (another width or other characters than the standard's).
    """
    fields: dict[str, str] = {}
    for part in head.split(";"):
        name, _, value = part.partition("=")
        bare = name.strip()
        known = _ANY_CASE.get(bare.lower())
        if not part.strip():
            deviations.note("field-empty", where="head")
        elif known is None:
            deviations.note("field-unknown", where=bare, found=value)
        elif known in fields:
            deviations.note("field-repeated", where=known, found=value)
        else:
            _check_field(part, bare, known, deviations)
            fields[known] = value.strip()
    order = [FIELDS.index(name) for name in fields]
    if order != sorted(order):
        deviations.note("field-order", where="head", found=" ".join(fields))
    return fields


def _check_field(part: str, written: str, name: str, deviations: Deviations) -> None:
    value = part.partition("=")[2]
    if written != name:
        deviations.note("field-case", where=written)
    if part != f"{written}={value.strip()}":
        deviations.note("field-blank", where=name, found=part)
    if not _WIDTHS[name].fullmatch(value.strip()):
        deviations.note("field-form", where=name, found=value)


def split_area(text: str, deviations: Deviations) -> tuple[str, str]:
    """What stands before CP, without its last semicolon, and the contents of CP.

    Counts `separator-missing` (no semicolon before CP), `area-unclosed` (no `&&` at the end), `area-trailing`
    (something after it) and `field-case`.

    Raises:
        ProtocolError: there is no `CP=&&`.
    """
    begin = _AREA.search(text)
    if begin is None:
        raise ProtocolError("area-missing", where="CP", found=text[-20:], wanted="CP=&&…&&")
    head, rest = text[: begin.start()], text[begin.end() :]
    if begin[0] != "CP=&&":
        deviations.note("field-case", where="CP", found=begin[0])
    if head.endswith(";"):
        head = head[:-1]
    else:
        deviations.note("separator-missing", where="CP", found=head[-10:])
    area, closed, trailing = rest.rpartition("&&")
    if not closed:
        deviations.note("area-unclosed", where="CP", found=rest[-10:])
        return head, rest
    if trailing:
        deviations.note("area-trailing", where="CP", found=trailing)
    return head, area


def read_items(area: str, deviations: Deviations) -> Items:
    """Contents of CP.

    A text between `//` and `//` may hold commas and semicolons (i11001). Counts `item-empty`, `value-missing` (a name
    without `=`), `blank` (around a name or a value), `name-form`, `factor-prefix` (`01018-Rtd` for `w01018-Rtd`),
    `control-character` and `comma-between-items` (between BeginTime and EndTime).
    """
    if not area:
        return ()
    if _CONTROL.search(area):
        deviations.note("control-character", where="CP", found=area)
    items = []
    item: list[tuple[str, str]] = []
    for name, value, separator in _tokens(area, deviations):
        if name:
            item.append((name, value))
        if separator != ",":
            items.append(tuple(item))
            item = []
    return tuple(item for item in items if item)


def _tokens(area: str, deviations: Deviations) -> Iterator[tuple[str, str, str]]:
    """Name, value and what follows them, pair by pair; the name is empty where nothing stands."""
    former = ""
    for match in _TOKEN.finditer(area):
        written, equals, value, separator = match[1], match[2], match[3] or "", match[4]
        name = written.strip()
        if not name and not value.strip():
            if match[0] or area[-1:] in ",;":
                deviations.note("item-empty", where="CP")
        elif not name:
            deviations.note("name-form", where="CP", found=match[0])
        else:
            _check_pair(name, written, value, equals or "", deviations)
            if former.startswith("BeginTime") and name == "EndTime" and former.endswith(","):
                deviations.note("comma-between-items", where="CP", found="BeginTime,EndTime")
        former = name + separator
        yield name, value.strip(), separator
        if not separator:
            return


def _check_pair(name: str, written: str, value: str, equals: str, deviations: Deviations) -> None:
    if not equals:
        deviations.note("value-missing", where=name)
    if name != written or value != value.strip():
        deviations.note("blank", where=name, found=written + equals + value)
    if _BARE_FACTOR.match(name):
        deviations.note("factor-prefix", where=name)
    elif not _NAME.fullmatch(name):
        deviations.note("name-form", where="CP", found=name)
