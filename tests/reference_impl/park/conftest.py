"""A small park, ready for telemetry, and packs for it."""

from collections.abc import Callable

import numpy as np
import pytest
from small_park import POINTS, RULES

from contract.columns import Columns
from contract.messages import PointList
from contract.rules import RuleSet
from reference_impl.park.node import ParkNode


@pytest.fixture
def points() -> PointList:
    """The registered points."""
    return POINTS


@pytest.fixture
def rules() -> RuleSet:
    """The rules."""
    return RULES


@pytest.fixture
def node() -> ParkNode:
    """A park that is ready for telemetry."""
    node = ParkNode("park-a")
    node.configure_points(POINTS)
    node.configure_rules(RULES, 0)
    return node


@pytest.fixture
def pack() -> Callable[..., Columns]:
    """Make columns from (point, time in ms, value)."""

    def columns(*readings: tuple[int, int, float]) -> Columns:
        point, time_ms, value = zip(*readings, strict=True)
        return Columns(np.array(point, np.int32), np.array(time_ms, np.int64), np.array(value, np.float64))

    return columns
