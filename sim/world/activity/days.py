"""Laws of the clock: what devices do at some times of a day, and people who come and go with their shifts."""

import numpy as np
from numpy.typing import NDArray

from sim.world.activity.hours import DAY_MS, clock_ms, day_kind, local_day, midnight_ms, sun_ms
from sim.world.activity.laws import Daily, Occasion, Shifts
from sim.world.activity.source import Draft, Source

_OFF_MAX_MS = 6 * 3_600_000  # the loader holds occasions to it
_SPREADS = 3
_STATES_DAYS = 3  # so many days back a device's state is looked for


class DailySource(Source[Daily]):
    """All devices at each occasion of a day, day by day."""

    def begin(self) -> None:
        """Start some days early, so that the states at the start are known."""
        self._first_day = self._day = local_day(self.start_ms) - _STATES_DAYS
        self.horizon_ms = midnight_ms(self._day) - _OFF_MAX_MS
        self._tells_state = any(occasion.state for occasion in self.law.occasions)

    def portion(self) -> list[Draft]:
        """One day."""
        opened: list[Draft] = []
        for place, occasion in enumerate(self.law.occasions):
            opened += self._occasion(place, occasion)
        self._day += 1
        self.horizon_ms = midnight_ms(self._day) - _OFF_MAX_MS
        return opened + self.followers(opened)

    def states_at_start(self) -> dict[tuple[str, str], str]:
        """What each device told last before the start; none that it told within the last days, none here."""
        if not self._tells_state:
            return {}
        while self.horizon_ms < self.start_ms:
            self._ahead += self.portion()
        self._ahead.sort()
        opened = self.numbers["at"]
        return {
            (draft[3], draft[4]): str(draft[5]["state"])
            for draft in self._ahead
            if draft[0] < self.start_ms and draft[1] == opened
        }

    def _occasion(self, place: int, occasion: Occasion) -> list[Draft]:
        """One occasion of the current day; as much is drawn on a day on which it does not take place."""
        count = len(self.members)
        spread = np.clip(self.when.standard_normal(count), -_SPREADS, _SPREADS) * occasion.spread_s
        chosen = self.when.random(count) < occasion.share
        if occasion.days and day_kind(self._day) not in occasion.days:
            return []
        due = self._at_ms(occasion) + np.rint((occasion.offset_s + spread[chosen]) * 1000).astype(np.int64)
        which = np.flatnonzero(chosen)
        serial = ((self._day - self._first_day) * len(self.law.occasions) + place) * count + which
        members = [self.members[each] for each in which.tolist()]
        told = {"state": [occasion.state] * len(which)}
        return self.drafted("at", due.tolist(), serial.tolist(), members, told)

    def _at_ms(self, occasion: Occasion) -> int:
        if occasion.at in ("dawn", "dusk"):
            sun = sun_ms(self._day, self.premises.latitude, self.premises.longitude)
            return midnight_ms(self._day) + sun[occasion.at == "dusk"]
        return midnight_ms(self._day) + clock_ms(occasion.at)


class ShiftsSource(Source[Shifts]):
    """The people that the system sees, each with a shift and a gate of their own, day by day."""

    def begin(self) -> None:
        """Give each person a shift and a gate."""
        people = round(self.premises.staff * self.law.covered)
        edges = np.cumsum([shift.share for shift in self.law.shifts])
        self._shift = np.searchsorted(edges, self.when.random(people), "right")  # beyond the last: works elsewhere
        self._gate = self.when.integers(0, len(self.members), people)
        self._first_day = self._day = local_day(self.start_ms) - 1  # yesterday's night shift leaves today
        self._lead_ms = round(1000 * (self.law.early_s + _SPREADS * self.law.early_spread_s))
        self.horizon_ms = midnight_ms(self._day) - self._lead_ms if people else float("inf")

    def portion(self) -> list[Draft]:
        """One day; every person draws, present or not."""
        law, people = self.law, len(self._shift)
        chance = self.when.random(people)
        spread = np.clip(self.when.standard_normal(people), -_SPREADS, _SPREADS)
        late = law.leave_s * np.exp(law.leave_sigma * np.clip(self.when.standard_normal(people), -_SPREADS, _SPREADS))
        drafts: list[Draft] = []
        for place, shift in enumerate(law.shifts):
            present = shift.days.get(day_kind(self._day), 0.0)
            who = np.flatnonzero((self._shift == place) & (chance < present))
            start_ms, end_ms = clock_ms(shift.start), clock_ms(shift.end)
            end_ms += DAY_MS if end_ms <= start_ms else 0
            come_s = -law.early_s + law.early_spread_s * spread[who]
            drafts += self._passages("come", who, start_ms + np.rint(1000 * come_s), shift.shift)
            drafts += self._passages("leave", who, end_ms + np.rint(1000 * late[who]), shift.shift)
        self._day += 1
        self.horizon_ms = midnight_ms(self._day) - self._lead_ms
        return drafts

    def _passages(self, role: str, who: NDArray[np.intp], of_day_ms: NDArray[np.float64], shift: str) -> list[Draft]:
        due = (midnight_ms(self._day) + of_day_ms).astype(np.int64).tolist()
        serial = (self._day - self._first_day) * len(self._shift) + who
        told = {"badge": [f"badge-{person:05d}" for person in who.tolist()], "shift": [shift] * len(who)}
        members = [self.members[gate] for gate in self._gate[who].tolist()]
        return self.drafted(role, due, serial.tolist(), members, told)
