"""Which alarms a set of rules makes on a list of points."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from oracle_alarms import Alarm, Subject
from oracle_conditions import PointAlarm
from oracle_expressions import DeviceAlarm, words
from oracle_groups import GroupAlarm

from contract.messages import Point
from contract.rules import ExpressionRule, KOfNRule, Rule


def alarms_of(points: Sequence[Point], rules: Sequence[Rule]) -> list[Alarm]:
    """The alarms as before the first reading, in order of (subject, rule), points before all else."""
    about_points: list[tuple[int, int, Alarm]] = []
    about_others: list[Alarm] = []
    for place, rule in enumerate(rules):
        if isinstance(rule, ExpressionRule):
            about_others += _on_devices(points, rule)
        elif isinstance(rule, KOfNRule):
            about_others += _on_groups(points, rule, rules)
        else:
            about_points += [
                (index, place, PointAlarm(Subject(point.name, point.gateway), rule, index))
                for index, point in enumerate(points)
                if applies(rule, point)
            ]
    return [alarm for _, _, alarm in sorted(about_points, key=lambda entry: entry[:2])] + about_others


def applies(rule: Rule, point: Point) -> bool:
    """Does a rule's `points` and `select` fit a point? The `points` of an expression is about its device (E1)."""
    name = device_of(point) if isinstance(rule, ExpressionRule) else point.name
    if rule.points and not matches(rule.points, name):
        return False
    wanted = rule.select
    return wanted is None or (
        fnmatchcase(point.subsystem, wanted.subsystem or "*")
        and fnmatchcase(point.zone, wanted.zone or "*")
        and fnmatchcase(point.name.rpartition("/")[2], wanted.quantity or "*")
    )


def matches(pattern: str, name: str) -> bool:
    """A glob whose `*` and `?` stay within one part of a name."""
    globs, parts = pattern.split("/"), name.split("/")
    return len(globs) == len(parts) and all(map(fnmatchcase, parts, globs))


def device_of(point: Point) -> str:
    """E1: all of a point's name but its last part."""
    return point.name.rpartition("/")[0]


def _on_devices(points: Sequence[Point], rule: ExpressionRule) -> Iterator[Alarm]:
    """E1."""
    wanted = words(rule.when)
    place_of = {point.name: place for place, point in enumerate(points) if applies(rule, point)}
    for device in dict.fromkeys(map(device_of, points)):
        operands = {word: place_of[f"{device}/{word}"] for word in wanted if f"{device}/{word}" in place_of}
        gateways = {points[place].gateway for place in operands.values()}
        if len(operands) == len(wanted) and len(gateways) == 1:
            yield DeviceAlarm(Subject(device, gateways.pop()), rule, operands)


def _on_groups(points: Sequence[Point], rule: KOfNRule, rules: Sequence[Rule]) -> Iterator[Alarm]:
    """N1 and N3."""
    members: dict[Subject, set[tuple[int, str]]] = {}
    for place, point in enumerate(points):
        subject = _counted_in(point, rule, points)
        for other in rules:
            if other.id in rule.of and applies(rule, point) and applies(other, point):
                members.setdefault(subject, set()).add((place, other.id))
    for subject, of_subject in members.items():
        yield GroupAlarm(subject, rule, frozenset(of_subject))


def _counted_in(point: Point, rule: KOfNRule, points: Sequence[Point]) -> Subject:
    """The zone, device or gateway of a point; the gateway is part of its name where its points have several (N1)."""
    name = _extent(point, rule.by)
    gateways = {other.gateway for other in points if _extent(other, rule.by) == name}
    return Subject(name if len(gateways) == 1 else f"{name}@{point.gateway}", point.gateway)


def _extent(point: Point, by: str) -> str:
    return {"zone": f"zone/{point.zone}", "device": device_of(point), "gateway": f"gateway/{point.gateway}"}[by]
