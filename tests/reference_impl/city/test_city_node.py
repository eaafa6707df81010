"""The city applies each park's entries exactly once, in order, and counts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contract.cases import Case, CaseStep
from contract.errors import PeerError
from contract.messages import Alarm, Alert, Transition, UplinkAlert, UplinkBatch, UplinkCase, UplinkEntry
from reference_impl.city import node as city_node
from reference_impl.city.node import CityNode

ALERT = Alert(
    alert_id="a1",
    park="park-a",
    point="env/z01/a/so2",
    zone="z01",
    subsystem="env",
    rule="so2-high",
    level="red",
    state="UNACK",
    onset_ms=1000,
    raised_ms=1000,
    value=9.0,
)
CASE = Case(
    case_id="c1",
    park="park-a",
    matter="drainage-permit",
    enterprise="ent-1",
    state="submitted",
    submitted_ms=1,
    due_ms=2,
    form={},
    steps=[CaseStep(request_id="r1", act="open", by="ent-1", state="submitted", at_ms=1)],
)
REJECTED = replace(
    CASE,
    state="rejected",
    steps=[*CASE.steps, CaseStep(request_id="r2", act="reject", by="wang", state="rejected", at_ms=9)],
    closed_ms=9,
)


def told(number: int, transition: Transition = "raise", alert: Alert = ALERT) -> UplinkAlert:
    return UplinkAlert(number=number, transition=transition, at_ms=1000 + number, alert=alert)


SHELVED = Alarm(
    park="park-a",
    point="env/z01/b/so2",
    rule="so2-high",
    state="SHLVD",
    operator="li",
    reason="noise",
    since_ms=5,
    until_ms=9,
)
SHELVED_ELSEWHERE = UplinkAlert(
    number=1, transition="shelve", at_ms=5, alert=ALERT, alarm=replace(SHELVED, park="park-b"), operator="li"
)
SAYS_NOTHING = UplinkAlert(number=1, transition="shelve", at_ms=5, alert=None)
STORY: list[UplinkEntry] = [
    told(1),
    UplinkCase(number=2, case=CASE),
    told(3, "acknowledge", replace(ALERT, state="ACKED")),
    told(4, "clear", replace(ALERT, state="NORM", cleared_ms=1004)),
    told(5, alert=replace(ALERT, alert_id="a2")),
    UplinkCase(number=6, case=REJECTED),
]


def test_the_overview_counts_what_was_told() -> None:
    """Standing and total alerts, open and total cases, and when the park was last heard."""
    city = CityNode(["park-a", "park-b"])
    change = city.apply("park-a", UplinkBatch(entries=STORY[:3]), 50)
    assert [event.transition for event in change.events] == ["raise", "acknowledge"]
    assert [case.state for case in change.cases] == ["submitted"]
    assert change.response.applied_through == 3
    seen = change.overview
    assert (seen.alerts_standing, seen.alerts_total, seen.cases_open, seen.cases_total, seen.last_heard_ms) == (
        1,
        1,
        1,
        1,
        50,
    )
    city.apply("park-a", UplinkBatch(entries=STORY[3:]), 60)
    (seen,) = city.overview().parks
    assert (seen.alerts_standing, seen.alerts_total, seen.cases_open, seen.cases_total, seen.last_heard_ms) == (
        1,
        2,
        0,
        1,
        60,
    )
    assert {alert.alert_id: alert.state for alert in city.alerts.values()} == {"a1": "NORM", "a2": "UNACK"}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6)), max_size=20))
def test_batches_may_repeat_and_overlap(cuts: list[tuple[int, int]]) -> None:
    """Whatever is sent again, each entry is applied once and in order; a gap is refused and changes nothing."""
    city = CityNode(["park-a"])
    applied: list[int] = []
    for start, length in [*cuts, (0, 6)]:
        entries = STORY[start : start + length]
        if start > len(applied) and entries:
            with pytest.raises(PeerError) as refusal:
                city.apply("park-a", UplinkBatch(entries=entries), 1)
            assert refusal.value.status == 409
        else:
            change = city.apply("park-a", UplinkBatch(entries=entries), 1)
            numbers = [event.at_ms - 1000 for event in change.events] + [
                2 if c.state == "submitted" else 6 for c in change.cases
            ]
            applied += sorted(numbers)
            assert applied == list(range(1, change.response.applied_through + 1))
        assert city.applied_through("park-a") == len(applied)
    assert city.overview().parks[0].alerts_total == 2


@pytest.mark.parametrize(
    ("park", "entries", "status", "message"),
    [
        ("park-x", STORY, 404, "park: expected a park of this city, found 'park-x'"),
        ("park-a", STORY[1:], 409, "entries[0].number: expected 1 or less, found 2"),
        ("park-a", [STORY[0], STORY[2]], 422, "entries[1].number: expected 2, found 3"),
        ("park-b", STORY, 422, "entries[0].park: expected 'park-b', found 'park-a'"),
        ("park-a", [SHELVED_ELSEWHERE], 422, "entries[0].park: expected 'park-a', found 'park-a' and 'park-b'"),
        ("park-a", [SAYS_NOTHING], 422, "entries[0].park: expected 'park-a', found none"),
    ],
)
def test_a_faulty_batch_is_refused_whole(park: str, entries: list[UplinkEntry], status: int, message: str) -> None:
    """The fault is named, and nothing is applied."""
    city = CityNode(["park-a", "park-b"])
    with pytest.raises(PeerError) as refusal:
        city.apply(park, UplinkBatch(entries=entries), 1)
    assert (refusal.value.status, str(refusal.value)) == (status, message)
    assert city.overview().parks == []


def test_an_act_on_a_quiet_alarm_is_an_event_without_an_alert() -> None:
    """The city passes on what the operator did, and counts no alert."""
    city = CityNode(["park-a"])
    entry = UplinkAlert(
        number=1, transition="shelve", at_ms=5, alert=None, alarm=SHELVED, operator="li", comment="noise"
    )
    change = city.apply("park-a", UplinkBatch(entries=[entry]), 7)
    (event,) = change.events
    assert (event.transition, event.alert, event.alarm, event.operator, event.comment) == (
        "shelve",
        None,
        SHELVED,
        "li",
        "noise",
    )
    assert (change.overview.alerts_total, city.alerts) == (0, {})


def test_an_empty_batch_is_a_sign_of_life() -> None:
    """A park that has nothing to tell is heard all the same."""
    city = CityNode(["park-a"])
    assert city.apply("park-a", UplinkBatch(entries=[]), 70).response.applied_through == 0
    assert city.overview().parks[0].last_heard_ms == 70


def test_a_restored_city_goes_on_where_it_was() -> None:
    """Overviews and standing alerts are all that the node needs."""
    city = CityNode(["park-a"])
    change = city.apply("park-a", UplinkBatch(entries=STORY[:5]), 1)
    restored = CityNode.restore(["park-a"], overviews=[change.overview], alerts=city.alerts.values())
    batch = UplinkBatch(entries=STORY[3:])
    assert restored.apply("park-a", batch, 2) == city.apply("park-a", batch, 2)
    assert restored.alerts == city.alerts


def test_the_memory_of_cleared_alerts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standing alerts always stay; of the cleared ones the oldest go."""
    monkeypatch.setattr(city_node, "RECENT_ALERTS_MAX", 3)
    cleared = [told(n, "clear", replace(ALERT, alert_id=f"c{n}", cleared_ms=1)) for n in range(2, 9)]
    city = CityNode(["park-a"])
    city.apply("park-a", UplinkBatch(entries=[told(1), *cleared]), 1)
    assert list(city.alerts) == ["a1", "c6", "c7", "c8"]
