"""The core: limit rules, and all kinds of rule as the catalogue has them, beside a loop that only loads and stores.

Monitors are warm, and every figure includes `check`.
"""

import time

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.load import START_MS, load_and_store
from benchmarks.micro.table import BARE
from benchmarks.micro.traffic import LATEST_MS, Order, Traffic, WarmMonitor
from contract.catalogue import full_rules
from contract.columns import Columns
from contract.messages import Level, Point
from contract.rules import AnomalyRule, LimitRule, Rule, SilenceRule, StuckRule
from reference_impl.monitoring import Monitor

POINTS = 94_000  # 47 parks of 2,000 points
BIG_GATEWAYS = 5  # packs of 18,800 readings; 20,000 is the most that a pack may have
BYTES_A_READING = 20
ROUNDS = 6
SECONDS = 8
LIMITS: dict[Level, float] = {"yellow": 5e3, "orange": 6e3, "red": 7e3}  # beyond what the catalogue's points reach
LIMIT_RULES: list[Rule] = [
    LimitRule(
        id=f"limit-{level}", points="*/*/*/*", high=high, deadband=1.0, on_delay_s=1.0, off_delay_s=1.0, level=level
    )
    for level, high in LIMITS.items()
]


def _bare(benchmark: BenchmarkFixture, traffic: Traffic, order: Order, seconds: int = SECONDS) -> None:
    points = len(traffic.points)
    last_ms, last = np.zeros(points, dtype=np.int64), np.zeros(points)
    packs = [pack.columns for number in range(seconds) for pack in traffic.second(number, order)]
    benchmark.extra_info.update(case=BARE, readings=seconds * points, bytes=seconds * points * BYTES_A_READING)

    def run() -> None:
        for columns in packs:
            load_and_store(*columns, last_ms, last)

    benchmark.pedantic(run, rounds=ROUNDS, warmup_rounds=1)
    assert (last[packs[-1].point] == packs[-1].value).all()


def _ours(
    benchmark: BenchmarkFixture, traffic: Traffic, rules: list[Rule], order: Order, seconds: int = SECONDS
) -> None:
    points = len(traffic.points)
    warm = WarmMonitor(traffic, rules, order, seconds)
    benchmark.extra_info.update(readings=seconds * points, bytes=seconds * points * BYTES_A_READING)
    assert benchmark.pedantic(warm.take, setup=warm.round, rounds=ROUNDS) == 0
    assert warm.monitor.late_readings == 0


@pytest.mark.parametrize("order", ["index order", "random order"])
class TestCore:
    """One group for each order; a round takes eight seconds of the whole city."""

    @pytest.fixture(autouse=True)
    def _work(self, benchmark: BenchmarkFixture, order: Order) -> None:
        self.traffic = Traffic(POINTS, BIG_GATEWAYS)
        benchmark.group = f"core, {order}"

    def test_bare_loop(self, benchmark: BenchmarkFixture, order: Order) -> None:
        _bare(benchmark, self.traffic, order)

    def test_three_limit_rules(self, benchmark: BenchmarkFixture, order: Order) -> None:
        benchmark.extra_info.update(case="three limit rules", note="packs of 18,800")
        _ours(benchmark, self.traffic, LIMIT_RULES, order)

    def test_catalogue(self, benchmark: BenchmarkFixture, order: Order) -> None:
        benchmark.extra_info.update(case="all kinds, as the catalogue", note="4.1 rules a point, packs of 18,800")
        _ours(benchmark, self.traffic, full_rules().rules, order)


@pytest.mark.parametrize("points", [1_000, 10_000, 100_000, 1_000_000])
class TestSize:
    """The cost of a reading does not grow with the number of points."""

    def test_catalogue(self, benchmark: BenchmarkFixture, points: int) -> None:
        benchmark.group = "core, by size"
        benchmark.extra_info.update(case=f"{points:,} points", note="all kinds, index order, packs of 500")
        seconds = max(1, 200_000 // points)
        _ours(benchmark, Traffic(points, points // 500), full_rules().rules, "index order", seconds)


class TestTenMillionPoints:
    """More points than any cache holds: what counts is how many cache lines a reading touches."""

    POINTS = 10_000_000
    READINGS = 2_000_000
    PACK = 20_000

    def test_random_order(self, benchmark: BenchmarkFixture) -> None:
        benchmark.group = "core, 10 M points, random order"
        benchmark.extra_info.update(
            case="limit, silence, stuck, anomaly",
            note="four rules a point, packs of 20,000",
            readings=self.READINGS,
            bytes=self.READINGS * BYTES_A_READING,
        )
        points = [
            Point(name=f"a/z/d{number}/t", gateway="gw", zone="z", subsystem="a", unit="1")
            for number in range(self.POINTS)
        ]
        monitor = Monitor(points, self._rules())
        rng = np.random.default_rng(3)
        past = 0

        def packs() -> tuple[tuple[list[tuple[int, Columns]]], dict[str, object]]:
            nonlocal past
            made = []
            for _ in range(self.READINGS // self.PACK):
                past += 1
                made.append((past, self._pack(rng, past)))
            return (made,), {}

        def run(made: list[tuple[int, Columns]]) -> int:
            return sum(
                len(monitor.apply(0, monitor.check(0, columns, LATEST_MS), number).transitions)
                for number, columns in made
            )

        for _ in range(8):  # most points have been read once
            run(*packs()[0])
        assert benchmark.pedantic(run, setup=packs, rounds=4) == 0

    def _rules(self) -> list[Rule]:
        everywhere = "*/*/*/*"
        return [
            LimitRule(id="limit", points=everywhere, high=1e6),
            SilenceRule(id="silence", points=everywhere, after_s=1e6),
            StuckRule(id="stuck", points=everywhere, after_s=1e6),
            AnomalyRule(id="anomaly", points=everywhere, z=50.0, floor=10.0),
        ]

    def _pack(self, rng: np.random.Generator, number: int) -> Columns:
        point = rng.integers(0, self.POINTS, self.PACK, dtype=np.int32)
        time_ms = np.full(self.PACK, START_MS + number * 2, dtype=np.int64)
        return Columns(point, time_ms, rng.normal(20.0, 1.0, self.PACK))


class TestLatency:
    """From the moment at which a pack is due to its transitions, one core half busy."""

    SHARE = 0.5
    SPAN_S = 4.0

    def test_packs_of_500_at_half_load(self, benchmark: BenchmarkFixture) -> None:
        benchmark.group = "core, latency"
        traffic = Traffic(POINTS, POINTS // 500)
        warm = WarmMonitor(traffic, full_rules().rules, "index order", SECONDS)
        seconds, first = warm.round()[0]
        begun = time.perf_counter()
        warm.take(seconds, first)
        service_s = (time.perf_counter() - begun) / (SECONDS * POINTS // 500)
        latencies_ms = self._paced(warm, service_s / self.SHARE)
        p50, p99, worst = np.percentile(latencies_ms, [50, 99, 100])
        benchmark.extra_info.update(
            case=f"p50 {p50:.3f}, p99 {p99:.3f}, max {worst:.3f} ms",
            note=f"{len(latencies_ms):,} packs of 500 at {500 * self.SHARE / service_s / 1e6:.0f} M readings/s",
            readings=SECONDS * POINTS,
            bytes=SECONDS * POINTS * BYTES_A_READING,
        )
        benchmark.pedantic(warm.take, setup=warm.round, rounds=1)

    def _paced(self, warm: WarmMonitor, gap_s: float) -> list[float]:
        """Hand in packs on time, never later because the last one was slow; returns each one's delay, in ms."""
        latencies_ms = []
        monitor = warm.monitor
        for _ in range(max(1, int(self.SPAN_S / (gap_s * (SECONDS * POINTS // 500))))):
            seconds, first = warm.round()[0]
            due = time.perf_counter()
            for number, packs in enumerate(seconds, first):
                for gateway, columns in packs:
                    due += gap_s
                    while time.perf_counter() < due:
                        pass
                    monitor.apply(gateway, monitor.check(gateway, columns, LATEST_MS), number)
                    latencies_ms.append((time.perf_counter() - due) * 1000)
        return latencies_ms
