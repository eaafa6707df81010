"""Scores against a plain second calculation, and small cases that a person can check."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.backtest import operator_load
from benchmarks.backtest.history import STANDING, Alarms
from benchmarks.backtest.labels import LabelRuns, Window, load_labels
from benchmarks.backtest.names import name_points, points_of
from benchmarks.backtest.objective import judge, parse
from benchmarks.backtest.readings import Batch
from benchmarks.backtest.scoring import Score, Truth, covered_ms, prepare, score
from benchmarks.backtest.zones import UTC, find_zone
from contract.columns import Columns
from contract.errors import PeerError

NAMES = name_points(["a", "b", "pump one"])
POINTS = points_of(NAMES)
END_MS = 100_000
DAY_MS = 86_400_000

Spans = Sequence[tuple[int, int, int]]
"""Subject, raised, cleared (`STANDING` for never)."""


def _alarms(spans: Spans) -> Alarms:
    ordered = sorted(spans, key=lambda span: (span[1], span[0]))
    subject, raised_ms, cleared_ms = (np.array(column, dtype=np.int64) for column in zip(*ordered, strict=True))
    zeros = np.zeros(len(spans))
    return Alarms(
        subject.astype(np.int32), zeros.astype(np.int32), raised_ms, cleared_ms, raised_ms, zeros, zeros.astype(np.int8)
    )


def _none() -> Alarms:
    return _alarms([(0, 0, 1)]).chosen(np.zeros(1, dtype=np.bool_))


def _truth(windows: Sequence[Window], tolerance_ms: int = 0, end_ms: int = END_MS) -> Truth:
    return prepare(windows, POINTS, NAMES, (0, end_ms), tolerance_ms)


def _score(spans: Spans, windows: Sequence[Window], tolerance_ms: int = 0, end_ms: int = END_MS) -> Score:
    return score(_alarms(spans) if spans else _none(), _truth(windows, tolerance_ms, end_ms)).score


def test_a_small_case() -> None:
    """Two windows of three found, one alarm of three false, delays from the start of the windows."""
    windows = [Window(10_000, 20_000), Window(40_000, 50_000), Window(70_000, 80_000)]
    found = _score([(0, 12_000, 13_000), (1, 19_000, 45_000), (0, 60_000, 61_000)], windows)
    assert (found.true_alarms, found.false_alarms) == (2, 1)
    assert (found.detected, found.missed, found.stood_before) == (2, 1, 1)
    assert (found.precision, found.recall) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (found.delay_s.max, found.delay_s.p50) == (2.0, 1.0)
    assert found.false_alarms_per_day == pytest.approx(1 / (70_000 / DAY_MS))


def test_an_alarm_that_stands_for_ever_is_told_apart() -> None:
    """Windows found only because an alarm stood all along count as detected, and are counted beside it."""
    windows = [Window(10_000, 20_000), Window(40_000, 50_000)]
    found = _score([(0, 1_000, STANDING)], windows)
    assert (found.recall, found.stood_before, found.delay_s.max) == (1.0, 2, 0.0)


def test_edges_belong_to_the_window() -> None:
    """An alarm raised at the last moment of a window, or cleared at its first, touches it."""
    windows = [Window(10_000, 20_000)]
    assert _score([(0, 20_000, 30_000)], windows).detected == 1
    assert _score([(0, 5_000, 10_000)], windows).detected == 1
    assert _score([(0, 20_001, 30_000)], windows).detected == 0
    assert _score([(0, 5_000, 9_999)], windows).detected == 0


def test_tolerance_widens_windows() -> None:
    """With a tolerance an alarm shortly before or after counts, without delay if it came before."""
    windows = [Window(10_000, 10_000)]
    assert _score([(0, 15_000, 16_000)], windows).detected == 0
    assert _score([(0, 15_000, 16_000)], windows, 5_000).delay_s.max == 5.0
    assert _score([(0, 6_000, 7_000)], windows, 5_000).delay_s.max == 0.0
    assert _score([(0, 4_000, 4_999)], windows, 5_000).detected == 0


def test_windows_of_a_point_are_found_on_that_point() -> None:
    """A window about one point is not found by an alarm on another; its name may be that of the data or a glob."""
    alarm: Spans = [(2, 11_000, 12_000)]
    for name in ("pump one", "pump_one", "pump*"):
        assert _score(alarm, [Window(10_000, 20_000, name)]).detected == 1
    for name in ("a", "elsewhere"):
        found = _score(alarm, [Window(10_000, 20_000, name)])
        assert (found.detected, found.false_alarms) == (0, 1)


def test_a_rule_is_held_against_what_it_could_find() -> None:
    """A window about a point that a rule does not apply to is not missed by it; one about no point in particular is."""
    windows = [Window(10_000, 20_000, "a"), Window(40_000, 50_000, "b"), Window(70_000, 80_000)]
    alarms = _alarms([(0, 12_000, 13_000)])
    assert score(alarms, _truth(windows)).score.recall == pytest.approx(1 / 3)
    assert score(alarms, _truth(windows).within(frozenset({0}))).score.recall == pytest.approx(1 / 2)
    assert score(alarms, _truth(windows[:2]).within(frozenset({2}))).score.recall is None


def test_nothing_to_divide_by() -> None:
    """Without alarms there is no precision, without windows no recall, and no zero stands for either."""
    silent = _score([], [Window(10_000, 20_000)])
    assert (silent.precision, silent.recall, silent.f1, silent.false_alarms_per_day) == (None, 0.0, None, 0.0)
    unlabelled = _score([(0, 1_000, 2_000)], [])
    assert (unlabelled.precision, unlabelled.recall, unlabelled.delay_s.p50) == (0.0, None, None)
    assert _score([(0, 1_000, 2_000)], [Window(0, END_MS)]).false_alarms_per_day is None


def test_windows_outside_of_the_data_do_not_count() -> None:
    """A fault that the recording does not cover cannot be missed."""
    truth = _truth([Window(-50, -10), Window(10, 20), Window(END_MS + 1, END_MS + 5)])
    assert (len(truth.windows), truth.left_out) == (1, 2)


SPAN = st.tuples(st.integers(0, 300), st.integers(0, 40))


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), SPAN), max_size=12),
    st.lists(st.tuples(SPAN, st.sampled_from(["", "a", "b", "pump one"])), max_size=6),
    st.integers(0, 10),
)
def test_against_a_plain_calculation(
    raised: list[tuple[int, tuple[int, int]]],
    labelled: list[tuple[tuple[int, int], str]],
    tolerance_ms: int,
) -> None:
    """Counts, delays and outside time are those of a calculation that compares each alarm with each window."""
    spans = [
        (subject, start, STANDING if start + length > 310 else start + length) for subject, (start, length) in raised
    ]
    windows = sorted(Window(start, start + length, point) for (start, length), point in labelled)
    end_ms = 320
    found = _score(spans, windows, tolerance_ms, end_ms)
    index = {"a": 0, "b": 1, "pump one": 2}

    def touches(span: tuple[int, int, int], window: Window) -> bool:
        subject, start, stop = span
        stop = end_ms if stop == STANDING else stop
        is_about = not window.point or index[window.point] == subject
        return is_about and start <= window.end_ms + tolerance_ms and stop >= window.start_ms - tolerance_ms

    seen = [one for one in windows if one.start_ms - tolerance_ms <= end_ms and one.end_ms + tolerance_ms >= 0]
    delays = []
    stood = 0
    for window in seen:
        hits = [span for span in spans if touches(span, window)]
        inside = [start for _, start, _ in hits if start >= window.start_ms - tolerance_ms]
        if hits:
            delays.append(max(0, min(inside) - window.start_ms) if inside else 0)
            stood += not inside
    assert found.true_alarms == sum(any(touches(span, window) for window in seen) for span in spans)
    assert (found.windows, found.detected, found.stood_before) == (len(seen), len(delays), stood)
    assert found.delay_s.max == (max(delays) / 1000 if delays else None)
    covered: set[int] = set()
    for window in seen:
        covered |= set(range(max(0, window.start_ms - tolerance_ms), min(end_ms, window.end_ms + tolerance_ms)))
    outside_ms = end_ms - len(covered)
    wanted = found.false_alarms / (outside_ms / DAY_MS) if outside_ms else None
    assert found.false_alarms_per_day == (None if wanted is None else pytest.approx(wanted))


@settings(max_examples=200, deadline=None)
@given(st.lists(SPAN, max_size=20))
def test_time_in_alarm_is_counted_once(spans: list[tuple[int, int]]) -> None:
    """Alarms that overlap cover their union."""
    ordered = sorted(spans)
    start_ms = np.array([start for start, _ in ordered], dtype=np.int64)
    end_ms = start_ms + np.array([length for _, length in ordered], dtype=np.int64)
    covered: set[int] = set()
    for start, length in spans:
        covered |= set(range(start, start + length))
    assert covered_ms(start_ms, end_ms) == len(covered)


# --- labels ----------------------------------------------------------------------------------------------------------


def _labels(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text(text, "utf-8")
    return path


def test_labels_of_both_kinds(tmp_path: Path) -> None:
    """Windows and moments, with or without a point, in any time format of the data files."""
    path = _labels(
        tmp_path,
        "start,end,point\n1970-01-01 08:00:01,1970-01-01 08:00:02,a\n1970-01-01 08:00:00.5,1970-01-01 08:00:03,\n",
    )
    assert load_labels(path, find_zone("+08:00")) == [Window(500, 3_000, ""), Window(1_000, 2_000, "a")]
    path = _labels(tmp_path, "time;point\n1700000000;b\n")
    assert load_labels(path, UTC) == [Window(1_700_000_000_000, 1_700_000_000_000, "b")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "labels.csv: expected columns start,end[,point] or time[,point], found an empty file"),
        ("when,what\n1,2\n", "labels.csv:1: expected columns start,end[,point] or time[,point], found when,what"),
        (
            "start,end\n2024-01-01,2024-01-02\n\n2024-01-01,soon\n",
            "labels.csv:4: expected a time from 1970 to 9999, found 'soon'",
        ),
        ("start,end\n2024-01-02,2024-01-01\n", "labels.csv:2: expected a later end, found '2024-01-01'"),
        ("start,end\n2024-01-02\n", "labels.csv:2: expected 2 columns, found 1 columns"),
    ],
)
def test_labels_that_cannot_be_meant(text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels are few and made by hand: none is passed over, and the message says where to look."""
    _labels(tmp_path, text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PeerError) as refused:
        load_labels(Path("labels.csv"), UTC)
    assert refused.value.detail == message


def test_no_labels(tmp_path: Path) -> None:
    """A file of labels that is not there is named."""
    with pytest.raises(PeerError, match=r"nowhere\.csv: expected a file, found no such file"):
        load_labels(tmp_path / "nowhere.csv", UTC)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=40), st.integers(1, 10), st.booleans())
def test_runs_of_labels(rows: list[tuple[int, bool]], size: int, by_point: bool) -> None:
    """A column of labels makes a window of each unbroken run, of the file or of each point, however it is cut."""
    runs = LabelRuns(by_point=by_point)
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        point = np.array([place for place, _ in part], dtype=np.int32)
        time_ms = np.arange(start, start + len(part), dtype=np.int64)
        label = np.array([is_set for _, is_set in part])
        runs.see(Batch(Columns(point, time_ms, np.zeros(len(part))), label))
    wanted = []
    for about in range(3) if by_point else [None]:
        mine = [(at, is_set) for at, (point, is_set) in enumerate(rows) if about in (None, point)]
        run: list[int] = []
        for at, is_set in [*mine, (len(rows), False)]:
            if is_set:
                run.append(at)
            elif run:
                wanted.append(Window(run[0], run[-1], "abc"[about] if about is not None else ""))
                run = []
    assert runs.windows(["a", "b", "c"]) == sorted(wanted)


# --- load and objectives ---------------------------------------------------------------------------------------------


def test_operator_load() -> None:
    """Floods, chattering, stale and standing alarms of a day that a person can count."""
    minute = 60_000
    flood: Spans = [(1, 60 * minute + 1000 * second, 60 * minute + 1000 * second + 10) for second in range(11)]
    after: Spans = [(0, (70 + step) * minute, (70 + step) * minute + 10) for step in range(5)]
    calm: Spans = [(0, (80 + step) * minute, (80 + step) * minute + 10) for step in range(4)]
    long: Spans = [(2, 0, DAY_MS + 1), (0, 5 * minute, STANDING)]
    found = operator_load.measure(_alarms([*flood, *after, *calm, *long]), 0, 2 * DAY_MS)
    assert (found.alarms, found.days, found.alarms_per_day) == (22, 2.0, 11.0)
    assert (found.per_period_max, found.floods) == (11, 1)
    periods = 2 * 144 + 1
    assert found.periods_over_share == pytest.approx(1 / periods)
    assert found.flood_share == pytest.approx(2 / periods)
    assert (found.chattering, found.stale, found.standing) == (1, 2, 1)
    assert found.longest_standing_s == (2 * DAY_MS - 5 * minute) / 1000
    assert found.most_frequent_share == 1.0


def test_load_without_alarms() -> None:
    """Nothing raised is no load, and nothing to take a share of."""
    found = operator_load.measure(_none(), 0, DAY_MS)
    assert (found.alarms, found.alarms_per_day, found.per_period_max, found.floods) == (0, 0.0, 0, 0)
    assert (found.longest_standing_s, found.most_frequent_share) == (None, None)


def test_objectives() -> None:
    """Objectives are names, bounds and numbers; what cannot be measured is missed."""
    measured = _score([(0, 12_000, 13_000), (0, 60_000, 61_000)], [Window(10_000, 20_000)])
    assert judge(parse("recall>=0.9", labelled=True), measured, 5.0).met
    assert not judge(parse("precision >= 0.6", labelled=True), measured, 5.0).met
    assert judge(parse("delay_s_p95<=2", labelled=True), measured, 5.0).met
    assert judge(parse("alarms_per_day<=5", labelled=False), None, 5.0).met
    assert not judge(parse("precision>=0", labelled=True), _score([], [Window(1, 2)]), 0.0).met


@pytest.mark.parametrize("written", ["recall", "recall=1", "speed>=1", "recall>=high", ">=1"])
def test_objectives_that_cannot_be_meant(written: str) -> None:
    """An objective that cannot be read is refused with the names that there are."""
    with pytest.raises(PeerError, match=r"--objective: expected such as .*false_alarms_per_day"):
        parse(written, labelled=True)
    with pytest.raises(PeerError, match="--labels or --label-column"):
        parse("recall>=1", labelled=False)
