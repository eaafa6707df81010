"""`python -m benchmarks.peers`: the alarm core beside other engines, on the same rule and the same readings.

Exit codes: 0 ok, 1 a contestant gave a wrong answer or ours none, 2 usage, 130 and 143 interrupted.
"""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from benchmarks.peers import table
from benchmarks.peers.arena import Arena
from benchmarks.peers.face import CONTESTANTS, Entry
from benchmarks.peers.result import Comparison, Line, failed
from contract.errors import ParkBenchError, PeerError

FAILED, USAGE, INTERRUPTED, TERMINATED = 1, 2, 130, 143
PIPE_WIDTH = 160
POINTS, SECONDS, LIMIT_S = 94_000, 31, 90.0
READINGS_MAX = 100_000_000

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _names() -> str:
    return ", ".join(entry.name for entry in CONTESTANTS)


@app.command(
    epilog="Examples:  python -m benchmarks.peers   |   python -m benchmarks.peers --only ours --only bytewax   |   "
    "python -m benchmarks.peers --points 2000 --seconds 60 --json"
)
def compare(
    *,
    points: Annotated[int, typer.Option(min=1, help="Points of the park.")] = POINTS,
    seconds: Annotated[int, typer.Option(min=1, help="Readings of each point, one a second.")] = SECONDS,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help=f"May be repeated. One of: {_names()}.")
    ] = None,
    limit: Annotated[float, typer.Option(min=1, help="Seconds that one contestant may take.")] = LIMIT_S,
    out: Annotated[Path, typer.Option(help="Folder for peers.json; environments are kept in it, under peers/.")] = Path(
        "out"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program instead of the table.")] = False,
) -> None:
    """Measure the alarm core beside other engines: the same rule, the same readings, and the same answer asked of all.

    Each contestant runs in its own process on one core; the engines that are not the project's dependencies are
    installed on first use in environments of their own. An engine that gives a wrong answer is reported as wrong.
    """
    chosen = choose(only or [])
    if points * seconds > READINGS_MAX:
        raise PeerError(
            "too many readings",
            where="--points x --seconds",
            found=f"{points * seconds:,}",
            wanted=f"at most {READINGS_MAX:,}",
        )
    found = _run(chosen, (points, seconds), limit, out)
    encoded = msgspec.json.format(msgspec.json.encode(found), indent=2)
    (out / "peers.json").write_bytes(encoded + b"\n")
    if as_json:
        sys.stdout.write(encoded.decode() + "\n")
    else:
        console = Console()
        Console(width=console.width if console.is_terminal else PIPE_WIDTH).print(table.show(found))
    raise typer.Exit(FAILED if failed(found) else 0)


def choose(names: list[str]) -> list[Entry]:
    """The contestants of these names, all for none.

    Raises:
        PeerError: nobody is called so.
    """
    known = {entry.name for entry in CONTESTANTS}
    for name in names:
        if name not in known:
            raise PeerError("unknown contestant", where="--only", found=repr(name), wanted=f"one of {_names()}")
    return [entry for entry in CONTESTANTS if not names or entry.name in names]


def _run(chosen: list[Entry], size: tuple[int, int], limit: float, out: Path) -> Comparison:
    console = Console(stderr=True)
    with console.status("") as status:

        def done(line: Line) -> None:
            rate = f"{line.readings_per_s_best / 1e6:,.2f} M readings/s" if line.status == "ok" else line.reason
            console.print(f"{line.name}: {line.status}, {rate}", markup=False, highlight=False, soft_wrap=True)

        return Arena(*size, limit, out / "peers", status.update).compare(chosen, done)


def _on_sigterm(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
    raise SystemExit(TERMINATED)


def main() -> None:
    """Entry point: errors of ours are one line, never a traceback."""
    signal.signal(signal.SIGTERM, _on_sigterm)
    try:
        app()
    except (ParkBenchError, OSError) as error:
        sys.stderr.write(f"Error: {error}\n")
        raise SystemExit(USAGE if isinstance(error, PeerError) else FAILED) from None
    except SystemExit as error:
        if error.code in {INTERRUPTED, TERMINATED}:
            sys.stderr.write("Interrupted. Processes and temporary data of this run are gone.\n")
        raise


if __name__ == "__main__":
    main()
