"""What `parkbench backtest` prints for people."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.backtest.result import (
    BacktestResult,
    Choice,
    DataFacts,
    RuleFigures,
    Tuning,
    WindowFound,
)
from benchmarks.backtest.scoring import Score
from benchmarks.result import Objective

ALARMS_SHOWN: Final = 20
CHOICES_SHOWN: Final = 30
RENAMED_SHOWN: Final = 10
_BOUNDS: Final = {"at_least": "≥", "at_most": "≤", "equal": "="}
_LEVEL_STYLE: Final = {"blue": "blue", "yellow": "yellow", "orange": "dark_orange", "red": "red"}


def show(console: Console, result: BacktestResult, directory: Path, *, every_alarm: bool) -> None:
    """The whole summary."""
    _show_data(console, result.data)
    _show_rules(console, result)
    _show_load(console, result)
    if result.score:
        _show_score(console, result, result.score)
    _show_alarms(console, result, every_alarm=every_alarm)
    if result.tuning:
        show_tuning(console, result.tuning)
    for objective in result.objectives:
        _show_objective(console, objective)
    console.print(Text.assemble(("the same again:  ", "dim"), result.repeat), soft_wrap=True)
    console.print(Text.assemble(("written to  ", "dim"), str(directory)), soft_wrap=True)


def moment(at_ms: int) -> str:
    """A time in UTC."""
    at = dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S") + (f".{at_ms % 1000:03d}" if at_ms % 1000 else "")


def span(seconds: float | None) -> str:
    """A length of time in two units at most."""
    if seconds is None:
        return "-"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.3g} s"
    for unit, size, smaller, part in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= size:
            whole, rest = divmod(round(seconds), size)
            return f"{whole} {unit} {rest // part} {smaller}" if rest // part else f"{whole} {unit}"
    return "-"


def share(value: float | None) -> str:
    """A share as three digits."""
    return "-" if value is None else f"{value:.3f}"


def rate(value: float | None) -> str:
    """A figure a day."""
    return "-" if value is None else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"  # noqa: PLR2004 - digits


def _grid() -> Table:
    grid = Table.grid(padding=(0, 3))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _row(table: Table, *cells: Text | str) -> None:
    """A row of plain text: names in the data may have what rich takes for markup."""
    table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))


def _show_data(console: Console, data: DataFacts) -> None:
    grid = _grid()
    understood = ", ".join(f"{name} {what}" for name, what in data.understood.items())
    _row(grid, "source", f"{data.file} ({data.shape}; {understood})")
    _row(
        grid, "readings", f"{data.readings:,} of {data.points:,} point{'s' * (data.points != 1)} in {data.rows:,} rows"
    )
    length = span((data.last_ms - data.first_ms) / 1000)
    _row(grid, "time", f"{moment(data.first_ms)} to {moment(data.last_ms)} UTC, {length}")
    if data.naive:
        _row(grid, "time zone", f"times without an offset were taken as {data.timezone}")
    if data.sorted:
        _row(grid, "order", f"put in order of time: the file is {data.sorted}" if data.sorted != "asked for" else
                     "put in order of time, as asked for")  # fmt: skip
    if data.late:
        hint = "; --order time judges them in order of time" if data.late > data.readings / 100 else ""
        words = f"{data.late:,} came more than {data.lateness_s:g} s behind and changed nothing{hint}"
        _row(grid, "late", Text(words, style="yellow"))
    if data.bad_rows:
        _row(grid, "bad rows", Text(f"{data.bad_rows:,} could not be used", style="yellow"))
    if data.renamed:
        named = [f"{given} → {safe}" for given, safe in list(data.renamed.items())[:RENAMED_SHOWN]]
        more = f", and {len(data.renamed) - RENAMED_SHOWN} more" if len(data.renamed) > RENAMED_SHOWN else ""
        _row(grid, "in rules", Text(", ".join(named) + more))
    console.print()
    console.print(grid)
    for row in data.bad:
        console.print(Text(f"  {row.where}: expected {row.wanted}, found {row.found}", style="yellow"), soft_wrap=True)
    if data.bad_rows > len(data.bad) > 0:
        console.print(Text(f"  and {data.bad_rows - len(data.bad):,} more bad rows", style="yellow"))


def _show_rules(console: Console, result: BacktestResult) -> None:
    table = _table("rule", "kind", "level", alarms=True)
    headings = ["on", "a day", "standing", "longest"]
    if result.score:
        headings += ["precision", "recall", "false a day", "delay p50"]
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for rule in result.rules:
        _row(table, *_rule_cells(rule))
    console.print()
    console.print(table)
    if result.idle_rules:
        console.print(Text(f"  apply to nothing here: {', '.join(result.idle_rules)}", style="yellow"), soft_wrap=True)


def _table(*headings: str, alarms: bool = False) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for heading in headings:
        table.add_column(heading, no_wrap=heading != "point")
    if alarms:
        table.add_column("alarms", justify="right", no_wrap=True)
    return table


def _rule_cells(rule: RuleFigures) -> list[Text | str]:
    cells: list[Text | str] = [
        Text(rule.id, style="bold"),
        rule.kind,
        _level(rule.level),
        f"{rule.alarms:,}",
        f"{rule.subjects:,}",
        rate(rule.alarms_per_day),
        f"{rule.standing:,}",
        span(rule.longest_s),
    ]
    if rule.score:
        score = rule.score
        cells += [share(score.precision), share(score.recall)]
        cells += [rate(score.false_alarms_per_day), span(score.delay_s.p50)]
    return cells


def _level(level: str) -> Text:
    return Text(level, style=_LEVEL_STYLE.get(level, ""))


def _show_load(console: Console, result: BacktestResult) -> None:
    load = result.load
    grid = _grid()
    stood = f"{load.standing:,} stood at the end, {load.stale:,} longer than a day, {load.chattering:,} chattered"
    _row(grid, "load", f"{load.alarms:,} alarms, {rate(load.alarms_per_day)} a day; {stood}")
    over = f"above 10 in {load.periods_over_share:.2%} of the time, {load.floods:,} floods ({load.flood_share:.2%})"
    _row(grid, "per 10 min", f"mean {load.per_period_mean:.3g}, max {load.per_period_max:,}; {over}")
    if load.most_frequent_share is not None and load.alarms > 10:  # noqa: PLR2004 - of ten it is all
        _row(grid, "", f"the ten most frequent made {load.most_frequent_share:.0%} of them")
    console.print()
    console.print(grid)


def _show_score(console: Console, result: BacktestResult, score: Score) -> None:
    grid = _grid()
    _row(grid, "windows", f"{score.detected:,} of {score.windows:,} detected" + (
        f", {score.stood_before:,} only by an alarm that stood before" if score.stood_before else ""))  # fmt: skip
    _row(grid, "recall", share(score.recall))
    _row(grid, "precision", f"{share(score.precision)} ({score.true_alarms:,} of {score.alarms:,} alarms)")
    _row(grid, "F1", share(score.f1))
    _row(grid, "false", f"{score.false_alarms:,}, {rate(score.false_alarms_per_day)} a day outside of the windows")
    delay = score.delay_s
    _row(grid, "delay", f"p50 {span(delay.p50)}, p95 {span(delay.p95)}, max {span(delay.max)}")
    if result.tolerance_s:
        _row(grid, "tolerance", f"{span(result.tolerance_s)} before and after each window")
    if result.labels_left_out:
        _row(grid, "labels", Text(f"{result.labels_left_out:,} outside of the data, not counted", style="yellow"))
    missed = [window for window in result.windows if window.delay_s is None]
    for window in missed[:ALARMS_SHOWN]:
        _row(grid, "missed", _window(window))
    if len(missed) > ALARMS_SHOWN:
        _row(grid, "", f"and {len(missed) - ALARMS_SHOWN:,} more")
    console.print()
    console.print(grid)


def _window(window: WindowFound) -> str:
    point = f"  {window.point}" if window.point else ""
    return f"{moment(window.start_ms)} to {moment(window.end_ms)}{point}"


def _show_alarms(console: Console, result: BacktestResult, *, every_alarm: bool) -> None:
    if not result.alarms:
        return
    shown = result.alarms if every_alarm else result.alarms[:ALARMS_SHOWN]
    table = _table("raised, UTC", "stood", "level", "rule", "point")
    table.add_column("value", justify="right")
    if result.score:
        table.add_column("")
    for alarm in shown:
        stood = "stands" if alarm.cleared_ms is None else span((alarm.cleared_ms - alarm.raised_ms) / 1000)
        mark = (
            [] if alarm.is_true is None else [Text("in a window") if alarm.is_true else Text("false", style="yellow")]
        )
        _row(
            table,
            moment(alarm.raised_ms),
            stood,
            _level(alarm.level),
            alarm.rule,
            alarm.point,
            f"{alarm.value:.6g}",
            *mark,
        )
    console.print()
    console.print(table)
    if result.load.alarms > len(shown):
        hint = "" if every_alarm else "; --all shows more, transitions.jsonl has all"
        console.print(f"  [dim]and {result.load.alarms - len(shown):,} more{hint}[/]")
    console.print()


def _show_objective(console: Console, objective: Objective) -> None:
    measured = "not measured" if objective.measured is None else f"{objective.measured:,.4g}"
    mark = Text("met   " if objective.met else "missed", style="green" if objective.met else "bold red")
    wanted = f"{_BOUNDS[objective.bound]} {objective.limit:,g} {objective.unit}".rstrip()
    console.print(mark, Text(f" {objective.name}: {measured}, wanted {wanted}"))


def show_tuning(console: Console, tuning: Tuning) -> None:
    """The choices: those that no other beats, the best and the current one first in the eye."""
    table = Table(box=None, padding=(0, 2), header_style="dim", title=f"tuning {tuning.rule}", title_justify="left")
    names = list(tuning.choices[0].parameters) if tuning.choices else []
    for heading in [*names, "alarms", "a day", "precision", "recall", "F1", "false a day", "delay p50"]:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for place in places_shown(tuning):
        _row(table, *_choice_cells(tuning.choices[place]), _mark(tuning, place))
    console.print()
    console.print(table)
    hidden = len(tuning.choices) - len(places_shown(tuning))
    if hidden:
        console.print(f"  [dim]and {hidden} more in result.json[/]")
    if tuning.refused:
        console.print(f"  [dim]{tuning.refused} combinations are no rule and were left out[/]")
    if tuning.snippet:
        console.print("\nThe best choice for the rules file:\n")
        console.print(Text("  " + tuning.snippet.rstrip().replace("\n", "\n  "), style="bold"))


def places_shown(tuning: Tuning) -> Sequence[int]:
    """All where they are few; else those that matter and, up to a page, the others."""
    places = range(len(tuning.choices))
    if len(places) <= CHOICES_SHOWN:
        return places
    matter = {place for place in places if tuning.choices[place].is_pareto} | {tuning.best, tuning.current} - {None}
    others = [place for place in places if place not in matter]
    others = others[:: len(others) // max(1, CHOICES_SHOWN - len(matter)) + 1]
    return sorted(place for place in {*matter, *others} if place is not None)


def _choice_cells(choice: Choice) -> list[str]:
    cells = [str(value) if isinstance(value, str) else f"{value:g}" for value in choice.parameters.values()]
    cells += [f"{choice.alarms:,}", rate(choice.alarms_per_day)]
    if choice.score is None:
        return [*cells, "-", "-", "-", "-", "-"]
    score = choice.score
    cells += [share(score.precision), share(score.recall), share(score.f1)]
    return [*cells, rate(score.false_alarms_per_day), span(score.delay_s.p50)]


def _mark(tuning: Tuning, place: int) -> Text:
    mark = Text()
    if place == tuning.best:
        mark.append("best ", style="bold green")
    if tuning.choices[place].is_pareto:
        mark.append("unbeaten ", style="green")
    if place == tuning.current:
        mark.append("now", style="cyan")
    return mark


def warn(console: Console, result: BacktestResult) -> None:
    """What a program's user should know beside the JSON."""
    data = result.data
    for row in data.bad:
        console.print(Text(f"{row.where}: expected {row.wanted}, found {row.found}"), soft_wrap=True)
    told = [
        (data.bad_rows, f"{data.bad_rows:,} bad rows in {data.file}"),
        (data.late, f"{data.late:,} readings came too late and changed nothing"),
        (data.naive, f"{data.naive:,} times without an offset were taken as {data.timezone}"),
        (len(data.sorted), f"readings were put in order of time: {data.sorted}"),
        (len(data.renamed), "in rules: " + ", ".join(f"{name} is {safe}" for name, safe in data.renamed.items())),
        (len(result.idle_rules), f"rules that apply to nothing: {', '.join(result.idle_rules)}"),
    ]
    for count, words in told:
        if count:
            console.print(Text(words), soft_wrap=True)
    for objective in result.objectives:
        _show_objective(console, objective)
