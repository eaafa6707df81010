"""The plan of incidents: what happens where and when, decided before the world is lived.

It covers all parks of a scenario, on every shard: causes have consequences, storms cross the city, and a fire brigade
that is busy in one park comes late to the next.
"""

from collections.abc import Sequence

import msgspec

from contract import catalogue
from contract.catalogue.layout import ZONES_PER_GATEWAY
from scenarios.model import IncidentKind
from sim.world.truth.model import TeamLoad

CITY = "*"
"""The park of what happens to the whole city."""

CITY_PLACE = 2**20
"""The city's place among the parks, for its own random streams: beyond any park of the catalogue."""


class PlannedIncident(msgspec.Struct, frozen=True, kw_only=True):
    """One incident of the plan.

    Attributes:
        id: its name in the ground truth.
        cause_id: the incident that brought it about; None for a root.
        group: id of its root cause, its own id for a root.
        park: id of the park, or `CITY`.
        zone: number of the zone, from 1; 0 for the city.
        onset_ms, end_ms: scenario time, Unix milliseconds; at the end the source is stopped.
        noticed_ms: the desk has an alarm.
        acknowledged_ms: an operator has understood and acknowledged it.
        dispatched_ms: teams are on their way (or wait to be free); None where none is needed.
        arrived_ms: the first of them is there.
        resolved_ms: the last of them is done.
        written: its place in the scenario's list, for what is written there.
    """

    id: str
    cause_id: str | None
    group: str
    kind: IncidentKind
    park: str
    zone: int
    onset_ms: int
    end_ms: int
    severity: float
    noticed_ms: int | None = None
    acknowledged_ms: int | None = None
    dispatched_ms: int | None = None
    arrived_ms: int | None = None
    resolved_ms: int | None = None
    written: int | None = None


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway's line is down from `from_ms` until `until_ms`; `gateway` counts from 1."""

    park: str
    gateway: int
    from_ms: int
    until_ms: int
    incident_id: str


class IncidentPlan(msgspec.Struct, frozen=True, kw_only=True):
    """All incidents in order of (onset, id), the cuts that follow from them, and how busy the responders were."""

    incidents: tuple[PlannedIncident, ...]
    cuts: tuple[Cut, ...]
    loads: tuple[TeamLoad, ...]

    def of_park(self, park: str) -> tuple[PlannedIncident, ...]:
        """Those of one park (`CITY` for those of the whole city)."""
        return tuple(incident for incident in self.incidents if incident.park == park)


def gateway_of(zone: int) -> int:
    """The gateway of a zone; both count from 1."""
    return (zone - 1) // ZONES_PER_GATEWAY + 1


def places(parks: Sequence[str]) -> dict[str, int]:
    """Each park's place in the catalogue, from 0: the number of its random streams."""
    known = {park.id: place for place, park in enumerate(catalogue.parks())}
    return {park: known[park] for park in parks}
