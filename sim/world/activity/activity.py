"""The events and states of one park: all flows joined in order of time, and what incidents do to them."""

import heapq
import math
from bisect import bisect_left, insort
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from contract import catalogue
from contract.catalogue import ParkPoints
from contract.messages import DeviceEvent
from sim.emission import Event
from sim.world.activity.arrivals import PeriodicSource, PoissonSource
from sim.world.activity.days import DailySource, ShiftsSource
from sim.world.activity.laws import Daily, Dwell, Moving, Periodic, Poisson, Rounds, Shifts
from sim.world.activity.load import book, kind_names, reactions
from sim.world.activity.model import Flow, Hold
from sim.world.activity.moves import DwellSource, MovingSource, RoundsSource
from sim.world.activity.population import Premises
from sim.world.activity.reactions import Held, Response, Silence, respond_to
from sim.world.activity.source import Draft, Fields, Setting, Source

CHUNK_MS = 600_000

_SOURCES: dict[type, type[Source]] = {  # type: ignore[type-arg]  # one class for each law
    Periodic: PeriodicSource,
    Poisson: PoissonSource,
    Daily: DailySource,
    Shifts: ShiftsSource,
    Dwell: DwellSource,
    Moving: MovingSource,
    Rounds: RoundsSource,
}


class _Sent(NamedTuple):
    """What all messages of a kind have in common."""

    subsystem: str
    kind: str
    traffic: str


class Activity:
    """Events and states of one park.

    Args:
        park: its id in the catalogue.
        layout: its points; their devices send.
        staff: people who work in it.
        start_ms, end_ms: what is due outside of [start_ms, end_ms) is not sent; scenario time, Unix milliseconds.
        draw: makes the park's named streams.
        chunk_ms: so much is held ready at a time; no event depends on it.
        flows: these instead of the delivered ones, to look at some alone.

    Attributes:
        premises: the park's devices, people and place.
        next_ms: nothing is due before; asking earlier gives nothing.
    """

    def __init__(
        self,
        *,
        park: str,
        layout: ParkPoints,
        staff: int,
        start_ms: int,
        end_ms: int,
        draw: Callable[[str], np.random.Generator],
        chunk_ms: int = CHUNK_MS,
        flows: tuple[Flow, ...] | None = None,
    ) -> None:
        self.park = park
        place = next(one for one in catalogue.parks() if one.id == park)
        known = book()
        self.premises = Premises(layout, staff, place.latitude, place.longitude, known.fleets)
        self._draw = draw
        self._end_ms, self._chunk_ms = end_ms, chunk_ms
        setting = Setting(self.premises, start_ms, end_ms, draw)
        self._sources: list[Source] = []  # type: ignore[type-arg]  # of all laws
        self._sent: list[_Sent] = []
        self._number: dict[str, int] = {}
        for flow in known.flows if flows is None else flows:
            first = len(self._sent)
            self._number |= {name: first + place for place, name in enumerate(kind_names(flow))}
            self._sources.append(_SOURCES[type(flow.law)](flow, first, setting))
            self._sent += [
                _Sent(flow.subsystem, kind.kind, kind.traffic)
                for kind in sorted(flow.kinds.values(), key=lambda it: self._number[f"{flow.subsystem}/{it.kind}"])
            ]
        self._watched = self._watch()
        self._drafts: list[Draft] = []  # of this chunk, in order
        self._next = 0  # place of the next to be sent
        self._filled_ms = start_ms  # all drafts before are known
        self._later: list[Draft] = []  # responses beyond this chunk, a heap
        self._silences: list[Silence] = []  # that have begun
        self._silences_to_come: list[Silence] = []  # a heap
        self._silent_from_ms: float = math.inf  # before, nothing is silent
        self._responses = 0
        self._sequence = 0
        self.next_ms: float = start_ms
        self._asked_ms = start_ms

    def events(self, until_ms: int) -> list[Event]:
        """What is due before a time and was not asked for yet, in order of due time and kind, numbered from 1."""
        if until_ms > self._asked_ms:  # noqa: PLR1730 - at every step: a comparison is cheaper than a call
            self._asked_ms = until_ms
        if until_ms <= self.next_ms:
            return []
        sent: list[Event] = []
        while self.next_ms < until_ms:
            if self._next == len(self._drafts):
                self._fill()
            else:
                stop = bisect_left(self._drafts, until_ms, lo=self._next, key=_due)
                for draft in self._drafts[self._next : stop]:
                    self._send(draft, sent)
                self._next = stop
            self._look_ahead()
        return sent

    def respond(self, kind: str, zone: str, at_ms: int, severity: float, end_ms: int | None = None) -> int:
        """Let an incident do to the traffic what `reactions.yaml` says; at its beginning or any time before.

        Args:
            kind: of the incident; one without an entry does nothing.
            zone: its zone's name.
            at_ms: its beginning; what lies before what was already asked for is moved there.
            severity: scales how many devices and people answer.
            end_ms: when it is over; by default after the entry's `lasts_s`.

        Returns:
            How many events it adds (of those that change no state in the end, some are not sent).

        Raises:
            ValueError: the park has no such zone.
        """
        if zone not in self.premises.zones:
            raise ValueError(f"{self.park} has no zone {zone}: expected one of {', '.join(self.premises.zones)}")
        reaction = reactions().get(kind)
        if reaction is None:
            return 0
        begin_ms = max(at_ms, self._asked_ms)
        over_ms = max(begin_ms, at_ms + round(reaction.lasts_s * 1000) if end_ms is None else end_ms)
        rng = self._draw(f"activity response to {kind} in {zone} at {at_ms}")
        response = Response(reaction, zone, begin_ms, over_ms, severity)
        drafts, silences = respond_to(response, self.premises, self._sources, self._number, rng)
        for silence in silences:
            heapq.heappush(self._silences_to_come, silence)
            self._silent_from_ms = min(self._silent_from_ms, silence.from_ms)
        for due_ms, number, _, where, device, fields in drafts:
            self._responses += 1
            # Their serials lie beyond all of the flows', so that each kind's own drafts keep their order.
            self._insert((due_ms, number, 2**40 + self._responses, where, device, fields))
        self._look_ahead()
        return len(drafts)

    def _watch(self) -> dict[int, dict[tuple[str, str], str]]:
        """The states of devices that an incident may hold, by number of the kind, then (zone, device)."""
        held = {
            action.kind for reaction in reactions().values() for action in reaction.actions if isinstance(action, Hold)
        }
        return {
            number: source.states_at_start()
            for source in self._sources
            for number in source.numbers.values()
            if any(self._number.get(kind) == number for kind in held)
        }

    def _insert(self, draft: Draft) -> None:
        if draft[0] >= self._end_ms:
            return
        if draft[0] < self._filled_ms:
            insort(self._drafts, draft, lo=self._next)
        else:
            heapq.heappush(self._later, draft)

    def _fill(self) -> None:
        """Make the next chunk ready."""
        until_ms = min(self._filled_ms + self._chunk_ms, self._end_ms)
        drafts = [draft for source in self._sources if source.next_ms < until_ms for draft in source.take(until_ms)]
        while self._later and self._later[0][0] < until_ms:
            drafts.append(heapq.heappop(self._later))
        drafts.sort()
        self._drafts, self._next, self._filled_ms = drafts, 0, until_ms

    def _look_ahead(self) -> None:
        if self._next < len(self._drafts):
            self.next_ms = self._drafts[self._next][0]
        else:
            self.next_ms = self._filled_ms if self._filled_ms < self._end_ms else math.inf

    def _send(self, draft: Draft, sent: list[Event]) -> None:
        due_ms, number, _, zone, device, fields = draft
        if number in self._watched:
            changed = self._watched_fields(number, (zone, device), fields)
            if changed is None:
                return
            fields = changed
        if due_ms >= self._silent_from_ms and self._is_silent(draft):
            return
        self._sequence += 1
        subsystem, kind, traffic = self._sent[number]
        message = DeviceEvent(
            event_id=f"{self.park}-v{self._sequence:08d}",
            at_ms=due_ms,
            subsystem=subsystem,
            zone=zone,
            device=device,
            kind=kind,
            traffic=traffic,  # type: ignore[arg-type]  # one of the two words, from the kind's type
            fields=fields,
        )
        sent.append(Event(due_ms, self.park, self._sequence, message))

    def _watched_fields(self, number: int, device: tuple[str, str], fields: Fields) -> Fields | None:
        """What a device tells whose state may be held; None where it would tell what it is in already."""
        states = self._watched[number]
        if not isinstance(fields, Held):
            states[device] = str(fields["state"])
            return fields
        would_be = states.get(device)
        if would_be is None or would_be == fields["state"]:
            return None
        return {"state": would_be} if fields.over else {"state": fields["state"]}

    def _is_silent(self, draft: Draft) -> bool:
        """Whether an incident keeps a draft from being sent; what begins to be held is told all the same."""
        due_ms, number, _, zone, _, fields = draft
        coming = self._silences_to_come
        while coming and coming[0].from_ms <= due_ms:
            self._silences.append(heapq.heappop(coming))
        self._silences = [silence for silence in self._silences if due_ms < silence.until_ms]
        if not self._silences:
            self._silent_from_ms = coming[0].from_ms if coming else math.inf
            return False
        if isinstance(fields, Held) and not fields.over:
            return False
        return any(number in silence.kinds and silence.zone in ("", zone) for silence in self._silences)


def _due(draft: Draft) -> int:
    return draft[0]
