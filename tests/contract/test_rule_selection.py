"""Which points a rule applies to: globs within parts of names, selectors, and devices of an expression."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.messages import Point
from contract.rulebook import PointIndex, matching, select_points
from contract.rules import ExpressionRule, KOfNRule, LimitRule, Selector

words = st.text("ab", min_size=1, max_size=3)
globs = st.text("ab*?", min_size=1, max_size=3)
names = st.lists(words, min_size=2, max_size=4).map("/".join)
points = st.builds(Point, name=names, gateway=st.just("g"), zone=words, subsystem=words, unit=st.just("1"))
patterns = st.lists(globs, min_size=1, max_size=4).map("/".join)
selectors = st.builds(Selector, subsystem=st.none() | globs, zone=st.none() | globs, quantity=st.none() | globs)


def fits(pattern: str, name: str) -> bool:
    """A glob of parts, by the standard library's matcher of one part."""
    globs_of, parts = pattern.split("/"), name.split("/")
    return len(globs_of) == len(parts) and all(map(fnmatchcase, parts, globs_of))


def selected(selector: Selector | None, point: Point) -> bool:
    if selector is None:
        return True
    last = point.name.rpartition("/")[2]
    asked = ((selector.subsystem, point.subsystem), (selector.zone, point.zone), (selector.quantity, last))
    return all(pattern is None or fnmatchcase(word, pattern) for pattern, word in asked)


def test_a_glob_stays_within_a_part_of_a_name() -> None:
    """`*` matches any text but '/', every other character means itself."""
    known = ("ww/z01/d1/cod", "ww/z02/d1/cod", "ww/z01/cod", "ww/z01/d1/cod2", "ww/z.1/d1/cod")
    assert matching("ww/*/*/cod", known) == (0, 1, 4)
    assert matching("ww/z.1/*/*", known) == (4,)
    assert matching("ww/z0?/d1/cod", known) == (0, 1)
    assert matching("*", known) == ()


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_a_glob_means_what_the_standard_library_says(pattern: str, name: str) -> None:
    """Within one part of a name, a glob matches exactly what `fnmatch` matches."""
    assert matching(pattern, (name,)) == ((0,) if fnmatchcase(name, pattern) else ())


def test_no_glob_takes_undue_time() -> None:
    """A pattern made to be slow is as fast as any other: this test would not end otherwise."""
    name, pattern = "a" * 190, "a*" * 60 + "b"
    assert matching(pattern, (name,)) == ()
    point = Point(name=f"x/{name}", gateway="g", zone=name, subsystem="x", unit="1")
    rule = LimitRule(id="slow", points=f"x/{pattern}", select=Selector(zone=pattern), high=1.0)
    assert select_points(rule, (point,)) == ()


@given(st.lists(points, max_size=12), st.just("") | patterns, st.none() | selectors)
def test_the_index_finds_what_a_look_at_each_point_finds(
    known: list[Point], pattern: str, selector: Selector | None
) -> None:
    """Points and selector must both fit; what is not given fits everything."""
    rule = KOfNRule(id="any", of=("x",), k=1, points=pattern, select=selector)
    wanted = [
        place
        for place, point in enumerate(known)
        if (not pattern or fits(pattern, point.name)) and selected(selector, point)
    ]
    assert select_points(rule, known) == select_points(rule, tuple(known)) == tuple(wanted)


@given(st.lists(points, max_size=12), patterns, st.none() | selectors, st.lists(words, min_size=1, max_size=3))
def test_an_expression_finds_the_points_that_it_names_on_its_devices(
    known: list[Point], pattern: str, selector: Selector | None, asked: list[str]
) -> None:
    """The glob is over devices; of their points those are taken whose last part is a word of `when`."""
    rule = ExpressionRule(id="any", points=pattern, select=selector, when=" + ".join(asked) + " > 0")
    wanted = [
        place
        for place, point in enumerate(known)
        for device, _, last in [point.name.rpartition("/")]
        if fits(pattern, device) and last in asked and selected(selector, point)
    ]
    assert select_points(rule, known) == tuple(wanted)


def test_parks_of_one_layout_share_what_was_found() -> None:
    """The same names in another list are not looked through again, and other names are."""

    def park(zone: str) -> list[Point]:
        return [Point(name=f"ww/{zone}/d1/cod", gateway="g", zone=zone, subsystem="ww", unit="1")]

    rule = LimitRule(id="one", points="ww/z01/*/cod", high=1.0)
    assert select_points(rule, park("z01")) == select_points(rule, park("z01")) == (0,)
    assert select_points(rule, park("z02")) == ()
    known = park("z01")
    assert select_points(rule, known) == (0,)
    known[0] = park("z02")[0]
    assert select_points(rule, known) == ()


def test_nobody_can_change_what_others_share() -> None:
    """An index gives the same array to all who ask."""
    index = PointIndex([Point(name="ww/z01/d1/cod", gateway="g", zone="z01", subsystem="ww", unit="1")])
    found = index.select(LimitRule(id="one", points="ww/*/*/cod", high=1.0))
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 3
