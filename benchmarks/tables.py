"""What the command prints for people."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.environment import Finding
from benchmarks.result import (
    REPORT_FILE,
    RESULT_FILE,
    AuditCheck,
    DetectionScore,
    Objective,
    Percentiles,
    Result,
    WorldCount,
)
from scenarios.model import Scenario

if TYPE_CHECKING:
    from sim.trace import Summary

_NOT_SCORED = "not scored: the recording has no ground truth"
_BOUNDS = {"at_least": "≥", "at_most": "≤", "equal": "="}


def show_result(console: Console, result: Result, directory: Path) -> None:
    """The verdict, the figures, what is not right, and how to repeat the run."""
    console.print()
    console.print(_figures(result))
    failed = [check for check in result.audit if not check.ok]
    for check in failed:
        console.print(f"  [red]audit[/]      {check.name}: {_against(check)}: {check.reason}", soft_wrap=True)
    for objective in result.objectives:
        if not objective.met:
            console.print(f"  [yellow]objective[/]  {objective.name}: {_against(objective)}", soft_wrap=True)
    met = sum(objective.met for objective in result.objectives)
    verdict = Text(result.validity, style="bold green" if result.validity == "VALID" else "bold red")
    verdict.append(f"   {met} of {len(result.objectives)} objectives met", style="bold" if met else "bold red")
    console.print()
    console.print(verdict)
    console.print(f"seed {result.seed}, trace {result.trace_digest}; the same again:  {result.repeat}", soft_wrap=True)
    console.print(f"{directory / RESULT_FILE}\n{directory / REPORT_FILE}", soft_wrap=True)


def _figures(result: Result) -> Table:
    table = Table(title=result.scenario.title["en"], title_justify="left", title_style="bold", box=None, padding=(0, 2))
    for heading in ("", "p50", "p99", "p99.9", "max", ""):
        table.add_column(heading, justify="right" if heading else "left", header_style="dim")
    alerts = result.alert_latency_ms
    rows = (
        ("acknowledgement, ms", result.ack_latency_ms.corrected, "from intended"),
        ("", result.ack_latency_ms.uncorrected, "from sending"),
        ("alert at park, ms", alerts.park.corrected, "from knowable"),
        ("alert at city, ms", alerts.city.corrected, "from knowable"),
    )
    for name, latency, counted_from in rows:
        table.add_row(name, *_latency(latency), Text(counted_from, style="dim"))
    ingest, detection = result.ingest, result.detection
    table.add_section()
    facts = (
        ("readings/s", f"{ingest.acknowledged_per_s:,.0f} acknowledged of {ingest.offered_per_s:,.0f} offered"),
        ("ledger", _ledger(result)),
        ("at park", _detection(detection.park) if detection.scored else _NOT_SCORED),
        ("at city", _detection(detection.city) if detection.scored else _NOT_SCORED),
        (
            "requests",
            _requests(result),
        ),
        ("world", _world(result.world)),
    )
    outer = Table.grid(padding=(0, 2))
    outer.add_column(style="default", no_wrap=True)
    outer.add_column(overflow="fold")
    for name, words in facts:
        outer.add_row(f"  {name}" if name else "", words)
    whole = Table.grid()
    whole.add_row(table)
    whole.add_row("")
    whole.add_row(outer)
    return whole


def _ledger(result: Result) -> str:
    ledger = result.ledger
    return (
        f"{ledger.acknowledged:,} acknowledged, {ledger.lost:,} lost, {ledger.duplicated:,} duplicated, "
        f"{ledger.altered:,} altered"
    )


def _requests(result: Result) -> str:
    """Requests by class; the report lists each kind."""
    counts: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for kind, one in result.requests.items():
        counts[kind.partition(":")[0]] += one.count
        errors[kind.partition(":")[0]] += one.errors
    return ", ".join(f"{count:,} {name} ({errors[name]:,} errors)" for name, count in counts.items())


def _world(world: WorldCount) -> str:
    copies = f" ({world.copies:,} sent twice)" if world.copies else ""
    events = f", {world.events:,} events of devices" if world.events else ""
    return f"{world.packs:,} packs{copies} of {world.readings:,} readings, {world.requests:,} requests{events}"


def _detection(score: DetectionScore) -> str:
    return (
        f"{score.detected} of {score.expected} alerts, {score.missed} missed, {score.false} false, "
        f"{score.duplicate} duplicate; recall {_share(score.recall)}, precision {_share(score.precision)}"
    )


def _latency(latency: Percentiles) -> tuple[str, ...]:
    values = (latency.p50, latency.p99, latency.p999, latency.max)
    return tuple("-" if value is None else f"{value:,.1f}" for value in values)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _against(item: AuditCheck | Objective) -> str:
    measured = "not measured" if item.measured is None else f"{item.measured:,.4g}"
    return f"{measured}, wanted {_BOUNDS[item.bound]} {item.limit:,g} {item.unit}".rstrip()


def show_scenarios(console: Console, found: Sequence[Scenario]) -> None:
    """One line a scenario."""
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for heading in ("name", "parks", "readings/s", "length", "incidents"):
        table.add_column(heading, justify="left" if heading == "name" else "right", no_wrap=True)
    table.add_column("what happens", overflow="fold")
    for one in found:
        table.add_row(
            Text(one.name, style="bold"),
            str(len(one.parks)),
            f"{one.readings_per_s:,.0f}",
            f"{one.warm_up_s + one.duration_s:g} s",
            str(len(one.incidents)),
            f"{one.title.en} · {one.title.zh}",
        )
    console.print(table)


def show_trace(console: Console, found: "Summary") -> None:
    """A trace in figures."""
    table = Table.grid(padding=(0, 3))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    rows = (
        ("scenario", found.scenario),
        ("seed", str(found.seed)),
        ("digest", found.digest),
        ("parks, gateways, points", f"{found.parks:,}, {found.gateways:,}, {found.points:,}"),
        ("packs, readings", f"{found.packs:,}, {found.readings:,}"),
        ("requests", f"{found.requests:,}{_parts(found.requests_by_matter)}"),
        ("acts on cases", f"{found.acts:,}{_parts(found.acts_by_act)}"),
        ("entries of registers", f"{found.writings:,}{_parts(found.writings_by_register)}"),
        ("incidents", f"{found.incidents}{_parts(found.incidents_by_kind)}"),
        ("alerts expected", f"{found.expected_alerts}{_parts(found.expected_by_level)}"),
        ("", f"{found.cleared_alerts} clear again, {found.undetermined_alerts} undetermined at the end"),
    )
    for name, words in rows:
        table.add_row(name, words)
    console.print(table)


def _parts(counts: dict[str, int]) -> str:
    return f" ({', '.join(f'{name} {count}' for name, count in counts.items())})" if counts else ""


def show_findings(console: Console, findings: Sequence[Finding]) -> None:
    """One line a thing that runs need or can use."""
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for heading in ("", "what", "found", "wanted"):
        table.add_column(heading)
    for finding in findings:
        mark = Text("ok", style="green") if finding.ok else Text("no", style="red" if finding.needed else "yellow")
        table.add_row(mark, finding.name, finding.found, finding.wanted)
    console.print(table)
