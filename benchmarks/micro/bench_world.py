"""The world: readings made a second by one core, beside one agent for each point; by size; with their encoding."""

import functools
import random
import time
from itertools import islice
from typing import Any

import mesa
import pytest
from msgspec.structs import replace
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.load import SHORT, START_MS
from contract import catalogue, codec
from contract.names import PointNames
from scenarios.model import Scenario, find
from sim.randomness import stream
from sim.world.ground import city_weather
from sim.world.model import World
from sim.world.physics import QuietPhysics, frame

POINTS = 2_000
STEPS = 20
ROUNDS = 5
RATIO_MIN = 20.0  # what columns must be worth, above agents
BYTES_A_READING = 20  # point, time, value
FLOOR_POINTS = 2_000
FLOOR_STEPS = 20

pytestmark = pytest.mark.benchmark(timer=time.process_time)  # of one core, whatever else the machine does


class PointAgent(mesa.Agent):
    """One point as an agent: a noise around a mean, kept in its band and rounded, the least that a reading needs."""

    def __init__(self, model: "PointModel", profile: catalogue.QuantityProfile) -> None:
        super().__init__(model)
        self._profile = profile
        self._draw = model.draw
        self._keep = 0.99
        self._fresh = profile.noise * (1 - self._keep**2) ** 0.5
        self._noise = 0.0
        self.value = profile.base

    def step(self) -> None:
        """Read once."""
        profile = self._profile
        self._noise = self._noise * self._keep + self._fresh * self._draw(0.0, 1.0)
        value = min(max(profile.base + self._noise, profile.quiet_low), profile.quiet_high)
        self.value = round(value, profile.decimals)


class PointModel(mesa.Model):
    """A park of such agents."""

    def __init__(self) -> None:
        super().__init__(rng=1)
        self.draw = random.Random(1).gauss  # noqa: S311 - no secret; a fast scalar generator
        profiles = catalogue.profiles()
        layout = catalogue.park_points(FLOOR_POINTS, 4)
        self.points = [PointAgent(self, profiles[kind]) for kind in layout.profile.tolist()]
        mesa.Agent._ids.pop(self, None)  # noqa: SLF001 - mesa keeps every model alive by this table

    def step(self) -> None:
        """Every point reads once."""
        for point in self.points:
            point.step()


@functools.cache
def floor_readings_per_s() -> float:
    """Readings a second of one agent for each point, best of a few rounds of this run."""
    model = PointModel()
    spent = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(FLOOR_STEPS):
            model.step()
        spent.append(time.process_time() - begun)
    return FLOOR_POINTS * FLOOR_STEPS / min(spent)


def quiet_city(parks: int, points: int) -> Scenario:
    """Readings alone, for hours: what else happens in a city has its own figures."""
    everyone = tuple(park.id for park in catalogue.parks())
    changes: dict[str, Any] = {
        "parks": everyone[:parks],
        "points_per_park": points,
        "incidents": (),
        "enterprises_per_park": 0,
        "duration_s": 6 * 3600.0,
        "warm_up_s": 0.0,
    }
    return replace(find("full-2020"), **changes)


class Living:
    """A world that has begun: compiled, laid out, and past its first turns."""

    def __init__(self, parks: int, points: int) -> None:
        scenario = quiet_city(parks, points)
        self._parks = parks
        self._turns = World(scenario, scenario.parks, 0).turns()
        self.live(2)

    def live(self, steps: int) -> int:
        """Live on; returns the number of readings."""
        turns = islice(self._turns, steps * self._parks)
        return sum(len(columns) for turn in turns for columns in turn.readings)


def _measure(benchmark: BenchmarkFixture, case: str, living: Living, steps: int) -> float:
    """Median readings a second, noted."""
    readings = living.live(steps)
    benchmark.extra_info.update(case=case, readings=readings, bytes=readings * BYTES_A_READING)
    assert benchmark.pedantic(living.live, args=(steps,), rounds=ROUNDS) == readings
    stats: Any = benchmark.stats
    return float(readings / stats.stats.median)


class TestWorld:
    """47 parks of 2,000 points with all of the physics, beside one mesa agent for each point."""

    def test_point_agents(self, benchmark: BenchmarkFixture) -> None:
        benchmark.group = "world"
        model = PointModel()

        def run() -> None:
            for _ in range(FLOOR_STEPS):
                model.step()

        readings = FLOOR_POINTS * FLOOR_STEPS
        benchmark.extra_info.update(
            case="an agent for each point", note="the floor", readings=readings, bytes=readings * BYTES_A_READING
        )
        benchmark.pedantic(run, rounds=ROUNDS, warmup_rounds=1)

    def test_world(self, benchmark: BenchmarkFixture) -> None:
        benchmark.group = "world"
        rate = _measure(benchmark, "47 parks of 2,000", Living(47, POINTS), STEPS)
        ratio = rate / floor_readings_per_s()
        benchmark.extra_info.update(note=f"{ratio:.0f} times an agent for each point")
        assert ratio > RATIO_MIN


@pytest.mark.parametrize("parks", [1, 4, 12, 47])
class TestParks:
    """The cost of a reading does not grow with the number of parks."""

    def test_world(self, benchmark: BenchmarkFixture, parks: int) -> None:
        benchmark.group = "world, by parks"
        _measure(benchmark, f"{parks} of 2,000 points", Living(parks, POINTS), STEPS * 47 // parks)


@pytest.mark.parametrize("points", [200, 600, 2_000, 6_000, 20_000])
class TestPoints:
    """What a park's turn costs beside its readings shows in small parks: the note has it as microseconds a turn."""

    PARKS = 12

    def test_world(self, benchmark: BenchmarkFixture, points: int) -> None:
        benchmark.group = "world, by points a park"
        steps = max(10, 160_000 // points)
        rate = _measure(benchmark, f"{points:,} points", Living(self.PARKS, points), steps)
        benchmark.extra_info.update(note=f"{points / rate * 1e6:.1f} us a turn, {1e9 / rate:.1f} ns a reading")


@pytest.mark.parametrize("points", [200, 600, 2_000, 6_000, 20_000])
class TestPhysics:
    """The physics alone, 12 parks in turn: the cost of a reading hardly depends on how many points a park has."""

    PARKS = 12

    def test_physics(self, benchmark: BenchmarkFixture, points: int) -> None:
        benchmark.group = "physics alone, by points a park"
        parks = self._parks(points)
        steps = max(10, 160_000 // points)
        readings = self.PARKS * points * steps
        benchmark.extra_info.update(case=f"{points:,} points", readings=readings, bytes=readings * BYTES_A_READING)
        done = 0

        def run() -> None:
            nonlocal done
            for step in range(done, done + steps):
                for park in parks:
                    park.advance(START_MS + step * 1000, step * 1000)
            done += steps

        run()
        benchmark.pedantic(run, rounds=ROUNDS)
        assert done == steps * (ROUNDS + 1)

    def _parks(self, points: int) -> list[QuietPhysics]:
        layout, profiles = catalogue.park_points(points, 4), catalogue.profiles()
        common = frame(layout, profiles, 1000)
        weather = city_weather(1, 0, START_MS)
        streams = (stream(1, replication=0, park=park, name="bench") for park in range(self.PARKS))
        return [QuietPhysics(common, layout, profiles, each, each, weather=weather) for each in streams]


class TestEncoded:
    """Readings made and encoded as a gateway sends them."""

    @pytest.mark.parametrize("media_type", [codec.SENML_JSON, codec.ARROW_STREAM])
    def test_world(self, benchmark: BenchmarkFixture, media_type: str) -> None:
        benchmark.group = "world, encoded"
        scenario = quiet_city(12, POINTS)
        turns = World(scenario, scenario.parks, 0).turns()
        names = PointNames(catalogue.park_points(POINTS, scenario.gateways_per_park).names)
        count = 12 * 5

        def run() -> tuple[int, int]:
            readings = size = 0
            for turn in islice(turns, count):
                for pack in turn.packs:
                    readings += len(pack.columns)
                    size += len(codec.encode(media_type, pack.park, names, pack.columns))
            return readings, size

        readings, size = run()
        benchmark.extra_info.update(case=f"made and encoded, {SHORT[media_type]}", readings=readings, bytes=size)
        assert benchmark.pedantic(run, rounds=ROUNDS)[0] == readings
