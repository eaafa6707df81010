"""The course of a few points over the whole time, in as many columns as a picture has."""

# ruff: noqa: PLR0917 - kernels take their columns one by one, by position, as numba calls them fastest

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.backtest.history import Alarms
from benchmarks.backtest.readings import Batch
from benchmarks.backtest.run import Outcome
from contract.rulebook import select_points

POINTS_MAX: Final = 6
COLUMNS: Final = 1_200


class Course(NamedTuple):
    """The course of one point.

    Attributes:
        point: its index.
        time_ms: (columns,) int64, the middle of each column.
        low, high: (columns,) float64, least and greatest value in it, NaN where there was no reading.
    """

    point: int
    time_ms: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def points_to_draw(outcome: Outcome) -> list[int]:
    """The points that alarms and windows are about, those with most alarms first; else some that rules apply to."""
    points, rules = outcome.recording.points, outcome.history.rules
    votes: dict[int, int] = {}
    for subject, rule, count in _alarms_of(outcome.alarms):
        if subject < len(points):
            votes[subject] = votes.get(subject, 0) + count
            continue
        # A device or a zone: the points that its rule reads there.
        name = outcome.history.subjects[subject].name
        for place in select_points(rules[rule], points):
            point = points[place]
            if name in {point.name.rpartition("/")[0], f"zone/{point.zone}", f"gateway/{point.gateway}"}:
                votes.setdefault(place, count)
    for about in outcome.truth.subjects.values() if outcome.truth else ():
        for subject in about.tolist() if about is not None else ():
            if subject < len(points):
                votes.setdefault(subject, 1)
    if not votes:
        matched = (place for rule in rules for place in select_points(rule, points))
        votes = dict.fromkeys(list(dict.fromkeys(matched))[:POINTS_MAX], 0)
    return sorted(sorted(votes, key=lambda place: (-votes[place], place))[:POINTS_MAX])


def _alarms_of(alarms: Alarms) -> Iterable[tuple[int, int, int]]:
    """Subject, rule and number of alarms of each pair that had any."""
    pairs, counts = np.unique(np.stack([alarms.subject, alarms.rule]), axis=1, return_counts=True)
    return zip(*pairs.tolist(), counts.tolist(), strict=True) if len(alarms) else ()


def courses(batches: Iterable[Batch], points: Sequence[int], count: int, first_ms: int, last_ms: int) -> list[Course]:
    """The courses of some points.

    Args:
        batches: all readings.
        points: those to draw.
        count: of all points.
        first_ms: earliest time.
        last_ms: latest time.
    """
    row_of = np.full(count, -1, dtype=np.int32)
    row_of[list(points)] = np.arange(len(points))
    low = np.full((len(points), COLUMNS), np.inf)
    high = np.full((len(points), COLUMNS), -np.inf)
    column_ms = (last_ms - first_ms) / COLUMNS or 1.0
    for batch in batches:
        _fold(*batch.columns, row_of, first_ms, column_ms, low, high)
    is_empty = low > high
    low[is_empty] = high[is_empty] = np.nan
    time_ms = (first_ms + (np.arange(COLUMNS) + 0.5) * column_ms).astype(np.int64)
    return [Course(point, time_ms, low[row], high[row]) for row, point in enumerate(points)]


@njit(cache=True, nogil=True)
def _fold(
    point: NDArray[np.int32],
    time_ms: NDArray[np.int64],
    value: NDArray[np.float64],
    row_of: NDArray[np.int32],
    first_ms: int,
    column_ms: float,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> None:
    last = low.shape[1] - 1
    for i in range(len(point)):
        row = row_of[point[i]]
        if row >= 0:
            column = min(last, max(0, int((time_ms[i] - first_ms) / column_ms)))
            low[row, column] = min(low[row, column], value[i])
            high[row, column] = max(high[row, column], value[i])
