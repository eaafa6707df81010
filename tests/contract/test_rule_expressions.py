"""The language of expression rules: what it means, and what it says when it is not understood."""

import operator
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import PeerError
from contract.rulebook import Node, operand_names, parse_expression

A, B = Node("name", name="a"), Node("name", name="b")
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
COMPUTE: dict[str, Callable[[float, float], float]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def number(value: float) -> Node:
    return Node("number", number=value)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a < b", Node("<", (A, B))),
        ("a\n >=  1.5e1", Node(">=", (A, number(15.0)))),
        ("a - b - 1 == 0", Node("==", (Node("-", (Node("-", (A, B)), number(1.0))), number(0.0)))),
        ("a + b * 2 > 0", Node(">", (Node("+", (A, Node("*", (B, number(2.0))))), number(0.0)))),
        ("(a + b) / .5 > 0", Node(">", (Node("/", (Node("+", (A, B)), number(0.5))), number(0.0)))),
        ("-a * b < -1", Node("<", (Node("*", (Node("neg", (A,)), B)), Node("neg", (number(1.0),))))),
        ("abs(a) != min(a, b, 3)", Node("!=", (Node("abs", (A,)), Node("min", (A, B, number(3.0)))))),
        ("max(a, b) <= 1", Node("<=", (Node("max", (A, B)), number(1.0)))),
        ("`a` < `nh3-n`", Node("<", (A, Node("name", name="nh3-n")))),
        ("`and` > 0", Node(">", (Node("name", name="and"), number(0.0)))),
        ("minimum > 0", Node(">", (Node("name", name="minimum"), number(0.0)))),
        (
            "a < 1 or a > 2 and b < 3",
            Node(
                "or",
                (
                    Node("<", (A, number(1.0))),
                    Node("and", (Node(">", (A, number(2.0))), Node("<", (B, number(3.0))))),
                ),
            ),
        ),
        ("not a < b", Node(">=", (A, B))),
        ("not (a == 1 and not b > 2)", Node("or", (Node("!=", (A, number(1.0))), Node(">", (B, number(2.0)))))),
    ],
)
def test_an_expression_becomes_a_tree_without_not(text: str, tree: Node) -> None:
    """Signs bind as in school, comparisons looser, then not, and, or; not is taken inwards."""
    assert parse_expression(text) == tree


@pytest.mark.parametrize(
    ("text", "found", "wanted"),
    [
        ("", "nothing", "a number, a point or '('"),
        ("a <", "the end", "a number, a point or '('"),
        ("a < (b", "the end", "an operator or ')'"),
        ("a < b)", "')' at column 6", "an operator or the end"),
        ("a < 3 b", "'b' at column 7", "an operator or the end"),
        ("a < b < 3", "'<' at column 7", "comparisons of two numbers, joined by and"),
        ("(a < b) == 1", "a condition at column 2", "a number"),
        ("a and b > 1", "a number at column 1", "a comparison"),
        ("not a", "a number at column 5", "a comparison"),
        ("a + 1", "a number", 'a condition such as "flow < 0.5"'),
        ("a = 1", "'=' at column 3", "=="),
        ("a < 1 && b > 2", "'&' at column 7", "and"),
        ("a < 1 || b > 2", "'|' at column 7", "or"),
        ("min(a) > 1", "')' at column 6", "',' and a second number"),
        ("abs(a, b) > 1", "',' at column 6", "an operator or ')'"),
        ("abs < 1", "'<' at column 5", "'('"),
        ("`a b` < 1", "'`' at column 1", "a name in backticks, such as `nh3-n`"),
        ("_a < 1", "'_' at column 1", "a number, a point or '('"),
        ("a.b < 1", "'.' at column 2", "an operator or the end"),
        ("1e999 < a", "'1e999' at column 1", "a finite number"),
        ("1 < 2", "no point", "1 to 16 different points"),
        (" + ".join(f"p{n}" for n in range(17)) + " > 0", "17 points", "1 to 16 different points"),
        ("a <" + " " * 500 + "1", "504 characters", "at most 500 characters"),
        ("-" * 60 + "a < 1", "more at column 11", "operations at most 50 deep"),
    ],
)
def test_what_is_not_understood_is_told_with_its_column(text: str, found: str, wanted: str) -> None:
    """The author reads which sign is wrong and what could stand there."""
    with pytest.raises(PeerError) as refusal:
        parse_expression(text, "rules[3].when")
    assert (refusal.value.where, refusal.value.found, refusal.value.wanted) == ("rules[3].when", found, wanted)
    assert refusal.value.status == 422


def test_names_come_in_the_order_of_the_text() -> None:
    """Each once, by its first mention; the first is the one whose value an alarm tells."""
    names = operand_names(parse_expression("not (c + a < `b-1` and a > 1) or d > c"))
    assert names == ("c", "a", "b-1", "d")


@given(st.text(max_size=40) | st.text("ab01.()<>=!&+-*/, `notandrmix", max_size=40))
def test_no_text_is_more_than_refused_as_expression(text: str) -> None:
    """Whatever the text, it is a condition or it is refused with its place."""
    try:
        assert parse_expression(text, "when").op in {*COMPARE, "and", "or"}
    except PeerError as refusal:
        assert (refusal.where, refusal.status) == ("when", 422)  # noqa: PT017 - either outcome is right


numbers = st.recursive(
    st.sampled_from(["a", "b", "c", "0", "2", "1.5"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda it: f"({it[0]} {it[1]} {it[2]})"),
        inner.map(lambda it: f"abs({it})"),
        inner.map(lambda it: f"(-{it})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda it: f"{it[0]}({it[1]}, {it[2]})"),
    ),
    max_leaves=5,
)
conditions = st.recursive(
    st.tuples(numbers, st.sampled_from(sorted(COMPARE)), numbers).map(lambda it: f"{it[0]} {it[1]} {it[2]}"),
    lambda inner: st.one_of(
        inner.map(lambda it: f"not ({it})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda it: f"({it[0]}) {it[1]} ({it[2]})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda it: f"{it[0]} {it[1]} not ({it[2]})"),
    ),
    max_leaves=6,
)


def worth(node: Node, values: dict[str, float]) -> float:
    """A tree's number, or 1 and 0 for true and false."""
    args = [worth(arg, values) for arg in node.args]
    if node.op in COMPARE:
        return COMPARE[node.op](*args)
    if node.op in COMPUTE:
        return COMPUTE[node.op](*args)
    others: dict[str, Callable[[], float]] = {
        "number": lambda: node.number,
        "name": lambda: values[node.name],
        "neg": lambda: -args[0],
        "abs": lambda: abs(args[0]),
        "min": lambda: min(args),
        "max": lambda: max(args),
        "and": lambda: all(args),
        "or": lambda: any(args),
    }
    return others[node.op]()


@given(conditions.filter(lambda text: len(text) < 480), st.tuples(*[st.integers(-3, 3).map(float)] * 3))
def test_the_tree_is_worth_what_the_text_is(text: str, values: tuple[float, float, float]) -> None:
    """Where a text is also one of Python's, both readings agree, the way of not inwards included."""
    named = dict(zip("abc", values, strict=True))
    whole = f"({text}) and a == a"  # so that there is a point in it
    python = eval(whole, {"__builtins__": {}}, named | {"abs": abs, "min": min, "max": max})  # noqa: S307 - our own text
    assert bool(worth(parse_expression(whole), named)) == python
