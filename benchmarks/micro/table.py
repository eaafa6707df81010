"""The table that `make bench` prints: readings a second and the ratio to the bare loop of the same group."""

from pathlib import Path
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

BARE = "bare loop"
WIDTH = 140  # of the table where the output is no terminal


class Row(NamedTuple):
    """One benchmark.

    Attributes:
        group: benchmarks of one group handle the same bytes.
        case: what was measured; `BARE` for the floor of the group.
        readings_per_s: per core (a server's rate counts the processor time of its process).
        bytes_per_reading: what was read, per reading.
        note: what limits it, or how it was counted.
    """

    group: str
    case: str
    readings_per_s: float
    bytes_per_reading: float
    note: str


def load(record: Path) -> list[Row]:
    """Rows of a pytest-benchmark JSON file: group by group as they ran, the bare loop first."""
    document = msgspec.json.decode(record.read_bytes())
    rows = []
    for bench in document["benchmarks"]:
        extra = bench["extra_info"]
        rate = extra.get("readings_per_s") or extra["readings"] / bench["stats"]["median"]
        rows.append(Row(bench["group"], extra["case"], rate, extra["bytes"] / extra["readings"], extra.get("note", "")))
    groups = list(dict.fromkeys(row.group for row in rows))
    return sorted(rows, key=lambda row: (groups.index(row.group), row.case != BARE))


def ratios(rows: list[Row]) -> list[float | None]:
    """Rate of each row over that of the bare loop of its group; None where the group has none."""
    floor = {row.group: row.readings_per_s for row in rows if row.case == BARE}
    return [row.readings_per_s / floor[row.group] if row.group in floor else None for row in rows]


def show(rows: list[Row]) -> None:
    """Print the table, a section for each group."""
    table = Table(title="Readings a second on one core, beside a bare loop over the same bytes", title_justify="left")
    table.add_column("group", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("M readings/s", justify="right")
    table.add_column("bytes a reading", justify="right")
    table.add_column("of the bare loop", justify="right")
    table.add_column("note")
    former = ""
    for row, ratio in zip(rows, ratios(rows), strict=True):
        if row.group != former:
            table.add_section()
        shown = "" if ratio is None else f"{ratio:.2%}"
        cells = (row.case, f"{row.readings_per_s / 1e6:,.2f}", f"{row.bytes_per_reading:.1f}", shown, row.note)
        table.add_row(row.group if row.group != former else "", *cells)
        former = row.group
    console = Console()
    Console(width=max(console.width, WIDTH)).print(table)
