"""A kill at any point of any history leaves no trace in what linkage gave."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from linkage_park import ANNOUNCE, BARRIERS, DOORS, QUIET_S, Desk, alert, plan, step

from contract.errors import PeerError

IN_ORDER = plan(
    step("doors", DOORS, retries=1, compensate={**ANNOUNCE, "where": "zone"}),
    step("barriers", BARRIERS, "park", after_s=3),
    order="in-order",
)
AT_ONCE = plan(step("announce", ANNOUNCE), step("doors", DOORS, after_s=4, retries=1), devices=1)
COMMANDS = ["announce", "open", "barrier-open", "stop", "release", "barrier-normal"]
seen = st.tuples(st.just("see"), st.integers(1, 3), st.booleans(), st.sampled_from(["i-1", "i-2"]))
reports = st.tuples(st.just("report"), st.sampled_from(COMMANDS), st.sampled_from(["accepted", "done", "failed"]))
passing = st.tuples(st.just("wait"), st.sampled_from([1.0, 5.0, 30.0, QUIET_S]))
histories = st.lists(st.one_of(seen, reports, passing), max_size=40)


def _live(desk: Desk, history: list[Any]) -> list[Any]:
    """Run a history; gives what linkage made of it, refusals included."""
    standing: dict[tuple[int, str], float] = {}
    now_s = 0.0
    for what, *rest in history:
        now_s += 0.5
        if what == "wait":
            now_s += rest[0]
            desk.see(now_s)
        elif what == "see":
            device, stands, incident = rest
            raised_s = standing.setdefault((device, incident), now_s)
            if not stands:
                del standing[device, incident]
            desk.see(now_s, alert(device, raised_s, cleared_s=None if stands else now_s, incident=incident))
        else:
            try:
                desk.report(now_s, *rest, gateway="gw-z02" if rest[0].startswith("barrier") else "gw-z01")
            except (PeerError, ValueError) as refusal:  # ValueError: no such command was given yet
                desk.history.append(str(refusal))
    return desk.history


@given(st.sampled_from([IN_ORDER, AT_ONCE]), histories)
@settings(max_examples=500, deadline=None)
def test_a_kill_leaves_no_trace_in_linkage(plan: Any, history: list[Any]) -> None:  # noqa: ANN401 - a plan
    """Whatever comes, restoring after every step gives the same commands and runs, with the same numbers and times."""
    undisturbed, killed = Desk(plan), Desk(plan, killed=True)
    assert _live(undisturbed, history) == _live(killed, history)
    assert undisturbed.commands == killed.commands
    assert undisturbed.runs == killed.runs


@given(st.sampled_from([IN_ORDER, AT_ONCE]), histories)
@settings(max_examples=300, deadline=None)
def test_no_plan_starts_twice_and_no_number_comes_twice(plan: Any, history: list[Any]) -> None:  # noqa: ANN401 - a plan
    """An incident has one run, each giving of a command a number of its own, and what has ended stays as it is."""
    desk = Desk(plan, killed=True)
    _live(desk, history)
    incidents = [run.incident for run in desk.runs.values()]
    assert len(incidents) == len(set(incidents))
    numbers = sorted(command.number for command in desk.commands.values())
    assert len(numbers) == len(set(numbers))
    for command in desk.commands.values():
        assert (command.ended_ms is None) == (command.state in {"issued", "accepted"})
    for run in desk.runs.values():
        if run.state == "ended":
            assert all(each.ended_ms is not None for each in desk.commands.values() if each.run == run.run)
