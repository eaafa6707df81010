"""Types of what people write about events and states: `traffic/`, `fleets.yaml`, `shapes.yaml`, `reactions.yaml`.

A *flow* is one source of traffic with one rate law; a law has *roles*, and each role that a flow uses has its kind of
event or state. Every entry says where its numbers come from and how far to trust them.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from contract.catalogue.model import Entry, Mark
from sim.world.activity.laws import DayKind, Law, Name, NotNegative, Positive, Share, Span, Words

FieldName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$")]


class Cited(Entry, frozen=True, kw_only=True):
    """Base of all whose numbers come from somewhere."""

    source: Words
    mark: Mark


# --- when people do things -----------------------------------------------------------------------------------------


class Peak(Entry, frozen=True, kw_only=True):
    """A bell-shaped peak of a day; `spread_min` is its standard deviation, `height` its top over the rest."""

    at: str
    spread_min: Positive
    height: Positive


class Shape(Cited, frozen=True, kw_only=True):
    """How activity is spread over a day.

    Attributes:
        points: (hour, weight), linear in between, from hour 0 to hour 24; only the proportions count.
        peaks: what is added.
        days: activity of other days as a share of a working day's.
    """

    shape: Name
    name_en: Words
    name_zh: Words
    points: tuple[Span, ...]
    peaks: tuple[Peak, ...] = ()
    days: dict[DayKind, NotNegative]


class ShapesFile(Entry, frozen=True, kw_only=True):
    """`shapes.yaml`."""

    shapes: tuple[Shape, ...]


# --- who sends -----------------------------------------------------------------------------------------------------


class Fleet(Cited, frozen=True, kw_only=True):
    """Devices of one kind: those of the park's points (`every` absent), or as many as something else asks for.

    Attributes:
        fleet: subsystem/device.
        of: what is counted: `points`, `zones`, `staff`, or devices of the park's points (`fire/*`, `access/door`).
        every: one for so many of these.
        at_least: in the whole park; what is missing is spread over the zones.
    """

    fleet: Annotated[str, Meta(pattern=r"^[a-z]+/[a-z0-9-]+$")]
    name_en: Words
    name_zh: Words
    of: Words = ""
    every: Positive | None = None
    at_least: Annotated[int, Meta(ge=0)] = 0


# --- what is told --------------------------------------------------------------------------------------------------


class Integer(Entry, frozen=True, kw_only=True, tag_field="type", tag="integer"):
    """A whole number, each in the range as likely."""

    range: tuple[int, int]
    unit: str = "1"


class Number(Entry, frozen=True, kw_only=True, tag_field="type", tag="number"):
    """A number; uniform in its range, or normal and cut to the range where `mean` and `spread` are given."""

    range: Span
    decimals: Annotated[int, Meta(ge=0, le=6)] = 1
    mean: float | None = None
    spread: Positive | None = None
    unit: str = "1"


class Choice(Entry, frozen=True, kw_only=True, tag_field="type", tag="choice"):
    """One of several words, with their weights."""

    choices: dict[str, Positive]


class Boolean(Entry, frozen=True, kw_only=True, tag_field="type", tag="boolean"):
    """True with this share."""

    share: Share


class Token(Entry, frozen=True, kw_only=True, tag_field="type", tag="token"):
    """A pseudonym: a prefix and a number that stands for nobody, one of `pool` (`staff`: as many as the staff)."""

    prefix: Name
    pool: Annotated[int, Meta(ge=1)] | Literal["staff"]


class Count(Entry, frozen=True, kw_only=True, tag_field="type", tag="count"):
    """A Poisson count with this mean over a working day, spread by a shape; never above the range."""

    mean: Positive
    shape: str
    range: tuple[int, int]
    unit: str = "1"


class Told(Entry, frozen=True, kw_only=True, tag_field="type", tag="told"):
    """What the law itself knows, such as the state that a device is in now: one of `choices`, or within `range`."""

    choices: tuple[str, ...] = ()
    range: Span | None = None
    prefix: str = ""
    unit: str = "1"


class Same(Entry, frozen=True, kw_only=True, tag_field="type", tag="same"):
    """The same as in the event that this one follows."""


Field = Integer | Number | Choice | Boolean | Token | Count | Told | Same


class Kind(Entry, frozen=True, kw_only=True):
    """One kind of event or state, as it goes out."""

    kind: Name
    name_en: Words
    name_zh: Words
    traffic: Literal["event", "state"]
    fields: dict[FieldName, Field] = msgspec.field(default_factory=dict)


# --- flows ----------------------------------------------------------------------------------------------------


class Flow(Cited, frozen=True, kw_only=True):
    """One source of traffic: the fleet that sends, its law, and a kind for each role of the law that is used."""

    flow: Name
    fleet: str
    law: Law
    kinds: dict[str, Kind]

    @property
    def subsystem(self) -> str:
        """Code of the management subsystem."""
        return self.fleet.partition("/")[0]

    @property
    def name(self) -> str:
        """subsystem/flow, unique; the random stream's name is made of it."""
        return f"{self.subsystem}/{self.flow}"


# --- what incidents do to it ---------------------------------------------------------------------------------------


class Emit(Entry, frozen=True, kw_only=True, tag_field="does", tag="emit"):
    """Devices send this kind: `count`, and `staff_share` of the staff of a zone, times the severity.

    Attributes:
        kind: subsystem/kind.
        when: counted from the beginning or the end of the incident.
        after_s, within_s: from then on, spread evenly over so long.
        where: devices of the incident's zone (of the park, if it has none there), or of the whole park.
        tells: what its law would have told.
    """

    kind: str
    count: NotNegative = 0.0
    staff_share: Share = 0.0
    when: Literal["begin", "end"] = "begin"
    after_s: NotNegative = 0.0
    within_s: NotNegative = 0.0
    where: Literal["zone", "park"] = "zone"
    tells: dict[str, str | int | float] = msgspec.field(default_factory=dict)


class Hold(Entry, frozen=True, kw_only=True, tag_field="does", tag="hold"):
    """Devices go to a state and stay there until the end; then they tell the state that they would have had."""

    kind: str
    state: str
    within_s: NotNegative = 0.0
    where: Literal["zone", "park"] = "zone"


class Mute(Entry, frozen=True, kw_only=True, tag_field="does", tag="mute"):
    """These kinds are not sent until the end."""

    kinds: tuple[str, ...]
    where: Literal["zone", "park"] = "zone"


Action = Emit | Hold | Mute


class Reaction(Cited, frozen=True, kw_only=True):
    """What one kind of incident does; `lasts_s` where nobody says how long it lasts."""

    incident: Name
    name_en: Words
    name_zh: Words
    lasts_s: Positive
    actions: tuple[Action, ...]
