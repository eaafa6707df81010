"""YAML that people write, read strictly: safe, each key once, and a time stays the text that was written."""

import json
import re
from typing import Any

import yaml

_CORE_SCHEMA = {
    "tag:yaml.org,2002:null": (r"~|null|Null|NULL|", "~nN"),
    "tag:yaml.org,2002:bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "tag:yaml.org,2002:int": (r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    "tag:yaml.org,2002:float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
}
"""What plain words mean in YAML 1.2 (PyYAML: 1.1): `20:00` is text, `1e3` a number, `no` is text, `<<` is a key."""

KEY_FAULTS = ("a key that is not text", "the key ")
"""How the faults begin that are found here and not by the parser."""

_QUOTED_MAX = 80
_ITEMS_MAX = 1_000


class StrictLoader(yaml.SafeLoader):
    """Safe YAML 1.1 in which a key may stand only once and a time stays the text that was written."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own class-level table
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping, once its keys are found to be texts that differ."""
        _check_keys(node)
        return super().construct_mapping(node, deep)


class CoreLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # either of two classes
    """Safe YAML by the core schema of YAML 1.2, in which a key may stand only once."""

    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as above

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping, once its keys are found to be texts that differ."""
        _check_keys(node)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


for _tag, (_pattern, _first) in _CORE_SCHEMA.items():
    CoreLoader.add_implicit_resolver(_tag, re.compile(f"(?:{_pattern})$"), [*_first, ""])


def _check_keys(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"):
            raise yaml.constructor.ConstructorError(None, None, KEY_FAULTS[0], key.start_mark)
        if key.value in seen:
            problem = f"{KEY_FAULTS[1]}{key.value!r} a second time"
            raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
        seen.add(key.value)


def not_yaml(error: yaml.YAMLError) -> tuple[str, str]:
    """Where a text stops being YAML, such as "line 3, column 7" or "", and what stands there."""
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return place, getattr(error, "problem", None) or str(error)


def quoted(value: object) -> str:
    """A written value as errors quote it, in one line."""
    try:
        text = "" if _is_large(value) else json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):  # a key that is no text, or YAML aliases that run in a circle
        text = ""
    text = text or f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= _QUOTED_MAX else text[: _QUOTED_MAX - 3] + "..."


def _is_large(value: object) -> bool:
    """Aliases make a few lines of YAML stand for more values than could be written out."""
    waiting, items = [value], 0
    while waiting and items <= _ITEMS_MAX:
        here = waiting.pop()
        items += 1
        if isinstance(here, list | dict):
            waiting.extend(here.values() if isinstance(here, dict) else here)
    return items > _ITEMS_MAX
