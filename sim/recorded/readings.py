"""Readings from Parquet, batch by batch: checked, and as numbers."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from contract.columns import MAX_TIME_MS
from sim.recorded.columns import BARE, PACKING
from sim.recorded.faults import TraceFileError

BATCH_ROWS: Final = 1 << 18
_TEXTS: Final = ("park", "gateway", "point")
_TIMES: Final = ("due", "time")
_WHOLE: Final = ("sequence", "copy")


class Coded(NamedTuple):
    """A column of texts: `codes` (n,) are places in `texts`."""

    codes: NDArray[np.int32]
    texts: list[str]


class Batch(NamedTuple):
    """Some rows; n of them, from `first_row` of the file on.

    Attributes:
        time_ms: (n,) int64, Unix milliseconds.
        value: (n,) float64, finite.
        due_ms, sequence, copy: (n,) int64; None where the recording does not say how readings travelled.
    """

    first_row: int
    park: Coded
    gateway: Coded
    point: Coded
    time_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    due_ms: NDArray[np.int64] | None
    sequence: NDArray[np.int64] | None
    copy: NDArray[np.int64] | None


class Readings:
    """The table of readings.

    Args:
        path: of the file.

    Attributes:
        is_bare: it does not say how the readings travelled.
        rows: number of readings.

    Raises:
        TraceFileError: no Parquet file, a column is missing or of the wrong type.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with opened(path) as parquet:
            schema = parquet.schema_arrow
            self.rows: int = parquet.metadata.num_rows
        missing = [name for name in BARE if name not in schema.names]
        if missing:
            found = f"no column {missing[0]} among {', '.join(schema.names)}"
            raise TraceFileError(path, found=found, wanted=f"the columns {', '.join(BARE)}")
        half = [name for name in PACKING if name in schema.names]
        if len(half) == 1:
            raise TraceFileError(path, found=f"{half[0]} alone", wanted=f"{' and '.join(PACKING)} together, or neither")
        self.is_bare = not half
        optional = () if self.is_bare else (*PACKING, *(("copy",) if "copy" in schema.names else ()))
        self._columns = (*BARE, *optional)
        for name in self._columns:
            check_type(path, name, schema.field(name).type)

    def batches(self) -> Iterator[Batch]:
        """All rows, in order; times never go back.

        Raises:
            TraceFileError: a row is wrong; with its number, from 0.
        """
        order_of = "time" if self.is_bare else "due"
        row, before_ms = 0, 0
        with opened(self.path, read_dictionary=list(_TEXTS)) as parquet:
            for rows in parquet.iter_batches(BATCH_ROWS, columns=list(self._columns), use_threads=False):
                if not rows.num_rows:
                    continue
                batch = self._batch(rows, row)
                ordered = batch.time_ms if batch.due_ms is None else batch.due_ms
                back = np.flatnonzero(np.diff(ordered, prepend=before_ms) < 0)
                if len(back):
                    wanted = f"the column {order_of} never to go back"
                    raise self._at(row + int(back[0]), found="an earlier time than in the row before", wanted=wanted)
                yield batch
                row, before_ms = row + rows.num_rows, int(ordered[-1])

    def _batch(self, rows: pa.RecordBatch, first_row: int) -> Batch:
        for name in self._columns:
            if rows.column(name).null_count:
                place = int(np.argmax(np.asarray(rows.column(name).is_null().to_numpy(zero_copy_only=False))))
                raise self._at(first_row + place, found=f"no {name}", wanted=f"a {name} in each row")
        value = rows.column("value").cast(pa.float64()).to_numpy()
        self._hold(np.isfinite(value), first_row, found="a value that is no finite number", wanted="a finite value")
        times = {name: self._times(rows, name, first_row) for name in _TIMES if name in self._columns}
        numbers = {name: rows.column(name).cast(pa.int64()).to_numpy() for name in _WHOLE if name in self._columns}
        copy = None if self.is_bare else numbers.get("copy", np.zeros(rows.num_rows, np.int64))
        park, gateway, point = (coded(rows.column(name)) for name in _TEXTS)
        return Batch(first_row, park, gateway, point, times["time"], value, times.get("due"), numbers.get("sequence"),
                     copy)  # fmt: skip

    def _times(self, rows: pa.RecordBatch, name: str, first_row: int) -> NDArray[np.int64]:
        time_ms = unix_ms(rows.column(name))
        fits = (time_ms >= 0) & (time_ms <= MAX_TIME_MS)
        self._hold(fits, first_row, found=f"a {name} out of range", wanted="a time from 1970 to 9999")
        return time_ms

    def _hold(self, good: NDArray[np.bool_], first_row: int, *, found: str, wanted: str) -> None:
        if not good.all():
            raise self._at(first_row + int(np.argmin(good)), found=found, wanted=wanted)

    def _at(self, row: int, *, found: str, wanted: str) -> TraceFileError:
        return TraceFileError(f"{self.path}: row {row}", found=found, wanted=wanted)


def opened(path: Path, read_dictionary: Sequence[str] = ()) -> pq.ParquetFile:
    """A Parquet file.

    Raises:
        TraceFileError: there is none, or it is none.
    """
    try:
        return pq.ParquetFile(path, read_dictionary=list(read_dictionary))
    except FileNotFoundError:
        raise TraceFileError(path, found="no such file", wanted="a Parquet file") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise TraceFileError(path, found=str(error), wanted="a Parquet file") from None


def check_type(path: Path, name: str, kind: pa.DataType) -> None:
    """Refuse a column of another type than its name asks for."""
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    if name in (*_TIMES, "at"):
        fits, wanted = pa.types.is_timestamp(kind), "a timestamp"
    elif name in _WHOLE:
        fits, wanted = pa.types.is_integer(kind), "a whole number"
    elif name == "value":
        fits, wanted = pa.types.is_floating(kind) or pa.types.is_integer(kind), "a number"
    else:
        fits, wanted = pa.types.is_string(inner) or pa.types.is_large_string(inner), "text"
    if not fits:
        raise TraceFileError(f"{path}: column {name}", found=str(kind), wanted=wanted)


def unix_ms(column: pa.Array) -> NDArray[np.int64]:
    """Timestamps of any unit as Unix milliseconds, (n,) int64; without a zone they are taken for UTC."""
    in_ms = column.cast(pa.timestamp("ms", tz=column.type.tz), safe=False)
    told: NDArray[np.int64] = in_ms.cast(pa.int64()).to_numpy()
    return told


def coded(column: Any) -> Coded:  # noqa: ANN401 - pyarrow ships no types
    """A column of texts as codes and texts."""
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    return Coded(column.indices.cast(pa.int32()).to_numpy(), column.dictionary.to_pylist())
