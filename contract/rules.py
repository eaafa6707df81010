"""Alarm rules, as they go over the wire.

What each kind decides, sentence by sentence, is in `reference_impl/monitoring/SEMANTICS.md`. Durations are seconds; the
YAML form writes them with a unit instead.
"""

from typing import Literal

from contract.message import Message
from contract.messages import Level, Priority

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Extent = Literal["point", "device", "zone", "park"]


class Shift(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Part of a day, on some days of the week; one whose `end` is not after its `start` runs over midnight.

    Attributes:
        days: days on which it starts.
        start, end: local time, "HH:MM" from "00:00" to "24:00"; the end is not included.
    """

    days: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    start: str = "00:00"
    end: str = "24:00"


class Calendar(Message, frozen=True, kw_only=True, omit_defaults=True):
    """When a rule takes part.

    Attributes:
        shifts: it takes part while at least one of them lasts.
        except_dates: local dates on which it does not, "YYYY-MM-DD".
        utc_offset_minutes: local time less UTC; China's by default.
    """

    shifts: tuple[Shift, ...] = (Shift(),)
    except_dates: tuple[str, ...] = ()
    utc_offset_minutes: int = 480


class Selector(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Points by what they are; each a glob, and all that are given must fit.

    Attributes:
        subsystem: code of the subsystem.
        zone: name of the zone.
        quantity: last part of the point's name.
    """

    subsystem: str | None = None
    zone: str | None = None
    quantity: str | None = None


class Inhibition(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Suppression by design: while an alarm of `rule` stands within the same `within`, this rule's are DSUPR."""

    rule: str
    within: Extent = "zone"


class _Rule(Message, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """What all kinds have in common.

    Attributes:
        points: a glob over point names; `*` and `?` stay within one part of the name. Empty when only `select` is used.
        select: points by what they are; with `points` too, both must fit.
        deadband: hysteresis, in the unit of what the kind compares.
        on_delay_s, off_delay_s: how long the condition must hold, or be gone, before the alarm is raised or cleared.
        active_when: when the rule takes part; always by default.
        suppressed_by: alarms that make this one meaningless.
        escalate_after_s: an alert that nobody acknowledged for so long goes to the next level of duty; never by
            default.
        cause: alerts of one cause in one zone are one incident; the rule's id by default.
        source: standard and clause, or "assumption".
    """

    id: str
    points: str = ""
    select: Selector | None = None
    deadband: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    level: Level = "yellow"
    priority: Priority = "low"
    active_when: Calendar | None = None
    suppressed_by: tuple[Inhibition, ...] = ()
    escalate_after_s: float | None = None
    cause: str = ""
    source: str = ""


class LimitRule(_Rule, frozen=True, kw_only=True, tag="limit"):
    """Alarm when a value reaches a limit (SEMANTICS.md, L).

    Attributes:
        high, low: the condition begins at value >= high or <= low.
        levels: instead of these, a limit for each of two or more levels: all rising with the level (high limits) or all
            falling (low limits).
    """

    high: float | None = None
    low: float | None = None
    levels: dict[Level, float] | None = None


class RateRule(_Rule, frozen=True, kw_only=True, tag="rate"):
    """Alarm when a value rises or falls too fast (SEMANTICS.md, R).

    Attributes:
        rise, fall: change per `per_s`, both positive, at which the condition begins.
        over_s: the change is taken over at least so long; 0 from each reading to the next.
    """

    rise: float | None = None
    fall: float | None = None
    per_s: float = 60.0
    over_s: float = 0.0


class StuckRule(_Rule, frozen=True, kw_only=True, tag="stuck"):
    """Alarm when a value does not change by more than `epsilon` for `after_s` (SEMANTICS.md, K)."""

    after_s: float
    epsilon: float = 0.0


class SilenceRule(_Rule, frozen=True, kw_only=True, tag="silence"):
    """Alarm when a point sends nothing for `after_s` (SEMANTICS.md, S)."""

    after_s: float


class AnomalyRule(_Rule, frozen=True, kw_only=True, tag="anomaly"):
    """Alarm when a value strays from its exponentially weighted mean (SEMANTICS.md, A).

    Attributes:
        z: standard deviations at which the condition begins; `deadband` is in standard deviations too.
        alpha: weight of the newest reading, above 0 and below 1.
        warm_up: readings that are learned before the first is judged.
        floor: standard deviation that is assumed at least, in the point's unit.
    """

    z: float
    alpha: float = 0.01
    warm_up: int = 100
    floor: float = 0.0


class KOfNRule(_Rule, frozen=True, kw_only=True, tag="k_of_n"):
    """Alarm when at least k points of a zone are in alarm within a window (SEMANTICS.md, N).

    Attributes:
        of: ids of the rules whose alarms count; none of them `k_of_n` or `expression`. `points` and `select` narrow the
            points that count, when given.
        k: how many.
        window_s: a point counts until so long after its last alarm is cleared.
        by: what the points are counted in.
    """

    of: tuple[str, ...]
    k: int
    window_s: float = 0.0
    by: Literal["zone", "device", "gateway"] = "zone"


class ExpressionRule(_Rule, frozen=True, kw_only=True, tag="expression"):
    """Alarm when an expression over a few points of one device is true (SEMANTICS.md, E).

    Attributes:
        points: a glob over device names (point names without their last part).
        when: comparisons of numbers, points (the last part of their names), + - * / and abs, min, max, joined by and,
            or, not.
    """

    when: str


Rule = LimitRule | RateRule | StuckRule | SilenceRule | AnomalyRule | KOfNRule | ExpressionRule


class RuleSet(Message, frozen=True, kw_only=True):
    """All rules of a park; putting one replaces the former as a whole."""

    version: str
    rules: list[Rule]
