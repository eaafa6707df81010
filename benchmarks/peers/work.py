"""The one workload of all contestants, and the answer that it has.

Every point of a park sends once a second, in the order of its index. One limit rule with hysteresis and both delays
applies to all of them. Most points stay ordinary; every `ALARM_EVERY`-th one plays one of the stories below, over and
over. What is to be reported stands beside each story, worked out by hand from sentences C1, C2, L1 and L2 of
`reference_impl/monitoring/SEMANTICS.md`; no code that judges readings has a part in it.

Since every point sends every second, a contestant may decide a delay at the point's next reading and need no timer.
"""

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

HIGH: Final = 100.0
DEADBAND: Final = 5.0
ON_DELAY_MS: Final = 3_000
OFF_DELAY_MS: Final = 2_000
PERIOD_MS: Final = 1_000
START_MS: Final = 1_767_225_600_000  # 2026-01-01T00:00Z
ALARM_EVERY: Final = 200
CYCLE_S: Final = 30
RAISE, CLEAR = 1, 2
_SEED = 20_180_930
_ORDINARY = (20.0, 99.0)  # some lie within the deadband, none reaches the limit
_LETTERS = {
    ".": 50.0,  # normal
    "_": HIGH - DEADBAND,  # the lower edge of the deadband: not yet normal
    "-": 97.0,  # within the deadband
    "=": HIGH,  # the limit itself: the condition begins
    "#": 120.0,
}


class Transition(NamedTuple):
    """What happened to the alarm of one point.

    Attributes:
        at_ms: event time.
        point: index of the point.
        kind: `RAISE` or `CLEAR`.
        onset_ms: time of the reading at which the condition of this alarm began.
    """

    at_ms: int
    point: int
    kind: int
    onset_ms: int


class Story(NamedTuple):
    """Values of one point over a cycle, a letter a second, and the alarms that they make.

    Attributes:
        letters: `CYCLE_S` of `_LETTERS`; the alarm is cleared and the condition gone before they end.
        alarms: (onset, raised, cleared), seconds from the beginning of the cycle.
    """

    letters: str
    alarms: tuple[tuple[int, int, int], ...]


STORIES: Final = (
    Story(".....##########...............", ((5, 8, 17),)),
    Story(".....##.......................", ()),  # over before the on-delay
    Story(".....###......................", ((5, 8, 10),)),  # over at the very moment: the alarm is raised first
    Story(".....=--------_...............", ((5, 8, 17),)),  # the deadband holds it
    Story(".....#####.#####..............", ((5, 8, 18),)),  # back within the off-delay: the same alarm
    Story(".....#####..#####.............", ((5, 8, 12), (12, 15, 19))),  # back at the very moment: another one
    Story(".....##.####..................", ((8, 11, 14),)),  # the on-delay begins anew
    Story(".....--------_................", ()),  # within the deadband from below
    Story("..#####......#####............", ((2, 5, 9), (13, 16, 20))),
)


class Workload(NamedTuple):
    """Readings in the order in which they come, all points of a second after another.

    Attributes:
        points: number of points.
        seconds: readings of each point.
        point: (points * seconds,) int32.
        time_ms: (points * seconds,) int64, Unix milliseconds.
        value: (points * seconds,) float64.
    """

    points: int
    seconds: int
    point: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    value: NDArray[np.float64]

    def __len__(self) -> int:
        """Number of readings."""
        return len(self.point)

    def slices(self, size: int) -> list[slice]:
        """Packs of at most `size` readings, none of which holds more than one second."""
        return [
            slice(start, min(start + size, second + self.points))
            for second in range(0, len(self), self.points)
            for start in range(second, second + self.points, size)
        ]

    def save(self, folder: Path) -> None:
        """Write the columns, little-endian and one after another, for processes of other languages too."""
        for name in ("point", "time_ms", "value"):
            column = getattr(self, name)
            column.astype(column.dtype.newbyteorder("<")).tofile(folder / f"{name}.bin")

    @classmethod
    def load(cls, folder: Path, points: int, seconds: int) -> "Workload":
        """What `save` wrote."""
        return cls(
            points,
            seconds,
            np.fromfile(folder / "point.bin", dtype="<i4"),
            np.fromfile(folder / "time_ms.bin", dtype="<i8"),
            np.fromfile(folder / "value.bin", dtype="<f8"),
        )


def _story_of(points: int) -> list[tuple[int, Story]]:
    """Index and story of each point that has one."""
    return [(point, STORIES[turn % len(STORIES)]) for turn, point in enumerate(range(0, points, ALARM_EVERY))]


def make(points: int, seconds: int) -> Workload:
    """The workload of a size; the same numbers every time."""
    values = np.random.default_rng(_SEED).uniform(*_ORDINARY, size=(seconds, points))
    for point, story in _story_of(points):
        cycle = np.array([_LETTERS[letter] for letter in story.letters])
        values[:, point] = np.resize(cycle, seconds)
    return Workload(
        points,
        seconds,
        np.tile(np.arange(points, dtype=np.int32), seconds),
        np.repeat(START_MS + PERIOD_MS * np.arange(seconds, dtype=np.int64), points),
        values.ravel(),
    )


def expected(points: int, seconds: int) -> list[Transition]:
    """All transitions up to the last reading, sorted."""
    found = []
    for cycle_s in range(0, seconds, CYCLE_S):
        for point, story in _story_of(points):
            for onset_s, raised_s, cleared_s in story.alarms:
                for at_s, kind in ((raised_s, RAISE), (cleared_s, CLEAR)):
                    if cycle_s + at_s < seconds:
                        at_ms, onset_ms = (START_MS + PERIOD_MS * (cycle_s + moment_s) for moment_s in (at_s, onset_s))
                        found.append(Transition(at_ms, point, kind, onset_ms))
    return sorted(found)
