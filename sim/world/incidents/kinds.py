"""What each kind of incident is, from `kinds.yaml`, and who answers it, from `responders.yaml`."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
import yaml
from msgspec import Meta

from contract.catalogue.model import Entry, Mark
from contract.errors import HarnessError
from contract.messages import Level
from contract.strict_yaml import CoreLoader
from scenarios.model import IncidentKind, Text

_T = TypeVar("_T")
Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
TeamName = Literal["patrol", "technician", "brigade"]


class Response(Entry, frozen=True, kw_only=True):
    """What an incident does to one quantity.

    Attributes:
        quantity: the kind of point that answers: subsystem/device/quantity of a profile of the catalogue.
        to: the value at the heart of an incident of severity 1.0, in the quantity's unit.
        reach_zones: distance over which the effect falls to 37 %, in zone widths; 0: all of this zone alone.
        rise_s: time constant of the rise.
        decay_s: time constant of the return after the source is stopped.
    """

    quantity: str
    to: float
    reach_zones: NotNegative
    rise_s: Positive
    decay_s: Positive


class Silencing(Entry, frozen=True, kw_only=True):
    """Devices of the zone (subsystem/device) that send nothing from `after_s` after the onset until the end."""

    devices: tuple[str, ...]
    after_s: NotNegative


class Fault(Entry, frozen=True, kw_only=True):
    """Some sensors of the zone go wrong.

    Attributes:
        how: `stuck` repeats the last value, `drift` strays, `spikes` bursts, `dead` sends nothing.
        sensors: how many at severity 1.0; more when it is more severe.
        among: kinds of point (subsystem/device/quantity) of which they are.
        far: how far a drift or a spike goes at severity 1.0, as a share of the way to the end of the sensor's range.
        rise_s, decay_s: time constants of a drift.
        every_s: mean time between the bursts of spikes.
        burst_s: mean length of a burst.
    """

    how: Literal["stuck", "drift", "spikes", "dead"]
    sensors: Annotated[int, Meta(ge=1)]
    among: tuple[str, ...]
    far: Share = 0.0
    rise_s: Positive = 1.0
    decay_s: Positive = 1.0
    every_s: Positive = 60.0
    burst_s: Positive = 1.0


class Consequence(Entry, frozen=True, kw_only=True):
    """What an incident may bring about while it lasts.

    Attributes:
        chance: probability at severity 1.0.
        after_s: shortest and longest time after the onset; uniform between.
        zone: the same zone, or any of the park.
    """

    kind: IncidentKind
    chance: Share
    after_s: tuple[NotNegative, NotNegative]
    zone: Literal["same", "any"] = "same"

    def probability(self, severity: float) -> float:
        """Of an incident of this severity: several chances in a row, as it were."""
        return float(1 - (1 - self.chance) ** severity)


class Answer(Entry, frozen=True, kw_only=True):
    """How an incident is dealt with.

    Attributes:
        noticed_s: from the onset until the desk has an alarm, median.
        spread: standard deviation of its logarithm.
        alarms: alarms at severity 1.0 that keep the operator busy.
        priority: 1 is taken first.
        teams: teams that are sent, each with the median time of its work at severity 1.0, seconds.
    """

    noticed_s: Positive
    spread: NotNegative
    alarms: Annotated[int, Meta(ge=1)]
    priority: Literal[1, 2, 3]
    teams: dict[TeamName, Positive]


class Manner(Entry, frozen=True, kw_only=True):
    """How one kind of incident works.

    Attributes:
        share: weight among the incidents that come by chance.
        likelier_in: factors on the share in parks of these industries; of several the largest holds.
        travel_s: time that the effect takes to the next zone.
        wind: how much nearer a point lies downwind, and farther upwind (0 to 1).
        turbulence: standard deviation of the fluctuation, as a share of the effect.
        lasts_s: median duration of what ends by itself; None: it lasts until it is resolved.
        cuts: the zone's gateway loses its line.
        stops_firms: machines of the zone's enterprises stand still meanwhile.
    """

    kind: IncidentKind
    name: Text
    story: str
    mark: Mark
    share: NotNegative
    answer: Answer
    likelier_in: dict[str, Positive] = msgspec.field(default_factory=dict)
    travel_s: NotNegative = 0.0
    wind: Share = 0.0
    turbulence: NotNegative = 0.0
    lasts_s: Positive | None = None
    cuts: bool = False
    stops_firms: bool = False
    responses: tuple[Response, ...] = ()
    silences: tuple[Silencing, ...] = ()
    fault: Fault | None = None
    leads_to: tuple[Consequence, ...] = ()

    def share_in(self, industries: tuple[str, ...]) -> float:
        """Its weight in a park of these industries."""
        return self.share * max((self.likelier_in.get(industry, 1.0) for industry in industries), default=1.0)


class Severity(Entry, frozen=True, kw_only=True):
    """A log-normal severity, cut off at both ends."""

    median: Positive
    spread: NotNegative
    least: Positive
    most: Positive


class Desk(Entry, frozen=True, kw_only=True):
    """A park's desk: the operators, and how long they take to acknowledge (see the file)."""

    operators: Annotated[int, Meta(ge=1)]
    read_s: Positive
    each_alarm_s: NotNegative
    spread: NotNegative
    mark: Mark


class Team(Entry, frozen=True, kw_only=True):
    """Teams of a park: how many, and their way inside it."""

    team: TeamName
    name: Text
    of_a_park: Annotated[int, Meta(ge=1)]
    travel_s: Positive
    spread: NotNegative
    mark: Mark


class Brigade(Entry, frozen=True, kw_only=True):
    """The city's fire stations: each serves the parks nearest to it, with its crews, by road."""

    name: Text
    stations: Annotated[int, Meta(ge=1)]
    crews: Annotated[int, Meta(ge=1)]
    turnout_s: NotNegative
    speed_km_h: Positive
    detour: Annotated[float, Meta(ge=1)]
    least_km: Positive
    spread: NotNegative
    mark: Mark


class StormOverCity(Entry, frozen=True, kw_only=True):
    """A storm over the city: the share of the parks that it reaches, its way from first to last, how severe it is."""

    parks: Share
    crossing_s: NotNegative
    severity: Severity
    mark: Mark


class Responders(Entry, frozen=True, kw_only=True):
    """Everyone who answers, and what holds for incidents that come by chance."""

    severity: Severity
    desk: Desk
    teams: tuple[Team, ...]
    brigade: Brigade
    work_spread: NotNegative
    escalation_s: dict[Level, Positive]
    storm: StormOverCity


@cache
def manners() -> dict[str, Manner]:
    """Every kind of incident by its name."""
    return {manner.kind: manner for manner in _read("kinds.yaml", tuple[Manner, ...])}


@cache
def responders() -> Responders:
    """Who answers incidents."""
    return _read("responders.yaml", Responders)


def _read(file: str, kind: type[_T]) -> _T:
    """Read one of this package's files strictly.

    Raises:
        HarnessError: with the file, the place and what is wrong.
    """
    text = Path(__file__).with_name(file).read_text(encoding="utf-8")
    try:
        return msgspec.convert(yaml.load(text, CoreLoader), kind)  # noqa: S506 - a subclass of the safe loaders
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise HarnessError(f"{file}: {error}") from error
