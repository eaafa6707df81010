"""The ledger of what the platform acknowledged, and the exact comparison with what it gives back.

Both sides are numbered and hashed, so that the answer is not a row count but: lost, duplicated, altered, reordered, in
readings.
"""

import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contract.columns import Columns, reading_hashes
from loadtests.record import Job, Times

READ_BACK_READINGS_MAX = 500_000
SCHEMA = pa.schema(
    [
        ("park", pa.string()),
        ("gateway", pa.string()),
        ("sequence", pa.int64()),
        ("readings", pa.int32()),
        ("digest", pa.uint64()),
        ("intended_ms", pa.int64()),
        ("sent_us", pa.int64()),
        ("acked_us", pa.int64()),
        ("attempts", pa.int32()),
    ]
)

ReadBack = Callable[[str, str, int, int], tuple[NDArray[np.int64], Columns]]


class PackKey(NamedTuple):
    """Which pack."""

    park: str
    gateway: str
    sequence: int


Originals = Callable[[frozenset[PackKey]], Mapping[PackKey, Columns]]


class AckBuffer:
    """Acknowledged packs on their way to the ledger, as columns."""

    def __init__(self) -> None:
        self._columns: list[list[Any]] = [[] for _ in SCHEMA]

    def __len__(self) -> int:
        """Rows that wait."""
        return len(self._columns[0])

    def add(self, job: Job, times: Times) -> None:
        """One acknowledged pack."""
        row = (
            job.park,
            job.gateway,
            job.sequence,
            job.readings,
            job.digest,
            job.intended_us // 1000,
            times.sent_us,
            times.acked_us,
            times.attempts,
        )
        for column, value in zip(self._columns, row, strict=True):
            column.append(value)

    def take(self) -> bytes:
        """Everything that waits, as an Arrow stream; the buffer is empty afterwards."""
        batch = pa.record_batch(
            [pa.array(c, f.type) for c, f in zip(self._columns, SCHEMA, strict=True)], schema=SCHEMA
        )
        self._columns = [[] for _ in SCHEMA]
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, SCHEMA) as writer:
            writer.write_batch(batch)
        return bytes(sink.getvalue())


class LedgerFile:
    """The ledger on disk, an Arrow IPC file, written as acknowledgements come in."""

    def __init__(self, path: Path) -> None:
        self._writer = pa.ipc.new_file(str(path), SCHEMA)
        self.packs = 0
        self.readings = 0

    def append(self, stream: bytes) -> None:
        """Add what `AckBuffer.take` gave."""
        for batch in pa.ipc.open_stream(stream):
            if batch.num_rows:
                self._writer.write_batch(batch)
                self.packs += batch.num_rows
                self.readings += int(np.asarray(batch.column("readings")).sum())

    def close(self) -> None:
        """Write the end of the file; without it readers refuse it."""
        self._writer.close()


class Acked(NamedTuple):
    """The acknowledged packs of one gateway in order of sequence: (n,) int64, int64, uint64."""

    park: str
    gateway: str
    sequence: NDArray[np.int64]
    readings: NDArray[np.int64]
    digest: NDArray[np.uint64]


def load(path: Path) -> list[Acked]:
    """Read a ledger: one entry a gateway, ordered by park and gateway.

    A gateway may send a pack twice. Acknowledged twice, it is still one pack.

    Raises:
        ValueError: it does not have the ledger's columns, or two packs stand in it under one number.
    """
    with pa.OSFile(str(path)) as file:
        table = pa.ipc.open_file(file).read_all()
    if not table.schema.equals(SCHEMA):
        raise ValueError(f"{path}: expected the columns {SCHEMA.names}, found {table.schema.names}")
    table = table.sort_by([("park", "ascending"), ("gateway", "ascending"), ("sequence", "ascending")])
    park, gateway = table["park"].to_pylist(), table["gateway"].to_pylist()
    sequence = table["sequence"].to_numpy()
    starts = [
        row for row in range(len(park)) if row == 0 or (park[row], gateway[row]) != (park[row - 1], gateway[row - 1])
    ]
    all_readings, all_digests = table["readings"].to_numpy().astype(np.int64), table["digest"].to_numpy()
    ledger = []
    for start, end in zip(starts, [*starts[1:], len(park)], strict=True):
        readings, digest = all_readings[start:end], all_digests[start:end]
        numbers, first = np.unique(sequence[start:end], return_index=True)
        of_number = np.repeat(first, np.diff(first, append=end - start))
        if (digest != digest[of_number]).any() or (readings != readings[of_number]).any():
            raise ValueError(f"{path}: two packs of {park[start]}/{gateway[start]} stand in it under one number")
        ledger.append(Acked(park[start], gateway[start], numbers, readings[first], digest[first]))
    return ledger


class LedgerResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the readings that the platform acknowledged. All counts are readings, but `packs`.

    Attributes:
        lost: acknowledged, but not there.
        duplicated: there once too often.
        altered: there under an acknowledged pack's number, but never sent so.
        reordered: not in the order of sequence: the least number of readings that would have to move.
        unacknowledged: there although their pack was not acknowledged (its answer was lost); no fault.
        faults: the first packs that are not as acknowledged.
    """

    packs: int
    acknowledged: int
    lost: int = 0
    duplicated: int = 0
    altered: int = 0
    reordered: int = 0
    unacknowledged: int = 0
    faults: list[str] = []

    @property
    def intact(self) -> bool:
        """Whether everything acknowledged is there, once, as it was sent and in order."""
        return not (self.lost or self.duplicated or self.altered or self.reordered)


FAULTS_MAX = 20


class Difference(NamedTuple):
    """How stored readings of one pack differ from the originals, in readings."""

    lost: int
    duplicated: int
    altered: int


def verify(ledger: Sequence[Acked], read_back: ReadBack, originals: Originals) -> LedgerResult:
    """Compare what was acknowledged with what the platform gives back.

    Args:
        ledger: acknowledged packs, see `load`.
        read_back: (park, gateway, first sequence, last sequence) to the stored readings, as in `Target.read_back`.
        originals: the packs as they were sent, asked for once and only for packs whose digest differs.
    """
    suspects: dict[PackKey, Columns] = {}
    reordered = unacknowledged = 0
    for acked in ledger:
        order = _Order()
        for page in _pages(acked):
            sequence, columns = read_back(acked.park, acked.gateway, *page)
            order.follow(sequence)
            unacknowledged += _compare(acked, page, sequence, columns, suspects)
        reordered += order.misplaced
    lost = duplicated = altered = 0
    faults: list[str] = []
    sent = originals(frozenset(suspects)) if suspects else {}
    for key in sorted(suspects):
        difference = compare_pack(sent[key], suspects[key])
        lost += difference.lost
        duplicated += difference.duplicated
        altered += difference.altered
        if len(faults) < FAULTS_MAX:
            faults.append(
                f"{key.park}/{key.gateway} pack {key.sequence}: {difference.lost} lost, "
                f"{difference.duplicated} duplicated, {difference.altered} altered"
            )
    return LedgerResult(
        packs=sum(len(acked.sequence) for acked in ledger),
        acknowledged=sum(int(acked.readings.sum()) for acked in ledger),
        lost=lost,
        duplicated=duplicated,
        altered=altered,
        reordered=reordered,
        unacknowledged=unacknowledged,
        faults=faults,
    )


def compare_pack(sent: Columns, stored: Columns) -> Difference:
    """Compare one pack as sent with what stands under its number, as multisets of readings."""
    wanted, there = _multiset(sent), _multiset(stored)
    missing = (wanted - there).total()
    surplus = there - wanted
    duplicated = sum(count for reading, count in surplus.items() if reading in wanted)
    altered = surplus.total() - duplicated
    return Difference(lost=max(0, missing - altered), duplicated=duplicated, altered=altered)


def _multiset(columns: Columns) -> Counter[tuple[int, int, int]]:
    """Readings by point, time and the bits of the value."""
    return Counter(
        zip(columns.point.tolist(), columns.time_ms.tolist(), columns.value.view(np.int64).tolist(), strict=True)
    )


def _pages(acked: Acked) -> Iterator[tuple[int, int]]:
    """Ranges of sequence that cover everything acknowledged, with a bounded number of readings each."""
    begin = 0
    total = np.cumsum(acked.readings)
    while begin < len(acked.sequence):
        before = int(total[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(total, before + READ_BACK_READINGS_MAX, side="right")))
        yield int(acked.sequence[begin]), int(acked.sequence[end - 1])
        begin = end


def _compare(
    acked: Acked,
    page: tuple[int, int],
    sequence: NDArray[np.int64],
    columns: Columns,
    suspects: dict[PackKey, Columns],
) -> int:
    """Put the packs of one page that differ among the suspects; return how many readings no acknowledgement covers."""
    rows = slice(*np.searchsorted(acked.sequence, (page[0], page[1] + 1)))
    wanted = acked.sequence[rows]
    order = np.argsort(sequence, kind="stable")
    by_sequence = sequence[order]
    starts = np.searchsorted(by_sequence, wanted, side="left")
    ends = np.searchsorted(by_sequence, wanted, side="right")
    sums = np.concatenate(([np.uint64(0)], np.cumsum(reading_hashes(columns)[order], dtype=np.uint64)))
    digests = sums[ends] - sums[starts]  # differences of sums mod 2**64
    differs = (ends - starts != acked.readings[rows]) | (digests != acked.digest[rows])
    for at in np.flatnonzero(differs):
        pick = order[starts[at] : ends[at]]
        stored = Columns(columns.point[pick], columns.time_ms[pick], columns.value[pick])
        suspects[PackKey(acked.park, acked.gateway, int(wanted[at]))] = stored
    return len(sequence) - int((ends - starts).sum())


class _Order:
    """Counts the readings that are out of the order of sequence, over the pages of one gateway."""

    def __init__(self) -> None:
        self.misplaced = 0
        self._last = 0

    def follow(self, sequence: NDArray[np.int64]) -> None:
        if not len(sequence):
            return
        if (np.diff(sequence) < 0).any():
            self.misplaced += misplaced(sequence.tolist())
        elif int(sequence[0]) < self._last:
            self.misplaced += len(sequence)
        self._last = int(sequence[-1])


def misplaced(numbers: Iterable[int]) -> int:
    """The least number of items to take out so that the rest ascends: length less the longest ascending subsequence."""
    tails: list[int] = []
    count = 0
    for number in numbers:
        count += 1
        at = bisect.bisect_right(tails, number)
        tails[at : at + 1] = [number]
    return count - len(tails)
