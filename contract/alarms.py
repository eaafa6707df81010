"""The operator's side of alarms: acts on them, incidents, and the key figures of ISA-18.2 and EEMUA 191.

What each act does and how each figure is counted is in `reference_impl/monitoring/SEMANTICS.md`, O.
"""

from typing import Literal

from contract.message import Message
from contract.messages import Alarm, Level, Priority

SHELVING_S_MAX = 24 * 3600


class Shelving(Message, frozen=True, kw_only=True):
    """An operator sets an alarm aside for a time.

    Attributes:
        point: name of the alarm's subject.
        rule: id of its rule.
        duration_s: after so long it comes back by itself; at most 24 hours.
    """

    point: str
    rule: str
    operator: str
    reason: str
    duration_s: int


class AlarmAct(Message, frozen=True, kw_only=True):
    """An operator takes an alarm out of service, or takes one back; a reason is wanted for the former."""

    point: str
    rule: str
    operator: str
    reason: str = ""


class AlarmList(Message, frozen=True, kw_only=True):
    """Alarms that are set aside, in order of park, point and rule; `truncated` when the limit cut the list."""

    alarms: list[Alarm]
    truncated: bool = False


class Incident(Message, frozen=True, kw_only=True):
    """Alerts of one zone and one cause that follow each other closely.

    Attributes:
        incident: a digest of park, zone, cause and the onset of its first alert.
        begin_ms: the earliest onset.
        end_ms: when the last alert was cleared; None while one stands.
        level: the worst level of its alerts.
        alerts: how many alerts it has.
        standing: how many of them stand.
        unacknowledged: how many of them are UNACK or RTNUN.
        points: how many subjects they are about.
    """

    incident: str
    park: str
    zone: str
    cause: str
    begin_ms: int
    end_ms: int | None
    level: Level
    alerts: int
    standing: int
    unacknowledged: int
    points: int


class IncidentList(Message, frozen=True, kw_only=True):
    """Incidents, the newest beginning first; `truncated` when the limit cut the list."""

    incidents: list[Incident]
    truncated: bool = False


class AlarmFlood(Message, frozen=True, kw_only=True):
    """A time in which more alarms came than an operator can handle.

    Attributes:
        end_ms: None when it had not ended by the end of the period.
        alarms: how many were annunciated in it.
        peak: the most in any 10 minutes of it.
    """

    begin_ms: int
    end_ms: int | None
    alarms: int
    peak: int


class BadActor(Message, frozen=True, kw_only=True):
    """One of the alarms that come most often; `share` is of all alarms annunciated."""

    park: str
    point: str
    rule: str
    alarms: int
    share: float


class KpiVerdict(Message, frozen=True, kw_only=True):
    """A figure held against its recommended value.

    Attributes:
        figure: name of the figure in `AlarmKpis`.
        found: what it was; None where there was nothing to judge.
        wanted_max: what is recommended at most.
        source: who recommends it.
        mark: how sure this project is of that: "S" read in a secondary source, "M" from memory, "A" assumed.
    """

    figure: str
    found: float | None
    wanted_max: float
    met: bool
    source: str
    mark: Literal["S", "M", "A"]


class AlarmKpis(Message, frozen=True, kw_only=True):
    """Key figures of one operator's desk, which is a park, or the city as a whole, in a period.

    An alarm counts in the period in which it was raised, by event time, if it was annunciated.

    Attributes:
        park: the park, `*` for all together.
        alarms: how many.
        per_hour_mean, per_hour_max: by full hours from the beginning of the period.
        per_10_min_mean, per_10_min_max: by 10 minutes from the beginning of the period.
        share_10_min_above_10: share of those 10 minutes with more than 10.
        share_in_flood: share of the time.
        priorities: how many of each priority.
        top_10_share: share of the ten alarms that come most often.
        chattering: alarms that chattered.
        standing: alerts that stood at the end of the period.
        stale: of these, those that had stood for more than 24 hours.
        unacknowledged, shelved, suppressed, out_of_service: alerts of the period that are in this state now.
        acknowledged: alerts that were acknowledged.
        acknowledge_s_p50, acknowledge_s_p95: time from annunciation to acknowledgement; None without any.
        escalated: alerts that nobody acknowledged in time.
    """

    park: str
    alarms: int
    per_hour_mean: float
    per_hour_max: int
    per_10_min_mean: float
    per_10_min_max: int
    share_10_min_above_10: float
    share_in_flood: float
    floods: list[AlarmFlood]
    priorities: dict[Priority, int]
    top_10: list[BadActor]
    top_10_share: float
    chattering: int
    standing: int
    stale: int
    unacknowledged: int
    shelved: int
    suppressed: int
    out_of_service: int
    acknowledged: int
    acknowledge_s_p50: float | None
    acknowledge_s_p95: float | None
    escalated: int
    verdicts: list[KpiVerdict]


class AlarmKpiReport(Message, frozen=True, kw_only=True):
    """Key figures of a period: of all parks that were asked for together, as one desk, and of each."""

    from_ms: int
    to_ms: int
    together: AlarmKpis
    parks: list[AlarmKpis]
