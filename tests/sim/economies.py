"""Economies of a few parks for tests, and what they send."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from scenarios.model import Scenario, find
from sim.emission import Request
from sim.world.economy import Economy
from sim.world.economy.calendar import activity
from sim.world.economy.parameters import Life, Parameters, parameters

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MINUTE_MS = 60_000
PARKS = find("full-2020").parks


def at(text: str) -> int:
    """A local time such as 2020-12-02T09:00 in Unix milliseconds."""
    return int(datetime.fromisoformat(text + "+08:00").timestamp() * 1000)


def story(rate: float = 6.0, firms: int = 10, parks: Sequence[str] = PARKS[:6], **changes: object) -> Scenario:
    """A scenario without incidents; only what the economy reads matters."""
    fixed = {"enterprises_per_park": firms, "requests_per_enterprise_hour": rate, "parks": tuple(parks)}
    return msgspec.structs.replace(find("full-2020"), incidents=(), **fixed, **changes)


def economy(
    scenario: Scenario,
    begin: str,
    hours: float,
    *,
    parks: Sequence[str] | None = None,
    replication: int = 0,
    written: Parameters | None = None,
) -> Economy:
    """The economy of a scenario from a local time on, for some hours."""
    begin_ms = at(begin)
    return Economy(
        scenario,
        scenario.parks if parks is None else parks,
        replication=replication,
        start_ms=begin_ms,
        end_ms=begin_ms + round(hours * HOUR_MS),
        written=written,
    )


def lived(one: Economy, parks: Sequence[str], begin: str, hours: float, step_ms: int = MINUTE_MS) -> list[Request]:
    """All requests of some parks, asked for step by step as the world does."""
    begin_ms = at(begin)
    found: list[Request] = []
    for now_ms in range(begin_ms, begin_ms + round(hours * HOUR_MS), step_ms):
        for park in parks:
            found += one.requests(park, now_ms + step_ms)
    return found


def told(scenario: Scenario, begin: str, hours: float, written: Parameters | None = None) -> list[Request]:
    """All requests of a scenario's parks."""
    return lived(economy(scenario, begin, hours, written=written), scenario.parks, begin, hours)


def with_life(**figures: float) -> Parameters:
    """The written parameters with other figures of `life.yaml`."""
    known = parameters()
    changed = {name: msgspec.structs.replace(getattr(known.life, name), value=value) for name, value in figures.items()}
    life: Life = msgspec.structs.replace(known.life, **changed)
    return known._replace(life=life)


def without_deadlines(known: Parameters) -> Parameters:
    """Parameters under which nothing falls due."""
    return known._replace(deadlines=())


def office_hours(begin_ms: int, times_ms: NDArray[np.float64], end_ms: int) -> tuple[NDArray[np.float64], float]:
    """Hours of full office activity from a beginning to each time, and to the end, summed from the activity itself."""
    grid = np.arange(begin_ms, end_ms + 1, MINUTE_MS, dtype=np.float64)
    middle = np.array([activity(float(one)) for one in grid[:-1] + MINUTE_MS / 2])
    hours = np.concatenate(([0.0], np.cumsum(middle))) * (MINUTE_MS / HOUR_MS)
    return np.interp(times_ms, grid, hours), float(hours[-1])


def ks_distance(sample: NDArray[np.float64]) -> float:
    """Largest distance between the empirical law of a sample and the uniform one on 0 to 1, times the root of its size.

    Kolmogorov's law: beyond 1.63 in one of a hundred samples that are uniform.
    """
    ordered = np.sort(sample)
    count = len(ordered)
    above = np.arange(1, count + 1) / count - ordered
    below = ordered - np.arange(count) / count
    return float(max(above.max(), below.max()) * count**0.5)
