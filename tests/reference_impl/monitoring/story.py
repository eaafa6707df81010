"""Alarm timelines that an operator can read: what arrives, and what is expected of it.

A file holds a title, the sentences of SEMANTICS.md that it shows, points with their gateways, rules as in a rules file
(`kind: limit` and all points where nothing else is said), and steps. Times are seconds; with a `start` they count from
there, and may be written as clock times of its day ("22:00") or with a date ("2026-03-03 06:00"). A gateway's packs are
numbered in the order of the steps unless they say otherwise.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml
from monitored_points import points_of
from oracle_release import Reading

from contract.messages import Point
from contract.rulebook.load import parse_rules
from contract.rules import Rule
from contract.spans import span_ms
from contract.strict_yaml import CoreLoader

Time = float | str
Written = dict[str, Any]


class Detail(msgspec.Struct, forbid_unknown_fields=True):
    """What else is expected of a transition, where the story is about it."""

    level: str | None = None
    value: float | None = None
    onset: Time | None = None
    gateway: str | None = None


class Expected(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """A transition that is expected."""

    time: Time
    what: str
    subject: str
    rule: str
    detail: Detail = msgspec.field(default_factory=Detail)


class Step(msgspec.Struct, forbid_unknown_fields=True):
    """One thing that happens, and the transitions and the count of late readings that it brings.

    Attributes:
        readings: a pack: [time, point, value] each.
        number: its number, if it is not the next; packs without numbers have none at all.
        now: time of the platform's clock, where a pack is refused for it.
        refused: part of the message with which it is refused.
        rules: new rules; expected are the alerts that the change clears.
        save: a snapshot is taken.
        kill: the monitor is killed, restored from the last snapshot, and given the packs since then again.
        finish: the gateway whose readings end here.
        expect: [time, "raise" | "clear" | "level", subject, rule, details] each.
        late: readings that turn out to be late.
    """

    readings: list[tuple[Time, str, float]] = []
    number: int | None = None
    now: Time | None = None
    refused: str = ""
    rules: list[Written] | None = None
    save: bool = False
    kill: bool = False
    finish: str = ""
    expect: list[Expected] = []
    late: int = 0


class Timeline(msgspec.Struct, forbid_unknown_fields=True):
    """One story.

    Attributes:
        points: gateway of each point.
        numbered: packs carry numbers.
        alerts: how many different alerts there are in all, replays included.
    """

    title: str
    sentences: list[str]
    rules: list[Written]
    steps: list[Step]
    points: dict[str, str] = msgspec.field(default_factory=lambda: {"tank/1/level": "gw"})
    start: str = "1970-01-01T00:00:00+00:00"
    lateness: str = "5s"
    numbered: bool = True
    alerts: int | None = None

    def milliseconds(self, time: Time) -> int:
        """Unix milliseconds of a time in the file."""
        start = datetime.fromisoformat(self.start)
        if isinstance(time, str):
            moment = datetime.fromisoformat(time if "-" in time else f"{start.date()} {time}").replace(
                tzinfo=start.tzinfo
            )
            return round(moment.timestamp() * 1000)
        return round(start.timestamp() * 1000) + round(time * 1000)

    @property
    def lateness_ms(self) -> int:
        """How long readings wait."""
        lateness_ms = span_ms(self.lateness)
        assert lateness_ms is not None, self.lateness
        return lateness_ms

    @property
    def park(self) -> list[Point]:
        """The points."""
        return points_of(self.points)

    def rules_of(self, written: Sequence[Written]) -> list[Rule]:
        """Rules, read and checked as those of a rules file."""
        whole = {"rules": [self._completed(rule) for rule in written]}
        return parse_rules(json.dumps(whole), self.title).rules

    def readings_of(self, step: Step) -> list[Reading]:
        """The pack of a step."""
        names = list(self.points)
        return [Reading(names.index(point), self.milliseconds(time), value) for time, point, value in step.readings]

    def _completed(self, rule: Written) -> Written:
        rule = {"kind": "limit", **rule}
        if "select" not in rule and rule["kind"] not in ("k_of_n", "expression"):
            return {"points": "/".join("*" * len(next(iter(self.points)).split("/"))), **rule}
        return rule


def read_timeline(path: Path) -> Timeline:
    """A story from its file."""
    written = yaml.load(path.read_text(encoding="utf-8"), CoreLoader)  # noqa: S506 - a subclass of the safe loaders
    return msgspec.convert(written, Timeline)
