"""Resolution of SenML records (RFC 8428 section 4.6): base fields applied, times absolute, order chronological."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from contract.errors import PeerError

RELATIVE_TIME_BELOW_S = 2**28
"""Times below this are relative to now, the others are Unix seconds (RFC 8428 section 4.5.3)."""

SUPPORTED_VERSION = 10

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")  # section 4.5.1
_BASE64URL = re.compile(r"[A-Za-z0-9\-_]*")
_NUMBERS = ("bt", "bv", "bs", "v", "s", "t", "ut")
_TEXTS = ("bn", "bu", "n", "u", "vs", "vd")
_BASE = frozenset({"bver", "bn", "bt", "bu", "bv", "bs"})
_VALUES = ("v", "vs", "vb", "vd")
_KNOWN = _BASE | {*_NUMBERS, *_TEXTS, "vb"}


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A resolved record. Encoded to JSON it is a valid resolved SenML record.

    Attributes:
        n: complete name.
        t: Unix seconds.
        u: unit.
        v, vs, vb, vd: the value, at most one of them; `vd` as base64url text without padding.
        s: integrated sum, in the unit times seconds.
        ut: longest time until the next reading, seconds.
        bver: version of the pack where it is not 10.
    """

    n: str
    t: float
    u: str | None = None
    v: float | None = None
    vs: str | None = None
    vb: bool | None = None
    vd: str | None = None
    s: float | None = None
    ut: float | None = None
    bver: int | None = None


def resolve(records: Sequence[object], now_ms: int) -> list[Record]:
    """Resolve a pack whose labels are those of the JSON form; in order of time, stable.

    A record that carries base fields only sets them and yields nothing (as in section 5.1.7).

    Args:
        records: the pack's array as a JSON decoder returns it.
        now_ms: base of relative times, Unix milliseconds.

    Raises:
        PeerError: 400 for a record or field of the wrong type, 422 for what the RFC forbids.
    """
    resolved = [record for _, record in resolve_in_place(records, now_ms)]
    resolved.sort(key=lambda record: record.t)
    return resolved


def resolve_in_place(records: Sequence[object], now_ms: int) -> list[tuple[int, Record]]:
    """Like `resolve`, in the order of the pack, each record with its place in it."""
    base: dict[str, Any] = {}
    now_s = now_ms / 1000
    resolved = []
    for place, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise _malformed(f"[{place}]", record, "an object")
        _check_fields(place, record)
        _apply_version(place, record, base)
        base.update((label, record[label]) for label in _BASE & record.keys())
        if record.keys() <= _BASE and record:
            continue
        resolved.append((place, _resolve_one(place, record, base, now_s)))
    return resolved


def shown(value: object) -> str:
    """A value for an error message, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."  # noqa: PLR2004 - what fits a line of a terminal


def _malformed(where: str, found: object, wanted: str) -> PeerError:
    return PeerError("malformed SenML", status=400, where=where, found=shown(found), wanted=wanted)


def _check_fields(place: int, record: Mapping[Any, Any]) -> None:
    """Types of the known fields; the rule on unknown ones (section 4.4)."""
    for label, value in record.items():
        where = f"[{place}].{label}"
        if label in _TEXTS:
            if not isinstance(value, str):
                raise _malformed(where, value, "a string")
        elif label in _NUMBERS:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise _malformed(where, value, "a number")
            _finite(where, value)
        elif label == "vb":
            if not isinstance(value, bool):
                raise _malformed(where, value, "true or false")
        elif label not in _KNOWN and isinstance(label, str) and label.endswith("_"):
            raise PeerError(
                "unknown mandatory field", where=where, found=shown(label), wanted="no unknown label that ends in '_'"
            )
    if not _BASE64URL.fullmatch(record.get("vd", "")):
        raise _malformed(f"[{place}].vd", record["vd"], "base64url text without padding")


def _finite(where: str, value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise PeerError("not a finite number", where=where, found=shown(value), wanted="a finite number")
    return number


def _apply_version(place: int, record: Mapping[str, Any], base: Mapping[str, Any]) -> None:
    """One version in a pack, not above the one this code knows (section 4.4)."""
    if "bver" not in record:
        return
    version = record["bver"]
    where = f"[{place}].bver"
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise _malformed(where, version, "a positive integer")
    if version > SUPPORTED_VERSION:
        raise PeerError(
            "unsupported SenML version", where=where, found=shown(version), wanted=f"at most {SUPPORTED_VERSION}"
        )
    expected = base.get("bver", SUPPORTED_VERSION if place else version)
    if version != expected:
        raise PeerError("mixed SenML versions", where=where, found=shown(version), wanted=f"{expected} as before")


def _resolve_one(place: int, record: Mapping[str, Any], base: Mapping[str, Any], now_s: float) -> Record:
    name = base.get("bn", "") + record.get("n", "")
    if not _NAME.fullmatch(name):
        where = f"[{place}].n"
        raise PeerError("invalid name", where=where, found=shown(name), wanted="letters, digits and -:./_")
    time_s = float(base.get("bt", 0.0)) + float(record.get("t", 0.0))
    if time_s < RELATIVE_TIME_BELOW_S:
        time_s += now_s
    _finite(f"[{place}].t", time_s)
    version = base.get("bver", SUPPORTED_VERSION)
    has_sum = "bs" in base or "s" in record
    _check_one_value(place, record, has_sum=has_sum)
    return Record(
        n=name,
        t=time_s,
        u=record.get("u", base.get("bu")),
        v=_value(place, record, base),
        vs=record.get("vs"),
        vb=record.get("vb"),
        vd=record.get("vd"),
        s=_finite(f"[{place}].s", float(base.get("bs", 0.0)) + float(record.get("s", 0.0))) if has_sum else None,
        ut=record.get("ut"),
        bver=None if version == SUPPORTED_VERSION else version,
    )


def _check_one_value(place: int, record: Mapping[str, Any], *, has_sum: bool) -> None:
    found = [label for label in _VALUES if label in record]
    if len(found) > 1 or (not found and not has_sum):
        raise PeerError(
            "not exactly one value",
            where=f"[{place}]",
            found=" and ".join(found) or "none",
            wanted="one of v, vs, vb, vd",
        )


def _value(place: int, record: Mapping[str, Any], base: Mapping[str, Any]) -> float | None:
    """Base value plus value. Without a base value the value stays bit for bit what it is (0.0 + -0.0 is 0.0)."""
    if "v" not in record:
        return None
    value = float(record["v"])
    return _finite(f"[{place}].v", float(base["bv"]) + value) if "bv" in base else value
