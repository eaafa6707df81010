"""The alarm of a rule over several points of one device (E), read with Python's own grammar."""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping

from oracle_alarms import Alarm, Happening, Subject, Track, milliseconds
from oracle_calendar import OpeningHours

from contract.rules import ExpressionRule

Values = Mapping[str, float]
Number = Callable[[Values], float]
Truth = Callable[[Values, float], bool]  # of the values and the margin by which comparisons are widened (E3)

FUNCTIONS = {"abs": abs, "min": min, "max": max}
ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
COMPARISONS = {
    ast.Lt: lambda a, b, margin: a < b + margin,
    ast.LtE: lambda a, b, margin: a <= b + margin,
    ast.Gt: lambda a, b, margin: a > b - margin,
    ast.GtE: lambda a, b, margin: a >= b - margin,
    ast.Eq: lambda a, b, margin: abs(a - b) <= margin,
    ast.NotEq: lambda a, b, _: a != b,
}
OPPOSITE = {ast.Lt: ast.GtE, ast.Gt: ast.LtE, ast.Eq: ast.NotEq}
OPPOSITE |= {opposite: kind for kind, opposite in OPPOSITE.items()}
QUOTED = "quoted_"


def words(when: str) -> list[str]:
    """The last parts of point names in `when`, (E1)."""
    named = [node for node in ast.walk(_tree(when)) if isinstance(node, ast.Name) and node.id not in FUNCTIONS]
    return list(dict.fromkeys(map(_word, named)))


def truth_of(when: str) -> Truth:
    """What `when` says of values."""
    return _truth(_tree(when), negated=False)


def _tree(when: str) -> ast.expr:
    """Python's view of an expression; a word in backticks becomes a name that Python can read."""
    spelt = re.sub("`([^`]*)`", lambda quoted: QUOTED + quoted[1].encode().hex(), when.strip())
    return ast.parse(spelt, mode="eval").body


def _word(node: ast.Name) -> str:
    _, is_quoted, spelt = node.id.partition(QUOTED)
    return bytes.fromhex(spelt).decode() if is_quoted else node.id


def _truth(node: ast.expr, *, negated: bool) -> Truth:
    """A condition, or its opposite: `not` is taken inwards (E3)."""
    if isinstance(node, ast.UnaryOp):
        assert isinstance(node.op, ast.Not)
        return _truth(node.operand, negated=not negated)
    if isinstance(node, ast.BoolOp):
        parts = [_truth(part, negated=negated) for part in node.values]
        together = all if isinstance(node.op, ast.And) is not negated else any
        return lambda values, margin: together([part(values, margin) for part in parts])
    assert isinstance(node, ast.Compare)
    kind = type(node.ops[0])
    return _comparison(OPPOSITE[kind] if negated else kind, _number(node.left), _number(node.comparators[0]))


def _comparison(kind: type[ast.cmpop], left: Number, right: Number) -> Truth:
    compare = COMPARISONS[kind]

    def comparison(values: Values, margin: float) -> bool:
        try:
            return compare(left(values), right(values), margin)
        except ArithmeticError:  # E4
            return False

    return comparison


def _number(node: ast.expr) -> Number:
    """A number; `ArithmeticError` when it, or one on the way to it, is not finite (E4)."""
    if isinstance(node, ast.Constant):
        constant = float(node.value)
        return lambda _: constant
    if isinstance(node, ast.Name):
        word = _word(node)
        return lambda values: values[word]
    if isinstance(node, ast.UnaryOp):
        operand = _number(node.operand)
        return lambda values: -operand(values)
    if isinstance(node, ast.Call):
        function, of = FUNCTIONS[node.func.id], [_number(argument) for argument in node.args]
    else:
        function, of = ARITHMETIC[type(node.op)], [_number(node.left), _number(node.right)]
    return lambda values: _finite(function(*[number(values) for number in of]))


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ArithmeticError
    return number


class DeviceAlarm(Alarm):
    """The alarm of an expression on a device.

    Args:
        operands: index of the point for each word of `when`.
    """

    def __init__(self, subject: Subject, rule: ExpressionRule, operands: Mapping[str, int]) -> None:
        track = Track(rule.level, milliseconds(rule.on_delay_s), milliseconds(rule.off_delay_s))
        super().__init__(subject, rule.id, [track])
        self.when = truth_of(rule.when)
        self.deadband = rule.deadband
        self.hours = OpeningHours(rule.active_when)
        self.word_of = {point: word for word, point in operands.items()}
        self.values: dict[str, float] = {}
        self.fired_ms = -math.inf

    def take(self, point: int, value: float) -> None:
        """A reading of one of the points; judged at the end of its moment."""
        self.values[self.word_of[point]] = value

    def judge(self, clock_ms: float) -> list[Happening]:
        """A moment at which a point had a reading is over (E2); `clock_ms` is the latest of the points' clocks."""
        if len(self.values) < len(self.word_of):
            return []
        now_ms = int(max(clock_ms, self.fired_ms))  # T8
        track = self.tracks[0]
        margin = 0.0 if track.holds is None else self.deadband  # E3
        holds = self.hours.open(now_ms) and self.when(self.values, margin)
        if holds and track.holds is None:
            track.begin(now_ms, 1.0)  # E5
        elif not holds and track.holds is not None:
            track.end(now_ms)
        return self.settle(now_ms)

    def settle(self, until_ms: float) -> list[Happening]:
        """As for every alarm; a timer that fires moves the clock (T8)."""
        happened = super().settle(until_ms)
        self.fired_ms = max([self.fired_ms, *(happening.at_ms for happening in happened)])
        return happened
