"""Incidents: alerts of one zone and one cause that follow each other closely (see SEMANTICS.md, O)."""

import hashlib
from collections.abc import Iterable
from typing import Final, get_args

from contract.alarms import Incident
from contract.messages import Alert, Level
from reference_impl.monitoring.slots import NEVER_MS

INCIDENT_GAP_MS: Final = 600_000  # a raise so long after the last alert stood still belongs to it
_LEVELS: Final[tuple[Level, ...]] = get_args(Level)  # ascending

GroupRow = tuple[str, str, str, int, int]  # zone, cause, incident, standing, time at which the last was cleared


class Group:
    """Alerts of one zone and one cause, and the incident that they are in.

    Attributes:
        incident: its id, empty before the first.
        standing: alerts that stand.
        cleared_ms: when the last alert was cleared.
    """

    __slots__ = ("_name", "cause", "cleared_ms", "incident", "standing", "zone")

    def __init__(self, park: str, zone: str, cause: str) -> None:
        self.zone = zone
        self.cause = cause
        self._name = f"{park}\n{zone}\n{cause}\n"
        self.incident = ""
        self.standing = 0
        self.cleared_ms = NEVER_MS

    def raised(self, onset_ms: int, at_ms: int) -> str:
        """The incident of an alert that is raised at `at_ms`."""
        if self.standing == 0 and at_ms - self.cleared_ms > INCIDENT_GAP_MS:
            self.incident = hashlib.blake2b(f"{self._name}{onset_ms}".encode(), digest_size=16).hexdigest()
        self.standing += 1
        return self.incident

    def cleared(self, at_ms: int) -> None:
        """An alert is cleared."""
        self.standing -= 1
        self.cleared_ms = max(self.cleared_ms, at_ms)


class Groups:
    """The groups of a park."""

    def __init__(self, park: str) -> None:
        self._park = park
        self._groups: dict[tuple[str, str], Group] = {}

    def of(self, zone: str, cause: str) -> Group:
        """The group of a zone and a cause."""
        group = self._groups.get((zone, cause))
        if group is None:
            group = self._groups[zone, cause] = Group(self._park, zone, cause)
        return group

    def rows(self) -> list[GroupRow]:
        """All groups that ever had an alert."""
        return [(g.zone, g.cause, g.incident, g.standing, g.cleared_ms) for g in self._groups.values() if g.incident]

    def resume(self, rows: Iterable[GroupRow]) -> None:
        """Take over the groups of another."""
        for zone, cause, incident, standing, cleared_ms in rows:
            group = self.of(zone, cause)
            group.incident, group.standing, group.cleared_ms = incident, standing, cleared_ms


def gathered(alerts: Iterable[Alert]) -> list[Incident]:
    """The incidents that alerts form, the newest beginning first. Alerts without an incident are left out."""
    members: dict[str, list[Alert]] = {}
    for alert in alerts:
        if alert.incident:
            members.setdefault(alert.incident, []).append(alert)
    return sorted(map(_incident, members.values()), key=lambda one: (-one.begin_ms, one.incident))


def _incident(alerts: list[Alert]) -> Incident:
    first = alerts[0]
    cleared = [alert.cleared_ms for alert in alerts if alert.cleared_ms is not None]
    return Incident(
        incident=first.incident,
        park=first.park,
        zone=first.zone,
        cause=first.cause,
        begin_ms=min(alert.onset_ms for alert in alerts),
        end_ms=max(cleared) if len(cleared) == len(alerts) else None,
        level=max((alert.level for alert in alerts), key=_LEVELS.index),
        alerts=len(alerts),
        standing=len(alerts) - len(cleared),
        unacknowledged=sum(alert.state in {"UNACK", "RTNUN"} for alert in alerts),
        points=len({alert.point for alert in alerts}),
    )
