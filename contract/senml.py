"""SenML packs (RFC 8428) in JSON and CBOR to columns and back.

An ordinary pack (base fields in the first record only, numeric values, names of registered points) is decoded column by
column: JSON by `contract.scan`, CBOR here. Everything else goes record by record through `contract.resolution`, which
also says exactly what is wrong. Both ways give the same columns for the same bytes. JSON of short decimals is written
by `contract.write`, any other here.

Telemetry is numeric: a boolean value becomes 0 or 1; a string, a data value or a sum without a value is refused, since
it could not be stored and must not be acknowledged. Units and update times are checked for their type and not kept.
"""

import base64
import io
import math
import struct
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import chain, repeat
from typing import Any, NamedTuple, NoReturn

import cbor2
import msgspec
import numpy as np
from numpy.typing import NDArray

from contract import scan, write
from contract.columns import MAX_TIME_MS, Columns, check_count, in_order_of_time
from contract.errors import PeerError
from contract.messages import MAX_PACK_READINGS
from contract.names import NameIndex, PointNames
from contract.resolution import RELATIVE_TIME_BELOW_S, Record, resolve, resolve_in_place, shown

__all__ = ["Record", "decode_cbor", "decode_json", "encode_cbor", "encode_json", "resolve"]

_CBOR_LABELS = {
    -1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs",
    0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd",
}  # fmt: skip
_MIN_TIME_MS = RELATIVE_TIME_BELOW_S * 1000

# --- encoding ----------------------------------------------------------------------------------------------------


def encode_json(park: str, names: PointNames, columns: Columns) -> bytes:
    """A pack as `application/senml+json`. Values decode to the same bits.

    Args:
        park: base name of the pack, without the `/`.
        names: point names of the park in the order of their index.
        columns: readings; times not before 1978-07-04 (RFC 8428 takes smaller numbers for relative times).

    Raises:
        ValueError: a time or value that SenML cannot carry.
    """
    _check_encodable(columns)
    if not len(columns):
        return b"[]"
    base_ms = int(columns.time_ms[0])
    ordinary = _ordinary_records(names, columns)
    if ordinary is not None:
        return b'[{"bn":"%b/","bt":%r,%b]' % (park.encode(), base_ms / 1000, ordinary[1:])
    names_here = map(names.__getitem__, columns.point.tolist())
    parts: list[Iterator[str]] = [repeat('{"n":"'), names_here, repeat('","v":'), _json_numbers(columns.value)]
    if _has_times(columns):
        parts += [repeat(',"t":'), _json_numbers((columns.time_ms - base_ms) / 1000)]
    parts.append(repeat("},"))
    text = "".join(chain.from_iterable(zip(*parts, strict=False)))
    return f'[{{"bn":"{park}/","bt":{base_ms / 1000!r},{text[1:-1]}]'.encode()


def encode_cbor(park: str, names: PointNames, columns: Columns) -> bytes:
    """A pack as `application/senml+cbor`; arguments and errors as for `encode_json`."""
    _check_encodable(columns)
    count = len(columns)
    if not count:
        return b"\x80"
    base_ms = int(columns.time_ms[0])
    has_times = _has_times(columns)
    fields = 3 if has_times else 2
    parts: list[Iterator[bytes]] = [
        repeat(bytes((0xA0 + fields, 0))),
        (_cbor_text(names[point]) for point in columns.point.tolist()),
        repeat(b"\x02\xfb"),
        _big_endian(columns.value),
    ]
    if has_times:
        parts += [repeat(b"\x06\xfb"), _big_endian((columns.time_ms - base_ms) / 1000)]
    records = b"".join(chain.from_iterable(zip(*parts, strict=False)))
    base = b"\x21" + _cbor_text(park + "/") + b"\x22\xfb" + struct.pack(">d", base_ms / 1000)
    return _cbor_head(0x80, count) + bytes((0xA0 + fields + 2,)) + base + records[1:]


def _ordinary_records(names: PointNames, columns: Columns) -> bytes | None:
    """The records of `encode_json`; None where a number is not a short decimal."""
    out = np.empty(len(columns) * (write.RECORD_BYTES_MAX + names.bytes_max), np.uint8)
    point, time_ms, value = map(np.array, columns)  # copies: the kernel is compiled for arrays that can be written
    size = write.records(names.text, names.offsets, point, time_ms, _has_times(columns), value, out)
    return out[: size - 1].tobytes() if size else None


def _check_encodable(columns: Columns) -> None:
    if not np.isfinite(columns.value).all():
        raise ValueError("SenML cannot carry a value that is not finite")
    if len(columns) and not _MIN_TIME_MS <= columns.time_ms.min() <= columns.time_ms.max() <= MAX_TIME_MS:
        raise ValueError(f"SenML cannot carry times outside {_MIN_TIME_MS} to {MAX_TIME_MS} ms")


def _has_times(columns: Columns) -> bool:
    return bool((columns.time_ms != columns.time_ms[0]).any())


def _json_numbers(values: NDArray[np.float64]) -> Iterator[str]:
    """Shortest decimal text of each value that reads back to the same bits."""
    return iter(msgspec.json.encode(values.tolist())[1:-1].decode().split(","))


def _big_endian(values: NDArray[np.float64]) -> Iterator[bytes]:
    raw = values.astype(">f8").tobytes()
    return (raw[at : at + 8] for at in range(0, len(raw), 8))


def _cbor_head(major: int, count: int) -> bytes:
    """The head of a CBOR array or text string (RFC 8949 section 3)."""
    if count < 24:  # noqa: PLR2004 - RFC 8949: up to 23 the count is in the first byte
        return bytes((major + count,))
    if count < 1 << 8:
        return bytes((major + 24, count))
    if count < 1 << 16:
        return struct.pack(">BH", major + 25, count)
    return struct.pack(">BI", major + 26, count)


def _cbor_text(text: str) -> bytes:
    raw = text.encode()
    return _cbor_head(0x60, len(raw)) + raw


# --- decoding ----------------------------------------------------------------------------------------------------


def decode_json(body: bytes, index: NameIndex, now_ms: int) -> Columns:
    """Decode and check a JSON pack; see `contract.codec.decode`."""
    columns = _ordinary_json(body, index, now_ms)
    if columns is None:
        columns = _any_pack(_parse_json(body), index, now_ms)
    return in_order_of_time(columns)


def decode_cbor(body: bytes, index: NameIndex, now_ms: int) -> Columns:
    """Decode and check a CBOR pack; see `contract.codec.decode`.

    Numbers may be integers, floats or decimal fractions (tag 4, RFC 8428 section 6); no other tag is allowed.
    """
    pack = _parse_cbor(body)
    columns = _columns(_ordinary_cbor(pack), index, now_ms)
    if columns is None:
        columns = _any_pack(_json_labels(pack), index, now_ms)
    return in_order_of_time(columns)


class _Rows(NamedTuple):
    """What the records of an ordinary pack say, column by column."""

    base_name: str
    names: list[str]
    times_s: NDArray[np.float64]
    values: NDArray[np.float64]


def _ordinary_json(body: bytes, index: NameIndex, now_ms: int) -> Columns | None:
    """The readings of an ordinary pack, None for any other (which may still be a good one)."""
    capacity = min(len(body) // scan.RECORD_BYTES_MIN, MAX_PACK_READINGS)
    point = np.empty(capacity, np.int32)
    numbers = np.empty(2 * capacity + scan.SPARE_NUMBERS)
    hard = np.empty((len(numbers), 3), np.int32)
    raw = np.frombuffer(body, np.uint8)
    rows, hard_count = scan.scan(raw, index.text, index.offsets, index.table, index.shared, point, numbers, hard)
    for slot, start, stop in hard[:hard_count].tolist():
        numbers[slot] = number = float(body[start:stop])
        if math.isinf(number):
            return None
    time_ms = np.empty(rows, np.int64)
    times_s, base_s = numbers[capacity : capacity + rows], numbers[2 * capacity]
    if not rows or not scan.times_in_ms(times_s, base_s, now_ms / 1000, RELATIVE_TIME_BELOW_S, MAX_TIME_MS, time_ms):
        return None
    return Columns(point[:rows].copy(), time_ms, numbers[:rows].copy())


def _ordinary_cbor(pack: list[Any]) -> _Rows | None:
    """The rows of an ordinary CBOR pack, None for any other.

    Its records have name and value, or all have name, value and time; the numbers are floats or integers.
    """
    if not 0 < len(pack) <= MAX_PACK_READINGS:
        return None
    try:
        first = pack[0]
        labels = {0, 2, 6} if 6 in first else {0, 2}  # noqa: PLR2004 - the labels of n, v and t
        if not first.keys() <= labels | {-2, -3} or set(map(len, pack[1:])) - {len(labels)}:
            return None
        names = _only([record[0] for record in pack], str)
        values = np.array(_only([record[2] for record in pack], float, int), np.float64)
        times = np.array(_only([record.get(6, 0.0) for record in pack], float, int), np.float64)
        (base_name,) = _only([first.get(-2, "")], str)
        (base_time,) = _only([first.get(-3, 0.0)], float, int)
        return _Rows(base_name, names, float(base_time) + times, values)
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError):
        return None


def _only(values: list[Any], *types: type) -> list[Any]:
    """The same list; raises `TypeError` if one value is of another type (a boolean is not an integer here)."""
    if not set(map(type, values)) <= set(types):
        raise TypeError
    return values


def _columns(rows: _Rows | None, index: NameIndex, now_ms: int) -> Columns | None:
    """The rows as columns, None where a name is unknown or a number is out of range."""
    if rows is None:
        return None
    base_name, times_s = rows.base_name, rows.times_s
    try:
        point = np.array([index[base_name + name] for name in rows.names], np.int32)
    except KeyError:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        times_ms = np.rint(np.where(times_s < RELATIVE_TIME_BELOW_S, times_s + now_ms / 1000, times_s) * 1000)
    if not (np.isfinite(rows.values).all() and ((times_ms >= 0) & (times_ms <= MAX_TIME_MS)).all()):
        return None
    return Columns(point, times_ms.astype(np.int64), rows.values)


def _any_pack(pack: Sequence[object], index: NameIndex, now_ms: int) -> Columns:
    """Columns of any valid pack; raises `PeerError` for the first thing wrong."""
    check_count(len(pack))
    readings = [_reading(place, record, index) for place, record in resolve_in_place(pack, now_ms)]
    check_count(len(readings))
    point, time_ms, value = zip(*readings, strict=True)
    return Columns(np.array(point, np.int32), np.array(time_ms, np.int64), np.array(value, np.float64))


def _reading(place: int, record: Record, index: NameIndex) -> tuple[int, int, float]:
    point = index.get(record.n)
    if point is None:
        where = f"[{place}].n"
        raise PeerError("unknown point", where=where, found=shown(record.n), wanted="the name of a registered point")
    if record.vb is not None:
        value = float(record.vb)
    elif record.v is not None:
        value = record.v
    else:
        label = "vs" if record.vs is not None else "vd" if record.vd is not None else "s"
        raise PeerError("not a numeric value", where=f"[{place}]", found=f"only {label}", wanted="v or vb")
    time_ms = round(min(max(record.t * 1000, -1.0), MAX_TIME_MS + 1.0))
    if not 0 <= time_ms <= MAX_TIME_MS:
        raise PeerError(
            "time out of range", where=f"[{place}].t", found=f"{record.t!r} s", wanted="1970 to 9999 in Unix seconds"
        )
    return point, time_ms, value


# --- syntax ------------------------------------------------------------------------------------------------------


def _parse_json(body: bytes) -> list[object]:
    try:
        pack = msgspec.json.decode(body)
    except msgspec.ValidationError as error:  # the only one without a type: a number beyond float64
        place = str(error).partition("$")[2].rstrip("`").replace("[...]", "")
        raise PeerError(
            "not a finite number", where=place, found="a number out of range", wanted="a finite number"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed_json(error) from error
    return _array(pack)


def malformed_json(error: Exception) -> PeerError:
    """What msgspec found wrong with the syntax of a body, as status 400."""
    found = "too many levels" if isinstance(error, RecursionError) else str(error).removeprefix("JSON is malformed: ")
    return PeerError("malformed JSON", status=400, found=found, wanted="JSON")


def _array(pack: object) -> list[object]:
    if not isinstance(pack, list):
        raise PeerError("malformed SenML", status=400, found=shown(pack), wanted="an array of records")
    return pack


class _DecimalFractionsOnly(dict[int, Callable[[Any, bool], object]]):
    """CBOR tags by number: all but tag 4 are refused, since some cost far more to build than to send."""

    def __missing__(self, tag: int) -> NoReturn:
        raise ValueError(f"tag {tag} is not allowed")


_DECIMAL_EXPONENT_MAX = 1000
_DECIMAL_MANTISSA_MAX = 1 << 64


def _decimal_fraction(content: Any, _immutable: bool) -> float:  # noqa: ANN401 - any CBOR item may stand there
    """Tag 4: `[exponent, mantissa]` (RFC 8949 section 3.4.4)."""
    match content:
        case [int(exponent), int(mantissa)] if (
            abs(exponent) <= _DECIMAL_EXPONENT_MAX and abs(mantissa) <= _DECIMAL_MANTISSA_MAX
        ):
            return float(Decimal(mantissa).scaleb(exponent))
    raise ValueError("not a decimal fraction")


_TAGS = _DecimalFractionsOnly({4: _decimal_fraction})


def _parse_cbor(body: bytes) -> list[Any]:
    decoder = cbor2.CBORDecoder(io.BytesIO(body), semantic_decoders=_TAGS, max_depth=8)
    try:
        pack = decoder.decode()
    except (cbor2.CBORDecodeError, RecursionError, TypeError) as error:
        is_cut = isinstance(error, cbor2.CBORDecodeEOF)
        found = "an early end" if is_cut else str(error.__cause__ or error)[:120]
        raise PeerError("malformed CBOR", status=400, found=found, wanted="a CBOR array") from error
    try:
        decoder.decode()
    except cbor2.CBORDecodeEOF:
        return _array(pack)
    except cbor2.CBORDecodeError:
        pass
    raise PeerError("malformed CBOR", status=400, found="bytes after the array", wanted="one CBOR array")


def _json_labels(pack: list[Any]) -> list[object]:
    """The records with the labels of the JSON form, data values as base64url text."""
    return [_json_record(record) if isinstance(record, dict) else record for record in pack]


def _json_record(record: dict[Any, Any]) -> dict[Any, Any]:
    named = {_CBOR_LABELS.get(label, label) if type(label) is int else label: value for label, value in record.items()}
    data = named.get("vd")
    if isinstance(data, bytes):
        named["vd"] = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    return named
