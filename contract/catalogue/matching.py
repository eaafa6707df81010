"""Matching of offers and demands, as data."""

import functools
from collections.abc import Mapping
from typing import Literal

from contract.catalogue.load import matters, read
from contract.catalogue.model import Entry, Mark, Matter
from contract.errors import HarnessError

FILE = "matching.yaml"
How = Literal["same", "covers", "in_time", "close_days", "together", "near"]
_TYPES: dict[str, frozenset[str]] = {
    "same": frozenset({"string", "boolean", "integer"}),
    "covers": frozenset({"integer", "number"}),
    "in_time": frozenset({"string"}),
    "close_days": frozenset({"string"}),
    "together": frozenset({"integer", "number"}),
}


class Term(Entry, frozen=True, kw_only=True):
    """One thing that a pair is judged by; the file's head says what each `how` compares.

    Attributes:
        of: field of the seeker's form.
        over: field of the offer's form.
        scale: days, kilometres or the unit of the field.
        weight: of the term's 0 to 1 in the score.
        must: a pair for which the term gives 0 does not match.
    """

    term: str
    name_en: str
    name_zh: str
    how: How
    weight: float
    of: str = ""
    over: str = ""
    scale: float = 1.0
    must: bool = False


class Matching(Entry, frozen=True, kw_only=True):
    """Which matters are matched with which, and by what."""

    match: str
    name_en: str
    name_zh: str
    seeks: tuple[str, ...]
    offers: tuple[str, ...]
    terms: tuple[Term, ...]
    mark: Mark


@functools.cache
def matchings() -> Mapping[str, Matching]:
    """The matching of each matter that seeks.

    Raises:
        HarnessError: the file contradicts itself or the matters.
    """
    loaded = read(FILE, tuple[Matching, ...])
    known = {matter.code: matter for matter in matters()}
    for number, matching in enumerate(loaded):
        _check(f"{FILE}: [{number}]", matching, known)
    return {code: matching for matching in loaded for code in matching.seeks}


def _check(where: str, matching: Matching, known: Mapping[str, Matter]) -> None:
    for side, codes in (("seeks", matching.seeks), ("offers", matching.offers)):
        for code in codes:
            if code not in known:
                raise HarnessError(f"{where}.{side}: expected the code of a matter, found {code!r}")
    for number, term in enumerate(matching.terms):
        if term.how == "near":
            continue
        for side, codes, field in (("of", matching.seeks, term.of), ("over", matching.offers, term.over)):
            for code in codes:
                kinds = {each.name: each.type for each in known[code].form}
                if kinds.get(field) not in _TYPES[term.how]:
                    wanted = f"a field of {code} of type {' or '.join(sorted(_TYPES[term.how]))}"
                    raise HarnessError(f"{where}.terms[{number}].{side}: expected {wanted}, found {field!r}")
