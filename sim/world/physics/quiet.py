"""The quiet physics of one park: its state, and what it reads next."""

from collections.abc import Sequence

import numpy as np

from contract.catalogue import ParkPoints, QuantityProfile
from sim.world.ground import CHINA_OFFSET_MS, DAY_MS, Weather, day_kind, local_day
from sim.world.physics import kernel
from sim.world.physics.frame import Frame, Singles, Values, binary, column
from sim.world.physics.rhythm import liveliness, rhythms, three_days, weather_effect

SLOW_MS = 10_000  # rhythm, drift and weather are brought up to date this often
DEVICE_OFFSET = 0.5  # assumption: a device is off for good by half the standard deviation of its noise
BLOCK_READINGS = 16_384  # readings made at once, so that few points cost little more each than many: 128 KiB
LATE_MAX_MIN = 240.0  # no device lives further behind or ahead of the park's clock
MINUTE_MS = 60_000


class QuietPhysics:
    """The points of one park in normal operation.

    Args:
        frame: what the layout's points have in common.
        layout: the points of a park.
        profiles: the catalogue's profiles.
        build: stream from which the differences between devices come, and the state at the beginning.
        noise: stream of which the noise takes its key.
        weather: the city's; None: it is always as usual, and dry.
        industries: of the park; the more shifts they work, the less the park's load and staff swing.

    Attributes:
        base: (n,) float64, each point's mean over a working day without noise and weather; of a binary point 0.
    """

    def __init__(
        self,
        frame: Frame,
        layout: ParkPoints,
        profiles: Sequence[QuantityProfile],
        build: np.random.Generator,
        noise: np.random.Generator,
        *,
        weather: Weather | None = None,
        industries: Sequence[str] = (),
    ) -> None:
        points = len(layout.profile)
        self._frame = frame
        self._weather = weather
        self._key = np.uint64(noise.integers(2**63))
        # Stationary from the start.
        self._own = build.standard_normal(points, dtype=np.float32) * frame.spread
        self._shared = build.standard_normal(len(frame.group_keep), dtype=np.float32)
        self._build_devices(layout, profiles, build, liveliness(industries))
        self._state = np.zeros(len(frame.binary))
        self._due_step = np.zeros(len(frame.binary), np.int64)  # the first step draws every state
        self._step = 0  # next step to be made
        self._block = np.empty((0, points))
        self._row = 0
        self._next_ms: int | None = None
        self._slow_age = -1  # in units of SLOW_MS

    def _build_devices(
        self, layout: ParkPoints, profiles: Sequence[QuantityProfile], build: np.random.Generator, lively: float
    ) -> None:
        points, scale = len(layout.profile), self._frame.scale
        known = rhythms()
        is_binary = binary(layout, profiles)
        offset = DEVICE_OFFSET * column(layout, profiles, "noise") * build.standard_normal(points)
        self.base = np.where(is_binary, 0.0, column(layout, profiles, "base") + offset)
        swing = (np.where(known.by_shifts, lively, 1.0) * [one.swing for one in known.follows])[layout.profile]
        swing = np.where(is_binary, 1.0, swing * column(layout, profiles, "daily_amplitude"))
        late = known.spread_min[layout.profile] * build.standard_normal(points, dtype=np.float32)
        drift = column(layout, profiles, "drift_per_day") * build.uniform(-1, 1, points)
        self._late_min = np.clip(late, -LATE_MAX_MIN, LATE_MAX_MIN)
        self._base, self._swing, self._drift = ((each * scale).astype(np.float32) for each in (self.base, swing, drift))
        self._table = known.table[layout.profile]
        self._kind = layout.profile
        self._calm = np.zeros(len(profiles), np.float32)
        self._level: Singles = np.zeros(points, np.float32)

    @property
    def level(self) -> Values:
        """(n,) what each point would read now without noise, in its unit; of a binary point its share of time at 1."""
        return self._level / self._frame.scale

    def advance(self, now_ms: int, elapsed_ms: int) -> Values:
        """The next measured values, (n,) float64: in the quiet band and rounded. The caller may write to them.

        Args:
            now_ms: scenario time, Unix milliseconds; after the first call one sample period later each time.
            elapsed_ms: since the beginning of the trace, for the drift.

        Raises:
            ValueError: a time that does not follow the last one.
        """
        if now_ms != self._next_ms:
            if self._next_ms is not None:
                raise ValueError(f"expected the readings of {self._next_ms}, found {now_ms}")
            self._next_ms = now_ms
        if self._row == len(self._block):
            self._live(now_ms, elapsed_ms)
        value: Values = self._block[self._row]
        self._row += 1
        self._next_ms += self._frame.period_ms
        return value

    def _live(self, now_ms: int, elapsed_ms: int) -> None:
        """Make the readings of some steps, during which the level stays."""
        frame, period_ms = self._frame, self._frame.period_ms
        age, since_ms = divmod(elapsed_ms, SLOW_MS)
        if age != self._slow_age:
            self._slow_age = age
            self._raise_level(now_ms, elapsed_ms)
        until_next = -((since_ms - SLOW_MS) // period_ms)
        steps = max(1, min(until_next, BLOCK_READINGS // len(self._own)))
        # A new array each time: whoever still looks at older readings keeps them.
        self._block = np.empty((steps, len(self._own)))
        self._row = 0
        kernel.live(
            self._block,
            self._step,
            self._key,
            self._level,
            self._own,
            frame.keep,
            frame.fresh,
            self._shared,
            frame.group_keep,
            frame.group_fresh,
            frame.weight,
            frame.group,
            frame.low_steps,
            frame.high_steps,
            frame.scale_single,
            frame.binary,
            frame.memory_steps,
            self._state,
            self._due_step,
        )
        self._step += steps

    def _raise_level(self, now_ms: int, elapsed_ms: int) -> None:
        """Bring rhythm, drift and weather up to date."""
        today = local_day(now_ms)
        minute = ((now_ms + CHINA_OFFSET_MS) % DAY_MS) / MINUTE_MS
        weather = self._calm
        if self._weather is not None:
            weather = weather_effect(self._weather.at(now_ms))
        kernel.raise_level(
            self._level,
            minute,
            elapsed_ms / DAY_MS,
            self._base,
            self._swing,
            self._late_min,
            self._table,
            three_days((day_kind(today - 1), day_kind(today), day_kind(today + 1))),
            self._drift,
            self._kind,
            weather,
            self._frame.scale_single,
        )


def as_measured(value: Values, scale: Values) -> Values:
    """Round in place to the decimals of the instrument, so that decimal text gives back the same number."""
    value *= scale
    np.rint(value, out=value)
    value /= scale
    value += 0.0  # no negative zero
    return value
