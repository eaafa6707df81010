"""Commands to devices and runs of linkage plans, as they are now."""

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from contract.linkage import Command, CommandList, LinkageRun, LinkageRunList, LinkageTimes, PlanTimes
from reference_impl.park.change import Change
from reference_impl.park.linkage import StoredLinkage
from reference_impl.store.database import rows_parameter

RECENT_RUNS = 10_000  # as many as a park's linkage remembers, lest it starts a plan twice
SCHEMA = """
CREATE TABLE IF NOT EXISTS command (
    command_id TEXT PRIMARY KEY,
    park TEXT NOT NULL,
    number INTEGER NOT NULL,
    gateway TEXT NOT NULL,
    state TEXT NOT NULL,
    run TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS command_by_number ON command (park, number);
CREATE INDEX IF NOT EXISTS command_by_run ON command (run);
CREATE INDEX IF NOT EXISTS command_open ON command (park, gateway, number) WHERE state = 'issued';
CREATE INDEX IF NOT EXISTS command_unended ON command (park, number) WHERE state IN ('issued', 'accepted');
"""
RUN_SCHEMA = """
CREATE TABLE IF NOT EXISTS linkage_run (
    run TEXT PRIMARY KEY,
    park TEXT NOT NULL,
    plan TEXT NOT NULL,
    incident TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS run_newest ON linkage_run (started_ms DESC, run);
CREATE INDEX IF NOT EXISTS run_by_start ON linkage_run (park, started_ms DESC, run);
CREATE INDEX IF NOT EXISTS run_open ON linkage_run (park) WHERE ended_ms IS NULL;
"""
_PUT_COMMANDS = """
INSERT INTO command (command_id, park, number, gateway, state, run, body)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
       json_extract(value, '$[6]')
FROM json_each(?) WHERE true
ON CONFLICT (command_id) DO UPDATE SET number = excluded.number, state = excluded.state, body = excluded.body
"""
_PUT_RUNS = """
INSERT INTO linkage_run (run, park, plan, incident, started_ms, ended_ms, body)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
       json_extract(value, '$[6]')
FROM json_each(?) WHERE true
ON CONFLICT (run) DO UPDATE SET ended_ms = excluded.ended_ms, body = excluded.body
"""


def put(connection: sqlite3.Connection, changes: Sequence[Change]) -> None:
    """Store commands and runs as changes leave them."""
    newest = {each.command_id: each for change in changes for each in change.commands}
    if newest:
        rows = [
            (each.command_id, each.park, each.number, each.gateway, each.state, each.run, _text(each))
            for each in newest.values()
        ]
        connection.execute(_PUT_COMMANDS, (rows_parameter(rows),))
    put_runs(connection, (each for change in changes for each in change.runs))


def put_runs(connection: sqlite3.Connection, runs: Iterable[LinkageRun]) -> None:
    """Store runs as they are now, in their order."""
    last = {each.run: each for each in runs}
    if last:
        lines = [
            (each.run, each.park, each.plan, each.incident, each.started_ms, each.ended_ms, _text(each))
            for each in last.values()
        ]
        connection.execute(_PUT_RUNS, (rows_parameter(lines),))


def stored(connection: sqlite3.Connection, park: str) -> StoredLinkage:
    """What a park's linkage comes back from."""
    recent = connection.execute(
        "SELECT body FROM linkage_run WHERE park = ?1 AND ended_ms IS NULL OR run IN "
        "(SELECT run FROM linkage_run WHERE park = ?1 ORDER BY started_ms DESC, run LIMIT ?2)",
        (park, RECENT_RUNS),
    )
    runs = sorted(map(_run, recent), key=lambda run: (run.started_ms, run.run))
    open_commands = connection.execute(
        "SELECT body FROM command WHERE park = ?1 AND (state IN ('issued', 'accepted') OR run IN "
        "(SELECT run FROM linkage_run WHERE park = ?1 AND ended_ms IS NULL)) ORDER BY number",
        (park,),
    )
    number = connection.execute("SELECT coalesce(max(number), 0) FROM command WHERE park = ?", (park,)).fetchone()[0]
    return StoredLinkage(runs, list(map(_command, open_commands)), int(number))


def command(connection: sqlite3.Connection, park: str, command_id: str) -> Command | None:
    """One command of a park."""
    row = connection.execute(
        "SELECT body FROM command WHERE command_id = ? AND park = ?", (command_id, park)
    ).fetchone()
    return None if row is None else _command(row)


def commands(
    connection: sqlite3.Connection, park: str, *, state: str | None, run: str | None, limit: int
) -> CommandList:
    """Commands of a park, newest first."""
    rows = connection.execute(
        "SELECT body FROM command WHERE park = ?1 AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR run = ?3) "
        "ORDER BY number DESC LIMIT ?4",
        (park, state, run, limit + 1),
    ).fetchall()
    return CommandList(commands=list(map(_command, rows[:limit])), truncated=len(rows) > limit)


def to_carry_out(connection: sqlite3.Connection, park: str, gateway: str, after: int, limit: int) -> CommandList:
    """Commands of a gateway after a number that nobody has reported about, in order of number."""
    rows = connection.execute(
        "SELECT body FROM command WHERE park = ? AND gateway = ? AND state = 'issued' AND number > ? "
        "ORDER BY number LIMIT ?",
        (park, gateway, after, limit + 1),
    ).fetchall()
    return CommandList(commands=list(map(_command, rows[:limit])), truncated=len(rows) > limit)


def runs(connection: sqlite3.Connection, park: str, incident: str | None, limit: int) -> LinkageRunList:
    """Runs of one park or of `*`, newest first."""
    rows = connection.execute(
        "SELECT body FROM linkage_run WHERE (?1 = '*' OR park = ?1) AND (?2 IS NULL OR incident = ?2) "
        "ORDER BY started_ms DESC, run LIMIT ?3",
        (park, incident, limit + 1),
    ).fetchall()
    return LinkageRunList(runs=list(map(_run, rows[:limit])), truncated=len(rows) > limit)


def times(connection: sqlite3.Connection, park: str, begin_ms: int, end_ms: int) -> LinkageTimes:
    """Figures of the plans of one park or of `*` that started in [begin, end)."""
    within = "(?1 = '*' OR park = ?1) AND started_ms >= ?2 AND started_ms < ?3"
    key = (park, begin_ms, end_ms)
    found = list(map(_run, connection.execute(f"SELECT body FROM linkage_run WHERE {within}", key)))  # noqa: S608 - the fixed clause above
    query = f"SELECT body FROM command WHERE run IN (SELECT run FROM linkage_run WHERE {within})"  # noqa: S608 - as above
    given: dict[str, list[Command]] = {}
    for each in map(_command, connection.execute(query, key)):
        if each.purpose in {"step", "compensation"}:
            given.setdefault(each.run, []).append(each)
    plans = sorted({run.plan for run in found})
    figures = [_times(plan, [run for run in found if run.plan == plan], given) for plan in plans]
    return LinkageTimes(from_ms=begin_ms, to_ms=end_ms, plans=figures)


def _times(plan: str, of_plan: Sequence[LinkageRun], given: dict[str, list[Command]]) -> PlanTimes:
    pairs = [(run, each) for run in of_plan for each in given.get(run.run, ())]
    states = [each.state for _, each in pairs]
    told = [each.issued_ms - run.onset_ms for run, each in pairs if each.state != "absent"]
    answered = [
        each.ended_ms - each.issued_ms
        for _, each in pairs
        if each.state in {"done", "undone"} and each.ended_ms is not None
    ]
    done = [run.done_ms - run.onset_ms for run in of_plan if run.done_ms is not None]
    return PlanTimes(
        plan=plan,
        runs=len(of_plan),
        commands=len(pairs),
        failed=states.count("failed"),
        timed_out=states.count("timed_out"),
        absent=states.count("absent"),
        onset_to_command_ms_p50=_rank(told, 50),
        onset_to_command_ms_p99=_rank(told, 99),
        command_to_feedback_ms_p50=_rank(answered, 50),
        command_to_feedback_ms_p99=_rank(answered, 99),
        onset_to_done_ms_p50=_rank(done, 50),
        onset_to_done_ms_p99=_rank(done, 99),
    )


def _rank(values: Sequence[int], percent: int) -> int | None:
    """Percentile by nearest rank."""
    return sorted(values)[max(0, -(-percent * len(values) // 100) - 1)] if values else None


def _text(value: Command | LinkageRun) -> str:
    return msgspec.json.encode(value).decode()


def _command(row: tuple[str]) -> Command:
    return msgspec.json.decode(row[0], type=Command)


def _run(row: tuple[str]) -> LinkageRun:
    return msgspec.json.decode(row[0], type=LinkageRun)
