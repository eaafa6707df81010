"""The rules of a backtest, fitted to the points of a file."""

from collections.abc import Sequence

from msgspec.structs import replace

from benchmarks.backtest.names import WHOLE
from contract.messages import Point
from contract.rulebook import check_against_points, select_points, unmatched
from contract.rules import ExpressionRule, KOfNRule, Rule, RuleSet, Selector


def fitted(rules: RuleSet, points: Sequence[Point], file: str) -> tuple[RuleSet, list[str]]:
    """Checked rules for the points of a file, and the ids of those that apply to nothing.

    Where no name tells a device, the file is the device: an expression rule for `*` is about all of its points.

    Raises:
        PeerError: they name a point that there is not; `file` is the rules file, for that message.
    """
    if not any("/" in point.name for point in points):
        rules = replace(rules, rules=[_about_the_file(rule) for rule in rules.rules])
    check_against_points(rules, points, file)
    return rules, unmatched(rules, points)


def _about_the_file(rule: Rule) -> Rule:
    if isinstance(rule, ExpressionRule) and rule.points == "*" and rule.select is None:
        return replace(rule, points="", select=Selector(zone=WHOLE))
    return rule


def reach(rule: Rule, rules: Sequence[Rule], points: Sequence[Point]) -> frozenset[int]:
    """The points whose readings a rule judges, or whose alarms it counts."""
    chosen = frozenset(select_points(rule, points))
    if isinstance(rule, KOfNRule):
        chosen &= frozenset().union(*(select_points(other, points) for other in rules if other.id in rule.of))
    return chosen


def kind_of(rule: Rule) -> str:
    """The kind, as it is written in a rules file."""
    return str(rule.__struct_config__.tag)
