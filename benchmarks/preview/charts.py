"""Charts of the preview as inline SVG, in both languages at once."""

import datetime as dt
import math
from collections.abc import Sequence
from typing import Final

import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.preview.gathered import BIN_S, DELAY_EDGES_MS, Gathered, Line
from benchmarks.preview.timeline import Timeline
from benchmarks.report.drawing import MUTED, WIDTH_IN, Sheet, Texts, legend, plain, single, styled
from contract import catalogue
from sim.network import edges_ms

TEAL, RUST, VIOLET, OLIVE, SKY, PLUM, SAND, GREY = (
    *("#0f6e84", "#c2571a", "#7a6aa8", "#6b8e3d"),
    *("#5b9bd5", "#a64d79", "#c9a227", "#8794a1"),
)
COLOURS: Final = (TEAL, RUST, VIOLET, OLIVE, SKY, PLUM, SAND, GREY)
DARKER: Final = LinearSegmentedColormap.from_list("darker", ["#ffffff", "#bfd9df", TEAL, "#0b3642"])
CLOCK_FROM_S: Final = 1800.0  # a shorter trace counts its seconds
UTC_8: Final = dt.timezone(dt.timedelta(hours=8))
PANEL_COLUMNS: Final = 4
BARS_MAX: Final = 36


class Charts:
    """Draws what was gathered.

    Args:
        texts: by key, the text in each language (`en`, `zh`).

    Attributes:
        bar_s: seconds that a bar of the services stands for.
    """

    def __init__(self, gathered: Gathered, texts: Texts) -> None:
        self._g = gathered
        self._sheet = Sheet(texts)
        self._length_s = (gathered.end_ms - gathered.start_ms) / 1000
        self._edges_s = np.minimum(np.arange(len(gathered.readings) + 1) * gathered.bin_s, self._length_s)
        self._width_s = np.diff(self._edges_s)
        self.bar_s = self._bar_s()

    def draw(self) -> dict[str, str]:
        """All charts by name; an empty text where there is nothing to draw."""
        with styled():
            return {
                "load": self._load(),
                "park": self._park(),
                "park_events": self._park_events(),
                "timeline": self._timeline(),
                "delays": self._delays(),
                "services": self._services(),
            }

    # --- one chart each ---------------------------------------------------------------------------------------------

    def _load(self) -> str:
        g = self._g
        by_points, by_parks = g.points / g.points_lived, len(g.parks) / len(g.lived)
        rows = (
            (g.readings * by_points, "readings_per_s", TEAL),
            (g.events * by_parks, "events_per_s", VIOLET),
            (g.requests * by_parks, "requests_per_s", RUST),
        )
        figure = Figure(figsize=(WIDTH_IN, 4.6))
        every = figure.subplots(3, 1, sharex=True)
        for axes, (counts, key, colour) in zip(every, rows, strict=True):
            rate = counts / self._width_s
            axes.stairs(rate, self._edges_s, fill=True, color=colour, alpha=0.3)
            axes.stairs(rate, self._edges_s, color=colour, linewidth=1.2)
            axes.set_ylim(bottom=0, top=max(float(rate.max()), 1e-9) * 1.15 if rate.any() else 1)
            axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4))
            axes.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:,.6g}"))
            axes.set_ylabel(self._sheet.en(key))
            plain(axes)
        self._time_axis(every[-1])
        figure.align_ylabels(every)
        figure.subplots_adjust(left=0.105, right=0.985, top=0.985, bottom=0.105, hspace=0.16)
        return self._sheet.svg(figure)

    def _park(self) -> str:
        lines = self._g.lines
        rows = -(-len(lines) // PANEL_COLUMNS)
        figure = Figure(figsize=(WIDTH_IN, 2.05 * rows))
        panels = figure.subplots(rows, PANEL_COLUMNS, squeeze=False).ravel().tolist()
        for axes, (subsystem, drawn) in zip(panels, lines.items(), strict=False):
            self._panel(axes, subsystem, drawn)
        for axes in panels[len(lines) :]:
            axes.set_axis_off()
        figure.subplots_adjust(left=0.012, right=0.988, top=0.985, bottom=0.045, hspace=0.24, wspace=0.07)
        return self._sheet.svg(figure)

    def _panel(self, axes: Axes, subsystem: str, drawn: Sequence[Line]) -> None:
        middle_s = (self._edges_s[:-1] + self._edges_s[1:]) / 2
        axes.set_facecolor("#f8fafb")
        name = self._sheet.en(subsystem_key(subsystem))
        axes.text(0.03, 0.955, name, transform=axes.transAxes, va="top", fontsize=8.5, fontweight="bold")
        for number, line in enumerate(drawn):
            finite = line.mean[np.isfinite(line.mean)]
            low, high = (float(finite.min()), float(finite.max())) if len(finite) else (math.nan, math.nan)
            words = f"{line.device} {line.quantity}  {_span(low, high)} {line.unit}".rstrip()
            axes.text(0.03, 0.83 - 0.1 * number, words, transform=axes.transAxes, va="top", fontsize=6.6,
                      color=COLOURS[number])  # fmt: skip
            height = (line.mean - low) / (high - low) if high > low else np.where(np.isfinite(line.mean), 0.5, np.nan)
            axes.plot(middle_s, height, color=COLOURS[number], linewidth=0.9)
        if not drawn:
            axes.text(0.5, 0.4, self._sheet.en("no_points"), transform=axes.transAxes, ha="center", color=MUTED,
                      fontsize=7.5)  # fmt: skip
        axes.set_ylim(-0.06, 2.05)  # the upper half is for the words
        axes.set_yticks([])
        self._time_axis(axes, label=False, ticks=4)
        axes.tick_params(labelsize=6.5, pad=1.5)
        plain(axes)
        axes.grid(axis="y", visible=False)

    def _park_events(self) -> str:
        events = self._g.events_of_park
        if not events:
            return ""
        known = [one.code for one in catalogue.subsystems()]
        order = [*(code for code in known if code in events), *sorted(set(events) - set(known))]
        figure, axes = single(0.75 + 0.24 * len(order))
        counts = np.array([events[code] for code in order], np.float64)
        shown = np.log1p(counts) / np.log1p(max(1.0, float(counts.max())))
        axes.imshow(shown, aspect="auto", cmap=DARKER, interpolation="none", vmin=0, vmax=1,
                    extent=(0, float(self._edges_s[-1]), len(order) - 0.5, -0.5))  # fmt: skip
        axes.set_yticks(range(len(order)), [self._sheet.en(subsystem_key(code)) for code in order], fontsize=8)
        for row, total in enumerate(counts.sum(axis=1)):
            axes.text(1.008, row, f"{total:,.0f}", transform=axes.get_yaxis_transform(), va="center", fontsize=8,
                      color=MUTED)  # fmt: skip
        axes.grid(visible=False)
        plain(axes)
        self._time_axis(axes)
        height_in = figure.get_figheight()
        figure.subplots_adjust(left=0.22, right=0.93, top=1 - 0.06 / height_in, bottom=0.52 / height_in)
        return self._sheet.svg(figure)

    def _timeline(self) -> str:
        if not self._g.truth.incidents:
            return ""
        timeline = Timeline(self._g, self._sheet)
        figure, axes = timeline.draw()
        self._time_axis(axes)
        return self._sheet.svg(figure)

    def _delays(self) -> str:
        """Cumulative shares; links where the network tells of them, else what the drawn park's readings took."""
        network = self._g.network
        if network is not None and network.links:
            curves = [
                (link_key(report.link), edges_ms()[1:], np.cumsum(report.delays))
                for report in network.links
                if any(report.delays)
            ]
        else:
            curves = [
                (subsystem_key(code), np.append(DELAY_EDGES_MS[1:], np.inf), np.cumsum(counts))
                for code, counts in self._g.delays.items()
                if counts[1:].any()
            ]
        if not curves:
            return ""
        figure, axes = single(3.4)
        for number, (name, upper_ms, summed) in enumerate(curves):
            style = "-" if number < len(COLOURS) else (0, (4, 2))
            axes.plot(upper_ms, summed / summed[-1], drawstyle="steps-post", color=COLOURS[number % len(COLOURS)],
                      linestyle=style, linewidth=1.3, label=self._sheet.en(name))  # fmt: skip
        axes.set_xscale("log")
        axes.set_xlim(*self._delay_limits(curves))
        axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:,.6g}"))
        axes.set_ylim(0, 1.02)
        axes.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1, 0))
        axes.set_xlabel(self._sheet.en("milliseconds"))
        axes.set_ylabel(self._sheet.en("share"))
        plain(axes)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, handlelength=1.6)
        figure.subplots_adjust(left=0.085, right=0.745, top=0.97, bottom=0.14)
        return self._sheet.svg(figure)

    @staticmethod
    def _delay_limits(curves: Sequence[tuple[str, NDArray[np.float64], NDArray[np.int64]]]) -> tuple[float, float]:
        """From the fastest thousandth to the slowest ten-thousandth."""
        low = min(float(upper[int(np.searchsorted(summed, summed[-1] * 0.001))]) for _, upper, summed in curves)
        high = max(float(upper[int(np.searchsorted(summed, summed[-1] * 0.9999))]) for _, upper, summed in curves)
        return max(0.1, low / 1.5), max(min(high, 3.6e6) * 1.5, 10.0)

    def _services(self) -> str:
        services = self._g.services
        if not services:
            return ""
        together = round(self.bar_s / self._g.bin_s)
        starts = np.arange(0, len(self._g.requests), together)
        left_s = starts * self._g.bin_s
        figure, axes = single(3.0)
        bottom = np.zeros(len(starts))
        scale = len(self._g.parks) / len(self._g.lived)
        for number, (service, counts) in enumerate(services.items()):
            height = np.add.reduceat(counts, starts) * scale
            colour = COLOURS[number % len(COLOURS)]
            axes.bar(left_s, height, self.bar_s * 0.92, bottom=bottom, align="edge", color=colour, linewidth=0,
                     label=self._sheet.en(service))  # fmt: skip
            bottom += height
        axes.set_ylabel(self._sheet.en("requests"))
        axes.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:,.6g}"))
        plain(axes)
        self._time_axis(axes)
        legend(axes, ncols=7)
        return self._sheet.svg(figure)

    def _bar_s(self) -> float:
        """An hour of a day, less of less: whole bins, not too many bars."""
        bin_s = self._g.bin_s
        fitting = (width for width in BIN_S if width % bin_s == 0 and self._length_s / width <= BARS_MAX)
        return next(fitting, max(BIN_S[-1], bin_s))

    # --- what charts share ------------------------------------------------------------------------------------------

    def _time_axis(self, axes: Axes, *, label: bool = True, ticks: int = 10) -> None:
        """Time of day for a long trace, else seconds."""
        axes.set_xlim(0, self._length_s)
        if self._length_s < CLOCK_FROM_S:
            axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(ticks))
            if label:
                axes.set_xlabel(self._sheet.en("seconds"))
            return
        step_s = next((one for one in BIN_S if one >= self._length_s / ticks), BIN_S[-1])
        offset_s = (self._g.start_ms / 1000 + 8 * 3600) % step_s
        at_s = np.arange(-offset_s % step_s, self._length_s + 1, step_s)
        axes.set_xticks(at_s, [self._clock(second) for second in at_s.tolist()])
        if label:
            axes.set_xlabel(self._sheet.en("time_of_day"))

    def _clock(self, second: float) -> str:
        return dt.datetime.fromtimestamp(self._g.start_ms / 1000 + second, UTC_8).strftime("%H:%M")


def link_key(link: str) -> str:
    """Key of a link's name among the texts."""
    return f"link {link}"


def subsystem_key(code: str) -> str:
    """Key of a subsystem's name among the texts: `fire` is an incident too."""
    return f"subsystem {code}"


def _span(low: float, high: float) -> str:
    if math.isnan(low):
        return "–"
    return f"{low:.4g}" if low == high else f"{low:.4g} … {high:.4g}"
