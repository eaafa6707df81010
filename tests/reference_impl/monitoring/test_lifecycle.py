"""The lifecycle table: every state x event, its invariants, and the diagram in the documentation."""

from pathlib import Path

import pytest

from contract.messages import AlarmState
from reference_impl.monitoring import lifecycle
from reference_impl.monitoring.lifecycle import EVENTS, STATES, TRANSITIONS, Back, Event, next_state

SEMANTICS = Path(lifecycle.__file__).with_name("SEMANTICS.md")
# Written out a second time, by hand: the state after each event, "-" refused, "a/b" by whether the condition holds.
EXPECTED = """
      raise clear realarm acknowledge shelve unshelve   suppress unsuppress remove_from_service return_to_service
NORM  UNACK -     -       -           SHLVD  -          DSUPR    -          OOSRV               -
UNACK -     RTNUN UNACK   ACKED       SHLVD  -          DSUPR    -          OOSRV               -
ACKED -     NORM  UNACK   -           SHLVD  -          DSUPR    -          OOSRV               -
RTNUN UNACK -     -       NORM        SHLVD  -          DSUPR    -          OOSRV               -
SHLVD SHLVD SHLVD SHLVD   -           -      UNACK/NORM -        -          OOSRV               -
DSUPR DSUPR DSUPR DSUPR   -           -      -          -        UNACK/NORM OOSRV               -
OOSRV OOSRV OOSRV OOSRV   -           -      -          -        -          -                   UNACK/NORM
"""


def expected() -> dict[tuple[str, str], str]:
    header, *rows = (line.split() for line in EXPECTED.strip().splitlines())
    return {(row[0], event): cell for row in rows for event, cell in zip(header, row[1:], strict=True)}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", EVENTS)
def test_every_event_in_every_state(state: AlarmState, event: Event) -> None:
    """Each pair of state and event leads where ISA-18.2 leads, or is refused."""
    outcomes = [next_state(state, event, condition=condition) for condition in (True, False)]
    cell = expected()[state, event]
    with_condition, _, without = cell.partition("/")
    assert outcomes == ([None, None] if cell == "-" else [with_condition, without or with_condition])


def test_the_expected_table_is_complete() -> None:
    """No state and no event is left out."""
    assert set(expected()) == {(state, event) for state in STATES for event in EVENTS}


def test_every_state_can_be_reached_and_left() -> None:
    """No state is a trap, and none is only on paper."""
    moves = {
        (state, target)
        for (state, event) in TRANSITIONS
        for condition in (True, False)
        if (target := next_state(state, event, condition=condition)) != state
    }
    assert {before for before, _ in moves} == {after for _, after in moves} == set(STATES)


def test_a_raised_alarm_is_never_lost_from_sight_without_an_operator() -> None:
    """Only an operator's or a designer's act leads from an unacknowledged state to one that needs no attention."""
    for state in ("UNACK", "RTNUN"):
        for event in ("raise", "clear", "realarm"):
            assert next_state(state, event, condition=event != "clear") in (None, "UNACK", "RTNUN")


def test_the_diagram_in_the_documentation_is_drawn_from_the_table() -> None:
    """SEMANTICS.md shows the table as it is."""
    assert f"```mermaid\n{lifecycle.diagram()}\n```" in SEMANTICS.read_text(encoding="utf-8")
    assert all(isinstance(target, Back) or target in STATES for target in TRANSITIONS.values())
