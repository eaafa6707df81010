"""What was really wrong, and when: windows from a file of labels or from a column of the data."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from benchmarks.backtest.readings import Batch
from benchmarks.backtest.sniff import SEPARATORS, find_time_format, packed
from benchmarks.backtest.times import FORMATS, TimeFormat, read_times
from benchmarks.backtest.zones import Zone
from contract.errors import PeerError

WINDOWS_MAX: Final = 1_000_000
_START: Final = ("start", "begin", "from", "start_time", "开始", "开始时间")
_END: Final = ("end", "stop", "to", "until", "end_time", "结束", "结束时间")
_TIME: Final = ("time", "timestamp", "datetime", "at", "时间")
_POINT: Final = ("point", "tag", "name", "测点", "位号")
_WANTED: Final = "columns start,end[,point] or time[,point]"


class Window(NamedTuple):
    """A time in which something was wrong; both ends belong to it.

    Attributes:
        start_ms, end_ms: equal for a point in time.
        point: name or glob of the points that it is about; empty for all.
    """

    start_ms: int
    end_ms: int
    point: str = ""

    def widened(self, tolerance_ms: int) -> "Window":
        """The window with some time before and after it."""
        return self._replace(start_ms=self.start_ms - tolerance_ms, end_ms=self.end_ms + tolerance_ms)


def load_labels(path: Path, zone: Zone, time_format: str | None = None) -> list[Window]:
    """The windows of a file of labels, in order of time.

    Args:
        path: CSV with a header: `start,end[,point]` or `time[,point]`.
        zone: of times without an offset.
        time_format: a name of `FORMATS`, if the user says so.

    Raises:
        PeerError: the file cannot be read, or has a label that cannot be meant; labels are few and made by hand, so
            none is passed over.
    """
    rows = _rows(path)
    names = [name.strip().lower() for name in rows[0][1]]
    start, end = _column(names, _START), _column(names, _END)
    time, point = _column(names, _TIME), _column(names, _POINT)
    if start is None or end is None:
        start = end = time
    if start is None or end is None:
        raise PeerError("no labels", where=f"{path}:1", found=",".join(rows[0][1]), wanted=_WANTED)
    if len(rows) == 1:
        return []
    texts = [row[start] for _, row in rows[1:]]
    written = FORMATS[time_format] if time_format else find_time_format(str(path), rows[0][1][start], texts)
    start_ms, end_ms = (_times(path, rows, column, zone, written) for column in (start, end))
    windows = []
    for (number, row), first_ms, last_ms in zip(rows[1:], start_ms, end_ms, strict=True):
        if last_ms < first_ms:
            where, found = f"{path}:{number}", repr(row[end])
            raise PeerError("window ends before it starts", where=where, found=found, wanted="a later end")
        windows.append(Window(first_ms, last_ms, row[point] if point is not None else ""))
    return sorted(windows)


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Line number and fields of each line that is not blank."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise PeerError("no labels", where=str(path), found=(error.strerror or "").lower(), wanted="a file") from None
    except UnicodeDecodeError:
        raise PeerError("no labels", where=str(path), found="other bytes", wanted="UTF-8 text") from None
    lines = text.splitlines()
    head = lines[0] if lines else ""
    delimiter = max(SEPARATORS, key=head.count)
    rows = [
        (number, [field.strip() for field in fields])
        for number, fields in enumerate(csv.reader(lines, delimiter=delimiter), 1)
        if any(fields)
    ]
    if not rows:
        raise PeerError("no labels", where=str(path), found="an empty file", wanted=_WANTED)
    width = len(rows[0][1])
    for number, row in rows:
        if len(row) != width:
            raise PeerError(
                "no label", where=f"{path}:{number}", found=f"{len(row)} columns", wanted=f"{width} columns"
            )
    if len(rows) > WINDOWS_MAX:
        raise PeerError("too many labels", where=str(path), found=f"{len(rows) - 1}", wanted=f"at most {WINDOWS_MAX}")
    return rows


def _column(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _times(
    path: Path, rows: Sequence[tuple[int, list[str]]], column: int, zone: Zone, written: TimeFormat
) -> list[int]:
    texts = [row[column] for _, row in rows[1:]]
    read = read_times(*packed(texts), written, zone)
    if not read.is_time.all():
        place = int(np.flatnonzero(~read.is_time)[0])
        number, row = rows[1 + place]
        raise PeerError("no time", where=f"{path}:{number}", found=repr(row[column]), wanted="a time from 1970 to 9999")
    found: list[int] = read.time_ms.tolist()
    return found


class LabelRuns:
    """Makes windows of a column of labels: each unbroken run of labelled rows is one.

    Args:
        by_point: a row is about one point, so each point has its own runs.
    """

    def __init__(self, *, by_point: bool) -> None:
        self._by_point = by_point
        self._open: dict[int, tuple[int, int]] = {}
        self._closed: list[tuple[int, int, int]] = []

    def see(self, batch: Batch) -> None:
        """Take in the next readings."""
        if batch.label is None or (not self._open and not batch.label.any()):
            return
        point, time_ms, label = batch.columns.point, batch.columns.time_ms, batch.label
        if self._by_point:
            order = np.argsort(point, kind="stable")
            point, time_ms, label = point[order], time_ms[order], label[order]
        else:
            point = np.zeros_like(point)
        is_new = np.append(True, (point[1:] != point[:-1]) | (label[1:] != label[:-1]))
        starts = np.flatnonzero(is_new)
        stops = np.append(starts[1:], len(point))
        matters = np.isin(point[starts], [*self._open, *np.unique(point[label]).tolist()])
        for start, stop in zip(starts[matters].tolist(), stops[matters].tolist(), strict=True):
            about = int(point[start])
            if label[start]:
                span_ms = time_ms[start:stop]
                first_ms, last_ms = int(span_ms.min()), int(span_ms.max())
                before = self._open.get(about, (first_ms, last_ms))
                self._open[about] = min(before[0], first_ms), max(before[1], last_ms)
            elif about in self._open:
                self._closed.append((about, *self._open.pop(about)))

    def windows(self, names: Sequence[str]) -> list[Window]:
        """The windows so far, in order of time."""
        closed = [*self._closed, *((about, *span) for about, span in self._open.items())]
        return sorted(Window(start, end, names[about] if self._by_point else "") for about, start, end in closed)
