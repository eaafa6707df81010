"""The table of a comparison."""

from rich.table import Table
from rich.text import Text

from benchmarks.peers.result import OURS, OURS_SMALL, Comparison, Line, ratio

KINDS = {
    "ours": "ours",
    "streaming": "stream processors",
    "baseline": "written by hand",
    "batch": "batch, not streaming",
}


def show(found: Comparison) -> Table:
    """One line a contestant, a section for each kind."""
    table = Table(title=_title(found), title_justify="left", caption=_caption(found), caption_justify="left")
    table.add_column("contestant", no_wrap=True)
    table.add_column("version", no_wrap=True)
    for heading in ("M readings/s\nbest", "median", "ours is\n× as fast", "packs of 500\n× as fast", "peak\nMiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("notes", overflow="fold")
    former = ""
    for kind, title in KINDS.items():
        for line in found.lines:
            if line.kind != kind:
                continue
            if kind != former:
                table.add_section()
                table.add_row(Text(title, style="dim"))
                former = kind
            table.add_row(f"  {line.name}", line.version, *_figures(line, found.lines), _notes(line))
    return table


def _figures(line: Line, lines: list[Line]) -> list[str]:
    if line.status != "ok":
        return ["-"] * 5
    ratios = (ratio(lines, line.name, to) for to in (OURS, OURS_SMALL))
    return [
        f"{line.readings_per_s_best / 1e6:,.2f}",
        f"{line.readings_per_s_median / 1e6:,.2f}",
        *("-" if one is None else times(one) for one in ratios),
        f"{line.peak_bytes / 2**20:,.0f}",
    ]


def times(one: float) -> str:
    """A ratio with as many digits as mean something."""
    return f"{one:,.0f}" if one >= 100 else f"{one:.3g}"  # noqa: PLR2004 - three digits


def _notes(line: Line) -> Text:
    if line.status == "ok":
        return Text(line.notes)
    return Text.assemble((line.status.upper(), "bold red" if line.status == "wrong" else "yellow"), f": {line.reason}")


def _title(found: Comparison) -> str:
    return (
        f"One limit rule with deadband and both delays; {found.points:,} points, {found.seconds} s at 1 Hz, "
        f"{found.readings:,} readings, {found.transitions:,} transitions. One core each."
    )


def _caption(found: Comparison) -> str:
    machine = found.machine
    return f"{machine.processor}, {machine.cores} cores; {machine.system}; Python {machine.python}; {machine.date}"
