"""Readings kept in a temporary file, in columns: to be sorted by time, or to be read many times without parsing."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.backtest.readings import Batch
from contract.columns import Columns

SORT_MEMORY: Final = "512MB"
BATCH_READINGS: Final = 1 << 16
_SCHEMA: Final = pa.schema(
    [("point", pa.int32()), ("time_ms", pa.int64()), ("value", pa.float64()), ("label", pa.bool_())]
)
_IN_ORDER: Final = "SELECT point, time_ms, value, label FROM readings ORDER BY time_ms, place"


class Spool:
    """Readings in an uncompressed Arrow file of 21 bytes each, which the system's page cache holds while there is room.

    Attributes:
        path: the file; whoever made the folder removes it.
        readings: how many there are.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as opened:
            self._batches = opened.num_record_batches
            self.readings = sum(opened.get_batch(place).num_rows for place in range(self._batches))

    @classmethod
    def write(cls, folder: Path, batches: Iterable[Batch]) -> "Spool":
        """Keep readings in their order."""
        return cls._write(folder / "readings.arrow", map(_record, batches))

    @classmethod
    def write_in_order(cls, folder: Path, batches: Iterable[Batch]) -> "Spool":
        """Keep readings in order of time; of equal times in their order. What does not fit memory is sorted on disk."""
        connection = duckdb.connect(
            config={"memory_limit": SORT_MEMORY, "temp_directory": str(folder / "sort"), "threads": 2}
        )
        try:
            schema = _SCHEMA.append(pa.field("place", pa.int64()))
            readings = pa.RecordBatchReader.from_batches(schema, _numbered(batches))
            connection.register("readings", readings)
            sorted_file = folder / "ordered.parquet"
            connection.sql(_IN_ORDER).write_parquet(str(sorted_file))
        finally:
            connection.close()
        with pq.ParquetFile(sorted_file) as ordered:
            spool = cls._write(folder / "ordered.arrow", ordered.iter_batches(batch_size=BATCH_READINGS))
        sorted_file.unlink()
        return spool

    @classmethod
    def _write(cls, path: Path, records: Iterable[pa.RecordBatch]) -> "Spool":
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, _SCHEMA) as writer:
            for record in records:
                writer.write_batch(record)
        return cls(path)

    def batches(self) -> Iterator[Batch]:
        """The readings, as they were written."""
        with pa.memory_map(str(self.path)) as file, pa.ipc.open_file(file) as opened:
            for place in range(self._batches):
                record = opened.get_batch(place)
                point, time_ms, value = (record.column(name).to_numpy() for name in ("point", "time_ms", "value"))
                label = record.column("label")
                is_labelled = None if label.null_count else label.to_numpy(zero_copy_only=False)
                yield Batch(Columns(point, time_ms, value), is_labelled)


def _record(batch: Batch) -> pa.RecordBatch:
    label = pa.nulls(len(batch.columns), pa.bool_()) if batch.label is None else pa.array(batch.label)
    return pa.record_batch([*(pa.array(column) for column in batch.columns), label], schema=_SCHEMA)


def _numbered(batches: Iterable[Batch]) -> Iterator[pa.RecordBatch]:
    done = 0
    for batch in batches:
        record = _record(batch)
        place = pa.array(np.arange(done, done + record.num_rows))
        done += record.num_rows
        yield record.append_column(pa.field("place", pa.int64()), place)


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for spools that goes away with the program; TMPDIR says where."""
    return tempfile.TemporaryDirectory(prefix="parkbench-backtest-")
