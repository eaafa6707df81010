"""Officers and applicants: every act is legal when it comes, and takes its time."""

from collections import defaultdict
from itertools import pairwise
from math import inf

import pytest
from economies import at, story
from offices import HOUR_MS, handed_in, local, officers, other, requests

from contract import catalogue
from contract.cases import case_id
from contract.catalogue.procedures import procedure_of_kind, procedures
from contract.errors import HarnessError
from reference_impl.park.node import ParkNode
from sim.emission import CaseActing, RegisterWriting, Request
from sim.world.economy.calendar import day_of, is_working_day
from sim.world.office.officers import Officers
from sim.world.office.parameters import Manner, Way, check_manner, check_working, manners, working

KINDS = {matter.kind: matter.code for matter in reversed(catalogue.matters())}
SENT = (Request, CaseActing, RegisterWriting)


@pytest.mark.parametrize("step_ms", [1_000, 600_000])
def test_a_park_refuses_nothing(step_ms: int) -> None:
    """All that is handed in to a park, in order of time, is news to the reference platform's node."""
    told = handed_in("2020-12-15T10:00", 0.5, scenario=story(rate=60.0, firms=12, parks=["fuling"]), step_ms=step_ms)
    node = ParkNode("fuling")
    last_ms: dict[str, int] = {}
    acts = 0
    for one in sorted(told["fuling"], key=lambda it: (it.due_ms, SENT.index(type(it)), it.sequence)):
        if isinstance(one, Request):
            change = node.open_case(one.application, one.due_ms)
            last_ms[node.case_id(one.application)] = one.due_ms
        elif isinstance(one, CaseActing):
            identity = case_id("fuling", *one.case_request)
            assert one.due_ms - last_ms[identity] >= working().gap_s.value * 1000
            last_ms[identity] = one.due_ms
            change = node.act_on_case(identity, one.act, one.actor, one.due_ms)
            acts += 1
        else:
            change = node.put_entry(one.register, one.entry, one.fields, one.due_ms)
        assert not change.empty
    assert acts > 200


def _led(kind: str, count: int = 400) -> tuple[Officers, dict[tuple[str, str], list[CaseActing]]]:
    """Many cases of a kind of matter, led to their ends: acts by case."""
    people = officers("2020-12-01T09:00", 24 * 20, tempo=40.0, firms=200)
    people.take(requests(KINDS[kind], count, "2020-12-01T09:00"))
    found: dict[tuple[str, str], list[CaseActing]] = defaultdict(list)
    for act in people.acts(at("2020-12-21T09:00")):
        found[act.case_request].append(act)
    return people, found


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_cases_come_to_every_end(kind: str) -> None:
    """Of many cases of any kind of matter, some come to each final state of the procedure, and all to one of them.

    A complaint waits for the city, which is nobody of the park's.
    """
    procedure = procedure_of_kind()[kind]
    people, found = _led(kind)
    ends = set()
    for acts in found.values():
        state = procedure.opens
        for one in acts:
            act = procedure.act(one.act.act)
            assert act is not None
            assert state in act.origins
            assert one.actor in act.by
            state = act.to
        ends.add(state)
    final = {state.state for state in procedure.states if state.final}
    assert final <= ends <= final | {"complained"}
    assert (len(found), people.in_hand, people.next_ms) == (400, 0, inf)


def test_every_procedure_has_its_ways() -> None:
    """Those of kinds that no matter has yet, too: from each state that is not final the ways lead to all that are."""
    for procedure in procedures():
        ways = manners()[procedure.procedure]
        reached = {procedure.opens}
        for _ in procedure.states:
            names = {way.act for state in reached for way in ways[state]}
            reached |= {act.to for act in procedure.acts if act.act in names}
        assert {state.state for state in procedure.states if state.final} <= reached


def test_supplements_change_the_form_within_its_bounds() -> None:
    """An enterprise that is asked for supplements sends other figures, which the form allows."""
    _, found = _led("administrative licence")
    supplements = [one.act for acts in found.values() for one in acts if one.act.act == "supplement"]
    assert supplements
    assert all(act.form and set(act.form) <= {"flow_m3_day", "cod_mg_l"} for act in supplements)
    assert len({act.form["flow_m3_day"] for act in supplements}) > 10  # of a form that began with 10.0


def test_an_officer_does_one_thing_at_a_time() -> None:
    """Two acts of one officer are as far apart as the second takes him; a crowd waits for the few who work."""
    few = officers("2020-12-15T09:00", 3, firms=1, work_sigma=0, delay_sigma=0, acts_per_minute_max=60_000)
    crowd = requests("hot-work-permit", 60, "2020-12-15T09:00", every_ms=1)
    few.take(crowd)
    acts = few.acts(at("2020-12-15T12:00"))
    by_officer: dict[str, list[CaseActing]] = defaultdict(list)
    for one in acts:
        if one.actor == "operator":
            by_officer[one.act.by].append(one)
    assert (few.officers, len(by_officer)) == (2, 2)
    minutes = {way.act: way.work_min for way in manners()["filing"]["submitted"]}
    for mine in by_officer.values():
        assert len(mine) > 20
        for before, after in pairwise(mine):
            assert after.due_ms - before.due_ms >= minutes[after.act.act] * 60_000 - 2
    many = officers("2020-12-15T09:00", 3, firms=1000, work_sigma=0, delay_sigma=0, acts_per_minute_max=60_000)
    many.take(crowd)
    in_time = [one for one in many.acts(at("2020-12-15T10:00")) if one.actor == "operator"]
    assert len(in_time) > len([one for one in acts if one.due_ms < at("2020-12-15T10:00")])


def test_officers_keep_their_hours() -> None:
    """Over a week with a weekend no officer acts outside of the counter's hours; what is left over waits."""
    people = officers("2020-12-09T00:00", 24 * 7, firms=40)
    people.take(requests("drainage-permit", 150, "2020-12-09T00:00", every_ms=HOUR_MS))
    acts = [one for one in people.acts(at("2020-12-16T00:00")) if one.actor == "operator"]
    assert len(acts) > 100
    for one in acts:
        clock = local(one.due_ms)
        assert is_working_day(day_of(one.due_ms))
        assert 8.5 <= clock.hour + clock.minute / 60 < 18.02
    assert len({day_of(one.due_ms) for one in acts}) == 5


def test_a_scenario_without_office_hours_has_no_acts() -> None:
    """At night requests are handed in, and nobody at the counter takes them up."""
    told = handed_in("2020-12-09T02:00", 1, scenario=story(rate=600.0, firms=10, parks=["fuling"]))["fuling"]
    assert any(isinstance(one, Request) for one in told)
    assert not [one for one in told if isinstance(one, CaseActing) and one.actor == "operator"]


def test_acts_of_a_park_are_bounded() -> None:
    """However many cases there are, people hand in no more a minute than the file says, and lose nothing."""
    people = officers("2020-12-15T09:00", 2, tempo=10_000, firms=2000, acts_per_minute_max=30)
    people.take(requests("drainage-permit", 500, "2020-12-15T09:00", every_ms=1))
    times = [one.due_ms for one in people.acts(at("2020-12-15T11:00"))]
    assert len(times) > 1500
    assert min(after - before for before, after in pairwise(times)) >= 1999


def test_cases_in_hand_are_bounded() -> None:
    """What is too much stays as it was handed in, and is counted."""
    people = officers("2020-12-15T09:00", 24 * 20, cases_max=10)
    people.take(requests("drainage-permit", 25, "2020-12-15T09:00"))
    assert (people.in_hand, people.refused) == (10, 15)


def test_a_case_goes_its_way_whatever_else_there_is() -> None:
    """More cases make each one slower, never other: its acts, comments and figures stay."""

    def told(count: int) -> dict[tuple[str, str], list[object]]:
        people = officers("2020-12-01T09:00", 24 * 20, tempo=40.0, firms=20)
        people.take(requests("drainage-permit", count, "2020-12-01T09:00"))
        found: dict[tuple[str, str], list[object]] = defaultdict(list)
        for one in people.acts(at("2020-12-21T09:00")):
            found[one.case_request].append((one.act.act, one.act.comment, one.act.form))
        return found

    alone, among = told(20), told(300)
    assert {name: among[name] for name in alone} == alone


def test_quiet_steps_cost_nothing() -> None:
    """Before anything is due an office says so without looking: `next_ms` is beyond the step, and nothing is sent."""
    people = officers("2020-12-15T09:00", 3)
    assert people.next_ms == inf
    people.take(requests("drainage-permit", 1, "2020-12-15T09:00"))
    first_ms = people.next_ms
    assert at("2020-12-15T09:00") + 2000 <= first_ms < inf
    assert people.acts(int(first_ms)) == []


def test_faulty_files_are_refused() -> None:
    """Acts that the procedure does not allow, shares that leave a case lying, and figures without sense are errors."""
    approval = next(one for one in procedures() if one.procedure == "approval")
    filing = next(one for one in procedures() if one.procedure == "filing")

    def manner(*ways: Way) -> Manner:
        return Manner(procedure="filing", ways=ways, source="test", mark="A")

    receive = Way(state="submitted", act="receive", by="operator", share=1.0, after_h=1, work_min=1)
    with pytest.raises(HarnessError, match="shares that sum to 1"):
        check_manner(manner(receive), filing)
    with pytest.raises(HarnessError, match="an act that a case may take when submitted, found 'receive'"):
        check_manner(manner(receive), approval)
    with pytest.raises(HarnessError, match="gap_s: expected at least 1, found 0"):
        check_working(other(gap_s=0))
