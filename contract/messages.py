"""Every message of the two interfaces as one typed struct. JSON on the wire unless an operation says otherwise.

Times are `int` Unix milliseconds and end in `_ms`; durations carry their unit in the name.
"""

from typing import Literal

import msgspec

from contract.cases import Case as Case  # noqa: PLC0414 - handed on
from contract.cases import CaseApplication as CaseApplication  # noqa: PLC0414 - handed on
from contract.cases import CaseList as CaseList  # noqa: PLC0414 - handed on
from contract.device_events import DeviceEvent as DeviceEvent  # noqa: PLC0414 - handed on
from contract.errors import PeerError
from contract.linkage import LinkageRun
from contract.message import Message
from contract.registers import RegisterEntry

MAX_PACK_READINGS = 20_000
MAX_PACK_BYTES = 4 * 1024 * 1024
MAX_FUTURE_MS = 60_000

Level = Literal["blue", "yellow", "orange", "red"]  # Ⅳ, Ⅲ, Ⅱ, Ⅰ: the four warning colours, red the highest
AlarmState = Literal["NORM", "UNACK", "ACKED", "RTNUN", "SHLVD", "DSUPR", "OOSRV"]  # ISA-18.2
Priority = Literal["low", "medium", "high"]  # ISA-18.2: what is to be answered first
Transition = Literal[
    "raise",
    "clear",
    "level",
    "acknowledge",
    "escalate",
    "shelve",
    "unshelve",
    "suppress",
    "unsuppress",
    "remove_from_service",
    "return_to_service",
]
Role = Literal["administrator", "gateway", "enterprise", "operator", "auditor", "uplink"]


# --- registry and rules ------------------------------------------------------------------------------------------


class Point(Message, frozen=True, kw_only=True):
    """One measured or switched quantity of one device.

    Its place in the park's registered list is its `point index`, which Arrow packs carry.
    """

    name: str
    gateway: str
    zone: str
    subsystem: str
    unit: str


class PointList(Message, frozen=True, kw_only=True):
    """The points of a park, in the order of their index."""

    points: list[Point]


# --- telemetry ---------------------------------------------------------------------------------------------------


class PackReceipt(Message, frozen=True, kw_only=True):
    """Answer to a telemetry pack: it is durable now."""

    gateway: str
    sequence: int
    readings: int
    duplicate: bool = False  # the pack had been stored before; nothing changed


class Reading(Message, frozen=True, kw_only=True):
    """One stored value."""

    point: str
    time_ms: int
    value: float


class ReadingList(Message, frozen=True, kw_only=True):
    """Stored values in order of point and time; `truncated` when the limit cut the list."""

    readings: list[Reading]
    truncated: bool = False


# --- alerts ------------------------------------------------------------------------------------------------------


class Alert(Message, frozen=True, kw_only=True):
    """One occurrence of an alarm with its ISA-18.2 state; `alert_id` is deterministic (see `contract.addresses`).

    An *alarm* is what one rule makes on one subject; `point` names the subject, be it a point, a device or a zone.

    Attributes:
        level: the worst that is raised now.
        onset_ms: event time of the first reading of the run.
        raised_ms: event time at which the alarm became true.
        value: the value of the reading at the onset.
        acknowledged_ms, acknowledged_by: who has seen it as it stands; an alert that gets worse must be seen again.
        cause: what makes alerts of one zone belong together; the rule's id unless the rule says otherwise.
        incident: the incident that it belongs to.
        chattering: the alarm was chattering when it was raised.
        annunciated_ms: the platform's clock when it was last shown to the operator as new; None if it never was.
        escalated_ms: the platform's clock when it went to the next level of duty.
    """

    alert_id: str
    park: str
    point: str
    zone: str
    subsystem: str
    rule: str
    level: Level
    state: AlarmState
    onset_ms: int
    raised_ms: int
    value: float
    cleared_ms: int | None = None
    acknowledged_ms: int | None = None
    acknowledged_by: str | None = None
    priority: Priority = "low"
    cause: str = ""
    incident: str = ""
    chattering: bool = False
    annunciated_ms: int | None = None
    escalated_ms: int | None = None


class Alarm(Message, frozen=True, kw_only=True):
    """An alarm that an operator has set aside, or has just taken back; most alarms never become one of these.

    Attributes:
        state: SHLVD or OOSRV; when it is taken back, what it came back to.
        operator, reason: who did that, and why.
        since_ms: the platform's clock when it was done.
        until_ms: when a shelving ends by itself.
    """

    park: str
    point: str
    rule: str
    state: AlarmState
    operator: str
    reason: str
    since_ms: int
    until_ms: int | None = None


class AlertEvent(Message, frozen=True, kw_only=True):
    """One transition of one alert, or of an alarm that an operator sets aside or takes back.

    `number` counts the transitions of a node without gaps; it is the SSE event id.

    Attributes:
        at_ms: event time of the transition; for acts of operators and what follows from them the platform's clock.
        known_ms: the node's wall time when it committed the transition.
        alert: the alert as it is after the transition; None when an operator's act met an alarm without a standing
            alert.
        alarm: present when an operator sets an alarm aside or takes it back.
        operator, comment: who did it and what they said; for suppressions the comment names the cause.
    """

    number: int
    transition: Transition
    at_ms: int
    known_ms: int
    alert: Alert | None
    alarm: Alarm | None = None
    operator: str = ""
    comment: str = ""


class AlertList(Message, frozen=True, kw_only=True):
    """Alerts, newest onset first; `truncated` when the limit cut the list."""

    alerts: list[Alert]
    truncated: bool = False


class Acknowledgement(Message, frozen=True, kw_only=True):
    """An operator has seen an alert."""

    operator: str
    comment: str = ""


# --- uplink: each park numbers what it tells the city --------------------------------------------------------------


class UplinkAlert(Message, frozen=True, kw_only=True, tag="alert", tag_field="kind"):
    """A transition of an alert or alarm, told to the city; as in `AlertEvent`."""

    number: int
    transition: Transition
    at_ms: int
    alert: Alert | None
    alarm: Alarm | None = None
    operator: str = ""
    comment: str = ""


class UplinkCase(Message, frozen=True, kw_only=True, tag="case", tag_field="kind"):
    """A case that was opened or decided, told to the city."""

    number: int
    case: Case


class UplinkRegisterEntry(Message, frozen=True, kw_only=True, tag="entry", tag_field="kind"):
    """An entry of a register that was written, told to the city as far as it may see it."""

    number: int
    entry: RegisterEntry


class UplinkLinkage(Message, frozen=True, kw_only=True, tag="linkage", tag_field="kind"):
    """A run of a linkage plan that started, moved on or ended, told to the city."""

    number: int
    run: LinkageRun


UplinkEntry = UplinkAlert | UplinkCase | UplinkRegisterEntry | UplinkLinkage


class UplinkBatch(Message, frozen=True, kw_only=True):
    """Consecutive entries of a park's outbox, in order of number."""

    entries: list[UplinkEntry]


class UplinkReceipt(Message, frozen=True, kw_only=True):
    """The city has applied everything up to and including this number."""

    applied_through: int


class ParkOverview(Message, frozen=True, kw_only=True):
    """What the city knows of one park."""

    park: str
    applied_through: int
    alerts_standing: int
    alerts_total: int
    cases_open: int
    cases_total: int
    last_heard_ms: int


class ParkOverviewList(Message, frozen=True, kw_only=True):
    """All parks that the city has heard of."""

    parks: list[ParkOverview]


# --- service -----------------------------------------------------------------------------------------------------


class Health(Message, frozen=True, kw_only=True):
    """Answer of `/health`; `now_ms` is the node's wall clock, for measuring the offset between clocks."""

    status: Literal["ok", "starting", "failing"]
    level: Literal["park", "city"]
    version: str
    now_ms: int
    parks: int


class ProblemError(msgspec.Struct, frozen=True, kw_only=True):
    """One fault inside a request (an extension member of RFC 9457)."""

    where: str
    found: str
    wanted: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 `application/problem+json`."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    errors: list[ProblemError] = []

    @classmethod
    def of(cls, error: PeerError, instance: str = "") -> "Problem":
        """The answer that tells a client what it did wrong; `instance` is the path that it called."""
        faults = [ProblemError(where=error.where, found=error.found, wanted=error.wanted)]
        return cls(title=error.title, status=error.status, detail=error.detail, instance=instance, errors=faults)


class Credential(Message, frozen=True, kw_only=True):
    """A bearer token in clear, as handed to its user once.

    `park` is `*` where the role covers every park of the node.
    """

    token: str
    role: Role
    park: str
    level: Literal["park", "city"]


class CredentialFile(Message, frozen=True, kw_only=True):
    """What `serve` writes at its first start (mode 0600) and what the load generator reads."""

    credentials: list[Credential]

    def find(self, level: str, role: str, park: str = "*") -> str:
        """The token for a role at a level, for `park` itself or for every park.

        Raises:
            LookupError: no such credential.
        """
        for credential in self.credentials:
            if (credential.level, credential.role) == (level, role) and credential.park in (park, "*"):
                return credential.token
        raise LookupError(f"no credential for role {role!r} at the {level} level for park {park!r}")
