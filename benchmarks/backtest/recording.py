"""A recorded file, opened, its points known and its readings in the order that was meant."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks.backtest.arrival import Arrival, Order
from benchmarks.backtest.delimited import CsvOptions, Delimited
from benchmarks.backtest.labels import LabelRuns, Window
from benchmarks.backtest.names import PointName, points_of
from benchmarks.backtest.parquet import Parquet
from benchmarks.backtest.progress import Progress
from benchmarks.backtest.readings import Batch, Source, Tally
from benchmarks.backtest.spool import Spool
from contract.errors import PeerError
from contract.messages import Point

STANDARD_INPUT: Final = "-"
_PARQUET_MARK: Final = b"PAR1"


def open_source(data: str, options: CsvOptions, folder: Path) -> Source:
    """The file, or standard input (`-`), which is kept in `folder` since it is read more than once.

    Raises:
        PeerError: there is no such file, or it cannot be made out.
    """
    path = Path(data)
    if data == STANDARD_INPUT:
        path = folder / "standard-input"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
    if not path.is_file():
        found = "a directory" if path.is_dir() else "no such file"
        raise PeerError("no data", where=data, found=found, wanted="a CSV or Parquet file, or - for standard input")
    with path.open("rb") as file:
        is_parquet = file.read(len(_PARQUET_MARK)) == _PARQUET_MARK
    name = "standard input" if data == STANDARD_INPUT else data
    return Parquet(path, options, name) if is_parquet else Delimited(path, options, name)


class Recording:
    """A file whose readings can be read again and again.

    Args:
        source: the file.
        order: `arrival` as they stand, `time` in order of time, `auto` as they stand unless the file is plainly no
            record of what came when.
        folder: for what does not fit memory.
        progress: shows how far a pass is.

    Attributes:
        source: the file.
        disorder: why its readings are put in order of time; empty where they are not.
        tally: what the last whole pass over the file counted.
        first_ms, last_ms: the earliest and the latest time of that pass.
    """

    def __init__(self, source: Source, order: Order, folder: Path, progress: Progress) -> None:
        self.source = source
        self.disorder = ""
        self.tally = Tally()
        self.first_ms = self.last_ms = 0
        self._order: Order = order
        self._folder = folder
        self._progress = progress
        self._spool: Spool | None = None
        self._windows: list[Window] = []

    @property
    def names(self) -> Sequence[PointName]:
        """The points' names, in the order of their index."""
        return self.source.names

    @property
    def points(self) -> list[Point]:
        """The points, in the order of their index."""
        return points_of(self.source.names)

    @property
    def labelled(self) -> list[Window]:
        """Windows of the column of labels, as the last whole pass saw them."""
        return self._windows

    def survey(self, *, strict: bool, whole: bool = False) -> None:
        """Learn the points, and whether the readings have to be put in order; if so, do it.

        Raises:
            BadRowError: a bad row, where that is not forgiven.
        """
        self._progress.phase("looking for points")
        order = self._look(whole=whole or self._order == "time")
        if order and not self.source.is_complete:
            order = self._look(whole=True)
        self.disorder = order
        if order:
            self._progress.phase("sorting by time")
            self._spool = Spool.write_in_order(self._folder, self._first_pass(strict=strict))

    def _look(self, *, whole: bool) -> str:
        arrival = Arrival()
        for batch in self.source.survey(whole=whole):
            arrival.see(batch)
            self._progress.at(None, f"{arrival.readings:,} readings")
        if self._order == "time":
            return "asked for"
        return arrival.disorder if self._order == "auto" else ""

    def _first_pass(self, *, strict: bool) -> Iterator[Batch]:
        """The readings as they stand in the file, counted and looked through for labels."""
        self.tally = Tally(strict=strict)
        runs = LabelRuns(by_point=self.source.shape == "long")
        span: list[int] = []
        for batch in self.source.batches(self.tally):
            runs.see(batch)
            time_ms = batch.columns.time_ms
            span = [min([*span[:1], int(time_ms.min())]), max([*span[1:], int(time_ms.max())])]
            yield batch
            share = self.tally.bytes_read / max(1, self.source.size_bytes)
            self._progress.at(share, f"{self.tally.readings:,} readings")
        if not span:
            first = "".join(f"; {row.error.detail}" for row in self.tally.bad[:1])
            found = f"{self.tally.bad_rows:,} bad rows and no reading{first}"
            raise PeerError("no readings", where=self.source.file, found=found, wanted="rows of readings")
        self.first_ms, self.last_ms = span
        self._windows = runs.windows([name.given for name in self.source.names])

    def batches(self, *, strict: bool = False) -> Iterator[Batch]:
        """All readings, in the order in which they are judged.

        Raises:
            NewPointError: a point that the survey did not see; it has to see the whole file.
            BadRowError: a bad row, where that is not forgiven.
        """
        return self._spool.batches() if self._spool else self._first_pass(strict=strict)

    def keep(self, *, strict: bool) -> None:
        """Keep the readings decoded, for many passes."""
        if self._spool is None:
            self._progress.phase("decoding")
            self._spool = Spool.write(self._folder, self._first_pass(strict=strict))

    @property
    def spool(self) -> Spool:
        """The decoded readings; only after `keep` or where they were put in order."""
        if self._spool is None:
            raise LookupError("the readings were not kept")
        return self._spool
