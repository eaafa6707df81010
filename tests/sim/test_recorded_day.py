"""A day that somebody else recorded: what is least, how it is made, and how faults in it are told."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contract import catalogue
from contract.messages import MAX_PACK_READINGS
from scenarios.model import find
from sim.recorded import RecordedTrace, TraceFileError, record
from sim.recorded.columns import EVENTS, READINGS, REQUESTS
from sim.trace import Event, Pack, Request, Trace

DOCS = Path(__file__).resolve().parents[2] / "docs"
START_MS = 1_607_304_600_000  # 2020-12-07T01:30:00Z
ROWS = [
    (START_MS + 100, "liangjiang", "gw-a", "env/z01/air-0001/no2", 12.5),
    (START_MS + 400, "baitao", "gw-a", "boiler/pressure", 1.25),
    (START_MS + 900, "liangjiang", "gw-a", "energy/z02/supply-0001/voltage", 221.0),
    (START_MS + 900, "liangjiang", "gw-b", "env/z09/air-0002/no2", 8.0),
    (START_MS + 1_200, "liangjiang", "gw-a", "env/z01/air-0001/no2", 12.75),
    (START_MS + 4_000, "liangjiang", "gw-a", "env/z01/air-0001/no2", 13.0),
]
NAMES = ("time", "park", "gateway", "point", "value")

Edit = Callable[[pa.Table], pa.Table]


def bare(directory: Path, rows: list[tuple[int, str, str, str, float]] = ROWS, unit: str = "ms") -> Path:
    """The least recording."""
    directory.mkdir(exist_ok=True)
    columns = list(zip(*rows, strict=True))
    per_ms = {"ms": 1, "us": 1_000, "ns": 1_000_000}[unit]
    time = pa.array([value * per_ms for value in columns[0]], pa.timestamp(unit, tz="UTC"))
    pq.write_table(pa.table([time, *map(pa.array, columns[1:])], names=NAMES), directory / "readings.parquet")
    return directory


def packs(trace: RecordedTrace) -> list[Pack]:
    return [one for one in trace.emissions() if isinstance(one, Pack)]


def test_the_least_recording(tmp_path: Path) -> None:
    """Readings alone make a trace: points, packs of a second and their numbers follow; nobody knows the truth."""
    trace = RecordedTrace(bare(tmp_path / "monday"))
    assert (trace.parks, trace.has_truth, trace.has_scenario) == (("liangjiang", "baitao"), False, False)
    assert (trace.start_ms, trace.end_ms) == (START_MS, START_MS + 5_000)
    assert trace.scenario.name == "monday"
    assert [(p.due_ms - START_MS, p.park, p.gateway, p.sequence, len(p.columns)) for p in packs(trace)] == [
        (400, "baitao", "gw-a", 1, 1),
        (900, "liangjiang", "gw-a", 1, 2),
        (900, "liangjiang", "gw-b", 1, 1),
        (1_200, "liangjiang", "gw-a", 2, 1),
        (4_000, "liangjiang", "gw-a", 3, 1),
    ]
    layout = trace.layouts["liangjiang"]
    assert [(p.name, p.gateway, p.zone, p.unit) for p in layout.points] == [
        ("env/z01/air-0001/no2", "gw-a", "z01", "ug/m3"),
        ("energy/z02/supply-0001/voltage", "gw-a", "z02", "V"),
        ("env/z09/air-0002/no2", "gw-b", "z09", "ug/m3"),
    ]
    assert catalogue.profiles()[layout.profile[0]].quantity == "no2"
    assert trace.layouts["baitao"].profile.tolist() == [-1]
    back = {
        (pack.park, trace.layouts[pack.park].names[point], time, value)
        for pack in packs(trace)
        for point, time, value in zip(*(column.tolist() for column in pack.columns), strict=True)
    }
    assert back == {(park, point, time, value) for time, park, _, point, value in ROWS}


@pytest.mark.parametrize("unit", ["us", "ns"])
def test_times_of_any_unit(tmp_path: Path, unit: str) -> None:
    """Finer times than milliseconds are cut."""
    coarse, fine = RecordedTrace(bare(tmp_path / "ms")), RecordedTrace(bare(tmp_path / unit, unit=unit))
    assert repr(packs(coarse)) == repr(packs(fine))


def test_a_second_with_more_than_a_pack_may_hold(tmp_path: Path) -> None:
    """What does not fit into one pack travels in several."""
    many = [(START_MS + number // 100, "baitao", "gw-a", "a/b", 1.0) for number in range(MAX_PACK_READINGS + 7)]
    found = packs(RecordedTrace(bare(tmp_path / "dense", many)))
    assert [(pack.sequence, len(pack.columns)) for pack in found] == [(1, MAX_PACK_READINGS), (2, 7)]


def test_batches_leave_no_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows are read at once, the packs are the same, with packs written and without."""
    draw = np.random.default_rng(5)
    times = np.sort(draw.integers(START_MS, START_MS + 20_000, 500)).tolist()
    rows = [(at, "baitao", f"gw-{number % 3}", f"a/p{number % 3}", float(number)) for number, at in enumerate(times)]
    scenario = find("pilot-2019")
    record(Trace(scenario, shard=(0, 12)), (0, 12), tmp_path / "full")
    for directory in (bare(tmp_path / "bare", rows), tmp_path / "full"):
        whole = repr(packs(RecordedTrace(directory)))
        monkeypatch.setattr("sim.recorded.readings.BATCH_ROWS", 17)
        assert repr(packs(RecordedTrace(directory))) == whole
        monkeypatch.undo()


@pytest.mark.parametrize("page", ["trace.md", "trace.zh-CN.md"])
def test_the_examples_of_the_docs_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's CSV becomes a recording in the lines that the page shows, with duckdb and with pyarrow."""
    lines = ["when,park,gateway,tag,reading"]
    lines += [f"2020-12-07T01:30:0{s}Z,liangjiang,gw-{s % 2},env/z01/air-000{s % 2}/no2,{s}.5" for s in (3, 1, 2)]
    monkeypatch.chdir(tmp_path)
    for day in ("monday", "tuesday"):
        (tmp_path / f"{day}.csv").write_text("\n".join(lines) + "\n")
    examples = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        exec(compile(example, page, "exec"), {})  # noqa: S102 - the page's own lines are what is tested
    for day in ("monday", "tuesday"):
        trace = RecordedTrace(tmp_path / "recordings" / day)
        assert [(p.due_ms - START_MS, p.columns.value.tolist()) for p in packs(trace)] == [
            (1_000, [1.5]),
            (2_000, [2.5]),
            (3_000, [3.5]),
        ]


@pytest.mark.parametrize("page", ["trace.md", "trace.zh-CN.md"])
def test_the_docs_name_every_column(page: str) -> None:
    """Each table is described in the order of its columns, with their types."""
    text = (DOCS / page).read_text("utf-8")
    for name, schema in (("readings", READINGS), ("events", EVENTS), ("requests", REQUESTS)):
        section = text.split(f"### {name}.parquet")[1].split("\n###")[0]
        rows = re.findall(r"^\| (`.*?`) \| (.*?) \|", section, re.MULTILINE)
        named = [(column, kind) for columns, kind in rows for column in re.findall(r"`(\w+)`", columns)]
        assert [column for column, _ in named] == schema.names
        for column, kind in named:
            told = schema.field(column).type
            assert kind == str(told.value_type if pa.types.is_dictionary(told) else told).replace("tz=", "")


# --- faults ---------------------------------------------------------------------------------------------------------


def changed(column: str, row: int, value: object) -> Edit:
    """An edit of one cell."""

    def edit(table: pa.Table) -> pa.Table:
        values = table.column(column).to_pylist()
        values[row] = value
        field = table.schema.field(column)
        kind = pa.string() if pa.types.is_dictionary(field.type) else field.type
        place = table.schema.get_field_index(column)
        return table.set_column(place, pa.field(column, kind), pa.array(values, kind))

    return edit


def dropped(column: str) -> Edit:
    return lambda table: table.drop_columns([column])


def retyped(column: str, kind: pa.DataType) -> Edit:
    def edit(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(column)
        return table.set_column(place, column, table.column(column).cast(pa.int64()).cast(kind))

    return edit


BARE_FAULTS: dict[str, tuple[Edit, str]] = {
    "missing column": (
        dropped("gateway"),
        "expected the columns time, park, gateway, point, value, found no column gateway among time, park, point,",
    ),
    "time as number": (retyped("time", pa.int64()), "column time: expected a timestamp, found int64"),
    "value as text": (
        lambda table: table.set_column(4, "value", pa.array(["1"] * len(ROWS))),
        "column value: expected a number, found string",
    ),
    "half of the packing": (
        lambda table: table.append_column("sequence", pa.array(range(len(ROWS)))),
        "expected due and sequence together, or neither, found sequence alone",
    ),
    "unknown park": (
        changed("park", 1, "atlantis"),
        'row 1: expected the id of a park in the catalogue, found park "atlantis"',
    ),
    "no name": (
        changed("point", 2, "no2"),
        "row 2: point: expected a name such as 'env/z03/air-0007/so2', found 'no2'",
    ),
    "bad gateway": (
        changed("gateway", 3, "GW 1"),
        "row 3: gateway: expected lower-case letters, digits and '-', at most 63, found 'GW 1'",
    ),
    "point moves": (
        changed("gateway", 4, "gw-b"),
        "row 4: expected gateway gw-a, as before, found env/z01/air-0001/no2 at gateway gw-b",
    ),
    "empty field": (changed("value", 2, None), "row 2: expected a value in each row, found no value"),
    "not finite": (
        changed("value", 5, float("nan")),
        "row 5: expected a finite value, found a value that is no finite",
    ),
    "back in time": (
        changed("time", 4, START_MS),
        "row 4: expected the column time never to go back, found an earlier time than in the row before",
    ),
    "no rows": (lambda table: table.slice(0, 0), "expected readings, found no rows"),
}


@pytest.mark.parametrize("fault", BARE_FAULTS)
def test_a_wrong_recording_is_refused(fault: str, tmp_path: Path) -> None:
    """Each fault is told with the file, the place, what was wanted and what was found."""
    path = bare(tmp_path / "day") / "readings.parquet"
    edit, message = BARE_FAULTS[fault]
    pq.write_table(edit(pq.read_table(path)), path)
    with pytest.raises(TraceFileError) as caught:
        list(RecordedTrace(tmp_path / "day").emissions())
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def first_of(table: pa.Table, **values: object) -> int:
    """The first row with these values."""
    return next(n for n, row in enumerate(table.to_pylist()) if all(row[k] == v for k, v in values.items()))


def without_pack(number: int) -> Edit:
    def edit(table: pa.Table) -> pa.Table:
        rows = table.to_pylist()
        gone = (rows[0]["park"], rows[0]["gateway"], number)
        kept = [n for n, row in enumerate(rows) if (row["park"], row["gateway"], row["sequence"]) != gone]
        return table.take(kept)

    return edit


FULL_FAULTS: dict[str, tuple[str, Edit, str]] = {
    "gap": ("readings", without_pack(4), "gw-01: expected packs numbered 1, 2, ... without gaps, found no pack 4"),
    "copy of nothing": (
        "readings",
        changed("copy", 0, 1),
        "expected copy 0: it was sent 0 times before, found pack 1 as copy 1",
    ),
    "unregistered point": (
        "readings",
        changed("point", 7, "env/z01/air-9999/no2"),
        'row 7: expected a point of the park (points.parquet), found point "env/z01/air-9999/no2"',
    ),
    "park of another trace": (
        "readings",
        changed("park", 3, "park-47"),
        'row 3: expected a park of this trace, found park "park-47"',
    ),
    "due back": (
        "readings",
        changed("due", 9, 1_000_000),
        "row 9: expected the column due never to go back, found an earlier time than in the row before",
    ),
    "point twice": (
        "points",
        lambda table: pa.concat_tables([table, table.slice(0, 1)]),
        "expected each point of a park once, found",
    ),
    "points without zone": ("points", dropped("zone"), "found no column zone"),
    "form that is no object": (
        "requests",
        changed("body", 0, "[1]"),
        "row 0: expected a message of the contract, found",
    ),
    "request twice": ("requests", changed("sequence", 0, 2), "row 0: expected 1, the park's next, found sequence 2"),
    "truth without rule": ("truth/expected", dropped("rule"), "found no column rule"),
    "truth with an odd level": ("truth/expected", changed("level", 0, "mauve"), "row 0: expected ExpectedAlert, found"),
}


@pytest.mark.parametrize("fault", FULL_FAULTS)
def test_a_spoilt_recording_is_refused(fault: str, tmp_path: Path) -> None:
    """A recording of ours that somebody changed is refused with the file and the place."""
    record(Trace(find("pilot-2019"), shard=(0, 4)), (0, 4), tmp_path / "day")
    name, edit, message = FULL_FAULTS[fault]
    path = tmp_path / "day" / f"{name}.parquet"
    pq.write_table(edit(pq.read_table(path)), path)
    with pytest.raises(TraceFileError) as caught:
        list(RecordedTrace(tmp_path / "day").emissions())
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ('{"format": 9}', "expected format 2, found format 9"),
        ('{"format": 2, "speed": 3}', "Object contains unknown field `speed`"),
        ("[", "expected a trace's manifest of format 2"),
    ],
)
def test_a_wrong_manifest_is_refused(told: str, message: str, tmp_path: Path) -> None:
    """A manifest of another version, with a key that is not known, or cut short."""
    (bare(tmp_path / "day") / "trace.json").write_text(told)
    with pytest.raises(TraceFileError, match=re.escape(message)):
        RecordedTrace(tmp_path / "day")


def test_no_parquet_and_no_directory(tmp_path: Path) -> None:
    """Something else in the file's place, no file, no directory."""
    with pytest.raises(TraceFileError, match="expected the directory of a trace, found no such directory"):
        RecordedTrace(tmp_path / "nowhere")
    with pytest.raises(TraceFileError, match=r"readings\.parquet: expected a Parquet file, found no such file"):
        RecordedTrace(tmp_path)
    (tmp_path / "readings.parquet").write_text("time,park\n")
    with pytest.raises(TraceFileError, match=r"readings\.parquet: expected a Parquet file, found"):
        RecordedTrace(tmp_path)


def test_messages_may_be_absent(tmp_path: Path) -> None:
    """Without their tables there are no events and no requests, and no fault."""
    record(Trace(find("pilot-2019"), shard=(0, 4)), (0, 4), tmp_path / "day")
    for name in ("events", "requests"):
        (tmp_path / "day" / f"{name}.parquet").unlink()
    assert not [one for one in RecordedTrace(tmp_path / "day").emissions() if isinstance(one, (Event, Request))]
