"""The journal's row format."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from contract.columns import Columns
from reference_impl.park.change import StoredPack
from reference_impl.store.journal import decode_row, encode_row

READINGS = st.lists(
    st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**62), st.floats(allow_nan=False, allow_infinity=False)),
    min_size=1,
    max_size=5,
)
PACKS = st.lists(st.tuples(st.sampled_from(["p1", "p2"]), st.integers(1, 2**62), st.booleans(), READINGS), max_size=6)


def _columns(readings: list[tuple[int, int, float]]) -> Columns:
    point, time_ms, value = zip(*readings, strict=True)
    return Columns(np.array(point, np.int32), np.array(time_ms, np.int64), np.array(value, np.float64))


@given(PACKS, st.integers(10, 2**40))
def test_a_row_gives_back_every_pack_bit_for_bit(
    packs: list[tuple[str, int, bool, list[tuple[int, int, float]]]], last: int
) -> None:
    """What was handed in comes back with its park, number, mark and exact values."""
    handed = [(park, StoredPack(f"gw-{park}", number, late, _columns(rows))) for park, number, late, rows in packs]
    block = decode_row(encode_row(last, handed))
    assert block.first == last - len(handed) + 1
    for place, (park, expected) in enumerate(handed):
        found = block.pack(place)
        assert block.heads[place].park == park
        assert found[:3] == expected[:3]
        assert [column.tobytes() for column in found.columns] == [column.tobytes() for column in expected.columns]
        assert [column.dtype for column in found.columns] == [np.int32, np.int64, np.float64]
