"""The preview: one self-contained HTML page in English and Chinese on what a trace is like, before anything is run."""

import functools
from pathlib import Path

import markupsafe
import yaml

from benchmarks.preview.charts import Charts, link_key, subsystem_key
from benchmarks.preview.gathered import Gathered, Opened, Told, gather
from benchmarks.preview.timeline import ROWS_MAX
from benchmarks.report import bilingual, page_environment
from benchmarks.report import texts as report_texts
from contract import catalogue
from scenarios.model import Scenario
from sim.network import standard_book
from sim.world.truth import TeamLoad

__all__ = ["gather", "render", "texts", "write_preview"]

_HERE = Path(__file__).parent
TEAMS_SHOWN = 12


@functools.cache
def texts() -> dict[str, dict[str, str]]:
    """Every text of the page by key and language (`en`, `zh`); incidents are called as in the report."""
    own: dict[str, dict[str, str]] = yaml.safe_load((_HERE / "texts.yaml").read_text("utf-8"))
    subsystems = {subsystem_key(one.code): {"en": one.name_en, "zh": one.name_zh} for one in catalogue.subsystems()}
    links = {link_key(one.id): {"en": one.name_en, "zh": one.name_zh} for one in standard_book().links}
    return report_texts() | subsystems | links | own


def write_preview(path: Path, scenario: Scenario, opened: Opened, shard: tuple[int, int], told: Told) -> None:
    """Live a trace (a sample of it, if it is long) and write its page."""
    path.write_text(render(gather(scenario, opened, shard, told)), "utf-8")


def render(gathered: Gathered) -> str:
    """The page as HTML."""
    drawing = Charts(gathered, texts())
    charts = {name: markupsafe.Markup(svg) for name, svg in drawing.draw().items()}  # noqa: S704 - drawn here
    parks = {park.id: {"en": park.name_en, "zh": park.name_zh} for park in catalogue.parks()}
    environment = page_environment(_HERE, texts())
    environment.filters["lasting"] = _lasting
    return environment.get_template("preview.html.j2").render(
        g=gathered,
        charts=charts,
        parks=parks,
        teams=_busiest_teams(gathered.truth.responders),
        has_links=gathered.network is not None and bool(gathered.network.links),
        rows_max=ROWS_MAX,
        bar_s=drawing.bar_s,
        bilingual=bilingual,
    )


def _lasting(span_s: float) -> str:
    """A span of time in its largest units, such as `1 h 5 min`."""
    whole_s = round(span_s)
    parts = ((whole_s // 3600, "h"), (whole_s % 3600 // 60, "min"), (whole_s % 60, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def _busiest_teams(loads: list[TeamLoad]) -> list[TeamLoad]:
    busy = [load for load in loads if load.handled]
    return sorted(busy, key=lambda load: (-load.busy_share, load.team, load.base))[:TEAMS_SHOWN]
