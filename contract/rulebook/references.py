"""What rules say about one another: the members of `k_of_n`, and suppression by design."""

import difflib
from collections.abc import Mapping, Sequence

from contract.errors import PeerError
from contract.rules import ExpressionRule, KOfNRule, Rule, RuleSet


def check_references(rules: RuleSet) -> None:
    """Refuse names of rules that there are not, that have no points, or that suppress one another in a circle.

    Raises:
        PeerError: 422 with the path of the first fault, such as `rules[3].suppressed_by[0].rule`.
    """
    by_id = {rule.id: rule for rule in rules.rules}
    for place, rule in enumerate(rules.rules):
        if isinstance(rule, KOfNRule):
            _check_members(rule, by_id, f"rules[{place}].of")
        _check_suppression(rule, by_id, f"rules[{place}].suppressed_by")
    _check_circles(rules.rules)


def _check_members(rule: KOfNRule, by_id: Mapping[str, Rule], where: str) -> None:
    if not rule.of:
        raise PeerError("no rules are named", where=where, found="none", wanted="the ids of one or more rules")
    for place, name in enumerate(rule.of):
        named = _known(name, by_id, f"{where}[{place}]")
        if isinstance(named, KOfNRule | ExpressionRule):
            raise PeerError(
                "rule has no points of its own",
                where=f"{where}[{place}]",
                found=f"{name!r}, which is {named.__struct_config__.tag}",
                wanted="a limit, rate, stuck, silence or anomaly rule",
            )
        if name in rule.of[:place]:
            raise PeerError("rule is named twice", where=f"{where}[{place}]", found=repr(name), wanted="each rule once")


def _check_suppression(rule: Rule, by_id: Mapping[str, Rule], where: str) -> None:
    for place, inhibition in enumerate(rule.suppressed_by):
        path = f"{where}[{place}].rule"
        if inhibition.rule == rule.id:
            raise PeerError("rule suppresses itself", where=path, found=repr(rule.id), wanted="another rule")
        _known(inhibition.rule, by_id, path)


def _known(name: str, by_id: Mapping[str, Rule], where: str) -> Rule:
    if name not in by_id:
        near = difflib.get_close_matches(name, by_id, 1)
        hint = f" such as {near[0]!r}" if near else ""
        raise PeerError("unknown rule", where=where, found=repr(name), wanted=f"the id of a rule{hint}")
    return by_id[name]


def _check_circles(rules: Sequence[Rule]) -> None:
    """Follow who suppresses whom; nothing may come back to where it began."""
    suppressors = {rule.id: tuple(inhibition.rule for inhibition in rule.suppressed_by) for rule in rules}
    places = {rule.id: place for place, rule in enumerate(rules)}
    done: set[str] = set()
    for begin, those in suppressors.items():
        path: dict[str, None] = {}  # ids from `begin` down, in order
        steps = [(begin, iter(those))] if begin not in done else []
        while steps:
            here, onward = steps[-1]
            path.setdefault(here)
            following = next(onward, None)
            if following is None:
                done.add(here)
                path.pop(here)
                steps.pop()
            elif following in path:
                _refuse_circle([*list(path)[list(path).index(following) :], following], places)
            elif following not in done:
                steps.append((following, iter(suppressors[following])))


def _refuse_circle(circle: Sequence[str], places: Mapping[str, int]) -> None:
    raise PeerError(
        "suppression runs in a circle",
        where=f"rules[{places[circle[0]]}].suppressed_by",
        found=" -> ".join(circle),
        wanted="suppression that does not come back to the rule",
    )
