"""The report of a backtest: one self-contained HTML file in English and Chinese."""

import functools
from pathlib import Path

import markupsafe
import yaml

from benchmarks.backtest import screen
from benchmarks.backtest.charts import Charts
from benchmarks.backtest.result import BacktestResult
from benchmarks.backtest.run import Outcome
from benchmarks.backtest.series import courses, points_to_draw
from benchmarks.report import page_environment

_HERE = Path(__file__).parent


@functools.cache
def texts() -> dict[str, dict[str, str]]:
    """Every text of the report by key and language (`en`, `zh`)."""
    loaded: dict[str, dict[str, str]] = yaml.safe_load((_HERE / "texts.yaml").read_text("utf-8"))
    return loaded


def render(outcome: Outcome, result: BacktestResult, lang: str | None) -> str:
    """The report as HTML; draws the points with most alarms, for which the data are read once more.

    Args:
        outcome: with all alarms.
        result: as it is written.
        lang: language in which it opens; the reader's own if None.
    """
    recording = outcome.recording
    points = points_to_draw(outcome)
    span_ms = recording.first_ms, recording.last_ms
    drawn = courses(recording.batches(), points, len(recording.names), *span_ms) if points else []
    environment = page_environment(_HERE, texts())
    environment.filters.update(span=screen.span, rate=screen.rate, short=screen.share, percent=_percent)
    charts = Charts(outcome, result, drawn, texts()).draw()
    return environment.get_template("page.html.j2").render(
        r=result,
        asked=lang,
        places_shown=screen.places_shown(result.tuning) if result.tuning else (),
        title=Path(result.data.file).name if result.data.file != "-" else "stdin",
        charts={name: markupsafe.Markup(svg) for name, svg in charts.items()},  # noqa: S704 - drawn here
    )


def _percent(share: float) -> str:
    """A share in per cent, with as many digits as say something."""
    return f"{share:.1%}" if share >= 0.01 or share == 0 else f"{share:.3%}"  # noqa: PLR2004 - digits
