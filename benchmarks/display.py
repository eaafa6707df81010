"""What a person sees while a run lasts: phases, rates, latency, incidents of the world and their detection.

On a terminal a picture that changes in place; elsewhere a line every few seconds. It shows what observers saw; the
verdict comes later, from the scoring.
"""

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from benchmarks.load import Watch
from loadtests.observe import Seen
from loadtests.progress import ProgressLine
from scenarios.model import Scenario

if TYPE_CHECKING:
    from sim.trace import IncidentTruth

LINE_EVERY_S = 5.0
REFRESH_PER_S = 2
INCIDENTS_SHOWN = 16
INDENT = " " * 10


class LiveIncident(NamedTuple):
    """An incident of the world and when its first alert was seen, in seconds since the start of the trace."""

    kind: str
    park: str
    zone: str
    at_s: float
    seen_s: dict[str, float]


class Display:
    """Shows a run. `phase` names what is being done now, `look` takes in what the load tells."""

    def __init__(self, console: Console, scenario: Scenario, incidents: "Sequence[IncidentTruth]") -> None:
        self._console = console
        self._scenario = scenario
        self._began_s = time.monotonic()
        self._phase = ""
        self._line: ProgressLine | None = None
        self._said_s = 0.0
        self._incidents = [
            LiveIncident(one.kind, one.park, one.zone, (one.onset_ms - scenario.starts_at_ms) / 1000, {})
            for one in sorted(incidents, key=lambda incident: incident.onset_ms)
        ]
        self._live: Live | None = None
        if console.is_terminal:
            self._live = Live(
                get_renderable=self._picture, console=console, refresh_per_second=REFRESH_PER_S, transient=True
            )

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        if self._live:
            self._live.stop()

    def phase(self, name: str) -> None:
        """A new phase begins."""
        self._phase = name
        self._say(Text.assemble((f"{self._elapsed_s():6.1f} s  ", "dim"), name))

    def looker(self, watch: Watch, start_at_ms: Callable[[], int | None]) -> Callable[[], None]:
        """A function that takes in what the load told since the last call."""

        def look() -> None:
            for line in watch.progress():
                self._line = line
            for seen in watch.alerts():
                self._see(seen, start_at_ms())
            if self._line and self._line.trace_s and not self._live and time.monotonic() - self._said_s >= LINE_EVERY_S:
                self._said_s = time.monotonic()
                self._say(self._words(self._line))

        return look

    @property
    def start_at_ms(self) -> int | None:
        """Wall time of the start of the trace, as soon as the load has told it."""
        line = self._line
        return None if line is None or not line.trace_s else round(line.at_ms - line.elapsed_s * 1000)

    # --- what is shown ----------------------------------------------------------------------------------------------

    def _see(self, seen: Seen, start_at_ms: int | None) -> None:
        """Ascribe a raise to the incident that began last in its zone; only for the picture."""
        alert = seen.event.alert
        if alert is None or seen.event.transition != "raise" or start_at_ms is None:
            return
        onset_s = (alert.onset_ms - start_at_ms) / 1000
        here = [one for one in self._incidents if (one.park, one.zone) == (alert.park, alert.zone)]
        begun = [one for one in here if one.at_s <= onset_s]
        if begun:
            begun[-1].seen_s.setdefault(seen.level, (seen.seen_ms - start_at_ms) / 1000)

    def _say(self, words: Text) -> None:
        if not self._live:
            self._console.print(words, soft_wrap=True)

    def _words(self, line: ProgressLine) -> Text:
        begun = sum(one.at_s <= line.elapsed_s for one in self._incidents)
        latency = "" if line.ack_ms_p99 is None else f", ack p50 {line.ack_ms_p50:.1f} p99 {line.ack_ms_p99:.1f} ms"
        trouble = f", refused {line.refused}, errors {line.errors}" if line.refused or line.errors else ""
        where = f"{line.phase} {line.elapsed_s:5.1f}/{line.trace_s:.0f} s"
        return Text(
            f"{INDENT}{where}: sent {line.sent_per_s:,.0f}/s, acknowledged {line.acknowledged_per_s:,.0f}/s{latency}, "
            f"incidents {begun}/{len(self._incidents)}, transitions seen park {line.alerts_park} city "
            f"{line.alerts_city}{trouble}"
        )

    def _picture(self) -> RenderableType:
        head = Text.assemble(
            (self._scenario.title.en, "bold"),
            ("   seed ", "dim"),
            str(self._scenario.seed),
            ("   ", ""),
            (self._phase, "cyan"),
            (f"   {self._elapsed_s():.0f} s", "dim"),
        )
        line = self._line
        if line is None:
            return head
        if not line.trace_s:
            return Group(head, Text(line.phase, style="dim"))
        parts: list[RenderableType] = [head, self._bar(line), self._figures(line)]
        if self._incidents:
            parts.append(self._incident_table(line.elapsed_s))
        return Group(*parts)

    def _bar(self, line: ProgressLine) -> RenderableType:
        done_s = min(max(line.elapsed_s, 0.0), line.trace_s)
        row = Table.grid(padding=(0, 2))
        row.add_row(
            ProgressBar(total=line.trace_s or 1.0, completed=done_s, width=40),
            Text(f"{line.phase} {done_s:.0f} / {line.trace_s:.0f} s", style="dim"),
        )
        return row

    def _figures(self, line: ProgressLine) -> RenderableType:
        table = Table.grid(padding=(0, 3))
        for _ in range(6):
            table.add_column(justify="right")
        headings = ("readings/s sent", "acknowledged", "ack p50", "ack p99", "transitions park", "city")
        table.add_row(*(Text(heading, style="dim") for heading in headings))
        table.add_row(
            f"{line.sent_per_s:,.0f}",
            f"{line.acknowledged_per_s:,.0f}",
            _ms(line.ack_ms_p50),
            _ms(line.ack_ms_p99),
            str(line.alerts_park),
            str(line.alerts_city),
        )
        if line.refused or line.errors:
            table.add_row(Text(f"refused {line.refused}", style="yellow"), Text(f"errors {line.errors}", style="red"))
        return table

    def _incident_table(self, elapsed_s: float) -> RenderableType:
        begun = [one for one in self._incidents if one.at_s <= elapsed_s]
        seen = {level: sum(level in one.seen_s for one in begun) for level in ("park", "city")}
        title = (
            f"incidents begun {len(begun)} of {len(self._incidents)}, seen at park {seen['park']}, city {seen['city']}"
        )
        table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2))
        for heading in ("at", "kind", "park", "zone", "park saw it", "city saw it"):
            table.add_column(heading, header_style="dim", justify="right" if heading == "at" else "left")
        for one in begun[-INCIDENTS_SHOWN:]:
            table.add_row(f"{one.at_s:.0f} s", one.kind, one.park, one.zone, _after(one, "park"), _after(one, "city"))
        return table

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began_s


def _after(incident: LiveIncident, level: str) -> Text:
    seen_s = incident.seen_s.get(level)
    if seen_s is None:
        return Text("not yet", style="dim")
    return Text(f"after {seen_s - incident.at_s:.2f} s", style="green")


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"
