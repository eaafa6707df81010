"""What a backtest leaves in its directory."""

from pathlib import Path

from benchmarks.backtest.page import render
from benchmarks.backtest.result import REPORT_FILE, RESULT_FILE, TRANSITIONS_FILE, BacktestResult, save
from benchmarks.backtest.run import Outcome


def write_all(outcome: Outcome, result: BacktestResult, directory: Path, lang: str | None) -> None:
    """Write result, transitions and report.

    Args:
        outcome: for what is too much for the result.
        result: as it is shown.
        directory: made when absent.
        lang: language in which the report opens; the reader's own if None.
    """
    directory.mkdir(parents=True, exist_ok=True)
    save(result, directory / RESULT_FILE)
    with (directory / TRANSITIONS_FILE).open("wb") as file:
        for lines in outcome.history.lines(outcome.subject_names):
            file.write(lines)
    (directory / REPORT_FILE).write_text(render(outcome, result, lang), "utf-8")
