"""Why firms ask, and how one firm's trouble becomes another's."""

from collections import defaultdict

import msgspec
import pytest
from economies import HOUR_MS, PARKS, at, economy, lived, story, told, with_life, without_deadlines

from contract import catalogue
from reference_impl.park.cases import check_form
from sim.emission import Request
from sim.world.economy import Economy
from sim.world.economy.calendar import date_of, day_of
from sim.world.economy.parameters import Parameters, concerns, parameters

MORNING = "2020-12-02T09:00"
NEVER_H = 1e12
BUSY = story(rate=100.0, firms=10, parks=PARKS[:10])  # 2,000 times as fast as life


@pytest.fixture(scope="module")
def busy() -> tuple[Economy, list[Request]]:
    """A day before the New Year in which years of firms' lives pass."""
    one = economy(BUSY, "2020-12-29T00:00", 24)
    return one, lived(one, BUSY.parks, "2020-12-29T00:00", 24, step_ms=HOUR_MS)


def test_every_reason_of_the_file_is_reached(busy: tuple[Economy, list[Request]]) -> None:
    """Each reason that a firm's own life or its links can bring about leads to requests, and to each of its matters."""
    asked = defaultdict(set)
    for request in busy[1]:
        asked[request.reason].add(request.application.matter)
    for reason in parameters().reasons.values():
        if reason.code != "interrupted":  # comes from outside: tested below
            assert asked[reason.code] == set(reason.asks), reason.code


def test_every_service_is_used(busy: tuple[Economy, list[Request]]) -> None:
    """Each of the seven services gets more than one request in a hundred, none more than half, in ordinary hours."""
    figures = busy[0].summary()
    assert len(figures.by_service) == 7
    assert all(0.01 < count / figures.requests < 0.5 for count in figures.by_service.values()), figures.by_service
    assert sum(figures.by_matter.values()) == sum(figures.by_reason.values()) == figures.requests == len(busy[1])
    assert figures.firms == 100


@pytest.mark.parametrize("deadline", [one.code for one in parameters().deadlines])
def test_every_deadline_is_met(deadline: str) -> None:
    """On its last day a deadline brings its matter from firms that it concerns."""
    known = next(one for one in parameters().deadlines if one.code == deadline)
    date = f"2020-{known.months[-1]:02d}-{known.day:02d}"
    found = [one for one in told(story(firms=20), f"{date}T09:00", 3) if one.reason == f"deadline:{deadline}"]
    assert found
    assert {one.application.matter for one in found} == {known.matter}


def test_forms_are_valid(busy: tuple[Economy, list[Request]]) -> None:
    """Every application passes the reference platform's check, its fields in order and each of its very type."""
    types = {"string": str, "integer": int, "number": float, "boolean": bool}
    matters = {matter.code: matter for matter in catalogue.matters()}
    deadline_days = [("2020-06-30", 2), ("2020-10-15", 2), ("2020-12-09", 2), ("2020-12-25", 2)]
    due = [one for date, hours in deadline_days for one in told(story(firms=20), f"{date}T09:00", hours)]
    for request in (*busy[1], *due):
        form, fields = request.application.form, matters[request.application.matter].form
        check_form(fields, form)
        assert [type(value) for value in form.values()] == [types[field.type] for field in fields]
        assert list(form) == [field.name for field in fields]
    seen = {one.application.matter for one in (*busy[1], *due)}
    assert set(matters) - seen == {"outage-report"}  # needs an interruption


def test_forms_tell_of_the_firm() -> None:
    """A declaration names the month before, and its tax, its staff and its water are the firm's own."""
    scenario = story(firms=20)
    one = economy(scenario, "2021-01-15T09:00", 3)
    firms = {firm.name: firm for firm in one.firms}
    seen = set()
    for request in lived(one, scenario.parks, "2021-01-15T09:00", 3):
        form, firm = request.application.form, firms[request.application.enterprise]
        seen.add(request.reason)
        if request.reason == "deadline:tax-monthly":
            assert form["period"] == "2020-12"
            assert float(form["tax_cny"]) < float(form["sales_cny"])
        if request.reason in ("deadline:emission-report", "deadline:hazard-report"):
            assert form["period"] == "2020-Q4"
        if request.application.matter == "emission-report":
            assert firm.family.emitter
        if "goods" in form:
            assert form["goods"] == firm.family.goods
        if request.reason == "planned-maintenance":
            assert form["place"] == f"zone-{firm.zone:02d}"
    assert {"deadline:tax-monthly", "deadline:emission-report", "planned-maintenance"} <= seen


def test_reasons_fit_the_firm(busy: tuple[Economy, list[Request]]) -> None:
    """No firm gives a reason that its family cannot have."""
    known = parameters().reasons
    firms = {firm.name: firm for firm in busy[0].firms}
    for request in busy[1]:
        if request.reason in known:
            assert concerns(known[request.reason], firms[request.application.enterprise].family), request


def test_a_later_paper_names_the_earlier_request(busy: tuple[Economy, list[Request]]) -> None:
    """A supplement or withdrawal names a request that the same firm sent before."""
    sent = set()
    followed = 0
    for request in sorted(busy[1], key=lambda it: (it.due_ms, it.park, it.sequence)):
        earlier = request.application.form.get("request")
        if earlier is not None:
            followed += 1
            assert (request.application.enterprise, earlier) in sent
        sent.add((request.application.enterprise, request.application.request_id))
    assert followed > 10
    assert len(sent) == len(busy[1])


def _calm(**changes: float) -> Parameters:
    """Parameters under which no machine stops by itself and no supplier outside is late."""
    return without_deadlines(with_life(stop_every_h=NEVER_H, outside_late_every_h=NEVER_H, **changes))


def test_without_delay_nobody_seeks_another_supplier() -> None:
    """Where no machine ever stops, no firm complains of a supplier; where machines stop, many do."""
    reasons = {one.reason for one in told(BUSY, MORNING, 4, without_deadlines(parameters()))}
    assert {"late-supplier", "late-delivery", "machine-stop", "customer-stopped", "repeated-breakdown"} <= reasons
    calm = {one.reason for one in told(BUSY, MORNING, 4, _calm())}
    assert not calm & {"late-supplier", "late-delivery", "machine-stop", "customer-stopped", "repeated-breakdown"}
    assert {"idle-capacity", "overload", "match-found", "full-load"} <= calm


def _interrupted(park: str | None) -> tuple[Economy, list[Request]]:
    scenario = story(rate=10.0, firms=8, parks=PARKS[:30])
    one = economy(scenario, MORNING, 6, written=_calm())
    if park is not None:
        one.interrupt(park, None, at("2020-12-02T10:00"), at("2020-12-02T11:00"), cause="power-failure")
    return one, lived(one, scenario.parks, MORNING, 6)


def test_an_interruption_is_felt_along_the_links() -> None:
    """A power failure in one park is reported there; its customers in all parks, and theirs, complain of lateness."""
    park = PARKS[0]
    one, requests = _interrupted(park)
    calm = _interrupted(None)[1]
    assert not [it for it in calm if it.reason == "late-supplier" or it.reason.startswith("interrupted")]
    reports = [it for it in requests if it.application.matter == "outage-report"]
    assert {it.park for it in reports} == {park}
    assert {it.reason for it in reports} == {"interrupted:power-failure"}
    assert {it.application.enterprise for it in reports} == {firm.name for firm in one.firms if firm.park == park}
    complaints = [it for it in requests if it.reason == "late-supplier"]
    assert len({it.park for it in complaints}) > 2
    suppliers = {firm.name: {link.name for link in firm.suppliers} for firm in one.firms}
    assert all(it.application.form["partner"] in suppliers[it.application.enterprise] for it in complaints)
    second_hand = [it for it in complaints if not str(it.application.form["partner"]).startswith(park)]
    assert second_hand, "delay did not travel on from the first customers"
    hit = {one.firms[index].name for firm in one.firms if firm.park == park for index, _ in firm.customers}
    first = [it for it in complaints if str(it.application.form["partner"]).startswith(park)]
    assert {it.application.enterprise for it in first} <= hit


def test_an_interruption_adds_only_its_reports() -> None:
    """When firms turn to their parks does not depend on what goes wrong, apart from the reports of it."""
    with_reports = _interrupted(PARKS[0])[1]
    ordinary = [(it.due_ms, it.application.enterprise) for it in _interrupted(None)[1]]
    prompt = {it.application.request_id for it in with_reports if it.application.matter == "outage-report"}
    kept = [it for it in with_reports if it.application.request_id not in prompt]
    times = [(it.due_ms, it.application.enterprise) for it in kept]
    assert len(set(ordinary) - set(times)) <= len(prompt)  # a firm may have reported on an ordinary occasion
    assert len(with_reports) - len(ordinary) <= len(prompt)
    assert set(times) <= set(ordinary)


def test_a_zone_is_interrupted_alone() -> None:
    """Only firms of the zone report; an interruption that is over already is none."""
    scenario = story(rate=40.0, firms=30, parks=PARKS[:1])
    one = economy(scenario, MORNING, 3, written=_calm())
    one.interrupt(scenario.parks[0], 2, at("2020-12-02T10:00"), at("2020-12-02T10:30"))
    one.interrupt(scenario.parks[0], 1, at("2020-12-02T07:00"), at("2020-12-02T08:00"))
    zone = {firm.name for firm in one.firms if firm.zone == 2}
    found = lived(one, scenario.parks, MORNING, 3)
    reports = {it.application.enterprise for it in found if it.reason == "interrupted:incident"}
    assert reports == zone
    assert 0 < len(zone) < 30


def test_free_capacity_finds_its_seeker(busy: tuple[Economy, list[Request]]) -> None:
    """Contracts on shared capacity join two firms of one park and family, of which the other had posted it before."""
    firms = {firm.name: firm for firm in busy[0].firms}
    posted = set()
    contracts = 0
    for request in sorted(busy[1], key=lambda it: (it.due_ms, it.park, it.sequence)):
        application = request.application
        if application.matter == "post-idle-capacity":
            posted.add(application.enterprise)
        if application.matter == "capacity-contract":
            contracts += 1
            seeker, partner = firms[application.enterprise], firms[str(application.form["partner"])]
            assert partner.name in posted
            assert (seeker.park, seeker.family) == (partner.park, partner.family)
            assert seeker is not partner
    assert contracts > 10


def test_promises_are_dated_ahead(busy: tuple[Economy, list[Request]]) -> None:
    """Dates on forms are today's or later."""
    for request in busy[1][:5000]:
        today = date_of(day_of(request.due_ms)).isoformat()
        for name in ("needed_by", "ready", "free_from", "expires", "date"):
            assert str(request.application.form.get(name, today)) >= today


def test_the_agenda_is_bounded(busy: tuple[Economy, list[Request]]) -> None:
    """No firm keeps more in mind than it can, and what it forgets is counted."""
    agenda_max = int(parameters().life.agenda_max.value)
    assert max(len(firm.agenda) for firm in busy[0].firms) <= agenda_max
    small = with_life(agenda_max=1)
    scenario = msgspec.structs.replace(BUSY, parks=BUSY.parks[:3])
    one = economy(scenario, MORNING, 4, written=small)
    lived(one, scenario.parks, MORNING, 4)
    assert one.summary().forgotten > 0


def test_a_story_begins_in_the_middle_of_life() -> None:
    """The first ten minutes have the mixture of a later hour: events and goods wait from the beginning."""
    requests = told(story(rate=20.0, firms=20, parks=PARKS[:20]), MORNING, 2.5)
    kinds = {reason.code: reason.kind for reason in parameters().reasons.values()}

    def share(kind: str, begin_s: int, end_s: int) -> float:
        span = [it for it in requests if begin_s <= (it.due_ms - at(MORNING)) / 1000 < end_s]
        return sum(kinds[it.reason] == kind for it in span) / len(span)

    for kind in ("event", "state", "routine"):
        assert share(kind, 0, 600) == pytest.approx(share(kind, 5400, 9000), rel=0.25), kind
