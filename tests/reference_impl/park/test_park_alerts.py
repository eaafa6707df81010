"""What happens to alerts: random histories held to a plain account of what each alarm must show, and the corners."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from msgspec.structs import replace
from park_histories import live, steps
from small_park import POINTS

from contract.alarms import AlarmAct, Shelving
from contract.columns import Columns
from contract.errors import PeerError
from contract.messages import Acknowledgement, Alert, Level, Point
from contract.rules import ExpressionRule, Extent, Inhibition, KOfNRule, LimitRule, Rule, RuleSet
from reference_impl.monitoring import AlarmTransition
from reference_impl.monitoring.slots import CLEAR, LEVEL, RAISE
from reference_impl.park.alarm_states import RECENT_ALERTS_MAX
from reference_impl.park.alerts import AlertBook
from reference_impl.park.node import ParkNode

RULE = LimitRule(id="high", points="*/*/*/*", high=1.0, escalate_after_s=60.0)
POINT = POINTS.points[0].name
NOW_MS = 10_000


def transition(kind: int, at_ms: int, subject: int = 0, rule: Rule = RULE, level: Level = "yellow") -> AlarmTransition:
    """What the core says; the onset is a second before a raise."""
    return AlarmTransition(kind, at_ms, subject, rule, at_ms - 1000 if kind == RAISE else 0, 5.0, level)


@pytest.fixture
def book() -> AlertBook:
    """A book under one rule."""
    book = AlertBook("park-a")
    book.configure([RULE], POINTS.points, 0)
    return book


def _must_show(node: ParkNode, alert: Alert) -> set[str]:
    """The states that a standing alert may be in, from nothing but what is set aside and what else stands."""
    aside = {(alarm.point, alarm.rule): alarm.state for alarm in node.aside}
    if (alert.point, alert.rule) in aside:
        return {aside[alert.point, alert.rule]}
    rule = next(rule for rule in node.rules.rules if rule.id == alert.rule) if node.rules else None
    for inhibition in rule.suppressed_by if rule else ():
        assert inhibition.within == "zone"
        if any(
            (each.rule, each.zone, each.cleared_ms) == (inhibition.rule, alert.zone, None)
            for each in node.alerts.values()
        ):
            return {"DSUPR"}
    return {"UNACK", "ACKED"}


def _look(node: ParkNode) -> None:
    for alert in node.alerts.values():
        if alert.cleared_ms is None:
            assert alert.state in _must_show(node, alert), alert
        if alert.state in {"UNACK", "ACKED"}:
            assert (alert.state == "ACKED") == (alert.acknowledged_ms is not None), alert
            assert alert.annunciated_ms is not None, alert
    hidden = [alert for alert in node.alerts.values() if alert.cleared_ms is not None and alert.state == "SHLVD"]
    assert len({(alert.point, alert.rule) for alert in hidden}) == len(hidden), "one alert shows an alarm"


@given(steps)
@settings(max_examples=300, deadline=None)
def test_every_alert_shows_what_its_alarm_is_in(history: list[Any]) -> None:
    """After every step: set aside before suppressed, suppressed as long as a cause stands, else in sight."""
    live(history, killed=True, look=_look)


def test_an_upgrade_is_annunciated_again_and_a_downgrade_is_not(book: AlertBook) -> None:
    """Only a level worse than the present one takes an acknowledgement back, and lets the clock wait anew."""
    (raised,) = book.follow([transition(RAISE, 2000)], NOW_MS)
    identity = raised.alert.alert_id
    book.acknowledge(identity, Acknowledgement(operator="li"), NOW_MS + 1)
    (up,) = book.follow([transition(LEVEL, 3000, level="red")], NOW_MS + 2)
    seen = (up.transition, up.at_ms, up.alert.state, up.alert.level, up.alert.acknowledged_by, up.alert.annunciated_ms)
    assert seen == ("level", 3000, "UNACK", "red", None, NOW_MS + 2)
    (still,) = book.follow([transition(LEVEL, 3500, level="orange")], NOW_MS + 3)
    assert (still.alert.state, still.alert.annunciated_ms) == ("UNACK", NOW_MS + 2)
    book.acknowledge(identity, Acknowledgement(operator="wang"), NOW_MS + 4)
    (down,) = book.follow([transition(LEVEL, 4000, level="blue")], NOW_MS + 5)
    assert (down.alert.state, down.alert.level, down.alert.acknowledged_by) == ("ACKED", "blue", "wang")
    assert book.tick(NOW_MS + 60_002) == []


def test_an_alert_escalates_once(book: AlertBook) -> None:
    """Also when it is annunciated again after its escalation."""
    book.follow([transition(RAISE, 2000)], NOW_MS)
    assert book.due_ms == NOW_MS + 60_000
    assert [event.transition for event in book.tick(NOW_MS + 60_000)] == ["escalate"]
    (alert,) = book.alerts.values()
    book.acknowledge(alert.alert_id, Acknowledgement(operator="li"), NOW_MS + 60_001)
    book.follow([transition(LEVEL, 3000, level="red")], NOW_MS + 60_002)
    assert book.tick(NOW_MS + 10**9) == []
    assert book.due_ms is None


def test_an_alert_annunciated_twice_at_one_moment_escalates_once(node: ParkNode, pack: Callable[..., Columns]) -> None:
    """Shelved and taken back within a millisecond, it waits twice for the same moment."""
    waiting = RuleSet(version="2", rules=[replace(RULE, points="env/*/*/*")])
    node.configure_rules(waiting, NOW_MS)
    node.ingest("gw-01", 1, pack((0, 1, 5.0)), NOW_MS)
    alarm = {"point": POINT, "rule": "high", "operator": "li", "reason": "test"}
    node.act("shelve", Shelving(**alarm, duration_s=60), NOW_MS)
    node.act("unshelve", AlarmAct(**alarm), NOW_MS)
    assert [event.transition for event in node.tick(NOW_MS + 10**6).events] == ["escalate"]


def test_what_was_cleared_is_not_escalated(book: AlertBook) -> None:
    """Nobody is called to what is over."""
    book.follow([transition(RAISE, 2000), transition(CLEAR, 3000)], NOW_MS)
    assert book.tick(NOW_MS + 10**9) == []


NAMES = ["env/z01/a/so2", "env/z01/a/no2", "env/z01/b/so2", "env/z02/a/so2"]


def _subjects(names: list[str]) -> list[Point]:
    """Points of these names, and whatever else alarms are about."""
    return [replace(POINTS.points[0], name=name, zone=name.split("/")[1]) for name in names]


@pytest.mark.parametrize(("within", "reached"), [("point", 1), ("device", 2), ("zone", 3), ("park", 4)])
def test_suppression_reaches_as_far_as_it_says(within: Extent, reached: int) -> None:
    """From the first point on: the same point, device, zone, or the whole park."""
    cause = LimitRule(id="cause", points="*/*/*/*", high=1.0)
    rule = LimitRule(id="high", points="*/*/*/*", high=1.0, suppressed_by=(Inhibition(rule="cause", within=within),))
    book = AlertBook("park-a")
    book.configure([cause, rule], _subjects(NAMES), 0)
    book.follow([transition(RAISE, 2000, place, rule) for place in range(4)], NOW_MS)
    book.follow([transition(RAISE, 3000, 0, cause)], NOW_MS)
    assert {alert.point for alert in book.alerts.values() if alert.state == "DSUPR"} == set(NAMES[:reached])
    events = book.follow([transition(CLEAR, 4000, 0, cause)], NOW_MS)
    assert [event.transition for event in events] == ["clear", *["unsuppress"] * reached]


@pytest.mark.parametrize(
    ("cause", "subject"),
    [
        (ExpressionRule(id="cause", points="*/*/*", when="so2 > 1"), "env/z01/a"),
        (KOfNRule(id="cause", of=("high",), k=2, by="device"), "env/z01/a"),
    ],
)
def test_an_alarm_about_a_device_reaches_its_points(cause: Rule, subject: str) -> None:
    """The subject of such an alarm is the device itself."""
    rule = LimitRule(id="high", points="*/*/*/*", high=1.0, suppressed_by=(Inhibition(rule="cause", within="device"),))
    book = AlertBook("park-a")
    book.configure([cause, rule], _subjects([*NAMES, subject]), 0)
    book.follow([transition(RAISE, 2000, place, rule) for place in range(4)], NOW_MS)
    book.follow([transition(RAISE, 3000, 4, cause)], NOW_MS)
    assert {alert.point for alert in book.alerts.values() if alert.state == "DSUPR"} == set(NAMES[:2])


def test_the_cause_counts_until_its_last_alarm_is_gone() -> None:
    """Two alarms in a zone suppress until both have cleared."""
    cause = LimitRule(id="cause", points="*/*/*/*", high=1.0)
    rule = LimitRule(id="high", points="*/*/*/*", high=1.0, suppressed_by=(Inhibition(rule="cause"),))
    book = AlertBook("park-a")
    book.configure([cause, rule], _subjects(NAMES), 0)
    book.follow([transition(RAISE, 2000, place, cause) for place in (0, 1)], NOW_MS)
    (born,) = book.follow([transition(RAISE, 2500, 2, rule)], NOW_MS)
    assert (born.alert.state, born.alert.annunciated_ms) == ("DSUPR", None)
    assert [event.transition for event in book.follow([transition(CLEAR, 3000, 0, cause)], NOW_MS)] == ["clear"]
    last = book.follow([transition(CLEAR, 4000, 1, cause)], NOW_MS + 5)
    assert [event.transition for event in last] == ["clear", "unsuppress"]
    assert last[1].alert.annunciated_ms == NOW_MS + 5


def test_an_act_answers_the_state_that_the_alarm_has_in_the_end(node: ParkNode, pack: Callable[..., Columns]) -> None:
    """Taken back from the shelf into a suppression, it is not answered as in sight."""
    cause = LimitRule(id="cause", points="env/*/*/*", low=1.0)
    rule = LimitRule(id="high", points="env/*/*/*", high=8.0, suppressed_by=(Inhibition(rule="cause"),))
    node.configure_rules(RuleSet(version="2", rules=[cause, rule]), NOW_MS)
    node.ingest("gw-01", 1, pack((0, 1, 9.0)), NOW_MS)
    alarm = {"point": POINT, "rule": "high", "operator": "li", "reason": "test"}
    assert node.act("shelve", Shelving(**alarm, duration_s=60), NOW_MS).response.state == "SHLVD"
    node.ingest("gw-01", 2, pack((1, 2, 0.0)), NOW_MS)
    back = node.act("unshelve", AlarmAct(**alarm), NOW_MS)
    assert (back.response.state, [event.transition for event in back.events]) == ("DSUPR", ["unshelve", "suppress"])
    assert back.events[0].alarm.state == "UNACK"


def test_a_transition_without_its_alert_is_a_fault(book: AlertBook) -> None:
    """The store and the core would disagree; nothing is made up."""
    for kind in (CLEAR, LEVEL):
        with pytest.raises(KeyError):
            book.follow([transition(kind, 2000)], NOW_MS)


def test_only_what_has_left_its_alarm_is_recalled(book: AlertBook) -> None:
    """An old alert of the store can be acknowledged; a standing one that the node does not know is stale news."""
    (raised, cleared) = book.follow([transition(RAISE, 2000), transition(CLEAR, 3000)], NOW_MS)
    fresh = AlertBook("park-a")
    fresh.configure([RULE], POINTS.points, 0)
    fresh.recall(raised.alert)
    assert fresh.alerts == {}
    fresh.recall(cleared.alert)
    acknowledged = fresh.acknowledge(cleared.alert.alert_id, Acknowledgement(operator="li"), NOW_MS)
    assert (acknowledged.alert.state, acknowledged.operator) == ("NORM", "li")


def test_what_is_out_of_sight_is_kept_however_old(node: ParkNode, pack: Callable[..., Columns]) -> None:
    """The window of recent alerts forgets nothing that a shelving's end still has to move."""
    shelving = Shelving(point=POINT, rule="any-low", operator="li", reason="test", duration_s=3600)
    node.act("shelve", shelving, NOW_MS)
    node.ingest("gw-01", 1, pack((0, 1, 0.5), (0, 2, 5.0)), NOW_MS)
    (hidden,) = node.alerts.values()
    chatter = [(1, time_ms, 0.5 if time_ms % 2 else 5.0) for time_ms in range(3, 2 * RECENT_ALERTS_MAX + 100)]
    node.ingest("gw-01", 2, pack(*chatter), NOW_MS)
    change = node.act("unshelve", AlarmAct(point=POINT, rule="any-low", operator="li"), NOW_MS)
    assert [(event.alert.alert_id, event.alert.state) for event in change.events] == [(hidden.alert_id, "NORM")]


def test_new_rules_end_what_has_lost_its_alarm() -> None:
    """What came and went out of sight under a rule that is no more is over, and does not stay behind."""
    book = AlertBook("park-a")
    cause = LimitRule(id="cause", points="*/*/*/*", high=1.0)
    rule = LimitRule(id="high", points="*/*/*/*", high=1.0, suppressed_by=(Inhibition(rule="cause"),))
    book.configure([cause, rule], POINTS.points, 0)
    book.follow(
        [transition(RAISE, 2000, 0, cause), transition(RAISE, 2000, 1, rule), transition(CLEAR, 2100, 1, rule)], 1
    )
    events = book.configure([cause], POINTS.points, NOW_MS)
    assert [(event.transition, event.at_ms, event.alert.state) for event in events] == [("unsuppress", NOW_MS, "NORM")]


def test_acts_on_what_does_not_exist_are_refused(node: ParkNode) -> None:
    """An unknown point or rule is named, and nothing changes."""
    for point, rule in (("env/z09/x/so2", "any-low"), (POINT, "none")):
        with pytest.raises(PeerError) as refusal:
            node.act("remove_from_service", AlarmAct(point=point, rule=rule, operator="li", reason="x"), NOW_MS)
        assert refusal.value.status == 404
    assert (list(node.aside), node.outbox_number) == ([], 0)
