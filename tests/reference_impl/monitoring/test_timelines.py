"""Alarm timelines that an operator can read: readings at times, transitions expected at times.

A file holds a sentence number of SEMANTICS.md, rules, and packs in the order in which they arrive. Times are seconds.
"""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import yaml
from monitored_points import points_of

from contract.columns import Columns
from contract.rules import LimitRule
from reference_impl.monitoring import Monitor
from reference_impl.monitoring.slots import RAISE

TIMELINES = sorted(Path(__file__).with_name("timelines").glob("*.yaml"))


class Pack(msgspec.Struct, forbid_unknown_fields=True):
    """What one gateway hands in: [seconds, point, value]; and what is expected: [seconds, what, point, rule]."""

    readings: list[tuple[float, str, float]]
    expect: list[tuple[float, str, str, str]] = []
    late: int = 0
    gateway: str = "gw"


class Timeline(msgspec.Struct, forbid_unknown_fields=True):
    """One story."""

    title: str
    sentences: list[int]
    rules: list[dict[str, Any]]
    packs: list[Pack]
    points: dict[str, str] = msgspec.field(default_factory=lambda: {"tank/1/level": "gw"})  # point name to gateway


@pytest.mark.parametrize("path", TIMELINES, ids=lambda path: path.stem)
def test_timeline(path: Path) -> None:
    """What the file expects, no more and no less, happens when the file says so."""
    timeline = msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Timeline)
    rules = [msgspec.convert({"kind": "limit", "points": "*/*/*", **rule}, LimitRule) for rule in timeline.rules]
    monitor = Monitor(points_of(timeline.points), rules)
    names = list(timeline.points)
    for pack in timeline.packs:
        times_s, points, values = zip(*pack.readings, strict=True)
        columns = Columns(
            np.array([names.index(point) for point in points], dtype=np.int32),
            np.array([round(time_s * 1000) for time_s in times_s], dtype=np.int64),
            np.array(values, dtype=np.float64),
        )
        gateway = monitor.gateways.index(pack.gateway)
        applied = monitor.apply(gateway, monitor.check(gateway, columns, 10**15))
        happened = [
            (t.at_ms / 1000, "raise" if t.kind == RAISE else "clear", names[t.subject], t.rule.id)
            for t in applied.transitions
        ]
        assert (happened, applied.late) == (pack.expect, pack.late), timeline.title


def test_timelines_show_every_sentence_of_the_limit_rule_and_of_time() -> None:
    """Sentences 1 to 12 of SEMANTICS.md, which the core alone decides, each have a story."""
    shown = {
        sentence
        for path in TIMELINES
        for sentence in msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Timeline).sentences
    }
    assert shown >= set(range(1, 13))
