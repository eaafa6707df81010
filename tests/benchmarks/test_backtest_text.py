"""Text of data files: numbers, times, fields and names, each against Python's own reading of the same text."""

import csv
import datetime as dt
import zoneinfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.backtest import lines
from benchmarks.backtest.names import NameTable, NewPointError, name_points
from benchmarks.backtest.numbers import FINITE, read_numbers
from benchmarks.backtest.sniff import packed
from benchmarks.backtest.times import FORMATS, read_times
from benchmarks.backtest.zones import UTC, find_zone
from contract.errors import PeerError

WRITTEN = st.from_regex(r"[+-]?([0-9]{1,22}\.?[0-9]{0,22}|\.[0-9]{1,5})([eE][+-]?[0-9]{1,3})?", fullmatch=True)


def _numbers(*texts: str, decimal: str = ".") -> tuple[list[float], list[int]]:
    value, status = read_numbers(*packed(texts), decimal)
    return value.tolist(), status.tolist()


def _time(text: str, form: str = "iso", zone: str = "UTC") -> str | None:
    """The time as ISO 8601 in UTC, None for none."""
    read = read_times(*packed([text]), FORMATS[form], find_zone(zone))
    return str(np.datetime64(int(read.time_ms[0]), "ms")) if read.is_time[0] else None


@settings(max_examples=2000, deadline=None)
@given(st.one_of(WRITTEN, st.floats(allow_nan=False, allow_infinity=False).map(repr)))
def test_numbers_are_rounded_as_python_rounds_them(text: str) -> None:
    """Every decimal becomes the double that is nearest to it, whatever its length."""
    wanted = float(text)
    value, status = _numbers(text)
    if np.isfinite(wanted):
        assert (status, value) == ([FINITE], [wanted])
    else:
        assert status == [lines.NOT_FINITE]


@pytest.mark.parametrize("text", ["", "-", ".", "1.2.3", "1e", "0x10", "1_000", "1 000", "12kg", "１", "on"])
def test_what_is_no_number(text: str) -> None:
    """What Python or a person might guess at is not guessed at."""
    assert _numbers(text)[1] == [lines.NOT_A_NUMBER]


@pytest.mark.parametrize("text", ["nan", "NaN", "-nan", "inf", "-Infinity", "+INF", "1e999"])
def test_what_is_not_finite(text: str) -> None:
    """A number that is none is told from what is no number."""
    assert _numbers(text)[1] == [lines.NOT_FINITE]


def test_other_ways_to_write_numbers() -> None:
    """Switches are 1 and 0, and a decimal comma is read where the file has it."""
    assert _numbers("true", "FALSE")[0] == [1.0, 0.0]
    assert _numbers("3,25", "-1e-3", "0,12345678901234567891", decimal=",")[0] == [3.25, -0.001, 0.12345678901234568]


@settings(max_examples=500, deadline=None)
@given(
    st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(9999, 12, 30)),  # noqa: DTZ001 - the offset is drawn beside it
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
    st.sampled_from(["T", " "]),
)
def test_iso_times(local: dt.datetime, offset_minutes: int, separator: str) -> None:
    """ISO 8601 with any offset is the moment that Python reads, cut off at the millisecond."""
    zone = dt.timezone(dt.timedelta(minutes=offset_minutes))
    text = local.replace(tzinfo=zone).isoformat(separator)
    moment = local.replace(tzinfo=zone).astimezone(dt.UTC).replace(tzinfo=None)
    assert _time(text) == moment.isoformat(timespec="milliseconds")


@pytest.mark.parametrize(
    ("text", "form", "wanted"),
    [
        ("2024-3-5 7:08", "iso", "2024-03-05T07:08:00.000"),
        ("2024/03/05 07:08:09,5", "iso", "2024-03-05T07:08:09.500"),
        ("20240305070809", "iso", "2024-03-05T07:08:09.000"),
        ("2024-03-05", "iso", "2024-03-05T00:00:00.000"),
        ("2024-03-05 07:08:60", "iso", "2024-03-05T07:09:00.000"),
        ("2024-03-05T07:08:09 UTC", "iso", "2024-03-05T07:08:09.000"),
        ("2024-03-05T07:08:09+0830", "iso", "2024-03-04T22:38:09.000"),
        ("31.12.2024 23:59", "dmy", "2024-12-31T23:59:00.000"),
        ("12/31/2024 11:59:58 PM", "mdy", "2024-12-31T23:59:58.000"),
        ("12/31/2024 12:00 AM", "mdy", "2024-12-31T00:00:00.000"),
        ("1709622489", "epoch_s", "2024-03-05T07:08:09.000"),
        ("1709622489.25", "epoch_s", "2024-03-05T07:08:09.250"),
        ("1709622489250", "epoch_ms", "2024-03-05T07:08:09.250"),
        ("1709622489250999", "epoch_us", "2024-03-05T07:08:09.250"),
        ("1709622489250999999", "epoch_ns", "2024-03-05T07:08:09.250"),
        ("0", "epoch_s", "1970-01-01T00:00:00.000"),
    ],
)
def test_other_times(text: str, form: str, wanted: str) -> None:
    """What spreadsheets, historians and devices write is read too."""
    assert _time(text, form) == wanted


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2024-02-30", "iso"), ("2023-02-29", "iso"), ("2024-13-01", "iso"), ("2024-01-01 24:00", "iso"),
        ("2024-01-01 10", "iso"), ("2024-01-01T10:00:00+25:00", "iso"), ("24-01-01 10:00", "iso"), ("", "iso"),
        ("1969-12-31T23:59:59Z", "iso"), ("2024-01/01", "iso"), ("2024-01-01T10:00:00Zulu", "iso"),
        ("31.12.2024", "mdy"), ("13/13/2024 10:00", "dmy"), ("10/10/2024 13:00 PM", "mdy"),
        ("-1", "epoch_s"), ("abc", "epoch_s"), ("99999999999999999999", "epoch_ns"),
        ("9999999999999999999", "epoch_ns"), ("1e9", "epoch_s"),
    ],
)  # fmt: skip
def test_what_is_no_time(text: str, form: str) -> None:
    """A day that the calendar does not have, and a time before 1970, is no time."""
    assert _time(text, form) is None


@pytest.mark.parametrize("name", ["Europe/Berlin", "Asia/Shanghai", "America/St_Johns", "Australia/Lord_Howe"])
def test_local_times_follow_their_zone(name: str) -> None:
    """Local times around the changes of a year are those of Python's own zone database; of two, the first."""
    zone = zoneinfo.ZoneInfo(name)
    start = dt.datetime(2024, 1, 1)  # noqa: DTZ001 - local on purpose
    for step in range(366 * 48):
        local = start + dt.timedelta(minutes=30 * step)
        there_and_back = local.replace(tzinfo=zone).astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None)
        if there_and_back == local:  # the clocks did not skip it
            local_ms = (local - dt.datetime(1970, 1, 1)) // dt.timedelta(milliseconds=1)  # noqa: DTZ001 - local
            wanted = round(local.replace(tzinfo=zone).timestamp() * 1000)
            assert find_zone(name).to_utc(np.array([local_ms]))[0] == wanted, local


def test_zones_by_offset() -> None:
    """An offset is a zone; what is neither is refused with an example."""
    assert _time("2024-01-01 08:00", zone="+08:00") == "2024-01-01T00:00:00.000"
    assert _time("2024-01-01 08:00", zone="-0330") == "2024-01-01T11:30:00.000"
    assert find_zone("utc") is UTC
    with pytest.raises(PeerError, match=r'--timezone: expected an offset such as "\+08:00".*found \'Peking\''):
        find_zone("Peking")


FIELD = st.text(st.characters(codec="utf-8", exclude_characters='\n\r"\0', exclude_categories=("Z", "C")), max_size=8)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(FIELD, min_size=1, max_size=5), min_size=1, max_size=8), st.sampled_from(",;\t|"))
def test_fields_are_those_of_the_csv_module(rows: list[list[str]], delimiter: str) -> None:
    """Fields between separators, quoted or not, are found where Python's csv module finds them."""
    quoted = [
        [f'"{field}"' if delimiter in field or place % 2 else field for place, field in enumerate(row)] for row in rows
    ]
    text = "".join(delimiter.join(row) + "\n" for row in quoted)
    columns = len(rows[0])
    wanted = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if len(row) == columns]
    body = np.frombuffer(text.encode(), dtype=np.uint8)
    room = lines.Fields.room(64, 64)
    roles = np.array([lines.TIME, lines.POINT, lines.VALUE, lines.LABEL, lines.IGNORED][:columns], dtype=np.int32)
    found = lines.split(body, 0, len(body), ord(delimiter), roles, 0, room)
    blank = sum(not row or row == [""] for row in csv.reader(text.splitlines(), delimiter=delimiter))
    assert (found.lines, found.stop) == (len(rows), len(body))
    assert found.rows + found.bad + blank >= len(rows)
    if columns > 1:
        spans = (room.time, room.name)
        read = [[_text(body, span[row]) for span in spans] for row in range(found.rows)]
        assert read == [[field.strip(" ") for field in row[:2]] for row in wanted]


def _text(body: lines.Bytes, span: lines.Int32s) -> str:
    return body[span[0] : span[1]].tobytes().decode()


def test_lines_are_counted_across_calls() -> None:
    """Where there is no more room the next call goes on, and a bad row has the number of its line."""
    text = b"1,2\n\n3\n4,5\r\n6,7\n"
    body, roles = np.frombuffer(text, dtype=np.uint8), np.array([lines.TIME, 0], dtype=np.int32)
    room = lines.Fields.room(3, 4)
    first = lines.split(body, 0, len(body), ord(","), roles, 10, room)
    assert (first.lines, first.rows, first.bad) == (4, 2, 1)
    assert room.bad[0].tolist() == [12, lines.WRONG_COLUMNS, 1, 0, 0]
    second = lines.split(body, first.stop, len(body), ord(","), roles, 10 + first.lines, room)
    assert room.line[: second.rows].tolist() == [14]
    assert _text(body, room.cell[0]) == "7"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=6), max_size=300))
def test_names_are_told_apart(names: list[str]) -> None:
    """Each different name has one index, in the order of first mention, however many there are."""
    table = NameTable()
    found = table.find(*packed(names)) if names else np.empty(0)
    index = {name: place for place, name in enumerate(dict.fromkeys(names))}
    assert found.tolist() == [index[name] for name in names]
    assert table.names == [name.encode() for name in index]


def test_new_names_can_be_refused() -> None:
    """A table that may not grow says which name it does not know."""
    table = NameTable([b"a", b"b"], may_grow=False)
    assert table.find(*packed(["b", "a", "b"])).tolist() == [1, 0, 1]
    with pytest.raises(NewPointError, match="c"):
        table.find(*packed(["a", "c"]))


def test_names_become_fit_for_patterns() -> None:
    """A rule can name every point: what no pattern can hold is replaced, and two names stay two."""
    given_names = ["a b", "a_b", "a+b", "水位", "ww/z01/d1/cod", "温度（℃）"]
    found = {name.given: name.safe for name in name_points(given_names)}
    assert found == {
        "a b": "a_b_2", "a_b": "a_b", "a+b": "a_b_3", "水位": "u6c34u4f4d", "ww/z01/d1/cod": "ww/z01/d1/cod",
        "温度（℃）": "u6e29u5ea6__C_",
    }  # fmt: skip
