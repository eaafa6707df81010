"""A rules file: YAML read strictly, turned into the wire form, and checked; each fault with its file and path."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import yaml

from contract.errors import PeerError
from contract.rulebook.checks import check_rules
from contract.rulebook.written import rule, wire_name
from contract.rules import RuleSet
from contract.strict_yaml import KEY_FAULTS, CoreLoader, not_yaml, quoted

_KEYS = {"version": "version", "rules": "rules"}
_DIGEST_DIGITS = 16


def load_rules(path: Path) -> RuleSet:
    """Read and check a rules file.

    Raises:
        PeerError: the file cannot be read, or `parse_rules` refuses it.
    """
    file = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        _refuse(file, (error.strerror or "no such thing").lower(), "a readable file")
    except UnicodeDecodeError:
        _refuse(file, "other bytes", "UTF-8 text")
    return parse_rules(text, file)


def parse_rules(text: str, file: str) -> RuleSet:
    """Read and check rules.

    Args:
        text: YAML (the core schema of version 1.2) with the key `rules`, and `version` if it has a name of its own.
        file: what errors call it.

    Returns:
        The rules in their wire form. Their version, where none is given, is a digest of the text.

    Raises:
        PeerError: 422; where is file and path, such as "park.yaml: rules[2].on_delay".
    """
    written = _document(text, file)
    if not isinstance(written.get("rules"), list):
        found = quoted(written["rules"]) if written.get("rules") is not None else "nothing"
        _refuse(f"{file}: rules", found, "a list of rules")
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_DIGITS]
    version = written.get("version", f"sha256:{digest}")
    if not isinstance(version, str) or not version:
        _refuse(f"{file}: version", quoted(version), 'text such as "2026-1"')
    rules = [rule(entry, f"{file}: rules[{place}]") for place, entry in enumerate(written["rules"])]
    loaded = RuleSet(version=version, rules=rules)
    try:
        check_rules(loaded)
    except PeerError as error:
        raise _as_written(error, file, written["rules"]) from None
    return loaded


def _document(text: str, file: str) -> Mapping[str, Any]:
    try:
        written = yaml.load(text, CoreLoader)  # noqa: S506 - a subclass of the safe loaders
    except yaml.YAMLError as error:
        place, problem = not_yaml(error)
        told = problem if problem.startswith(KEY_FAULTS) else f"a fault ({problem})"
        _refuse(f"{file}: {place}" if place else file, told, "valid YAML")
    except RecursionError:
        _refuse(file, "levels beyond counting", "YAML of a few levels")
    if not isinstance(written, dict):
        _refuse(file, "nothing" if written is None else quoted(written), 'a mapping with the key "rules"')
    for key in written:
        wire_name(key, _KEYS, f"{file}: ")
    return written


def _as_written(error: PeerError, file: str, rules: Sequence[Mapping[str, Any]]) -> PeerError:
    """The same fault, in the names and values of the file instead of those of the wire."""
    place = re.match(r"rules\[(\d+)\]\.?(.*)", error.where)
    where, found = error.where, error.found
    if place is not None:
        written = rules[int(place[1])]
        if "shifts" not in (written.get("active_when") or {}):
            where = where.replace(".active_when.shifts[0].", ".active_when.")
        if where.endswith(".utc_offset_minutes"):
            where = where.removesuffix("_minutes")
            found = quoted(written["active_when"]["utc_offset"])
        elif where.endswith("_s"):
            where = where.removesuffix("_s")
            key = where.rpartition(".")[2]
            found = quoted(written[key]) if key in written else found
    return PeerError(error.title, status=error.status, where=f"{file}: {where}", found=found, wanted=error.wanted)


def _refuse(where: str, found: str, wanted: str) -> NoReturn:
    raise PeerError("invalid rules file", where=where, found=found, wanted=wanted)
