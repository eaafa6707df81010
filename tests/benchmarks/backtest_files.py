"""Small recorded files, written and read back, for the tests of the backtest."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.backtest.delimited import CsvOptions
from benchmarks.backtest.labels import Window
from benchmarks.backtest.progress import Progress
from benchmarks.backtest.readings import Tally
from benchmarks.backtest.recording import Recording, open_source
from benchmarks.backtest.shape import Asked
from benchmarks.backtest.zones import UTC

START_MS = 1_704_067_200_000  # 2024-01-01T00:00:00Z
PLAIN = CsvOptions(asked=Asked(), separator=None, time_format=None, zone=UTC)

Row = tuple[int, str, float]
"""Milliseconds since `START_MS`, point, value."""


def iso(at_ms: int) -> str:
    """A time as the files have it."""
    return f"{np.datetime64(START_MS + at_ms, 'ms')}Z"


def write_long(path: Path, rows: Iterable[Row]) -> Path:
    """A long CSV file."""
    lines = ["time,point,value", *(f"{iso(at_ms)},{point},{value!r}" for at_ms, point, value in rows)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def recording(path: Path, folder: Path, options: CsvOptions = PLAIN, order: str = "auto") -> Recording:
    """The file, opened and surveyed."""
    quiet = Progress(Console(quiet=True))
    opened = Recording(open_source(str(path), options, folder), order, folder, quiet)  # type: ignore[arg-type]  # a word
    opened.survey(strict=False)
    return opened


def read(path: Path, folder: Path, options: CsvOptions = PLAIN, order: str = "auto") -> tuple[list[Row], Tally]:
    """All readings of a file in the order in which they are judged, and what was counted."""
    opened = recording(path, folder, options, order)
    rows = [
        (time_ms - START_MS, opened.names[point].given, value)
        for batch in opened.batches()
        for point, time_ms, value in zip(*(column.tolist() for column in batch.columns), strict=True)
    ]
    return rows, opened.tally


def windows(*spans: Sequence[int]) -> list[Window]:
    """Windows about all points, in milliseconds."""
    return [Window(start_ms, end_ms) for start_ms, end_ms in spans]
