"""Rules as numbers: what the kernels compare with, and the programs of expressions."""

import functools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from contract.messages import Level
from contract.rulebook import Node, operand_names, parse_expression
from contract.rules import (
    AnomalyRule,
    ExpressionRule,
    KOfNRule,
    LimitRule,
    RateRule,
    Rule,
    SilenceRule,
    StuckRule,
)
from reference_impl.monitoring import slots as s
from reference_impl.monitoring.calendars import Calendars
from reference_impl.monitoring.kernel import expression as e

LEVELS: tuple[Level, ...] = get_args(Level)
"""From the mildest to the worst; the kernels count them from 1."""

KIND_OF: dict[type[Rule], int] = {
    LimitRule: s.LIMIT,
    RateRule: s.RATE,
    StuckRule: s.STUCK,
    SilenceRule: s.SILENCE,
    AnomalyRule: s.ANOMALY,
    KOfNRule: s.K_OF_N,
    ExpressionRule: s.EXPRESSION,
}
_OPERATIONS = {
    "neg": e.NEGATE,
    "abs": e.ABSOLUTE,
    "+": e.ADD,
    "-": e.SUBTRACT,
    "*": e.MULTIPLY,
    "/": e.DIVIDE,
    "min": e.MINIMUM,
    "max": e.MAXIMUM,
    "and": e.AND,
    "or": e.OR,
    "<": e.LESS,
    "<=": e.LESS_EQUAL,
    ">": e.GREATER,
    ">=": e.GREATER_EQUAL,
    "==": e.EQUAL,
    "!=": e.NOT_EQUAL,
}


class Parameters(NamedTuple):
    """The parameters of some rules.

    Attributes:
        records: (n,) of PARAM, one for each level of each rule, from the mildest.
        level: (n,) int8, level from 1.
        first: (rules + 1,) int32, where those of each rule begin.
        codes: of CODE, the programs of the expressions.
    """

    records: NDArray[np.void]
    level: NDArray[np.int8]
    first: NDArray[np.int32]
    codes: NDArray[np.void]


def parameters(rules: Sequence[Rule], calendars: Calendars) -> Parameters:
    """The parameters of checked rules."""
    records: list[NDArray[np.void]] = []
    levels, first = [], [0]
    codes: list[tuple[float, int, int]] = []
    for rule in rules:
        for level, record in _records(rule):
            record["on_delay_ms"] += _ms(rule.on_delay_s)
            record["off_delay_ms"] = _ms(rule.off_delay_s)
            record["calendar"] = calendars.index(rule)
            if isinstance(rule, ExpressionRule):
                program = _program(rule.when)
                record["code"], record["codes"] = len(codes), len(program)
                codes += program
            records.append(record)
            levels.append(LEVELS.index(level) + 1)
        first.append(len(records))
    return Parameters(
        records=np.array(records, dtype=s.PARAM) if records else np.empty(0, dtype=s.PARAM),
        level=np.array(levels, dtype=np.int8),
        first=np.array(first, dtype=np.int32),
        codes=np.array(codes, dtype=s.CODE),
    )


def _ms(span_s: float) -> int:
    return round(span_s * 1000)


def _records(rule: Rule) -> Iterator[tuple[Level, NDArray[np.void]]]:
    """Level and parameters, delays and calendar not yet in them."""
    if isinstance(rule, LimitRule) and rule.levels:
        limits = [(level, rule.levels[level]) for level in LEVELS if level in rule.levels]
        is_high = limits[0][1] < limits[1][1]
        for level, limit in limits:
            yield level, _limit(limit if is_high else None, None if is_high else limit, rule.deadband)
        return
    yield rule.level, _record(rule)


def _record(rule: Rule) -> NDArray[np.void]:
    record = np.zeros((), dtype=s.PARAM)
    if isinstance(rule, LimitRule):
        return _limit(rule.high, rule.low, rule.deadband)
    if isinstance(rule, RateRule):
        return _rate(rule)
    if isinstance(rule, StuckRule):
        record["high"], record["high_end"] = rule.epsilon, rule.epsilon + rule.deadband
        record["on_delay_ms"] = _ms(rule.after_s)
    elif isinstance(rule, SilenceRule):
        record["on_delay_ms"] = _ms(rule.after_s)
    elif isinstance(rule, AnomalyRule):
        end = rule.z - rule.deadband
        record["high"], record["high_end"] = rule.z * rule.z, end * end
        record["alpha"], record["floor"], record["warm_up"] = rule.alpha, rule.floor * rule.floor, rule.warm_up
    elif isinstance(rule, KOfNRule):
        record["high"], record["high_end"] = rule.k, rule.k - rule.deadband
        record["window_ms"] = _ms(rule.window_s)
    else:
        record["high_end"] = rule.deadband
    return record


def _limit(high: float | None, low: float | None, deadband: float) -> NDArray[np.void]:
    record = np.zeros((), dtype=s.PARAM)
    record["high"], record["low"] = math.inf if high is None else high, -math.inf if low is None else low
    record["high_end"], record["low_end"] = record["high"] - deadband, record["low"] + deadband
    return record


def _rate(rule: RateRule) -> NDArray[np.void]:
    record, per_ms = np.zeros((), dtype=s.PARAM), rule.per_s * 1000
    rise = math.nan if rule.rise is None else rule.rise / per_ms  # nothing compares with NaN
    fall = math.nan if rule.fall is None else rule.fall / per_ms
    record["high"], record["low"] = rise, -fall
    record["high_end"], record["low_end"] = rise - rule.deadband / per_ms, -(fall - rule.deadband / per_ms)
    record["window_ms"] = max(_ms(rule.over_s), 1)
    return record


@functools.cache
def _tree(when: str) -> Node:
    return parse_expression(when)


def numbers_compared(rule: Rule) -> Sequence[tuple[float, ...]] | None:
    """For each operand of an expression the numbers at which what it says can change, deadband included.

    None when it does more than compare points with numbers.
    """
    if not isinstance(rule, ExpressionRule):
        return None
    tree = _tree(rule.when)
    found: dict[str, set[float]] = {name: set() for name in operand_names(tree)}

    def walk(node: Node) -> bool:
        if node.op in {"and", "or"}:
            return all(map(walk, node.args))
        kinds = sorted(argument.op for argument in node.args)
        if kinds != ["name", "number"]:
            return False
        name = next(argument.name for argument in node.args if argument.op == "name")
        number = next(argument.number for argument in node.args if argument.op == "number")
        found[name] |= {number - rule.deadband, number, number + rule.deadband}
        return True

    return [tuple(sorted(numbers)) for numbers in found.values()] if walk(tree) else None


def _program(when: str) -> list[tuple[float, int, int]]:
    """An expression in the order in which a machine with a stack works it out: (number, operation, operand)."""
    tree = _tree(when)
    place_of = {name: place for place, name in enumerate(operand_names(tree))}

    def walk(node: Node) -> Iterator[tuple[float, int, int]]:
        if node.op == "number":
            yield node.number, e.NUMBER, 0
        elif node.op == "name":
            yield 0.0, e.OPERAND, place_of[node.name]
        else:
            for count, argument in enumerate(node.args):
                yield from walk(argument)
                if count > 0 or node.op in {"neg", "abs"}:
                    yield 0.0, _OPERATIONS[node.op], 0

    return list(walk(tree))
