"""How well alarms found what was really wrong. docs/backtest.md says what each figure means."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.backtest.history import Alarms
from benchmarks.backtest.labels import Window
from benchmarks.backtest.names import PointName
from benchmarks.backtest.operator_load import per_day
from contract.messages import Point
from contract.rulebook.globs import is_pattern, matching

_DELAYS_KEPT: Final = 10_000


class Delay(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from the start of a window to the first alarm in it; None where no window was detected."""

    p50: float | None
    p95: float | None
    max: float | None
    mean: float | None


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How well alarms found the windows.

    Attributes:
        alarms: raised.
        true_alarms: that stood at some moment of a window.
        false_alarms: the others.
        windows: that overlap the data.
        detected: in which an alarm stood at some moment.
        stood_before: of these, the ones in which no alarm was raised: one stood already when they began.
        missed: the others.
        precision: true alarms of all; None without alarms.
        recall: detected windows of all; None without windows.
        f1: their harmonic mean.
        false_alarms_per_day: of the observed time outside of windows; None where there is none.
        delay_s: over the detected windows.
    """

    alarms: int
    true_alarms: int
    false_alarms: int
    windows: int
    detected: int
    stood_before: int
    missed: int
    precision: float | None
    recall: float | None
    f1: float | None
    false_alarms_per_day: float | None
    delay_s: Delay


class Scored(NamedTuple):
    """A score and what it is made of.

    Attributes:
        is_true: (alarms,) bool.
        delay_ms: (windows,) float64, NaN where missed.
        stood_before: (windows,) bool.
    """

    score: Score
    is_true: NDArray[np.bool_]
    delay_ms: NDArray[np.float64]
    stood_before: NDArray[np.bool_]


class Truth(NamedTuple):
    """The windows of a file, ready to be held against alarms.

    Attributes:
        windows: those that overlap the data, in order of time.
        subjects: for each name in the windows the subjects that it is about; None for all.
        points: the same, the points only.
        tolerance_ms: how far outside of a window an alarm may stand and count.
        outside_ms: observed time outside of all windows.
        end_ms: of the data.
        left_out: windows before or after the data.
    """

    windows: Sequence[Window]
    subjects: dict[str, NDArray[np.int32] | None]
    points: dict[str, frozenset[int] | None]
    tolerance_ms: int
    outside_ms: int
    end_ms: int
    left_out: int

    def within(self, reach: frozenset[int]) -> "Truth":
        """The windows about some points, and those about no point in particular: what a rule on them could find."""
        seen = []
        for window in self.windows:
            points = self.points[window.point]
            if points is None or points & reach:
                seen.append(window)
        names = {window.point for window in seen}
        return self._replace(windows=seen, subjects={name: self.subjects[name] for name in names})


def prepare(
    windows: Sequence[Window],
    subjects: Sequence[Point],
    names: Sequence[PointName],
    span_ms: tuple[int, int],
    tolerance_ms: int,
) -> Truth:
    """The windows that overlap the data, and what they are about.

    A name stands for a point, or for the device or zone that the point is of, so that an alarm of either counts.
    """
    first_ms, last_ms = span_ms
    wide = [window.widened(tolerance_ms) for window in windows]
    seen = [
        window for window, it in zip(windows, wide, strict=True) if it.start_ms <= last_ms and it.end_ms >= first_ms
    ]
    outside_ms = last_ms - first_ms
    for start_ms, end_ms in _union([window.widened(tolerance_ms) for window in seen]):
        outside_ms -= max(0, min(end_ms, last_ms) - max(start_ms, first_ms))
    points = {window.point: _points(window.point, names) for window in seen}
    about = {name: None if places is None else _about(name, places, subjects) for name, places in points.items()}
    return Truth(seen, about, points, tolerance_ms, outside_ms, last_ms, len(windows) - len(seen))


def _points(name: str, names: Sequence[PointName]) -> frozenset[int] | None:
    """The points that a name, or a glob, in a window means; None for all."""
    if not name:
        return None
    places = [place for place, point in enumerate(names) if name in (point.given, point.safe)]
    if not places and is_pattern(name):
        places = list(matching(name, tuple(point.safe for point in names)))
    return frozenset(places)


def _about(name: str, places: frozenset[int], subjects: Sequence[Point]) -> NDArray[np.int32]:
    """The subjects whose alarms count for a window: the points, and the devices and zones that they are of."""
    chosen = [subjects[place] for place in places]
    extents = {point.name.rpartition("/")[0] for point in chosen} | {point.name for point in chosen} | {name}
    extents |= {
        f"{kind}/{where}" for point in chosen for kind, where in (("zone", point.zone), ("gateway", point.gateway))
    }
    found = [place for place, subject in enumerate(subjects) if subject.name in extents]
    return np.array(found, dtype=np.int32)


def _union(windows: Sequence[Window]) -> list[tuple[int, int]]:
    """Disjoint spans that cover what the windows cover, ascending."""
    spans: list[tuple[int, int]] = []
    for window in sorted(windows):
        if spans and window.start_ms <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(spans[-1][1], window.end_ms)
        else:
            spans.append((window.start_ms, window.end_ms))
    return spans


def covered_ms(start_ms: NDArray[np.int64], end_ms: NDArray[np.int64]) -> int:
    """Length of the union of spans, which are in order of their start."""
    if not len(start_ms):
        return 0
    reached_ms = np.maximum.accumulate(end_ms)
    begins_ms = np.maximum(start_ms[1:], reached_ms[:-1])
    return int(end_ms[0] - start_ms[0] + np.maximum(reached_ms[1:] - begins_ms, 0).sum())


def score(alarms: Alarms, truth: Truth) -> Scored:
    """Hold alarms against the windows."""
    ends_ms = alarms.ends_ms(truth.end_ms)
    is_true = np.zeros(len(alarms), dtype=np.bool_)
    delay_ms = np.full(len(truth.windows), np.nan)
    stood_before = np.zeros(len(truth.windows), dtype=np.bool_)
    for name, about in truth.subjects.items():
        chosen = np.arange(len(alarms)) if about is None else np.flatnonzero(np.isin(alarms.subject, about))
        places = [place for place, window in enumerate(truth.windows) if window.point == name]
        windows = [truth.windows[place] for place in places]
        raised_ms, until_ms = alarms.raised_ms[chosen], ends_ms[chosen]
        is_true[chosen] |= _overlaps(raised_ms, until_ms, [it.widened(truth.tolerance_ms) for it in windows])
        delay_ms[places], stood_before[places] = _delays(raised_ms, until_ms, windows, truth.tolerance_ms)
    return Scored(_score(is_true, delay_ms, stood_before, truth), is_true, delay_ms, stood_before)


def _overlaps(
    raised_ms: NDArray[np.int64], until_ms: NDArray[np.int64], windows: Sequence[Window]
) -> NDArray[np.bool_]:
    """Which alarms stood at some moment of a window."""
    spans = np.array(_union(windows), dtype=np.int64).reshape(-1, 2)
    next_span = np.searchsorted(spans[:, 1], raised_ms)  # the first that ends at the raising or later
    starts_ms = np.append(spans[:, 0], np.iinfo(np.int64).max)
    overlaps: NDArray[np.bool_] = starts_ms[next_span] <= until_ms
    return overlaps


def _delays(
    raised_ms: NDArray[np.int64], until_ms: NDArray[np.int64], windows: Sequence[Window], tolerance_ms: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """For each window the delay of its first alarm, NaN without one, and whether an earlier one stood instead."""
    start_ms = np.array([window.start_ms for window in windows], dtype=np.int64)
    end_ms = np.array([window.end_ms for window in windows], dtype=np.int64) + tolerance_ms
    first = np.searchsorted(raised_ms, start_ms - tolerance_ms)
    first_ms = np.append(raised_ms, np.iinfo(np.int64).max)[first]
    is_raised = first_ms <= end_ms
    stood_until_ms = np.maximum.accumulate(until_ms) if len(until_ms) else until_ms
    reached_ms = np.insert(stood_until_ms, 0, np.iinfo(np.int64).min)[first]
    stood = ~is_raised & (reached_ms >= start_ms - tolerance_ms)
    delay_ms = np.where(is_raised, np.maximum(first_ms - start_ms, 0), np.where(stood, 0.0, np.nan))
    return delay_ms, stood


def _score(
    is_true: NDArray[np.bool_], delay_ms: NDArray[np.float64], stood_before: NDArray[np.bool_], truth: Truth
) -> Score:
    alarms, true_alarms = len(is_true), int(np.count_nonzero(is_true))
    windows, detected = len(delay_ms), int(np.count_nonzero(~np.isnan(delay_ms)))
    precision = true_alarms / alarms if alarms else None
    recall = detected / windows if windows else None
    f1 = None
    if precision is not None and recall is not None:
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    delay_s = delay_ms[~np.isnan(delay_ms)] / 1000
    p50, p95 = np.quantile(delay_s, [0.5, 0.95]).tolist() if detected else (None, None)
    return Score(
        alarms=alarms,
        true_alarms=true_alarms,
        false_alarms=alarms - true_alarms,
        windows=windows,
        detected=detected,
        stood_before=int(np.count_nonzero(stood_before)),
        missed=windows - detected,
        precision=precision,
        recall=recall,
        f1=f1,
        false_alarms_per_day=per_day(alarms - true_alarms, truth.outside_ms),
        delay_s=Delay(
            p50=p50,
            p95=p95,
            max=float(delay_s.max()) if detected else None,
            mean=float(delay_s.mean()) if detected else None,
        ),
    )
