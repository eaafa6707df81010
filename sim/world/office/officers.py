"""Officers and applicants who lead cases through their procedures, one act after another.

Each case draws from a stream of its own, so that which way it goes does not depend on any other; only how long it lies
does, since an officer does one thing at a time.
"""

from collections import deque
from collections.abc import Iterable
from heapq import heapify, heappop, heappush, heapreplace
from itertools import islice
from math import exp, inf

import numpy as np

from contract import catalogue
from contract.cases import CaseAct, Form
from contract.catalogue import FormField, Matter
from contract.catalogue.procedures import procedure_of_kind
from sim.emission import CaseActing, Request
from sim.world.office.counter import Pace, Streams, counter_hours, firm_hours
from sim.world.office.parameters import Way, Working, manners, working

_MINUTES_H = 60.0


class _Case:
    """A case as the world knows it: `busy_ms` is when the last step on it was due."""

    __slots__ = ("acts", "busy_ms", "enterprise", "form", "matter", "officer", "request_id", "rng", "state", "way")

    def __init__(self, request: Request, matter: Matter, rng: np.random.Generator) -> None:
        application = request.application
        self.request_id = application.request_id
        self.enterprise = application.enterprise
        self.matter = matter
        self.form: Form = application.form
        self.state = procedure_of_kind()[matter.kind].opens
        self.rng = rng
        self.busy_ms = request.due_ms
        self.acts = 0
        self.officer = 0
        self.way: Way | None = None


class Officers:
    """All who act on the cases of one park.

    Args:
        park: id of the park.
        firms: how many firms it has in the scenario.
        tempo: how many times as fast as life the people act.
        start_ms, end_ms: no act is due before the one, or at or after the other; Unix milliseconds.
        draw: makes the park's named streams.
        written: how they work; `office.yaml` where nothing is given.

    Attributes:
        officers: how many there are.
        refused: requests that nobody works on, since too many cases were in hand.
        next_ms: nothing is due before, as far as is known now.
    """

    def __init__(
        self,
        park: str,
        *,
        firms: int,
        tempo: float,
        start_ms: int,
        end_ms: int,
        draw: Streams,
        written: Working | None = None,
    ) -> None:
        self._written = written = written or working()
        self._park = park
        self._tempo = tempo
        self._end_ms = end_ms
        self._draw = draw
        self._matters = {matter.code: matter for matter in catalogue.matters()}
        self._counter, self._firms = counter_hours(start_ms, end_ms), firm_hours(start_ms, end_ms)
        self._pace = Pace(start_ms, written.acts_per_minute_max.value)
        self._gap_ms = written.gap_s.value * 1000
        self.officers = max(int(written.officers_min.value), round(firms * written.officers_per_firm.value))
        self._free: list[tuple[float, int]] = [(0.0, number) for number in range(1, self.officers + 1)]
        heapify(self._free)
        self._heap: list[tuple[float, str, bool, _Case]] = []
        """When (Unix ms), whose turn (unique: a case waits for one thing at a time), whether the work is done."""
        self._sent: deque[CaseActing] = deque()
        self._sequence = 0
        self.in_hand = 0
        self.refused = 0
        self.next_ms = inf

    def take(self, requests: Iterable[Request]) -> None:
        """Take in what the park's enterprises have handed in; all that is due before what is asked for next."""
        for request in requests:
            if self.in_hand >= self._written.cases_max.value:
                self.refused += 1
                continue
            application = request.application
            case = _Case(request, self._matters[application.matter], self._draw(f"office {application.request_id}"))
            self.in_hand += 1
            self._choose(case)
        self._look_ahead()

    def acts(self, until_ms: int) -> list[CaseActing]:
        """The acts that are due before a time and were not handed out yet, in order of time."""
        heap, sent = self._heap, self._sent
        while heap and heap[0][0] < until_ms:
            time_ms, _, is_done, case = heappop(heap)
            if is_done:
                self._act(case, time_ms)
            else:
                self._take_up(case, time_ms)
        found = []
        while sent and sent[0].due_ms < until_ms:
            found.append(sent.popleft())
        self._look_ahead()
        return found

    def _look_ahead(self) -> None:
        first_ms = self._heap[0][0] if self._heap else inf
        self.next_ms = min(first_ms, self._sent[0].due_ms) if self._sent else first_ms

    def _choose(self, case: _Case) -> None:
        """Choose the way on, if there is one; each state takes two draws, whichever way it is."""
        ways = manners()[procedure_of_kind()[case.matter.kind].procedure][case.state]
        place, delay = float(case.rng.random()), float(case.rng.standard_normal())
        case.way = None
        for way in ways:
            place -= way.share
            if place < 0:
                case.way = way
                break
        if case.way is None:
            self.in_hand -= 1
            return
        hours = case.way.after_h * exp(self._written.delay_sigma.value * delay) / self._tempo
        curve = self._counter if case.way.by == "operator" else self._firms
        time_ms, _ = curve.after(curve.position(case.busy_ms) + hours)
        self._push(max(time_ms, case.busy_ms + self._gap_ms), case, is_done=case.way.by == "enterprise")

    def _push(self, time_ms: float, case: _Case, *, is_done: bool) -> None:
        if time_ms < self._end_ms:
            heappush(self._heap, (time_ms, f"{case.enterprise} {case.request_id}", is_done, case))
        else:
            self.in_hand -= 1

    def _take_up(self, case: _Case, time_ms: float) -> None:
        """The first officer who is free works on it, at once or when what he has in hand is done."""
        if case.way is None:
            return
        free, case.officer = self._free[0]
        begin = max(free, self._counter.position(time_ms))
        minutes = case.way.work_min * exp(self._written.work_sigma.value * float(case.rng.standard_normal()))
        end = begin + minutes / _MINUTES_H / self._tempo
        heapreplace(self._free, (end, case.officer))
        done_ms, _ = self._counter.after(end)
        self._push(max(done_ms, time_ms), case, is_done=True)

    def _act(self, case: _Case, time_ms: float) -> None:
        way, due_ms = case.way, self._pace.place(time_ms)
        if way is None or due_ms >= self._end_ms:
            self.in_hand -= 1
            return
        act = procedure_of_kind()[case.matter.kind].act(way.act)
        if act is None:
            raise AssertionError(f"{way.act} was checked against its procedure")
        form = self._correct(case) if act.form else {}
        case.acts += 1
        self._sequence += 1
        by = case.enterprise if way.by == "enterprise" else f"{self._park}-officer-{case.officer:02d}"
        message = CaseAct(
            request_id=f"{case.request_id}-a{case.acts:02d}", act=way.act, by=by, comment=way.comment, form=form
        )
        case_request = (case.enterprise, case.request_id)
        self._sent.append(CaseActing(due_ms, self._park, self._sequence, case_request, message, way.by))
        case.form = {**case.form, **form}
        case.state, case.busy_ms = act.to, due_ms
        self._choose(case)

    def _correct(self, case: _Case) -> Form:
        """Figures of the form anew, each a little other than before; where it has none, its first entry once more."""
        numbers = [field for field in case.matter.form if field.type in {"integer", "number"}]
        changed = case.rng.standard_normal(len(numbers)) * self._written.supplement_sigma.value
        form: Form = {
            field.name: _changed(field, float(case.form[field.name]), share)
            for field, share in zip(numbers, changed.tolist(), strict=True)
        }
        return form or dict(islice(case.form.items(), 1))


def _changed(field: FormField, value: float, share: float) -> int | float:
    other = value * (1 + share)
    if field.minimum is not None:
        other = max(other, field.minimum)
    return round(other) if field.type == "integer" else round(other, 1)
