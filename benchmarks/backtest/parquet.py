"""Telemetry in Parquet, read batch by batch."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.backtest.delimited import CsvOptions
from benchmarks.backtest.lines import NO_POINT, NO_TIME, NOT_A_NUMBER, NOT_FINITE
from benchmarks.backtest.names import NewPointError, PointName, name_points
from benchmarks.backtest.readings import BAD_SHOWN_MAX, BadRow, Batch, Tally
from benchmarks.backtest.shape import Kind, find_shape
from benchmarks.backtest.sniff import find_time_format, packed
from benchmarks.backtest.times import EPOCH, FORMATS, TIME_MS_MAX, TimeFormat, read_times
from contract.columns import Columns
from contract.errors import PeerError

BATCH_CELLS: Final = 1 << 16
BATCH_ROWS_MIN: Final = 1 << 10
BEGINNING_ROWS: Final = 1 << 20
"""What is read to learn the points of a long file; a point that only comes later costs another pass over the file."""

_PER_MS: Final = {"s": -1000, "ms": 1, "us": 1000, "ns": 1_000_000}  # units a millisecond; negative: the other way

Mask = NDArray[np.bool_]


class Parquet:
    """A Parquet file, see `readings.Source`.

    Raises:
        PeerError: it is no Parquet file, or its columns cannot be made out.
    """

    def __init__(self, path: Path, options: CsvOptions, file: str | None = None) -> None:
        self.path, self.file, self._zone = path, file or str(path), options.zone
        self.size_bytes = path.stat().st_size
        try:
            self._parquet = pq.ParquetFile(path)
        except (pa.ArrowInvalid, OSError) as error:
            raise PeerError("no Parquet", where=self.file, found=str(error), wanted="a Parquet file") from None
        schema = self._parquet.schema_arrow
        first = next(self._parquet.iter_batches(batch_size=1024), None)
        if first is None or not first.num_rows:
            raise PeerError("no data", where=self.file, found="no rows", wanted="rows of data")
        self._columns = tuple(schema.names)
        kinds = [_kind(field.type, first.column(place)) for place, field in enumerate(schema)]
        self._shape = find_shape(self.file, self._columns, kinds, options.asked)
        time_name = self._columns[self._shape.time]
        self._time_type = schema.field(self._shape.time).type
        self._time_format = self._written(first.column(self._shape.time), time_name, options.time_format)
        self.shape = "long" if self._shape.is_long else "wide"
        self.is_complete = not self._shape.is_long
        wide = sorted(self._columns[place] for place in self._shape.wide)
        self.names: list[PointName] = name_points(wide)
        self._place_of: dict[str, int] = {name: place for place, name in enumerate(wide)}
        self.facts = {"time column": time_name, "time format": self._time_words()}
        if self._shape.left_out:
            self.facts["columns left out"] = ", ".join(self._columns[place] for place in self._shape.left_out)

    def _written(self, column: pa.Array, name: str, asked: str | None) -> TimeFormat | None:
        """How times are written, where the type of their column does not say it."""
        kind = self._time_type
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            return None
        if asked:
            return FORMATS[asked]
        texts = [str(one) for one in column.to_pylist()[:200] if one is not None]
        return find_time_format(self.file, name, texts)

    def _time_words(self) -> str:
        return self._time_format.name if self._time_format else str(self._time_type)

    def survey(self, *, whole: bool) -> Iterator[Batch]:
        """Read to find the points: only the times and names of a long file."""
        if not self._shape.is_long:
            yield from self._first_times(whole=whole)
            return
        found: dict[str, int] = {}
        rows = 0
        for batch in self._rows([self._shape.time, self._shape.point]):
            point, _ = _places(batch.column(1), found, may_grow=True)
            time_ms, is_time, _ = self._times(batch.column(0))
            kept = is_time & (point >= 0)
            if kept.any():
                columns = Columns(point[kept], time_ms[kept], np.zeros(np.count_nonzero(kept)))
                yield Batch(columns, None)
            rows += batch.num_rows
            if rows >= BEGINNING_ROWS and not whole:
                break
        else:
            self.is_complete = True
        self.names = name_points(sorted(found))
        self._place_of = {name.given: place for place, name in enumerate(self.names)}

    def _first_times(self, *, whole: bool) -> Iterator[Batch]:
        for number, batch in enumerate(self._rows([self._shape.time])):
            time_ms, is_time, _ = self._times(batch.column(0))
            time_ms = time_ms[is_time]
            if len(time_ms):
                yield Batch(Columns(np.zeros(len(time_ms), dtype=np.int32), time_ms, np.zeros(len(time_ms))), None)
            if number and not whole:
                break

    def batches(self, tally: Tally) -> Iterator[Batch]:
        """Read all."""
        shape = self._shape
        wanted = [shape.time, *(place for place in (shape.point, shape.value, shape.label) if place is not None)]
        done = 0
        total = max(self._parquet.metadata.num_rows, 1)
        for rows in self._rows([*wanted, *shape.wide]):
            batch = self._long(rows, done, tally) if shape.is_long else self._wide(rows, done, tally)
            done += rows.num_rows
            tally.bytes_read = self.size_bytes * done // total
            tally.readings += len(batch.columns)
            if len(batch.columns):
                yield batch

    def _rows(self, wanted: list[int | None]) -> Iterator[pa.RecordBatch]:
        """Some columns, in the order asked for."""
        names = [self._columns[place] for place in wanted if place is not None]
        texts = [] if self._shape.point is None else [self._columns[self._shape.point]]
        # A fresh reader each time, since how it reads strings is fixed when it is opened.
        parquet = pq.ParquetFile(self.path, read_dictionary=texts)
        size = max(BATCH_ROWS_MIN, BATCH_CELLS // max(1, len(self._shape.wide)))
        for batch in parquet.iter_batches(batch_size=size, columns=names, use_threads=False):
            yield batch.select(names)

    def _long(self, rows: pa.RecordBatch, done: int, tally: Tally) -> Batch:
        time_ms, is_time, naive = self._times(rows.column(0))
        point, texts = _places(rows.column(1), self._place_of, may_grow=False)
        value, is_null = _numbers(rows.column(2))
        is_finite = np.isfinite(value)
        kept = is_time & (point >= 0) & is_finite & ~is_null
        if not kept.all():
            named = is_time & (point >= 0)
            self._blame(
                done,
                [
                    (~is_time, NO_TIME, self._shape.time, rows.column(0)),
                    (is_time & (point < 0), NO_POINT, self._shape.point, texts),
                    (named & is_null, NOT_A_NUMBER, self._shape.value, rows.column(2)),
                    (named & ~is_null & ~is_finite, NOT_FINITE, self._shape.value, rows.column(2)),
                ],
                tally,
            )
        tally.rows += int(np.count_nonzero(kept))
        tally.naive += naive
        label = None if self._shape.label is None else _flags(rows.column(3))[kept]
        return Batch(Columns(point[kept], time_ms[kept], value[kept]), label)

    def _wide(self, rows: pa.RecordBatch, done: int, tally: Tally) -> Batch:
        """In a wide table a null, and a NaN, is no reading: that is how a missing one is written."""
        time_ms, is_time, naive = self._times(rows.column(0))
        first = 1 if self._shape.label is None else 2
        read = [_numbers(column) for column in rows.columns[first:]]
        value = np.stack([numbers for numbers, _ in read], axis=1)
        index = np.array([self._place_of[self._columns[place]] for place in self._shape.wide], dtype=np.int32)
        label = None if self._shape.label is None else _flags(rows.column(1))
        tally.rows += int(np.count_nonzero(is_time))
        tally.naive += naive
        if is_time.all() and np.isfinite(value).all():
            columns = Columns(np.tile(index, len(value)), np.repeat(time_ms, len(index)), value.ravel())
            return Batch(columns, None if label is None else np.repeat(label, len(index)))
        is_there = ~np.isnan(value) & ~np.stack([is_null for _, is_null in read], axis=1)
        is_finite = np.isfinite(value)
        wrong = is_there & ~is_finite & is_time[:, None]
        if wrong.any() or not is_time.all():
            faults = [(~is_time, NO_TIME, self._shape.time, rows.column(0))]
            faults += [
                (wrong[:, place], NOT_FINITE, column, rows.column(first + place))
                for place, column in enumerate(self._shape.wide)
                if wrong[:, place].any()
            ]
            self._blame(done, faults, tally)
        kept = is_there & is_finite & is_time[:, None]
        row, column = np.nonzero(kept)
        return Batch(Columns(index[column], time_ms[row], value[kept]), None if label is None else label[row])

    def _times(self, column: pa.Array) -> tuple[NDArray[np.int64], Mask, int]:
        """Unix milliseconds, where there is a time, and how many had no offset."""
        is_time = np.asarray(column.is_valid())
        if self._time_format is not None and self._time_format.form != EPOCH:
            texts = [text or "" for text in column.cast(pa.string()).to_pylist()]
            read = read_times(*packed(texts), self._time_format, self._zone)
            return read.time_ms, read.is_time, read.naive
        if self._time_format is not None:
            return *_epoch_ms(column, is_time, self._time_format.units_per_s), 0
        if pa.types.is_date(self._time_type):
            column = column.cast(pa.timestamp("ms"))
        ticks = column.view(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        per_ms = _PER_MS[column.type.unit]
        time_ms = ticks * -per_ms if per_ms < 0 else ticks if per_ms == 1 else ticks // per_ms
        naive = 0 if column.type.tz else int(np.count_nonzero(is_time))
        if naive:
            time_ms = self._zone.to_utc(time_ms)
        return time_ms, is_time & (time_ms >= 0) & (time_ms <= TIME_MS_MAX), naive

    def _blame(self, done: int, faults: Sequence[tuple[Mask, int, int | None, pa.Array]], tally: Tally) -> None:
        """Tell the first bad rows, in order."""
        bad_rows = np.count_nonzero(np.logical_or.reduce([wrong for wrong, *_ in faults]))
        found = [
            (row, fault, column, values[row].as_py())
            for wrong, fault, column, values in faults
            if column is not None
            for row in np.flatnonzero(wrong)[:BAD_SHOWN_MAX].tolist()
        ]
        first = [
            BadRow.of(f"{self.file}: row {done + row + 1}: {self._columns[column]}", fault, _words(value))
            for row, fault, column, value in sorted(found, key=lambda one: one[:2])[: tally.wanted or 1]
        ]
        tally.blame(int(bad_rows), first)


def _words(value: object) -> str:
    return "" if value is None else str(value)


def _kind(kind: pa.DataType, sample: pa.Array) -> Kind:
    types = pa.types
    if types.is_timestamp(kind) or types.is_date(kind):
        return "time"
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_boolean(kind):
        return "number"
    if types.is_null(kind) or sample.null_count == len(sample):
        return "empty"
    return "text"


def _numbers(column: pa.Array) -> tuple[NDArray[np.float64], Mask]:
    """Values as doubles, NaN where there is none, and where there is none; numbers in strings count too."""
    is_null = np.asarray(column.is_null())
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        texts = column.to_pylist()
        return np.array([_number(text) for text in texts]), is_null
    value = column.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False)
    return value, is_null


def _flags(column: pa.Array) -> Mask:
    """Which rows are labelled."""
    value, _ = _numbers(column)
    flags: Mask = (value != 0) & ~np.isnan(value)
    return flags


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return np.nan


def _epoch_ms(column: pa.Array, is_time: Mask, units_per_s: int) -> tuple[NDArray[np.int64], Mask]:
    """Unix milliseconds of epochs."""
    if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        epochs = column.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False) * (1000 / units_per_s)
        is_time &= (epochs >= 0) & (epochs <= TIME_MS_MAX)
        return np.floor(np.where(is_time, epochs, 0)).astype(np.int64), is_time
    texts_or_integers = column.cast(pa.int64(), safe=True).fill_null(-1).to_numpy(zero_copy_only=False)
    time_ms = texts_or_integers * 1000 if units_per_s == 1 else texts_or_integers // (units_per_s // 1000)
    return time_ms, is_time & (texts_or_integers >= 0) & (time_ms <= TIME_MS_MAX)


def _places(column: pa.Array, place_of: dict[str, int], *, may_grow: bool) -> tuple[NDArray[np.int32], pa.Array]:
    """Index of each row's point, -1 without a name, and the names.

    Raises:
        NewPointError: a name is new and the table may not grow.
    """
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column.cast(pa.string()))
    known = []
    for name in column.dictionary.cast(pa.string()).to_pylist():
        place = place_of.get(name, -1) if name else -1
        if name and place < 0:
            if not may_grow:
                raise NewPointError(name)
            place = place_of[name] = len(place_of)
        known.append(place)
    index = np.array([*known, -1], dtype=np.int32)
    return index[column.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)], column
