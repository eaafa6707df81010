"""What a comparison found: typed, as it is written to a file, and the arithmetic of its table."""

from collections.abc import Sequence
from statistics import median
from typing import Literal

import msgspec

from benchmarks.peers.child import Told
from benchmarks.peers.face import Entry, Kind
from benchmarks.peers.work import Transition

Status = Literal["ok", "wrong", "failed", "timed out", "not available"]
OURS, OURS_SMALL = "ours", "ours-500"


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One contestant.

    Attributes:
        name, kind, notes: as in its `Entry`.
        status: only an `ok` line has figures that count.
        reason: why it is not.
        version: of the engine.
        runs: how many were timed.
        readings_per_s_best, readings_per_s_median: of these runs.
        peak_bytes: most memory that was resident, its readings included.
    """

    name: str
    kind: Kind
    notes: str
    status: Status
    reason: str = ""
    version: str = ""
    runs: int = 0
    readings_per_s_best: float = 0.0
    readings_per_s_median: float = 0.0
    peak_bytes: int = 0


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where it was measured."""

    system: str
    processor: str
    cores: int
    python: str
    date: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All lines of one run.

    Attributes:
        machine: where.
        points, seconds, readings, transitions: size of the workload, and of its answer.
        lines: in the order in which they ran.
    """

    machine: Machine
    points: int
    seconds: int
    readings: int
    transitions: int
    lines: list[Line]


def judge(entry: Entry, told: Told, expected: Sequence[Transition], readings: int) -> Line:
    """Figures of a contestant that gave the right answer in every run; otherwise what is wrong with it."""
    found = told["transitions"]
    reason = "" if told["steady"] else "its runs gave different answers"
    if found != list(expected):
        reason = _difference(found, expected)
    return Line(
        name=entry.name,
        kind=entry.kind,
        notes=entry.notes,
        status="wrong" if reason else "ok",
        reason=reason,
        version=told["version"],
        runs=len(told["run_s"]),
        readings_per_s_best=readings / min(told["run_s"]),
        readings_per_s_median=readings / median(told["run_s"]),
        peak_bytes=told["peak_bytes"],
    )


def _difference(found: Sequence[Transition], expected: Sequence[Transition]) -> str:
    missing, extra = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    first = f"missing {missing[0]}" if missing else f"extra {extra[0]}" if extra else "repeated"
    return f"{len(found)} transitions, expected {len(expected)}; {len(missing)} missing, {len(extra)} extra: {first}"


def ratio(lines: Sequence[Line], name: str, to: str = OURS) -> float | None:
    """How many times as fast as `name` our line `to` is, best run to best run; None unless both are right."""
    rate = {line.name: line.readings_per_s_best for line in lines if line.status == "ok"}
    return rate[to] / rate[name] if to in rate and name in rate else None


def failed(comparison: Comparison) -> bool:
    """A contestant gave a wrong answer, or ours gave none."""
    return any(line.status == "wrong" or (line.kind == "ours" and line.status != "ok") for line in comparison.lines)
