"""An enterprise: what it is, the work it has in hand, what it has on its mind."""

from typing import TYPE_CHECKING, NamedTuple

from sim.world.economy.parameters import Family, Reason

if TYPE_CHECKING:
    from sim.world.economy.draws import Draws

_ROUNDING_H = 1e-6


class Link(NamedTuple):
    """Who supplies a firm.

    Attributes:
        supplier: place in the city's list of firms; -1 for one in a park that does not take part.
        name: id of the supplier.
        dependence: part of the customer's work that waits for these goods.
        transit_h: from the supplier's door to the customer's.
    """

    supplier: int
    name: str
    dependence: float
    transit_h: float


class Need:
    """Something on a firm's agenda.

    Attributes:
        reason: why.
        code: of the reason, as requests carry it.
        filed: how many of the reason's asks are filed already.
        born_h: when it came up, in the firm's hours of production.
        partner: id of the other firm concerned, or empty.
        hours: delay, stop or amount of work concerned.
        request: id of the earlier request concerned, or empty.
    """

    __slots__ = ("born_h", "code", "filed", "hours", "partner", "reason", "request")

    def __init__(
        self, reason: Reason, born_h: float, *, code: str = "", partner: str = "", hours: float = 0.0, request: str = ""
    ) -> None:
        self.reason = reason
        self.code = code or reason.code
        self.filed = 0
        self.born_h = born_h
        self.partner = partner
        self.hours = hours
        self.request = request


class Enterprise:
    """One firm as an agent. It has no clock of its own: whoever acts settles it up to now first.

    It is no `mesa.Agent`, since nobody steps it: of thousands of firms only the one acts whose next event is due, and
    the city's firms belong to no single world.

    Hours are hours of its own production at full activity, `now_h`; they run `tempo` times as fast as the world's.

    Attributes:
        index: place in the city's list of firms.
        name: its id, such as `fuling-e0012`.
        place: its park's place in the catalogue.
        industry: as its park names it.
        power_kw: mean electric power at work.
        zone: number of the zone of its park in which it stands.
        shift: place of its pattern of shifts.
        loads_t_h: goods that an hour of work brings to the park's platform, in tonnes.
        suppliers, customers: its links; customers as (place in the city's list, place of the link in their list).
        at_h: up to when it is settled.
        book_h: work in hand.
        done_h: work done so far.
        behind_h: delay against its plan.
        down_from_h, down_until_h, down_share: the present or last stop and the part of the capacity that it takes.
        orders: (work done when it is finished, its goods in tonnes) of each order in hand, the next one first.
        load_t: finished goods that wait for transport.
        stops: when machines stopped of late.
        stops_total: how often they ever did.
        agenda: what waits to be asked for.
        forgotten: what was dropped because the agenda was full.
        posted_request, posted_h: the offer of idle capacity that stands, if any, and when it was made.
        requests_made: number of its requests so far.
    """

    __slots__ = (
        "agenda", "at_h", "behind_h", "book_h", "choices", "customers", "done_h", "down_from_h", "down_share",
        "down_until_h", "family", "forgotten", "index", "industry", "life", "load_t", "loads_t_h", "machines",
        "name", "number", "occasions", "orders", "outside", "paper", "park", "place", "posted_h", "posted_request",
        "power_kw", "requests_made", "shift", "staff", "stops", "stops_total", "suppliers", "zone",
    )  # fmt: skip

    def __init__(self, index: int, park: str, place: int, number: int, family: Family) -> None:
        self.index = index
        self.park = park
        self.place = place
        self.number = number
        self.name = f"{park}-e{number:04d}"
        self.family = family
        self.industry = ""
        self.power_kw = 0.0
        self.shift = 0
        self.staff = 1
        self.machines = 1
        self.zone = 1
        self.loads_t_h = 0.0
        self.suppliers: list[Link] = []
        self.outside: list[Link] = []
        self.customers: list[tuple[int, int]] = []
        self.at_h = self.book_h = self.done_h = self.behind_h = self.load_t = 0.0
        self.down_from_h = self.down_until_h = self.down_share = 0.0
        self.orders: list[tuple[float, float]] = []
        self.stops: list[float] = []
        self.stops_total = 0
        self.agenda: list[Need] = []
        self.forgotten = 0
        self.posted_request = ""
        self.posted_h = 0.0
        self.requests_made = 0
        self.occasions: Draws
        self.life: Draws
        self.choices: Draws
        self.paper: Draws

    def settle(self, now_h: float, catch_up_share: float) -> None:
        """Work until now: the book shrinks, delay is won back, finished orders become loads."""
        passed = now_h - self.at_h
        if passed <= 0:
            return
        down = min(now_h, self.down_until_h) - max(self.at_h, self.down_from_h)
        worked = passed - self.down_share * down if down > 0 else passed
        self.at_h = now_h
        if self.behind_h:
            self.behind_h = max(0.0, self.behind_h - catch_up_share * worked)
        done = min(self.book_h, worked)
        self.book_h -= done
        self.done_h += done
        self._finish()

    def _finish(self) -> None:
        orders = self.orders
        while orders and (orders[0][0] <= self.done_h + _ROUNDING_H or self.book_h <= _ROUNDING_H):
            self.load_t += orders.pop(0)[1]

    def take_order(self, hours: float) -> None:
        """Put an order at the end of the book."""
        self.book_h += hours
        self.orders.append((self.done_h + self.book_h, hours * self.loads_t_h))

    def hand_on(self, hours: float) -> None:
        """Have others do a part of the work in hand."""
        self.book_h -= hours
        self.done_h += hours
        self._finish()

    def stop(self, now_h: float, until_h: float, share: float) -> float:
        """Lose a share of the capacity for a time; returns the hours of work that are lost on top of a running stop."""
        left_h = max(0.0, self.down_until_h - now_h) * self.down_share
        if left_h:
            until_h, share = max(until_h, self.down_until_h), max(share, self.down_share)
        self.down_from_h, self.down_until_h, self.down_share = now_h, until_h, share
        lost_h = (until_h - now_h) * share - left_h
        self.behind_h += lost_h
        self.stops.append(now_h)
        self.stops_total += 1
        return lost_h

    def stands_still(self, now_h: float, share_min: float = 0.5) -> bool:
        """At least a share of its machines is down."""
        return self.down_from_h <= now_h < self.down_until_h and self.down_share >= share_min

    def remember(self, need: Need, agenda_max: int) -> None:
        """Put a need on the agenda, unless the same is there; the oldest gives way where the agenda is full."""
        for known in self.agenda:
            if known.code == need.code and known.partner == need.partner:
                return
        if len(self.agenda) >= agenda_max:
            del self.agenda[0]
            self.forgotten += 1
        self.agenda.append(need)
