"""Laws without memory: periodic reports with jitter, and non-homogeneous Poisson arrivals with what follows them."""

import math

import numpy as np
from numpy.typing import NDArray

from sim.world.activity.hours import DAY_MS, curve, local_day, midnight_ms
from sim.world.activity.laws import Periodic, Poisson
from sim.world.activity.source import Draft, Source

BLOCK = 64  # arrivals, or reports, drafted at a time
_HOUR_S = 3600
_LEAD_MAX_MS = 2 * DAY_MS  # what began longer before the start is not followed up


class PeriodicSource(Source[Periodic]):
    """Reports of all devices, cycle by cycle."""

    def begin(self) -> None:
        """Draw the phases, or find the full period before the start."""
        law, count = self.law, len(self.members)
        self._period_ms, self._jitter_ms = law.period_s * 1000, law.jitter_s * 1000
        self._cycles = max(1, min(BLOCK // count, int(_HOUR_S / law.period_s)))
        self._cycle = 0
        if law.aligned:
            midnight = midnight_ms(local_day(self.start_ms))
            early = self.start_ms - law.offset_s * 1000 - self._jitter_ms
            self._base_ms = midnight + (early - midnight) // self._period_ms * self._period_ms
            self._phase_ms = np.full(count, law.offset_s * 1000)
        else:
            self._base_ms = float(self.start_ms)
            self._phase_ms = self.when.uniform(0, self._period_ms, count)
        self._move_horizon()

    def portion(self) -> list[Draft]:
        """Some cycles of all devices."""
        count = len(self.members)
        cycle = self._cycle + np.arange(self._cycles)
        nominal = self._base_ms + cycle[:, None] * self._period_ms + self._phase_ms
        jitter = self.when.uniform(-self._jitter_ms, self._jitter_ms, nominal.shape)
        due = np.rint(nominal + jitter).astype(np.int64).ravel().tolist()
        serials = range(self._cycle * count, (self._cycle + self._cycles) * count)
        told = {"number": np.repeat(cycle + 1, count).tolist()}
        self._cycle += self._cycles
        self._move_horizon()
        return self.drafted("report", due, serials, self.members * self._cycles, told)

    def _move_horizon(self) -> None:
        earliest_ms = self._phase_ms.min() if self.law.aligned else 0.0
        self.horizon_ms = float(self._base_ms + self._cycle * self._period_ms + earliest_ms - self._jitter_ms)


class PoissonSource(Source[Poisson]):
    """Arrivals of the whole park, block by block, each at a device drawn evenly."""

    def begin(self) -> None:
        """Find where the day's activity stands; what is followed up begins earlier, to be there at the start."""
        basis = {"device": len(self.members), "person": self.premises.staff, "zone": len(self.premises.zones)}
        self._per_day = self.law.per_day * basis.get(self.law.per, 1)
        self._curve = curve(self.law.shape)
        lead_ms = 3000 * self.law.follow.median_s if self.law.follow else 0.0
        begin_ms = self.start_ms - min(lead_ms, _LEAD_MAX_MS)
        self._day = local_day(begin_ms)
        self._passed = self._curve.before(begin_ms - midnight_ms(self._day)) * self._units()
        self._arrived = 0
        self.horizon_ms = begin_ms if self._per_day else math.inf

    def portion(self) -> list[Draft]:
        """A block of arrivals with what follows them."""
        due = self._arrivals(self._passed + np.cumsum(self.when.standard_exponential(BLOCK))).tolist()
        place = (self.when.random(BLOCK) * len(self.members)).astype(np.int64).tolist()
        members = [self.members[each] for each in place[: len(due)]]
        serials = range(self._arrived, self._arrived + len(due))
        self._arrived += len(due)
        opened = self.drafted("at", due, serials, members, {})
        return opened + self.followers(opened)

    def _arrivals(self, units: NDArray[np.float64]) -> NDArray[np.int64]:
        """Times of arrivals given in units of activity since the midnight of the current day; moves day and horizon.

        Only those before the midnight after the end.
        """
        times: list[NDArray[np.float64]] = []
        done, last_day = 0, local_day(self.end_ms)
        self.horizon_ms = math.inf
        while self._day <= last_day:
            today = self._units()
            until = int(np.searchsorted(units, today))
            if until > done:
                times.append(midnight_ms(self._day) + self._curve.times(units[done:until] / today))
                done = until
            if done == len(units):
                self._passed, self.horizon_ms = float(units[-1]), float(times[-1][-1])
                break
            units = units - today
            self._day += 1
        return np.floor(np.concatenate(times) if times else np.empty(0)).astype(np.int64)

    def _units(self) -> float:
        """Mean number of arrivals on the current day."""
        return self._per_day * self._curve.factor(self._day)
