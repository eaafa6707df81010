"""The `when` of an expression rule, parsed into a tree of comparisons (SEMANTICS.md, E)."""

import functools
import math
from importlib import resources
from typing import NamedTuple, NoReturn, cast

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args

from contract.errors import PeerError

LENGTH_MAX = 500
DEPTH_MAX = 50
NAMES_MAX = 16

COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_RESERVED = ("and", "or", "not", "abs", "min", "max")
_TURNED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "==", "and": "or", "or": "and"}
_OTHER_LANGUAGES = {"=": "==", "&": "and", "|": "or", "!": "not or !=", "^": "* as often as needed"}


class Node(NamedTuple):
    """An operation and what it works on.

    Attributes:
        op: "number", "name"; of numbers "neg", "abs", "min", "max", "+", "-", "*", "/"; the comparisons "<", "<=", ">",
            ">=", "==", "!="; of conditions "and", "or". `not` has been taken inwards.
        args: one for "neg" and "abs", two or more for "min" and "max", two for the others, none for numbers and names.
        number: of "number".
        name: of "name", the last part of a point's name.
    """

    op: str
    args: tuple["Node", ...] = ()
    number: float = 0.0
    name: str = ""


class _Part(NamedTuple):
    """A piece of the text that has been understood; `column` is where it begins, from 1."""

    node: Node
    column: int
    depth: int = 1
    in_brackets: bool = False

    @property
    def is_condition(self) -> bool:
        return self.node.op in _TURNED


class _Mistake(Exception):  # noqa: N818 - carries the two halves of a message out of the parser
    def __init__(self, found: str, wanted: str) -> None:
        self.found = found
        self.wanted = wanted
        super().__init__(found)


@functools.lru_cache(maxsize=4096)
def parse_expression(text: str, where: str = "when") -> Node:
    """Parse an expression; the whole is a condition.

    Args:
        text: such as "running > 0 and `motor-temperature` > 90": comparisons of numbers, last parts of point names,
            + - * / and abs, min, max, joined by and, or, not. A name with other signs than letters, digits and "_", or
            one that is a word of this language, stands in backticks.
        where: path of the text, for the error.

    Raises:
        PeerError: 422; it says at which column what stands and what should.
    """
    if len(text) > LENGTH_MAX:
        _refuse(where, f"{len(text)} characters", f"at most {LENGTH_MAX} characters")
    try:
        part = cast("_Part", _parser().parse(text))  # lark's types leave out that a transformer makes something else
    except UnexpectedInput as error:
        _refuse(where, *_unexpected(error, text))
    except _Mistake as mistake:
        _refuse(where, mistake.found, mistake.wanted)
    if not part.is_condition:
        _refuse(where, "a number", 'a condition such as "flow < 0.5"')
    names = operand_names(part.node)
    if not 1 <= len(names) <= NAMES_MAX:
        _refuse(where, f"{len(names)} points" if names else "no point", f"1 to {NAMES_MAX} different points")
    return part.node


def operand_names(node: Node) -> tuple[str, ...]:
    """The different names in a tree, in the order of their first mention in the text."""
    names: dict[str, None] = {}
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if here.op == "name":
            names.setdefault(here.name)
        waiting.extend(reversed(here.args))
    return tuple(names)


def as_word(name: str) -> str:
    """The last part of a point's name as it is written in an expression."""
    plain = name.isascii() and name.replace("_", "").isalnum() and name[0].isalpha() and name not in _RESERVED
    return name if plain else f"`{name}`"


def _negated(node: Node) -> Node:
    """The opposite of a condition, without `not` (SEMANTICS.md, E3)."""
    if node.op in COMPARISONS:
        return node._replace(op=_TURNED[node.op])
    return Node(_TURNED[node.op], tuple(map(_negated, node.args)))


@v_args(inline=True)
class _Understanding(Transformer[Token, _Part]):
    """From the leaves up: what each rule of the grammar means."""

    def number(self, token: Token) -> _Part:
        value = float(token)
        if not math.isfinite(value):
            raise _Mistake(_at(token, _column(token)), "a finite number")
        return _Part(Node("number", number=value), _column(token))

    def word(self, token: Token) -> _Part:
        return _Part(Node("name", name=str(token)), _column(token))

    def quoted(self, token: Token) -> _Part:
        return _Part(Node("name", name=str(token)[1:-1]), _column(token))

    def group(self, inner: _Part) -> _Part:
        return inner._replace(in_brackets=True)

    def negative(self, minus: Token, operand: _Part) -> _Part:
        return _joined("neg", (_numeric(operand),), _column(minus))

    def call(self, name: Token, *operands: _Part) -> _Part:
        return _joined(str(name), tuple(map(_numeric, operands)), _column(name))

    def arithmetic(self, left: _Part, sign: Token, right: _Part) -> _Part:
        return _joined(str(sign), (_numeric(left), _numeric(right)), left.column)

    def comparison(self, left: _Part, sign: Token, right: _Part) -> _Part:
        if left.node.op in COMPARISONS and not left.in_brackets:
            raise _Mistake(_at(sign, _column(sign)), "comparisons of two numbers, joined by and")
        return _joined(str(sign), (_numeric(left), _numeric(right)), left.column)

    def both(self, left: _Part, _and: Token, right: _Part) -> _Part:
        return _joined("and", (_condition(left), _condition(right)), left.column)

    def either(self, left: _Part, _or: Token, right: _Part) -> _Part:
        return _joined("or", (_condition(left), _condition(right)), left.column)

    def inverse(self, word: Token, inner: _Part) -> _Part:
        return _Part(_negated(_condition(inner).node), _column(word), inner.depth)


@functools.cache
def _parser() -> "Lark":
    grammar = resources.files("contract.rulebook").joinpath("expression.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", transformer=_Understanding())


def _joined(op: str, parts: tuple[_Part, ...], column: int) -> _Part:
    depth = 1 + max(part.depth for part in parts)
    if depth > DEPTH_MAX:
        raise _Mistake(f"more at column {column}", f"operations at most {DEPTH_MAX} deep")
    return _Part(Node(op, tuple(part.node for part in parts)), column, depth)


def _numeric(part: _Part) -> _Part:
    if part.is_condition:
        raise _Mistake(f"a condition at column {part.column}", "a number")
    return part


def _condition(part: _Part) -> _Part:
    if not part.is_condition:
        raise _Mistake(f"a number at column {part.column}", "a comparison")
    return part


def _column(token: Token) -> int:
    return (token.start_pos or 0) + 1


def _at(sign: str, column: int) -> str:
    return f"{str(sign)!r} at column {column}"


def _unexpected(error: UnexpectedInput, text: str) -> tuple[str, str]:
    """What was found and what was wanted, in plain words."""
    if isinstance(error, UnexpectedToken):
        ends = error.token.type == "$END"
        place = len(text) if ends else error.token.start_pos or 0
        told = ("the end" if text.strip() else "nothing") if ends else _at(error.token, place + 1)
        return told, _wanted(error.expected, text[:place])
    place = error.pos_in_stream or 0
    sign = text[place]
    if sign == "`":
        wanted = "a name in backticks, such as `nh3-n`"
    else:
        allowed = error.allowed if isinstance(error, UnexpectedCharacters) else set()
        wanted = _OTHER_LANGUAGES.get(sign) or _wanted(allowed, text[:place])
    return _at(sign, place + 1), wanted


def _wanted(terminals: set[str], before: str) -> str:
    if "NUMBER" in terminals:
        return "a number, a point or '('"
    if terminals == {"LPAR"}:
        return "'('"
    if "COMMA" in terminals and "RPAR" not in terminals:
        return "',' and a second number"
    return "an operator or ')'" if before.count("(") > before.count(")") else "an operator or the end"


def _refuse(where: str, found: str, wanted: str) -> NoReturn:
    raise PeerError("invalid expression", where=where, found=found, wanted=wanted)
