"""Entries of registers as they are now, at both levels."""

import sqlite3
from collections.abc import Iterable

import msgspec

from contract.errors import PeerError
from contract.registers import RegisterEntry, RegisterEntryList
from reference_impl.store.database import rows_parameter

ENTRIES_MAX = 200_000  # that one summary may be made of

SCHEMA = """
CREATE TABLE IF NOT EXISTS register_entry (
    register TEXT NOT NULL,
    park TEXT NOT NULL,
    entry TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (register, park, entry)
) STRICT, WITHOUT ROWID;
"""
_PUT = """
INSERT INTO register_entry (register, park, entry, body)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]')
FROM json_each(?) WHERE true
ON CONFLICT (register, park, entry) DO UPDATE SET body = excluded.body
"""


def put(connection: sqlite3.Connection, entries: Iterable[RegisterEntry]) -> None:
    """Store entries as they are now, in their order."""
    newest = {(each.register, each.park, each.entry): each for each in entries}
    rows = [(*key, msgspec.json.encode(each).decode()) for key, each in newest.items()]
    if rows:
        connection.execute(_PUT, (rows_parameter(rows),))


def entry(connection: sqlite3.Connection, register: str, park: str, name: str) -> RegisterEntry | None:
    """One entry."""
    row = connection.execute(
        "SELECT body FROM register_entry WHERE register = ? AND park = ? AND entry = ?", (register, park, name)
    ).fetchone()
    return _entry(row[0]) if row else None


def entries(connection: sqlite3.Connection, register: str, park: str, limit: int) -> RegisterEntryList:
    """Entries of one park or of `*`, in order of park and id."""
    rows = connection.execute(
        "SELECT body FROM register_entry WHERE register = ?1 AND (?2 = '*' OR park = ?2) ORDER BY park, entry LIMIT ?3",
        (register, park, limit + 1),
    ).fetchall()
    return RegisterEntryList(entries=[_entry(body) for (body,) in rows[:limit]], truncated=len(rows) > limit)


def all_entries(connection: sqlite3.Connection, register: str, park: str) -> list[RegisterEntry]:
    """Every entry of one park or of `*`.

    Raises:
        PeerError: 400 they are more than one answer may be made of.
    """
    found = entries(connection, register, park, ENTRIES_MAX)
    if found.truncated:
        raise PeerError(
            "too many entries",
            status=400,
            where="query.park",
            found=f"more than {ENTRIES_MAX} entries",
            wanted="a park that has fewer",
        )
    return found.entries


def _entry(body: str) -> RegisterEntry:
    return msgspec.json.decode(body, type=RegisterEntry)
