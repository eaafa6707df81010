"""The life of alerts in a flood: every reading makes a transition, 94,000 alarms come and all go again.

Each gateway sends one pack in which all its points cross their limit, then one in which all are back. A reading is a
transition here, so the rates are transitions a second.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.load import PARK, START_MS, layout
from contract.columns import Columns
from contract.rules import Inhibition, LimitRule, Rule
from reference_impl.monitoring import Monitor
from reference_impl.park.alerts import AlertBook

POINTS, GATEWAYS = 94_000, 188
LIMIT = LimitRule(id="limit", points="*/*/*/*", high=50.0, deadband=1.0)
# The cause never stands; that it might costs a look-up at each raise and clear.
INHIBITED = LimitRule(
    id="limit",
    points="*/*/*/*",
    high=50.0,
    deadband=1.0,
    suppressed_by=(Inhibition(rule="master"),),
    escalate_after_s=900,
)
MASTER = LimitRule(id="master", points="*/*/*/*", high=1000.0)
Setup = Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]


def _packs(monitor: Monitor) -> list[tuple[int, int, Columns]]:
    """(gateway, number of the pack, readings): first all gateways up, then all down."""
    place_of = {gateway: place for place, gateway in enumerate(monitor.gateways)}
    gateway_of = np.array([place_of[point.gateway] for point in monitor.subjects[:POINTS]])
    packs = []
    for number, value in ((1, 60.0), (2, 40.0)):
        for gateway in range(len(place_of)):
            points = np.flatnonzero(gateway_of == gateway).astype(np.int32)
            times = np.full(len(points), START_MS + 60_000 * number, np.int64)
            packs.append((gateway, number, Columns(points, times, np.full(len(points), value))))
    return packs


def _fresh(rules: list[Rule]) -> Setup:
    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        monitor, book = Monitor(layout(POINTS, GATEWAYS).points, rules), AlertBook(PARK)
        book.configure(rules, monitor.subjects, START_MS)
        return (monitor, book, _packs(monitor)), {}

    return setup


def _core(monitor: Monitor, _book: AlertBook, packs: list[tuple[int, int, Columns]]) -> int:
    count = 0
    for gateway, number, columns in packs:
        checked = monitor.check(gateway, columns, START_MS + 10**6)
        count += len(monitor.apply(gateway, checked, number).transitions)
    return count


def _core_and_lifecycle(monitor: Monitor, book: AlertBook, packs: list[tuple[int, int, Columns]]) -> int:
    count = 0
    for gateway, number, columns in packs:
        checked = monitor.check(gateway, columns, START_MS + 10**6)
        transitions = monitor.apply(gateway, checked, number).transitions
        count += len(book.follow(transitions, START_MS))
    return count


@pytest.mark.parametrize(
    ("case", "rules", "run"),
    [
        ("core alone", [LIMIT], _core),
        ("core and lifecycle", [LIMIT], _core_and_lifecycle),
        ("core and lifecycle, with inhibition and escalation", [INHIBITED, MASTER], _core_and_lifecycle),
    ],
)
def test_flood(
    benchmark: BenchmarkFixture,
    case: str,
    rules: list[Rule],
    run: Callable[[Monitor, AlertBook, list[tuple[int, int, Columns]]], int],
) -> None:
    benchmark.group = "alarm flood"
    benchmark.extra_info.update(
        case=case, readings=2 * POINTS, bytes=2 * POINTS * 20, note="every reading is a transition"
    )
    assert benchmark.pedantic(run, setup=_fresh(rules), rounds=5, warmup_rounds=1) == 2 * POINTS
