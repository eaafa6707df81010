"""Rules beside the points that there are: names that nothing has, and rules that apply to nothing."""

import difflib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from contract.errors import PeerError
from contract.messages import Point
from contract.rulebook.expression import as_word, operand_names, parse_expression
from contract.rulebook.globs import has_wildcard
from contract.rulebook.selection import PointIndex, index_of
from contract.rules import ExpressionRule, KOfNRule, RuleSet

_HINTS = 3


def check_against_points(rules: RuleSet, points: Sequence[Point], file: str = "", *, partial: bool = False) -> None:
    """Refuse rules that name what there is not. A glob may fit nothing: parks differ, and their rules are the same.

    Args:
        rules: checked rules.
        points: the points that are known, in the order of their index.
        file: the rules file, when errors shall name it.
        partial: the rules are meant for more parks than this one, so all devices that a glob fits may lack a word of
            an expression; otherwise that is refused.

    Raises:
        PeerError: 422; a name without wildcards that no point (or, of an expression, no device) has, or a word of an
            expression that no device of the rule has.
    """
    index = index_of(points)
    prefix = f"{file}: " if file else ""
    names: frozenset[str] | None = None
    for place, rule in enumerate(rules.rules):
        if rule.points and not has_wildcard(rule.points):
            names = frozenset(point.name for point in points) if names is None else names
            _check_name(rule.points, names, f"{prefix}rules[{place}].points", device=isinstance(rule, ExpressionRule))
        if isinstance(rule, ExpressionRule) and not (partial and has_wildcard(rule.points)):
            _check_words(rule, points, index, f"{prefix}rules[{place}].when")


def unmatched(rules: RuleSet, points: Sequence[Point]) -> list[str]:
    """Ids of the checked rules that apply to nothing, in their order.

    These are the rules that fit no point, the expression rules that fit no device with all their words on one gateway,
    and the `k_of_n` rules that can never count to k.
    """
    index = index_of(points)
    chosen = {rule.id: index.select(rule) for rule in rules.rules}
    idle = []
    for rule in rules.rules:
        if isinstance(rule, KOfNRule):
            members = np.unique(np.concatenate([chosen[name] for name in rule.of]))
            applies = _can_count_to_k(rule, np.intersect1d(members, chosen[rule.id]), points)
        elif isinstance(rule, ExpressionRule):
            applies = _has_complete_device(rule, chosen[rule.id], points)
        else:
            applies = len(chosen[rule.id]) > 0
        if not applies:
            idle.append(rule.id)
    return idle


def _check_name(name: str, names: frozenset[str], where: str, *, device: bool) -> None:
    known = frozenset(point.rpartition("/")[0] for point in names) if device else names
    if name in known:
        return
    what = "device" if device else "point"
    near = difflib.get_close_matches(name, _alike(name, known), _HINTS)
    hint = ", such as " + " or ".join(map(repr, near)) if near else ""
    raise PeerError(f"unknown {what}", where=where, found=repr(name), wanted=f"the name of a known {what}{hint}")


def _alike(name: str, known: frozenset[str]) -> list[str]:
    """The names worth comparing: as many parts, at least half of them the same."""
    parts = name.split("/")
    alike = []
    for other in known:
        others = other.split("/")
        same = sum(part == one for part, one in zip(parts, others, strict=False))
        if len(others) == len(parts) and 2 * same >= len(parts):
            alike.append(other)
    return sorted(alike)


def _check_words(rule: ExpressionRule, points: Sequence[Point], index: PointIndex, where: str) -> None:
    """Each word is the last part of a point that the rule's devices have; they may be none."""
    found = {points[place].name.rpartition("/")[2] for place in index.select(rule).tolist()}
    words = operand_names(parse_expression(rule.when))
    missing = [word for word in words if word not in found]
    had = sorted(index.last_parts(rule)) if missing else []
    if had:
        raise PeerError(
            "unknown point",
            where=where,
            found=as_word(missing[0]),
            wanted=f"the last part of a point's name; the devices have {', '.join(map(as_word, had))}",
        )


def _has_complete_device(rule: ExpressionRule, places: NDArray[np.int32], points: Sequence[Point]) -> bool:
    wanted = len(operand_names(parse_expression(rule.when)))
    had: dict[tuple[str, str], int] = {}
    for place in places.tolist():
        key = points[place].name.rpartition("/")[0], points[place].gateway
        had[key] = had.get(key, 0) + 1
        if had[key] == wanted:
            return True
    return False


def _can_count_to_k(rule: KOfNRule, members: NDArray[np.int32], points: Sequence[Point]) -> bool:
    counted: dict[tuple[str, str], int] = {}
    for place in members.tolist():
        point = points[place]
        group = {"zone": point.zone, "device": point.name.rpartition("/")[0], "gateway": point.gateway}[rule.by]
        key = group, point.gateway
        counted[key] = counted.get(key, 0) + 1
        if counted[key] == rule.k:
            return True
    return False
