"""Telemetry packs to bytes and back, in the three encodings of the contract; JSON bodies to messages.

`encode(media_type, ...)` and `decode(media_type, ...)` choose by media type. Decoding checks everything that the
contract asks of a pack; what is wrong raises `PeerError` with the place, and nothing of the pack is kept.
"""

from typing import TypeVar

import msgspec
import numpy as np

from contract import arrow, senml
from contract.columns import Columns
from contract.errors import PeerError
from contract.messages import MAX_PACK_BYTES
from contract.names import NameIndex, PointNames

SENML_JSON = "application/senml+json"
SENML_CBOR = "application/senml+cbor"
ARROW_STREAM = "application/vnd.apache.arrow.stream"
MEDIA_TYPES = (SENML_JSON, SENML_CBOR, ARROW_STREAM)

_Message = TypeVar("_Message")


def encode(media_type: str, park: str, names: PointNames, columns: Columns) -> bytes:
    """Encode a pack. `names` are the park's point names in the order of their index.

    Raises:
        ValueError: unknown media type.
    """
    if media_type == SENML_JSON:
        return senml.encode_json(park, names, columns)
    if media_type == SENML_CBOR:
        return senml.encode_cbor(park, names, columns)
    if media_type == ARROW_STREAM:
        return arrow.encode(columns)
    raise ValueError(f"unknown media type {media_type!r}, expected one of {', '.join(MEDIA_TYPES)}")


def decode(media_type: str, body: bytes, index: NameIndex, now_ms: int) -> Columns:
    """Decode and check a pack; readings come in order of time (stable).

    Args:
        media_type: value of the Content-Type header, without parameters.
        body: the pack as it came.
        index: the resolved SenML names (`park/point`) of one park's points.
        now_ms: base of relative SenML times, Unix milliseconds.

    Raises:
        PeerError: 415 unknown media type, 400 malformed, 413 too many bytes or readings, 422 unknown point, value not
            finite, no readings and whatever else cannot be stored.
    """
    if len(body) > MAX_PACK_BYTES:
        raise PeerError(
            "pack too large", status=413, found=f"{len(body)} bytes", wanted=f"at most {MAX_PACK_BYTES} bytes"
        )
    if media_type == SENML_JSON:
        return senml.decode_json(body, index, now_ms)
    if media_type == SENML_CBOR:
        return senml.decode_cbor(body, index, now_ms)
    if media_type == ARROW_STREAM:
        return arrow.decode(body, len(index))
    raise PeerError(
        "unsupported media type",
        status=415,
        where="Content-Type",
        found=repr(media_type),
        wanted=" or ".join(MEDIA_TYPES),
    )


def warm_up() -> None:
    """Compile the kernels, or load them from numba's cache, and load what is slow to load, before the first pack."""
    columns = Columns(np.zeros(2, np.int32), np.array([2**40, 2**40 + 1]), np.array([0.5, 1.0]))
    index = NameIndex(["p/a/b"])
    for media_type in MEDIA_TYPES:
        decode(media_type, encode(media_type, "p", PointNames(["a/b"]), columns), index, 0)


def decode_message(kind: type[_Message], body: bytes) -> _Message:
    """Decode and check a JSON body.

    Raises:
        PeerError: 400 not JSON, 422 not such a message, with the place (`points[3].name`).
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise senml.malformed_json(error) from error


def _invalid(text: str) -> PeerError:
    """Msgspec's sentence (`Expected `int`, got `str` - at `$.a``) as place, found and wanted."""
    fault, _, place = text.partition(" - at `$")
    wanted, _, found = fault.partition(", got ")
    if not found:
        wanted, found = "", fault[:1].lower() + fault[1:]
    return PeerError(
        "invalid message",
        where=place.rstrip("`").lstrip("."),
        found=found.replace("`", "'"),
        wanted=wanted.removeprefix("Expected ").replace("`", "'"),
    )
