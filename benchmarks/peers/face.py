"""What every contestant looks like, and who takes part.

Only the standard library and numpy may be imported here: contestants run in environments of their own.
"""

import importlib
from typing import Final, Literal, NamedTuple, Protocol

from benchmarks.peers.work import Transition, Workload

Kind = Literal["ours", "streaming", "baseline", "batch"]


class Contestant(Protocol):
    """An engine that can judge the workload."""

    def prepare(self, work: Workload) -> None:
        """Bring the readings into the form in which this engine takes them best. Not timed."""

    def begin(self) -> None:
        """Set up a run with fresh state. Not timed."""

    def run(self) -> None:
        """Judge all readings. This is timed, from the first reading handed in to the last one judged."""

    def transitions(self) -> list[Transition]:
        """What the last run found, in any order. Not timed."""

    def version(self) -> str:
        """Version of the engine."""

    def close(self) -> None:
        """Give back what `prepare` took."""


class Entry(NamedTuple):
    """One line of the table.

    Attributes:
        name: what `--only` takes.
        kind: ours; a stream processor; code that anybody would write; or an engine that needs all data at once.
        module: of `benchmarks.peers.contestants`; its class `Engine` is a `Contestant`.
        options: arguments of `Engine`.
        environment: its requirements file, without the ending; empty for the project's own environment.
        programs: what must be on the machine besides.
        notes: how it was given its best chance, in a few words.
    """

    name: str
    kind: Kind
    module: str
    options: tuple[int | str, ...] = ()
    environment: str = ""
    programs: tuple[str, ...] = ()
    notes: str = ""

    def engine(self) -> Contestant:
        """The contestant itself; its packages are imported now."""
        module = importlib.import_module(f"benchmarks.peers.contestants.{self.module}")
        engine: Contestant = module.Engine(*self.options)
        return engine


CONTESTANTS: Final = (
    Entry("ours", "ours", "ours", (20_000,), notes="packs of 20,000, checked and applied"),
    Entry("ours-500", "ours", "ours", (500,), notes="packs of 500, checked and applied"),
    Entry("bytewax", "streaming", "bytewax_keyed", environment="bytewax", notes="stateful_batch, keyed by point"),
    Entry(
        "flink",
        "streaming",
        "flink_java",
        ("exchange",),
        "flink",
        ("java", "javac"),
        "Java operator on heap state, after keyBy",
    ),
    Entry(
        "flink-chained",
        "streaming",
        "flink_java",
        ("chained",),
        "flink",
        ("java", "javac"),
        "the same without the exchange of keyBy",
    ),
    Entry("python", "baseline", "python_loop", notes="a loop and a dictionary; checks nothing"),
    Entry("numpy", "baseline", "numpy_packs", (20_000,), notes="a mask over packs of 20,000; checks nothing"),
    Entry("numpy-500", "baseline", "numpy_packs", (500,), notes="a mask over packs of 500; checks nothing"),
    Entry("duckdb", "batch", "duckdb_batch", notes="SQL windows; sees all readings at once"),
)


def by_name(name: str) -> Entry:
    """The entry of a name.

    Raises:
        KeyError: nobody is called so.
    """
    return {entry.name: entry for entry in CONTESTANTS}[name]
