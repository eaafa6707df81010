"""The audit log: its chain, its verifier, the triggers that protect it, and the sums."""

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from contract.identity import AuditRow, Entry
from reference_impl.identity.audit import Broken, Head, chained, main, verify
from reference_impl.identity.trail import SUMS_MAX, Sums, Trail
from reference_impl.store.audit import SCHEMA, AuditLog
from reference_impl.store.database import Database, StoreError


def _entry(number: int, **fields: object) -> Entry:
    entry = Entry(
        at_ms=number, who="li", client="::1", operation="put_rules", park="p1", object=str(number), status=200
    )
    return msgspec.structs.replace(entry, **fields)


def _log(length: int = 5) -> list[AuditRow]:
    return chained([_entry(number) for number in range(length)], Head())


def test_an_untouched_log_holds() -> None:
    """A whole log verifies, in one piece and written in two; so does one without rows."""
    rows = _log()
    head = Head(rows[2].number, rows[2].hash)
    assert chained([_entry(3), _entry(4)], head) == rows[3:]
    assert verify(rows) is None
    assert verify(rows, Head(rows[-1].number, rows[-1].hash)) is None
    assert verify([]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"at_ms": 7},
        {"who": "wang"},
        {"client": "::2"},
        {"operation": "put_points"},
        {"park": "p2"},
        {"object": "x"},
        {"status": 403},
        {"calls": 2},
        {"hash": "0" * 64},
    ],
    ids=str,
)
def test_a_changed_row_is_found_where_it_is(change: dict[str, object]) -> None:
    """Whichever field was changed."""
    rows = _log()
    rows[2] = msgspec.structs.replace(rows[2], **change)
    broken = verify(rows)
    assert broken is not None
    assert broken.number == 3


def test_a_row_changed_with_its_hash_breaks_the_next_one() -> None:
    """Whoever reckons the changed row's hash anew breaks the chain behind it."""
    rows = _log()
    rows[2] = chained([_entry(2, status=500)], Head(2, rows[1].hash))[0]
    broken = verify(rows)
    assert broken is not None
    assert broken.number == 4


def test_removed_inserted_and_swapped_rows_are_found() -> None:
    """A gap, a row too many and a wrong order are told with their place."""
    rows = _log()
    assert verify(rows[:2] + rows[3:]) == Broken(4, "expected row 3, found row 4")
    assert verify([*rows[:3], rows[2], *rows[3:]]) == Broken(3, "expected row 4, found row 3")
    assert verify([rows[1], rows[0], *rows[2:]]) == Broken(2, "expected row 1, found row 2")
    assert verify(rows[1:]) == Broken(2, "expected row 1, found row 2")


def test_a_log_cut_or_written_anew_is_found_with_a_noted_head() -> None:
    """The chain alone cannot tell; a head noted elsewhere can."""
    rows = _log()
    noted = Head(rows[-1].number, rows[-1].hash)
    assert verify(rows[:3]) is None
    assert verify(rows[:3], noted) == Broken(4, "expected rows up to 5, found the end after 3")
    anew = chained([_entry(number, who="wang") for number in range(5)], Head())
    assert verify(anew) is None
    broken = verify(anew, noted)
    assert broken is not None
    assert broken.number == 5


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A database with an audit log of three rows."""
    made = Database(tmp_path / "park.sqlite", SCHEMA)
    AuditLog(made).append([_entry(number) for number in range(3)])
    return made


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM audit WHERE number = 2", "keeps its rows"),
        ("DELETE FROM audit", "keeps its rows"),
        ("UPDATE audit SET status = 200", "keeps its rows as they are"),
        ("REPLACE INTO audit SELECT * FROM audit WHERE number = 2", "grows at its end"),
        ("INSERT INTO audit SELECT 9, at_ms, who, client, operation, park, object, status, calls, hash FROM audit",
         "grows at its end"),
    ],
)  # fmt: skip
def test_the_database_refuses_what_is_not_an_addition(database: Database, statement: str, message: str) -> None:
    """Rows are neither deleted nor changed nor put in between, not even by the node itself."""
    with pytest.raises(StoreError, match=message), database.transaction() as writer:
        writer.execute(statement)
    assert [row.number for row in AuditLog(database).rows_after(0, 10).rows] == [1, 2, 3]
    database.close()


def test_the_log_goes_on_after_a_restart(database: Database) -> None:
    """A new start chains onto the newest row, and pages are cut where asked."""
    log = AuditLog(database)
    log.append([_entry(3)])
    log.append([])
    found = log.rows_after(0, 10)
    assert (len(found.rows), found.truncated, verify(found.rows)) == (4, False, None)
    page = log.rows_after(1, 2)
    assert ([row.number for row in page.rows], page.truncated) == ([2, 3], True)
    database.close()


def test_the_command_tells_where_a_file_was_tampered_with(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 0 for a log that holds, 1 with the row for one that somebody changed around the triggers."""
    database.close()
    assert main([str(tmp_path)]) == 0
    told = capsys.readouterr().out
    newest = told.split()[-1]
    assert newest.startswith("3:")
    assert main([str(tmp_path), "--head", newest]) == 0
    assert main([str(tmp_path), "--head", "4:" + "0" * 64]) == 1
    assert "broken at row 4" in capsys.readouterr().err
    with closing(sqlite3.connect(tmp_path / "park.sqlite")) as forger, forger:
        forger.execute("DROP TRIGGER audit_keeps_contents")
        forger.execute("UPDATE audit SET who = 'wang' WHERE number = 2")
    assert main([str(tmp_path)]) == 1
    assert "broken at row 2: expected hash" in capsys.readouterr().err
    assert main([str(tmp_path / "none")]) == 2
    assert main([str(tmp_path), "--head", "x"]) == 2


def test_calls_in_number_become_one_row_a_minute_and_kind() -> None:
    """Calls of one minute, caller and object are one row with their number; the running minute stays."""
    sums = Sums()
    for at_ms, gateway in ((1_000, "g1"), (2_000, "g1"), (3_000, "g2"), (59_999, "g1"), (60_000, "g1")):
        sums.count(_entry(at_ms, object=gateway))
    taken = sums.take(61_000)
    assert [(each.at_ms, each.object, each.calls) for each in taken] == [(1_000, "g1", 3), (3_000, "g2", 1)]
    assert sums.take(61_000) == []
    assert [each.calls for each in sums.take(None)] == [1]


def test_sums_are_bounded_and_lose_no_call() -> None:
    """More kinds than the bound are summed without client, park and object, and every call is counted."""
    sums = Sums()
    for number in range(SUMS_MAX + 100):
        sums.count(_entry(1, object=str(number)))
    taken = sums.take(None)
    assert len(taken) == SUMS_MAX + 1
    assert sum(each.calls for each in taken) == SUMS_MAX + 100
    assert (taken[-1].object, taken[-1].calls) == ("", 100)


def test_concurrent_notes_become_durable_together_and_failures_are_told() -> None:
    """Whoever notes a call waits until it is kept; if it cannot be kept, all who wait hear of it; later ones go on."""
    written: list[list[Entry]] = []
    failing = True

    def append(entries: Sequence[Entry]) -> None:
        if failing:
            raise StoreError("disk full")
        written.append(list(entries))

    async def story() -> None:
        nonlocal failing
        with ThreadPoolExecutor(1) as thread:
            trail = Trail(append, thread)
            lost = await asyncio.gather(*(trail.note(_entry(n)) for n in range(3)), return_exceptions=True)
            assert [type(each) for each in lost] == [StoreError] * 3
            trail.count(_entry(1))
            await trail.flush(120_000)
            failing = False
            await asyncio.gather(*(trail.note(_entry(n)) for n in range(3)))
            assert [len(batch) for batch in written] == [3]
            await trail.flush(120_000)  # what could not be written before was not lost
            assert [each.calls for each in written[-1]] == [1]
            assert len(written) == 2

    asyncio.run(story())
