"""The core: three limit rules a point, beside a loop that only loads and stores the same columns."""

import numpy as np
import pytest
from msgspec.structs import replace
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.load import START_MS, layout, load_and_store, pack
from benchmarks.micro.table import BARE
from contract.columns import Columns
from contract.messages import Level
from contract.rules import LimitRule
from reference_impl.monitoring.monitor import Monitor

POINTS = 94_000  # 47 parks of 2,000 points
LIMITS: dict[Level, float] = {"yellow": 50.0, "orange": 60.0, "red": 70.0}
RULES = [
    LimitRule(
        id=f"limit-{level}", points="*/*/*/*", high=high, deadband=1.0, on_delay_s=1.0, off_delay_s=1.0, level=level
    )
    for level, high in LIMITS.items()
]
PACKS = 8


def _packs(order: str) -> list[Columns]:
    """Consecutive seconds of all points, in the order of their index or in random order; some points stand in alarm."""
    rng = np.random.default_rng(2)
    packs = []
    for second in range(PACKS):
        point, time_ms, value = pack(POINTS, POINTS, time_ms=START_MS + second * 1000)
        value[:: POINTS // 50] = 75.0
        place = rng.permutation(POINTS) if order == "random order" else np.arange(POINTS)
        packs.append(Columns(point[place], time_ms, value[place]))
    return packs


@pytest.mark.parametrize("order", ["index order", "random order"])
class TestCore:
    """One group for each order; a round takes eight seconds of the whole city."""

    @pytest.fixture(autouse=True)
    def _work(self, benchmark: BenchmarkFixture, order: str) -> None:
        self.packs = _packs(order)
        benchmark.group = f"core, {order}"
        benchmark.extra_info.update(
            readings=PACKS * POINTS, bytes=PACKS * sum(column.nbytes for column in self.packs[0])
        )

    def test_bare_loop(self, benchmark: BenchmarkFixture, order: str) -> None:  # noqa: ARG002 - a parameter of the class
        last_ms, last = np.zeros(POINTS, dtype=np.int64), np.zeros(POINTS)
        benchmark.extra_info["case"] = BARE

        def run() -> None:
            for columns in self.packs:
                load_and_store(*columns, last_ms, last)

        benchmark(run)
        assert (last[self.packs[-1].point] == self.packs[-1].value).all()

    def test_three_limit_rules(self, benchmark: BenchmarkFixture, order: str) -> None:  # noqa: ARG002 - a parameter of the class
        points = [replace(point, gateway="gw") for point in layout(POINTS, 188).points]
        benchmark.extra_info["case"] = "check, three limit rules"

        def fresh() -> tuple[tuple[Monitor], dict[str, object]]:
            return (Monitor(points, RULES),), {}

        def run(monitor: Monitor) -> int:
            return sum(
                len(monitor.apply(0, monitor.check(0, columns, START_MS + 60_000)).transitions)
                for columns in self.packs
            )

        raised = benchmark.pedantic(run, setup=fresh, rounds=10)
        in_alarm = len(range(0, POINTS, POINTS // 50))
        assert raised == 3 * in_alarm
