"""Incidents on a timeline: what brought about what, and when responders did what."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.preview.gathered import Gathered
from benchmarks.report.drawing import INK, MUTED, TROUBLE, Sheet, plain, single
from sim.trace import IncidentTruth

ROWS_MAX: Final = 40
ROW_IN: Final = 0.3
ROOT, CONSEQUENCE = "#8fb3bd", "#e0b08c"
MARKS: Final = (
    ("noticed", "noticed_ms", "|", INK),
    ("acknowledged", "acknowledged_ms", "o", "#0f6e84"),
    ("dispatched", "dispatched_ms", ">", "#7a6aa8"),
    ("arrived", "arrived_ms", "D", "#c2571a"),
    ("resolved", "resolved_ms", "x", "#1c7a4d"),
)


class Timeline:
    """Draws the incidents of a trace: a row each, or a row for each kind where there are many."""

    def __init__(self, gathered: Gathered, sheet: Sheet) -> None:
        self._g = gathered
        self._sheet = sheet
        self._incidents = in_families(gathered.truth.incidents)

    def draw(self) -> tuple[Figure, Axes]:
        """The figure without its time axis."""
        return self._one_by_one() if len(self._incidents) <= ROWS_MAX else self._by_kind()

    def _one_by_one(self) -> tuple[Figure, Axes]:
        figure, axes = single(1.0 + ROW_IN * len(self._incidents))
        row_of = {incident.incident_id: row for row, incident in enumerate(self._incidents)}
        beside = axes.get_yaxis_transform()
        for row, incident in enumerate(self._incidents):
            begin_s, end_s = self._second(incident.onset_ms), self._second(incident.end_ms)
            colour = ROOT if incident.cause_id is None else CONSEQUENCE
            axes.barh(row, end_s - begin_s, left=begin_s, height=0.5, color=colour, linewidth=0)
            axes.text(-0.012, row - 0.16, self._sheet.en(incident.kind), transform=beside, ha="right", va="center",
                      fontsize=7.8)  # fmt: skip
            place = f"{incident.park} {incident.zone}".replace("*", "").strip()
            axes.text(-0.012, row + 0.22, place, transform=beside, ha="right", va="center", fontsize=6.3, color=MUTED)
            self._arrow(axes, row_of, row, incident)
        for key, field, mark, colour in MARKS:
            told = [(getattr(one, field), row) for row, one in enumerate(self._incidents)]
            known = [(self._second(at_ms), row) for at_ms, row in told if at_ms is not None]
            axes.plot([at for at, _ in known], [row for _, row in known], mark, color=colour, markersize=4.2,
                      markeredgewidth=1.2, label=self._sheet.en(key), zorder=4)  # fmt: skip
        axes.set_ylim(len(self._incidents) - 0.4, -0.6)
        axes.set_yticks([])
        self._finish(figure, axes, right=0.985)
        return figure, axes

    def _arrow(self, axes: Axes, row_of: dict[str, int], row: int, incident: IncidentTruth) -> None:
        if incident.cause_id not in row_of:
            return
        at_s = self._second(incident.onset_ms)
        axes.annotate(
            "",
            xy=(at_s, row - 0.27),
            xytext=(at_s, row_of[incident.cause_id] + 0.27),
            arrowprops={
                "arrowstyle": "-|>",
                "color": TROUBLE,
                "alpha": 0.45,
                "linewidth": 0.7,
                "mutation_scale": 7,
                "shrinkA": 0,
                "shrinkB": 0,
            },
            zorder=0.9,  # behind the bars: some causes have many consequences
        )

    def _by_kind(self) -> tuple[Figure, Axes]:
        kinds = list(dict.fromkeys(incident.kind for incident in self._incidents))
        figure, axes = single(1.0 + ROW_IN * len(kinds))
        count = Counter(incident.kind for incident in self._incidents)
        caused = Counter(incident.kind for incident in self._incidents if incident.cause_id is not None)
        kinds.sort(key=lambda kind: (-count[kind], kind))
        for incident in self._incidents:
            begin_s, end_s = self._second(incident.onset_ms), self._second(incident.end_ms)
            colour = "#0f6e84" if incident.cause_id is None else "#c2571a"
            height, offset = 0.36, -0.19 if incident.cause_id is None else 0.19
            axes.barh(kinds.index(incident.kind) + offset, max(end_s - begin_s, 1), left=begin_s, height=height,
                      color=colour, alpha=0.3, linewidth=0)  # fmt: skip
        for row, kind in enumerate(kinds):
            words = f"{count[kind]}" + (f" ({caused[kind]})" if caused[kind] else "")
            axes.text(1.008, row, words, transform=axes.get_yaxis_transform(), va="center", fontsize=8, color=MUTED)
        axes.barh([0], [0], color="#0f6e84", label=self._sheet.en("incident_bar"))
        axes.barh([0], [0], color="#c2571a", label=self._sheet.en("brought_about"))
        axes.set_yticks(range(len(kinds)), [self._sheet.en(kind) for kind in kinds], fontsize=8)
        axes.set_ylim(len(kinds) - 0.4, -0.6)
        self._finish(figure, axes, right=0.92)
        return figure, axes

    @staticmethod
    def _finish(figure: Figure, axes: Axes, *, right: float) -> None:
        axes.grid(axis="y", visible=False)
        plain(axes)
        axes.tick_params(axis="y", length=0)
        height_in = figure.get_figheight()
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=6, fontsize=8, borderaxespad=0.2)
        figure.subplots_adjust(left=0.19, right=right, top=1 - 0.32 / height_in, bottom=0.5 / height_in)

    def _second(self, at_ms: int) -> float:
        return (at_ms - self._g.start_ms) / 1000


def in_families(incidents: Sequence[IncidentTruth]) -> list[IncidentTruth]:
    """In order of onset, but what an incident brought about stands with it."""
    begun: dict[str, int] = {}
    for incident in sorted(incidents, key=lambda one: (one.onset_ms, one.incident_id)):
        begun.setdefault(incident.group or incident.incident_id, incident.onset_ms)
    return sorted(
        incidents,
        key=lambda one: (
            begun[one.group or one.incident_id],
            one.group or one.incident_id,
            one.onset_ms,
            one.incident_id,
        ),
    )
