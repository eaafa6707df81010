"""The Scenario: what to run, checked as a whole, and the library of stories."""

from pathlib import Path
from typing import Any, Literal

import msgspec

from contract import catalogue
from contract.catalogue.layout import ZONES_PER_GATEWAY
from contract.messages import MAX_PACK_READINGS
from contract.strict_yaml import quoted
from scenarios.document import (
    INCIDENT_KINDS,
    PHASES,
    Duration,
    Happenings,
    IncidentDocument,
    IncidentKind,
    Links,
    Objectives,
    OutageDocument,
    ParkSelection,
    RuleKinds,
    ScenarioDocument,
    ScenarioError,
    Sizes,
    Text,
    read,
)

__all__ = [
    "INCIDENT_KINDS",
    "LIBRARY",
    "PHASES",
    "Happenings",
    "Incident",
    "IncidentKind",
    "Objectives",
    "Outage",
    "Scenario",
    "ScenarioError",
    "Text",
    "find",
    "library",
    "load",
]

LIBRARY = Path(__file__).parent / "library"


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Something goes wrong in one zone of one park.

    Attributes:
        kind: what goes wrong; `sim` knows what each kind does to the points near it.
        park: id of the park.
        zone: number of the zone in which it begins, from 1.
        at_s: onset, in seconds after the beginning of the measured part.
        duration_s: from the onset until the source is stopped; what it did to the surroundings decays after that.
        severity: factor on the strength; 1.0 is enough for every kind to be noticed.
    """

    kind: IncidentKind
    park: str
    zone: int
    at_s: float
    duration_s: float
    severity: float = 1.0


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """A link is cut or slowed on purpose.

    Attributes:
        kind: `cut`: nothing passes; `slow`: `share` of the bandwidth is left.
        gateway: number of the gateway, from 1; None: all of the park.
        at_s: beginning, in seconds after the beginning of the measured part.
        duration_s: how long it lasts.
    """

    kind: Literal["cut", "slow"]
    park: str
    gateway: int | None
    at_s: float
    duration_s: float
    share: float


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One story that can be run: who takes part, what they send, what goes wrong, what must be reached.

    Attributes:
        outcome: what a right platform shows.
        starts_at_ms: scenario time at which the trace (its warm-up) begins, Unix milliseconds.
        warm_up_s: part before measuring; incidents begin after it.
        duration_s: measured part.
        parks: ids of the parks, in the catalogue's order.
        encoding: media type of the telemetry packs.
        requests_per_enterprise_hour: mean rate of an enterprise's service requests in full working hours.
        sizes: `equal`: every park has `points_per_park` points of the same mixture; `catalogue`: that many on average,
            by the park's size and industries.
        links: `direct`: a pack arrives when it is sent; `field`: over the access links of `sim.network`.
        rules: which of the catalogue's rules hold: those of limits, or all.
        events: devices send events and states.
        happenings: incidents that come by chance.
        outages: links that are cut or slowed on purpose.
    """

    name: str
    title: Text
    story: Text
    seed: int
    starts_at_ms: int
    warm_up_s: float
    duration_s: float
    parks: tuple[str, ...]
    points_per_park: int
    gateways_per_park: int
    sample_period_ms: int
    encoding: str
    enterprises_per_park: int
    requests_per_enterprise_hour: float
    incidents: tuple[Incident, ...]
    objectives: Objectives
    outcome: Text | None = None
    sizes: Sizes = "equal"
    links: Links = "direct"
    rules: RuleKinds = "limits"
    events: bool = True
    happenings: Happenings | None = None
    outages: tuple[Outage, ...] = ()

    @property
    def readings_per_s(self) -> float:
        """Offered telemetry of all parks together."""
        return len(self.parks) * self.points_per_park * 1000 / self.sample_period_ms


def load(path: Path | str) -> Scenario:
    """Load a scenario from a YAML file and check it as a whole.

    Raises:
        ScenarioError: with the file, the path inside it, what was found and what was wanted.
    """
    path = Path(path)
    file = f"library/{path.name}" if path.parent == LIBRARY else str(path)
    document, written = read(path, file)
    if document.name != path.stem:
        raise ScenarioError(file, "name", wanted=f'"{path.stem}", the name of the file', found=quoted(document.name))
    parks = _parks(file, document.parks)
    _check_sizes(file, document)
    _check_times(file, document, written)
    incidents = tuple(
        _incident(file, f"incidents[{number}]", document, entry, parks)
        for number, entry in enumerate(document.incidents)
    )
    return Scenario(
        name=document.name,
        title=document.title,
        story=document.story,
        seed=document.seed,
        starts_at_ms=document.starts_at.ms,
        warm_up_s=document.warm_up.ms / 1000,
        duration_s=document.duration.ms / 1000,
        parks=parks,
        points_per_park=document.points_per_park,
        gateways_per_park=document.gateways_per_park,
        sample_period_ms=document.sample_period.ms,
        encoding=document.encoding,
        enterprises_per_park=document.enterprises_per_park,
        requests_per_enterprise_hour=document.requests_per_enterprise_hour,
        incidents=incidents,
        objectives=document.objectives,
        outcome=document.outcome,
        sizes=document.sizes,
        links=document.links,
        rules=document.rules,
        events=document.events,
        happenings=document.happenings,
        outages=tuple(
            _outage(file, f"outages[{number}]", document, entry, parks) for number, entry in enumerate(document.outages)
        ),
    )


def find(name_or_path: str) -> Scenario:
    """The library's scenario of this name, or the one in a file.

    Raises:
        ScenarioError: there is neither, or it is wrong.
    """
    in_library = LIBRARY / f"{name_or_path}.yaml"
    if "/" not in name_or_path and in_library.is_file():
        return load(in_library)
    path = Path(name_or_path)
    if path.is_file() or path.suffix in (".yaml", ".yml"):
        return load(path)
    names = ", ".join(sorted(entry.stem for entry in LIBRARY.glob("*.yaml")))
    raise ScenarioError("scenario", "", wanted=f"a YAML file or one of {names}", found=quoted(name_or_path))


def library() -> tuple[Scenario, ...]:
    """Every scenario of the library, in order of name."""
    return tuple(load(path) for path in sorted(LIBRARY.glob("*.yaml")))


def _parks(file: str, selection: ParkSelection) -> tuple[str, ...]:
    """Ids of the selected parks in the catalogue's order; a phase takes in the phases before it."""
    if selection.ids is None:
        reached = PHASES[: PHASES.index(selection.phase) + 1]
        return tuple(park.id for park in catalogue.parks() if park.phase in reached)
    known = {park.id for park in catalogue.parks()}
    for number, park in enumerate(selection.ids):
        if park not in known:
            raise ScenarioError(
                file, f"parks[{number}]", wanted="the id of a park in the catalogue", found=quoted(park)
            )
        if park in selection.ids[:number]:
            raise ScenarioError(file, f"parks[{number}]", wanted="each park once", found=f"{quoted(park)} again")
    return tuple(park.id for park in catalogue.parks() if park.id in selection.ids)


def _check_sizes(file: str, document: ScenarioDocument) -> None:
    gateways, points = document.gateways_per_park, document.points_per_park
    if points % gateways:
        wanted = f"a multiple of gateways_per_park ({gateways})"
        raise ScenarioError(file, "points_per_park", wanted=wanted, found=str(points))
    if points // gateways < ZONES_PER_GATEWAY:
        wanted = f"at least {ZONES_PER_GATEWAY} points for each of {gateways} gateways"
        raise ScenarioError(file, "points_per_park", wanted=wanted, found=str(points))
    if points // gateways > MAX_PACK_READINGS:
        wanted = f"at most {MAX_PACK_READINGS} points for each of {gateways} gateways (one pack)"
        raise ScenarioError(file, "points_per_park", wanted=wanted, found=str(points))


def _check_times(file: str, document: ScenarioDocument, written: dict[str, Any]) -> None:
    period_ms = document.sample_period.ms
    if period_ms < 1:
        raise ScenarioError(file, "sample_period", wanted="more than nothing", found=quoted(written["sample_period"]))
    if document.duration.ms < 1:
        raise ScenarioError(file, "duration", wanted="more than nothing", found=quoted(written["duration"]))
    for key, span in (("warm_up", document.warm_up), ("duration", document.duration)):
        if span.ms % period_ms:
            wanted = f"a multiple of sample_period ({document.sample_period.text})"
            raise ScenarioError(file, key, wanted=wanted, found=quoted(span.text))


def _outage(file: str, path: str, document: ScenarioDocument, entry: OutageDocument, parks: tuple[str, ...]) -> Outage:
    if document.links != "field":
        wanted = '"links: field", since only those links can be interrupted'
        raise ScenarioError(file, path, wanted=wanted, found=f'"links: {document.links}"')
    _check_park(file, path, entry.park, parks)
    if entry.gateway is not None and entry.gateway > document.gateways_per_park:
        wanted = f"a gateway from 1 to {document.gateways_per_park}"
        raise ScenarioError(file, f"{path}.gateway", wanted=wanted, found=str(entry.gateway))
    _check_span(file, path, document, entry.at, entry.duration)
    return Outage(
        kind=entry.kind,
        park=entry.park,
        gateway=entry.gateway,
        at_s=entry.at.ms / 1000,
        duration_s=entry.duration.ms / 1000,
        share=entry.share,
    )


def _check_park(file: str, path: str, park: str, parks: tuple[str, ...]) -> None:
    if park not in parks:
        wanted = "a park that takes part in this scenario"
        raise ScenarioError(file, f"{path}.park", wanted=wanted, found=quoted(park))


def _check_span(file: str, path: str, document: ScenarioDocument, at: Duration, duration: Duration) -> None:
    end = f"the measured part ends at {document.duration.text}"
    left_ms = document.duration.ms - at.ms
    if left_ms <= 0:
        raise ScenarioError(file, f"{path}.at", wanted=f"a time before the end ({end})", found=quoted(at.text))
    if not 0 < duration.ms <= left_ms:
        wanted = f"more than nothing and at most {left_ms / 1000:g}s ({end})"
        raise ScenarioError(file, f"{path}.duration", wanted=wanted, found=quoted(duration.text))


def _incident(
    file: str, path: str, document: ScenarioDocument, entry: IncidentDocument, parks: tuple[str, ...]
) -> Incident:
    if entry.kind == "storm" and entry.park == "*":
        _check_span(file, path, document, entry.at, entry.duration)
        return _written(entry)
    _check_park(file, path, entry.park, parks)
    zones = ZONES_PER_GATEWAY * document.gateways_per_park
    if entry.zone > zones:
        wanted = f"a zone from 1 to {zones} ({ZONES_PER_GATEWAY} for each gateway)"
        raise ScenarioError(file, f"{path}.zone", wanted=wanted, found=str(entry.zone))
    _check_span(file, path, document, entry.at, entry.duration)
    return _written(entry)


def _written(entry: IncidentDocument) -> Incident:
    return Incident(
        kind=entry.kind,
        park=entry.park,
        zone=entry.zone,
        at_s=entry.at.ms / 1000,
        duration_s=entry.duration.ms / 1000,
        severity=entry.severity,
    )
