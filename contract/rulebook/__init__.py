"""The rulebook: alarm rules as people write them, checked, and asked which points they apply to."""

from contract.rulebook.against_points import check_against_points, unmatched
from contract.rulebook.checks import check_rules
from contract.rulebook.expression import Node, operand_names, parse_expression
from contract.rulebook.globs import matching
from contract.rulebook.load import load_rules, parse_rules
from contract.rulebook.selection import PointIndex, index_of, select_points

__all__ = [
    "Node",
    "PointIndex",
    "check_against_points",
    "check_rules",
    "index_of",
    "load_rules",
    "matching",
    "operand_names",
    "parse_expression",
    "parse_rules",
    "select_points",
    "unmatched",
]
