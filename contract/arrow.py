"""Telemetry packs as Arrow IPC streams: columns point int32, time_ms int64, value float64, without nulls.

A pack names its points by their index in the park's registered list. Read-back adds a first column, sequence int64.
"""

import struct
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contract.columns import MAX_TIME_MS, Columns, check_count, in_order_of_time
from contract.errors import PeerError
from contract.messages import MAX_PACK_READINGS

PACK_SCHEMA = pa.schema(
    [
        pa.field("point", pa.int32(), nullable=False),
        pa.field("time_ms", pa.int64(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)
SEQUENCED_SCHEMA = pa.schema([pa.field("sequence", pa.int64(), nullable=False), *PACK_SCHEMA])

_ROW_BYTES = 4 + 8 + 8


def encode(columns: Columns) -> bytes:
    """A pack as an Arrow IPC stream with one record batch."""
    return _write(PACK_SCHEMA, [columns.point, columns.time_ms, columns.value])


def decode(body: bytes, points: int) -> Columns:
    """Decode and check a pack; readings come in order of time (stable).

    Args:
        body: an uncompressed Arrow IPC stream.
        points: number of points that the park has registered.

    Raises:
        PeerError: 400 malformed, 413 too many readings, 422 wrong schema, point index out of range, value not finite,
            time out of range, no readings.
    """
    point, time_ms, value = _read(body, PACK_SCHEMA, MAX_PACK_READINGS)
    check_count(len(point))
    _check_rows("point", point, (point >= 0) & (point < points), f"a point index from 0 to {points - 1}")
    _check_rows("time_ms", time_ms, (time_ms >= 0) & (time_ms <= MAX_TIME_MS), "Unix milliseconds from 1970 to 9999")
    _check_rows("value", value, np.isfinite(value), "a finite number")
    return in_order_of_time(Columns(point, time_ms, value))


def encode_sequenced(sequence: NDArray[np.int64], columns: Columns) -> bytes:
    """Stored readings for read-back; `sequence` (n,) is the number of the pack that brought each reading."""
    return _write(SEQUENCED_SCHEMA, [sequence, columns.point, columns.time_ms, columns.value])


def decode_sequenced(body: bytes) -> tuple[NDArray[np.int64], Columns]:
    """Read-back as a platform answered it: sequence (n,) int64 and the columns, in the order that was sent.

    Raises:
        PeerError: 400 malformed, 422 wrong schema.
    """
    sequence, point, time_ms, value = _read(body, SEQUENCED_SCHEMA, None)
    return sequence, Columns(point, time_ms, value)


def _write(schema: Any, arrays: list[NDArray[Any]]) -> bytes:  # noqa: ANN401 - pyarrow ships no types
    batch = pa.record_batch([pa.array(array) for array in arrays], schema=schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(batch)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _read(body: bytes, schema: Any, readings_max: int | None) -> list[NDArray[Any]]:  # noqa: ANN401 - pyarrow ships no types
    """The columns of a stream that has exactly this schema, as arrays that own their memory.

    pyarrow validates the messages; what it would allocate beyond the body itself (compressed buffers) is refused first.
    """
    try:
        reader = pa.ipc.open_stream(pa.py_buffer(body))
        _check_schema(reader.schema, schema)
        _refuse_compression(body)
        batches = []
        for batch in reader:
            batch.validate(full=True)
            batches.append(batch)
            if readings_max is not None and sum(len(one) for one in batches) > readings_max:
                check_count(sum(len(one) for one in batches))
        table = pa.Table.from_batches(batches, schema=reader.schema)
        _check_no_nulls(table)
        return [np.array(column.to_numpy()) for column in table.columns]
    except (pa.ArrowException, OSError, ValueError, struct.error) as error:
        found = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise PeerError("malformed Arrow stream", status=400, found=found, wanted="an Arrow IPC stream") from error


def _check_schema(found: Any, wanted: Any) -> None:  # noqa: ANN401 - pyarrow ships no types
    if found.names == wanted.names and found.types == wanted.types:
        return
    raise PeerError("wrong schema", where="schema", found=_spelled(found), wanted=_spelled(wanted))


def _spelled(schema: Any) -> str:  # noqa: ANN401 - pyarrow ships no types
    text = ", ".join(f"{field.name} {field.type}" for field in schema)
    return text if len(text) <= 200 else text[:197] + "..."  # noqa: PLR2004 - readable in an error message


def _check_no_nulls(table: Any) -> None:  # noqa: ANN401 - pyarrow ships no types
    for name, column in zip(table.column_names, table.columns, strict=True):
        if column.null_count:
            raise PeerError("missing value", where=name, found=f"{column.null_count} nulls", wanted="no nulls")


def _check_rows(name: str, values: NDArray[Any], good: NDArray[np.bool_], wanted: str) -> None:
    if good.all():
        return
    row = int(np.argmin(good))
    raise PeerError(f"invalid {name}", where=f"{name}[{row}]", found=str(values[row]), wanted=wanted)


# --- compression: a look into the messages' metadata ---------------------------------------------------------------

_MESSAGE_HEADER_TYPE, _MESSAGE_HEADER = 1, 2  # slots of the tables in Arrow's Message.fbs
_BATCH_COMPRESSION = 3
_RECORD_BATCH = 3  # MessageHeader.RecordBatch


def _refuse_compression(body: bytes) -> None:
    """Raise `PeerError` 422 if a record batch has compressed buffers (Message.fbs of the Arrow format)."""
    for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(body)):
        metadata = message.metadata.to_pybytes()
        table = struct.unpack_from("<I", metadata, 0)[0]
        kind = _field(metadata, table, _MESSAGE_HEADER_TYPE)
        header = _field(metadata, table, _MESSAGE_HEADER)
        if not kind or not header or metadata[kind] != _RECORD_BATCH:
            continue
        batch = header + struct.unpack_from("<I", metadata, header)[0]
        if _field(metadata, batch, _BATCH_COMPRESSION):
            raise PeerError("compressed Arrow stream", found="compressed buffers", wanted="uncompressed buffers")


def _field(flatbuffer: bytes, table: int, slot: int) -> int:
    """Where a field of a flatbuffer table lies, 0 if it is absent."""
    vtable = table - struct.unpack_from("<i", flatbuffer, table)[0]
    size = struct.unpack_from("<H", flatbuffer, vtable)[0]
    entry = 4 + 2 * slot
    if entry + 2 > size:
        return 0
    offset: int = struct.unpack_from("<H", flatbuffer, vtable + entry)[0]
    return table + offset if offset else 0
