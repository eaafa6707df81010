"""The quiet physics of a park's points, as numpy columns.

A value is the profile's base, a daily cycle with its peak in the early afternoon, a slow drift, and a first-order
autoregressive noise, part of which the points of one kind in one zone share. A binary point is 1 where such a noise
passes a threshold, so that it is 1 for the share of time that its profile's base says, and stays so for a while. The
parameters are those of the catalogue's profiles, with their marks.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.catalogue import ParkPoints, QuantityProfile

DAY_MS = 86_400_000
CHINA_OFFSET_MS = 8 * 3_600_000
PEAK_MS = 14 * 3_600_000  # assumption: daily cycles are highest at 14:00
PEAK_SPREAD_MS = 30 * 60_000  # assumption: the points of a park peak within about an hour of each other
SLOW_MS = 10_000  # the daily cycle and the drift are brought up to date this often
DEVICE_OFFSET = 0.5  # assumption: a device is off for good by half the standard deviation of its noise

Values = NDArray[np.float64]


class Frame(NamedTuple):
    """What the points of every park have in common: columns of length n, and of length n + g for the noise.

    Attributes:
        low: lowest value of normal operation that the decimals can express.
        high: highest such value.
        minimum: lower end of the sensor's range.
        maximum: upper end of the sensor's range.
        scale: 10 to the power of the decimals.
        group: (n,) number of the point's noise group: the points of one kind in one zone.
        spread: (n + g,) float32, standard deviation of each noise.
        keep: (n + g,) float32, what a step keeps of the noise.
        renew: (n + g,) float32, weight of a step's fresh noise.
    """

    low: Values
    high: Values
    minimum: Values
    maximum: Values
    scale: Values
    group: NDArray[np.intp]
    spread: NDArray[np.float32]
    keep: NDArray[np.float32]
    renew: NDArray[np.float32]


def frame(layout: ParkPoints, profiles: Sequence[QuantityProfile], period_ms: int) -> Frame:
    """The common columns for a layout and a sample period."""

    def column(field: str) -> Values:
        return _column(layout, profiles, field)

    scale = 10.0 ** column("decimals")
    kinds = layout.zone.astype(np.int64) * len(profiles) + layout.profile
    _, first, group = np.unique(kinds, return_index=True, return_inverse=True)
    noise = np.where(_binary(layout, profiles), 1.0, column("noise"))
    share = column("zone_share")
    keep = np.exp(-period_ms / 1000 / column("reversion_s"))
    keep = np.concatenate([keep, keep[first]])
    spread = np.concatenate([noise * np.sqrt(1 - share), (noise * np.sqrt(share))[first]])
    return Frame(
        low=np.ceil(np.round(column("quiet_low") * scale, 6)) / scale,
        high=np.floor(np.round(column("quiet_high") * scale, 6)) / scale,
        minimum=column("minimum"),
        maximum=column("maximum"),
        scale=scale,
        group=len(layout.profile) + group,
        spread=spread.astype(np.float32),
        keep=keep.astype(np.float32),
        renew=(spread * np.sqrt(1 - keep**2)).astype(np.float32),
    )


class QuietPhysics:
    """The points of one park in normal operation.

    Args:
        frame: what all parks have in common.
        layout: the points of a park.
        profiles: the catalogue's profiles.
        build: stream from which the differences between devices come.
        noise: stream of the noise.
    """

    def __init__(
        self,
        frame: Frame,
        layout: ParkPoints,
        profiles: Sequence[QuantityProfile],
        build: np.random.Generator,
        noise: np.random.Generator,
    ) -> None:
        points = len(layout.profile)
        self._frame = frame
        self._noise = noise
        self._state = (
            build.standard_normal(len(frame.spread), dtype=np.float32) * frame.spread
        )  # stationary from the start
        self._fresh = np.empty_like(self._state)
        self._slow_age = -1  # in units of SLOW_MS
        offset = DEVICE_OFFSET * _column(layout, profiles, "noise") * build.standard_normal(points)
        base = _column(layout, profiles, "base")
        self.base = np.where(_binary(layout, profiles), _threshold(base), base + offset)
        self._slow = self.base
        peak = 2 * np.pi / DAY_MS * (PEAK_MS + PEAK_SPREAD_MS * build.standard_normal(points))
        amplitude = _column(layout, profiles, "daily_amplitude")
        self._cosine, self._sine = amplitude * np.cos(peak), amplitude * np.sin(peak)
        self._drift = _column(layout, profiles, "drift_per_day") * build.uniform(-1, 1, points)

    def advance(self, now_ms: int, elapsed_ms: int) -> Values:
        """The next values, (n,) float64, inside normal operation and not yet rounded.

        Args:
            now_ms: scenario time, Unix milliseconds.
            elapsed_ms: since the beginning of the trace, for the drift.
        """
        frame, state, fresh = self._frame, self._state, self._fresh
        self._noise.standard_normal(out=fresh, dtype=np.float32)
        fresh *= frame.renew
        state *= frame.keep
        state += fresh
        if elapsed_ms // SLOW_MS != self._slow_age:
            self._slow_age = elapsed_ms // SLOW_MS
            self._slow = self._slowly(now_ms, elapsed_ms)
        noise = state.take(frame.group)
        noise += state[: len(noise)]
        value: Values = self._slow + noise
        np.maximum(value, frame.low, out=value)
        np.minimum(value, frame.high, out=value)
        return value

    def _slowly(self, now_ms: int, elapsed_ms: int) -> Values:
        """Base, daily cycle and drift."""
        angle = 2 * math.pi * ((now_ms + CHINA_OFFSET_MS) % DAY_MS) / DAY_MS
        daily: Values = self._cosine * math.cos(angle) + self._sine * math.sin(angle)
        return self.base + daily + self._drift * (elapsed_ms / DAY_MS)


def as_measured(value: Values, scale: Values) -> Values:
    """Round in place to the decimals of the instrument, so that decimal text gives back the same number."""
    value *= scale
    np.rint(value, out=value)
    value /= scale
    value += 0.0  # no negative zero
    return value


def _column(layout: ParkPoints, profiles: Sequence[QuantityProfile], field: str) -> Values:
    """One field of each point's profile, (n,) float64."""
    return np.array([getattr(profile, field) for profile in profiles], np.float64)[layout.profile]


def _binary(layout: ParkPoints, profiles: Sequence[QuantityProfile]) -> NDArray[np.bool_]:
    return np.array([profile.kind == "binary" for profile in profiles])[layout.profile]


def _threshold(share: Values) -> Values:
    """The offset with which a standard normal noise, cut to 0..1 and rounded, is 1 for this share of the time."""
    normal = NormalDist()
    quantile = {each: normal.inv_cdf(min(max(each, 1e-6), 1 - 1e-6)) for each in set(share.tolist())}
    return 0.5 + np.array([quantile[each] for each in share.tolist()])
