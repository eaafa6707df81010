"""Random histories of a small park: rules of all kinds, packs in all kinds of disorder, changed rules and kills.

Everything is drawn from one `random.Random`, so a seed repeats a history, and Hypothesis, which can stand behind a
`Random`, shrinks one. Numbers are small and times are coarse, so that values meet limits and readings meet timers.
"""

from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import NamedTuple

from monitored_points import points_of
from oracle_release import Reading
from random_rules import changed_rules, random_rules

from contract.messages import Point
from contract.rules import Rule

LAYOUTS = (
    {
        "env/z1/a/t": "g0",
        "env/z1/a/u": "g0",
        "env/z1/a/x-1": "g0",
        "env/z1/b/t": "g0",
        "env/z2/c/t": "g0",
        "env/z2/c/u": "g1",
        "env/z1/d/t": "g1",
        "env/z1/d/u": "g1",
        "fire/z1/e/t": "g1",
    },
    {
        "env/z1/a/t": "g0",
        "fire/z1/b/t": "g1",
        "env/z1/b/u": "g1",
        "env/z1/c/t": "g1",
        "env/z2/d/t": "g2",
        "env/z2/d/u": "g2",
    },
    {"env/z1/a/t": "g0", "env/z1/a/u": "g0", "env/z1/b/t": "g0"},
    {"env/z1/a/t": "g0", "env/z1/b/t": "g1", "env/z1/a/u": "g0", "env/z1/b/u": "g1", "env/z2/c/t": "g0"},
)
# The times around which the calendars of `random_rules` open and close.
STARTS = ("1970-01-01T07:59", "2026-03-02T07:59", "2026-03-02T23:59", "2026-03-06T17:59", "2026-03-08T10:58")


class Pack(NamedTuple):
    """A pack arrives; `number` is None on a gateway that does not number its packs."""

    gateway: str
    number: int | None
    readings: list[Reading]


class Change(NamedTuple):
    """The rules are replaced."""

    rules: list[Rule]


class Kill(NamedTuple):
    """The monitor is killed, and takes up its last snapshot and the packs since then."""


class Save(NamedTuple):
    """A snapshot is taken."""


class Finish(NamedTuple):
    """A source ends."""

    gateway: str


Step = Pack | Change | Kill | Save | Finish


class History(NamedTuple):
    """One story, to be told to the core and to the oracle."""

    points: list[Point]
    lateness_ms: int
    rules: list[Rule]
    steps: list[Step]


class Source:
    """A gateway as it makes packs, and its link to the platform, which delays and loses them."""

    def __init__(self, rng: Random, gateway: str, points: Sequence[int], start_ms: int, readings_max: int) -> None:
        self.rng = rng
        self.gateway = gateway
        self.points = points
        self.now_ms = start_ms
        self.readings_max = readings_max
        self.is_numbered = rng.random() < 0.6
        self.disorder_ms = rng.choice([0, 0, 2_000, 5_000, 12_000])
        self.is_lossy = rng.random() < 0.5
        self.sticks = rng.choice([0.0, 0.3, 0.8])
        self.made = 0
        self.held: list[Pack] = []  # overtaken by later ones
        self.sent: list[Reading] = []
        self.value_of: dict[int, float] = {}

    def next_pack(self) -> Pack:
        """What arrives next."""
        rng = self.rng
        if self.held and rng.random() < 0.3:
            return self.held.pop(rng.randrange(len(self.held)))
        pack = self._make()
        while self.is_lossy and self.is_numbered and len(self.held) < 4 and rng.random() < 0.3:
            self.held.append(pack)
            pack = self._make()
        return pack

    def _make(self) -> Pack:
        rng = self.rng
        self.made += 1
        self.now_ms += rng.choice(
            [0, 500, 1_000, 1_000, 2_000, 5_000, 5_001] if rng.random() < 0.97 else [60_000, 3_600_000, 90_000_000]
        )
        readings = [self._read() for _ in range(rng.randint(1, self.readings_max))]
        if not self.disorder_ms:
            readings.sort(key=lambda reading: reading.time_ms)
            self.now_ms = readings[-1].time_ms
        return Pack(self.gateway, self.made if self.is_numbered else None, readings)

    def _read(self) -> Reading:
        rng = self.rng
        if self.sent and rng.random() < 0.05:
            return rng.choice(self.sent[-8:])  # sent twice
        point = rng.choice(self.points)
        if point not in self.value_of or rng.random() >= self.sticks:
            self.value_of[point] = rng.randint(0, 20) / 2
        self.now_ms += rng.choice([0, 0, 0, 500])
        time_ms = self.now_ms + rng.choice([0, 0, 500, 500, 1_000, 1_001, 1_500])
        if self.disorder_ms and rng.random() < 0.4:
            time_ms -= rng.randrange(0, self.disorder_ms + 1, 500)
        reading = Reading(point, time_ms, self.value_of[point])
        self.sent.append(reading)
        return reading


def seeded(seed: int) -> Random:
    """Where the history of a seed comes from."""
    return Random(seed)  # noqa: S311 - histories are no secrets


def places_of(points: Sequence[Point], gateway: str) -> list[int]:
    """The points of a gateway."""
    return [place for place, point in enumerate(points) if point.gateway == gateway]


def random_history(rng: Random, packs: int, readings_max: int = 6) -> History:
    """A history of so many packs, each of at most so many readings."""
    points = points_of(rng.choice(LAYOUTS))
    rules = random_rules(rng)
    start_ms = int(datetime.fromisoformat(f"{rng.choice(STARTS)}:50+08:00").timestamp()) * 1000
    sources = [
        Source(rng, gateway, places_of(points, gateway), start_ms, readings_max)
        for gateway in dict.fromkeys(point.gateway for point in points)
    ]
    history = History(points, rng.choice([5_000, 5_000, 1_000, 0]), rules, [])
    for _ in range(packs):
        history.steps.append(rng.choice(sources).next_pack())
        if rng.random() < 0.15:
            history.steps.append(rng.choice([Kill(), Kill(), Save()]))
        if rng.random() < 0.06:
            rules = changed_rules(rng, rules)
            history.steps.append(Change(rules))
    history.steps.extend(Finish(source.gateway) for source in sources if source.made and rng.random() < 0.7)
    return history
