"""A row of the journal: all packs of one commit, in columns, so that moving them on costs nothing per reading.

The row's number is the position of its last pack; packs are numbered without gaps within a row.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.columns import Columns
from reference_impl.park.change import StoredPack


class PackHead(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a journal row says of a pack beside its readings."""

    park: str
    gateway: str
    sequence: int
    late: bool
    readings: int


_decode_heads = msgspec.msgpack.Decoder(list[PackHead]).decode


class JournalRow(NamedTuple):
    """A row as stored.

    Attributes:
        last: position of the last pack.
        heads: encoded list of `PackHead`.
        body: int64 times of all packs, then float64 values, then int32 point indices; little-endian.
    """

    last: int
    heads: bytes
    body: bytes


class PackBlock(NamedTuple):
    """The packs of a row, laid open.

    Attributes:
        first: position of the first pack.
        heads: one for each pack.
        ends: (packs,) int64, where each pack ends among the readings.
        columns: the readings of all packs.
    """

    first: int
    heads: list[PackHead]
    ends: NDArray[np.int64]
    columns: Columns

    def pack(self, place: int) -> StoredPack:
        """The pack at `place` of this row."""
        head = self.heads[place]
        end = int(self.ends[place])
        cut = slice(end - head.readings, end)
        return StoredPack(
            head.gateway,
            head.sequence,
            head.late,
            Columns(self.columns.point[cut], self.columns.time_ms[cut], self.columns.value[cut]),
        )


def encode_row(last: int, packs: Sequence[tuple[str, StoredPack]]) -> JournalRow:
    """A row of `packs`, each with its park; `last` is the position of the last one."""
    heads = [PackHead(park, pack.gateway, pack.sequence, pack.late, len(pack.columns)) for park, pack in packs]
    columns = [pack.columns for _, pack in packs]
    body = b"".join(
        (
            *(np.ascontiguousarray(each.time_ms, "<i8").data for each in columns),
            *(np.ascontiguousarray(each.value, "<f8").data for each in columns),
            *(np.ascontiguousarray(each.point, "<i4").data for each in columns),
        )
    )
    return JournalRow(last, msgspec.msgpack.encode(heads), body)


def decode_row(row: JournalRow) -> PackBlock:
    """Lay a row open; the columns are views of its body."""
    heads = _decode_heads(row.heads)
    ends = np.cumsum([head.readings for head in heads], dtype=np.int64)
    readings = int(ends[-1]) if heads else 0
    return PackBlock(
        first=row.last - len(heads) + 1,
        heads=heads,
        ends=ends,
        columns=Columns(
            np.frombuffer(row.body, "<i4", readings, offset=16 * readings),
            np.frombuffer(row.body, "<i8", readings),
            np.frombuffer(row.body, "<f8", readings, offset=8 * readings),
        ),
    )
