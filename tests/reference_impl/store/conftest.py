"""A small park: two gateways with two points each, and one rule."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from contract.columns import Columns
from contract.messages import Point, PointList
from contract.rules import LimitRule, RuleSet
from reference_impl.park.change import Change
from reference_impl.park.node import ParkNode
from reference_impl.store.park_store import ParkStore

NOW_MS = 1_700_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ParkStore]:
    """An open store in an empty folder."""
    opened = ParkStore(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def points() -> PointList:
    """Points 0 and 1 of gw-01, 2 and 3 of gw-02."""
    return PointList(
        points=[
            Point(
                name=f"env/z01/air-{place}/so2", gateway=f"gw-0{1 + place // 2}", zone="z01", subsystem="env", unit="1"
            )
            for place in range(4)
        ]
    )


@pytest.fixture
def rules() -> RuleSet:
    """SO2 of 10 or more raises an alarm at once."""
    return RuleSet(version="1", rules=[LimitRule(id="so2-high", points="env/*/*/so2", high=10.0, deadband=1.0)])


@pytest.fixture
def configured(points: PointList, rules: RuleSet) -> Callable[[str], tuple[ParkNode, list[Change]]]:
    """Makes a node with points and rules, and gives the changes that made it so."""

    def make(park: str) -> tuple[ParkNode, list[Change]]:
        node = ParkNode(park)
        return node, [node.configure_points(points), node.configure_rules(rules, NOW_MS)]

    return make


@pytest.fixture
def pack() -> Callable[..., Columns]:
    """Makes readings of one point, the n-th at `at_s` + n seconds."""

    def make(point: int, at_s: int, *values: float) -> Columns:
        times = NOW_MS + 1000 * (at_s + np.arange(len(values), dtype=np.int64))
        return Columns(np.full(len(values), point, np.int32), times, np.array(values, np.float64))

    return make
