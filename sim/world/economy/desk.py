"""A firm's desk: on an occasion to turn to the park, for what and why; and what follows from asking."""

from collections.abc import Callable, Sequence
from math import inf
from typing import NamedTuple

from contract import catalogue
from sim.world.economy.enterprise import Enterprise, Need
from sim.world.economy.parameters import Parameters, Reason, concerns

_ASKED_BACK = frozenset({"administrative licence", "public utility", "grant", "financing"})
"""Kinds of matter whose papers an officer reads before deciding."""


class Ask(NamedTuple):
    """What a firm asks for: a matter, why (the code that requests carry), and the need behind it, if there is one."""

    matter: str
    code: str
    need: Need | None


class Desk:
    """Chooses for all firms by weights; each occasion takes three draws of the firm's `choices`, whatever its state.

    Args:
        firms: the city's.
        parameters: why firms ask, and how they live.
        settle: brings a firm up to a time, Unix milliseconds.
    """

    def __init__(
        self, firms: Sequence[Enterprise], parameters: Parameters, settle: Callable[[Enterprise, float], float]
    ) -> None:
        life, reasons = parameters.life, parameters.reasons
        self._firms = firms
        self._settle = settle
        self._reasons = reasons
        self._idle_h, self._overload_h = life.idle_h.value, life.overload_h.value
        self._truck_t, self._part_load_t = life.truck_t.value, life.part_load_t.value
        self._posting_lasts_h = life.posting_lasts_h.value
        self._handed_on_h_max = life.handed_on_h_max.value
        self._asked_back_share = life.asked_back_share.value
        self._agenda_max = int(life.agenda_max.value)
        self._kinds = {matter.code: matter.kind for matter in catalogue.matters()}
        self._idle, self._overload = reasons["idle-capacity"], reasons["overload"]
        self._part_load, self._full_load = reasons["part-load"], reasons["full-load"]
        self._gone, self._officer_asks, self._match = (
            reasons["need-is-gone"],
            reasons["officer-asks"],
            reasons["match-found"],
        )
        routine = [reason for reason in reasons.values() if reason.kind == "routine"]
        self._routine = {
            family.code: [reason for reason in routine if concerns(reason, family)] for family in parameters.families
        }
        self._board: dict[tuple[int, str], list[int]] = {}

    def choose(self, firm: Enterprise, now_h: float) -> Ask:
        """What a settled firm asks for now; marks it as filed."""
        first, second = firm.choices.uniform(), firm.choices.uniform()
        waiting = self._prune(firm, now_h)
        open_reasons = self._states(firm, now_h)
        open_reasons += self._routine[firm.family.code]
        total = 0.0
        for need in waiting:
            total += need.reason.weight
        for reason in open_reasons:
            total += reason.weight
        mark = first * total
        for need in waiting:
            mark -= need.reason.weight
            if mark < 0:
                return self._take(firm, need)
        chosen = open_reasons[-1]
        for reason in open_reasons:
            mark -= reason.weight
            if mark < 0:
                chosen = reason
                break
        asks = chosen.asks
        return Ask(asks[int(second * len(asks))], chosen.code, None)

    def report(self, firm: Enterprise, code: str) -> Ask | None:
        """The first ask of a need that cannot wait for an occasion, if it is still on the agenda untouched."""
        for need in firm.agenda:
            if need.code == code and not need.filed:
                return self._take(firm, need)
        return None

    def _take(self, firm: Enterprise, need: Need) -> Ask:
        matter = need.reason.asks[need.filed]
        need.filed += 1
        if need.filed == len(need.reason.asks):
            firm.agenda.remove(need)
        return Ask(matter, need.code, need)

    def _prune(self, firm: Enterprise, now_h: float) -> list[Need]:
        agenda = firm.agenda
        if agenda:
            firm.agenda = agenda = [need for need in agenda if now_h - need.born_h <= (need.reason.lapses_h or inf)]
        return agenda

    def _states(self, firm: Enterprise, now_h: float) -> list[Reason]:
        """The reasons that hold by a firm's state."""
        found: list[Reason] = []
        book_h, load_t = firm.book_h, firm.load_t
        if firm.posted_request and now_h - firm.posted_h > self._posting_lasts_h:
            firm.posted_request = ""
        if book_h < self._idle_h:
            if not firm.posted_request:
                found.append(self._idle)
        elif book_h > self._overload_h:
            found.append(self._overload)
        if load_t >= self._part_load_t:
            found.append(self._full_load if load_t >= self._truck_t else self._part_load)
        if firm.posted_request and book_h > self._overload_h / 2:
            found.append(self._gone)
        return found

    def follow(self, firm: Enterprise, ask: Ask, request_id: str, time_ms: float) -> None:
        """What follows from having asked."""
        now_h = firm.at_h
        third = firm.choices.uniform()
        matter = ask.matter
        if matter == "post-idle-capacity":
            firm.posted_request, firm.posted_h = request_id, now_h
            self._board.setdefault((firm.place, firm.family.code), []).append(firm.index)
        elif matter == "seek-capacity":
            self._find_partner(firm, time_ms)
        elif matter == "case-withdrawal":
            firm.posted_request = ""
        elif matter in ("consolidate-load", "truck-booking"):
            firm.load_t = 0.0
        elif self._kinds[matter] in _ASKED_BACK and third < self._asked_back_share:
            need = Need(self._officer_asks, now_h, request=request_id)
            firm.remember(need, self._agenda_max)

    def _find_partner(self, seeker: Enterprise, time_ms: float) -> None:
        """The firm of the same family and park whose offer has stood longest takes over a part of the seeker's work."""
        board = self._board.get((seeker.place, seeker.family.code))
        hours = min(seeker.book_h / 2, self._handed_on_h_max)
        while board and hours > 0:
            partner = self._firms[board.pop(0)]
            if partner is seeker or not partner.posted_request:
                continue
            self._settle(partner, time_ms)
            partner.posted_request = ""
            partner.take_order(hours)
            seeker.hand_on(hours)
            seeker.remember(Need(self._match, seeker.at_h, partner=partner.name, hours=hours), self._agenda_max)
            return
