"""Telemetry in delimited text (CSV), read in blocks: memory does not grow with the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.backtest.lines import (
    IGNORED,
    LABEL,
    NO_POINT,
    NO_TIME,
    POINT,
    TIME,
    VALUE,
    WRONG_COLUMNS,
    Bytes,
    Fields,
    Int32s,
    Split,
    split,
)
from benchmarks.backtest.names import NameTable, PointName, decode, name_points
from benchmarks.backtest.numbers import FINITE, read_numbers
from benchmarks.backtest.readings import BAD_SHOWN_MAX, BadRow, Batch, Tally
from benchmarks.backtest.shape import Asked
from benchmarks.backtest.sniff import SEPARATORS, sniff
from benchmarks.backtest.times import read_times
from benchmarks.backtest.zones import Zone
from contract.columns import Columns
from contract.errors import PeerError

BLOCK_BYTES: Final = 1 << 20
LINE_BYTES_MAX: Final = 64 << 20
SAMPLE_LINES_MIN: Final = 3
"""What is looked at has at least so many lines, however long they are."""
BATCH_CELLS: Final = 1 << 16
BEGINNING_BYTES: Final = 64 << 20
"""What is read to learn the points of a long file; a point that only comes later costs another pass over the file."""

COMPRESSED: Final = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".lz4": "lz4"}


class CsvOptions(NamedTuple):
    """What the user says about a delimited file; None and False leave it to be found out."""

    asked: Asked
    separator: str | None
    time_format: str | None
    zone: Zone


class Delimited:
    """A delimited file, see `readings.Source`.

    Raises:
        PeerError: it cannot be made out how it is written.
    """

    def __init__(self, path: Path, options: CsvOptions, file: str | None = None) -> None:
        self.path, self.file = path, file or str(path)
        self.size_bytes = path.stat().st_size
        with self._open() as (stream, _):
            beginning: bytes = stream.read(BLOCK_BYTES)
            while beginning.count(b"\n") < SAMPLE_LINES_MIN and len(beginning) <= LINE_BYTES_MAX:
                if not (more := stream.read(BLOCK_BYTES)):
                    break
                beginning += more
        written = sniff(self.file, beginning, options.asked, options.separator, options.time_format)
        self._written, self._zone = written, options.zone
        self.shape = "long" if written.shape.is_long else "wide"
        self.names: list[PointName] = []
        self._raw: list[bytes] = []  # names of a long file as they stand in it, in the order of first mention
        self._point_of = np.empty(0, dtype=np.int32)  # the point that each of them names
        self.is_complete = not written.shape.is_long
        if not written.shape.is_long:
            self.names = name_points(sorted(written.columns[place] for place in written.shape.wide))
        self.facts = {
            "separator": SEPARATORS.get(written.delimiter, repr(written.delimiter)),
            "time format": written.time_format.name,
            "time column": written.columns[written.shape.time],
        }
        if written.decimal != ".":
            self.facts["decimal sign"] = written.decimal
        if written.shape.left_out:
            self.facts["columns left out"] = ", ".join(written.columns[place] for place in written.shape.left_out)

    def survey(self, *, whole: bool) -> Iterator[Batch]:
        """Read to find the points; a wide file tells them in its header, but the order of its times is learnt."""
        table, tally = NameTable(), Tally()
        for batch in self._read(tally, table):
            yield batch
            if tally.bytes_read > (BEGINNING_BYTES if self._written.shape.is_long else 4 * BLOCK_BYTES) and not whole:
                break
        else:
            self.is_complete = True
        if self._written.shape.is_long:
            given = [decode(raw).replace('""', '"') for raw in table.names]
            self.names = name_points(sorted(set(given)))
            place_of = {name.given: place for place, name in enumerate(self.names)}
            self._raw = table.names
            self._point_of = np.array([place_of[name] for name in given], dtype=np.int32)

    def batches(self, tally: Tally) -> Iterator[Batch]:
        """Read all."""
        for columns, label in self._read(tally, NameTable(self._raw, may_grow=False)):
            point = self._point_of[columns.point] if self._raw else columns.point
            yield Batch(Columns(point, columns.time_ms, columns.value), label)

    @contextmanager
    def _open(self) -> Iterator[tuple[pa.NativeFile, pa.NativeFile]]:
        """The text, and the file that it comes from, whose position tells the progress."""
        raw = pa.OSFile(str(self.path))
        codec = COMPRESSED.get(self.path.suffix.lower())
        stream = pa.CompressedInputStream(raw, codec) if codec else raw
        try:
            yield stream, raw
        finally:
            stream.close()

    def _blocks(self, tally: Tally) -> Iterator[Bytes]:
        """The text after the header in pieces that end with a line feed; each is gone when the next is asked for."""
        with self._open() as (stream, raw):
            stream.read(self._written.data_from)
            buffer, kept = bytearray(BLOCK_BYTES), 0
            while True:
                if kept == len(buffer):
                    buffer = self._larger(buffer)
                read = stream.readinto(memoryview(buffer)[kept:])
                tally.bytes_read = raw.tell()
                if not read:
                    break
                filled = kept + read
                cut = buffer.rfind(b"\n", 0, filled) + 1
                if cut:
                    yield np.frombuffer(buffer, dtype=np.uint8, count=cut)
                kept = filled - cut
                buffer[:kept] = buffer[cut:filled]
            if kept:
                buffer[kept] = ord("\n")
                yield np.frombuffer(buffer, dtype=np.uint8, count=kept + 1)

    def _larger(self, buffer: bytearray) -> bytearray:
        """Room for a line that is longer than the blocks."""
        if len(buffer) > LINE_BYTES_MAX:
            found = f"a line above {LINE_BYTES_MAX >> 20} MiB"
            raise PeerError("line too long", where=self.file, found=found, wanted="rows between line feeds")
        return buffer + bytearray(len(buffer))

    def _read(self, tally: Tally, table: NameTable) -> Iterator[Batch]:
        roles = self._roles()
        room = Fields.room(max(BATCH_CELLS, 4 * len(roles)), BAD_SHOWN_MAX)
        line, delimiter = self._written.data_line, ord(self._written.delimiter)
        for body in self._blocks(tally):
            done = 0
            while done < len(body):
                found = split(body, done, len(body), delimiter, roles, line, room)
                done, line = found.stop, line + found.lines
                batch = self._batch(body, found, room, table, tally)
                if len(batch.columns):
                    yield batch

    def _roles(self) -> Int32s:
        """What each column holds; the columns of a wide file hold the points of these names."""
        shape, columns = self._written.shape, self._written.columns
        roles = np.full(len(columns), IGNORED, dtype=np.int32)
        place_of = {name.given: place for place, name in enumerate(self.names)}
        for place in shape.wide:
            roles[place] = place_of[columns[place]]
        for column, role in ((shape.time, TIME), (shape.point, POINT), (shape.value, VALUE), (shape.label, LABEL)):
            if column is not None:
                roles[column] = role
        return roles

    def _batch(self, body: Bytes, found: Split, room: Fields, table: NameTable, tally: Tally) -> Batch:
        """The readings of the lines that were taken apart."""
        rows, cells = found.rows, found.cells
        times = read_times(body, room.time[:rows], self._written.time_format, self._zone)
        value, status = read_numbers(body, room.cell[:cells], self._written.decimal)
        name, is_long = room.name[:rows], self._written.shape.is_long
        row, point = room.row[:cells], room.role[:cells]
        is_named = not is_long or bool((name[:, 1] > name[:, 0]).all())
        label = self._labels(body, found, room)
        time_ms = times.time_ms if is_long else times.time_ms[row]  # a long row is a cell
        if not (times.is_time.all() and not status.any() and is_named and not found.bad):
            kept = self._blame(body, found, room, times.is_time, status, tally)
            row, value, point, time_ms = row[kept], value[kept], point[kept], time_ms[kept]
            name = name[row] if is_long else name
        point = table.find(body, name) if is_long else point.copy()
        tally.rows += len(row) if is_long else rows
        tally.readings += len(row)
        tally.naive += times.naive
        return Batch(Columns(point, time_ms, value), None if label is None else label[row])

    def _labels(self, body: Bytes, found: Split, room: Fields) -> NDArray[np.bool_] | None:
        """Which rows are labelled; an empty field is no label.

        Raises:
            PeerError: a label is neither a number nor true or false.
        """
        if self._written.shape.label is None:
            return None
        spans = room.label[: found.rows]
        value, status = read_numbers(body, spans, self._written.decimal)
        wrong = (status != FINITE) & (spans[:, 1] > spans[:, 0])
        if wrong.any():
            place = int(np.flatnonzero(wrong)[0])
            text = decode(body[spans[place, 0] : spans[place, 1]].tobytes())
            where = f"{self.file}:{room.line[place] + 1}"
            raise PeerError("no label", where=where, found=repr(text), wanted="0 or 1, true or false")
        labelled: NDArray[np.bool_] = (value != 0) & (status == FINITE)
        return labelled

    def _blame(  # noqa: PLR0917 - the parts of one batch
        self,
        body: Bytes,
        found: Split,
        room: Fields,
        is_time: NDArray[np.bool_],
        status: Bytes,
        tally: Tally,
    ) -> NDArray[np.intp]:
        """Tell what is wrong; returns the cells that are right."""
        row, cell, name = room.row[: found.cells], room.cell[: found.cells], room.name[: found.rows]
        columns, shape = self._written.columns, self._written.shape
        is_row = is_time.copy()
        faults = [tuple(fault) for fault in room.bad[: found.bad].tolist()]
        faults += [(room.line[place], NO_TIME, *room.time[place], shape.time) for place in _first(~is_time)]
        if shape.point is not None:
            is_nameless = is_time & (name[:, 1] <= name[:, 0])
            is_row &= ~is_nameless
            faults += [(room.line[place], NO_POINT, *name[place], shape.point) for place in _first(is_nameless)]
        is_wrong = (status != FINITE) & is_row[row]
        column_of = {int(role): place for place, role in enumerate(self._roles())}
        faults += [
            (room.line[row[place]], status[place], *cell[place], column_of[int(room.role[place])])
            for place in _first(is_wrong)
        ]
        bad_rows = found.bad + np.count_nonzero(~is_row) + len(np.unique(row[is_wrong]))
        first = [
            BadRow.of(
                f"{self.file}:{line + 1}" + ("" if fault == WRONG_COLUMNS else f": {columns[column]}"),
                int(fault),
                str(start) if fault == WRONG_COLUMNS else decode(body[start:stop].tobytes()),
                len(columns),
            )
            for line, fault, start, stop, column in sorted(faults)[: tally.wanted or 1]
        ]
        tally.blame(int(bad_rows), first)
        return np.flatnonzero(is_row[row] & (status == FINITE))


def _first(wrong: NDArray[np.bool_]) -> list[int]:
    """The first places, as many as are shown."""
    places: list[int] = np.flatnonzero(wrong)[:BAD_SHOWN_MAX].tolist()
    return places
