"""Which points a rule applies to."""

import functools
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from contract.messages import Point
from contract.rulebook.expression import operand_names, parse_expression
from contract.rulebook.globs import has_wildcard, part_matcher
from contract.rules import ExpressionRule, Rule

_SHARED_POINTS_MAX = 200_000
"""Larger lists of points are indexed anew for each sequence, because comparing them would cost as much."""


class _Words:
    """A column of words, each kept once: n words of which m differ.

    Attributes:
        of: (n,) int32, place of each word in `words`.
        words: m different words.
    """

    def __init__(self, column: Iterable[str]) -> None:
        places: dict[str, int] = {}
        self.of: NDArray[np.int32] = np.fromiter((places.setdefault(word, len(places)) for word in column), np.int32)
        self.words = tuple(places)
        self._places = places

    def fitting(self, pattern: str) -> NDArray[np.bool_] | None:
        """(n,) whether a glob fits each word; None when it fits all."""
        if pattern == "*":
            return None
        if not has_wildcard(pattern):
            return self.among((pattern,))
        fits = part_matcher(pattern)
        return np.fromiter((fits(word) is not None for word in self.words), np.bool_, len(self.words))[self.of]

    def among(self, words: Iterable[str]) -> NDArray[np.bool_]:
        """(n,) whether each word is one of these."""
        fits = np.zeros(len(self.words), np.bool_)
        fits[[self._places[word] for word in words if word in self._places]] = True
        return fits[self.of]


class _Depth:
    """The points whose names have the same number of parts; m of them.

    Attributes:
        places: (m,) int32, their places among all points, ascending.
        parts: a column for each part.
    """

    def __init__(self, places: Sequence[int], names: Sequence[Sequence[str]]) -> None:
        self.places: NDArray[np.int32] = np.array(places, np.int32)
        self.parts = tuple(_Words(column) for column in zip(*names, strict=True))


class PointIndex:
    """Points laid out for the question which of them a glob or a selector fits.

    Building it takes about a microsecond a point and part of a name; a question then costs the number of points of
    that depth in vector instructions, and one regular expression for each different word.

    Args:
        points: in the order of their index; a million and more are welcome.
    """

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = len(points)
        self._zone = _Words(point.zone for point in points)
        self._subsystem = _Words(point.subsystem for point in points)
        by_depth: dict[int, tuple[list[int], list[list[str]]]] = {}
        for place, point in enumerate(points):
            parts = point.name.split("/")
            places, names = by_depth.setdefault(len(parts), ([], []))
            places.append(place)
            names.append(parts)
        self._depths = {depth: _Depth(places, names) for depth, (places, names) in by_depth.items()}
        self._known: dict[tuple[object, ...], NDArray[np.int32]] = {}

    def select(self, rule: Rule) -> NDArray[np.int32]:
        """Places of the points that a rule's `points` and `select` fit, ascending.

        Args:
            rule: a checked rule. `points` of an expression rule is a glob over devices; the result then has those of
                their points that `when` names, whether or not a device has all of them. Of a `k_of_n` rule it has
                those to which `points` and `select` narrow the members: all, when neither is given.

        Returns:
            (k,) int32, read-only.
        """
        words = operand_names(parse_expression(rule.when)) if isinstance(rule, ExpressionRule) else None
        key = rule.points, rule.select, words
        if key not in self._known:
            found = self._select(rule, words)
            found.flags.writeable = False
            self._known[key] = found
        return self._known[key]

    def last_parts(self, rule: ExpressionRule) -> set[str]:
        """The last parts of all points that the devices of an expression rule have."""
        found: set[str] = set()
        for depth in self._depths.values():
            column = depth.parts[-1]
            chosen = self._narrowed(self._within(depth, rule, column.words), rule)
            found.update(column.words[word] for word in np.unique(column.of[np.searchsorted(depth.places, chosen)]))
        return found

    def _select(self, rule: Rule, words: Sequence[str] | None) -> NDArray[np.int32]:
        chosen = [self._within(depth, rule, words) for depth in self._depths.values()]
        return self._narrowed(np.sort(np.concatenate([np.empty(0, np.int32), *chosen])), rule)

    def _narrowed(self, found: NDArray[np.int32], rule: Rule) -> NDArray[np.int32]:
        """Those of the points that fit the rule's zone and subsystem."""
        if rule.select is not None:
            for column, pattern in ((self._zone, rule.select.zone), (self._subsystem, rule.select.subsystem)):
                fits = None if pattern is None else column.fitting(pattern)
                found = found if fits is None else found[fits[found]]
        return found

    def _within(self, depth: _Depth, rule: Rule, words: Sequence[str] | None) -> NDArray[np.int32]:
        patterns = rule.points.split("/") if rule.points else ["*"] * len(depth.parts[: None if words is None else -1])
        columns = depth.parts if words is None else depth.parts[:-1]
        if len(patterns) != len(columns):
            return np.empty(0, np.int32)
        tests = [column.fitting(pattern) for column, pattern in zip(columns, patterns, strict=True)]
        if words is not None:
            tests.append(depth.parts[-1].among(words))
        if rule.select is not None and rule.select.quantity is not None:
            tests.append(depth.parts[-1].fitting(rule.select.quantity))
        fits = np.ones(len(depth.places), np.bool_)
        for test in tests:
            fits &= True if test is None else test
        return depth.places[fits]


def select_points(rule: Rule, points: Sequence[Point]) -> tuple[int, ...]:
    """Places of the points that a rule applies to, ascending; see `PointIndex.select`.

    Parks of one layout share an index. Hand in a tuple where the same points are asked about again: a list has to be
    compared each time.
    """
    return tuple(index_of(points).select(rule).tolist())


def index_of(points: Sequence[Point]) -> PointIndex:
    """The index of these points, made once for all parks of a layout."""
    last_points, last_index = _LAST[0]
    if last_points is points:
        return last_index
    index = PointIndex(points) if len(points) > _SHARED_POINTS_MAX else _shared(_Layout(points))
    if isinstance(points, tuple):
        _LAST[0] = points, index
    return index


class _Layout:
    """Points as a key: equal when names, zones and subsystems are."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = points
        self._key = tuple((point.name, point.zone, point.subsystem) for point in points)
        self._hash = hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Layout) and self._key == other._key

    def __hash__(self) -> int:
        return self._hash


@functools.lru_cache(maxsize=4)
def _shared(layout: _Layout) -> PointIndex:
    return PointIndex(layout.points)


_LAST: list[tuple[Sequence[Point], PointIndex]] = [((), PointIndex(()))]
"""The tuple that was asked about last: the usual next question is about it again."""
