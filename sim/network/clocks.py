"""Clocks that are wrong within bounds: a residual error after each synchronisation, and a drift."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.network.book import DEVIATIONS_MAX, ClockProfile

REFRESH_MS = 30_000
"""Errors are brought up to date this often: a drift of 30 ppm makes a millisecond in it."""


class SkewedClocks:
    """m clocks.

    A clock's error is `residual + drift * age`, where `age` is the time since its last synchronisation. No clock runs
    backwards: where a synchronisation would set one back by a sample period or more, it is slewed over several.

    Args:
        profiles: of each clock.
        now_ms: scenario time; the clocks were last synchronised at times before it.
        period_ms: sample period.
        rng: stream of the drifts and residuals.

    Attributes:
        error_ms: (m,) int64, what each clock is ahead.
    """

    def __init__(self, profiles: Sequence[ClockProfile], now_ms: int, period_ms: int, rng: np.random.Generator) -> None:
        self._rng = rng
        self._residual_sd_ms = np.array([profile.residual_sd_ms.value for profile in profiles])
        self._resync_ms = np.array([profile.resync_s.value * 1000 for profile in profiles])
        drift_sd = np.array([profile.drift_sd_ppm.value * 1e-6 for profile in profiles])
        count = len(profiles)
        self._drift = drift_sd * _cut_off(rng, count)
        self._residual_ms = self._residual_sd_ms * _cut_off(rng, count)
        self._synchronised_ms = now_ms - self._resync_ms * rng.random(count)
        self._bound_ms = np.array([profile.error_ms_max for profile in profiles])
        self._back_ms_max = period_ms - 1
        self._every_ms = max(REFRESH_MS, period_ms)
        self._next_ms = now_ms + self._every_ms
        self.error_ms: NDArray[np.int64] = self._errors(now_ms)

    def refresh(self, now_ms: int) -> bool:
        """Bring the errors up to date if it is time; returns whether it was."""
        if now_ms < self._next_ms or not len(self.error_ms):
            return False
        self._next_ms = now_ms + self._every_ms
        due = now_ms - self._synchronised_ms >= self._resync_ms
        if due.any():
            count = int(np.count_nonzero(due))
            self._residual_ms[due] = self._residual_sd_ms[due] * _cut_off(self._rng, count)
            self._synchronised_ms[due] = now_ms
        self.error_ms = np.maximum(self._errors(now_ms), self.error_ms - self._back_ms_max)
        return True

    def _errors(self, now_ms: int) -> NDArray[np.int64]:
        error_ms = self._residual_ms + self._drift * (now_ms - self._synchronised_ms)
        np.clip(error_ms, -self._bound_ms, self._bound_ms, out=error_ms)  # a synchronisation may come a little late
        return np.rint(error_ms).astype(np.int64)


def _cut_off(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    return np.clip(rng.standard_normal(count), -DEVIATIONS_MAX, DEVIATIONS_MAX)
