"""From conditions to alarms, the oracle's way: facts instead of phases, and moments that follow from them.

Letters and numbers in these modules are the sentences of SEMANTICS.md.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple


class Subject(NamedTuple):
    """What an alarm is about: a point, or a device, zone or gateway (N3); apart for each gateway (N1)."""

    name: str
    gateway: str


class Moment(NamedTuple):
    """Where a condition began: event time and value (C1, C7)."""

    time_ms: int
    value: float


class Happening(NamedTuple):
    """A transition (C7); `what` is "raise", "clear" or "level"."""

    at_ms: int
    subject: Subject
    rule: str
    what: str
    onset_ms: int
    value: float
    level: str


def milliseconds(seconds: float) -> int:
    """A duration of a rule."""
    return round(seconds * 1000)


class Track:
    """One condition, and what follows from it after the delays."""

    def __init__(self, level: str, on_delay_ms: int, off_delay_ms: int) -> None:
        self.level = level
        self.on_delay_ms = on_delay_ms
        self.off_delay_ms = off_delay_ms
        self.holds: Moment | None = None  # where the condition that holds now began
        self.raised: Moment | None = None  # where the condition of the standing alarm began
        self.gone_ms: int | None = None  # since when the condition of the standing alarm has been gone

    def begin(self, time_ms: int, value: float) -> None:
        """The condition begins; if the alarm still stands it is the same alarm (C2)."""
        self.holds = Moment(time_ms, value)
        self.gone_ms = None

    def end(self, time_ms: int) -> None:
        """The condition ends."""
        self.holds = None
        if self.raised is not None and self.gone_ms is None:
            self.gone_ms = time_ms

    def begin_anew(self, time_ms: int, value: float) -> None:
        """The condition of what stands ends, and another begins (K3, S2)."""
        self.end(time_ms)
        self.holds = Moment(time_ms, value)

    def due_ms(self) -> float:
        """When the alarm is raised (C1) or cleared (C2), if no reading changes that; infinity if it is neither."""
        if self.raised is not None:
            return math.inf if self.gone_ms is None else self.gone_ms + self.off_delay_ms
        return math.inf if self.holds is None else self.raise_ms(self.holds.time_ms)

    def raise_ms(self, onset_ms: int) -> float:
        """When a condition that began at `onset_ms` is raised (C1)."""
        return onset_ms + self.on_delay_ms

    def turn(self, at_ms: int) -> None:
        """Raise or clear the alarm, which is due at `at_ms`."""
        if self.raised is None:
            self.raised = self.shown(at_ms)
        else:
            self.raised = self.gone_ms = None

    def shown(self, at_ms: int) -> Moment | None:  # noqa: ARG002 - a silence's value depends on it
        """Onset and value that an alarm raised at `at_ms` shows (C7)."""
        return self.holds


class Alarm:
    """One rule on one subject: one track, or one for each level, the lowest first (L3).

    Attributes:
        due_ms: when it will be raised, cleared, or change its level, if no reading changes that.
    """

    def __init__(self, subject: Subject, rule: str, tracks: Sequence[Track]) -> None:
        self.subject = subject
        self.rule = rule
        self.tracks = tracks
        self.due_ms = math.inf

    def settle(self, until_ms: float) -> list[Happening]:
        """What is due up to `until_ms`, in order; with a delay of 0 that is what the newest reading brought (C3)."""
        happened = []
        while (due_ms := min([track.due_ms() for track in self.tracks])) <= until_ms:
            happened += self._turn(int(due_ms))
        self.due_ms = due_ms
        return happened

    def _turn(self, at_ms: int) -> list[Happening]:
        """The one transition that all levels due at this moment show (L4, L5)."""
        before = self.standing(at_ms)
        for track in self.tracks:
            if track.due_ms() == at_ms:
                track.turn(at_ms)
        after = self.standing(at_ms)
        if after is None:
            return [before] if before else []
        if before is None:
            return [after._replace(what="raise")]
        if before.level == after.level:
            return []
        worst = [track.raised for track in self.tracks if track.raised][-1]
        return [after._replace(what="level", value=worst.value)]

    def standing(self, at_ms: int) -> Happening | None:
        """The transition that would clear the alarm now, None when it does not stand."""
        raised = [track for track in self.tracks if track.raised]
        if not raised:
            return None
        onset, worst = raised[0].raised, raised[-1]
        assert onset
        return Happening(at_ms, self.subject, self.rule, "clear", onset.time_ms, onset.value, worst.level)
