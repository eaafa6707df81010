"""The report: one self-contained HTML file in English and Chinese, made from a result and nothing else."""

import datetime as dt
import functools
from collections.abc import Mapping
from pathlib import Path

import jinja2
import markupsafe
import yaml

from benchmarks.report.charts import Charts
from benchmarks.report.drawing import Texts
from benchmarks.result import Result
from contract import catalogue

_HERE = Path(__file__).parent


@functools.cache
def texts() -> dict[str, dict[str, str]]:
    """Every text of the report by key and language (`en`, `zh`)."""
    loaded: dict[str, dict[str, str]] = yaml.safe_load((_HERE / "texts.yaml").read_text("utf-8"))
    return loaded


def render(result: Result) -> str:
    """The report as HTML."""
    environment = page_environment(_HERE, texts())
    charts = {name: markupsafe.Markup(svg) for name, svg in Charts(result, texts()).draw().items()}  # noqa: S704 - drawn here
    parks = {park.id: {"en": park.name_en, "zh": park.name_zh} for park in catalogue.parks()}
    return environment.get_template("report.html.j2").render(r=result, charts=charts, parks=parks, bilingual=bilingual)


def page_environment(folder: Path, words: Texts) -> jinja2.Environment:
    """Templates of a folder, which may include the look of all pages, `style.css` and `switch.js`.

    Args:
        folder: where the templates are.
        words: by key, the text in each language, for the filter `both`.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, _HERE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def both(key: str) -> markupsafe.Markup:
        """The text of a key in both languages; a word without an entry stands for itself."""
        return bilingual(words.get(key, {"en": key, "zh": key}))

    environment.filters.update(both=both, figure=_figure, milliseconds=_milliseconds, share=_share, moment=_moment)
    return environment


def write_report(result: Result, path: Path) -> None:
    """Write the report."""
    path.write_text(render(result), "utf-8")


def bilingual(text: Mapping[str, str]) -> markupsafe.Markup:
    """Both languages, of which the page shows one."""
    return markupsafe.Markup('<span class="en">{}</span><span class="zh">{}</span>').format(text["en"], text["zh"])


def _figure(value: float | None, digits: int = 0) -> str:
    """A number with thousands separators, or a dash."""
    return "–" if value is None else f"{value:,.{digits}f}"


def _milliseconds(value: float | None) -> str:
    """Three significant digits, as many as the histograms keep."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"  # noqa: PLR2004 - digits


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}".rstrip("0").ljust(5, "0")


def _moment(at_ms: int) -> str:
    return dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
