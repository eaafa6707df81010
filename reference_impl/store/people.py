"""People and their sessions. A token is kept only as SHA-256, a password only as its argon2id hash."""

import msgspec

from reference_impl.identity.desk import Change, Desk, PersonRecord, SessionRecord
from reference_impl.store.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS person (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session (
    sha256 TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""
_PUT_PERSON = "INSERT INTO person (name, body) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body"
_PUT_SESSION = (
    "INSERT INTO session (sha256, body) VALUES (?, ?) ON CONFLICT (sha256) DO UPDATE SET body = excluded.body"
)


class People:
    """The accounts of one level. `put` belongs to the thread that commits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def desk(self) -> Desk:
        """Everybody, as the newest commit left them."""
        with self._database.reading() as reader:
            people = reader.execute("SELECT body FROM person ORDER BY name").fetchall()
            sessions = reader.execute("SELECT body FROM session ORDER BY sha256").fetchall()
        return Desk(
            [msgspec.json.decode(body, type=PersonRecord) for (body,) in people],
            [msgspec.json.decode(body, type=SessionRecord) for (body,) in sessions],
        )

    def put(self, change: Change) -> None:
        """Keep a change, in one durable transaction.

        Raises:
            StoreError: it could not be kept; nothing of it is there.
        """
        with self._database.transaction() as writer:
            for person in change.people:
                writer.execute(_PUT_PERSON, (person.name, msgspec.json.encode(person).decode()))
            for session in change.sessions:
                writer.execute(_PUT_SESSION, (session.sha256, msgspec.json.encode(session).decode()))
            for sha256 in change.ended:
                writer.execute("DELETE FROM session WHERE sha256 = ?", (sha256,))
