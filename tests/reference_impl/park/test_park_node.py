"""One park from the outside: packs and acts in, changes out."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from contract.addresses import alert_id
from contract.columns import Columns
from contract.errors import PeerError
from contract.messages import Acknowledgement, PointList
from contract.rules import LimitRule, RuleSet
from reference_impl.park.alarm_states import RECENT_ALERTS_MAX
from reference_impl.park.node import ParkNode

Pack = Callable[..., Columns]
Reading = tuple[int, int, float]
NOW_MS = 1_000_000


def test_a_pack_becomes_one_change(node: ParkNode, pack: Pack) -> None:
    """Pack, transitions, uplink and position come together, and the readings in order of time."""
    change = node.ingest("gw-01", 1, pack((0, 3000, 9.0), (1, 1000, 0.5), (0, 1000, 9.0)), NOW_MS)
    (stored,) = change.packs
    assert stored.columns.time_ms.tolist() == [1000, 1000, 3000]
    assert (stored.gateway, stored.sequence, stored.late) == ("gw-01", 1, False)
    assert [(e.transition, e.at_ms, e.alert.point, e.alert.level) for e in change.events] == [
        ("raise", 1000, "env/z01/b/so2", "red"),
        ("raise", 3000, "env/z01/a/so2", "yellow"),
    ]
    alert = change.events[1].alert
    assert alert.alert_id == alert_id("park-a", "env/z01/a/so2", "so2-high", 1000)
    assert (alert.state, alert.onset_ms, alert.raised_ms, alert.value) == ("UNACK", 1000, 3000, 9.0)
    assert [(entry.number, entry.alert) for entry in change.uplink] == [(1, change.events[0].alert), (2, alert)]
    assert change.sources == (("gw-01", 2, ()),)
    assert change.response.readings == 3


def test_clearing_follows_the_lifecycle(node: ParkNode, pack: Pack) -> None:
    """Unacknowledged, an alert returns to RTNUN; acknowledged, to NORM."""
    node.ingest("gw-01", 1, pack((0, 1000, 0.5), (1, 1000, 0.5)), NOW_MS)
    first, second = node.alerts
    acknowledged = node.acknowledge(first, Acknowledgement(operator="li"), NOW_MS)
    assert (acknowledged.response.state, acknowledged.response.acknowledged_by) == ("ACKED", "li")
    assert [(e.number, e.transition) for e in acknowledged.uplink] == [(3, "acknowledge")]
    node.ingest("gw-01", 2, pack((0, 2000, 5.0), (1, 2000, 5.0)), NOW_MS)
    assert [node.alerts[first].state, node.alerts[second].state] == ["NORM", "RTNUN"]
    assert node.alerts[first].cleared_ms == 2000
    assert node.acknowledge(second, Acknowledgement(operator="li"), NOW_MS).response.state == "NORM"
    with pytest.raises(PeerError, match="an alert in state NORM") as refusal:
        node.acknowledge(second, Acknowledgement(operator="li"), NOW_MS)
    assert refusal.value.status == 409
    with pytest.raises(PeerError, match="expected id of an alert, found 'none'") as refusal:
        node.acknowledge("none", Acknowledgement(operator="li"), NOW_MS)
    assert refusal.value.status == 404


def test_a_number_counts_once(node: ParkNode, pack: Pack) -> None:
    """A duplicate changes nothing; gaps may be filled in any order."""
    readings = pack((0, 1000, 0.5))
    node.ingest("gw-01", 1, readings, NOW_MS)
    again = node.ingest("gw-01", 1, readings, NOW_MS)
    assert (again.empty, again.response.duplicate) == (True, True)
    assert node.ingest("gw-01", 6, readings, NOW_MS).sources == (("gw-01", 7, ((2, 5),)),)
    assert node.ingest("gw-01", 4, readings, NOW_MS).sources == (("gw-01", 7, ((2, 3), (5, 5))),)
    assert node.ingest("gw-01", 4, readings, NOW_MS).empty
    assert node.ingest("gw-01", 2, readings, NOW_MS).sources == (("gw-01", 7, ((3, 3), (5, 5))),)
    assert node.ingest("gw-01", 5, readings, NOW_MS).sources == (("gw-01", 7, ((3, 3),)),)
    assert node.ingest("gw-01", 3, readings, NOW_MS).sources == (("gw-01", 7, ()),)


def test_late_readings_are_stored_and_flagged(node: ParkNode, pack: Pack) -> None:
    """A pack from the past is kept whole and changes no alarm."""
    node.ingest("gw-01", 1, pack((0, 2000, 5.0)), NOW_MS)
    change = node.ingest("gw-01", 2, pack((0, 1000, 0.5)), NOW_MS)
    assert (change.packs[0].late, change.late_readings, list(change.events)) == (True, 1, [])


@pytest.mark.parametrize(
    ("gateway", "sequence", "readings", "status", "message"),
    [
        ("gw-09", 1, [(0, 1, 0.0)], 404, "gateway: expected a gateway of the registered points, found 'gw-09'"),
        ("gw-01", 0, [(0, 1, 0.0)], 422, f"Pack-Sequence: expected a number from 1 to {2**62}, found 0"),
        ("gw-01", 2**63, [(0, 1, 0.0)], 422, f"Pack-Sequence: expected a number from 1 to {2**62}, found {2**63}"),
        ("gw-01", 1, [(0, 1, 0.0), (9, 1, 0.0)], 422, "[1]: expected a point index below 4, found index 9"),
        (
            "gw-01",
            1,
            [(0, 1, 0.0), (2, 1, 0.0)],
            422,
            "[1]: expected a point of the gateway that sends the pack, found index 2",
        ),
        ("gw-01", 1, [(0, 1, 0.0), (0, 1, float("inf"))], 422, "[1]: expected a finite number, found inf"),
        (
            "gw-01",
            1,
            [(0, 1, 0.0), (0, NOW_MS + 60_001, 0.0)],
            422,
            "[1]: expected at most 1060000 ms, a minute after the platform's clock, found 1060001 ms",
        ),
    ],
)
def test_a_faulty_pack_is_refused_whole(  # noqa: PLR0917 - a row of the table above
    node: ParkNode, pack: Pack, gateway: str, sequence: int, readings: list[Reading], status: int, message: str
) -> None:
    """The fault is named, and neither state nor position moves."""
    before = node.snapshot()
    with pytest.raises(PeerError) as refusal:
        node.ingest(gateway, sequence, pack(*readings), NOW_MS)
    assert (refusal.value.status, str(refusal.value)) == (status, message)
    assert (node.snapshot(), dict(node.alerts), node.outbox_number) == (before, {}, 0)
    assert not node.ingest("gw-01", 1, pack((0, 1, 5.0)), NOW_MS).response.duplicate


def test_missing_packs_are_bounded(node: ParkNode, pack: Pack) -> None:
    """A gateway that skips numbers without end is refused before its gaps fill the memory."""
    readings = pack((0, 1000, 5.0))
    for sequence in range(2, 2002, 2):
        node.ingest("gw-01", sequence, readings, NOW_MS)
    with pytest.raises(PeerError, match="expected 2001 or a missing number, found 2002 with 1000 gaps"):
        node.ingest("gw-01", 2002, readings, NOW_MS)
    assert node.ingest("gw-01", 1, readings, NOW_MS).packs
    assert node.ingest("gw-01", 2002, readings, NOW_MS).packs


def test_points_are_fixed_once_telemetry_is_stored(node: ParkNode, points: PointList, pack: Pack) -> None:
    """An index in a stored pack always means the same point."""
    fewer = PointList(points=points.points[:2])
    assert node.configure_points(points).empty
    assert node.configure_points(fewer).points == fewer
    assert node.configure_points(points).snapshot == node.snapshot()
    node.ingest("gw-01", 1, pack((0, 1000, 5.0)), NOW_MS)
    assert node.configure_points(points).empty
    with pytest.raises(PeerError, match="telemetry of it is stored") as refusal:
        node.configure_points(fewer)
    assert refusal.value.status == 409


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"name": "so2"}, "points[1].name: expected a name such as 'env/z03/air-0007/so2', found 'so2'"),
        (
            {"name": "env/z01/a/so2"},
            "points[1].name: expected a name other than that of points[0], found 'env/z01/a/so2'",
        ),
        ({"gateway": ""}, "points[1].gateway: expected lower-case letters, digits and '-', at most 63, found ''"),
        ({"zone": "Z 1"}, "points[1].zone: expected lower-case letters, digits and '-', at most 63, found 'Z 1'"),
    ],
)
def test_a_faulty_list_of_points_is_refused(points: PointList, fault: dict[str, str], message: str) -> None:
    """The place of the fault is told, and nothing is registered."""
    node = ParkNode("park-a")
    with pytest.raises(PeerError) as refusal:
        node.configure_points(PointList(points=[points.points[0], replace(points.points[1], **fault)]))
    assert str(refusal.value) == message
    assert node.points is None


def test_an_empty_list_of_points_is_refused() -> None:
    """A park without points is a mistake."""
    with pytest.raises(PeerError, match="points: expected 1 to 1000000, found 0"):
        ParkNode("park-a").configure_points(PointList(points=[]))


def test_changed_rules_clear_what_they_no_longer_watch(node: ParkNode, rules: RuleSet, pack: Pack) -> None:
    """An alert of a rule that went is cleared and told to the city; a rule that stays keeps its timers."""
    node.ingest("gw-01", 1, pack((0, 1000, 0.5), (1, 2000, 9.0)), NOW_MS)
    change = node.configure_rules(RuleSet(version="2", rules=rules.rules[:1]), NOW_MS)
    assert [(e.transition, e.at_ms, e.alert.rule, e.alert.state) for e in change.events] == [
        ("clear", 2000, "any-low", "RTNUN")
    ]
    assert [entry.number for entry in change.uplink] == [2]
    assert change.snapshot == node.snapshot()
    later = node.ingest("gw-01", 2, pack((0, 4000, 5.0)), NOW_MS)
    assert [(e.transition, e.at_ms, e.alert.rule) for e in later.events] == [("raise", 4000, "so2-high")]
    assert node.configure_rules(RuleSet(version="2", rules=rules.rules[:1]), NOW_MS).empty


def test_a_faulty_rule_changes_nothing(node: ParkNode, rules: RuleSet) -> None:
    """Rules are replaced as a whole or not at all."""
    bad = RuleSet(version="2", rules=[*rules.rules, LimitRule(id="none", points="*/*")])
    with pytest.raises(PeerError, match=r"rules\[2\]: expected high or low, found neither"):
        node.configure_rules(bad, NOW_MS)
    assert node.rules == rules


def test_the_memory_of_cleared_alerts_is_bounded(node: ParkNode, pack: Pack) -> None:
    """Standing alerts always stay; of the cleared ones the oldest go, and come back when the store hands them in."""
    node.ingest("gw-02", 1, pack((3, 500, 0.5)), NOW_MS)
    (standing,) = node.alerts
    chatter = [(0, time_ms, 0.5 if time_ms % 2 else 5.0) for time_ms in range(1, 2 * RECENT_ALERTS_MAX + 100)]
    events = node.ingest("gw-01", 1, pack(*chatter), NOW_MS).events
    assert len(node.alerts) == RECENT_ALERTS_MAX + 2
    assert standing in node.alerts
    oldest = events[1].alert
    assert oldest.alert_id not in node.alerts
    node.recall_alert(oldest)
    assert node.acknowledge(oldest.alert_id, Acknowledgement(operator="li"), NOW_MS).response.state == "NORM"


def test_before_registration_there_is_no_gateway(pack: Pack) -> None:
    """Telemetry for a park that is not registered is refused as unknown."""
    with pytest.raises(PeerError) as refusal:
        ParkNode("park-a").ingest("gw-01", 1, pack((0, 1, 0.0)), NOW_MS)
    assert refusal.value.status == 404
