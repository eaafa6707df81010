"""The outbox: what each park has to tell the city, by number."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from contract.messages import UplinkEntry
from reference_impl.store.database import rows_parameter

ENTRIES_KEPT = 10_000  # applied entries that stay, so that a city restored from a backup can ask again

SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    park TEXT NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (park, number)
) STRICT, WITHOUT ROWID;
"""


class StoredEntry(NamedTuple):
    """An outbox entry: its number, and itself in JSON."""

    number: int
    body: str


def put(connection: sqlite3.Connection, entries: Sequence[tuple[str, UplinkEntry]]) -> dict[str, list[StoredEntry]]:
    """Store new entries, each with its park; gives them by park."""
    by_park: dict[str, list[StoredEntry]] = {}
    for park, entry in entries:
        by_park.setdefault(park, []).append(StoredEntry(entry.number, msgspec.json.encode(entry).decode()))
    if entries:
        rows = [(park, *entry) for park, of_park in by_park.items() for entry in of_park]
        connection.execute(
            "INSERT INTO outbox (park, number, body) "
            "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') "
            "FROM json_each(?)",
            (rows_parameter(rows),),
        )
    return by_park


def last_number(connection: sqlite3.Connection, park: str) -> int:
    """Number of a park's newest entry, 0 for none."""
    return int(connection.execute("SELECT coalesce(max(number), 0) FROM outbox WHERE park = ?", (park,)).fetchone()[0])


def entries_after(connection: sqlite3.Connection, park: str, number: int, limit: int) -> list[StoredEntry]:
    """Entries of a park after `number`, in order."""
    rows = connection.execute(
        "SELECT number, body FROM outbox WHERE park = ? AND number > ? ORDER BY number LIMIT ?", (park, number, limit)
    )
    return [StoredEntry(*row) for row in rows]


def shorten(connection: sqlite3.Connection, park: str, number: int) -> None:
    """Remove what is far behind `number`, up to which the city has applied.

    The newest entry always stays: it carries the numbering on.
    """
    connection.execute("DELETE FROM outbox WHERE park = ? AND number <= ?", (park, number - ENTRIES_KEPT))
