"""Rules are checked with the place of the fault, matched within parts of a name, and laid out by point."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import PeerError
from contract.rules import LimitRule, RuleSet
from reference_impl.monitoring.rules import check_rules, lay_out, matching

GOOD = {"id": "cod-high", "points": "ww/*/cod", "high": 100.0}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"id": "COD high"}, "rules[1].id: expected lower-case letters, digits and '-', at most 63, found 'COD high'"),
        ({"id": "cod-high"}, "rules[1].id: expected an id other than that of rules[0], found 'cod-high'"),
        ({"points": ""}, "rules[1].points: expected a glob such as 'env/*/*/so2', found ''"),
        ({"high": None}, "rules[1]: expected high or low, found neither"),
        ({"high": float("inf")}, "rules[1].high: expected a finite number, found inf"),
        ({"low": float("nan")}, "rules[1].low: expected a finite number, found nan"),
        ({"deadband": -1.0}, "rules[1].deadband: expected a number of at least 0, found -1.0"),
        ({"on_delay_s": -1.0}, "rules[1].on_delay_s: expected seconds from 0 to 2592000, found -1.0"),
        ({"off_delay_s": float("nan")}, "rules[1].off_delay_s: expected seconds from 0 to 2592000, found nan"),
        (
            {"low": 90.0, "deadband": 5.0},
            "rules[1].deadband: expected less than half of the band from 90.0 to 100.0, found 5.0",
        ),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_with_its_place(fault: dict[str, object], message: str) -> None:
    """Where, what was wanted, what was found."""
    rules = RuleSet(version="1", rules=[LimitRule(**GOOD), LimitRule(**{**GOOD, "id": "other", **fault})])
    with pytest.raises(PeerError) as refusal:
        check_rules(rules)
    assert (str(refusal.value), refusal.value.status) == (message, 422)


def test_a_glob_stays_within_a_part_of_a_name() -> None:
    """`*` matches any text but '/', every other character means itself."""
    names = ("ww/z01/d1/cod", "ww/z02/d1/cod", "ww/z01/cod", "ww/z01/d1/cod2", "ww/z.1/d1/cod")
    assert matching("ww/*/*/cod", names) == (0, 1, 4)
    assert matching("ww/z.1/*/*", names) == (4,)
    assert matching("ww/z0?/d1/cod", names) == (0, 1)
    assert matching("*", names) == ()


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_a_glob_means_what_the_standard_library_says(pattern: str, name: str) -> None:
    """Within one part of a name, a glob matches exactly what `fnmatch` matches."""
    assert matching(pattern, (name,)) == ((0,) if fnmatchcase(name, pattern) else ())


def test_no_glob_takes_undue_time() -> None:
    """A pattern made to be slow is as fast as any other: this test would not end otherwise."""
    assert matching("a*" * 60 + "b", ("a" * 190,)) == ()


def test_slots_lie_by_point_and_only_where_a_rule_applies() -> None:
    """A point's slots lie one after the other in the order of the rules; a point without a rule has none."""
    rules = [LimitRule(id="one", points="a/*", high=1.0), LimitRule(id="two", points="*/x", low=0.0)]
    plan = lay_out(rules, ["a/x", "b/y", "b/x"])
    assert plan.slots["rule"].tolist() == [0, 1, 1]
    assert plan.slots["point"].tolist() == [0, 0, 2]
    assert plan.first_slot.tolist() == [0, 2, 2, 3]


def test_rules_may_be_none() -> None:
    """A park may have points before it has rules."""
    plan = lay_out([], ["a/x", "b/y"])
    assert len(plan.slots) == len(plan.limits) == 0
    assert plan.first_slot.tolist() == [0, 0, 0]
