"""What alarms are about: points, and the devices and zones that rules bring in (SEMANTICS.md: E1, N1, N3)."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from contract.messages import Point
from contract.rulebook import index_of, operand_names, parse_expression
from contract.rules import ExpressionRule, KOfNRule, Rule


class Member(NamedTuple):
    """A point that a group counts, and the rules (by index) whose alarms on it make it count."""

    point: int
    rules: tuple[int, ...]


class Group(NamedTuple):
    """Where a `k_of_n` rule counts. Subject, rule and gateway are indices."""

    rule: int
    subject: int
    gateway: int
    members: tuple[Member, ...]


class Device(NamedTuple):
    """What an `expression` rule is about; `operands` are points, in the order of the expression's names."""

    rule: int
    subject: int
    gateway: int
    operands: tuple[int, ...]


class Subjects(Sequence[Point]):
    """Points first, in the order of their index, then devices and zones in the order of their first mention.

    Attributes:
        points: the points.
        matches: for each rule the points that it selects, ascending int32.
        devices, groups: in the order of rules.
    """

    def __init__(self, points: Sequence[Point], gateway_of: NDArray[np.int32], rules: Sequence[Rule]) -> None:
        self.points = points
        self._gateway_of = gateway_of
        self._rules = rules
        self._others: list[Point] = []
        self._index: dict[tuple[str, str], int] = {}
        self._gateways_of: dict[str, dict[str, set[str]]] = {}  # by `by` and extent
        index = index_of(points)
        self.matches = [index.select(rule) for rule in rules]
        self.devices = [it for rule in range(len(rules)) for it in self._devices_of(rule)]
        self.groups = [it for rule in range(len(rules)) for it in self._groups_of(rule)]

    def __len__(self) -> int:
        return len(self.points) + len(self._others)

    @overload
    def __getitem__(self, index: int) -> Point: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Point]: ...
    def __getitem__(self, index: int | slice) -> Point | Sequence[Point]:
        if isinstance(index, slice):
            return [*self.points, *self._others][index]
        return self.points[index] if index < len(self.points) else self._others[index - len(self.points)]

    def _subject(self, name: str, like: Point) -> int:
        """The index of a device or zone, which has gateway, zone and subsystem of its first point."""
        key = (name, like.gateway)
        if key not in self._index:
            self._index[key] = len(self)
            self._others.append(
                Point(name=name, gateway=like.gateway, zone=like.zone, subsystem=like.subsystem, unit="1")
            )
        return self._index[key]

    def _devices_of(self, number: int) -> Iterator[Device]:
        rule = self._rules[number]
        if not isinstance(rule, ExpressionRule):
            return
        names = operand_names(parse_expression(rule.when))
        found: dict[tuple[str, int], dict[str, int]] = {}
        for place in self.matches[number].tolist():
            device, _, word = self.points[place].name.rpartition("/")
            found.setdefault((device, int(self._gateway_of[place])), {})[word] = place
        for (device, gateway), place_of in found.items():
            if place_of.keys() >= set(names):
                operands = tuple(place_of[name] for name in names)
                yield Device(number, self._subject(device, self.points[operands[0]]), gateway, operands)

    def _groups_of(self, number: int) -> Iterator[Group]:
        rule = self._rules[number]
        if not isinstance(rule, KOfNRule):
            return
        chosen = set(self.matches[number].tolist()) if rule.points or rule.select else None
        rules_of: dict[int, list[int]] = {}
        for other in (place for place, it in enumerate(self._rules) if it.id in rule.of):
            for point in self.matches[other].tolist():
                if chosen is None or point in chosen:
                    rules_of.setdefault(point, []).append(other)
        found: dict[tuple[str, int], list[Member]] = {}
        for place in sorted(rules_of):
            key = (_extent(rule, self.points[place]), int(self._gateway_of[place]))
            found.setdefault(key, []).append(Member(place, tuple(rules_of[place])))
        for (extent, gateway), members in found.items():
            point = self.points[members[0].point]
            name = f"{extent}@{point.gateway}" if self._spans_gateways(rule, extent) else extent
            yield Group(number, self._subject(name, point), gateway, tuple(members))

    def _spans_gateways(self, rule: KOfNRule, extent: str) -> bool:
        """Points of the zone or device belong to several gateways, whether the rule is about them or not."""
        if rule.by not in self._gateways_of:
            gateways: dict[str, set[str]] = {}
            for point in self.points:
                gateways.setdefault(_extent(rule, point), set()).add(point.gateway)
            self._gateways_of[rule.by] = gateways
        return len(self._gateways_of[rule.by][extent]) > 1


def _extent(rule: KOfNRule, point: Point) -> str:
    """The name of what a point is counted in."""
    if rule.by == "device":
        return point.name.rpartition("/")[0]
    return f"zone/{point.zone}" if rule.by == "zone" else f"gateway/{point.gateway}"
