"""How well open cases fit each other, with the reasons."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from contract import catalogue
from contract.cases import Case, CaseMatch, CaseMatchList, MatchReason
from contract.catalogue.matching import Matching, Term

EARTH_KM = 6371.0


def matches(case: Case, matching: Matching, candidates: Iterable[Case], limit: int) -> CaseMatchList:
    """The candidates that fit a case, the best first.

    Args:
        case: the one that seeks.
        matching: by what it is matched.
        candidates: open cases of the matters that offer; itself and its own enterprise's are passed over.
        limit: how many at most.
    """
    found = []
    for other in candidates:
        if (other.park, other.enterprise) == (case.park, case.enterprise):
            continue
        reasons = [
            MatchReason(term=term.term, score=score(term, case, other), weight=term.weight) for term in matching.terms
        ]
        if any(term.must and reason.score <= 0 for term, reason in zip(matching.terms, reasons, strict=True)):
            continue
        found.append(CaseMatch(case=other, score=_weighted(reasons), reasons=reasons))
    found.sort(key=lambda match: (-match.score, match.case.park, match.case.case_id))
    return CaseMatchList(matches=found[:limit], truncated=len(found) > limit)


def _weighted(reasons: Sequence[MatchReason]) -> float:
    return sum(reason.score * reason.weight for reason in reasons) / sum(reason.weight for reason in reasons)


def score(term: Term, case: Case, other: Case) -> float:
    """What a term gives for a pair, 0 to 1."""
    if term.how == "near":
        return max(0.0, 1 - distance_km(case.park, other.park) / term.scale)
    ours, theirs = case.form[term.of], other.form[term.over]
    if term.how == "same":
        return float(ours == theirs)
    if term.how == "covers":
        return min(1.0, float(theirs) / float(ours)) if float(ours) > 0 else 1.0
    if term.how == "together":
        both = float(ours) + float(theirs)
        return min(1.0, term.scale / both) if both > 0 else 1.0
    free, wanted = _day(str(theirs)), _day(str(ours))
    if free is None or wanted is None:  # who writes no date is found by the other terms
        return 0.0 if term.must else 0.5
    days = free - wanted
    return float(days <= 0) if term.how == "in_time" else max(0.0, 1 - abs(days) / term.scale)


def _day(text: str) -> int | None:
    """A date such as 2020-12-07 as a number of days."""
    try:
        return int(np.datetime64(text[:10], "D").astype(np.int64))
    except ValueError:
        return None


def distance_km(park: str, other: str) -> float:
    """Great-circle distance between two parks of the catalogue; nothing for the same one."""
    places = {each.id: each for each in catalogue.parks()}
    if park == other or park not in places or other not in places:
        return 0.0
    a, b = places[park], places[other]
    north = math.radians(b.latitude - a.latitude)
    east = math.radians(b.longitude - a.longitude)
    half = math.sin(north / 2) ** 2
    half += math.cos(math.radians(a.latitude)) * math.cos(math.radians(b.latitude)) * math.sin(east / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(half))
