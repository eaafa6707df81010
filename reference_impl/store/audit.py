"""The audit log: rows are added at the end and never changed or removed; the database itself refuses both."""

from collections.abc import Sequence

from contract.identity import AuditList, AuditRow, Entry
from reference_impl.identity.audit import COLUMNS, Head, chained
from reference_impl.store.database import Database, rows_parameter

# REPLACE would remove a row without its trigger being asked, so a number that is not the next one is refused as well.
SCHEMA = """
CREATE TABLE IF NOT EXISTS audit (
    number INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    client TEXT NOT NULL,
    operation TEXT NOT NULL,
    park TEXT NOT NULL,
    object TEXT NOT NULL,
    status INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS audit_keeps_rows BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log keeps its rows'); END;
CREATE TRIGGER IF NOT EXISTS audit_keeps_contents BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log keeps its rows as they are'); END;
CREATE TRIGGER IF NOT EXISTS audit_grows_at_its_end BEFORE INSERT ON audit
WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM audit)
BEGIN SELECT RAISE(ABORT, 'the audit log grows at its end'); END;
"""
_NAMES = ", ".join(COLUMNS)
_AFTER = f"SELECT {_NAMES} FROM audit WHERE number > ? ORDER BY number LIMIT ?"  # noqa: S608 - fixed names
_VALUES = ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(COLUMNS)))
_INSERT = f"INSERT INTO audit ({_NAMES}) SELECT {_VALUES} FROM json_each(?) ORDER BY key"  # noqa: S608 - fixed names


class AuditLog:
    """The log of one level. `append` belongs to the thread that commits, `rows_after` to any."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.reading() as reader:
            row = reader.execute("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1").fetchone()
        self._head = Head(*row) if row else Head()

    def append(self, entries: Sequence[Entry]) -> None:
        """Number, chain and keep entries, in one durable transaction.

        Raises:
            StoreError: they could not be kept; nothing of them is there.
        """
        if not entries:
            return
        rows = chained(entries, self._head)
        with self._database.transaction() as writer:
            writer.execute(_INSERT, (rows_parameter([[getattr(row, name) for name in COLUMNS] for row in rows]),))
        self._head = Head(rows[-1].number, rows[-1].hash)

    def rows_after(self, number: int, limit: int) -> AuditList:
        """Rows after a number."""
        with self._database.reading() as reader:
            found = reader.execute(_AFTER, (number, limit + 1)).fetchall()
        rows = [AuditRow(**dict(zip(COLUMNS, row, strict=True))) for row in found[:limit]]
        return AuditList(rows=rows, truncated=len(found) > limit)
