"""A recorded file is one source: order, lateness and end of it decide as SEMANTICS.md says."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from backtest_files import START_MS, Row, read, recording, write_long
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.backtest import history as histories
from benchmarks.backtest.arrival import Arrival, packs
from benchmarks.backtest.history import STANDING, History
from benchmarks.backtest.names import name_points, points_of
from benchmarks.backtest.readings import Batch
from benchmarks.backtest.replay import replay
from benchmarks.backtest.ruling import fitted
from contract.columns import Columns
from contract.errors import PeerError
from contract.rulebook import parse_rules
from contract.rules import RuleSet

RULES = """
rules:
  - {id: high, kind: limit, points: "*", high: 10, deadband: 1, on_delay: 3s, off_delay: 2s}
  - {id: fast, kind: rate, points: "*", rise: 5, per: 1s, level: orange}
  - {id: frozen, kind: stuck, points: "*", after: 20s, level: blue}
  - {id: quiet, kind: silence, points: "*", after: 15s, level: red}
  - {id: odd, kind: anomaly, points: "*", z: 3, alpha: 0.1, warm_up: 5, floor: 0.5}
  - {id: both, kind: k_of_n, of: [high], k: 2, window: 5s, level: red}
  - {id: gap, kind: expression, points: "*", when: "a - b > 8", level: orange}
"""


ABOUT_POINTS = "\n".join(RULES.splitlines()[:7])
"""Those that need no second point."""


def _rules(text: str = RULES) -> RuleSet:
    return parse_rules(text, "rules.yaml")


def _history(path: Path, folder: Path, order: str = "auto", rules: RuleSet | None = None) -> History:
    opened = recording(path, folder, order=order)
    fit, _ = fitted(rules or _rules(), opened.points, "rules.yaml")
    return replay(opened.batches(), opened.points, fit.rules, 5_000)


def _told(history: History) -> list[tuple[str, str, int, int]]:
    names = [point.name for point in history.subjects]
    lines = b"".join(history.lines(names)).splitlines()
    told = [msgspec.json.decode(line) for line in lines]
    return [(one["point"], f"{one['transition']} {one['rule']}", one["at_ms"], one["onset_ms"]) for one in told]


def _busy_rows(seed: int, seconds: int = 400) -> list[Row]:
    """Two points that now and then are high, jump, freeze and are silent."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for point in ("a", "b"):
        level = np.repeat(rng.choice([3.0, 9.0, 14.0], seconds // 20), 20)
        value = np.round(level + np.repeat(rng.normal(0, 1, seconds // 5), 5), 3)
        is_sent = np.repeat(rng.random(seconds // 20) > 0.15, 20)
        rows += [(1000 * place, point, float(value[place])) for place in np.flatnonzero(is_sent).tolist()]
    return sorted(rows)


def test_all_kinds_of_rules(tmp_path: Path) -> None:
    """Every kind of rule raises and clears on a file, those about devices and zones too."""
    told = {what for _, what, _, _ in _told(_history(write_long(tmp_path / "data.csv", _busy_rows(1)), tmp_path))}
    assert {f"raise {rule.id}" for rule in _rules().rules} <= told
    assert {"clear high", "clear fast", "clear frozen", "clear quiet", "clear both", "clear gap"} <= told


@pytest.mark.parametrize("seed", range(5))
def test_order_within_lateness_does_not_matter(seed: int, tmp_path: Path) -> None:
    """Rows that overtook each other by less than the lateness give the history of rows in order."""
    rows = _busy_rows(seed)
    rng = np.random.default_rng(seed)
    arrival = np.argsort([at_ms + rng.uniform(0, 4_900) for at_ms, _, _ in rows])
    shuffled = [rows[place] for place in arrival]
    assert shuffled != rows
    in_order = _history(write_long(tmp_path / "in-order.csv", rows), tmp_path)
    out_of_order = _history(write_long(tmp_path / "shuffled.csv", shuffled), tmp_path)
    assert out_of_order.late == 0
    assert _told(out_of_order) == _told(in_order)
    assert len(_told(in_order)) > 20


def test_late_rows_change_nothing(tmp_path: Path) -> None:
    """A row that comes further behind than readings wait is counted, and the history is that without it."""
    rows: list[Row] = [(1000 * step, "a", float(step % 7)) for step in range(200)]
    late: list[Row] = [(20_500, "a", 99.0), (21_500, "a", 99.0)]
    rules = _rules(ABOUT_POINTS)
    with_late = _history(write_long(tmp_path / "late.csv", [*rows[:100], *late, *rows[100:]]), tmp_path, rules=rules)
    without = _history(write_long(tmp_path / "data.csv", rows), tmp_path, rules=rules)
    assert with_late.late == 2
    assert _told(with_late) == _told(without)
    in_order = _history(tmp_path / "late.csv", tmp_path, order="time", rules=rules)
    assert in_order.late == 0
    assert ("a", "raise fast", START_MS + 20_500, START_MS + 20_500) in _told(in_order)


def test_the_end_of_the_file_fires_what_is_due(tmp_path: Path) -> None:
    """Timers due up to the last reading fire, later ones do not: nobody knows what came after the recording."""
    rules = _rules("rules: [{id: high, kind: limit, points: '*', high: 10, on_delay: 10s}]")
    due = write_long(tmp_path / "due.csv", [(0, "a", 11.0), (0, "b", 1.0), (10_000, "b", 1.0)])
    assert _told(_history(due, tmp_path, rules=rules)) == [("a", "raise high", START_MS + 10_000, START_MS)]
    short = write_long(tmp_path / "short.csv", [(0, "a", 11.0), (0, "b", 1.0), (9_999, "b", 1.0)])
    assert _told(_history(short, tmp_path, rules=rules)) == []


@pytest.mark.parametrize("order", ["point by point", "newest first"])
def test_exports_in_another_order_are_put_in_order(order: str, tmp_path: Path) -> None:
    """A file that has its points one after the other, or its newest rows first, is judged in order of time."""
    rows = _busy_rows(3)
    in_order = _history(write_long(tmp_path / "data.csv", rows), tmp_path)
    export = sorted(rows, key=lambda row: row[1]) if order == "point by point" else rows[::-1]
    path = write_long(tmp_path / "export.csv", export)
    assert recording(path, tmp_path).disorder == order
    assert recording(path, tmp_path, order="arrival").disorder == ""
    told = _told(_history(path, tmp_path))
    # Rows of one time stand the other way round when the file does; no rule but an expression sees that.
    assert [one for one in told if "gap" not in one[1]] == [one for one in _told(in_order) if "gap" not in one[1]]


def test_ordinary_disorder_is_left_alone(tmp_path: Path) -> None:
    """A backlog in a file is judged as it came: nobody but the user may say that it was not so."""
    rows: list[Row] = [(1000 * step, point, 1.0) for step in range(50) for point in ("a", "b")]
    backlog: list[Row] = [(1000 * step, "a", 1.0) for step in range(20)]
    path = write_long(tmp_path / "data.csv", [*rows, *backlog])
    assert recording(path, tmp_path).disorder == ""
    assert _history(path, tmp_path).late == 20


def test_sorting_keeps_every_row(tmp_path: Path) -> None:
    """`--order time` gives the same rows, by time, rows of one time in the order of the file."""
    rows = [(1000 * ((7 * step) % 50), "ab"[step % 2], float(step)) for step in range(500)]
    found, tally = read(write_long(tmp_path / "data.csv", rows), tmp_path, order="time")
    assert found == sorted(rows, key=lambda row: row[0])
    assert (tally.rows, tally.readings) == (500, 500)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 30_000)), min_size=1, max_size=60),
    st.lists(st.integers(1, 59), max_size=4),
)
def test_packs_are_the_same_however_the_file_is_cut(rows: list[tuple[int, int]], cuts: list[int]) -> None:
    """Late readings are packs of their own, unbroken runs of them, in the order of the file."""
    columns = _columns([(at_ms, "ab"[point], float(place)) for place, (point, at_ms) in enumerate(rows)])
    places = sorted({cut for cut in cuts if cut < len(rows)})
    parts = zip(*(np.split(column, places) for column in columns), strict=True)
    found = list(packs([Batch(Columns(*part), None) for part in parts], 5_000))
    wanted: list[list[int]] = []
    newest_ms, was_behind = -1, False
    for place, (_, at_ms) in enumerate(rows):
        is_behind = newest_ms - at_ms > 5_000
        newest_ms = max(newest_ms, at_ms)
        if place == 0 or is_behind != was_behind or (not is_behind and place in places):
            wanted.append([])
        wanted[-1].append(place)
        was_behind = is_behind
    assert [one.value.astype(int).tolist() for one in found] == wanted


def _columns(rows: list[Row]) -> Columns:
    time_ms, point, value = zip(*rows, strict=True)
    places = np.array(["ab".index(name) for name in point], dtype=np.int32)
    return Columns(places, np.array(time_ms, dtype=np.int64) + START_MS, np.array(value, dtype=np.float64))


@pytest.mark.parametrize("seed", range(4))
def test_batches_do_not_decide_what_is_late(seed: int) -> None:
    """A file with late rows has one history, whether it is read row by row or at once."""
    rng = np.random.default_rng(seed)
    rows = _busy_rows(seed, 200)
    rows = [rows[place] for place in np.argsort([at_ms + rng.uniform(0, 12_000) for at_ms, _, _ in rows])]
    columns, points = _columns(rows), points_of(name_points(["a", "b"]))
    told = []
    for size in (1, 7, len(rows)):
        places = np.arange(size, len(rows), size)
        parts = zip(*(np.split(column, places) for column in columns), strict=True)
        batches = [Batch(Columns(*(column.copy() for column in part)), None) for part in parts]
        history = replay(batches, points, _rules().rules[:-1], 5_000)
        told.append((history.late, _told(history)))
    assert told[0][0] > 10
    assert told[0] == told[1] == told[2]


def test_transitions_come_in_order_of_time_and_subject(tmp_path: Path) -> None:
    """Order of the output: time, then subject, then rule; and what is too much for memory comes from a file."""
    rows = [(1000 * step, point, 20.0 * (step % 2)) for step in range(40) for point in ("c", "a", "b")]
    rules = _rules("rules: [{id: r, kind: limit, points: '*', high: 10}, {id: q, kind: limit, points: '*', high: 15}]")
    history = _history(write_long(tmp_path / "data.csv", rows), tmp_path, rules=rules)
    told = [(at_ms, point, what.split()[1]) for point, what, at_ms, _ in _told(history)]
    assert told == sorted(told, key=lambda one: (one[0], one[1], "rq".index(one[2])))
    assert len(told) == 39 * 3 * 2


def test_what_is_too_much_for_memory_waits_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A history beyond the limit is the same as below it."""
    path = write_long(tmp_path / "data.csv", _busy_rows(2))
    small = _told(_history(path, tmp_path))
    monkeypatch.setattr(histories, "_PENDING_MAX", 3)
    assert _told(_history(path, tmp_path)) == small


def _line(transition: str, at_ms: int, level: str, value: float) -> str:
    before = f'{{"point":"a","rule":"r","transition":"{transition}","at_ms":{at_ms},"onset_ms":{START_MS}'
    return f'{before},"level":"{level}","value":{value}}}'


def test_lines_have_the_keys_that_programs_read(tmp_path: Path) -> None:
    """A line of JSON has exactly these keys, in this order."""
    rules = _rules("rules: [{id: r, kind: limit, points: '*', levels: {yellow: 10, red: 20}}]")
    rows: list[Row] = [(0, "a", 12.0), (1000, "a", 25.0), (2000, "a", 0.0)]
    history = _history(write_long(tmp_path / "data.csv", rows), tmp_path, rules=rules)
    assert b"".join(history.lines(["a"])).decode().splitlines() == [
        _line("raise", START_MS, "yellow", 12.0),
        _line("level", START_MS + 1000, "red", 25.0),
        _line("clear", START_MS + 2000, "red", 12.0),
    ]
    alarms = history.alarms()
    assert (alarms.raised_ms[0], alarms.cleared_ms[0], alarms.level[0]) == (START_MS, START_MS + 2000, 3)


@pytest.mark.parametrize("seed", range(3))
def test_alarms_are_what_the_transitions_tell(seed: int, tmp_path: Path) -> None:
    """Each raising makes one alarm, which ends with its clearing or stands at the end."""
    history = _history(write_long(tmp_path / "data.csv", _busy_rows(seed)), tmp_path)
    wanted = []
    standing: dict[tuple[int, int], int] = {}
    for one in history.transitions.tolist():
        at_ms, _, _, subject, rule, kind, _ = one
        match histories.KINDS[kind]:
            case "raise":
                standing[subject, rule] = len(wanted)
                wanted.append([at_ms, subject, rule, STANDING])
            case "clear":
                wanted[standing.pop((subject, rule))][3] = at_ms
    alarms = history.alarms()
    found = zip(alarms.raised_ms, alarms.subject, alarms.rule, alarms.cleared_ms, strict=True)
    assert [list(map(int, one)) for one in found] == wanted


def test_an_expression_sees_all_points_of_a_file_without_devices(tmp_path: Path) -> None:
    """Where no name has parts, the file is the device."""
    rules = _rules("rules: [{id: gap, kind: expression, points: '*', when: 'a - b > 8'}]")
    path = write_long(tmp_path / "data.csv", [(0, "a", 10.0), (0, "b", 1.0)])
    history = _history(path, tmp_path, rules=rules)
    assert [(point.name, point.zone) for point in list(history.subjects)[2:]] == [("", "all")]
    assert len(history.transitions) == 1


def test_rules_for_points_that_are_not_there(tmp_path: Path) -> None:
    """A rule that names an unknown point is refused with its path; a glob that fits nothing is only told."""
    path = write_long(tmp_path / "data.csv", [(0, "cod", 1.0)])
    points = recording(path, tmp_path).points
    with pytest.raises(PeerError, match=r"rules\.yaml: rules\[0\]\.points: .*cot"):
        fitted(_rules("rules: [{id: r, kind: limit, points: cot, high: 1}]"), points, "rules.yaml")
    _, idle = fitted(_rules("rules: [{id: r, kind: limit, points: 'x*', high: 1}]"), points, "rules.yaml")
    assert idle == ["r"]


def test_an_arrival_of_one_point_is_not_point_by_point() -> None:
    """One point, or points that never go back in time, say nothing about the order of an export."""
    for point, time_ms in (([0, 0, 0], [5, 3, 4]), ([0, 0, 1], [1, 2, 3])):
        arrival = Arrival()
        arrival.see(Batch(Columns(np.array(point, dtype=np.int32), np.array(time_ms), np.zeros(3)), None))
        assert arrival.disorder == ""
