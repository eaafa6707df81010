"""Incidents and key figures of a period come from the stored alerts that belong to it, and have a bound."""

from collections.abc import Callable

import pytest

from contract.columns import Columns
from contract.errors import PeerError
from reference_impl.park.change import Change
from reference_impl.park.node import ParkNode
from reference_impl.store import periods
from reference_impl.store.park_store import ParkStore

NOW_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
Configured = Callable[[str], tuple[ParkNode, list[Change]]]
Pack = Callable[..., Columns]


@pytest.fixture
def filled(store: ParkStore, configured: Configured, pack: Pack) -> ParkStore:
    """Two parks: in each an alert at 0 s that is over after a second, and one at 2000 s that stands."""
    for park in ("p1", "p2"):
        node, changes = configured(park)
        packs = [pack(0, 0, 12.0, 1.0), pack(1, 2000, 12.0)]
        changes += [node.ingest("gw-01", number, each, NOW_MS + HOUR_MS) for number, each in enumerate(packs, 1)]
        store.commit(changes, NOW_MS)
    return store


@pytest.mark.parametrize(
    ("park", "span_s", "begins_s"),
    [
        ("*", (0, 3600), [2000, 2000, 0, 0]),
        ("p1", (0, 3600), [2000, 0]),
        ("p1", (1, 2000), []),
        ("p1", (2000, 2001), [2000]),
    ],
)
def test_incidents_of_a_period(filled: ParkStore, park: str, span_s: tuple[int, int], begins_s: list[int]) -> None:
    """Those with an alert raised in it, the newest first."""
    begin_ms, end_ms = (NOW_MS + 1000 * second for second in span_s)
    found = filled.incidents(park, begin_ms, end_ms, 10).incidents
    assert [(incident.begin_ms - NOW_MS) // 1000 for incident in found] == begins_s
    assert filled.incidents("*", NOW_MS, NOW_MS + HOUR_MS, 1).truncated


def test_key_figures_of_a_period(filled: ParkStore) -> None:
    """Alerts raised in it, and those that stood at its end."""
    later = filled.kpis("*", ["p1", "p2"], NOW_MS + HOUR_MS, NOW_MS + 2 * HOUR_MS)
    assert (later.together.alarms, later.together.standing) == (0, 2)
    whole = filled.kpis("p1", ["p1", "p2"], NOW_MS, NOW_MS + HOUR_MS)
    assert [(each.park, each.alarms, each.standing) for each in (whole.together, *whole.parks)] == [
        ("*", 2, 1),
        ("p1", 2, 1),
    ]


def test_an_answer_is_made_of_so_many_alerts_at_most(filled: ParkStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A period with more is refused before they are all in memory."""
    monkeypatch.setattr(periods, "ALERTS_MAX", 3)
    for ask in (
        lambda: filled.kpis("*", ["p1"], NOW_MS, NOW_MS + HOUR_MS),
        lambda: filled.incidents("*", NOW_MS, NOW_MS + HOUR_MS, 10),
    ):
        with pytest.raises(PeerError, match="expected a period that has fewer, found more than 3 alerts") as refusal:
            ask()
        assert refusal.value.status == 400
