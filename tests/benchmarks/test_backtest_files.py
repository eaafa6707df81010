"""Data files of every kind give the same readings; bad ones are told exactly."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backtest_files import PLAIN, START_MS, Row, iso, read, recording, write_long

from benchmarks.backtest import delimited, parquet
from benchmarks.backtest.delimited import CsvOptions
from benchmarks.backtest.names import NewPointError
from benchmarks.backtest.readings import BadRowError
from benchmarks.backtest.shape import Asked
from benchmarks.backtest.sniff import sniff
from benchmarks.backtest.zones import find_zone
from contract.errors import PeerError

DATA = Path(__file__).parent / "backtest_data"
ROWS: list[Row] = [(1000 * step, point, step + 0.5 * (point == "b")) for step in range(5) for point in ("a", "b")]


def _wide_text(delimiter: str = ",", decimal: str = ".", time: str = "time") -> str:
    pairs = [f"{step}.0{delimiter}{step}.5".replace(".", decimal) for step in range(5)]
    rows = [f"{iso(1000 * step)}{delimiter}{pair}" for step, pair in enumerate(pairs)]
    return "\n".join([f"{time}{delimiter}a{delimiter}b", *rows])


def _long_text(times: list[str], header: str = "time,point,value") -> str:
    rows = [f"{at},{point},{value}" for at, (_, point, value) in zip(times, ROWS, strict=True)]
    return "\n".join([header, *rows]) + "\n"


def _epochs(per_s: int) -> list[str]:
    return [str((START_MS + at_ms) * per_s // 1000) for at_ms, _, _ in ROWS]


@pytest.mark.parametrize(
    "text",
    [
        _long_text([iso(at_ms) for at_ms, _, _ in ROWS]),
        _long_text([iso(at_ms) for at_ms, _, _ in ROWS], "Timestamp,Tag,Value").replace("\n", "\r\n"),
        "\ufeff" + _long_text([iso(at_ms).replace("T", " ")[:-1] for at_ms, _, _ in ROWS], "时间,测点,值"),
        _long_text([iso(at_ms) for at_ms, _, _ in ROWS]).partition("\n")[2],
        _long_text([f'"{iso(at_ms)}"' for at_ms, _, _ in ROWS], '"time","point","value"'),
        _long_text(_epochs(1)),
        _long_text(_epochs(1000)),
        _long_text(_epochs(10**6), "time_us,point,value"),
        _long_text(_epochs(10**9)),
        _wide_text(),
        _wide_text(";", ","),
        _wide_text("\t"),
        _wide_text("|", time="datetime"),
    ],
    ids=[
        "long", "crlf", "mark-chinese", "no-header", "quoted", "epoch-s", "epoch-ms", "epoch-us", "epoch-ns", "wide",
        "wide-decimal-comma", "tab", "bar",
    ],
)  # fmt: skip
def test_each_way_to_write_a_file(text: str, tmp_path: Path) -> None:
    """Long or wide, whatever the separator and the times: the same readings."""
    path = tmp_path / "data.csv"
    path.write_text(text, "utf-8", newline="")
    rows, tally = read(path, tmp_path)
    assert rows == ROWS
    assert tally.bad_rows == 0


def test_compressed(tmp_path: Path) -> None:
    """A compressed file is read as it is."""
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress(_wide_text().encode()))
    assert read(path, tmp_path)[0] == ROWS


def _parquet(path: Path, columns: dict[str, pa.Array]) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=3)
    return path


_MS = pa.array([START_MS + at_ms for at_ms, _, _ in ROWS])
_POINT = pa.array([point for _, point, _ in ROWS])
_VALUE = pa.array([value for _, _, value in ROWS])


@pytest.mark.parametrize(
    "columns",
    [
        {"time": _MS.cast(pa.timestamp("ms", "UTC")), "point": _POINT, "value": _VALUE},
        {"ts": _MS.cast(pa.timestamp("ms")).cast(pa.timestamp("ns")), "tag": _POINT.dictionary_encode(), "v": _VALUE},
        {"time": _MS, "point": _POINT, "value": _VALUE.cast(pa.float32())},
        {"time": pa.array([iso(at_ms) for at_ms, _, _ in ROWS]), "point": _POINT, "value": _VALUE},
        {"value": _VALUE, "point": _POINT, "time": _MS.cast(pa.float64())},
        {"time": _MS[::2].cast(pa.timestamp("ms")).cast(pa.timestamp("s")), "a": _VALUE[::2], "b": _VALUE[1::2]},
    ],
    ids=["utc", "naive-dictionary", "epoch-float32", "text", "other-order", "wide"],
)
def test_parquet(columns: dict[str, pa.Array], tmp_path: Path) -> None:
    """Parquet in both shapes and with each type of time: the same readings."""
    rows, tally = read(_parquet(tmp_path / "data.parquet", columns), tmp_path)
    assert rows == ROWS
    assert tally.rows == (5 if "a" in columns else 10)


def test_parquet_bad_rows(tmp_path: Path) -> None:
    """Rows without a time, a point or a finite value are counted and told by their place."""
    time = pa.array([START_MS, None, START_MS, START_MS, START_MS], pa.timestamp("ms", "UTC"))
    point = pa.array(["a", "a", None, "a", "a"])
    value = pa.array([1.0, 1.0, 1.0, None, float("inf")])
    path = _parquet(tmp_path / "data.parquet", {"time": time, "point": point, "value": value})
    rows, tally = read(path, tmp_path)
    assert rows == [(0, "a", 1.0)]
    assert [row.error.detail.removeprefix(f"{path}: ") for row in tally.bad] == [
        "row 2: time: expected a time from 1970 to 9999, found nothing",
        "row 3: point: expected the name of a point, found nothing",
        "row 4: value: expected a number, found nothing",
        "row 5: value: expected a finite number, found 'inf'",
    ]


def test_missing_cells_of_a_wide_table_are_no_fault(tmp_path: Path) -> None:
    """An empty cell, a null and a NaN in Parquet are no reading; the rest of the row counts."""
    text = tmp_path / "data.csv"
    text.write_text("time,a,b\n2024-01-01T00:00:00Z,,1\n2024-01-01T00:00:01Z,2,\n2024-01-01T00:00:02Z,,\n")
    time = pa.array([START_MS, START_MS + 1000, START_MS + 2000], pa.timestamp("ms"))
    columns = {"time": time, "a": pa.array([None, 2.0, float("nan")]), "b": pa.array([1, None, None])}
    table = _parquet(tmp_path / "data.parquet", columns)
    for path in (text, table):
        rows, tally = read(path, tmp_path)
        assert (rows, tally.bad_rows) == ([(0, "b", 1.0), (1000, "a", 2.0)], 0)


def test_bad_rows_are_counted_told_and_passed_over(tmp_path: Path) -> None:
    """Each bad row has file, line, what was found and what was wanted; the good ones around it count."""
    path = DATA / "bad-rows.csv"
    rows, tally = read(path, tmp_path)
    assert rows == [(0, "ww/z01/d1/cod", 1.0), (8000, "ww/z01/d1/cod", 4.0)]
    assert [row.error.detail.removeprefix(f"{path}:") for row in tally.bad] == [
        "4: value: expected a number, found 'abc'",
        "5: time: expected a time from 1970 to 9999, found 'yesterday'",
        "6: point: expected the name of a point, found nothing",
        "7: expected 3 columns, found 2 columns",
        "8: value: expected a finite number, found 'inf'",
        "9: value: expected a finite number, found '1e999'",
        "10: point: expected a field whose quotes are closed on its line, found 'ww/z01/d1/cod,3'",
        "11: value: expected a number, found nothing",
    ]
    assert tally.bad_rows == 8


def test_a_bad_cell_costs_itself(tmp_path: Path) -> None:
    """In a wide file the other cells of a row count; the row is bad once, however many cells are."""
    path = tmp_path / "data.csv"
    path.write_text("time,a,b,c\n2024-01-01T00:00:00Z,1,x,y\n2024-01-01T00:00:01Z,1,2,3\n")
    rows, tally = read(path, tmp_path)
    assert rows == [(0, "a", 1.0), (1000, "a", 1.0), (1000, "b", 2.0), (1000, "c", 3.0)]
    assert tally.bad_rows == 1
    assert [row.error.detail for row in tally.bad] == [
        f"{path}:2: b: expected a number, found 'x'",
        f"{path}:2: c: expected a number, found 'y'",
    ]


def test_only_the_first_bad_rows_are_kept(tmp_path: Path) -> None:
    """However many rows are bad, twenty are told, all are counted, and memory does not grow."""
    path = tmp_path / "data.csv"
    path.write_text("time,point,value\n2024-01-01T00:00:00Z,a,1\n" + "2024-01-01T00:00:00Z,a,bad\n" * 100_000)
    _, tally = read(path, tmp_path)
    assert tally.bad_rows == 100_000
    assert [row.where for row in tally.bad] == [f"{path}:{line}: value" for line in range(3, 23)]


def test_strict_stops_at_the_first_bad_row(tmp_path: Path) -> None:
    """Where bad rows are not forgiven the first one is an error."""
    opened = recording(DATA / "bad-rows.csv", tmp_path)
    with pytest.raises(BadRowError, match=r"bad-rows\.csv:4: value: expected a number, found 'abc'"):
        list(opened.batches(strict=True))


@pytest.mark.parametrize("path", sorted(DATA.glob("*.bad.csv")), ids=lambda path: path.name)
def test_files_that_cannot_be_read(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is no data is refused in one line that helps; the message stands beside the file."""
    monkeypatch.chdir(DATA)
    with pytest.raises(PeerError) as refused:
        read(Path(path.name), tmp_path)
    assert refused.value.detail == path.with_suffix(".txt").read_text("utf-8").strip()


@pytest.mark.parametrize("size", [64, 100, 1000])
def test_blocks_change_nothing(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a file is cut into blocks, the readings and the lines of bad rows are the same."""
    path = write_long(tmp_path / "data.csv", ROWS * 20)
    path.write_text(path.read_text("utf-8").replace(",b,3.5", ",b,x"), "utf-8")
    whole = read(path, tmp_path)
    monkeypatch.setattr(delimited, "BLOCK_BYTES", size)
    in_blocks = read(path, tmp_path)
    assert in_blocks[0] == whole[0]
    assert in_blocks[1].bad == whole[1].bad
    assert whole[1].bad_rows == 20


def test_one_name_written_in_two_ways(tmp_path: Path) -> None:
    """A name with quotes in it is one point, whether or not the field is quoted."""
    path = tmp_path / "data.csv"
    path.write_text('time,point,value\n2024-01-01T00:00:00Z,12" pipe,1\n2024-01-01T00:00:01Z,"12"" pipe",2\n', "utf-8")
    assert read(path, tmp_path)[0] == [(0, '12" pipe', 1.0), (1000, '12" pipe', 2.0)]


def test_labels_of_a_long_file(tmp_path: Path) -> None:
    """In a long file a label is about its row's point, so each point has windows of its own."""
    rows = [f"{iso(1000 * step)},{point},1,{int(step in labelled)}" for step in range(6)
            for point, labelled in (("a", {1, 2}), ("b", {2, 3}))]  # fmt: skip
    path = tmp_path / "data.csv"
    path.write_text("\n".join(["time,point,value,bad", *rows]), "utf-8")
    opened = recording(path, tmp_path, PLAIN._replace(asked=Asked(label="bad")))
    assert sum(len(batch.columns) for batch in opened.batches()) == 12
    assert [(one.start_ms - START_MS, one.end_ms - START_MS, one.point) for one in opened.labelled] == [
        (1000, 2000, "a"), (2000, 3000, "b")
    ]  # fmt: skip
    path.write_text(path.read_text("utf-8").replace(",1,1", ",1,yes"), "utf-8")
    with pytest.raises(PeerError, match=r"data\.csv:4: expected 0 or 1, true or false, found 'yes'"):
        recording(path, tmp_path, PLAIN._replace(asked=Asked(label="bad")))


def test_a_point_that_comes_late_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A survey of the beginning does not see all points: reading says so, and a whole survey does."""
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(delimited, "BEGINNING_BYTES", 2000)
    path = write_long(tmp_path / "data.csv", [*((1000 * step, "b", 1.0) for step in range(200)), (200_000, "a", 2.0)])
    opened = recording(path, tmp_path)
    assert not opened.source.is_complete
    with pytest.raises(NewPointError):
        list(opened.batches())
    opened.survey(strict=False, whole=True)
    assert [name.given for name in opened.names] == ["a", "b"]
    assert sum(len(batch.columns) for batch in opened.batches()) == 201


def test_a_point_that_comes_late_in_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large Parquet file is surveyed at its beginning too, and as a whole where that was not enough."""
    monkeypatch.setattr(parquet, "BEGINNING_ROWS", 4)
    columns = {"time": _MS, "point": pa.array(["b"] * 9 + ["a"]), "value": _VALUE}
    path = _parquet(tmp_path / "data.parquet", columns)
    monkeypatch.setattr(parquet, "BATCH_CELLS", 2)
    monkeypatch.setattr(parquet, "BATCH_ROWS_MIN", 2)
    opened = recording(path, tmp_path)
    with pytest.raises(NewPointError):
        list(opened.batches())
    opened.survey(strict=False, whole=True)
    assert [name.given for name in opened.names] == ["a", "b"]
    assert sum(len(batch.columns) for batch in opened.batches()) == 10


def test_columns_can_be_named(tmp_path: Path) -> None:
    """What the header does not tell, the user can."""
    path = tmp_path / "data.csv"
    path.write_text("when,what,raw,scaled\n2024-01-01T00:00:00Z,a,7,0.5\n")
    asked = Asked(time="when", point="what", value="scaled")
    assert read(path, tmp_path, PLAIN._replace(asked=asked))[0] == [(0, "a", 0.5)]
    with pytest.raises(PeerError, match="--value-column: expected one of 'when', 'what', 'raw', 'scaled', found 'x'"):
        read(path, tmp_path, PLAIN._replace(asked=Asked(value="x")))


def test_wide_if_told(tmp_path: Path) -> None:
    """`--wide` makes points of columns that look like a long file's."""
    path = tmp_path / "data.csv"
    path.write_text("time,id,value\n2024-01-01T00:00:00Z,3,0.5\n")
    assert read(path, tmp_path, PLAIN._replace(asked=Asked(wide=True)))[0] == [(0, "id", 3.0), (0, "value", 0.5)]


def test_local_times_are_counted(tmp_path: Path) -> None:
    """Times without an offset are in the zone that is told, and counted, so that the summary can say so."""
    path = tmp_path / "data.csv"
    path.write_text("time,a\n2024-01-01 08:00:00,1\n2024-01-01T00:00:01Z,2\n")
    rows, tally = read(path, tmp_path, PLAIN._replace(zone=find_zone("Asia/Shanghai")))
    assert rows == [(0, "a", 1.0), (1000, "a", 2.0)]
    assert tally.naive == 1


def test_ambiguous_dates_can_be_told(tmp_path: Path) -> None:
    """Where the day and the month cannot be told apart, `--time-format` does."""
    options = CsvOptions(asked=Asked(), separator=None, time_format="dmy", zone=find_zone("UTC"))
    rows, _ = read(DATA / "ambiguous-dates.bad.csv", tmp_path, options)
    assert iso(rows[0][0]) == "2024-04-03T10:00:00.000Z"


def test_numbers_among_dates_decide_their_order() -> None:
    """One day above twelve is enough to tell days from months."""
    text = b"time,flow\n3/4/2024 10:00,1\n3/14/2024 10:00,2\n"
    assert sniff("data.csv", text, Asked(), None, None).time_format.name == "mdy"


def test_lines_longer_than_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A header and rows of many columns are read though they are longer than what is read at once."""
    names = [f"point-{place:04d}" for place in range(500)]
    rows = [f"{iso(1000 * step)},{','.join(str(place + step) for place in range(500))}" for step in range(5)]
    path = tmp_path / "data.csv"
    path.write_text("\n".join([f"time,{','.join(names)}", *rows]), "utf-8")
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 100)
    found, _ = read(path, tmp_path)
    assert found == [(1000 * step, name, float(place + step)) for step in range(5) for place, name in enumerate(names)]
    monkeypatch.setattr(delimited, "LINE_BYTES_MAX", 1 << 10)
    with pytest.raises(PeerError):
        read(path, tmp_path)


@pytest.mark.parametrize("hole", [None, 2.0])
def test_labels_in_parquet(hole: float | None, tmp_path: Path) -> None:
    """A column of labels stands beside each reading of its row, whether or not a cell of the row is missing."""
    time = pa.array([START_MS + 1000 * step for step in range(4)], pa.timestamp("ms", "UTC"))
    columns = {"time": time, "a": [1.0, hole, 3.0, 4.0], "b": [1.0] * 4, "anomaly": [False, True, True, False]}
    path = _parquet(tmp_path / "data.parquet", columns)
    opened = recording(path, tmp_path, PLAIN._replace(asked=Asked(label="anomaly")))
    label = [bool(one) for batch in opened.batches() if batch.label is not None for one in batch.label]
    assert label == ([False] * 2 + [True] * 4 + [False] * 2 if hole else [False] * 2 + [True] * 3 + [False] * 2)
    assert [(one.start_ms - START_MS, one.end_ms - START_MS) for one in opened.labelled] == [(1000, 2000)]
