"""Cases are opened once for each request, checked against their matter, and go the way of its procedure."""

import pytest
from msgspec.structs import replace

from contract.cases import CaseAct, CaseApplication
from contract.catalogue import matters
from contract.catalogue.procedures import Actor, procedure_of_kind, procedures
from contract.errors import PeerError
from reference_impl.park.cases import DAY_MS, RECENT_CASES_MAX
from reference_impl.park.node import ParkNode

FORM: dict[str, str | int | float | bool] = {"outlet": "W1", "flow_m3_day": 12.5, "cod_mg_l": 300, "pretreated": True}
APPLICATION = CaseApplication(request_id="r-1", matter="drainage-permit", enterprise="ent-1", form=FORM)
APPROVAL = CaseAct(request_id="a-1", act="approve", by="wang")


def test_the_same_request_is_the_same_case(node: ParkNode) -> None:
    """Sending an application again opens no second case, and the answer shows the case as it is now."""
    opened = node.open_case(APPLICATION, 1000)
    case = opened.response
    assert case.case_id == node.case_id(APPLICATION)
    assert (case.state, case.submitted_ms, case.due_ms) == ("submitted", 1000, 1000 + 10 * DAY_MS)
    assert [(entry.number, entry.case) for entry in opened.uplink] == [(1, case)]
    again = node.open_case(APPLICATION, 2000)
    assert (again.empty, again.response) == (True, case)
    decided = node.act_on_case(case.case_id, APPROVAL, "operator", 3000).response
    assert (decided.state, decided.steps[-1].at_ms, decided.steps[-1].by) == ("approved", 3000, "wang")
    assert node.open_case(APPLICATION, 4000).response == decided
    assert node.outbox_number == 2


def test_a_request_id_belongs_to_its_enterprise(node: ParkNode) -> None:
    """Another enterprise with the same request id gets a case of its own."""
    first = node.open_case(APPLICATION, 1000).response
    second = node.open_case(replace(APPLICATION, enterprise="ent-2"), 1000).response
    assert first.case_id != second.case_id


def test_a_request_id_means_one_application(node: ParkNode) -> None:
    """The same id with another form is a conflict, not a silent change."""
    node.open_case(APPLICATION, 1000)
    with pytest.raises(PeerError) as refusal:
        node.open_case(replace(APPLICATION, form={**FORM, "outlet": "W2"}), 1000)
    assert refusal.value.status == 409
    assert str(refusal.value) == "request_id: expected a new id, or the same matter and form as before, found 'r-1'"


def test_an_act_is_done_once(node: ParkNode) -> None:
    """The same act again changes nothing; another one under its number is a conflict, and so is a second decision."""
    identity = node.open_case(APPLICATION, 1000).response.case_id
    node.act_on_case(identity, APPROVAL, "operator", 2000)
    assert node.act_on_case(identity, APPROVAL, "operator", 3000).empty
    with pytest.raises(PeerError, match="expected a new id, or the same act as before, found 'a-1'") as refusal:
        node.act_on_case(identity, replace(APPROVAL, act="reject"), "operator", 3000)
    assert refusal.value.status == 409
    with pytest.raises(PeerError, match="found 'reject' of a case that is approved") as refusal:
        node.act_on_case(identity, replace(APPROVAL, request_id="a-2", act="reject"), "operator", 3000)
    assert refusal.value.status == 409
    with pytest.raises(PeerError) as refusal:
        node.act_on_case("none", APPROVAL, "operator", 3000)
    assert refusal.value.status == 404


def test_the_clock_of_the_promise_stands_still_while_the_applicant_is_asked(node: ParkNode) -> None:
    """What the applicant takes to supplement is added to the time that was promised; its entries replace the old."""
    case = node.open_case(APPLICATION, 0).response
    ask = CaseAct(request_id="a-1", act="ask-supplement", by="wang")
    asked = node.act_on_case(case.case_id, ask, "operator", DAY_MS).response
    assert (asked.state, asked.state_due_ms) == ("supplementing", None)
    answer = CaseAct(request_id="a-2", act="supplement", by="ent-1", form={"cod_mg_l": 200})
    answered = node.act_on_case(case.case_id, answer, "enterprise", 4 * DAY_MS).response
    assert (answered.state, answered.form["cod_mg_l"], answered.due_ms) == ("accepted", 200, 13 * DAY_MS)
    assert answered.state_due_ms == 10 * DAY_MS  # six of ten days for the review
    assert node.open_case(APPLICATION, 5 * DAY_MS).response == answered


@pytest.mark.parametrize(
    ("act", "actor", "status", "message"),
    [
        (replace(APPROVAL, act="bless"), "operator", 422, "found 'bless'"),
        (
            APPROVAL,
            "enterprise",
            403,
            "expected somebody on the side of operator or city, found 'approve' by enterprise",
        ),
        (replace(APPROVAL, act="withdraw"), "enterprise", 403, "by: expected the case's enterprise, found 'wang'"),
        (replace(APPROVAL, act="deliver"), "operator", 409, "expected a case that is approved, found 'deliver'"),
        (replace(APPROVAL, form={"outlet": "W2"}), "operator", 422, "form: expected none: the act approve brings"),
        (replace(APPROVAL, by=""), "operator", 422, "by: expected 1 to 200 characters, found ''"),
        (replace(APPROVAL, comment="c" * 2001), "operator", 422, "comment: expected 1 to 2000 characters"),
    ],
)
def test_a_faulty_act_is_refused(node: ParkNode, act: CaseAct, actor: Actor, status: int, message: str) -> None:
    """The fault is named, and the case stays as it was."""
    case = node.open_case(APPLICATION, 1000).response
    with pytest.raises(PeerError) as refusal:
        node.act_on_case(case.case_id, act, actor, 2000)
    assert refusal.value.status == status
    assert message in str(refusal.value)
    assert node.cases[case.case_id] == case


def test_every_matter_has_a_procedure_whose_ends_can_be_reached() -> None:
    """Whatever state a case comes into, acts lead from there to a final one."""
    assert {matter.kind for matter in matters()} <= set(procedure_of_kind())
    for procedure in procedures():
        ends = {state.state for state in procedure.states if state.final}
        while more := {origin for act in procedure.acts if act.to in ends for origin in act.origins} - ends:
            ends |= more
        assert ends == {state.state for state in procedure.states}, procedure.procedure


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"matter": "none"}, f"matter: expected {' or '.join(sorted(m.code for m in matters()))}, found 'none'"),
        ({"request_id": ""}, "request_id: expected 1 to 200 characters, found ''"),
        ({"enterprise": "e" * 201}, "enterprise: expected 1 to 200 characters, found 201 characters"),
    ],
)
def test_a_faulty_application_is_refused(node: ParkNode, change: dict[str, str], message: str) -> None:
    """The fault is named, and no case is opened."""
    with pytest.raises(PeerError) as refusal:
        node.open_case(replace(APPLICATION, **change), 1000)
    assert (refusal.value.status, str(refusal.value)) == (422, message)
    assert not node.cases


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("outlet", "", "form.outlet: expected text of 1 to 2000 characters, found ''"),
        ("outlet", 3, "form.outlet: expected text of 1 to 2000 characters, found 3"),
        ("outlet", None, "form.outlet: expected text of 1 to 2000 characters, found nothing"),
        ("flow_m3_day", -1, "form.flow_m3_day: expected a number of at least 0, found -1"),
        ("flow_m3_day", float("nan"), "form.flow_m3_day: expected a number of at least 0, found nan"),
        ("flow_m3_day", True, "form.flow_m3_day: expected a number of at least 0, found True"),
        ("flow_m3_day", "12", "form.flow_m3_day: expected a number of at least 0, found '12'"),
        ("pretreated", 1, "form.pretreated: expected a boolean, found 1"),
        ("colour", "red", "form.colour: expected cod_mg_l or flow_m3_day or outlet or pretreated, found a field"),
    ],
)
def test_a_form_is_held_to_its_matter(node: ParkNode, name: str, value: object, message: str) -> None:
    """Every field there, of its type, within its bounds, and no other."""
    form = {key: entry for key, entry in {**FORM, name: value}.items() if entry is not None}
    with pytest.raises(PeerError) as refusal:
        node.open_case(replace(APPLICATION, form=form), 1000)
    assert (refusal.value.status, str(refusal.value)) == (422, message)


def test_choices_and_integers_are_checked(node: ParkNode) -> None:
    """A choice is one of those offered, and an integer has no fraction."""
    form = {"place": "tank 7", "grade": "first", "workers": 3, "hours": 2, "gas_tested": True}
    application = CaseApplication(request_id="r-2", matter="hot-work-permit", enterprise="ent-1", form=form)
    assert node.open_case(application, 1000).cases
    with pytest.raises(PeerError, match=r"form\.grade: expected special or first or second, found 'third'"):
        node.open_case(replace(application, form={**form, "grade": "third"}), 1000)
    with pytest.raises(PeerError, match=r"form\.workers: expected an integer of at least 1, found 1\.5"):
        node.open_case(replace(application, form={**form, "workers": 1.5}), 1000)


def test_the_memory_of_cases_is_bounded(node: ParkNode) -> None:
    """The oldest cases go and come back when the store hands them in, so a request stays one case for ever."""
    case = node.open_case(APPLICATION, 1000).response
    for number in range(RECENT_CASES_MAX):
        node.open_case(replace(APPLICATION, request_id=f"other-{number}"), 1000)
    assert len(node.cases) == RECENT_CASES_MAX
    assert case.case_id not in node.cases
    node.recall_case(case)
    assert node.open_case(APPLICATION, 9000).empty
