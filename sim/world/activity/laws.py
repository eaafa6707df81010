"""Rate laws as people write them: when a flow sends. A law has roles; a flow has a kind for each role it uses."""

from typing import Annotated, Literal

from msgspec import Meta

from contract.catalogue.model import Entry

DayKind = Literal["workday", "saturday", "sunday", "holiday"]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Span = tuple[float, float]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Words = Annotated[str, Meta(min_length=1)]


class Follow(Entry, frozen=True, kw_only=True):
    """What comes after an event: with this chance, after a log-normal time (its median, and sigma of its logarithm)."""

    median_s: Positive
    sigma: NotNegative = 0.5
    chance: Share = 1.0


class Periodic(Entry, frozen=True, kw_only=True, tag_field="is", tag="periodic"):
    """Each device at its own phase, or all at full periods of local time plus `offset_s` (`aligned`).

    Every report is off its time by at most `jitter_s`, uniform.
    """

    period_s: Positive
    jitter_s: NotNegative
    aligned: bool = False
    offset_s: float = 0.0


class Poisson(Entry, frozen=True, kw_only=True, tag_field="is", tag="poisson"):
    """Non-homogeneous Poisson arrivals: `per_day` is their mean number on a working day for each of `per`."""

    per_day: Positive
    per: Literal["device", "person", "park", "zone"]
    shape: str
    follow: Follow | None = None


class Occasion(Entry, frozen=True, kw_only=True):
    """A time of day at which devices do something.

    Attributes:
        at: local time such as "08:00", or `dawn` or `dusk` (sunrise and sunset at the park).
        offset_s: after it; may be negative.
        spread_s: standard deviation between devices (cut at three of them).
        days: on which; empty: on all.
        share: of the devices, drawn each day.
        state: what the law tells as `state`.
    """

    at: str
    offset_s: float = 0.0
    spread_s: NotNegative = 0.0
    days: tuple[DayKind, ...] = ()
    share: Share = 1.0
    state: str = ""


class Daily(Entry, frozen=True, kw_only=True, tag_field="is", tag="daily"):
    """Every device at some times of the day."""

    occasions: tuple[Occasion, ...]
    follow: Follow | None = None


class Shift(Entry, frozen=True, kw_only=True):
    """A shift and who works it: `share` of the people, present with these chances; `end` may be on the next day."""

    shift: Name
    start: str
    end: str
    share: Share
    days: dict[DayKind, Share]


class Shifts(Entry, frozen=True, kw_only=True, tag_field="is", tag="shifts"):
    """People come before their shift and leave after it.

    Attributes:
        covered: share of the park's staff that this system sees.
        early_s, early_spread_s: they come so long before the start (normal).
        leave_s, leave_sigma: they leave so long after the end (log-normal: median, sigma).
    """

    covered: Share
    early_s: NotNegative
    early_spread_s: NotNegative
    leave_s: Positive
    leave_sigma: NotNegative
    shifts: tuple[Shift, ...]


class Dwell(Entry, frozen=True, kw_only=True, tag_field="is", tag="dwell"):
    """A device changes between two states and stays in each for an exponential time.

    Attributes:
        states: the two; tells which the device is in now.
        mean_s: mean stay in each.
        shapes: for each state a shape that hastens leaving it, or "" for none; the mean holds over a working day.
    """

    states: tuple[str, str]
    mean_s: tuple[Positive, Positive]
    shapes: tuple[str, str] = ("", "")


class Moving(Entry, frozen=True, kw_only=True, tag_field="is", tag="moving"):
    """Each object makes trips and tells its place while it moves.

    Attributes:
        trips_per_day: mean number on a working day for each object.
        speed_km_h: a trip's speed is uniform between these.
        legs: number of zones that a trip visits, each as likely.
        report_s: times between two reports, uniform.
    """

    trips_per_day: Positive
    shape: str
    speed_km_h: Span
    legs: tuple[int, int]
    report_s: Span


class Rounds(Entry, frozen=True, kw_only=True, tag_field="is", tag="rounds"):
    """A patrol passes the checkpoints of its part of the park, at fixed times.

    Attributes:
        guards: the fleet that walks; the flow's own devices are the checkpoints.
        every_s: a round begins at each full multiple of local time.
        missed: share of rounds that nobody walks.
        skipped: share of checkpoints that are left out.
        delay_s, delay_sigma: a round begins so long after its time (log-normal: median, sigma).
        late_after_s: from then on it is late.
        leg_s: times between checkpoints, uniform.
    """

    guards: str
    every_s: Positive
    missed: Share
    skipped: Share
    delay_s: Positive
    delay_sigma: NotNegative
    late_after_s: Positive
    leg_s: Span


Law = Periodic | Poisson | Daily | Shifts | Dwell | Moving | Rounds

ROLES: dict[type, tuple[str, ...]] = {
    Periodic: ("report",),
    Poisson: ("at", "after"),
    Daily: ("at", "after"),
    Shifts: ("come", "leave"),
    Dwell: ("change",),
    Moving: ("begin", "position", "end"),
    Rounds: ("change", "passed", "skipped", "late", "missed"),
}
"""What a flow of each law can send."""

TOLD: dict[type, dict[str, frozenset[str]]] = {
    Periodic: {"report": frozenset({"number"})},
    Poisson: {"after": frozenset({"lasted_s"})},
    Daily: {"at": frozenset({"state"}), "after": frozenset({"lasted_s"})},
    Shifts: {"come": frozenset({"badge", "shift"}), "leave": frozenset({"badge", "shift"})},
    Dwell: {"change": frozenset({"state"})},
    Moving: {
        "begin": frozenset({"trip"}),
        "position": frozenset({"latitude", "longitude", "speed_km_h", "heading_deg"}),
        "end": frozenset({"trip", "distance_m"}),
    },
    Rounds: {
        "change": frozenset({"state"}),
        "passed": frozenset({"round"}),
        "skipped": frozenset({"round"}),
        "late": frozenset({"round", "late_s"}),
        "missed": frozenset({"round"}),
    },
}
"""The fields that a law can fill in, for each of its roles."""

PATROL_STATES = ("on-round", "at-base")
