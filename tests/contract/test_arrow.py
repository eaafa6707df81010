"""Arrow packs and read-back."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from contract import arrow
from contract.columns import Columns
from contract.errors import PeerError
from contract.messages import MAX_PACK_READINGS

NOW_MS = 1_767_225_600_000


def stream(table: pa.Table, **options: object) -> bytes:
    """Any table as an IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def table_of(point: list[int], time_ms: list[int], value: list[float | None]) -> pa.Table:
    """A table of the contract's schema, but nullable."""
    columns = [pa.array(point, pa.int32()), pa.array(time_ms, pa.int64()), pa.array(value, pa.float64())]
    return pa.table(columns, names=["point", "time_ms", "value"])


@given(value=npst.arrays(np.float64, st.integers(1, 50), elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_round_trip_is_exact(value: np.ndarray) -> None:
    """What is encoded decodes to the same bits, in arrays of the contract's types."""
    columns = Columns(np.arange(len(value), dtype=np.int32), NOW_MS + np.arange(len(value)), value)
    decoded = arrow.decode(arrow.encode(columns), len(value))
    assert [column.dtype for column in decoded] == [np.int32, np.int64, np.float64]
    assert all(was.tobytes() == now.tobytes() for was, now in zip(columns, decoded, strict=True))


def test_read_back_round_trip() -> None:
    """Read-back keeps sequence, order and late readings as they are, with no bound on their number."""
    count = MAX_PACK_READINGS + 1
    sequence = np.arange(count, dtype=np.int64) // 7
    columns = Columns(np.zeros(count, np.int32), NOW_MS - np.arange(count), np.ones(count))
    was, decoded = arrow.decode_sequenced(arrow.encode_sequenced(sequence, columns))
    assert (was == sequence).all()
    assert (decoded.time_ms == columns.time_ms).all()


def test_batches_of_other_writers_are_taken() -> None:
    """Several batches and nullable fields without nulls are as good as our own packs; order is by time."""
    table = pa.concat_tables([table_of([0, 1], [NOW_MS + 1, NOW_MS], [1.0, 2.0]), table_of([2], [NOW_MS], [3.0])])
    decoded = arrow.decode(stream(table), 3)
    assert decoded.point.tolist() == [1, 2, 0]
    assert decoded.value.flags.writeable


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b"", 400, "expected an Arrow IPC stream, found Tried reading schema message, was null or length 0"),
        (stream(table_of([3], [NOW_MS], [1.0])), 422, "point[0]: expected a point index from 0 to 2, found 3"),
        (
            stream(table_of([0, -1], [NOW_MS] * 2, [1.0] * 2)),
            422,
            "point[1]: expected a point index from 0 to 2, found -1",
        ),
        (stream(table_of([0], [-1], [1.0])), 422, "time_ms[0]: expected Unix milliseconds from 1970 to 9999, found -1"),
        (stream(table_of([0], [NOW_MS], [np.nan])), 422, "value[0]: expected a finite number, found nan"),
        (stream(table_of([0], [NOW_MS], [np.inf])), 422, "value[0]: expected a finite number, found inf"),
        (stream(table_of([0], [NOW_MS], [None])), 422, "value: expected no nulls, found 1 nulls"),
        (stream(table_of([], [], [])), 422, "expected at least one reading, found no readings"),
        (
            stream(table_of([0] * 20_001, [NOW_MS] * 20_001, [1.0] * 20_001)),
            413,
            "expected at most 20000 readings, found 20001 readings",
        ),
        (
            stream(table_of([0], [NOW_MS], [1.0]).rename_columns(["point", "time", "value"])),
            422,
            "schema: expected point int32, time_ms int64, value double, found point int32, time int64, value double",
        ),
        (
            stream(table_of([0] * 99, [NOW_MS] * 99, [1.0] * 99), compression="zstd"),
            422,
            "expected uncompressed buffers, found compressed buffers",
        ),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else "",
)
def test_what_is_refused(body: bytes, status: int, detail: str) -> None:
    """Each fault is told with its place, what was found and what was wanted."""
    with pytest.raises(PeerError) as refusal:
        arrow.decode(body, 3)
    assert (refusal.value.status, refusal.value.detail) == (status, detail)


@given(data=st.data())
def test_damaged_read_back_does_no_harm(data: st.DataObject) -> None:
    """Damaged read-back decodes or is refused; it never crashes the load generator."""
    columns = Columns(np.arange(5, dtype=np.int32), NOW_MS + np.arange(5), np.arange(5.0))
    body = bytearray(arrow.encode_sequenced(np.arange(5, dtype=np.int64), columns))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        sequence, decoded = arrow.decode_sequenced(bytes(body))
    except PeerError:
        return
    assert len(sequence) == len(decoded)
