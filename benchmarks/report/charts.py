"""Charts of the report as inline SVG. Text stays text, in both languages at once; the page shows the one asked for."""

import math
from collections.abc import Sequence

import matplotlib.ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
from benchmarks.result import AlertTrace, IncidentTrace, Resources, Result, Series, Spectrum

OFFERED = "#9fb3c4"
ACKNOWLEDGED = "#0f6e84"
PARK = "#0f6e84"
CITY = "#c2571a"
HARNESS = "#7a6aa8"
BAR = "#d5dee6"
ROW_IN = 0.36
LANE = 0.2  # distance of the three lanes of an incident's row, in rows
COLUMNS = (1.08, 1.21, 1.315, 1.42)  # right edges of the timeline's columns, in widths of its axes


class Charts:
    """Draws a result's charts.

    Args:
        texts: by key, the text in each language (`en`, `zh`).
    """

    def __init__(self, result: Result, texts: Texts) -> None:
        self._result = result
        self._sheet = Sheet(texts)

    def draw(self) -> dict[str, str]:
        """All charts by name; an empty text where there is nothing to draw."""
        with styled():
            return {
                "timeline": self._timeline(self._result.incidents),
                "throughput": self._throughput(self._result.series),
                "latency_time": self._latency_over_time(self._result.series),
                "latency_percentile": self._latency_by_percentile(self._result.spectra),
                "resources": self._resource_use(self._result.resources),
            }

    # --- one chart each ---------------------------------------------------------------------------------------------

    def _throughput(self, series: Series) -> str:
        if not series.elapsed_s:
            return ""
        figure, axes = single(2.7)
        axes.fill_between(series.elapsed_s, series.offered_per_s, step="post", color=OFFERED, alpha=0.45, linewidth=0,
                          label=self._sheet.en("offered"))  # fmt: skip
        axes.step(series.elapsed_s, series.acknowledged_per_s, where="post", color=ACKNOWLEDGED,
                  label=self._sheet.en("acknowledged"))  # fmt: skip
        trouble = [refused + errors for refused, errors in zip(series.refused, series.errors, strict=True)]
        if any(trouble):
            axes.step(series.elapsed_s, trouble, where="post", color=TROUBLE, label=self._sheet.en("refused_errors"))
        axes.set_ylim(bottom=0, top=max(*series.offered_per_s, *series.acknowledged_per_s, 1) * 1.18)
        axes.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:,.0f}"))
        self._over_time(axes, "readings_per_s")
        return self._sheet.svg(figure)

    def _latency_over_time(self, series: Series) -> str:
        if all(value is None for value in series.ack_ms_max):
            return ""
        figure, axes = single(2.7)
        curves = ((series.ack_ms_max, OFFERED, self._sheet.en("maximum")), (series.ack_ms_p99, ACKNOWLEDGED, "p99"))
        for values, colour, label in (*curves, (series.ack_ms_p50, HARNESS, "p50")):
            axes.plot(series.elapsed_s, [math.nan if v is None else v for v in values], color=colour, label=label)
        axes.set_yscale("log")
        plain_log(axes)
        self._over_time(axes, "milliseconds")
        return self._sheet.svg(figure)

    def _latency_by_percentile(self, spectra: Sequence[Spectrum]) -> str:
        """The x axis is the share of samples that are slower, on a log scale, as HdrHistogram plots have it."""
        if not spectra:
            return ""
        figure, axes = single(3.3)
        colours = {"ack": HARNESS, "alert_park": PARK, "alert_city": CITY}
        deepest = 10.0
        for spectrum in spectra:
            slower = [100 / (100 - p) if p < 100 else math.nan for p in spectrum.percentile]  # noqa: PLR2004 - per cent
            finite = [value for value in slower if not math.isnan(value)]
            slower[-1] = (finite[-1] if finite else 1.0) * 1.6  # the largest sample, a little further out
            deepest = max(deepest, slower[-1])
            corrected = spectrum.counted_from == "intended"
            axes.plot(
                slower,
                spectrum.latency_ms,
                color=colours[spectrum.name],
                linestyle="-" if corrected else (0, (4, 2.5)),
                alpha=1.0 if corrected else 0.75,
                label=self._sheet.en(spectrum.name) if corrected else None,
            )
        axes.plot([], [], color=MUTED, label=self._sheet.en("corrected"))
        axes.plot([], [], color=MUTED, linestyle=(0, (4, 2.5)), label=self._sheet.en("uncorrected"))
        axes.set_xscale("log")
        axes.set_yscale("log")
        marks = [(1, "0"), (2, "50"), (10, "90"), (100, "99"), (1e3, "99.9"), (1e4, "99.99"), (1e5, "99.999")]
        shown = [(at, label) for at, label in marks if at <= deepest * 1.01]
        axes.set_xticks([at for at, _ in shown], [f"{label} %" for _, label in shown])
        axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
        axes.set_xlim(1, deepest)
        plain_log(axes)
        axes.set_xlabel(self._sheet.en("percentile"))
        axes.set_ylabel(self._sheet.en("milliseconds"))
        legend(axes)
        return self._sheet.svg(figure)

    def _resource_use(self, use: Resources) -> str:
        if not use.elapsed_s:
            return ""
        figure = Figure(figsize=(WIDTH_IN, 2.5), layout="constrained")
        processor, memory = figure.subplots(1, 2)
        rows = ((use.harness_cores, HARNESS, "harness"), (use.park_cores, PARK, "park_host"))
        for values, colour, key in (*rows, (use.city_cores, CITY, "city_host")):
            if values:
                processor.plot(use.elapsed_s, values, color=colour, label=self._sheet.en(key))
        for size_bytes, colour in ((use.park_memory_bytes, PARK), (use.city_memory_bytes, CITY)):
            if size_bytes:
                memory.plot(use.elapsed_s, [size / 2**20 for size in size_bytes], color=colour)
        for axes, key in ((processor, "cores"), (memory, "memory_mib")):
            plain(axes)
            axes.set_ylim(bottom=0)
            axes.set_ylabel(self._sheet.en(key))
            axes.set_xlabel(self._sheet.en("seconds_since_start"))
        legend(processor)
        return self._sheet.svg(figure)

    def _timeline(self, incidents: Sequence[IncidentTrace]) -> str:
        if not incidents:
            return ""
        figure, axes = single(1.1 + ROW_IN * len(incidents))
        scenario = self._result.scenario
        end_s = scenario.warm_up_s + scenario.duration_s
        axes.axvspan(0, scenario.warm_up_s, color=GRID, alpha=0.5, linewidth=0)
        axes.text(
            scenario.warm_up_s / 2, -0.85, self._sheet.en("warm_up"), color=MUTED, fontsize=8, ha="center", va="center"
        )
        for row, incident in enumerate(incidents):
            self._incident(axes, row, incident, end_s)
        for column, key in zip(COLUMNS, ("col_alerts", "col_information", "col_park", "col_city"), strict=True):
            axes.text(column, -0.85, self._sheet.en(key), transform=axes.get_yaxis_transform(), color=MUTED, fontsize=8,
                      ha="right", va="center")  # fmt: skip
        axes.barh([0], [0], color=BAR, label=self._sheet.en("incident_bar"))
        for key, colour in (("knowable", INK), ("seen_park", PARK), ("seen_city", CITY)):
            axes.plot([], [], "|", color=colour, markersize=7, markeredgewidth=1.6, label=self._sheet.en(key))
        axes.plot([], [], "x", color=TROUBLE, markersize=5, label=self._sheet.en("missed_alert"))
        axes.set_xlim(0, end_s)
        axes.set_ylim(len(incidents) - 0.4, -1.3)
        axes.set_yticks(range(len(incidents)), [""] * len(incidents))
        axes.grid(axis="y", visible=False)
        plain(axes)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(self._sheet.en("seconds_since_start"))
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.62 / figure.get_figheight()), ncols=5, fontsize=8)
        figure.subplots_adjust(left=0.15, right=0.7, top=0.99, bottom=0.78 / figure.get_figheight())
        return self._sheet.svg(figure)

    def _incident(self, axes: Axes, row: int, incident: IncidentTrace, end_s: float) -> None:
        """One row: labels at the left, bar and marks, the first alert's delays at the right."""
        beside = axes.get_yaxis_transform()
        axes.text(
            -0.015, row - 0.17, self._sheet.en(incident.kind), transform=beside, ha="right", va="center", fontsize=8.5
        )
        place = f"{incident.park} {incident.zone}"
        axes.text(-0.015, row + 0.21, place, transform=beside, ha="right", va="center", fontsize=7, color=MUTED)
        axes.barh(row, min(incident.end_s, end_s) - incident.onset_s, left=incident.onset_s, height=0.62, color=BAR)
        seen_park = [alert.park_seen_s for alert in incident.alerts]
        seen_city = [alert.city_seen_s for alert in incident.alerts]
        knowable = [alert.knowable_s for alert in incident.alerts]
        _ticks(axes, row - LANE, knowable, INK)
        for lane, seen, colour in ((row, seen_park, PARK), (row + LANE, seen_city, CITY)):
            _ticks(axes, lane, [moment for moment in seen if moment is not None], colour)
            missed = [at for at, moment in zip(knowable, seen, strict=True) if moment is None]
            axes.plot(missed, [lane] * len(missed), "x", color=TROUBLE, markersize=4.5, markeredgewidth=1.4, zorder=5)
        for column, words, colour in zip(COLUMNS, *self._row_figures(incident), strict=True):
            axes.text(column, row, words, transform=beside, ha="right", va="center", fontsize=8, color=colour)

    def _row_figures(self, incident: IncidentTrace) -> tuple[list[str], list[str]]:
        """Texts and colours at the right of a row."""
        if not incident.alerts:
            return ["0", "", "", ""], [MUTED] * 4
        first = min(incident.alerts, key=lambda alert: alert.knowable_s)
        seen = sum(alert.park_seen_s is not None and alert.city_seen_s is not None for alert in incident.alerts)
        colours = [INK if seen == len(incident.alerts) else TROUBLE, INK]
        colours += [TROUBLE if moment is None else INK for moment in (first.park_seen_s, first.city_seen_s)]
        return [
            f"{seen}/{len(incident.alerts)}",
            f"{first.knowable_s - incident.onset_s:.1f} s",
            self._after(first, first.park_seen_s),
            self._after(first, first.city_seen_s),
        ], colours

    def _after(self, alert: AlertTrace, seen_s: float | None) -> str:
        return self._sheet.en("missed_alert") if seen_s is None else f"{(seen_s - alert.knowable_s) * 1000:,.0f} ms"

    # --- what charts share ------------------------------------------------------------------------------------------

    def _over_time(self, axes: Axes, y_label: str) -> None:
        scenario = self._result.scenario
        axes.axvspan(0, scenario.warm_up_s, color=GRID, alpha=0.5, linewidth=0)
        axes.text(scenario.warm_up_s / 2, 0.93, self._sheet.en("warm_up"), color=MUTED, fontsize=8, ha="center",
                  transform=axes.get_xaxis_transform())  # fmt: skip
        axes.set_xlim(0, scenario.warm_up_s + scenario.duration_s)
        axes.set_xlabel(self._sheet.en("seconds_since_start"))
        axes.set_ylabel(self._sheet.en(y_label))
        plain(axes)
        legend(axes)


def _ticks(axes: Axes, lane: float, moments: Sequence[float], colour: str) -> None:
    axes.plot(moments, [lane] * len(moments), "|", color=colour, markersize=4, markeredgewidth=1.1, zorder=4)
