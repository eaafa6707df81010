"""The city's economy, lived event by event: when firms turn to their parks, and what happens to them in between."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from math import inf

import msgspec

from contract import catalogue
from contract.messages import CaseApplication
from scenarios.model import Scenario
from sim.emission import Request
from sim.world.economy.calendar import CHINA_OFFSET_MS, DAY_MS, HOUR_MS, office, shift_patterns
from sim.world.economy.curves import Curve, pattern_curve, steady_curve
from sim.world.economy.deadlines import concerns_firm, deadline_curve
from sim.world.economy.desk import Ask, Desk
from sim.world.economy.draws import Draws
from sim.world.economy.enterprise import Enterprise
from sim.world.economy.founding import found
from sim.world.economy.life import Life
from sim.world.economy.paperwork import Paper, fill_in
from sim.world.economy.parameters import Parameters, parameters

_OCCASION, _HAPPENING, _LATE_GOODS, _DEADLINE, _INTERRUPTION, _REPORT = range(6)
_MINUTE_MS = 60_000

_Event = tuple[float, int, int, int, float]
"""When (Unix ms), which firm, what, and two figures whose meaning depends on what."""


class EconomyFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Requests emitted so far, in figures.

    Attributes:
        firms: enterprises that live, in all parks of the scenario.
        by_service, by_matter, by_reason: requests of the shard's parks.
        by_hour: 24 counts by local hour of the day.
        forgotten: needs of all firms that were dropped because an agenda was full.
    """

    firms: int
    requests: int
    by_service: dict[str, int]
    by_matter: dict[str, int]
    by_reason: dict[str, int]
    by_hour: list[int]
    forgotten: int


class Economy:
    """All enterprises of a scenario's parks, of which some parks' requests are handed out.

    The whole city lives whichever parks are asked for, so that links between parks work on any number of shards.

    Args:
        scenario: `requests_per_enterprise_hour` is the mean rate in full working hours, away from deadlines.
        parks: ids of the parks whose requests are handed out.
        replication: number of the repetition.
        start_ms, end_ms: no request is due before the one, or at or after the other; Unix milliseconds.
        written: how firms live; the files of this folder where nothing is given.

    Attributes:
        tempo: how many times as fast as the world's clock the firms' life runs.
        firms: the city's, park by park in the catalogue's order.
    """

    def __init__(
        self,
        scenario: Scenario,
        parks: Sequence[str],
        *,
        replication: int,
        start_ms: int,
        end_ms: int,
        written: Parameters | None = None,
    ) -> None:
        self._parameters = written = written or parameters()
        self._seed = (scenario.seed, replication)
        self._start_ms, self._end_ms = start_ms, end_ms
        self._rate = scenario.requests_per_enterprise_hour
        self.tempo = self._rate / written.life.natural_requests_per_hour.value
        self.firms = found(scenario, written, replication) if self._rate else []
        self._office = pattern_curve(office(), start_ms, end_ms)
        production = [steady_curve(pattern, start_ms, end_ms) for pattern in shift_patterns()]
        self._life = Life(self.firms, written, production, self.tempo, self._goods_will_be_late)
        self._desk = Desk(self.firms, written, self._life.settle)
        self._deadlines = [deadline_curve(one, office(), start_ms, end_ms) for one in written.deadlines]
        self._matters = {matter.code: matter for matter in catalogue.matters()}
        self._park_ids = tuple(park.id for park in catalogue.parks())
        self._waiting: dict[str, deque[Request]] = {park: deque() for park in parks}
        self._sequence = dict.fromkeys(parks, 0)
        self._filings: dict[tuple[int, int], Draws] = {}
        self._interruptions: list[str] = []
        self._lived_ms = float(start_ms)
        self._acts: tuple[Callable[[_Event], None], ...] = (
            self._occasion,
            self._happening,
            self._late_goods,
            self._deadline,
            self._interruption,
            self._report,
        )
        self._by_matter: Counter[str] = Counter()
        self._by_reason: Counter[str] = Counter()
        self._by_hour = [0] * 24
        self._heap: list[_Event] = []
        self._begin()
        self._next_ms = self._heap[0][0] if self._heap else inf

    def requests(self, park: str, until_ms: int) -> list[Request]:
        """A park's requests that are due before a time and were not handed out yet, in order of time."""
        if self._next_ms < until_ms:
            self._live(until_ms)
        waiting = self._waiting[park]
        if not waiting:
            return []
        found = []
        while waiting and waiting[0].due_ms < until_ms:
            found.append(waiting.popleft())
        return found

    def interrupt(self, park: str, zone: int | None, begin_ms: int, end_ms: int, *, cause: str = "incident") -> None:
        """Something from outside stops all machines of a park's zone, or of the whole park (None), for a time.

        Every shard has to tell its economy of the same interruptions at the same time of the world, whichever parks
        are its own: what stops here is missed elsewhere. What is past already begins now.

        Args:
            park: id of a park of the scenario.
            zone: number of the zone, from 1.
            begin_ms: when the machines stop, Unix milliseconds.
            end_ms: when they run again.
            cause: a short code, which the firms' reasons carry as `interrupted:CAUSE`.
        """
        begin = max(float(begin_ms), self._lived_ms)
        if end_ms <= begin:
            return
        code = len(self._interruptions)
        self._interruptions.append(cause)
        for firm in self.firms:
            if firm.park == park and zone in (None, firm.zone):
                heappush(self._heap, (begin, firm.index, _INTERRUPTION, code, float(end_ms)))
        self._next_ms = self._heap[0][0] if self._heap else inf

    def expected_requests(self, begin_ms: int, end_ms: int) -> float:
        """Mean number of requests of all firms between two times of the story, where nothing interrupts them."""
        mean = self._rate * len(self.firms) * self._office.integral_hours(begin_ms, end_ms)
        for deadline, curve in zip(self._parameters.deadlines, self._deadlines, strict=True):
            if curve is not None:
                concerned = sum(concerns_firm(deadline, firm) for firm in self.firms)
                mean += self.tempo * deadline.filings * concerned * curve.integral_hours(begin_ms, end_ms)
        return mean

    def summary(self) -> EconomyFigures:
        """What was emitted so far."""
        services: Counter[str] = Counter()
        for matter, count in self._by_matter.items():
            services[self._matters[matter].service] += count
        return EconomyFigures(
            firms=len(self.firms),
            requests=self._by_matter.total(),
            by_service=dict(sorted(services.items())),
            by_matter=dict(sorted(self._by_matter.items())),
            by_reason=dict(sorted(self._by_reason.items())),
            by_hour=list(self._by_hour),
            forgotten=sum(firm.forgotten for firm in self.firms),
        )

    def _begin(self) -> None:
        """Put every firm's first events on the calendar."""
        office_begin = self._office.position(self._start_ms)
        self._life.before(self._start_ms, self._parameters.life.before_h.value)
        for firm in self.firms:
            self._next_occasion(firm, office_begin)
            self._next_happening(firm, self._life.settle(firm, self._start_ms))
        for number, (deadline, curve) in enumerate(zip(self._parameters.deadlines, self._deadlines, strict=True)):
            if curve is not None and deadline.filings:
                begin = curve.position(self._start_ms)
                for firm in self.firms:
                    if concerns_firm(deadline, firm):
                        self._next_deadline(firm, number, begin)
        heapify(self._heap)

    def _live(self, until_ms: float) -> None:
        heap, acts = self._heap, self._acts
        while heap and heap[0][0] < until_ms:
            event = heappop(heap)
            acts[event[2]](event)
        self._lived_ms = max(self._lived_ms, float(until_ms))
        self._next_ms = heap[0][0] if heap else inf

    def _push(self, event: _Event) -> None:
        if event[0] < self._end_ms:
            heappush(self._heap, event)

    def _next_occasion(self, firm: Enterprise, position: float) -> None:
        time_ms, position = _arrival(firm.occasions, self._office, position, self._rate)
        self._push((time_ms, firm.index, _OCCASION, 0, position))

    def _next_happening(self, firm: Enterprise, after_h: float) -> None:
        time_ms, due_h = self._life.next_ms(firm, after_h)
        self._push((time_ms, firm.index, _HAPPENING, 0, due_h))

    def _next_deadline(self, firm: Enterprise, number: int, position: float) -> None:
        deadline, curve = self._parameters.deadlines[number], self._deadlines[number]
        if curve is None:
            return
        draws = self._filings.get((firm.index, number))
        if draws is None:
            draws = self._filings[firm.index, number] = self._draws(firm, f"filing {deadline.code}")
        time_ms, position = _arrival(draws, curve, position, self.tempo * deadline.filings)
        self._push((time_ms, firm.index, _DEADLINE, number, position))

    def _draws(self, firm: Enterprise, purpose: str) -> Draws:
        seed, replication = self._seed
        return Draws(seed, replication, firm.place, number=firm.number, purpose=purpose)

    def _goods_will_be_late(self, time_ms: float, customer: int, place: int, late_h: float) -> None:
        self._push((time_ms, customer, _LATE_GOODS, place, late_h))

    def _occasion(self, event: _Event) -> None:
        time_ms, index, _, _, position = event
        firm = self.firms[index]
        ask = self._desk.choose(firm, self._life.settle(firm, time_ms))
        self._desk.follow(firm, ask, self._file(firm, ask, time_ms), time_ms)
        self._next_occasion(firm, position)

    def _happening(self, event: _Event) -> None:
        time_ms, index, _, _, due_h = event
        firm = self.firms[index]
        self._life.happen(firm, time_ms, due_h)
        self._next_happening(firm, due_h)

    def _late_goods(self, event: _Event) -> None:
        time_ms, index, _, place, late_h = event
        self._life.goods_late(self.firms[index], place, late_h, time_ms)

    def _deadline(self, event: _Event) -> None:
        time_ms, index, _, number, position = event
        firm, deadline = self.firms[index], self._parameters.deadlines[number]
        self._life.settle(firm, time_ms)
        self._file(firm, Ask(deadline.matter, f"deadline:{deadline.code}", None), time_ms)
        self._next_deadline(firm, number, position)

    def _interruption(self, event: _Event) -> None:
        time_ms, index, _, code, end_ms = event
        firm = self.firms[index]
        self._life.interrupt(firm, time_ms, end_ms, self._interruptions[code])
        draws = self._draws(firm, f"report at {time_ms:.0f}")
        delay_ms = draws.exponential() * self._parameters.life.reaction_min.value * _MINUTE_MS
        self._push((time_ms + delay_ms, index, _REPORT, code, 0.0))

    def _report(self, event: _Event) -> None:
        time_ms, index, _, code, _ = event
        firm = self.firms[index]
        self._life.settle(firm, time_ms)
        ask = self._desk.report(firm, f"interrupted:{self._interruptions[code]}")
        if ask is not None:
            self._file(firm, ask, time_ms)

    def _file(self, firm: Enterprise, ask: Ask, time_ms: float) -> str:
        """Number a request and, where its park is one of ours, write it out; returns its id."""
        firm.requests_made += 1
        request_id = f"{firm.name}-r{firm.requests_made:05d}"
        waiting = self._waiting.get(firm.park)
        if waiting is None:
            return request_id
        matter = self._matters[ask.matter]
        form = fill_in(Paper(firm, matter, ask.code, ask.need, time_ms, self._park_ids, {}))
        application = CaseApplication(request_id=request_id, matter=ask.matter, enterprise=firm.name, form=form)
        self._sequence[firm.park] += 1
        waiting.append(Request(int(time_ms), firm.park, self._sequence[firm.park], application, ask.code))
        self._by_matter[ask.matter] += 1
        self._by_reason[ask.code] += 1
        self._by_hour[int((time_ms + CHINA_OFFSET_MS) % DAY_MS) // HOUR_MS] += 1
        return request_id


def _arrival(draws: Draws, curve: Curve, position: float, rate: float) -> tuple[float, float]:
    """The next arrival after a position on a curve, by thinning: Unix ms (infinity beyond the curve) and position."""
    while True:
        position += draws.exponential() / rate
        time_ms, keep = curve.after(position)
        if keep >= 1 or draws.uniform() < keep:
            return time_ms, position
