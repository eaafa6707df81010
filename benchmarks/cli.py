"""`parkbench`: run, judge and look; the reference platform; what this machine lacks.

Exit codes: 0 ok, 1 failed, 2 usage (also a wrong scenario, result or directory), 3 an objective was missed, 4 the run
is invalid, 130 and 143 interrupted.
"""

import difflib
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal, NoReturn

import msgspec
import typer
from rich.console import Console

from benchmarks import environment, tables
from benchmarks.backtest.command import EXAMPLES as BACKTEST_EXAMPLES
from benchmarks.backtest.command import backtest
from benchmarks.directories import new_directory
from benchmarks.result import REPORT_FILE, Result
from benchmarks.result import load as load_result
from contract.errors import ParkBenchError, PeerError
from scenarios.model import LIBRARY, Scenario, find, library

FAILED, USAGE, OBJECTIVE_MISSED, RUN_INVALID = 1, 2, 3, 4
INTERRUPTED, TERMINATED = 130, 143
SEED_MAX = 2**63 - 1
PORT_MAX = 65_535
PIPE_WIDTH = 160

app = typer.Typer(
    name="parkbench",
    help="Simulation and load-testing testbed for two-level smart-park platforms.",
    epilog="Try: parkbench run first-morning",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

ScenarioArgument = Annotated[str, typer.Argument(metavar="SCENARIO", help="A name of the library or a YAML file.")]
SeedOption = Annotated[
    int | None, typer.Option(min=0, max=SEED_MAX, help="Seed of the trace; the scenario's own unless told.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program instead of tables.")]


@app.command(
    epilog="Examples:  parkbench run first-morning   |   parkbench run quiet-night --seed 7 --out out/night   |   "
    "parkbench run --trace recordings/monday   |   "
    "parkbench run pilot-2019 --target http://park:8701 --city http://city:8702 --credentials tokens.json"
)
def run(
    scenario: Annotated[
        str | None, typer.Argument(metavar="[SCENARIO]", help="A name of the library or a YAML file.")
    ] = None,
    *,
    trace: Annotated[
        Path | None, typer.Option("--trace", metavar="DIR", help="Replay a recorded trace instead of a scenario.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Base URL of a park platform; the reference is started without.")
    ] = None,
    city: Annotated[str | None, typer.Option(help="Base URL of its city platform.")] = None,
    credentials: Annotated[
        list[Path] | None, typer.Option(help="Tokens for --target and --city; may be repeated.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Directory for the results; out/SCENARIO-TIME unless told.")] = None,
    seed: SeedOption = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Load processes; parks are shared out over them.")] = 1,
    headroom: Annotated[
        float, typer.Option(min=0.5, max=60, help="Seconds of the burst that measures the harness's own ceiling.")
    ] = 3.0,
    force: Annotated[
        bool, typer.Option("--force", help="Write into a directory that holds something already.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a scenario against a live platform and judge it.

    Without --target the reference platform is started on free ports and removed afterwards. The directory of the
    results gets result.json, report.html, the ledger of acknowledged packs and the alerts as they were seen.
    """
    from benchmarks import run as runner  # noqa: PLC0415 - the world's packages take a second that other commands spare
    from benchmarks.reference import Endpoints  # noqa: PLC0415 - with the line above

    if (target is None) != (city is None) or (credentials and target is None):
        raise PeerError(
            "incomplete target",
            wanted="--target and --city together (and --credentials only with them)",
            found="a part",
        )
    chosen = _scenario_or_recording(scenario, trace, seed)
    directory = new_directory(out or runner.default_out(chosen), force=force)
    endpoints = Endpoints(target, city, tuple(credentials or ())) if target and city else None
    options = runner.RunOptions(
        scenario=chosen,
        named=scenario or "",
        recording=trace,
        target=endpoints,
        workers=workers,
        burst_s=headroom,
        out=directory,
    )
    result = runner.run(options, _console(stderr=as_json))
    if as_json:
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    else:
        tables.show_result(_console(), result, directory)
    raise typer.Exit(_verdict(result))


@app.command()
def scenarios(as_json: JsonOption = False) -> None:
    """List the scenarios that can be run."""
    found = library()
    if as_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        tables.show_scenarios(_console(), found)


@app.command(
    epilog="Examples:  parkbench serve all --data out/platform   |   parkbench serve park --park-port 8701 --data D "
    "--city-url http://city:8702 --city-credentials city/credentials.json"
)
def serve(
    level: Annotated[Literal["park", "city", "all"], typer.Argument(help="Which level to serve.")],
    *,
    park_port: Annotated[
        int, typer.Option(min=0, max=PORT_MAX, help="Port of the park platform; 0 for a free one.")
    ] = 8701,
    city_port: Annotated[
        int, typer.Option(min=0, max=PORT_MAX, help="Port of the city platform; 0 for a free one.")
    ] = 8702,
    data: Annotated[
        Path, typer.Option(help="Directory of the stores and of credentials.json; made when absent.")
    ] = Path("out/platform"),
    parks: Annotated[str, typer.Option(help="'all' or park ids, comma-separated.")] = "all",
    hj212_port: Annotated[
        int | None, typer.Option(min=1, max=PORT_MAX, help="Open a port of the park platform for HJ 212 loggers.")
    ] = None,
    fire_port: Annotated[
        int | None, typer.Option(min=1, max=PORT_MAX, help="Open one for GB/T 26875.3 fire transmitters.")
    ] = None,
    city_url: Annotated[str | None, typer.Option(help="City platform that the parks report to.")] = None,
    city_credentials: Annotated[Path | None, typer.Option(help="credentials.json of that city platform.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
) -> None:
    """Serve the reference platform until interrupted.

    The first start writes DATA/credentials.json (mode 0600) with a token for each role. A level says on standard
    output where it stands as soon as it answers.
    """
    from benchmarks import serving  # noqa: PLC0415 - the platform's packages take a second that other commands spare

    options = serving.ServeOptions(
        host=host,
        park_port=park_port,
        city_port=city_port,
        data=data,
        parks=serving.chosen_parks(parks),
        city_url=city_url,
        city_credentials=city_credentials,
        hj212_port=hj212_port,
        fire_port=fire_port,
    )
    raise typer.Exit(serving.serve(level, options))


app.command(epilog=BACKTEST_EXAMPLES)(backtest)


@app.command(
    epilog="Examples:  parkbench trace pilot-2019   |   parkbench trace full-2020 -o recordings/day --shard 0/4   |   "
    "parkbench trace city-storm --preview -o storm.html   |   parkbench trace recordings/day --preview"
)
def trace(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A name of the library, a YAML file, or a recorded trace's DIR.")
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="New directory for the recording; with --preview the file of the page."),
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Draw a page of what the trace is like.")] = False,
    seed: SeedOption = None,
    shard: Annotated[
        str, typer.Option(metavar="I/N", help="Only every N-th park, from the I-th; I counts from 0.")
    ] = "0/1",
    as_json: JsonOption = False,
) -> None:
    """Live a scenario's world without a platform: what it sends, what it expects, and the digest that identifies it.

    With -o DIR all of it is written to Parquet files, which `parkbench run --trace DIR` replays. With --preview a page
    is drawn: a park's day by subsystem, the city's load, the incidents, the links, the enterprises' requests.
    """
    from benchmarks import tracing  # noqa: PLC0415 - the world's packages take a second that other commands spare

    part = _shard(shard)
    console = _console(stderr=as_json)
    recording = Path(scenario) if Path(scenario).is_dir() else None
    if recording and not preview:
        raise PeerError("a recording", where="SCENARIO", found=f"the directory {scenario}", wanted="--preview with it")
    chosen = None if recording else _scenario(scenario, seed)
    if preview:
        tracing.draw(chosen or recording or Path(), part, out, console)
    elif chosen and out:
        tracing.write(chosen, part, out, console)
    elif chosen:
        found = tracing.summarise(chosen, part)
        if as_json:
            sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
        else:
            tables.show_trace(console, found)


@app.command()
def report(
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="A result.json, or the directory that holds it.")],
    out: Annotated[Path | None, typer.Option(help="File to write; report.html beside the result unless told.")] = None,
) -> None:
    """Write the report of a result anew."""
    from benchmarks.report import write_report  # noqa: PLC0415 - drawing needs packages that other commands spare

    loaded = load_result(result)
    path = out or (result if result.is_dir() else result.parent) / REPORT_FILE
    write_report(loaded, path)
    _console().print(f"{path}  {loaded.validity}", soft_wrap=True)


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Look whether this machine has what runs need."""
    findings = environment.examine(Path())
    if as_json:
        sys.stdout.write(msgspec.json.encode([finding._asdict() for finding in findings]).decode() + "\n")
    else:
        tables.show_findings(_console(), findings)
    if not all(finding.ok or not finding.needed for finding in findings):
        raise typer.Exit(FAILED)


def _console(*, stderr: bool = False) -> Console:
    """A console that does not squeeze tables into 80 columns when a file or a pipe takes them."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=PIPE_WIDTH)


def _scenario(named: str, seed: int | None) -> Scenario:
    """The scenario with its seed; a name that is nearly right is met with a suggestion."""
    try:
        found = find(named)
    except PeerError as error:
        names = sorted(path.stem for path in LIBRARY.glob("*.yaml"))
        near = difflib.get_close_matches(named, names, n=1)
        if near and not Path(named).exists():
            raise PeerError(
                "unknown scenario", where="scenario", found=f'"{named}"; did you mean "{near[0]}"?', wanted=error.wanted
            ) from None
        raise
    return found if seed is None else msgspec.structs.replace(found, seed=seed)


def _scenario_or_recording(named: str | None, recording: Path | None, seed: int | None) -> Scenario:
    """The scenario to run, or that of the recording to replay."""
    if (named is None) == (recording is None):
        found = "both" if named else "neither"
        raise PeerError("what to run", where="SCENARIO", found=found, wanted="a scenario, or --trace DIR")
    if named is not None:
        return _scenario(named, seed)
    if seed is not None:
        raise PeerError(
            "no seed", where="--seed", found="a seed", wanted="none with --trace: a recording is what it is"
        )
    from sim.recorded import RecordedTrace  # noqa: PLC0415 - the world's packages take a second that other commands spare

    return RecordedTrace(recording or Path()).scenario


def _shard(text: str) -> tuple[int, int]:
    number, _, count = text.partition("/")
    if number.isdecimal() and count.isdecimal() and int(number) < int(count):
        return int(number), int(count)
    raise PeerError("invalid shard", where="--shard", found=f'"{text}"', wanted='I/N with 0 <= I < N, such as "0/3"')


def _verdict(result: Result) -> int:
    """An invalid run says nothing about the platform, so it comes before a missed objective."""
    if result.validity == "INVALID":
        return RUN_INVALID
    return 0 if result.objectives_met else OBJECTIVE_MISSED


def _on_sigterm(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(TERMINATED)


def main() -> None:
    """Entry point: errors of ours are one line, never a traceback."""
    signal.signal(signal.SIGTERM, _on_sigterm)
    errors = _console(stderr=True)
    try:
        app()
    except PeerError as error:
        _fail(errors, str(error), USAGE)
    except (ParkBenchError, OSError) as error:
        _fail(errors, str(error), FAILED)
    except SystemExit as error:
        if error.code in {INTERRUPTED, TERMINATED}:
            errors.print("Interrupted. Processes and temporary data of this run are gone; files written so far stay.")
        raise


def _fail(errors: Console, message: str, code: int) -> NoReturn:
    errors.print("[bold red]Error[/]: ", end="")
    errors.print(message, markup=False, soft_wrap=True)
    raise SystemExit(code)
