"""Suppression by design: alarms that mean nothing while another one stands (see SEMANTICS.md, O)."""

from collections.abc import Iterable

import msgspec

from contract.messages import Point
from contract.rules import ExpressionRule, Extent, KOfNRule, Rule

AlarmPlace = tuple[int, str]  # index of the subject, id of the rule


class Cause(msgspec.Struct, frozen=True, gc=False):
    """What inhibits: an alarm of `rule` anywhere in one place.

    Attributes:
        rule: id of the rule.
        within: kind of the place.
        place: its name, empty for the park.
    """

    rule: str
    within: Extent
    place: str


class Inhibitions:
    """Which causes stand, and which alarms with an alert they would suppress.

    Args:
        rules: the park's rules.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._asked_of: dict[str, set[Extent]] = {}
        for rule in rules:
            for inhibition in rule.suppressed_by:
                self._asked_of.setdefault(inhibition.rule, set()).add(inhibition.within)
        self._standing: dict[Cause, int] = {}
        self._watching: dict[Cause, set[AlarmPlace]] = {}

    def inhibits(self, rule: Rule) -> bool:
        """Is an alarm of this rule the cause of any suppression?"""
        return rule.id in self._asked_of

    def causes_made(self, rule: Rule, subject: Point) -> list[Cause]:
        """What the alarm of a rule on a subject is the cause of while it stands."""
        return [Cause(rule.id, each, _name(subject, rule, each)) for each in sorted(self._asked_of.get(rule.id, ()))]

    def standing(self, causes: Iterable[Cause]) -> Cause | None:
        """The first of `causes` that stands."""
        for cause in causes:
            if cause in self._standing:
                return cause
        return None

    def watch(self, alarm: AlarmPlace, causes: Iterable[Cause]) -> None:
        """An alarm that `causes` would suppress has an alert from now on."""
        for cause in causes:
            self._watching.setdefault(cause, set()).add(alarm)

    def leave(self, alarm: AlarmPlace, causes: Iterable[Cause]) -> None:
        """It has none any more."""
        for cause in causes:
            watching = self._watching.get(cause)
            if watching is not None:
                watching.discard(alarm)
                if not watching:
                    del self._watching[cause]

    def begin(self, causes: Iterable[Cause]) -> list[AlarmPlace]:
        """An alarm that makes `causes` is raised; gives the alarms that may have to be suppressed, in order."""
        return self._affected([cause for cause in causes if self._count(cause, 1) == 1])

    def end(self, causes: Iterable[Cause]) -> list[AlarmPlace]:
        """It is cleared; gives the alarms that may have to come back, in order."""
        return self._affected([cause for cause in causes if self._count(cause, -1) == 0])

    def _count(self, cause: Cause, step: int) -> int:
        count = self._standing.get(cause, 0) + step
        if count:
            self._standing[cause] = count
        else:
            del self._standing[cause]
        return count

    def _affected(self, causes: Iterable[Cause]) -> list[AlarmPlace]:
        return sorted({alarm for cause in causes for alarm in self._watching.get(cause, ())})


def causes_against(rule: Rule, subject: Point) -> tuple[Cause, ...]:
    """What would suppress the alarm of a rule on a subject."""
    return tuple([Cause(each.rule, each.within, _name(subject, rule, each.within)) for each in rule.suppressed_by])


def _name(subject: Point, rule: Rule, within: Extent) -> str:
    """Name of the point, device, zone or park that a subject is in. Two kinds of rule are about more than a point."""
    if within == "zone":
        return subject.zone
    if within == "park":
        return ""
    if within == "point" or isinstance(rule, ExpressionRule | KOfNRule):
        return subject.name
    return subject.name.rpartition("/")[0]
