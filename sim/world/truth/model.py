"""Ground truth: what happened, and which alerts a right platform must raise, judged on the values that were emitted."""

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.messages import Level


class Touch(NamedTuple):
    """Which points an incident touches, and from when to when: what a witness has to look at.

    Attributes:
        over_ms: from here on the incident changes nothing.
        acknowledged_ms: when an operator acknowledges it, if one does.
        points: their indices, ascending.
    """

    incident_id: str
    group: str
    onset_ms: int
    over_ms: int
    acknowledged_ms: int | None
    points: NDArray[np.intp]


class IncidentTruth(msgspec.Struct, frozen=True, kw_only=True):
    """One incident as it was. Times are scenario time, Unix milliseconds.

    Attributes:
        park: id of the park, "*" for what happens to the whole city.
        onset_ms: beginning of the cause.
        end_ms: the source was stopped; what it did decays after that.
        points: names of the points whose physics it changed, or which it silenced.
        cause_id: the incident that brought it about; None for a root cause.
        group: the root cause; all that follows from it is one incident to those who manage it.
        severity: factor on the strength.
        noticed_ms: the park's desk had an alarm.
        acknowledged_ms: an operator had understood and acknowledged it.
        dispatched_ms: teams were called; None where none is needed.
        arrived_ms: the first of them was there.
        resolved_ms: the last of them was done.
    """

    incident_id: str
    kind: str
    park: str
    zone: str
    onset_ms: int
    end_ms: int
    points: list[str]
    cause_id: str | None = None
    group: str = ""
    severity: float = 1.0
    noticed_ms: int | None = None
    acknowledged_ms: int | None = None
    dispatched_ms: int | None = None
    arrived_ms: int | None = None
    resolved_ms: int | None = None


class ExpectedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert that a right platform raises.

    Attributes:
        level: of a rule with several levels the first.
        onset_ms: when the condition began: time of the first reading of the run, of a `stuck` rule's anchor, or of
            the last reading before a silence.
        knowable_ms: onset + on-delay: the alarm becomes true.
        gateway: gateway of the point.
        knowable_sequence: first pack of that gateway whose newest reading is at or after `knowable_ms`.
        knowable_due_ms: when that pack is due.
        clears_ms: when the alarm ends, if the trace shows it.
        group: root cause of the incident; alerts of one group are one incident.
        escalates_ms: when it goes to the next level of duty, since by then it stands and nobody has acknowledged the
            incident; None if it does not.
    """

    park: str
    point: str
    rule: str
    level: Level
    incident_id: str
    onset_ms: int
    knowable_ms: int
    gateway: str
    knowable_sequence: int
    knowable_due_ms: int
    clears_ms: int | None = None
    group: str = ""
    escalates_ms: int | None = None


class UndeterminedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """A run that the end of the trace cut before its on-delay: an alert for it is neither expected nor false."""

    park: str
    point: str
    rule: str
    incident_id: str
    onset_ms: int


class Tolerated(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts that are neither expected nor false: the rule may well see the incident, but nobody here judges it.

    Attributes:
        subject: what the alert is about, exactly: a point's name, a device's, `zone/NAME` or `gateway/NAME`.
        from_ms, until_ms: span in which the alert's onset lies, both ends included.
    """

    park: str
    subject: str
    rule: str
    incident_id: str
    from_ms: int
    until_ms: int


class TeamLoad(msgspec.Struct, frozen=True, kw_only=True):
    """How busy some responders were.

    Attributes:
        team: `desk`, `patrol`, `technician` or `brigade`.
        base: the park that they belong to or, of a brigade, the park by which its station stands.
        parks: the parks of the scenario that they serve.
        capacity: how many can work at the same time.
        handled: incidents that they were called to.
        busy_share: mean share of them that was at work from the beginning of the trace to its end.
        waited_ms_max: longest wait for one of them.
        queue: (time, at work, waiting) from each time on at which one of these changed, in order of time.
    """

    team: str
    base: str
    parks: list[str]
    capacity: int
    handled: int
    busy_share: float
    waited_ms_max: int
    queue: list[tuple[int, int, int]]


class GroundTruth(msgspec.Struct, kw_only=True):
    """Everything that the platform under test never sees."""

    incidents: list[IncidentTruth] = []
    expected: list[ExpectedAlert] = []
    undetermined: list[UndeterminedAlert] = []
    tolerated: list[Tolerated] = []
    responders: list[TeamLoad] = []

    def arrange(self) -> None:
        """Put everything into one order, whatever the order in which it became known."""
        self.incidents.sort(key=lambda it: (it.onset_ms, it.incident_id))
        self.expected.sort(key=lambda it: (it.knowable_ms, it.park, it.point, it.rule, it.onset_ms))
        self.undetermined.sort(key=lambda it: (it.onset_ms, it.park, it.point, it.rule))
        self.tolerated.sort(key=lambda it: (it.from_ms, it.park, it.subject, it.rule, it.incident_id))
        self.responders.sort(key=lambda it: (it.team, it.base))
