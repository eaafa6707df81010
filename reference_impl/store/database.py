"""One SQLite database: a single writer whose commits are durable, and a few readers beside it."""

import fcntl
import os
import queue
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from contract.errors import ParkBenchError

READERS = 3
WAL_BYTES_MAX = 64 * 1024 * 1024
WAL_BYTES_KEPT = (
    32 * 1024 * 1024
)  # overwriting is cheaper than growing; what is above is given back when the log starts over
PAGE_BYTES = 8192


class StoreError(ParkBenchError):
    """The store could not do what was asked: nothing of it is there, and it may be tried again."""


class FolderLock:
    """Holds a data folder for one process. The system gives it back when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise StoreError(f"{folder}: expected a data folder that no other process uses, found it in use") from error

    def release(self) -> None:
        """Let another process have the folder."""
        os.close(self._descriptor)


class Database:
    """A SQLite database in WAL mode.

    The writer checkpoints nothing by itself, so that a commit costs one append and one sync. `checkpoint` does that
    work from another thread; only when a busy writer has let the log outgrow `WAL_BYTES_MAX` does `transaction` finish
    it, so that the log starts over.

    Args:
        path: the database file.
        schema: statements that create what is missing.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        self._log = path.with_name(path.name + "-wal")
        self.writer = self._connect()
        self.writer.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        self.writer.execute("PRAGMA journal_mode = WAL")
        self.writer.execute("PRAGMA wal_autocheckpoint = 0")
        self.writer.executescript(schema)
        self._maintainer = self._connect()
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        for _ in range(READERS):
            self._readers.put(self._connect())

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, cached_statements=256)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 10000")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The writer inside a transaction that is durable when the block ends. One thread at a time may do this.

        Raises:
            StoreError: the database refused, for example because the disk is full; nothing was changed.
        """
        try:
            if self._log_bytes() > WAL_BYTES_MAX:
                self.writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self.writer.execute("BEGIN IMMEDIATE")
            yield self.writer
            self.writer.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise StoreError(f"{self._path.name}: {error}") from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self.writer.in_transaction:
            with suppress(sqlite3.Error):  # the disk may be gone; the next transaction will say so
                self.writer.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A reader that sees one state of the database for the whole block."""
        connection = self._readers.get()
        try:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # the first read fixes what is seen
            yield connection
        finally:
            if connection.in_transaction:
                connection.execute("COMMIT")
            self._readers.put(connection)

    def checkpoint(self) -> None:
        """Move committed pages from the log into the database, beside the writer. One thread at a time may do this."""
        self._maintainer.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _log_bytes(self) -> int:
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        """Close every connection; the last one moves the log into the database."""
        for _ in range(READERS):
            self._readers.get().close()
        self._maintainer.close()
        self.writer.close()


def rows_parameter(rows: Sequence[Sequence[object]]) -> str:
    """Many rows as the one parameter of a statement that reads them with `json_each`.

    One statement means that the interpreter's lock changes hands once; `executemany` hands it over for every row, and
    a busy event loop then makes each row wait.
    """
    return msgspec.json.encode(rows).decode()
