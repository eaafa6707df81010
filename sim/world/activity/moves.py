"""Laws of single devices and people: two states by turns, trips of objects that tell their place, patrol rounds."""

import heapq
import math

import numpy as np
from numpy.typing import NDArray

from sim.world.activity.hours import DAY_MS, Curve, curve, local_day, midnight_ms
from sim.world.activity.laws import PATROL_STATES, Dwell, Moving, Rounds
from sim.world.activity.population import ZONE_WIDTH_M, Member
from sim.world.activity.source import Draft, Source

WINDOW_MS = 3_600_000  # so much is drafted at a time
_BUFFER = 256
_SPOT = 0.4  # a place in a zone is at most this share of its width off the centre
_METRES_PER_KM_H_S = 3.6


class DwellSource(Source[Dwell]):
    """Devices that change between two states; memoryless, so the start is as any other moment."""

    def begin(self) -> None:
        """Draw who is in which state, and when each leaves it."""
        first, second = self.law.mean_s
        self._state = (self.when.random(len(self.members)) < second / (first + second)).astype(int).tolist()
        self._curves: list[Curve | None] = [curve(name) if name else None for name in self.law.shapes]
        self._drawn: list[float] = []
        self._changes = [0] * len(self.members)
        self._due = [(self._leaves(self.start_ms, state), place) for place, state in enumerate(self._state)]
        heapq.heapify(self._due)

    def states_at_start(self) -> dict[tuple[str, str], str]:
        """As drawn; to be asked for before anything is taken."""
        states = self.law.states
        return {
            (member.zone_name, member.device): states[state]
            for member, state in zip(self.members, self._state, strict=True)
        }

    def portion(self) -> list[Draft]:
        """The changes of an hour."""
        self.horizon_ms += WINDOW_MS
        changes: list[tuple[int, int, Member, str]] = []
        while self._due[0][0] < self.horizon_ms:
            at_ms, place = self._due[0]
            state = self._state[place] = 1 - self._state[place]
            heapq.heapreplace(self._due, (self._leaves(at_ms, state), place))
            serial = self._changes[place] * len(self.members) + place
            self._changes[place] += 1
            changes.append((math.floor(at_ms), serial, self.members[place], self.law.states[state]))
        if not changes:
            return []
        due, serials, members, states = zip(*changes, strict=True)
        return self.drafted("change", due, serials, members, {"state": states})

    def _leaves(self, since_ms: float, state: int) -> float:
        """When a device leaves a state in which it has been since then."""
        if not self._drawn:
            self._drawn = self.when.standard_exponential(_BUFFER).tolist()
        units, mean_ms = self._drawn.pop(), self.law.mean_s[state] * 1000
        shape = self._curves[state]
        return shape.after(since_ms, units, DAY_MS / mean_ms) if shape else since_ms + units * mean_ms


class MovingSource(Source[Moving]):
    """Objects that make trips over the zones and tell where they are."""

    def begin(self) -> None:
        """Draw when each object first sets out."""
        self._curve = curve(self.law.shape)
        self._home = [self._spot(member.zone) for member in self.members]
        self._trips = [0] * len(self.members)
        self._told = [0] * len(self.members)
        self._due = [(self._sets_out(self.start_ms), place) for place in range(len(self.members))]
        heapq.heapify(self._due)

    def portion(self) -> list[Draft]:
        """The trips that begin within an hour, each to its end."""
        self.horizon_ms += WINDOW_MS
        drafts: list[Draft] = []
        while self._due[0][0] < self.horizon_ms:
            at_ms, place = self._due[0]
            trip, over_ms = self._trip(place, math.floor(at_ms))
            drafts += trip
            heapq.heapreplace(self._due, (self._sets_out(over_ms), place))
        return drafts

    def _sets_out(self, since_ms: float) -> float:
        return self._curve.after(since_ms, self.when.standard_exponential(), self.law.trips_per_day)

    def _spot(self, zone: int) -> tuple[float, float]:
        east, north = self.premises.place(zone)
        off = self.when.uniform(-_SPOT, _SPOT, 2) * ZONE_WIDTH_M
        return east + float(off[0]), north + float(off[1])

    def _trip(self, place: int, at_ms: int) -> tuple[list[Draft], int]:
        """A trip of an object that sets out now, and when it is over."""
        law, member, zones = self.law, self.members[place], len(self.premises.zones)
        legs = int(self.when.integers(law.legs[0], law.legs[1], endpoint=True))
        stops = [self._home[place], *(self._spot(int(self.when.integers(zones))) for _ in range(legs))]
        speed = float(self.when.uniform(*law.speed_km_h))
        track = np.array(stops)
        steps = np.diff(track, axis=0)
        along = np.concatenate([[0.0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])
        metres_s = speed / _METRES_PER_KM_H_S
        lasts_s = float(along[-1]) / metres_s
        reports = math.ceil(lasts_s / law.report_s[0])
        since_s = np.cumsum(self.when.uniform(*law.report_s, reports))
        since_s = since_s[since_s < lasts_s]
        over_ms = at_ms + max(1, round(lasts_s * 1000))
        trip, self._home[place] = self._trips[place], stops[-1]
        self._trips[place] += 1
        serial, name = trip * len(self.members) + place, f"{member.zone_name}-{member.device}-{trip + 1}"
        told: dict[str, list[str] | list[float]] = {"trip": [name], "distance_m": [round(float(along[-1]), 1)]}
        drafts = self.drafted("begin", [at_ms], [serial], [self._seen(member, track[:1])[0]], told)
        drafts += self.drafted("end", [over_ms], [serial], [self._seen(member, track[-1:])[0]], told)
        return drafts + self._positions(place, at_ms, since_s, (along, track, steps), speed), over_ms

    def _positions(
        self,
        place: int,
        at_ms: int,
        since_s: NDArray[np.float64],
        path: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
        speed: float,
    ) -> list[Draft]:
        along, track, steps = path
        done = since_s * speed / _METRES_PER_KM_H_S
        where = np.stack([np.interp(done, along, track[:, 0]), np.interp(done, along, track[:, 1])], axis=1)
        leg = np.minimum(np.searchsorted(along, done, "right") - 1, len(steps) - 1)
        heading = np.degrees(np.arctan2(steps[leg, 0], steps[leg, 1])) % 360
        latitude, longitude = self.premises.degrees(where[:, 0], where[:, 1])
        told = {
            "latitude": np.round(latitude, 6).tolist(),
            "longitude": np.round(longitude, 6).tolist(),
            "speed_km_h": [round(speed, 1)] * len(done),
            "heading_deg": (np.round(heading, 0) % 360).tolist(),
        }
        serials = [(self._told[place] + number) * len(self.members) + place for number in range(len(done))]
        self._told[place] += len(done)
        due = (at_ms + np.floor(since_s * 1000)).astype(np.int64).tolist()
        return self.drafted("position", due, serials, self._seen(self.members[place], where), told)

    def _seen(self, member: Member, where: NDArray[np.float64]) -> list[Member]:
        """The object at places (n, 2) in metres: its name holds the zone where it is at home, so it stays unique."""
        side, zones = self.premises.side, self.premises.zones
        cell = np.clip(np.rint(where / ZONE_WIDTH_M), 0, side - 1).astype(int)
        numbers = np.minimum(cell[:, 1] * side + cell[:, 0], len(zones) - 1).tolist()
        name = f"{member.device}-of-{member.zone_name}"
        return [Member(zone, zones[zone], name) for zone in numbers]


class RoundsSource(Source[Rounds]):
    """Patrol rounds over checkpoints, round by round."""

    def begin(self) -> None:
        """Give each guard a part of the checkpoints, and find the round before the start."""
        self._guards = self.premises.members(self.law.guards)
        self._every_ms = round(self.law.every_s * 1000)
        midnight = midnight_ms(local_day(self.start_ms))
        self._round = 0
        before = (self.start_ms - midnight) // self._every_ms - 1  # one that may still be under way
        self._base_ms = midnight + before * self._every_ms
        parts = np.array_split(np.arange(len(self.members)), max(1, len(self._guards)))
        self._parts = [part.tolist() for part in parts]
        self.horizon_ms = float(self._base_ms) if self._guards else math.inf

    def portion(self) -> list[Draft]:
        """One round of every guard."""
        drafts: list[Draft] = []
        for guard, part in enumerate(self._parts):
            if part:
                drafts += self._walk(guard, part)
        self._round += 1
        self.horizon_ms = self._base_ms + self._round * self._every_ms
        return drafts

    def _walk(self, guard: int, part: list[int]) -> list[Draft]:
        """One guard's round over some checkpoints; as much is drawn for a round that nobody walks."""
        law, base_ms = self.law, self._base_ms + self._round * self._every_ms
        missed = self.when.random() < law.missed
        late_s = law.delay_s * math.exp(law.delay_sigma * self.when.standard_normal())
        late_s = min(late_s, law.every_s / 2)
        left_out = self.when.random(len(part)) < law.skipped
        legs = np.cumsum(self.when.uniform(*law.leg_s, len(part)))
        member = [self._guards[guard]]
        serial, told = self._round * len(self._parts) + guard, {"round": [self._round + 1]}
        noticed_ms = base_ms + round(law.late_after_s * 1000)
        if missed:
            return self.drafted("missed", [noticed_ms], [serial], member, told)
        begin_ms = base_ms + round(late_s * 1000)
        over_ms = begin_ms + round(float(legs[-1]) * 1000) + 1
        drafts: list[Draft] = []
        if late_s > law.late_after_s:
            drafts += self.drafted("late", [begin_ms], [serial], member, told | {"late_s": [round(late_s)]})
        changes = {"state": PATROL_STATES}
        drafts += self.drafted("change", [begin_ms, over_ms], [2 * serial, 2 * serial + 1], member * 2, changes)
        passed_ms = begin_ms + np.rint(legs * 1000)
        for role, mine, due in (
            ("passed", ~left_out, passed_ms),
            ("skipped", left_out, np.full(len(part), over_ms)),
        ):
            which = [part[place] for place in np.flatnonzero(mine).tolist()]
            serials = [self._round * len(self.members) + each for each in which]
            points = [self.members[each] for each in which]
            rounds = {"round": [self._round + 1] * len(which)}
            drafts += self.drafted(role, due[mine].astype(np.int64).tolist(), serials, points, rounds)
        return drafts
