"""Recorded telemetry, batch by batch, and what was wrong with it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.backtest.lines import (
    NO_POINT,
    NO_TIME,
    NOT_A_NUMBER,
    NOT_FINITE,
    OPEN_QUOTE,
    WRONG_COLUMNS,
)
from benchmarks.backtest.names import PointName
from contract.columns import Columns
from contract.errors import PeerError

BAD_SHOWN_MAX: Final = 20
_FOUND_CHARACTERS_MAX = 60
_WANTED: Final = {
    OPEN_QUOTE: "a field whose quotes are closed on its line",
    NO_TIME: "a time from 1970 to 9999",
    NO_POINT: "the name of a point",
    NOT_A_NUMBER: "a number",
    NOT_FINITE: "a finite number",
}


class Batch(NamedTuple):
    """Readings in the order of the file.

    Attributes:
        columns: point index, Unix milliseconds and value of each.
        label: (n,) bool, is the row labelled as abnormal? None without a column of labels.
    """

    columns: Columns
    label: NDArray[np.bool_] | None


class BadRowError(PeerError):
    """A row that cannot be used, where bad rows are not forgiven."""


class BadRow(NamedTuple):
    """A row, or a cell of a wide row, that could not be used."""

    where: str
    found: str
    wanted: str

    @property
    def error(self) -> BadRowError:
        """The row as an error."""
        return BadRowError("bad row", where=self.where, found=self.found, wanted=self.wanted)

    @classmethod
    def of(cls, where: str, fault: int, found: str, columns: int = 0) -> "BadRow":
        """A bad row.

        Args:
            where: file and line.
            fault: one of the constants of `lines`.
            found: what stood there; of `WRONG_COLUMNS` how many there were.
            columns: how many there should be.
        """
        if fault == WRONG_COLUMNS:
            return cls(where, f"{found} columns", f"{columns} columns")
        if len(found) > _FOUND_CHARACTERS_MAX:
            found = found[:_FOUND_CHARACTERS_MAX] + "..."
        return cls(where, repr(found) if found else "nothing", _WANTED[fault])


class Tally:
    """What was read so far.

    Args:
        strict: refuse the first bad row.

    Attributes:
        rows: rows that were used.
        readings: readings in them.
        bad_rows: rows that could not be used, or not wholly.
        bad: the first of them.
        naive: times without an offset from UTC.
        bytes_read: of the file, for progress.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.rows = self.readings = self.bad_rows = self.naive = self.bytes_read = 0
        self.bad: list[BadRow] = []
        self._strict = strict

    @property
    def wanted(self) -> int:
        """How many bad rows more are to be shown."""
        return BAD_SHOWN_MAX - len(self.bad)

    def blame(self, count: int, first: Sequence[BadRow]) -> None:
        """Count bad rows, of which the first are told.

        Raises:
            BadRowError: the first one, where that is asked for.
        """
        if self._strict and first:
            raise first[0].error
        self.bad_rows += count
        self.bad += first[: self.wanted]


class Source(Protocol):
    """A file of recorded telemetry.

    Attributes:
        path: the file.
        file: what messages call it.
        size_bytes: of the file.
        names: its points in the order of their index; complete once `survey` has run to the end.
        is_complete: are all points known?
        shape: "long" or "wide".
        facts: how it was understood, for people.
    """

    path: Path
    file: str
    size_bytes: int
    names: list[PointName]
    is_complete: bool
    shape: str
    facts: dict[str, str]

    def survey(self, *, whole: bool) -> Iterator[Batch]:
        """Read to find the points: all of the file, or only its beginning; their index changes afterwards."""
        ...

    def batches(self, tally: Tally) -> Iterator[Batch]:
        """Read all.

        Raises:
            NewPointError: a point that the survey did not see.
        """
        ...
