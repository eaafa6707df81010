"""The durable side of a park host: what `ParkNode` changes become, and how nodes come back after a crash."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from contract.cases import CaseList
from contract.device_events import EventList
from contract.messages import Alert, PointList
from contract.rules import RuleSet
from reference_impl.park.change import Change, SourcePosition
from reference_impl.park.node import ParkNode, StoredPark
from reference_impl.store import commands, device_events, devices, history, outbox, register_entries
from reference_impl.store.database import rows_parameter
from reference_impl.store.history import StoredEvent
from reference_impl.store.journal import JournalRow, decode_row, encode_row
from reference_impl.store.level_store import LevelStore
from reference_impl.store.outbox import StoredEntry
from reference_impl.store.telemetry import TelemetryStore

_SCHEMA = """
CREATE TABLE IF NOT EXISTS journal (
    last INTEGER PRIMARY KEY,
    heads BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS park (
    park TEXT PRIMARY KEY,
    points BLOB,
    rules BLOB,
    snapshot BLOB,
    position INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS gateway (
    park TEXT NOT NULL,
    gateway TEXT NOT NULL,
    next_sequence INTEGER NOT NULL,
    gaps TEXT NOT NULL,
    PRIMARY KEY (park, gateway)
) STRICT, WITHOUT ROWID;
"""
_PUT_SOURCES = """
INSERT INTO gateway (park, gateway, next_sequence, gaps)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]')
FROM json_each(?) WHERE true
ON CONFLICT (park, gateway) DO UPDATE SET next_sequence = excluded.next_sequence, gaps = excluded.gaps
"""
RECENT_CASES = 1000  # a node's cases that are at hand at once; older ones are recalled
ALARMS_ASIDE_MAX = 1_000_000  # as many as a park may have points
TRIM_ROWS_MAX = 16  # a commit removes at most so many journal rows, so that no single one is slow


class Committed(NamedTuple):
    """What a commit made durable and the world may now be told.

    Attributes:
        events: numbered transitions.
        uplink: new outbox entries by park.
    """

    events: list[StoredEvent]
    uplink: dict[str, list[StoredEntry]]


class ParkStore(LevelStore):
    """SQLite journal and tables, and the DuckDB telemetry filled from the journal.

    `commit` belongs to one thread at a time, `fill` to one thread at a time; queries are for any.

    Args:
        folder: the data folder; it is held for this process alone.

    Attributes:
        telemetry: the DuckDB side.
        journal_position: position of the newest pack.
        backlog_bytes: readings that are in the journal and not yet in DuckDB.
    """

    def __init__(self, folder: Path) -> None:
        schema = _SCHEMA + outbox.SCHEMA + device_events.SCHEMA + devices.SCHEMA + commands.SCHEMA
        super().__init__(folder, "park.sqlite", schema)
        self.telemetry = TelemetryStore(folder / "telemetry.duckdb")
        with self.database.reading() as reader:
            newest_row = int(reader.execute("SELECT coalesce(max(last), 0) FROM journal").fetchone()[0])
            self._journal_bytes = _bytes_after(reader, self.telemetry.filled)
            self._snapshots: dict[str, int] = dict(reader.execute("SELECT park, position FROM park").fetchall())
        self._filled_bytes = 0
        self._newest: dict[str, int] = {}
        self._told: dict[str, int] = {}
        # Trimmed rows are in DuckDB and before a snapshot, so a position is never given twice.
        self.journal_position = max(newest_row, self.telemetry.filled, *self._snapshots.values(), 0)
        self._bounds = threading.Lock()  # for the maps above

    # --- writing ---

    def commit(self, changes: Sequence[Change], known_ms: int) -> Committed:
        """Make all `changes` durable together, in their order.

        Raises:
            StoreError: they could not be; nothing of them is there.
        """
        packs = [(change.park, pack) for change in changes for pack in change.packs]
        position = self.journal_position + len(packs)
        drafts = [(change.park, draft) for change in changes for draft in change.events]
        entries = [(change.park, entry) for change in changes for entry in change.uplink]
        row = encode_row(position, packs)
        with self.database.transaction() as writer:
            if packs:
                writer.execute("INSERT INTO journal (last, heads, body) VALUES (?, ?, ?)", row)
            self._put_sources(writer, changes)
            snapshots = self._put_parks(writer, changes)
            events = history.put_events(writer, drafts, self.event_number, known_ms)
            history.put_cases(writer, (case for change in changes for case in change.cases))
            register_entries.put(writer, (each for change in changes for each in change.entries))
            device_events.put(writer, ((change.park, each) for change in changes for each in change.device_events))
            devices.put(writer, changes)
            commands.put(writer, changes)
            uplink = outbox.put(writer, entries)
            told = self._shorten_outbox(writer)
            self._trim(writer)
        self.journal_position = position
        self._journal_bytes += len(row.body)
        self.event_number += len(events)
        with self._bounds:
            self._snapshots.update(snapshots)
            self._newest.update((park, position) for park, _ in packs)
            self._told = {park: number for park, number in self._told.items() if told.get(park) != number}
        return Committed(events, uplink)

    def _put_sources(self, writer: sqlite3.Connection, changes: Sequence[Change]) -> None:
        newest = {(change.park, source.gateway): source for change in changes for source in change.sources}
        if newest:
            rows = [(park, each.gateway, each.next_sequence, _gaps_text(each)) for (park, _), each in newest.items()]
            writer.execute(_PUT_SOURCES, (rows_parameter(rows),))

    def _put_parks(self, writer: sqlite3.Connection, changes: Sequence[Change]) -> dict[str, int]:
        """Store configurations and snapshots; a snapshot stands at the last pack before it in this commit."""
        position = self.journal_position
        positions: dict[str, int] = {}
        for change in changes:
            position += len(change.packs)
            for column, value in (("points", change.points), ("rules", change.rules)):
                if value is not None:
                    writer.execute(
                        f"INSERT INTO park (park, {column}) VALUES (?1, ?2) "  # noqa: S608 - one of the two names above
                        f"ON CONFLICT (park) DO UPDATE SET {column} = excluded.{column}",
                        (change.park, msgspec.json.encode(value)),
                    )
            if change.snapshot is not None:
                writer.execute(
                    "INSERT INTO park (park, snapshot, position) VALUES (?, ?, ?) "
                    "ON CONFLICT (park) DO UPDATE SET snapshot = excluded.snapshot, position = excluded.position",
                    (change.park, change.snapshot, position),
                )
                positions[change.park] = position
        return positions

    def _shorten_outbox(self, writer: sqlite3.Connection) -> dict[str, int]:
        with self._bounds:
            told = dict(self._told)
        for park, number in told.items():
            outbox.shorten(writer, park, number)
        return told

    def note_told(self, park: str, number: int) -> None:
        """The city has applied a park's outbox up to `number`: the next commit removes what is far behind it."""
        with self._bounds:
            self._told[park] = number

    # --- moving the journal on ---

    def trim_bound(self) -> int:
        """Journal positions up to this one are needed neither for the telemetry nor for recovery."""
        with self._bounds:
            held = [
                self._snapshots.get(park, 0)
                for park, newest in self._newest.items()
                if self._snapshots.get(park, 0) < newest
            ]
        return min([self.telemetry.filled, *held])

    def _trim(self, writer: sqlite3.Connection) -> None:
        writer.execute(
            "DELETE FROM journal WHERE last IN (SELECT last FROM journal WHERE last <= ? ORDER BY last LIMIT ?)",
            (self.trim_bound(), TRIM_ROWS_MAX),
        )

    def trim(self) -> None:
        """Remove every journal row that is no longer needed, at once; for a quiet moment."""
        with self.database.transaction() as writer:
            self._shorten_outbox(writer)
            writer.execute("DELETE FROM journal WHERE last <= ?", (self.trim_bound(),))

    def needs_snapshot(self, park: str) -> bool:
        """Has the park had packs since its last snapshot?"""
        with self._bounds:
            return self._newest.get(park, 0) > self._snapshots.get(park, 0)

    def fill(self, bytes_max: int) -> int:
        """Move committed packs into DuckDB, about `bytes_max` at most, and checkpoint SQLite; gives how many packs."""
        blocks = []
        taken = 0
        with self.database.reading() as reader:
            for row in _rows_after(reader, self.telemetry.filled):
                blocks.append(decode_row(row))
                taken += len(row.body)
                if taken >= bytes_max:
                    break
        if blocks:
            self.telemetry.fill(blocks)
            self._filled_bytes += taken
        self.database.checkpoint()
        return sum(len(block.heads) for block in blocks)

    @property
    def backlog_bytes(self) -> int:
        """Readings that are in the journal and not yet in DuckDB."""
        return self._journal_bytes - self._filled_bytes

    # --- recovery ---

    def load(self, parks: Iterable[str]) -> dict[str, ParkNode]:
        """Each park's node as the newest commit left it; one pass over the journal for all of them."""
        nodes: dict[str, ParkNode] = {}
        positions: dict[str, int] = {}
        with self.database.reading() as reader:
            for park in parks:
                stored, positions[park] = self._stored(reader, park)
                nodes[park] = ParkNode.restore(park, stored)
            newest: dict[str, int] = {}
            for row in _rows_after(reader, min(positions.values(), default=0)):
                newest.update(_replay(row, nodes, positions))
        with self._bounds:
            self._newest.update(newest)
        return nodes

    def _stored(self, reader: sqlite3.Connection, park: str) -> tuple[StoredPark, int]:
        row = reader.execute("SELECT points, rules, snapshot, position FROM park WHERE park = ?", (park,)).fetchone()
        points, rules, snapshot, position = row or (None, None, None, 0)
        sources = reader.execute("SELECT gateway, next_sequence, gaps FROM gateway WHERE park = ?", (park,))
        stored = StoredPark(
            points=msgspec.json.decode(points, type=PointList) if points else None,
            rules=msgspec.json.decode(rules, type=RuleSet) if rules else None,
            sources=[SourcePosition(gateway, following, _gaps(text)) for gateway, following, text in sources],
            alerts=history.current_alerts(reader, park),
            aside=history.alarms(reader, park, ALARMS_ASIDE_MAX).alarms,
            cases=history.cases(reader, park, None, RECENT_CASES).cases,
            outbox_number=outbox.last_number(reader, park),
            snapshot=snapshot,
            devices=devices.load(reader, park),
            linkage=commands.stored(reader, park),
        )
        return stored, position

    # --- reading ---

    def alert(self, alert_id: str) -> Alert | None:
        """One alert."""
        with self.database.reading() as reader:
            return history.alert(reader, alert_id)

    def device_events(
        self, park: str, period_ms: tuple[int, int], *, subsystem: str | None, kind: str | None, limit: int
    ) -> EventList:
        """Events of a park in a period, newest first."""
        with self.database.reading() as reader:
            return device_events.events(reader, park, period_ms, subsystem=subsystem, kind=kind, limit=limit)

    def cases(self, park: str, enterprise: str | None, limit: int) -> CaseList:
        """Cases of a park, newest first."""
        with self.database.reading() as reader:
            return history.cases(reader, park, enterprise, limit)

    def entries_after(self, park: str, number: int, limit: int) -> list[StoredEntry]:
        """Outbox entries of a park after `number`, in order."""
        with self.database.reading() as reader:
            return outbox.entries_after(reader, park, number, limit)

    def last_entries(self, parks: Iterable[str]) -> dict[str, int]:
        """Number of the newest outbox entry of each park, 0 for none."""
        with self.database.reading() as reader:
            return {park: outbox.last_number(reader, park) for park in parks}

    def close(self) -> None:
        """Close both databases and give the folder back."""
        self.telemetry.close()
        super().close()


def _rows_after(reader: sqlite3.Connection, position: int) -> Iterator[JournalRow]:
    return map(
        JournalRow._make,
        reader.execute("SELECT last, heads, body FROM journal WHERE last > ? ORDER BY last", (position,)),
    )


def _bytes_after(reader: sqlite3.Connection, position: int) -> int:
    query = "SELECT coalesce(sum(length(body)), 0) FROM journal WHERE last > ?"
    return int(reader.execute(query, (position,)).fetchone()[0])


def _replay(row: JournalRow, nodes: Mapping[str, ParkNode], positions: Mapping[str, int]) -> dict[str, int]:
    """Replay a row's packs that follow their park's snapshot; gives the position of the last one of each park."""
    block = decode_row(row)
    newest: dict[str, int] = {}
    for place, head in enumerate(block.heads):
        position = block.first + place
        if head.park in nodes and position > positions[head.park]:
            nodes[head.park].replay(block.pack(place))
            newest[head.park] = position
    return newest


def _gaps_text(source: SourcePosition) -> str:
    return msgspec.json.encode(source.gaps).decode()


def _gaps(text: str) -> tuple[tuple[int, int], ...]:
    return msgspec.json.decode(text, type=tuple[tuple[int, int], ...])
