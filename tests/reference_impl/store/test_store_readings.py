"""Queries see the column store and the journal as one, each reading exactly once."""

from collections.abc import Callable

import numpy as np
import pytest

from contract.columns import Columns
from contract.errors import PeerError
from reference_impl.park.change import Change
from reference_impl.park.node import ParkNode
from reference_impl.store import readings
from reference_impl.store.park_store import ParkStore

NOW_MS = 1_700_000_000_000
FILL = 1 << 20
Configured = Callable[[str], tuple[ParkNode, list[Change]]]
Pack = Callable[..., Columns]

everywhere = pytest.mark.parametrize("filled", [0, 1, 3, 6])


def _send(store: ParkStore, configured: Configured, pack: Pack, filled: int) -> None:
    """Six packs of two gateways in turn; the first `filled` of them are in the column store."""
    node, changes = configured("p1")
    store.commit(changes, NOW_MS)
    for number in range(1, 7):
        gateway = 1 + number % 2
        columns = pack(2 * gateway - 2, 10 * number, number, number + 0.5)
        store.commit([node.ingest(f"gw-0{gateway}", number, columns, NOW_MS + 10**6)], NOW_MS)
        if number == filled:
            store.fill(FILL)


@everywhere
def test_read_back_is_in_order_wherever_the_packs_are(
    store: ParkStore, configured: Configured, pack: Pack, filled: int
) -> None:
    """One answer in order of sequence, each pack as it came, whatever is filled already."""
    _send(store, configured, pack, filled)
    found = readings.packs_of(store, "p1", "gw-01", 1, 100)
    assert found.sequence.tolist() == [2, 2, 4, 4, 6, 6]
    assert found.columns.value.tolist() == [2.0, 2.5, 4.0, 4.5, 6.0, 6.5]
    assert found.columns.point.tolist() == [0] * 6
    assert [column.dtype for column in found.columns] == [np.int32, np.int64, np.float64]
    assert readings.packs_of(store, "p1", "gw-01", 3, 5).sequence.tolist() == [4, 4]
    assert readings.packs_of(store, "p1", "gw-02", 1, 100).sequence.tolist() == [1, 1, 3, 3, 5, 5]
    assert len(readings.packs_of(store, "p2", "gw-01", 1, 100).sequence) == 0


@everywhere
def test_a_range_holds_its_first_time_and_not_its_last(
    store: ParkStore, configured: Configured, pack: Pack, filled: int
) -> None:
    """Readings of one point in order of time, cut at the limit."""
    _send(store, configured, pack, filled)
    span = (NOW_MS + 21_000, NOW_MS + 61_000)
    assert readings.readings_of(store, ("p1", "gw-01"), 0, span, 10).value.tolist() == [2.5, 4.0, 4.5, 6.0]
    assert readings.readings_of(store, ("p1", "gw-01"), 0, span, 3).value.tolist() == [2.5, 4.0, 4.5]
    assert len(readings.readings_of(store, ("p1", "gw-01"), 1, span, 10)) == 0


@everywhere
def test_latest_is_the_newest_by_event_time(store: ParkStore, configured: Configured, pack: Pack, filled: int) -> None:
    """Each point's newest reading, however old it is; points without one are left out."""
    _send(store, configured, pack, filled)
    assert readings.latest(store, "p1", range(4)) == {0: (NOW_MS + 61_000, 6.5), 2: (NOW_MS + 51_000, 5.5)}
    assert readings.latest(store, "p1", [2]) == {2: (NOW_MS + 51_000, 5.5)}
    assert readings.latest(store, "p1", []) == {}
    assert readings.latest(store, "p2", range(4)) == {}


def test_latest_finds_a_point_that_fell_silent_long_ago(store: ParkStore, configured: Configured, pack: Pack) -> None:
    """The search widens over the whole history until every point is found."""
    node, changes = configured("p1")
    day_s = 86_400
    first = node.ingest("gw-02", 1, pack(2, 0, 3.0), NOW_MS + 10**9)
    store.commit([*changes, first, node.ingest("gw-01", 1, pack(0, day_s, 1.0), NOW_MS + 10**9)], NOW_MS)
    store.fill(FILL)
    assert readings.latest(store, "p1", range(4)) == {0: (NOW_MS + day_s * 1000, 1.0), 2: (NOW_MS, 3.0)}


def test_an_answer_has_a_bound(
    store: ParkStore, configured: Configured, pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-back that would not fit is refused with what to do about it."""
    _send(store, configured, pack, 3)
    monkeypatch.setattr(readings, "READ_BACK_MAX", 5)
    with pytest.raises(PeerError) as refused:
        readings.packs_of(store, "p1", "gw-01", 1, 100)
    assert refused.value.status == 400
    assert refused.value.detail == (
        "query.to_sequence: expected a range of sequence numbers that holds fewer, found more than 5 readings"
    )
    assert readings.packs_of(store, "p1", "gw-01", 1, 4).sequence.tolist() == [2, 2, 4, 4]
