"""Alarm timelines that an operator can read: readings at times, transitions expected at times (format: `story`)."""

import re
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import msgspec
import pytest
from agreement import CoreUnderTest, columns_of
from alarm_oracle import Oracle
from oracle_alarms import Happening
from story import Expected, Step, Timeline, read_timeline

from contract.addresses import alert_id
from contract.errors import PeerError
from contract.messages import MAX_FUTURE_MS
from reference_impl import monitoring

TIMELINES = sorted(Path(__file__).with_name("timelines").glob("*.yaml"))
SEMANTICS = Path(monitoring.__file__).with_name("SEMANTICS.md")


def play(timeline: Timeline, told_by: CoreUnderTest | Oracle) -> list[Happening]:
    """Play a story to the core or to the oracle, holding it to what the story expects; returns all that happened."""
    newest: dict[str, int] = {}
    everything: list[Happening] = []
    for place, step in enumerate(timeline.steps):
        happened, late = _play_step(timeline, step, told_by, newest)
        shown = [_shown(happening, expected) for happening, expected in zip_longest(happened, step.expect)]
        wanted = [_wanted(timeline, expected) for expected in step.expect]
        assert (shown, late) == (wanted, step.late), f"steps[{place}] of {timeline.title!r}"
        everything += happened
    return everything


def _play_step(
    timeline: Timeline, step: Step, told_by: CoreUnderTest | Oracle, newest: dict[str, int]
) -> tuple[Sequence[Happening], int]:
    if step.finish:
        return told_by.finish(step.finish)
    if step.rules is not None:
        stood = told_by.standing()
        told_by.set_rules(timeline.rules_of(step.rules))
        still = told_by.standing()
        return [happening for happening in stood if happening not in still], 0
    if isinstance(told_by, CoreUnderTest) and step.save:
        told_by.save()
    if isinstance(told_by, CoreUnderTest) and step.kill:
        told_by.kill()
    if step.readings and not step.refused:
        gateway = timeline.points[step.readings[0][1]]
        number = step.number or newest.get(gateway, 0) + 1
        newest[gateway] = max(number, newest.get(gateway, 0))
        return told_by.apply(gateway, timeline.readings_of(step), number if timeline.numbered else None)
    return (), 0


def _wanted(timeline: Timeline, expected: Expected) -> dict[str, object]:
    """What a story says of a transition."""
    wanted = {"at": timeline.milliseconds(expected.time), "what": expected.what, "rule": expected.rule}
    wanted |= {"subject": expected.subject, **msgspec.structs.asdict(expected.detail)}
    if expected.detail.onset is not None:
        wanted["onset"] = timeline.milliseconds(expected.detail.onset)
    return {name: value for name, value in wanted.items() if value is not None}


def _shown(happening: Happening | None, expected: Expected | None) -> dict[str, object]:
    """A transition, with those details that the story mentions."""
    if happening is None:
        return {}
    shown: dict[str, object] = {"at": happening.at_ms, "what": happening.what, "rule": happening.rule}
    shown["subject"] = happening.subject.name
    details = {"level": happening.level, "value": happening.value, "onset": happening.onset_ms}
    details["gateway"] = happening.subject.gateway
    mentioned = msgspec.structs.asdict(expected.detail) if expected else {}
    return shown | {name: value for name, value in details.items() if mentioned.get(name) is not None}


@pytest.mark.parametrize("path", TIMELINES, ids=lambda path: path.stem)
def test_timeline(path: Path) -> None:
    """What the file expects, no more and no less, happens when the file says so."""
    timeline = read_timeline(path)
    core = CoreUnderTest(timeline.park, timeline.rules_of(timeline.rules), timeline.lateness_ms)
    everything = play(timeline, core) + core.replayed
    if timeline.alerts is not None:
        alerts = {alert_id("park", told.subject.name, told.rule, told.onset_ms) for told in everything}
        assert len(alerts) == timeline.alerts


@pytest.mark.parametrize("path", TIMELINES, ids=lambda path: path.stem)
def test_timeline_by_the_oracle(path: Path) -> None:
    """The oracle, to which the core is held on random histories, is held to what operators expect."""
    timeline = read_timeline(path)
    play(timeline, Oracle(timeline.park, timeline.rules_of(timeline.rules), timeline.lateness_ms))


def test_packs_that_timelines_say_are_refused() -> None:
    """They are refused, for the reason that the story gives."""
    stories = [
        (timeline, step) for timeline in map(read_timeline, TIMELINES) for step in timeline.steps if step.refused
    ]
    assert stories
    for timeline, step in stories:
        assert step.now is not None
        monitor = monitoring.Monitor(timeline.park, timeline.rules_of(timeline.rules))
        gateway = monitor.gateways.index(timeline.points[step.readings[0][1]])
        with pytest.raises(PeerError, match=re.escape(step.refused)):
            monitor.check(
                gateway, columns_of(timeline.readings_of(step)), timeline.milliseconds(step.now) + MAX_FUTURE_MS
            )


def test_timelines_show_every_sentence() -> None:
    """Each sentence that the core decides has a story, and each story shows sentences that there are."""
    sentences = set(re.findall(r"^- \*\*([A-Z]\d+)\*\*", SEMANTICS.read_text(encoding="utf-8"), re.MULTILINE))
    shown = {sentence for path in TIMELINES for sentence in read_timeline(path).sentences}
    core = {sentence for sentence in sentences if sentence[0] in "CLRKSANETGBI"}
    assert (core - shown, shown - sentences) == (set(), set())


def test_timelines_tell_different_stories() -> None:
    """Each title is a sentence of its own."""
    titles = [read_timeline(path).title for path in TIMELINES]
    assert len(set(titles)) == len(titles) >= 50
