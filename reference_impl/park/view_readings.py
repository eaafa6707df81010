"""Figures of views over readings, in columns."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.catalogue.views import TIMES, Measure
from contract.columns import Columns
from reference_impl.park.view_groups import HOUR_MS, Clock

Labels = dict[str, float]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class PointReadings(NamedTuple):
    """Readings of some points.

    Attributes:
        names: of the m points, `subsystem/zone/device/quantity`.
        columns: n readings within the period, in order of point and time; `point` is the place in `names`.
    """

    names: tuple[str, ...]
    columns: Columns


class _Grouped(NamedTuple):
    """Readings with their groups.

    Attributes:
        labels: of the g groups.
        group: (n,) int64, of each reading.
        point: (n,) int64.
        time_ms: (n,) int64.
        value: (n,) float64.
    """

    labels: list[str]
    group: Ints
    point: Ints
    time_ms: Ints
    value: Floats


def reading_figures(measure: Measure, by: str, park: str, spans: Clock, found: PointReadings) -> Labels:
    """A measure by group; a group over nothing is absent."""
    place_labels = _place_labels(by, park, found.names)
    if measure.how == "coverage":
        return _coverage(measure.every_s * 1000, spans, found, place_labels)
    readings = _grouped(by, spans, found, place_labels)
    if measure.newest:
        readings = _newest(readings)
    if measure.how == "integral":
        return _integral(measure.hold_s * 1000, by, spans, readings)
    if measure.how == "peak_demand":
        return _peak_demand(measure.every_s * 1000, readings)
    if measure.how == "share":
        low, high = measure.fits.within if measure.fits and measure.fits.within else (-np.inf, np.inf)
        fitting = (readings.value >= low) & (readings.value <= high)
        return _mean(readings._replace(value=fitting.astype(np.float64)))
    return _REDUCED[measure.how](readings)


def _place_labels(by: str, park: str, names: tuple[str, ...]) -> list[str]:
    """The group of each point where it is not one of time."""
    if by == "park" or by in TIMES:
        return [park] * len(names)
    parts = [name.split("/") for name in names]
    return [part[1] if by == "zone" else f"{part[1]}/{part[2]}" for part in parts]


def _grouped(by: str, spans: Clock, found: PointReadings, place_labels: list[str]) -> _Grouped:
    point, time_ms = found.columns.point.astype(np.int64), found.columns.time_ms
    if by in TIMES:
        return _Grouped(spans.labels, spans.places(time_ms), point, time_ms, found.columns.value)
    labels = sorted(set(place_labels))
    place = {label: number for number, label in enumerate(labels)}
    group_of_point = np.array([place[label] for label in place_labels], np.int64)
    return _Grouped(labels, group_of_point[point], point, time_ms, found.columns.value)


def _newest(readings: _Grouped) -> _Grouped:
    """The newest reading of each point in each group; readings are in order of point and time, so groups are too."""
    following = np.append(
        (np.diff(readings.point) != 0) | (np.diff(readings.group) != 0), np.ones(min(1, len(readings.point)), np.bool_)
    )
    kept = [column[following] for column in readings[1:]]
    return _Grouped(readings.labels, *kept)


def _labelled(readings: _Grouped, figures: Floats) -> Labels:
    present = np.unique(readings.group).tolist()
    return {readings.labels[group]: float(figures[group]) for group in present}


def _count(readings: _Grouped) -> Labels:
    return _labelled(readings, np.bincount(readings.group, minlength=len(readings.labels)).astype(np.float64))


def _sum(readings: _Grouped) -> Labels:
    return _labelled(readings, _sums(readings.group, readings.value, len(readings.labels)))


def _sums(group: Ints, value: Floats, groups: int = 0) -> Floats:
    return np.bincount(group, value, groups).astype(np.float64)


def _mean(readings: _Grouped) -> Labels:
    counts = np.bincount(readings.group, minlength=len(readings.labels))
    return _labelled(
        readings, np.bincount(readings.group, readings.value, len(readings.labels)) / np.maximum(counts, 1)
    )


def _min(readings: _Grouped) -> Labels:
    figures = np.full(len(readings.labels), np.inf)
    np.minimum.at(figures, readings.group, readings.value)
    return _labelled(readings, figures)


def _max(readings: _Grouped) -> Labels:
    figures = np.full(len(readings.labels), -np.inf)
    np.maximum.at(figures, readings.group, readings.value)
    return _labelled(readings, figures)


def _last(readings: _Grouped) -> Labels:
    figures = np.zeros(len(readings.labels))
    order = np.argsort(readings.time_ms, kind="stable")
    figures[readings.group[order]] = readings.value[order]  # of equal places the last one stays
    return _labelled(readings, figures)


_REDUCED: dict[str, Callable[[_Grouped], Labels]] = {
    "count": _count,
    "sum": _sum,
    "mean": _mean,
    "min": _min,
    "max": _max,
    "last": _last,
}


def _integral(hold_ms: int, by: str, spans: Clock, readings: _Grouped) -> Labels:
    """Value x hours. A hold is at most an hour, so a reading reaches into the next span of time at most."""
    time_ms = readings.time_ms
    ends = np.full(len(time_ms), spans.period.end_ms, np.int64)
    same = np.diff(readings.point) == 0
    ends[:-1][same] = time_ms[1:][same]
    ends = np.minimum(np.minimum(ends, time_ms + hold_ms), spans.period.end_ms)
    if by not in TIMES:
        return _sum(readings._replace(value=readings.value * (ends - time_ms) / HOUR_MS))
    bounds = np.array([*spans.begins_ms[1:], spans.period.end_ms], np.int64)[readings.group]
    beyond = np.maximum(ends - bounds, 0)
    here = readings._replace(value=readings.value * (ends - time_ms - beyond) / HOUR_MS)
    over = beyond > 0
    there = readings.value[over] * beyond[over] / HOUR_MS
    both = here._replace(
        group=np.concatenate([here.group, here.group[over] + 1]), value=np.concatenate([here.value, there])
    )
    return _sum(both)


def _peak_demand(every_ms: int, readings: _Grouped) -> Labels:
    """The greatest sum, over the points of a group, of a point's mean over a slot."""
    if not len(readings.value):
        return {}
    slot = readings.time_ms // every_ms
    slot -= slot.min()
    slots, points = int(slot.max()) + 1, int(readings.point.max()) + 1
    cells, cell = np.unique((readings.group * slots + slot) * points + readings.point, return_inverse=True)
    means = _sums(cell, readings.value) / np.bincount(cell)
    totals, total = np.unique(cells // points, return_inverse=True)
    sums = _sums(total, means)
    return _max(_Grouped(readings.labels, totals // slots, totals, totals, sums))


def _coverage(every_ms: int, spans: Clock, found: PointReadings, place_labels: list[str]) -> Labels:
    """Slots that have a reading, of those that the points could have; a slot that its span of time cuts is none."""
    columns, points = found.columns, len(found.names)
    limits = np.array(spans.spans(), np.int64)
    slots = (limits[:, 1] - limits[:, 0]) // every_ms
    before = np.cumsum(slots) - slots  # slots in the spans before
    place = spans.places(columns.time_ms)
    slot = (columns.time_ms - limits[place, 0]) // every_ms
    whole = slot < slots[place]
    cells = np.unique((before[place] + slot)[whole] * points + columns.point[whole])
    if spans.labels[0]:
        of_span = np.searchsorted(before + slots, cells // max(points, 1), side="right")
        covered = np.bincount(of_span, minlength=len(slots)).tolist()
        due = (slots * points).tolist()
        return {label: hit / of for label, hit, of in zip(spans.labels, covered, due, strict=True) if of}
    gathered: dict[str, list[int]] = {}
    for label, hit in zip(place_labels, np.bincount(cells % max(points, 1), minlength=points).tolist(), strict=True):
        gathered.setdefault(label, []).append(hit)
    return {label: sum(hits) / (len(hits) * int(slots[0])) for label, hits in gathered.items() if slots[0]}
