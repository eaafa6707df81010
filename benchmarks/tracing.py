"""`parkbench trace`: live a world to look at it, to record it, or to draw it."""

from pathlib import Path

from rich.console import Console

from benchmarks.backtest.progress import Progress
from benchmarks.preview import write_preview
from contract.errors import PeerError
from scenarios.model import Scenario
from sim.recorded import RecordedTrace, record
from sim.trace import Summary, Trace, summary


def summarise(scenario: Scenario, shard: tuple[int, int]) -> Summary:
    """Live a world to its end and count what it sent."""
    return summary(Trace(scenario, shard=shard))


def write(scenario: Scenario, shard: tuple[int, int], directory: Path, console: Console) -> None:
    """Write a trace into a new directory.

    Raises:
        PeerError: the directory exists.
    """
    with Progress(console) as progress:
        progress.phase(f"writing {directory}")
        made = record(Trace(scenario, shard=shard), shard, directory, progress.at)
    copies = f" ({made.copies:,} sent twice)" if made.copies else ""
    console.print(
        f"{directory}: {made.packs:,} packs{copies} of {made.readings:,} readings, {made.events:,} events, "
        f"{made.requests:,} requests; digest {made.digest}",
        soft_wrap=True,
    )


def draw(source: Scenario | Path, shard: tuple[int, int], path: Path | None, console: Console) -> None:
    """Draw the page of a scenario or of a recorded trace.

    Raises:
        PeerError: the recording is wrong, or the page cannot be written there.
    """
    name = source.name if isinstance(source, Scenario) else source.resolve().name
    path = path or Path("out") / f"{name}-preview.html"
    if path.is_dir():
        raise PeerError("a directory", where="-o", found=f"the directory {path}", wanted="the file of the page")
    path.parent.mkdir(parents=True, exist_ok=True)
    with Progress(console) as progress:
        progress.phase("living the world" if isinstance(source, Scenario) else "reading the recording")
        if isinstance(source, Scenario):
            write_preview(path, source, lambda part: Trace(source, shard=part), shard, progress.at)
        else:
            recording = RecordedTrace(source)
            write_preview(path, recording.scenario, lambda part: RecordedTrace(source, shard=part), shard, progress.at)
    console.print(f"{path}", soft_wrap=True)
