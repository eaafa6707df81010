"""Parks whose traffic the tests look at, and the statistics that they judge it by."""

import datetime as dt
import math
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract import catalogue
from contract.catalogue import ParkPoints
from sim.emission import Event
from sim.randomness import stream
from sim.world.activity import Activity, Flow
from sim.world.activity.hours import DAY_MS, LOCAL_MS

HOUR_MS = 3_600_000
MONDAY = int(dt.datetime.fromisoformat("2020-12-07T00:00:00+08:00").timestamp() * 1000)  # a working week follows
PARK = "liangjiang"


def traffic(
    flows: tuple[Flow, ...] | None = None,
    *,
    days: float = 1,
    start_ms: int = MONDAY,
    points: int = 2000,
    gateways: int = 4,
    staff: int = 4800,
    park: str = PARK,
    seed: int = 11,
    layout: ParkPoints | None = None,
    **more: Any,  # noqa: ANN401 - handed on to Activity
) -> Activity:
    """The traffic of one park; of some flows alone, if asked for."""
    place = [one.id for one in catalogue.parks()].index(park)
    return Activity(
        park=park,
        layout=layout or catalogue.park_points(points, gateways),
        staff=staff,
        start_ms=start_ms,
        end_ms=start_ms + round(days * DAY_MS),
        draw=lambda name: stream(seed, replication=0, park=place, name=name),
        flows=flows,
        **more,
    )


def lived(activity: Activity, days: float = 1, start_ms: int = MONDAY, step_ms: int = HOUR_MS) -> list[Event]:
    """All events of a span, asked for step by step."""
    end_ms = start_ms + round(days * DAY_MS)
    return [
        event
        for until_ms in range(start_ms + step_ms, end_ms + step_ms, step_ms)
        for event in activity.events(min(until_ms, end_ms))
    ]


def flow(law: dict[str, Any], fleet: str = "access/door", kinds: dict[str, dict[str, Any]] | None = None) -> Flow:
    """A flow with a law of the test's own; kinds without fields unless given."""
    written = {
        "flow": "under-test",
        "fleet": fleet,
        "law": law,
        "kinds": {
            role: {"kind": role, "name_en": role, "name_zh": role, "traffic": "event", **kind}
            for role, kind in (kinds or {"at": {}}).items()
        },
        "source": "assumption",
        "mark": "A",
    }
    return msgspec.convert(written, Flow)


def due(events: Iterable[Event], kind: str = "") -> NDArray[np.int64]:
    """Due times of the events of a kind, or of all."""
    return np.array([event.due_ms for event in events if kind in ("", event.message.kind)], np.int64)


def local_hour(due_ms: NDArray[np.int64]) -> NDArray[np.float64]:
    """Time of day in hours, in China."""
    hours: NDArray[np.float64] = (due_ms + LOCAL_MS) % DAY_MS / HOUR_MS
    return hours


def ks_uniform(sample: NDArray[np.float64]) -> float:
    """p-value of the Kolmogorov-Smirnov test against the uniform distribution on 0 to 1 (Stephens 1970)."""
    ordered = np.sort(sample)
    count = len(ordered)
    above = np.arange(1, count + 1) / count - ordered
    below = ordered - np.arange(count) / count
    distance = max(above.max(), below.max()) * (math.sqrt(count) + 0.12 + 0.11 / math.sqrt(count))
    terms = (2 * (-1) ** (k - 1) * math.exp(-2 * k * k * distance * distance) for k in range(1, 101))
    return min(1.0, max(0.0, sum(terms)))


def chi_square(found: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """p-value of Pearson's test, by Wilson and Hilferty's cube root; every cell should expect five or more."""
    freedom = len(found) - 1
    statistic = float(((found - expected) ** 2 / expected).sum())
    spread = 2 / (9 * freedom)
    normal = ((statistic / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return 0.5 * math.erfc(normal / math.sqrt(2))


def poisson_distance(found: int, mean: float) -> float:
    """How many standard deviations a count lies from its mean."""
    return abs(found - mean) / math.sqrt(mean)
