"""Rules that come as messages are checked, alone, with one another, and beside the points of a park."""

import msgspec
import pytest

from contract.errors import PeerError
from contract.messages import Point
from contract.rulebook import check_against_points, check_rules, unmatched
from contract.rules import (
    Calendar,
    ExpressionRule,
    Inhibition,
    KOfNRule,
    LimitRule,
    Rule,
    RuleSet,
    Shift,
    SilenceRule,
)

GOOD = {"id": "cod-high", "points": "ww/*/cod", "high": 100.0}


def rule_set(*rules: Rule) -> RuleSet:
    return RuleSet(version="1", rules=list(rules))


def limit(rule_id: str, *suppressors: str, points: str = "*/*/*/cod") -> LimitRule:
    return LimitRule(id=rule_id, points=points, high=1.0, suppressed_by=tuple(Inhibition(rule=s) for s in suppressors))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"id": "COD high"}, "rules[1].id: expected lower-case letters, digits and '-', at most 63, found 'COD high'"),
        ({"id": "cod-high"}, "rules[1].id: expected an id other than that of rules[0], found 'cod-high'"),
        ({"points": ""}, "rules[1]: expected points or select, found neither"),
        ({"points": "ww/+/cod"}, "rules[1].points: expected a glob such as 'env/*/*/so2', found 'ww/+/cod'"),
        ({"high": None}, "rules[1]: expected high or low, found neither"),
        ({"high": float("inf")}, "rules[1].high: expected a finite number, found inf"),
        ({"low": float("nan")}, "rules[1].low: expected a finite number, found nan"),
        ({"deadband": -1.0}, "rules[1].deadband: expected a number of at least 0, found -1.0"),
        ({"deadband": float("inf")}, "rules[1].deadband: expected a number of at least 0, found inf"),
        ({"on_delay_s": -1.0}, "rules[1].on_delay_s: expected 0 to 2592000 seconds (30 days), found -1.0"),
        ({"off_delay_s": float("nan")}, "rules[1].off_delay_s: expected 0 to 2592000 seconds (30 days), found nan"),
        (
            {"escalate_after_s": 0.0},
            "rules[1].escalate_after_s: expected more than 0 and at most 2592000 seconds (30 days), found 0.0",
        ),
        (
            {"low": 90.0, "deadband": 5.0},
            "rules[1].deadband: expected less than half of the band from 90.0 to 100.0, found 5.0",
        ),
        (
            {"active_when": Calendar(shifts=(Shift(), Shift(days=())))},
            "rules[1].active_when.shifts[1].days: expected at least one day, found none",
        ),
        (
            {"active_when": Calendar(utc_offset_minutes=841)},
            "rules[1].active_when.utc_offset_minutes: expected minutes from -840 to 840, found 841",
        ),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_with_its_place(fault: dict[str, object], message: str) -> None:
    """Where, what was wanted, what was found."""
    rules = rule_set(LimitRule(**GOOD), LimitRule(**{**GOOD, "id": "other", **fault}))
    with pytest.raises(PeerError) as refusal:
        check_rules(rules)
    assert (str(refusal.value), refusal.value.status) == (message, 422)


def test_too_many_rules_are_refused() -> None:
    """A bound on what a park has to keep."""
    with pytest.raises(PeerError, match="rules: expected at most 10000, found 10001"):
        check_rules(rule_set(*[limit(f"r{number}") for number in range(10_001)]))


def test_suppression_may_meet_but_not_come_back() -> None:
    """Two ways to the same suppressor are fine, a way back is told in its order, and a long way is no trouble."""
    check_rules(rule_set(limit("a", "b", "c"), limit("b", "d"), limit("c", "d"), limit("d")))
    chain = [limit(f"r{number}", f"r{number + 1}") for number in range(9_998)]
    check_rules(rule_set(*chain, limit("r9998")))
    with pytest.raises(PeerError) as refusal:
        check_rules(rule_set(limit("entry", "b"), limit("b", "d", "c"), limit("c", "b"), limit("d")))
    assert (refusal.value.where, refusal.value.found) == ("rules[1].suppressed_by", "b -> c -> b")


def point(name: str, gateway: str = "gw-01") -> Point:
    subsystem, zone, *_ = name.split("/")
    return Point(name=name, gateway=gateway, zone=zone, subsystem=subsystem, unit="1")


PARK = (
    point("ww/z01/a/cod"),
    point("ww/z01/a/ph"),
    point("ww/z01/b/cod"),
    point("ww/z02/c/cod", "gw-02"),
    point("ww/z02/c/ph"),
)


def test_rules_beside_the_points_name_only_what_there_is() -> None:
    """A glob may fit nothing; a whole name must be that of a point or, of an expression, that of a device."""
    fine = rule_set(
        limit("one", points="ww/z01/a/cod"),
        limit("none", points="air/*/*/so2"),
        ExpressionRule(id="here", points="ww/z01/a", when="cod > ph"),
        ExpressionRule(id="nowhere", points="air/*/*", when="so2 > 1"),
        KOfNRule(id="all", of=("one",), k=1),
    )
    check_rules(fine)
    check_against_points(fine, PARK)
    check_against_points(fine, list(PARK))
    wrong = rule_set(ExpressionRule(id="x", points="ww/z01/a/cod", when="cod > 1"))
    with pytest.raises(
        PeerError, match=r"rules\[0\].points: expected the name of a known device, found 'ww/z01/a/cod'"
    ):
        check_against_points(wrong, PARK)


def test_an_expression_meant_for_many_parks_may_find_no_device_with_its_words() -> None:
    """Parks differ in their devices; only a word beside a whole device name is wrong in any case."""
    by_glob = rule_set(ExpressionRule(id="x", points="ww/*/*", when="cod > 1 and flow < 1"))
    check_against_points(by_glob, PARK, partial=True)
    wanted = (
        r"park.yaml: rules\[0\].when: expected the last part of a point's name; the devices have cod, ph, found flow"
    )
    with pytest.raises(PeerError, match=wanted):
        check_against_points(by_glob, PARK, "park.yaml")
    by_name = rule_set(msgspec.structs.replace(by_glob.rules[0], points="ww/z01/b"))
    with pytest.raises(PeerError, match="the devices have cod, found flow"):
        check_against_points(by_name, PARK, partial=True)


def test_rules_that_apply_to_nothing_are_listed() -> None:
    """No point, no device with all words on one gateway, or no group of so many members: such a rule never speaks."""
    rules = rule_set(
        limit("cod"),
        limit("elsewhere", points="air/*/*/so2"),
        SilenceRule(id="ph", points="ww/*/*/ph", after_s=60.0),
        ExpressionRule(id="whole", points="ww/z01/*", when="cod > ph"),
        ExpressionRule(id="parted", points="ww/z02/*", when="cod > ph"),
        KOfNRule(id="two-of-zone", of=("cod",), k=2),
        KOfNRule(id="three-of-zone", of=("cod",), k=3),
        KOfNRule(id="three-of-both", of=("cod", "ph"), k=3),
        KOfNRule(id="one-narrowed", of=("cod", "ph"), points="air/*/*/*", k=1),
        KOfNRule(id="two-of-device", of=("cod", "ph"), k=2, by="device"),
        KOfNRule(id="three-of-device", of=("cod", "ph"), k=3, by="device"),
        KOfNRule(id="four-of-gateway", of=("cod", "ph"), k=4, by="gateway"),
        KOfNRule(id="five-of-gateway", of=("cod", "ph"), k=5, by="gateway"),
    )
    check_rules(rules)
    assert unmatched(rules, PARK) == [
        "elsewhere",
        "parted",
        "three-of-zone",
        "one-narrowed",
        "three-of-device",
        "five-of-gateway",
    ]
