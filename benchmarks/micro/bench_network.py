"""The access network: a park's readings to numbered packs at the door, beside a bare copy of the same columns.

The readings of a step are made inside the measured part, as the world makes them: one addition for their times.
"""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
import simpy
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.load import PARK, START_MS, layout
from benchmarks.micro.table import BARE
from contract import catalogue
from contract.columns import Columns
from sim.network import AccessNetwork, DirectAccess, LinkBook, standard_book
from sim.randomness import stream

POINTS, GATEWAYS, STEPS, PERIOD_MS = 2_000, 4, 500, 1_000
PHASES_MS = [place * PERIOD_MS // GATEWAYS for place in range(GATEWAYS)]


class City:
    """One park whose readings go on from round to round."""

    def __init__(self, book: LinkBook | None) -> None:
        self.layout = layout(POINTS, GATEWAYS)
        self.env = simpy.Environment(initial_time=START_MS)
        self.network: AccessNetwork | DirectAccess = DirectAccess(park=PARK, layout=self.layout, phases_ms=PHASES_MS)
        if book is not None:
            self.network = AccessNetwork(
                self.env,
                park=PARK,
                layout=self.layout,
                profiles=catalogue.profiles(),
                scheduled=[],
                start_ms=START_MS,
                end_ms=START_MS + 86_400_000,
                period_ms=PERIOD_MS,
                phases_ms=PHASES_MS,
                draw=lambda name: stream(1, replication=0, park=0, name=name),
                book=book,
            )
        self.now_ms = START_MS
        self.point = np.arange(POINTS, dtype=np.int32)
        self.offset_ms = np.array(PHASES_MS)[self.layout.gateway]
        self.value = np.random.default_rng(1).normal(20, 1, POINTS)

    def live(self) -> int:
        """So many steps; returns the readings that were offered so far."""
        for _ in range(STEPS):
            while self.env.peek() <= self.now_ms:
                self.env.step()
            self.network.carry(self.now_ms, Columns(self.point, self.offset_ms + self.now_ms, self.value))
            self.now_ms += PERIOD_MS
        report = self.network.report()
        assert report.offered == report.delivered + report.lost + report.refused + report.under_way
        return report.offered


def _copied() -> int:
    point, time_ms, value = np.arange(POINTS, dtype=np.int32), np.zeros(POINTS, np.int64), np.zeros(POINTS)
    return sum(len(Columns(point.copy(), time_ms + step, value.copy())) for step in range(STEPS))


def _wired() -> LinkBook:
    return msgspec.structs.replace(standard_book(), devices=())


CASES: dict[str, Callable[[], LinkBook | None]] = {
    "direct": lambda: None,
    "all wired": _wired,
    "as in links.yaml": standard_book,
}


def _note(benchmark: BenchmarkFixture, case: str, note: str) -> None:
    readings = STEPS * POINTS
    benchmark.group = f"access network, {POINTS} points, {GATEWAYS} gateways"
    benchmark.extra_info.update(case=case, readings=readings, bytes=20 * readings, note=note)


def test_bare_copy(benchmark: BenchmarkFixture) -> None:
    _note(benchmark, BARE, "a copy of the columns")
    assert benchmark(_copied) == STEPS * POINTS


@pytest.mark.parametrize("case", CASES)
def test_network(benchmark: BenchmarkFixture, case: str) -> None:
    city = City(CASES[case]())
    city.live()
    rounds = 10
    _note(benchmark, case, "")
    offered = benchmark.pedantic(city.live, rounds=rounds)
    assert offered == (rounds + 1) * STEPS * POINTS
    assert benchmark.stats is not None
    packs_s = STEPS * GATEWAYS / benchmark.stats["median"]
    benchmark.extra_info["note"] = f"{packs_s:,.0f} packs/s"
