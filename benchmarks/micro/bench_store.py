"""The embedded stores: one group commit to the journal, fsync included, and the bulk move of it to the column store.

Both rates count wall time, since waiting for the disk is what a commit is.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.load import START_MS, pack, sum_bytes
from benchmarks.micro.table import BARE
from contract.columns import Columns
from contract.messages import PackReceipt
from reference_impl.park.change import Change, SourcePosition, StoredPack
from reference_impl.store.park_store import ParkStore

GATEWAYS = 188  # 47 parks of four gateways: one second of the standard city is one commit
READINGS = 500
COLUMNS = pack(2_000, READINGS)
BYTES = GATEWAYS * sum(column.nbytes for column in COLUMNS)
GROUP = f"store, commits of {GATEWAYS} x {READINGS}"
CASE = {"readings": GATEWAYS * READINGS, "bytes": BYTES}
FILLED_COMMITS = 10


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ParkStore]:
    store = ParkStore(tmp_path)
    yield store
    store.close()


def _second(sequence: int) -> list[Change]:
    """What one second of the city brings: a pack of each gateway."""
    columns = Columns(COLUMNS.point, COLUMNS.time_ms + 1000 * sequence, COLUMNS.value)
    return [
        Change(
            park=f"park-{number // 4:02d}",
            response=PackReceipt(gateway=f"gw-{number % 4}", sequence=sequence, readings=READINGS),
            packs=[StoredPack(f"gw-{number % 4}", sequence, late=False, columns=columns)],
            sources=[SourcePosition(f"gw-{number % 4}", sequence + 1, ())],
        )
        for number in range(GATEWAYS)
    ]


def test_bare_loop(benchmark: BenchmarkFixture) -> None:
    benchmark.group = GROUP
    raw = np.frombuffer(b"".join(column.tobytes() for column in COLUMNS) * GATEWAYS, dtype=np.uint8)
    benchmark.extra_info.update(CASE, case=BARE)
    assert benchmark(sum_bytes, raw) == int(raw.sum())


def test_journal_commit(benchmark: BenchmarkFixture, store: ParkStore) -> None:
    benchmark.group = GROUP
    sequences = count(1)

    def fresh() -> tuple[tuple[list[Change], int], dict[str, object]]:
        return (_second(next(sequences)), START_MS), {}

    benchmark.pedantic(store.commit, setup=fresh, rounds=30)
    benchmark.extra_info.update(CASE, case="commit to the SQLite journal", note="fsync included")
    assert store.journal_position == 30 * GATEWAYS


def test_fill(benchmark: BenchmarkFixture, store: ParkStore) -> None:
    benchmark.group = GROUP
    sequences = count(1)

    def committed() -> None:
        for _ in range(FILLED_COMMITS):
            store.commit(_second(next(sequences)), START_MS)

    filled = benchmark.pedantic(store.fill, args=(FILLED_COMMITS * BYTES,), setup=committed, rounds=5)
    scaled = {name: FILLED_COMMITS * figure for name, figure in CASE.items()}
    benchmark.extra_info.update(
        scaled, case="fill of the DuckDB column store", note=f"{FILLED_COMMITS} commits at once"
    )
    assert filled == FILLED_COMMITS * GATEWAYS
