"""Timelines of an operator's desk: readings, acts and the clock at times, and what the operator sees.

A file holds the sentences of SEMANTICS.md that it shows, rules, points, and steps. Times are seconds. What happens is
written `[seconds, what, point, rule, state]`; without a standing alert the state is that of the alarm, in brackets.
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import yaml
from operator_desk import PARK, START_MS, OperatorDesk

from contract.errors import PeerError
from contract.messages import Transition
from reference_impl.monitoring import lifecycle
from reference_impl.monitoring.incidents import gathered
from reference_impl.monitoring.kpis import kpis
from reference_impl.park.change import EventDraft

FOLDER = Path(__file__).with_name("operator_timelines")
TIMELINES = sorted(FOLDER.glob("*.yaml"))
SEMANTICS = Path(lifecycle.__file__).with_name("SEMANTICS.md")
Happened = tuple[float, str, str, str, str]


class Act(msgspec.Struct, forbid_unknown_fields=True):
    """What an operator does to an alarm."""

    point: str
    rule: str
    by: str = "li"
    why: str = ""
    minutes: float | None = None

    def message(self) -> dict[str, Any]:
        """The body of the request."""
        body = {"point": self.point, "rule": self.rule, "operator": self.by, "reason": self.why}
        return body if self.minutes is None else {**body, "duration_s": round(60 * self.minutes)}


class Flap(msgspec.Struct, forbid_unknown_fields=True):
    """A value that goes in and out of alarm `times` times, `every` so many seconds."""

    point: str
    times: int
    every: float
    inside: float = 90.0
    outside: float = 10.0


class Check(msgspec.Struct, forbid_unknown_fields=True):
    """What the operator sees when asking.

    Attributes:
        alerts: fields of every alert so far, in the order in which they were raised.
        aside: [point, rule, state, operator, reason] of the alarms set aside.
        incidents: [zone, cause, alerts, standing], the newest first.
        floods: [begin, end, alarms, peak] of the floods.
        kpis: key figures of the time from 0 until now.
        told: [what, operator, comment] of the last events.
    """

    alerts: list[dict[str, Any]] | None = None
    aside: list[tuple[str, str, str, str, str]] | None = None
    incidents: list[tuple[str, str, int, int]] | None = None
    floods: list[tuple[float, float | None, int, int]] | None = None
    kpis: dict[str, Any] | None = None
    told: list[tuple[str, str, str]] | None = None


class Step(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One thing that happens, at `at` by the clock of all; readings may be `of` an earlier time."""

    at: float
    of: float | None = None
    read: dict[str, float] | None = None
    flap: Flap | None = None
    acknowledge: Act | None = None
    shelve: Act | None = None
    unshelve: Act | None = None
    remove_from_service: Act | None = None
    return_to_service: Act | None = None
    tick: bool = False
    kill: bool = False
    rules: list[dict[str, Any]] | None = None
    expect: list[Happened] | None = None
    refused: str = ""
    check: Check | None = None


class Timeline(msgspec.Struct, forbid_unknown_fields=True):
    """One story."""

    title: str
    sentences: list[str]
    rules: list[dict[str, Any]]
    steps: list[Step]
    points: dict[str, str] = msgspec.field(default_factory=lambda: {"tank/z1/a/level": "gw", "tank/z1/b/level": "gw"})


def _read(path: Path) -> Timeline:
    return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Timeline)


def _doing(desk: OperatorDesk, step: Step) -> Callable[[], list[EventDraft]] | None:
    """What a step does, if it is not only the clock and the eye."""
    if step.read is not None:
        return partial(desk.read, step.read, step.at if step.of is None else step.of, step.at)
    if step.flap is not None:
        return partial(_flap, desk, step.at, step.flap)
    if step.acknowledge is not None:
        alarm = (step.acknowledge.point, step.acknowledge.rule)
        return partial(desk.acknowledge, alarm, step.acknowledge.by, step.at)
    if step.rules is not None:
        return partial(desk.change_rules, step.rules, step.at)
    for act in ("shelve", "unshelve", "remove_from_service", "return_to_service"):
        asked: Act | None = getattr(step, act)
        if asked is not None:
            return partial(desk.act, act, asked.message(), step.at)
    return None


def _flap(desk: OperatorDesk, at_s: float, flap: Flap) -> list[EventDraft]:
    """A value goes in and out of alarm; out again half way to the next time."""
    events: list[EventDraft] = []
    for number in range(flap.times):
        began_s = at_s + number * flap.every
        ended_s = began_s + flap.every / 2
        events += desk.read({flap.point: flap.inside}, began_s, began_s)
        events += desk.read({flap.point: flap.outside}, ended_s, ended_s)
    return events


def _seen(event: EventDraft) -> Happened:
    at_s = (event.at_ms - START_MS) / 1000
    if event.alert is not None:
        return (at_s, event.transition, event.alert.point, event.alert.rule, event.alert.state)
    assert event.alarm is not None
    return (at_s, event.transition, event.alarm.point, event.alarm.rule, f"({event.alarm.state})")


def _play(desk: OperatorDesk, step: Step) -> list[EventDraft]:
    if step.kill:
        desk.kill()
    events = desk.tick(step.at) if step.tick else []
    do = _doing(desk, step)
    if do is None:
        return events
    if not step.refused:
        return events + do()
    with pytest.raises(PeerError) as refusal:
        do()
    assert str(refusal.value) == step.refused
    return events


def _look(desk: OperatorDesk, check: Check, now_s: float) -> None:
    """The operator looks at everything that the step names."""
    alerts, now_ms = list(desk.alerts.values()), START_MS + round(1000 * now_s)
    figures = kpis(alerts, START_MS, now_ms, PARK)
    second = partial(_second, START_MS)
    if check.alerts is not None:
        assert [
            {field: getattr(alert, field) for field in seen} for alert, seen in zip(alerts, check.alerts, strict=True)
        ] == (check.alerts)
    if check.aside is not None:
        assert [(each.point, each.rule, each.state, each.operator, each.reason) for each in desk.aside] == check.aside
    if check.incidents is not None:
        assert [(each.zone, each.cause, each.alerts, each.standing) for each in gathered(alerts)] == check.incidents
    if check.floods is not None:
        found = [(second(each.begin_ms), second(each.end_ms), each.alarms, each.peak) for each in figures.floods]
        assert found == check.floods
    if check.kpis is not None:
        assert {name: getattr(figures, name) for name in check.kpis} == check.kpis
    if check.told is not None:
        told = [(event.transition, event.operator, event.comment) for event in desk.city_events[-len(check.told) :]]
        assert told == check.told


def _second(start_ms: int, at_ms: int | None) -> float | None:
    return None if at_ms is None else (at_ms - start_ms) / 1000


@pytest.mark.parametrize("path", TIMELINES, ids=lambda path: path.stem)
def test_operator_timeline(path: Path) -> None:
    """What the file expects, no more and no less, happens when the file says so, and the city is told the same."""
    timeline = _read(path)
    desk = OperatorDesk(timeline.points, timeline.rules)
    for step in timeline.steps:
        happened = [_seen(event) for event in _play(desk, step)]
        if step.expect is not None or step.flap is None:
            assert happened == (step.expect or []), f"{timeline.title}: at {step.at}"
        if step.check is not None:
            _look(desk, step.check, step.at)
    assert desk.city_events == desk.events


def test_timelines_show_every_sentence_of_the_operators_side() -> None:
    """Each sentence O-n of SEMANTICS.md has a story, and no story shows a sentence that is not there."""
    written = set(re.findall(r"^- \*\*(O\d+)\*\*", SEMANTICS.read_text(encoding="utf-8"), re.MULTILINE))
    shown = {sentence for path in TIMELINES for sentence in _read(path).sentences}
    assert written
    assert shown == written


def test_timelines_show_every_transition() -> None:
    """Whatever the contract can tell about an alert happens in a story."""
    shown = {seen[1] for path in TIMELINES for step in _read(path).steps for seen in step.expect or []}
    assert shown == set(get_args(Transition))
