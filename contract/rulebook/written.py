"""A rule as a person writes it, turned into its wire form key by key; each fault with its path."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, get_args

import msgspec

from contract.errors import PeerError
from contract.messages import Level, Priority
from contract.rulebook.written_calendar import calendar
from contract.rules import Extent, Inhibition, KOfNRule, Rule, Selector
from contract.spans import span_ms
from contract.strict_yaml import quoted

KINDS: dict[str, type[Rule]] = {str(kind.__struct_config__.tag): kind for kind in get_args(Rule)}
DURATION_WANTED = 'a duration such as "30s"'

_PARTS: dict[str, type[msgspec.Struct]] = {"select": Selector, "suppressed_by": Inhibition}
_CHOICES: dict[str, tuple[str, ...]] = {
    "level": get_args(Level),
    "levels": get_args(Level),
    "priority": get_args(Priority),
    "within": get_args(Extent),
    "by": get_args(KOfNRule.__annotations__["by"]),
}
_NAMES = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false"}
_NAMES |= {"object": "a mapping of keys", "array": "a list"}


def rule(written: object, where: str) -> Rule:
    """One entry of `rules:`.

    Args:
        written: plain values from the YAML.
        where: file and path of the entry, such as "park.yaml: rules[2]".

    Raises:
        PeerError: 422 with the path of the first fault. What the values mean together is left to `check_rules`.
    """
    if not isinstance(written, dict):
        _refuse(where, quoted(written), "a mapping of keys such as id, kind and points")
    if "kind" not in written:
        _refuse(f"{where}.kind", "nothing", _one_of(KINDS))
    kind = KINDS.get(written["kind"]) if isinstance(written["kind"], str) else None
    if kind is None:
        _refuse(f"{where}.kind", quoted(written["kind"]), _one_of(KINDS))
    fields = wire_names(kind)
    wire: dict[str, object] = {}
    for key, value in written.items():
        if key != "kind":
            name = wire_name(key, fields, f"{where}.")
            wire[name] = _value(key, name, value, f"{where}.{key}")
    try:
        return msgspec.convert(wire, kind)
    except msgspec.ValidationError as error:
        _refuse_unfit(str(error), written, where)


def wire_names(kind: type[msgspec.Struct]) -> dict[str, str]:
    """The wire names of a rule's fields, by the names that people write: durations leave out the unit."""
    return {field.name.removesuffix("_s"): field.name for field in msgspec.structs.fields(kind)}


def wire_name(key: str, fields: Mapping[str, str], path: str) -> str:
    """The wire name of a key.

    Args:
        key: as written.
        fields: wire names by the keys that there are.
        path: what stands before the key in an error.

    Raises:
        PeerError: there is no such key; it names the nearest.
    """
    if key not in fields:
        _refuse_key(key, fields, path)
    return fields[key]


def _refuse_key(key: str, fields: Mapping[str, str], path: str) -> NoReturn:
    found = f'the key "{key}"'
    if key in fields.values():
        _refuse(f"{path}{key}", found, f'the key "{key.removesuffix("_s")}" and a duration such as "30s"')
    near = difflib.get_close_matches(key, fields, 1)
    wanted = f'a known key such as "{near[0]}"' if near else f"one of the keys {', '.join(fields)}"
    _refuse(f"{path}{key}", found, wanted)


def _value(key: str, name: str, value: object, where: str) -> object:
    """A value in its wire form; only durations and calendars differ."""
    if value is None:
        _refuse(where, "nothing", "a value")
    if key == "active_when":
        return calendar(value, where)
    if name == key:
        return value
    span = span_ms(value)
    if span is None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        _refuse(where, quoted(value), 'a duration with its unit such as "30s"' if is_number else DURATION_WANTED)
    return span / 1000


def _refuse_unfit(message: str, written: Mapping[str, Any], where: str) -> NoReturn:
    """Say in our words what msgspec says in its own; its path is that of the wire form."""
    told, _, place = message.partition(" - at `")
    path = place.rstrip("`").removeprefix("$").removeprefix(".")
    if told.startswith("Object missing required field"):
        missing = _between_ticks(told).removesuffix("_s") if not path else _between_ticks(told)
        _refuse(f"{where}.{_joined(path, missing)}", "nothing", "a value")
    if told.startswith("Object contains unknown field"):
        part = _PARTS[re.split(r"[.\[]", path)[0]]
        wire_name(_between_ticks(told), {field: field for field in part.__struct_fields__}, f"{where}.{path}.")
    if " in `" in place:  # "key` in `$.levels": a key of a mapping, not its value
        path = place.rpartition("`$.")[2].rstrip("`") or place.rpartition("$.")[2]
        key = next(key for key in written[path] if key not in _CHOICES[path])
        _refuse(f"{where}.{path}", f'the key "{key}"', _one_of(_CHOICES[path]))
    if path.endswith("[...]"):  # msgspec does not say which value of a mapping
        path = path.removesuffix("[...]")
        wrong = (key for key, value in written[path].items() if type(value) not in (int, float))
        path = _joined(path, next(wrong, ""))
    found = quoted(_at(written, path))
    if told.startswith("Invalid enum value"):
        _refuse(f"{where}.{path}", found, _one_of(_CHOICES[re.split(r"[.\[]", path)[-1]]))
    if told.startswith("Number out of range"):
        _refuse(f"{where}.{path}", found, "a number that fits 64 bits")
    wanted = re.sub(r"^Expected `(\w+)[^`]*`.*$", lambda match: _NAMES.get(match[1], match[1]), told)
    _refuse(f"{where}.{path}", found, wanted)


def _between_ticks(told: str) -> str:
    return told.split("`")[1]


def _joined(path: str, key: str) -> str:
    return ".".join(part for part in (path, key) if part)


def _at(written: object, path: str) -> object:
    """The plain value that stands at `path`."""
    value: Any = written
    for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        value = value[int(index)] if index else value[key]
    return value


def _one_of(words: Iterable[str]) -> str:
    return " or ".join(f'"{word}"' for word in words)


def _refuse(where: str, found: str, wanted: str) -> NoReturn:
    raise PeerError("invalid rules file", where=where, found=found, wanted=wanted)
