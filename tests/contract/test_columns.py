"""Columns and the hashes that identify readings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.columns import Columns, in_order_of_time, pack_digest, reading_hashes

U64 = 2**64
readings = st.lists(
    st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**53), st.floats(allow_nan=False, allow_infinity=False)),
    max_size=30,
)


def columns_of(rows: list[tuple[int, int, float]]) -> Columns:
    """Readings given row by row."""
    point, time_ms, value = zip(*rows, strict=True) if rows else ((), (), ())
    return Columns(np.array(point, np.int32), np.array(time_ms, np.int64), np.array(value, np.float64))


def splitmix(point: int, time_ms: int, value: float) -> int:
    """The hash as its definition reads, in plain integers."""
    state = (int(np.float64(value).view(np.uint64)) ^ (time_ms * 0x9E3779B97F4A7C15)) % U64
    state = (state + point * 0xD1B54A32D192ED03 + 0x9E3779B97F4A7C15) % U64
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) % U64
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) % U64
    return state ^ (state >> 31)


def test_the_hash_is_fixed() -> None:
    """Ledgers of different versions can be compared: this hash is written down."""
    assert reading_hashes(columns_of([(7, 1_767_225_600_000, 44.7)])).tolist() == [16488258586883658643]


@given(readings)
def test_the_hash_is_what_it_says(rows: list[tuple[int, int, float]]) -> None:
    """The vectorised hash equals the plain one; the digest is its sum modulo 2**64."""
    hashes = [splitmix(*row) for row in rows]
    assert reading_hashes(columns_of(rows)).tolist() == hashes
    assert pack_digest(columns_of(rows)) == sum(hashes) % U64


@given(readings, st.randoms())
def test_the_digest_ignores_order(rows: list[tuple[int, int, float]], random: "np.random.Generator") -> None:
    """The same readings in another order have the same digest."""
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert pack_digest(columns_of(rows)) == pack_digest(columns_of(shuffled))


@pytest.mark.parametrize("other", [(8, 5, 1.0), (7, 6, 1.0), (7, 5, 1.0000000000000002), (7, 5, -1.0)])
def test_the_digest_sees_every_change(other: tuple[int, int, float]) -> None:
    """Another point, time or last bit of the value gives another digest; so does a reading twice."""
    digest = pack_digest(columns_of([(7, 5, 1.0)]))
    assert pack_digest(columns_of([other])) != digest
    assert pack_digest(columns_of([(7, 5, 1.0)] * 2)) != digest


def test_length_shift_and_order() -> None:
    """The length counts readings; a shift moves time alone; sorting is stable and leaves what is sorted alone."""
    columns = columns_of([(1, 20, 0.5), (2, 10, 1.5), (3, 20, 2.5)])
    assert len(columns) == 3
    assert columns.shifted(5).time_ms.tolist() == [25, 15, 25]
    ordered = in_order_of_time(columns)
    assert ordered.point.tolist() == [2, 1, 3]
    assert in_order_of_time(ordered) is ordered
