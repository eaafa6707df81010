"""The comparison with other engines: its workload, its judgement and its table; engines that need no installation."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import work as w
from benchmarks.peers.__main__ import choose
from benchmarks.peers.arena import Arena
from benchmarks.peers.child import Told, measure
from benchmarks.peers.face import CONTESTANTS, Entry, by_name
from benchmarks.peers.result import Comparison, Line, Machine, failed, judge, ratio
from benchmarks.peers.table import show, times
from contract.errors import PeerError

POINTS, SECONDS = 2_000, 47
EXPECTED = w.expected(POINTS, SECONDS)
ON_S, OFF_S = w.ON_DELAY_MS // 1000, w.OFF_DELAY_MS // 1000
MACHINE = Machine(system="Debian", processor="Xeon", cores=2, python="3.11.7", date="2026-11-23T22:00:00+00:00")


def _told(transitions: list[w.Transition], *, steady: bool = True) -> Told:
    return Told(version="1", run_s=[2.0, 1.0, 4.0], steady=steady, transitions=transitions, peak_bytes=1)


def _line(name: str, rate: float, **changes: object) -> Line:
    fields = {"kind": by_name(name).kind, "notes": "", "status": "ok", "readings_per_s_best": rate, **changes}
    return Line(name=name, readings_per_s_median=rate, **fields)


def _comparison(*lines: Line) -> Comparison:
    return Comparison(machine=MACHINE, points=1, seconds=1, readings=1, transitions=0, lines=list(lines))


def _turns(letters: str) -> tuple[list[int], list[int]]:
    """Seconds at which the condition of a story begins, and at which it ends (L1, L2)."""
    begins: list[int] = []
    ends: list[int] = []
    for second, letter in enumerate(letters):
        holds = len(begins) > len(ends)
        if letter in "=#" and not holds:
            begins.append(second)
        if letter == "." and holds:
            ends.append(second)
    return begins, ends


def _alarms(letters: str) -> list[tuple[int, int, int]]:
    """(onset, raised, cleared) by the words of C1 and C2: look for moments that fulfil them, whatever the way there."""
    begins, ends = _turns(letters)
    found: list[tuple[int, int, int]] = []
    free = 0
    for onset in begins:
        if onset < free or any(onset < end < onset + ON_S for end in ends):
            continue
        lasting = (
            end for end in ends if end >= onset + ON_S and not any(end < begin < end + OFF_S for begin in begins)
        )
        cleared = next(lasting) + OFF_S
        found.append((onset, onset + ON_S, cleared))
        free = cleared
    return found


@pytest.mark.parametrize("story", w.STORIES, ids=lambda story: story.letters)
def test_what_stands_beside_a_story_is_what_the_specification_says(story: w.Story) -> None:
    """The alarms that were worked out by hand are those that C1 and C2 single out."""
    assert len(story.letters) == w.CYCLE_S
    assert list(story.alarms) == _alarms(story.letters)


def test_a_story_leaves_nothing_behind() -> None:
    """Each cycle begins as if nothing had been, so stories can be played again."""
    for story in w.STORIES:
        begins, ends = _turns(story.letters)
        assert len(begins) == len(ends)
        assert all(end + OFF_S < w.CYCLE_S for end in ends)


def test_the_answer_of_a_shorter_run_is_the_beginning_of_the_longer_ones() -> None:
    """Whatever is due after the last reading is not in the answer; all else is."""
    whole = w.expected(POINTS, 3 * w.CYCLE_S)
    for seconds in range(1, 3 * w.CYCLE_S):
        last_ms = w.START_MS + w.PERIOD_MS * (seconds - 1)
        assert w.expected(POINTS, seconds) == [one for one in whole if one.at_ms <= last_ms]


def test_every_point_sends_every_second_in_order_of_the_index() -> None:
    """The columns are second after second; only points with a story reach the limit."""
    work = w.make(POINTS, SECONDS)
    assert (work.point.reshape(SECONDS, POINTS) == np.arange(POINTS)).all()
    assert (np.diff(work.time_ms.reshape(SECONDS, POINTS)[:, 0]) == w.PERIOD_MS).all()
    assert not np.ptp(work.time_ms.reshape(SECONDS, POINTS), axis=1).any()
    assert set(work.point[work.value >= w.HIGH]) <= set(range(0, POINTS, w.ALARM_EVERY))


@pytest.mark.parametrize("size", [1, 7, POINTS, 3 * POINTS])
def test_packs_hold_all_readings_once_and_never_two_seconds(size: int) -> None:
    """Cutting into packs loses and repeats nothing."""
    work = w.make(POINTS, 3)
    packs = work.slices(size)
    assert np.array_equal(np.concatenate([np.arange(len(work))[pack] for pack in packs]), np.arange(len(work)))
    assert all(len(set(work.time_ms[pack])) == 1 and len(work.point[pack]) <= size for pack in packs)


def test_a_saved_workload_is_the_same_when_it_is_loaded(tmp_path: Path) -> None:
    """Every process works on the same numbers."""
    work = w.make(POINTS, 3)
    work.save(tmp_path)
    loaded = w.Workload.load(tmp_path, POINTS, 3)
    assert all(np.array_equal(one, other) for one, other in zip(work, loaded, strict=True))


@pytest.mark.parametrize("name", [entry.name for entry in CONTESTANTS if not entry.environment])
@pytest.mark.parametrize("points", [1, POINTS])
def test_engines_give_the_answer_run_after_run(name: str, points: int) -> None:
    """Ours, plain Python, numpy and DuckDB all find exactly the expected transitions."""
    entry = by_name(name)
    engine = entry.engine()
    work = w.make(points, SECONDS)
    engine.prepare(work)
    line = judge(entry, measure(engine, 0, 0), w.expected(points, SECONDS), len(work))
    engine.close()
    assert (line.status, line.reason) == ("ok", "")
    assert line.runs >= 3


def test_figures_are_readings_over_seconds() -> None:
    """The best and the median run count."""
    line = judge(by_name("python"), _told(EXPECTED), EXPECTED, 1_000)
    assert (line.readings_per_s_best, line.readings_per_s_median, line.runs) == (1_000, 500, 3)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (EXPECTED[1:], f"{len(EXPECTED) - 1} transitions, expected {len(EXPECTED)}; 1 missing, 0 extra: missing"),
        ([*EXPECTED, w.Transition(2**50, 0, 1, 0)], "0 missing, 1 extra: extra"),
        ([EXPECTED[0]._replace(onset_ms=1), *EXPECTED[1:]], "1 missing, 1 extra"),
        ([EXPECTED[0], *EXPECTED], "0 missing, 0 extra: repeated"),
    ],
    ids=["one missing", "one too many", "another onset", "one twice"],
)
def test_a_wrong_answer_is_wrong(found: list[w.Transition], reason: str) -> None:
    """It says what differs, gets no ratio and fails the command."""
    line = judge(by_name("duckdb"), _told(found), EXPECTED, 1)
    assert line.status == "wrong"
    assert reason in line.reason
    assert ratio([_line("ours", 10.0), line], "duckdb") is None
    assert failed(_comparison(line))


def test_runs_that_disagree_are_wrong() -> None:
    """The right answer once is not enough."""
    line = judge(by_name("python"), _told(EXPECTED, steady=False), EXPECTED, 1)
    assert (line.status, line.reason) == ("wrong", "its runs gave different answers")


def test_ratios_are_ours_over_theirs() -> None:
    """Both of our lines are compared with each of the others; a line that failed has no ratio."""
    lines = [_line("ours", 300.0), _line("ours-500", 60.0), _line("bytewax", 0.5), _line("flink", 4.0, status="failed")]
    assert ratio(lines, "bytewax") == 600
    assert ratio(lines, "bytewax", "ours-500") == 120
    assert ratio(lines, "ours-500") == 5
    assert ratio(lines, "flink") is None
    assert ratio(lines[2:], "bytewax") is None


def test_only_a_wrong_answer_or_a_failure_of_ours_fails() -> None:
    """An engine that cannot be had here is no failure."""
    absent = _line("flink", 0.0, status="not available")
    assert not failed(_comparison(_line("ours", 1.0), absent))
    assert failed(_comparison(_line("ours", 1.0, status="timed out"), absent))


@pytest.mark.parametrize(("one", "words"), [(449.4, "449"), (1234.0, "1,234"), (12.84, "12.8"), (0.3174, "0.317")])
def test_a_ratio_has_three_digits(one: float, words: str) -> None:
    """More would be noise."""
    assert times(one) == words


def test_the_table_has_a_row_a_contestant_and_a_heading_a_kind() -> None:
    """Lines are gathered by kind; one without figures says why."""
    absent = _line("flink", 0.0, status="not available", reason="java not found")
    table = show(_comparison(_line("ours", 3e8), _line("bytewax", 5e5), absent))
    cells = [[str(cell) for cell in column.cells] for column in table.columns]
    assert cells[0] == ["ours", "  ours", "stream processors", "  bytewax", "  flink"]
    assert cells[2] == ["", "300.00", "", "0.50", "-"]
    assert cells[4] == ["", "1", "", "600", "-"]
    assert cells[-1][-1] == "NOT AVAILABLE: java not found"


def test_a_name_that_nobody_has_is_refused() -> None:
    """The message lists those that there are."""
    with pytest.raises(PeerError, match=r"--only: expected one of ours, .*, found 'storm'"):
        choose(["storm"])


@pytest.mark.process
def test_a_contestant_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """Its line says so, and there is no figure."""
    told: list[Line] = []
    found = Arena(POINTS, SECONDS, 0.0, tmp_path, lambda _: None).compare([by_name("python")], told.append)
    assert found.lines == told
    assert [(line.status, line.reason) for line in told] == [("timed out", "not done within 0 s")]


@pytest.mark.process
def test_a_contestant_whose_programs_are_missing_is_left_out(tmp_path: Path) -> None:
    """Nothing is installed or started for it."""
    entry = Entry("nobody", "streaming", "nobody", environment="flink", programs=("parkbench-no-such-program",))
    found = Arena(1, 1, 1.0, tmp_path, lambda _: None).compare([entry], lambda _: None)
    assert found.lines[0].status == "not available"
    assert found.lines[0].reason.startswith("parkbench-no-such-program not found")
    assert not (tmp_path / "environments").exists()


@pytest.mark.process
def test_the_command_measures_and_writes_its_result(tmp_path: Path) -> None:
    """Standard output is JSON for a program, and the same is kept in peers.json."""
    command = [sys.executable, "-m", "benchmarks.peers", "--points", "400", "--seconds", "40", "--only", "python"]
    done = subprocess.run([*command, "--json", "--out", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told == json.loads((tmp_path / "peers.json").read_text(encoding="utf-8"))
    assert [(line["name"], line["status"]) for line in told["lines"]] == [("python", "ok")]
    assert (told["readings"], told["transitions"]) == (16_000, len(w.expected(400, 40)))


@pytest.mark.process
def test_a_usage_error_is_one_line() -> None:
    """Exit code 2, and no traceback."""
    command = [sys.executable, "-m", "benchmarks.peers", "--points", "100000", "--seconds", "100000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == ("Error: --points x --seconds: expected at most 100,000,000, found 10,000,000,000\n")
