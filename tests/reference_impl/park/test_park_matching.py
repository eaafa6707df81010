"""Offers and demands are matched by terms, best first, with the reasons."""

import pytest

from contract.cases import Case, CaseStep, Form
from contract.catalogue.matching import matchings
from reference_impl.park.matching import distance_km, matches

SEEK: Form = {"goods": "metal", "capacity_h": 100.0, "needed_by": "2026-01-10"}
OFFER: Form = {"machines": 2, "capacity_h": 100.0, "free_from": "2026-01-05"}
LOAD: Form = {"weight_t": 10.0, "pallets": 8, "destination": "Chengdu", "ready": "2026-01-05", "dangerous": False}


def _case(number: int, matter: str, form: Form, park: str = "liangjiang", enterprise: str = "") -> Case:
    enterprise = enterprise or f"e{number}"
    step = CaseStep(request_id="r", act="open", by=enterprise, state="posted", at_ms=0)
    return Case(
        case_id=f"c{number}",
        park=park,
        matter=matter,
        enterprise=enterprise,
        state="posted",
        submitted_ms=0,
        due_ms=1,
        form=form,
        steps=[step],
    )


def _matched(form: Form, *offers: Case, matter: str = "seek-capacity") -> list[tuple[str, float]]:
    seek = _case(0, matter, form)
    found = matches(seek, matchings()[matter], [seek, *offers], 10).matches
    return [(match.case.case_id, round(match.score, 3)) for match in found]


def test_the_best_comes_first() -> None:
    """What covers the hours in the same park beats what covers half of them, and that beats what is far away."""
    full = _case(1, "post-idle-capacity", OFFER)
    half = _case(2, "post-idle-capacity", {**OFFER, "capacity_h": 50.0})
    far = _case(3, "post-idle-capacity", {**OFFER, "capacity_h": 50.0}, park="wanzhou-etdz")
    assert _matched(SEEK, far, half, full) == [("c1", 1.0), ("c2", 0.75), ("c3", round(3.5 / 6, 3))]


def test_what_must_be_rules_a_pair_out() -> None:
    """Capacity that is free too late, or none at all, is no match; nor is the seeker's own."""
    late = _case(1, "post-idle-capacity", {**OFFER, "free_from": "2026-01-11"})
    none = _case(2, "post-idle-capacity", {**OFFER, "capacity_h": 0.0})
    own = _case(3, "post-idle-capacity", OFFER, enterprise="e0")
    undated = _case(4, "post-idle-capacity", {**OFFER, "free_from": "soon"})
    assert _matched(SEEK, late, none, own, undated) == []


def test_every_match_says_why() -> None:
    """Each term stands there with what it gave and what it weighs."""
    found = matches(
        _case(0, "seek-capacity", SEEK),
        matchings()["seek-capacity"],
        [_case(1, "post-idle-capacity", {**OFFER, "capacity_h": 25.0})],
        10,
    )
    (match,) = found.matches
    assert [(reason.term, reason.score, reason.weight) for reason in match.reasons] == [
        ("hours", 0.25, 3.0),
        ("in-time", 1.0, 2.0),
        ("distance", 1.0, 1.0),
    ]


def test_the_limit_is_told() -> None:
    """A list that was cut says so."""
    offers = [_case(number, "post-idle-capacity", OFFER) for number in (1, 2, 3)]
    cut = matches(_case(0, "seek-capacity", SEEK), matchings()["seek-capacity"], offers, 2)
    assert ([match.case.case_id for match in cut.matches], cut.truncated) == (["c1", "c2"], True)


def test_loads_share_a_lorry() -> None:
    """Loads of one day and place go together; beyond thirty tonnes the score falls; dangerous goods go alone."""
    fits = _case(1, "consolidate-load", LOAD)
    heavy = _case(2, "consolidate-load", {**LOAD, "weight_t": 50.0})
    other = _case(3, "consolidate-load", {**LOAD, "destination": "Wuhan"})
    dangerous = _case(4, "consolidate-load", {**LOAD, "dangerous": True})
    week = _case(5, "consolidate-load", {**LOAD, "ready": "2026-01-12"})
    assert _matched(LOAD, fits, heavy, other, dangerous, week, matter="consolidate-load") == [
        ("c1", 1.0),
        ("c2", 0.938),
    ]


@pytest.mark.parametrize(
    ("other", "least", "most"), [("liangjiang", 0, 0), ("bishan-hitech", 20, 70), ("wanzhou-etdz", 150, 280)]
)
def test_distances_are_those_of_the_map(other: str, least: float, most: float) -> None:
    """Great-circle kilometres between the rough positions of the catalogue."""
    assert least <= distance_km("liangjiang", other) <= most
