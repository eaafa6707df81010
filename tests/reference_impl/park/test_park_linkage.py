"""Timelines of linkage: alerts in, commands out, reports, time-outs, what stands in, and the undoing."""

from typing import Any

import msgspec
import pytest
from linkage_park import ANNOUNCE, BARRIERS, DOORS, QUIET_S, START_MS, Desk, alert, plan, step

from contract.catalogue.linkage import LinkagePlan
from contract.errors import PeerError
from contract.linkage import CommandFeedback, CommandOrder
from reference_impl.park.commands import digest_of

PLAN = plan(
    step("announce", ANNOUNCE, timeout_s=60),
    step("doors", DOORS, timeout_s=60),
    step("barriers", BARRIERS, "park", after_s=5),
)
ANNOUNCED, OPENED = "announce z01 gw-z01 issued", "open z01 gw-z01 issued"


@pytest.fixture(params=[False, True], ids=["undisturbed", "killed after each step"])
def killed(request: pytest.FixtureRequest) -> bool:
    """Is everything restored from the store after each step?"""
    return bool(request.param)


def started(plan: LinkagePlan, *, killed: bool) -> Desk:
    """A desk at which a fire has just begun."""
    desk = Desk(plan, killed=killed)
    desk.see(0, alert(1), alert(2))
    return desk


def test_two_devices_within_the_window_start_the_plan(killed: bool) -> None:
    """One device is not enough, two are; steps begin at once or after their delay, and nothing is given twice."""
    desk = Desk(PLAN, killed=killed)
    assert desk.see(0, alert(1)) == []
    assert desk.see(30, alert(1, 30, quantity="heat")) == []
    assert desk.see(40, alert(2, 40)) == [ANNOUNCED, OPENED]
    assert desk.see(44.9) == []
    assert desk.see(45) == ["barrier-open * gw-z02 issued"]
    assert desk.see(46, alert(3, 46)) == []
    assert (desk.run.onset_ms, desk.run.started_ms) == (START_MS - 2000, START_MS + 40_000)
    assert [command.number for command in desk.commands.values()] == [1, 2, 3]


@pytest.mark.parametrize(
    "second",
    [
        alert(2, 61),
        alert(2, 1, level="yellow"),
        alert(2, 1, state="SHLVD"),
        alert(2, 1, zone="z02", incident="i-2"),
        alert(2, 1, cleared_s=2),
    ],
    ids=["too late", "too low", "shelved", "another zone", "cleared"],
)
def test_what_does_not_count_starts_nothing(second: object) -> None:
    """An alert outside the window, below the level, out of sight, elsewhere or over does not complete the count."""
    desk = Desk(PLAN)
    desk.see(0, alert(1))
    assert isinstance(second, type(alert(1)))
    assert desk.see(61, second) == []


def test_a_report_moves_a_command_on(killed: bool) -> None:
    """Issued, accepted, done; a report that says nothing new changes nothing; when all is done the run is."""
    desk = started(plan(step("announce", ANNOUNCE), step("doors", DOORS)), killed=killed)
    assert desk.report(1, "announce", "accepted") == ["announce z01 gw-z01 accepted"]
    assert desk.report(2, "announce", "accepted") == []
    assert desk.report(3, "announce", "done") == ["announce z01 gw-z01 done"]
    assert desk.report(4, "announce", "accepted") == []
    assert desk.report(4, "announce", "done") == []
    with pytest.raises(PeerError, match="expected a command that is issued or accepted, found one that is done"):
        desk.report(5, "announce", "failed")
    assert desk.run.done_ms is None
    desk.report(4.5, "open", "done")
    assert desk.run.done_ms == START_MS + 4500


def test_a_command_is_given_again_then_something_stands_in(killed: bool) -> None:
    """A time-out and a failure both use up an attempt; after the last something stands in, or the operator is told."""
    desk = started(
        plan(step("doors", DOORS, retries=2, timeout_s=3, compensate={**ANNOUNCE, "where": "zone"})), killed=killed
    )
    assert desk.see(2.9) == []
    assert desk.see(3) == ["open z01 gw-z01 issued x2"]
    assert desk.report(4, "open", "failed") == ["open z01 gw-z01 issued x3"]
    assert [command.number for command in desk.commands.values()] == [3]
    assert sorted(desk.see(7)) == [ANNOUNCED, "open z01 gw-z01 timed_out x3"]
    assert desk.run.done_ms is None
    assert desk.see(17) == [ANNOUNCED + " x2"]
    assert desk.see(27) == [ANNOUNCED + " x3"]
    assert desk.see(37) == ["announce z01 gw-z01 timed_out x3 !"]
    assert desk.run.done_ms == START_MS + 37_000


def test_without_a_stand_in_the_operator_is_told() -> None:
    """A step that fails for good asks for attention, at once or when what should stand in does not exist there."""
    desk = started(plan(step("doors", DOORS)), killed=False)
    assert desk.report(1, "open", "failed") == ["open z01 gw-z01 failed !"]
    desk = started(plan(step("doors", DOORS, compensate={**BARRIERS, "where": "zone"})), killed=False)
    assert sorted(desk.report(1, "open", "failed")) == ["barrier-open z01 - absent", "open z01 gw-z01 failed !"]


def test_steps_in_order_wait_for_each_other(killed: bool) -> None:
    """A step begins its delay after the one before is over, however that ended; an absent one is over at once."""
    steps = (step("doors", DOORS), step("barriers", BARRIERS, after_s=2), step("announce", ANNOUNCE))
    desk = Desk(plan(*steps, order="in-order"), killed=killed)
    assert desk.see(0, alert(1), alert(2)) == [OPENED]
    assert desk.see(1) == []
    assert desk.report(3, "open", "failed") == ["open z01 gw-z01 failed !"]
    assert desk.see(4.9) == []
    assert desk.see(5) == ["barrier-open z01 - absent", ANNOUNCED]


def test_the_plan_ends_when_it_has_been_quiet(killed: bool) -> None:
    """A new alert in between keeps it going; then what has an undo is undone, the last first, and the run has ended."""
    desk = started(PLAN, killed=killed)
    desk.see(5)
    for what, gateway in (("announce", "gw-z01"), ("open", "gw-z01"), ("barrier-open", "gw-z02")):
        desk.report(6, what, "done", gateway)
    assert desk.see(100, alert(1, cleared_s=100), alert(2, cleared_s=100)) == []
    assert desk.see(200, alert(3, 200)) == []
    assert desk.see(300 + QUIET_S) == []
    desk.see(1200, alert(3, 200, cleared_s=1200))
    assert desk.see(1199 + QUIET_S) == []
    gone = ["barrier-normal * gw-z02 issued", "release z01 gw-z01 issued", "stop z01 gw-z01 issued"]
    assert desk.see(1200 + QUIET_S) == gone
    assert desk.run.state == "undoing"
    assert desk.report(1902, "stop", "done") == ["stop z01 gw-z01 done", "announce z01 gw-z01 undone"]
    desk.report(1902, "release", "done")
    assert desk.report(1903, "barrier-normal", "failed", "gw-z02") == ["barrier-normal * gw-z02 failed !"]
    assert (desk.run.state, desk.run.ended_ms) == ("ended", START_MS + 1_903_000)
    assert desk.see(3000, alert(4, 3000), alert(5, 3000)) == []  # the same incident
    assert len(desk.see(3001, alert(6, 3001, incident="i-9"))) == 2
    assert [run.state for run in desk.runs.values()] == ["ended", "running"]


def test_a_plan_may_leave_things_as_they_are() -> None:
    """With `undo: false` nothing is given back at the end."""
    desk = started(plan(step("doors", DOORS), undo=False), killed=False)
    desk.report(1, "open", "done")
    desk.see(2, alert(1, cleared_s=2), alert(2, cleared_s=2))
    assert desk.see(2 + QUIET_S) == []
    assert desk.run.state == "ended"


def _order(**other: str) -> CommandOrder:
    asked = {"request_id": "r-1", "zone": "*", "operator": "li", "reason": "drill", **other}
    return CommandOrder(subsystem="access", device="door", command="open", **asked)


def test_an_operator_commands_each_gateway_once(killed: bool) -> None:
    """The same request again is the same commands, another under its id is refused; silence needs attention."""
    desk = Desk(PLAN, killed=killed)
    first = desk.linkage.order(_order(), START_MS)
    assert desk.commit(first) == ["open * gw-z01 issued", "open * gw-z02 issued"]
    again = desk.linkage.order(_order(), START_MS + 1000)
    assert again.empty
    assert again.response == first.response
    with pytest.raises(PeerError, match="expected a new id, or the same order as before, found 'r-1'"):
        desk.linkage.order(_order(reason="no drill"), START_MS)
    assert desk.report(1, "open", "done", "gw-z01") == ["open * gw-z01 done"]
    assert desk.see(5) == ["open * gw-z02 timed_out !"]
    assert desk.linkage.due_ms in {None, 0}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"zone": "z09"}, "zone: expected a zone with devices of kind broadcast/amplifier, or '*', found 'z09'"),
        ({"operator": ""}, "operator: expected 1 to 200 characters, found ''"),
        ({"command": "burn"}, "command: expected broadcast/amplifier/announce or broadcast/amplifier/stop, found"),
        ({"parameters": {"message": "hello"}}, "parameters.message: expected evacuate or shelter-indoors"),
        ({"parameters": {}}, "parameters.message: expected evacuate or shelter-indoors"),
        (
            {"parameters": {"message": "test", "repeats": True}},
            "parameters.repeats: expected integer at least 1 and at most 100, found True",
        ),
        (
            {"parameters": {"message": "test", "volume": 9}},
            "parameters: expected message or repeats, found 'volume'",
        ),
    ],
)
def test_a_faulty_order_is_refused(other: dict[str, Any], message: str) -> None:
    """The fault is named with its place, and nothing is commanded."""
    desk = Desk(PLAN)
    written = {"request_id": "r-1", "zone": "*", "operator": "li", "reason": "drill", **ANNOUNCE, **other}
    with pytest.raises(PeerError) as refusal:
        desk.linkage.order(msgspec.convert(written, CommandOrder), START_MS)
    assert message in refusal.value.detail
    assert desk.linkage.due_ms is None


def test_an_unknown_command_cannot_be_reported_about() -> None:
    """404, with what was asked for."""
    with pytest.raises(PeerError, match="expected id of a command, found 'nobody'"):
        Desk(PLAN).linkage.report("nobody", CommandFeedback(state="done"), START_MS)


def test_ids_are_those_of_plan_incident_step_and_gateway() -> None:
    """Two linkages that see the same give the same ids; another incident gives others."""
    first, second = (started(PLAN, killed=False) for _ in range(2))
    assert first.commands == second.commands
    assert first.run.run == digest_of("p1", "fire", "i-1")
    other = Desk(PLAN)
    other.see(0, alert(1, incident="i-2"), alert(2, incident="i-2"))
    assert not set(other.commands) & set(first.commands)
