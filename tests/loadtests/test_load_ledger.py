"""The ledger: exact in readings, whatever the platform did to them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from contract.columns import Columns, pack_digest
from loadtests import ledger
from loadtests.ledger import AckBuffer, LedgerFile, LedgerResult, PackKey, compare_pack, misplaced, verify
from loadtests.record import TELEMETRY, Job, Times

READINGS = 5
Row = tuple[int, int, int, float]  # sequence, point, time, value


def columns(rows: list[tuple[int, int, float]]) -> Columns:
    return Columns(
        np.array([row[0] for row in rows], np.int32),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.float64),
    )


def pack(sequence: int) -> Columns:
    return columns([(point, sequence * 1000, sequence + point / 10) for point in range(READINGS)])


def stored(sequences: list[int]) -> list[Row]:
    return [(s, *row) for s in sequences for row in zip(*(column.tolist() for column in pack(s)), strict=True)]


class Platform:
    """Gives back whatever rows it is told to hold for the one gateway."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def read_back(  # noqa: D102 - see loadtests.targets.Target
        self, park: str, gateway: str, first: int, last: int
    ) -> tuple[NDArray[np.int64], Columns]:
        assert (park, gateway) == ("fuling", "gw-01")
        rows = [row for row in self.rows if first <= row[0] <= last]
        return np.array([row[0] for row in rows], np.int64), columns([row[1:] for row in rows])


def originals(keys: frozenset[PackKey]) -> Mapping[PackKey, Columns]:
    return {key: pack(key.sequence) for key in keys}


def acked(sequences: list[int]) -> list[ledger.Acked]:
    return [
        ledger.Acked(
            "fuling",
            "gw-01",
            np.array(sequences, np.int64),
            np.full(len(sequences), READINGS, np.int64),
            np.array([pack_digest(pack(s)) for s in sequences], np.uint64),
        )
    ]


def check(sequences: list[int], rows: list[Row]) -> LedgerResult:
    return verify(acked(sequences), Platform(rows).read_back, originals)


def test_intact() -> None:
    """What was acknowledged and is there, once and unchanged, is no fault."""
    result = check([1, 2, 3], stored([1, 2, 3]))
    assert result.intact
    assert (result.packs, result.acknowledged, result.faults) == (3, 15, [])


def test_a_stored_pack_without_an_acknowledgement_is_no_fault() -> None:
    """Its answer may have been lost on the way."""
    result = check([1, 3], stored([1, 2, 3]))
    assert result.intact
    assert result.unacknowledged == READINGS


def test_lost_pack_and_lost_reading() -> None:
    """A whole pack and a single reading that are missing are counted in readings."""
    rows = stored([1, 3])
    del rows[2]
    result = check([1, 2, 3], rows)
    assert (result.lost, result.duplicated, result.altered, result.reordered) == (6, 0, 0, 0)
    assert result.faults[0] == "fuling/gw-01 pack 1: 1 lost, 0 duplicated, 0 altered"


def test_duplicated_pack_and_duplicated_reading() -> None:
    """What stands there twice is counted once for each time too many."""
    rows = stored([1, 2, 2, 3])
    rows.insert(0, rows[0])
    result = check([1, 2, 3], rows)
    assert (result.lost, result.duplicated, result.altered, result.reordered) == (0, 6, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        lambda row: (row[0], row[1], row[2], row[3] + 1e-9),
        lambda row: (row[0], row[1], row[2] + 1, row[3]),
        lambda row: (row[0], row[1] + 100, row[2], row[3]),
        lambda row: (row[0], row[1], row[2], -row[3]),
    ],
    ids=["value", "time", "point", "sign"],
)
def test_altered_reading(change: object) -> None:
    """A value, time or point that differs in the last bit is one altered reading, neither lost nor duplicated."""
    rows = stored([1, 2, 3])
    rows[7] = change(rows[7])  # type: ignore[operator]  # parametrised with functions of a row
    result = check([1, 2, 3], rows)
    assert (result.lost, result.duplicated, result.altered, result.reordered) == (0, 0, 1, 0)


def test_values_swapped_between_points_are_altered() -> None:
    """A sum over values would not see it; the hash of each reading does."""
    rows = stored([1])
    rows[0], rows[1] = (*rows[0][:3], rows[1][3]), (*rows[1][:3], rows[0][3])
    assert check([1], rows).altered == 2


def test_reading_under_another_packs_number() -> None:
    """It is missing where it belongs and foreign where it stands."""
    rows = stored([1, 2])
    rows[4] = (2, *rows[4][1:])
    result = check([1, 2], rows)
    assert (result.lost, result.altered) == (1, 1)


def test_reordered_pack() -> None:
    """A pack that comes before its predecessor: the least number of readings that would have to move."""
    result = check([1, 2, 3, 4], stored([1, 3, 2, 4]))
    assert (result.lost, result.duplicated, result.altered, result.reordered) == (0, 0, 0, READINGS)


def test_pages_do_not_hide_disorder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long ledger is read back in pages; the outcome is that of one read."""
    monkeypatch.setattr(ledger, "READ_BACK_READINGS_MAX", 2 * READINGS)
    sequences = list(range(1, 8))
    rows = stored(sequences)
    del rows[13]
    assert check(sequences, rows).lost == 1
    assert check(sequences, stored([1, 2, 4, 3, 5, 6, 7])).reordered == READINGS


def faults() -> st.SearchStrategy[list[tuple[str, int]]]:
    return st.lists(st.tuples(st.sampled_from(["lose", "double", "alter"]), st.integers(0, 39)), max_size=6)


@settings(max_examples=60, deadline=None)
@given(faults())
def test_any_mixture_of_faults_is_counted_exactly(done: list[tuple[str, int]]) -> None:
    """Each reading is lost, doubled or altered at most once; the counts are those of what was done."""
    done = list({place: (what, place) for what, place in done}.values())
    rows: list[Row] = []
    for place, row in enumerate(stored(list(range(1, 9)))):
        what = next((what for what, where in done if where == place), "")
        if what == "alter":
            rows.append((row[0], row[1], row[2], row[3] + 0.25))
        elif what == "double":
            rows += [row, row]
        elif what != "lose":
            rows.append(row)
    result = check(list(range(1, 9)), rows)
    kinds = [what for what, _ in done]
    # A lost and an altered reading of one pack are one missing and one foreign: both are seen as they are.
    assert result.altered == kinds.count("alter")
    assert result.lost == kinds.count("lose")
    assert result.duplicated == kinds.count("double")


@given(st.lists(st.integers(0, 5), max_size=12))
def test_misplaced_is_the_least_number_of_moves(numbers: list[int]) -> None:
    """Compared with trying every subsequence length, slowly."""
    best = [1] * len(numbers)
    for end in range(len(numbers)):
        best[end] = 1 + max((best[k] for k in range(end) if numbers[k] <= numbers[end]), default=0)
    assert misplaced(numbers) == len(numbers) - max(best, default=0)


def test_compare_is_of_multisets() -> None:
    """A pack may itself hold the same reading twice."""
    twice = columns([(1, 5, 2.0), (1, 5, 2.0)])
    once = columns([(1, 5, 2.0)])
    assert compare_pack(twice, twice) == (0, 0, 0)
    assert compare_pack(twice, once) == (1, 0, 0)
    assert compare_pack(once, twice) == (0, 1, 0)


def job(gateway: str, sequence: int) -> Job:
    return Job(TELEMETRY, "fuling", gateway, sequence, READINGS, 2**64 - sequence, 1_000_000 * sequence)


def test_file_round_trip(tmp_path: Path) -> None:
    """Whatever the order in which workers tell their acknowledgements, the ledger is read by gateway and sequence."""
    path = tmp_path / "ledger.arrow"
    file = LedgerFile(path)
    buffer = AckBuffer()
    for one in (job("gw-02", 1), job("gw-01", 2), job("gw-01", 1)):
        buffer.add(one, Times(one.intended_us + 5, one.intended_us + 5, one.intended_us + 905, 1))
    file.append(buffer.take())
    file.append(buffer.take())
    file.close()
    first, second = ledger.load(path)
    assert (first.gateway, first.sequence.tolist(), second.gateway) == ("gw-01", [1, 2], "gw-02")
    assert first.digest.tolist() == [2**64 - 1, 2**64 - 2]
    assert (file.packs, file.readings) == (3, 15)


def acknowledged(path: Path, *jobs: Job) -> Path:
    """A ledger file in which these jobs were acknowledged."""
    file = LedgerFile(path)
    buffer = AckBuffer()
    for one in jobs:
        buffer.add(one, Times(1, 1, 2, 1))
    file.append(buffer.take())
    file.close()
    return path


def test_a_pack_that_was_sent_twice_is_one_pack(tmp_path: Path) -> None:
    """A gateway whose link lost the answer sends again: acknowledged twice, the readings are owed once."""
    sent = [job("gw-01", number) for number in (1, 2, 1, 3, 2, 1)]
    (acked,) = ledger.load(acknowledged(tmp_path / "ledger.arrow", *sent))
    assert acked.sequence.tolist() == [1, 2, 3]
    assert acked.digest.tolist() == [job("gw-01", number).digest for number in (1, 2, 3)]
    assert acked.readings.tolist() == [5, 5, 5]


def test_two_packs_under_one_number_are_our_own_fault(tmp_path: Path) -> None:
    """The same number with other readings was never the same pack."""
    other = job("gw-01", 1)._replace(digest=99)
    path = acknowledged(tmp_path / "ledger.arrow", job("gw-01", 1), other)
    with pytest.raises(ValueError, match=r"two packs of .* stand in it under one number"):
        ledger.load(path)
