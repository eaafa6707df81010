"""The command line of a backtest. What reads, judges and draws is imported when it is needed."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer
from rich.console import Console

from benchmarks.directories import new_directory
from contract.errors import HarnessError, PeerError
from contract.spans import span_ms

if TYPE_CHECKING:
    from benchmarks.backtest.result import BacktestResult
    from benchmarks.backtest.run import Options, Outcome

EXAMPLES: Final = (
    "Examples:  parkbench backtest year.parquet --rules rules.yaml   |   "
    "parkbench backtest valve.csv --wide --rules rules.yaml --label-column anomaly --objective 'recall>=0.9'   |   "
    "parkbench backtest year.csv --rules rules.yaml --labels faults.csv --tune cod-high --sweep high=80:120:5   |   "
    "zcat year.csv.gz | parkbench backtest - --rules rules.yaml --json | jq 'select(.transition==\"raise\")'"
)
OBJECTIVE_MISSED: Final = 3
PIPE_WIDTH: Final = 140
LATENESS_MS_MAX: Final = 30 * 86_400_000

_COLUMNS, _TIMES, _OUTPUT, _TUNING = "Columns", "Times and order", "Output", "Tuning"


def backtest(
    data: Annotated[str, typer.Argument(metavar="DATA", help="CSV (.gz, .zst too) or Parquet; - for standard input.")],
    *,
    rules: Annotated[Path, typer.Option(help="Rules file, YAML.")],
    labels: Annotated[
        Path | None, typer.Option(help="CSV of what was really wrong: start,end[,point] or time[,point].")
    ] = None,
    tolerance: Annotated[
        str | None,
        typer.Option(help="How far outside of a window an alarm may stand and count; 60s for moments, else 0s."),
    ] = None,
    objective: Annotated[
        list[str] | None, typer.Option(help='Such as "recall>=0.9"; may be repeated. A miss is exit code 3.')
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row, exit code 1.")] = False,
    wide: Annotated[
        bool,
        typer.Option(
            "--wide", help="A column for each point, whatever the header looks like.", rich_help_panel=_COLUMNS
        ),
    ] = False,
    time_column: Annotated[str | None, typer.Option(help="Column of times.", rich_help_panel=_COLUMNS)] = None,
    point_column: Annotated[
        str | None, typer.Option(help="Column of points, long form.", rich_help_panel=_COLUMNS)
    ] = None,
    value_column: Annotated[
        str | None, typer.Option(help="Column of values, long form.", rich_help_panel=_COLUMNS)
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(help="Column that is not 0 where something was wrong.", rich_help_panel=_COLUMNS)
    ] = None,
    separator: Annotated[
        str | None, typer.Option(help="Between fields; found out unless told.", rich_help_panel=_COLUMNS)
    ] = None,
    time_format: Annotated[
        Literal["iso", "dmy", "mdy", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns"] | None,
        typer.Option(help="How times are written; found out unless told.", rich_help_panel=_TIMES),
    ] = None,
    timezone: Annotated[
        str, typer.Option(help="Of times without an offset: +08:00, Asia/Shanghai.", rich_help_panel=_TIMES)
    ] = "UTC",
    lateness: Annotated[
        str, typer.Option(help="How long readings wait for others that were overtaken.", rich_help_panel=_TIMES)
    ] = "5s",
    order: Annotated[
        Literal["auto", "arrival", "time"],
        typer.Option(
            help="Judge readings as they stand in the file, or in order of time. auto: as they stand, unless the file "
            "has its points one after the other or its newest readings first.",
            rich_help_panel=_TIMES,
        ),
    ] = "auto",
    tune: Annotated[
        str | None, typer.Option(metavar="RULE", help="Try other parameters of this rule.", rich_help_panel=_TUNING)
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            help="high=80:120:5 or on_delay=0s,30s,60s; one or two. Chosen from the data unless told.",
            rich_help_panel=_TUNING,
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=0, max=256, help="Processes for --tune; 0 for one a core.", rich_help_panel=_TUNING)
    ] = 0,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Transitions as a line of JSON each (choices, with --tune), nothing else.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Directory for result, transitions and report; out/backtest-DATA-TIME unless told.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Write into a directory that holds something already.", rich_help_panel=_OUTPUT),
    ] = False,
    lang: Annotated[
        Literal["en", "zh"] | None,
        typer.Option(help="Language in which the report opens; the reader's own unless told.", rich_help_panel=_OUTPUT),
    ] = None,
    every_alarm: Annotated[
        bool, typer.Option("--all", help="List a thousand alarms, not twenty.", rich_help_panel=_OUTPUT)
    ] = False,
) -> None:
    """Apply alarm rules to recorded telemetry: which alarms would there have been, and were they right?

    A file is one source: readings wait for --lateness, and at the end the timers that are due fire. Bad rows are
    counted and shown and stop nothing. See docs/backtest.md.
    """
    from benchmarks.backtest import objective as objectives  # noqa: PLC0415 - compiled loops take a second to load
    from benchmarks.backtest.delimited import CsvOptions  # noqa: PLC0415 - as above
    from benchmarks.backtest.run import Options  # noqa: PLC0415 - as above
    from benchmarks.backtest.shape import Asked  # noqa: PLC0415 - as above
    from benchmarks.backtest.zones import find_zone  # noqa: PLC0415 - as above

    if sweep and tune is None:
        raise PeerError("sweep of no rule", where="--sweep", found="no rule", wanted="--tune RULE")
    is_labelled = labels is not None or label_column is not None
    options = Options(
        data=data,
        rules=rules,
        labels=labels,
        csv=CsvOptions(
            asked=Asked(wide=wide, time=time_column, point=point_column, value=value_column, label=label_column),
            separator=_separator(separator),
            time_format=time_format,
            zone=find_zone(timezone),
        ),
        order=order,
        lateness_ms=_span("--lateness", lateness),
        tolerance_ms=None if tolerance is None else _span("--tolerance", tolerance),
        strict=strict,
        objectives=[objectives.parse(written, labelled=is_labelled) for written in objective or ()],
        command=_command(),
    )
    directory = out or (None if as_json else _default_out(data))
    if directory is not None:
        new_directory(directory, force=force)
    result = _run(options, directory, (tune, sweep or (), jobs or os.cpu_count() or 1), lang, as_json=as_json)
    if not as_json and directory is not None:
        from benchmarks.backtest import screen  # noqa: PLC0415 - as above

        screen.show(_console(), result, directory, every_alarm=every_alarm)
    if not result.objectives_met:
        raise typer.Exit(OBJECTIVE_MISSED)


def _run(
    options: "Options",
    directory: Path | None,
    tuning: tuple[str | None, "list[str] | tuple[()]", int],
    lang: str | None,
    *,
    as_json: bool,
) -> "BacktestResult":
    """Judge, tune, write."""
    from msgspec.structs import replace  # noqa: PLC0415 - as above

    from benchmarks.backtest import run, screen  # noqa: PLC0415 - as above
    from benchmarks.backtest.progress import Progress  # noqa: PLC0415 - as above
    from benchmarks.backtest.readings import BadRowError  # noqa: PLC0415 - as above
    from benchmarks.backtest.spool import temporary_folder  # noqa: PLC0415 - as above

    errors = _console(stderr=True)
    if errors.is_terminal and not any((Path(__file__).parent / "__pycache__").glob("*.nbi")):
        errors.print("The first run on this machine compiles its loops; that takes about ten seconds.", style="dim")
    with temporary_folder() as folder, Progress(errors) as progress:
        try:
            outcome = run.judge(options, Path(folder), progress)
        except BadRowError as error:  # the file is as it is; only --strict makes that a failure
            raise HarnessError(error.detail) from None
        result = run.assemble(outcome)
        rule, sweeps, jobs = tuning
        if rule is not None:
            from benchmarks.backtest.tune import tune  # noqa: PLC0415 - as above

            result = replace(result, tuning=tune(outcome, rule, sweeps, jobs, progress))
        if directory is not None:
            from benchmarks.backtest.write import write_all  # noqa: PLC0415 - drawing takes another second

            progress.phase("writing the report")
            write_all(outcome, result, directory, lang)
    if as_json:
        screen.warn(errors, result)
        _emit(outcome, result)
    return result


def _emit(outcome: "Outcome", result: "BacktestResult") -> None:
    """JSON for a program; one that has seen enough may stop reading."""
    import msgspec  # noqa: PLC0415 - as above

    write = sys.stdout.write
    try:
        if result.tuning:
            write(msgspec.json.Encoder().encode_lines(result.tuning.choices).decode())
        else:
            for lines in outcome.history.lines(outcome.subject_names):
                write(lines.decode())
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _console(*, stderr: bool = False) -> Console:
    """A console that does not squeeze tables into 80 columns when a file or a pipe takes them."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=PIPE_WIDTH)


def _command() -> list[str]:
    """The words that repeat this run."""
    return ["parkbench", *sys.argv[1:]]


def _default_out(data: str) -> Path:
    name = "stdin" if data == "-" else Path(data).name.split(".")[0]
    return Path("out") / f"backtest-{name}-{time.strftime('%Y%m%d-%H%M%S')}"


def _span(option: str, written: str) -> int:
    found_ms = span_ms("0s" if written == "0" else written)
    if found_ms is None or found_ms > LATENESS_MS_MAX:
        raise PeerError(
            "invalid span", where=option, found=repr(written), wanted='a duration such as "5s", at most 30d'
        )
    return found_ms


def _separator(written: str | None) -> str | None:
    known = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "bar": "|", "pipe": "|"}
    separator = None if written is None else known.get(written, written)
    if separator is None or (len(separator) == 1 and separator.isascii() and separator not in '" \r\n.+-'):
        return separator
    raise PeerError(
        "invalid separator", where="--separator", found=repr(written), wanted='one character, or "comma", "tab", ...'
    )
