"""A park's administration: it writes its registers when the story begins, and as life goes on."""

import datetime as dt
from collections import deque
from heapq import heapify, heappop, heappush
from itertools import chain, zip_longest
from math import inf
from typing import NamedTuple

import numpy as np

from contract.registers import EntryFields, Fields
from sim.emission import RegisterWriting
from sim.world.economy.calendar import DAY_MS, date_of, day_begins_ms, day_number, day_of
from sim.world.office import entries
from sim.world.office.changes import CHANGES
from sim.world.office.counter import Pace, counter_hours
from sim.world.office.entries import Premises
from sim.world.office.parameters import Working, holdings, working

_REPORT = "economy-report"


class _Task(NamedTuple):
    """Something to be written at a time: a report of a month, or a change of any entry of a register."""

    time_ms: float
    register: str
    month: int  # months since year 0; 0 for a change


class Administration:
    """The registers of one park.

    Args:
        premises: what it knows of its park.
        tempo: how many times as fast as life entries change; the calendar of reports is as it is.
        start_ms, end_ms: nothing is due before the one, or at or after the other; Unix milliseconds.
        written: how it works; `office.yaml` where nothing is given.

    Attributes:
        next_ms: nothing is due before.
    """

    def __init__(
        self, premises: Premises, *, tempo: float, start_ms: int, end_ms: int, written: Working | None = None
    ) -> None:
        written = written or working()
        self._premises = premises
        self._by = f"{premises.park.id}-administration"
        self._tempo = tempo
        self._end_ms = end_ms
        self._hours = counter_hours(start_ms, end_ms)
        self._pace = Pace(start_ms, written.writings_per_minute_max.value)
        self._day_h = self._hours_a_day(written)
        self._held: dict[str, dict[str, Fields]] = {
            name: dict(make(premises)) for name, make in entries.STANDING.items()
        }
        self._streams = {name: premises.draw(f"office changes of {name}") for name in CHANGES}
        self._sent: deque[RegisterWriting] = deque()
        self._sequence = 0
        self._tasks = [_Task(*self._next_change(name, self._hours.position(start_ms)), 0) for name in CHANGES]
        self._stand(start_ms)
        heapify(self._tasks)
        self.next_ms = inf
        self._look_ahead()

    def writings(self, until_ms: int) -> list[RegisterWriting]:
        """What is due before a time and was not handed out yet, in order of time."""
        while self._tasks and self._tasks[0].time_ms < until_ms:
            self._do(heappop(self._tasks))
        found = []
        while self._sent and self._sent[0].due_ms < until_ms:
            found.append(self._sent.popleft())
        self._look_ahead()
        return found

    @staticmethod
    def _hours_a_day(written: Working) -> float:
        """Counter hours of a working day."""
        return float(np.trapezoid(written.hours.share, written.hours.hours))

    def _look_ahead(self) -> None:
        first_ms = self._tasks[0].time_ms if self._tasks else inf
        self.next_ms = min(first_ms, self._sent[0].due_ms) if self._sent else first_ms

    def _stand(self, start_ms: int) -> None:
        """Write what stands at the beginning, a register in turn; reports of past months are on file."""
        today = date_of(day_of(start_ms))
        this_month = today.year * 12 + today.month - 1
        first = this_month - int(holdings().reports_back.value)
        last = this_month + (self._end_ms - start_ms) // (28 * DAY_MS) + 1
        reports: dict[str, Fields] = {}
        for month in range(first, last):
            time_ms = self._report_ms(month)
            if time_ms < start_ms:
                name, fields = self._report(month)
                reports[name] = fields
            elif time_ms < self._end_ms:
                self._tasks.append(_Task(time_ms, _REPORT, month))
        standing = {_REPORT: dict(reversed(reports.items())), **self._held}
        columns = [[(name, *entry) for entry in held.items()] for name, held in standing.items()]
        for written in chain.from_iterable(zip_longest(*columns)):
            if written is not None:
                self._write(start_ms, *written)

    def _report_ms(self, month: int) -> float:
        """When the report of a month is handed in: at some time of the counter hours before its last day ends."""
        known = holdings()
        year, place = divmod(month + 1, 12)
        last_day = day_number(dt.date(year, place + 1, int(known.report_day.value)))
        draw = float(self._premises.draw(f"office report of month {month}").random())
        wanted_ms = day_begins_ms(last_day + 1) - draw * known.report_window_days.value * DAY_MS
        open_ms, _ = self._hours.after(self._hours.position(wanted_ms))
        inside = self._hours.begin_ms <= wanted_ms < self._hours.end_ms
        return open_ms if inside else wanted_ms

    def _report(self, month: int) -> tuple[str, Fields]:
        fields = entries.report(self._premises, month // 12, month % 12 + 1)
        return str(fields["period"]), fields

    def _next_change(self, register: str, position: float) -> tuple[float, str]:
        """When an entry of a register changes next, by a Poisson process in counter hours."""
        mean_h = holdings().change_days[register].value * self._day_h / max(1, len(self._held[register]))
        position += float(self._streams[register].standard_exponential()) * mean_h / self._tempo
        return self._hours.after(position)[0], register

    def _do(self, task: _Task) -> None:
        if task.register == _REPORT:
            self._write(task.time_ms, _REPORT, *self._report(task.month))
            return
        rng, held = self._streams[task.register], self._held[task.register]
        draws = rng.random(3).tolist()
        names = list(held)
        name = names[int(draws[0] * len(names))]
        changed = CHANGES[task.register](self._premises, held[name], draws[1], draws[2])
        if changed != held[name]:
            held[name] = changed
            self._write(task.time_ms, task.register, name, changed)
        again = _Task(*self._next_change(task.register, self._hours.position(task.time_ms)), 0)
        if again.time_ms < self._end_ms:
            heappush(self._tasks, again)

    def _write(self, time_ms: float, register: str, entry: str, fields: Fields) -> None:
        due_ms = self._pace.place(time_ms)
        if due_ms >= self._end_ms:
            return
        self._sequence += 1
        message = EntryFields(by=self._by, fields=fields)
        self._sent.append(RegisterWriting(due_ms, self._premises.park.id, self._sequence, register, entry, message))
