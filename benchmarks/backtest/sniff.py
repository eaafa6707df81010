"""How a delimited file is written: its separator, its header, its times and decimals, found from its beginning."""

import csv
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from benchmarks.backtest.lines import Bytes, Int32s
from benchmarks.backtest.names import decode
from benchmarks.backtest.numbers import FINITE, read_numbers
from benchmarks.backtest.shape import Asked, Kind, Shape, find_shape
from benchmarks.backtest.times import FORMATS, TimeFormat, read_times
from contract.errors import PeerError

SEPARATORS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SAMPLE_LINES: Final = 200
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_WIDE_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_MOST: Final = 0.5  # of a sample decides what the whole is
_SOME: Final = 0.2  # numbers among other texts make a column of numbers with faults
_EPOCH_DIGITS: Final = ((11, "epoch_s"), (14, "epoch_ms"), (17, "epoch_us"))  # at most so many before the point


class Written(NamedTuple):
    """How a delimited file is written.

    Attributes:
        delimiter: between fields.
        decimal: "." or ",".
        time_format: how times are written.
        columns: names of the columns.
        shape: which of them holds what.
        data_from: place of the first byte after the header.
        data_line: place of the first line after the header, counted from 0.
    """

    delimiter: str
    decimal: str
    time_format: TimeFormat
    columns: tuple[str, ...]
    shape: Shape
    data_from: int
    data_line: int


def sniff(file: str, beginning: bytes, asked: Asked, separator: str | None, time_format: str | None) -> Written:
    """How a file is written.

    Args:
        file: for messages.
        beginning: its first bytes.
        asked: what the user says about the columns.
        separator: between fields, if the user says so.
        time_format: a name of `FORMATS`, if the user says so.

    Raises:
        PeerError: it cannot be made out, with what would help.
    """
    start = len(_BYTE_ORDER_MARK) if beginning.startswith(_BYTE_ORDER_MARK) else 0
    if beginning.startswith(_WIDE_MARKS) or b"\0" in beginning:
        raise PeerError(
            "no text", where=file, found="bytes that are no UTF-8 text", wanted="CSV in UTF-8, or a .parquet file"
        )
    lines = _lines(beginning, start)
    if not lines:
        raise PeerError("empty file", where=file, found="an empty file", wanted="a header and rows of data")
    delimiter = separator or _delimiter(file, [text for _, _, text in lines])
    rows = [_fields(text, delimiter) for _, _, text in lines]
    has_header = not _is_data(rows[0])
    columns = _header(file, rows[0]) if has_header else tuple(f"column {n + 1}" for n in range(len(rows[0])))
    data = [row for row in rows[has_header:] if len(row) == len(columns)]
    if not rows[has_header:]:
        raise PeerError("no data", where=file, found="a header only", wanted="rows of data below the header")
    decimal = _decimal(delimiter, data)
    kinds = [_kind([row[place] for row in data], decimal) for place in range(len(columns))]
    if not has_header and kinds.count("number") + kinds.count("empty") > 1 and "text" not in kinds:
        raise PeerError(
            "no header",
            where=f"{file}:1",
            found=f"data: {delimiter.join(rows[0])!r}",
            wanted="a header that names the points",
        )
    shape = find_shape(file, columns, kinds, asked)
    times = [row[shape.time] for row in data if row[shape.time]]
    written = FORMATS[time_format] if time_format else find_time_format(file, columns[shape.time], times)
    data_from, data_line = (lines[0][1], lines[0][0] + 1) if has_header else (start, 0)
    return Written(delimiter, decimal, written, columns, shape, data_from, data_line)


def _lines(beginning: bytes, start: int) -> list[tuple[int, int, str]]:
    """The first lines that are not blank: number, where the next begins, text."""
    found: list[tuple[int, int, str]] = []
    whole = beginning if beginning.endswith(b"\n") else beginning[: beginning.rfind(b"\n") + 1] or beginning + b"\n"
    for number, line in enumerate(whole[start:].split(b"\n")[:-1]):
        start += len(line) + 1
        if line.strip():
            found.append((number, start, decode(line.rstrip(b"\r"))))
        if len(found) > SAMPLE_LINES:
            break
    return found


def _fields(line: str, delimiter: str) -> list[str]:
    return [field.strip() for field in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])]


def _delimiter(file: str, lines: Sequence[str]) -> str:
    """The separator for which most lines have as many fields as the first, and more than one."""
    best, delimiter = 0.0, ""
    for candidate in SEPARATORS:
        counts = [len(_fields(line, candidate)) for line in lines]
        if counts[0] > 1:
            alike = sum(count == counts[0] for count in counts) / len(counts)
            score = alike + counts[0] / 1e6  # of equals the one with more columns
            if score > best:
                best, delimiter = score, candidate
    if not delimiter:
        raise PeerError(
            "unknown separator",
            where=f"{file}:1",
            found=repr(lines[0][:80]),
            wanted="fields between commas, semicolons, tabs or bars, or --separator",
        )
    return delimiter


def _is_data(row: Sequence[str]) -> bool:
    """Is the first row no header? It has a time and a number then."""
    kinds = [_kind([field], ".") for field in row]
    has_epoch = any(len(field) >= 9 and field.isdecimal() for field in row)  # noqa: PLR2004 - seconds since 1970
    return ("time" in kinds or has_epoch) and "number" in kinds


def _header(file: str, row: Sequence[str]) -> tuple[str, ...]:
    names = tuple(name or f"column {place + 1}" for place, name in enumerate(row))
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise PeerError("column comes twice", where=f"{file}:1", found=repr(twice), wanted="a name once")
    return names


def _decimal(delimiter: str, rows: Sequence[Sequence[str]]) -> str:
    """A comma, if that makes numbers of fields that are none with a point."""
    if delimiter == ",":
        return "."
    fields = [field for row in rows for field in row if "," in field]
    return "," if fields and _share_of_numbers(fields, ",") > _MOST else "."


def _kind(fields: Sequence[str], decimal: str) -> Kind:
    texts = [field for field in fields if field]
    if not texts:
        return "empty"
    if _share_of_numbers(texts, decimal) > _SOME:
        return "number"
    if any(_share_of_times(texts, FORMATS[name]) > _MOST for name in ("iso", "dmy", "mdy")):
        return "time"
    return "text"


def _share_of_numbers(texts: Sequence[str], decimal: str) -> float:
    _, status = read_numbers(*packed(texts), decimal)
    return float(np.mean(status == FINITE))


def _share_of_times(texts: Sequence[str], written: TimeFormat) -> float:
    return float(np.mean(read_times(*packed(texts), written).is_time)) if texts else 0.0


def packed(texts: Sequence[str]) -> tuple[Bytes, Int32s]:
    """Texts as the compiled loops read them: bytes and spans."""
    parts = [text.encode() for text in texts]
    stops = np.cumsum([len(part) for part in parts], dtype=np.int32)
    starts = np.concatenate([np.zeros(1, dtype=np.int32), stops[:-1]])
    return np.frombuffer(b"".join(parts) + b"\n", dtype=np.uint8), np.stack([starts, stops], axis=1)


def find_time_format(file: str, column: str, times: Sequence[str]) -> TimeFormat:
    """How most of the times are written."""
    if _share_of_times(times, FORMATS["iso"]) > _MOST:
        return FORMATS["iso"]
    digits = [len(text.partition(".")[0]) for text in times if text.replace(".", "", 1).isdecimal()]
    if times and len(digits) > _MOST * len(times):
        return FORMATS[_epoch(column, int(np.median(digits)))]
    by_day, by_month = (_share_of_times(times, FORMATS[name]) for name in ("dmy", "mdy"))
    if max(by_day, by_month) > _MOST:
        if by_day != by_month:
            return FORMATS["dmy" if by_day > by_month else "mdy"]
        if all("." in text for text in times):
            return FORMATS["dmy"]
        raise PeerError(
            "ambiguous dates",
            where=f"{file}: column {column!r}",
            found=f"times such as {times[0]!r}",
            wanted="--time-format dmy or --time-format mdy",
        )
    raise PeerError(
        "unknown time format",
        where=f"{file}: column {column!r}",
        found=f"times such as {times[0]!r}" if times else "no times",
        wanted="ISO 8601 (2024-03-31T08:00:00+08:00) or an epoch in s, ms, us or ns; see --time-format",
    )


def _epoch(column: str, digits: int) -> str:
    """The unit of an epoch: by the end of the column's name, else by its size."""
    for unit in ("ms", "us", "ns"):
        if column.lower().endswith(f"_{unit}"):
            return f"epoch_{unit}"
    return next((name for most, name in _EPOCH_DIGITS if digits <= most), "epoch_ns")
