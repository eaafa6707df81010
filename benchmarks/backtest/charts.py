"""Charts of a backtest's report."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import matplotlib.dates
import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.backtest.result import BacktestResult, Choice, Tuning
from benchmarks.backtest.run import Outcome
from benchmarks.backtest.series import COLUMNS, Course
from benchmarks.report.drawing import (
    GRID,
    INK,
    MUTED,
    TROUBLE,
    WIDTH_IN,
    Sheet,
    Texts,
    legend,
    plain,
    plain_log,
    single,
    styled,
)
from contract.rulebook import select_points
from contract.rules import LimitRule, Rule

TRUE: Final = "#0f6e84"
FALSE: Final = "#d06a1f"
WINDOW: Final = "#f3dfae"
LINE: Final = "#4a6076"
CURRENT: Final = "#7a6aa8"
RULES_MAX: Final = 24
PANEL_IN: Final = 1.25
BAR_COLUMNS: Final = 500
"""The shortest alarm is drawn as wide as this part of the picture."""
PANELS_IN_MIN: Final = 2.0
_GAP_COLUMNS: Final = 12
_DAY_MS: Final = 86_400_000
_BARS_MAX: Final = 120
_FORMATS: Final = ["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%S.%f"]
_ZERO_FORMATS: Final = ["", "%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M"]
_OFFSET_FORMATS: Final = ["", "%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d %H:%M"]


class Spans(NamedTuple):
    """Alarms of one rule or point, drawn as bars: beginnings and lengths, as numbers of matplotlib's calendar."""

    true: list[tuple[float, float]]
    false: list[tuple[float, float]]


class Charts:
    """Draws the charts of a backtest.

    Args:
        outcome: with all alarms.
        result: as it is written.
        drawn: courses of the points to draw.
        texts: of the report.
    """

    def __init__(self, outcome: Outcome, result: BacktestResult, drawn: Sequence[Course], texts: Texts) -> None:
        self._outcome, self._result, self._drawn = outcome, result, drawn
        self._sheet = Sheet(texts)
        recording = outcome.recording
        self._span_ms = recording.first_ms, max(recording.last_ms, recording.first_ms + 1)
        self._until_ms = outcome.alarms.ends_ms(recording.last_ms)
        self._is_true = outcome.scored.is_true if outcome.scored else np.ones(len(outcome.alarms), dtype=np.bool_)

    def draw(self) -> dict[str, str]:
        """All charts by name; an empty text where there is nothing to draw."""
        with styled():
            return {
                "overview": self._overview(),
                "series": self._series(),
                "load": self._load(),
                "delays": self._delays(),
                "tuning": self._tuning(self._result.tuning),
            }

    # --- one chart each ---------------------------------------------------------------------------------------------

    def _overview(self) -> str:
        """A row for each rule, those with most alarms first."""
        rules = sorted(enumerate(self._result.rules), key=lambda one: -one[1].alarms)[:RULES_MAX]
        height_in = 0.85 + 0.3 * len(rules)
        figure = Figure(figsize=(WIDTH_IN, height_in))
        axes = figure.add_subplot()
        for row, (place, rule) in enumerate(rules):
            self._bars(axes, self._spans(self._outcome.alarms.rule == place), row - 0.3, 0.6)
            axes.text(
                -0.012,
                row,
                self._sheet.name(rule.id),
                transform=axes.get_yaxis_transform(),
                ha="right",
                va="center",
                fontsize=8.5,
            )
            axes.text(1.012, row, f"{rule.alarms:,}", transform=axes.get_yaxis_transform(), va="center", fontsize=8)
        self._windows(axes)
        axes.set_ylim(len(rules) - 0.4, -0.6)
        axes.set_yticks([])
        self._calendar(axes)
        self._key(axes)
        figure.subplots_adjust(left=0.15, right=0.94, top=1 - 0.34 / height_in, bottom=0.36 / height_in)
        return self._sheet.svg(figure)

    def _series(self) -> str:
        if not self._drawn:
            return ""
        height_in = 0.75 + max(PANEL_IN * len(self._drawn), PANELS_IN_MIN)
        figure = Figure(figsize=(WIDTH_IN, height_in))
        panels = figure.subplots(len(self._drawn), 1, sharex=True, squeeze=False)[:, 0]
        for axes, course in zip(panels, self._drawn, strict=True):
            self._panel(axes, course)
        self._calendar(panels[-1])
        self._key(panels[0])
        figure.subplots_adjust(left=0.085, right=0.985, top=1 - 0.36 / height_in, bottom=0.36 / height_in, hspace=0.32)
        return self._sheet.svg(figure)

    def _panel(self, axes: Axes, course: Course) -> None:
        """One point: its course, the limits of its rules, windows, and its alarms above."""
        seen = ~np.isnan(course.low)
        times, low, high = _days(course.time_ms[seen]), course.low[seen], course.high[seen]
        breaks = np.flatnonzero(np.diff(np.flatnonzero(seen)) > max(_GAP_COLUMNS, 4 * COLUMNS / max(1, len(times)))) + 1
        for part in np.split(np.arange(len(times)), breaks):
            axes.fill_between(times[part], low[part], high[part], color=LINE, linewidth=0.8)
        bottom, top = (float(low.min()), float(high.max())) if len(low) else (0.0, 1.0)
        room = (top - bottom or abs(top) or 1.0) * 0.08
        for limit in self._limits(course.point):
            if bottom - 12 * room < limit < top + 12 * room:
                axes.axhline(limit, color=TROUBLE, linewidth=0.8, linestyle=(0, (4, 3)))
                bottom, top = min(bottom, limit), max(top, limit)
        axes.set_ylim(bottom - room, top + 3 * room)
        self._bars(axes, self._spans(self._about(course.point)), 0.93, 0.07, of_height=True)
        self._windows(axes, course.point)
        axes.set_title(
            self._sheet.name(self._outcome.recording.names[course.point].given),
            loc="right",
            fontsize=8.5,
            pad=2,
            color=INK,
        )
        axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4))
        plain(axes)
        axes.set_xlim(*_days(np.array(self._span_ms)))

    def _load(self) -> str:
        """Alarms over time, in days or in as many bars as can be told apart."""
        alarms, (first_ms, last_ms) = self._outcome.alarms, self._span_ms
        if not len(alarms):
            return ""
        bar_ms = _nice_ms((last_ms - first_ms) / _BARS_MAX)
        edges_ms = np.arange(first_ms // bar_ms, last_ms // bar_ms + 2) * bar_ms
        figure, axes = single(2.2)
        bottom = np.zeros(len(edges_ms) - 1)
        for is_wanted, colour in ((self._is_true, TRUE), (~self._is_true, FALSE)):
            count = np.histogram(alarms.raised_ms[is_wanted], edges_ms)[0]
            axes.bar(_days(edges_ms[:-1]), count, bar_ms / _DAY_MS * 0.86, bottom, align="edge", color=colour)
            bottom += count
        axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5, integer=True))
        axes.set_ylabel(self._sheet.en("alarms"))
        axes.set_title(f"▮ {_words(bar_ms)}", loc="right", fontsize=8.5, pad=2, color=MUTED)
        self._calendar(axes)
        return self._sheet.svg(figure)

    def _delays(self) -> str:
        """The share of the windows that were detected so soon."""
        scored = self._outcome.scored
        if scored is None or scored.score.detected < 2:  # noqa: PLR2004 - one is no distribution
            return ""
        delay_s = np.sort(scored.delay_ms[~np.isnan(scored.delay_ms)]) / 1000
        unit, size_s = next(
            (name, size) for name, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))
            if delay_s[-1] >= 2 * size or size == 1
        )  # fmt: skip
        figure, axes = single(2.4)
        share = np.arange(1, len(delay_s) + 1) / len(scored.delay_ms)
        end = delay_s[-1] / size_s * 1.05 or 1.0
        axes.step([0, *delay_s / size_s, end], [0, *share, share[-1]], where="post", color=TRUE)
        axes.axhline(scored.score.recall or 0, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_xlim(0, end)
        axes.set_ylim(0, 1.03)
        axes.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1.0))
        axes.set_ylabel(self._sheet.en("share_detected"))
        axes.set_xlabel(self._sheet.en(f"delay_{unit}"))
        plain(axes)
        figure.subplots_adjust(bottom=0.2)
        return self._sheet.svg(figure)

    def _tuning(self, tuning: Tuning | None) -> str:
        if tuning is None or not tuning.choices:
            return ""
        scored = any(choice.score and choice.score.recall is not None for choice in tuning.choices)
        figure = Figure(figsize=(WIDTH_IN, 3.4))
        panels = figure.subplots(1, 2) if scored else [figure.add_subplot()]
        if scored:
            self._precision_recall(panels[0], tuning)
        self._alarms_by_parameter(panels[-1], tuning)
        figure.subplots_adjust(left=0.085, right=0.985, top=0.86, bottom=0.16, wspace=0.22)
        return self._sheet.svg(figure)

    def _precision_recall(self, axes: Axes, tuning: Tuning) -> None:
        """Each choice a dot; those that no other beats are joined."""
        for choice in tuning.choices:
            at = _merits(choice)
            axes.plot(*at, "o", color=TRUE if choice.is_pareto else "#b9c6d0", markersize=5, zorder=3)
        front = sorted({_merits(choice) for choice in tuning.choices if choice.is_pareto})
        axes.plot(*zip(*front, strict=True), color=TRUE, linewidth=1.2, zorder=2, label=self._sheet.en("pareto"))
        for place, colour, key in ((tuning.current, CURRENT, "current"), (tuning.best, FALSE, "best")):
            if place is not None:
                axes.plot(*_merits(tuning.choices[place]), "o", markersize=10, markerfacecolor="none",
                          markeredgewidth=1.8, color=colour, label=self._sheet.en(key), zorder=4)  # fmt: skip
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel(self._sheet.en("recall"))
        axes.set_ylabel(self._sheet.en("precision"))
        plain(axes)
        legend(axes, 3)

    def _alarms_by_parameter(self, axes: Axes, tuning: Tuning) -> None:
        """Alarms a day over the first parameter, a line for each value of the second."""
        names = list(tuning.choices[0].parameters)
        others = list(dict.fromkeys(tuple(choice.parameters.values())[1:] for choice in tuning.choices))
        named = {0, len(others) // 2, len(others) - 1}
        for number, other in enumerate(others):
            chosen = [choice for choice in tuning.choices if tuple(choice.parameters.values())[1:] == other]
            places = [choice.parameters[names[0]] for choice in chosen]
            rates = [choice.alarms_per_day or 0.0 for choice in chosen]
            label = self._sheet.name(f"{names[1]} {other[0]}") if other and number in named else None
            axes.plot(places, rates, "o-", markersize=3.5, color=_shade(number, len(others)), label=label)
        highest = max((choice.alarms_per_day or 0.0 for choice in tuning.choices), default=0.0)
        positive = [choice.alarms_per_day for choice in tuning.choices if choice.alarms_per_day]
        if positive and highest / min(positive) > 50 and len(positive) == len(tuning.choices):  # noqa: PLR2004 - decades
            axes.set_yscale("log")
            plain_log(axes)
        else:
            axes.set_ylim(bottom=0)
            plain(axes)
        axes.set_xlabel(self._sheet.name(names[0]))
        axes.set_ylabel(self._sheet.en("alarms_per_day"))
        if len(names) > 1:
            legend(axes, 4)

    # --- what charts share ------------------------------------------------------------------------------------------

    def _about(self, point: int) -> NDArray[np.bool_]:
        """The alarms on a point, or on a device or zone whose rule reads it."""
        outcome, points = self._outcome, self._outcome.recording.points
        mine = points[point]
        extents = {mine.name.rpartition("/")[0], f"zone/{mine.zone}", f"gateway/{mine.gateway}"}
        reading = [place for place, rule in enumerate(outcome.history.rules) if point in select_points(rule, points)]
        subjects = [
            place
            for place, subject in enumerate(outcome.history.subjects)
            if place == point or (place >= len(points) and subject.name in extents)
        ]
        found: NDArray[np.bool_] = np.isin(outcome.alarms.subject, subjects) & np.isin(outcome.alarms.rule, reading)
        return found

    def _limits(self, point: int) -> list[float]:
        points = self._outcome.recording.points
        rules: Sequence[Rule] = self._outcome.history.rules
        limits: set[float] = set()
        for rule in rules:
            if isinstance(rule, LimitRule) and point in select_points(rule, points):
                limits |= {limit for limit in (rule.high, rule.low) if limit is not None}
                limits |= set((rule.levels or {}).values())
        return sorted(limits)

    def _spans(self, which: NDArray[np.bool_]) -> Spans:
        """Bars of some alarms, each at least a hair wide; those that touch in the picture are one."""
        first_ms, last_ms = self._span_ms
        least_ms = (last_ms - first_ms) / BAR_COLUMNS
        bars: tuple[list[tuple[float, float]], ...] = ([], [])
        for is_wanted, bars_of in zip((self._is_true, ~self._is_true), bars, strict=True):
            raised_ms = self._outcome.alarms.raised_ms[which & is_wanted]
            until_ms = np.maximum(self._until_ms[which & is_wanted], raised_ms + least_ms)
            if not len(raised_ms):
                continue
            reached_ms = np.maximum.accumulate(until_ms)
            starts = np.flatnonzero(np.append(True, raised_ms[1:] > reached_ms[:-1] + least_ms / 2))
            ends_ms = reached_ms[np.append(starts[1:], len(raised_ms)) - 1]
            begins = _days(raised_ms[starts])
            bars_of.extend(zip(begins.tolist(), (_days(ends_ms) - begins).tolist(), strict=True))
        return Spans(*bars)

    def _bars(self, axes: Axes, spans: Spans, bottom: float, height: float, *, of_height: bool = False) -> None:
        """Bars of alarms, in rows or in shares of the plot's height."""
        transform = axes.get_xaxis_transform() if of_height else axes.transData
        axes.broken_barh(spans.true, (bottom, height), color=TRUE, linewidth=0, zorder=3, transform=transform)
        axes.broken_barh(spans.false, (bottom, height), color=FALSE, linewidth=0, zorder=3, transform=transform)

    def _windows(self, axes: Axes, point: int | None = None) -> None:
        """Windows as shades, a cross above each that was missed."""
        truth, scored = self._outcome.truth, self._outcome.scored
        if truth is None or scored is None:
            return
        least_ms = (self._span_ms[1] - self._span_ms[0]) / COLUMNS
        for window, delay_ms in list(zip(truth.windows, scored.delay_ms, strict=True))[:COLUMNS]:
            about = truth.subjects[window.point]
            if point is not None and about is not None and point not in about:
                continue
            ends = np.array([window.start_ms, max(window.end_ms, window.start_ms + least_ms)])
            axes.axvspan(*_days(ends), color=WINDOW, linewidth=0, zorder=0.5)
            if np.isnan(delay_ms):
                axes.plot([_days(ends).mean()], [1.0], "x", transform=axes.get_xaxis_transform(), color=TROUBLE,
                          markersize=6, markeredgewidth=1.6, clip_on=False, zorder=5)  # fmt: skip

    def _key(self, axes: Axes) -> None:
        if self._outcome.scored is None:
            axes.plot([], [], color=TRUE, linewidth=5, label=self._sheet.en("alarm"))
        else:
            axes.plot([], [], color=WINDOW, linewidth=6, label=self._sheet.en("window"))
            axes.plot([], [], color=TRUE, linewidth=5, label=self._sheet.en("true_alarm"))
            axes.plot([], [], color=FALSE, linewidth=5, label=self._sheet.en("false_alarm"))
            axes.plot([], [], "x", color=TROUBLE, label=self._sheet.en("missed_window"))
        legend(axes)

    def _calendar(self, axes: Axes) -> None:
        axes.set_xlim(*_days(np.array(self._span_ms)))
        locator = matplotlib.dates.AutoDateLocator(minticks=4, maxticks=9)
        formatter = matplotlib.dates.ConciseDateFormatter(
            locator, formats=_FORMATS, zero_formats=_ZERO_FORMATS, offset_formats=_OFFSET_FORMATS
        )
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(formatter)
        axes.xaxis.get_offset_text().set_color(MUTED)
        axes.grid(axis="y", color=GRID)
        plain(axes)


def _merits(choice: Choice) -> tuple[float, float]:
    score = choice.score
    return (0.0, 0.0) if score is None else (score.recall or 0.0, score.precision or 0.0)


def _days(time_ms: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Times as matplotlib's calendar counts them."""
    return np.asarray(time_ms, dtype=np.float64) / _DAY_MS


def _nice_ms(span_ms: float) -> int:
    """The shortest of some usual spans that is not below."""
    minutes = (1, 5, 10, 30, 60, 180, 360, 720, 1_440, 7 * 1_440, 30 * 1_440, 90 * 1_440, 365 * 1_440)
    return next((size * 60_000 for size in minutes if size * 60_000 >= span_ms), int(span_ms) + 1)


def _words(span_ms: int) -> str:
    minutes = span_ms // 60_000
    for size, unit in ((1_440, "d"), (60, "h")):
        if minutes % size == 0:
            return f"{minutes // size} {unit}"
    return f"{minutes} min"


def _shade(number: int, of: int) -> str:
    """Colours from dark to light."""
    share = number / max(1, of - 1)
    dark, light = (15, 110, 132), (190, 210, 218)
    return "#" + "".join(f"{round(a + (b - a) * share * 0.85):02x}" for a, b in zip(dark, light, strict=True))
