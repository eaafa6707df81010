"""The audit log's hash chain, and its verifier.

Each row's hash covers the hash before it, so a row that was changed, removed or put in between breaks the chain at its
place. Rows cut off at the end leave a chain that holds: whoever keeps the number and hash of a newest row elsewhere
(the verifier prints them) hands them in as `head` and finds that too.

`python -m reference_impl.identity.audit DATA` verifies the log of a data folder, also while its node runs.
"""

import argparse
import hashlib
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from contract.identity import AuditRow, Entry

GENESIS = "0" * 64
COLUMNS = ("number", "at_ms", "who", "client", "operation", "park", "object", "status", "calls", "hash")


class Head(NamedTuple):
    """The newest row: its number and hash."""

    number: int = 0
    hash: str = GENESIS


class Broken(NamedTuple):
    """Where the chain breaks first: the number that stands there, and what is wrong."""

    number: int
    fault: str


def row_hash(previous: str, number: int, entry: Entry) -> str:
    """SHA-256 over the previous hash and the row, as a JSON array so that no two rows read alike."""
    fields = [previous, number, *(getattr(entry, name) for name in COLUMNS[1:-1])]
    return hashlib.sha256(msgspec.json.encode(fields)).hexdigest()


def chained(entries: Iterable[Entry], head: Head) -> list[AuditRow]:
    """Number and chain what follows `head`."""
    rows: list[AuditRow] = []
    for entry in entries:
        number = head.number + 1
        head = Head(number, row_hash(head.hash, number, entry))
        rows.append(AuditRow(number=number, hash=head.hash, **msgspec.structs.asdict(entry)))
    return rows


def verify(rows: Iterable[AuditRow], head: Head | None = None) -> Broken | None:
    """The first break in a whole log, None for a log that holds.

    Args:
        rows: from the first row on, in the order in which they are stored.
        head: a newest row that was noted elsewhere; the log must contain it.
    """
    before = Head()
    for row in rows:
        if row.number != before.number + 1:
            return Broken(row.number, f"expected row {before.number + 1}, found row {row.number}")
        entry = Entry(**{name: getattr(row, name) for name in COLUMNS[1:-1]})
        expected = row_hash(before.hash, row.number, entry)
        if row.hash != expected:
            return Broken(row.number, f"expected hash {expected[:12]}…, found {row.hash[:12]}…")
        before = Head(row.number, row.hash)
        if head is not None and row.number == head.number and row.hash != head.hash:
            return Broken(row.number, f"expected the noted hash {head.hash[:12]}…, found {row.hash[:12]}…")
    if head is not None and before.number < head.number:
        return Broken(before.number + 1, f"expected rows up to {head.number}, found the end after {before.number}")
    return None


def stored(database: sqlite3.Connection) -> Iterator[AuditRow]:
    """Every row as it is stored."""
    # `number` is the primary key, so this order is the order in which the rows lie.
    for row in database.execute(f"SELECT {', '.join(COLUMNS)} FROM audit ORDER BY number"):  # noqa: S608 - fixed names
        yield AuditRow(**dict(zip(COLUMNS, row, strict=True)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify the log of a data folder; gives the exit status: 0 it holds, 1 it is broken, 2 there is none."""
    parser = argparse.ArgumentParser(description="Verify the audit log of a data folder.")
    parser.add_argument("data", type=Path, help="data folder of a park host or of the city")
    parser.add_argument("--head", help="NUMBER:HASH of a row that was noted elsewhere")
    options = parser.parse_args(arguments)
    files = [options.data / name for name in ("park.sqlite", "city.sqlite") if (options.data / name).is_file()]
    if len(files) != 1:
        sys.stderr.write(f"{options.data}: expected park.sqlite or city.sqlite, found {len(files)} of them\n")
        return 2
    noted = None
    if options.head:
        number, _, digest = options.head.partition(":")
        if not number.isdigit():
            sys.stderr.write(f"--head: expected NUMBER:HASH, found {options.head!r}\n")
            return 2
        noted = Head(int(number), digest)
    with closing(sqlite3.connect(f"{files[0].resolve().as_uri()}?mode=ro", uri=True)) as database:
        broken = verify(stored(database), noted)
        newest = database.execute("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    if broken is not None:
        sys.stderr.write(f"{files[0]}: broken at row {broken.number}: {broken.fault}\n")
        return 1
    number, digest = newest or Head()
    sys.stdout.write(f"{files[0]}: holds, newest row {number}:{digest}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
