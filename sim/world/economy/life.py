"""What happens to firms: orders, stops, late inputs, ideas, licences; and how one firm's trouble becomes another's."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from math import exp

from sim.world.economy.calendar import HOUR_MS
from sim.world.economy.curves import Curve
from sim.world.economy.draws import log_normal
from sim.world.economy.enterprise import Enterprise, Link, Need
from sim.world.economy.parameters import Parameters, concerns

Arrive = Callable[[float, int, int, float], None]
"""Takes note of goods that will come late: when (Unix ms), the customer, the place of the link, the delay in hours."""

_OUTLET_SHARE = 1 / 3  # an emitter's sewer permit is one of the three licences that `licence_every_h` counts


class Life:
    """The happenings of all firms. Each takes the same number of draws from the firm's own stream, whatever its state.

    Args:
        firms: the city's.
        parameters: how they live.
        production: the curve of each pattern of shifts.
        tempo: how many times as fast as the world's clock the firms' runs.
        arrive: is told of goods that will arrive late.
    """

    def __init__(
        self,
        firms: Sequence[Enterprise],
        parameters: Parameters,
        production: Sequence[Curve],
        tempo: float,
        arrive: Arrive,
    ) -> None:
        life = parameters.life
        self._firms = firms
        self._production = production
        self._tempo = tempo
        self._arrive = arrive
        self._reasons = parameters.reasons
        self._catch_up = life.catch_up_share.value
        self._stock_h, self._slack_h = life.stock_h.value, life.slack_h.value
        self._market_share = life.market_share.value
        self._order_sigma = life.order_sigma.value
        mean_order_h = life.order_every_h.value * life.order_load.value
        self._order_median_h = mean_order_h / exp(self._order_sigma**2 / 2)
        self._large_order_h = life.large_order_h.value
        self._stop = (life.stop_median_h.value, life.stop_sigma.value, life.stop_share_min.value)
        self._outside = (life.outside_late_median_h.value, life.outside_late_sigma.value)
        self._repeated = (int(life.repeated_stops.value), life.repeated_within_h.value)
        self._agenda_max = int(life.agenda_max.value)
        rates = [1 / one.value for one in (life.order_every_h, life.stop_every_h, life.idea_every_h)]
        rates.append(1 / life.licence_every_h.value)
        outside_rate = 1 / life.outside_late_every_h.value
        counts = range(int(life.suppliers_max.value) + 1)
        # By the number of suppliers outside the scenario: cumulated rates a production hour.
        self._rates = [list(accumulate([*rates, outside_rate * count])) for count in counts]
        self._acts = (self._order, self._breakdown, self._idea, self._licence, self._outside_late)

    def now_h(self, firm: Enterprise, time_ms: float) -> float:
        """A time on a firm's own clock, hours of production."""
        return self._production[firm.shift].position(time_ms) * self._tempo

    def settle(self, firm: Enterprise, time_ms: float) -> float:
        """Bring a firm up to a time; returns its own clock's."""
        now_h = self._production[firm.shift].position(time_ms) * self._tempo
        firm.settle(now_h, self._catch_up)
        return now_h

    def next_ms(self, firm: Enterprise, after_h: float) -> tuple[float, float]:
        """When something next happens to a firm, Unix ms (infinity where the story ends first) and its own clock."""
        due_h = after_h + firm.life.exponential() / self._rates[len(firm.outside)][-1]
        return self._production[firm.shift].after(due_h / self._tempo)[0], due_h

    def before(self, start_ms: float, hours: float) -> None:
        """Let firms live some hours of production before a time, so that it does not find them with empty minds.

        Goods that are late already may arrive before that time too.
        """
        happenings = []
        for firm in self._firms:
            start_h = self.now_h(firm, start_ms)
            rate = self._rates[len(firm.outside)][-1]
            due_h = firm.at_h = start_h - hours
            while (due_h := due_h + firm.life.exponential() / rate) < start_h:
                happenings.append((due_h - start_h, firm.index, due_h))
        for ahead_h, index, due_h in sorted(happenings):
            self.happen(self._firms[index], start_ms + ahead_h * HOUR_MS / self._tempo, due_h)

    def happen(self, firm: Enterprise, time_ms: float, now_h: float) -> None:
        """Something happens to a firm."""
        firm.settle(now_h, self._catch_up)
        draws = firm.life
        rates = self._rates[len(firm.outside)]
        kind = bisect_right(rates, draws.uniform() * rates[-1])
        self._acts[kind](firm, time_ms, (draws.uniform(), draws.uniform(), draws.uniform()))

    def _order(self, firm: Enterprise, time_ms: float, drawn: tuple[float, float, float]) -> None:
        hours = log_normal(drawn[0], drawn[1], self._order_median_h, self._order_sigma)
        beyond = drawn[2] - self._market_share
        if beyond >= 0 and firm.customers:
            place = int(beyond / (1 - self._market_share) * len(firm.customers))
            customer = self._firms[firm.customers[place][0]]
            if customer.stands_still(self.now_h(customer, time_ms)):
                self._need(firm, "customer-stopped", partner=customer.name, hours=hours)
                return
        firm.take_order(hours)
        if hours > self._large_order_h:
            self._need(firm, "large-order", partner=firm.name, hours=hours)

    def _breakdown(self, firm: Enterprise, time_ms: float, drawn: tuple[float, float, float]) -> None:
        median, sigma, share_min = self._stop
        hours = log_normal(drawn[0], drawn[1], median, sigma)
        share = share_min + (1 - share_min) * drawn[2]
        lost_h = firm.stop(firm.at_h, firm.at_h + hours, share)
        self._need(firm, "machine-repair", hours=hours)
        times, within_h = self._repeated
        firm.stops = [one for one in firm.stops if one > firm.at_h - within_h]
        if len(firm.stops) >= times:
            firm.stops.clear()
            self._need(firm, "repeated-breakdown", hours=hours)
        if firm.behind_h > self._slack_h:
            self._need(firm, "machine-stop", partner=self._first_customer(firm), hours=firm.behind_h)
            self.deliver_late(firm, time_ms, lost_h)

    def _idea(self, firm: Enterprise, _: float, drawn: tuple[float, float, float]) -> None:
        partners = [link.name for link in firm.suppliers]
        partner = partners[int(drawn[0] * len(partners))] if partners else firm.name
        self._need(firm, "new-product", partner=partner)

    def _licence(self, firm: Enterprise, _: float, drawn: tuple[float, float, float]) -> None:
        outlet = firm.family.emitter and drawn[0] < _OUTLET_SHARE
        self._need(firm, "outlet-permit-expiry" if outlet else "licence-expiry")

    def _outside_late(self, firm: Enterprise, time_ms: float, drawn: tuple[float, float, float]) -> None:
        median, sigma = self._outside
        link = firm.outside[int(drawn[2] * len(firm.outside))]
        self._goods_late(firm, link, log_normal(drawn[0], drawn[1], median, sigma), time_ms)

    def deliver_late(self, firm: Enterprise, time_ms: float, fresh_h: float) -> None:
        """A firm's customers will get their goods late: by what is new of its delay, less what its plan absorbs."""
        late_h = min(firm.behind_h - self._slack_h, fresh_h)
        if late_h <= 0:
            return
        for customer, place in firm.customers:
            link = self._firms[customer].suppliers[place]
            self._arrive(time_ms + link.transit_h * HOUR_MS / self._tempo, customer, place, late_h)

    def goods_late(self, firm: Enterprise, place: int, late_h: float, time_ms: float) -> None:
        """Goods of one of its links come to a firm late."""
        self.settle(firm, time_ms)
        self._goods_late(firm, firm.suppliers[place], late_h, time_ms)

    def _goods_late(self, firm: Enterprise, link: Link, late_h: float, time_ms: float) -> None:
        short_h = (late_h - self._stock_h) * link.dependence
        if short_h <= 0:
            return
        firm.behind_h += short_h
        self._need(firm, "late-supplier", partner=link.name, hours=late_h)
        if firm.behind_h > self._slack_h:
            self._need(firm, "late-delivery", partner=self._first_customer(firm), hours=firm.behind_h)
            self.deliver_late(firm, time_ms, short_h)

    def interrupt(self, firm: Enterprise, time_ms: float, end_ms: float, cause: str) -> None:
        """Something from outside stops all of a firm's machines from one time to another."""
        now_h = self.settle(firm, time_ms)
        until_h = self.now_h(firm, end_ms)
        lost_h = firm.stop(now_h, max(until_h, now_h), 1.0)
        self._need(
            firm, "interrupted", code=f"interrupted:{cause}", partner=self._first_customer(firm), hours=until_h - now_h
        )
        self.deliver_late(firm, time_ms, lost_h)

    def _first_customer(self, firm: Enterprise) -> str:
        return self._firms[firm.customers[0][0]].name if firm.customers else firm.name

    def _need(self, firm: Enterprise, reason: str, *, code: str = "", partner: str = "", hours: float = 0.0) -> None:
        why = self._reasons[reason]
        if concerns(why, firm.family):
            firm.remember(Need(why, firm.at_h, code=code, partner=partner, hours=hours), self._agenda_max)
