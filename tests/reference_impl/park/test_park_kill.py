"""A kill at any point, restored from what was stored, leaves no trace in the history."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from park_histories import Again, arrivals, live, steps


@given(steps)
@settings(max_examples=400, deadline=None)
def test_a_kill_leaves_no_trace(history: list[Any]) -> None:
    """Whatever was stored before the kill, events, uplink, positions and state are those of a run without it."""
    undisturbed, killed = live(history, killed=False), live(history, killed=True)
    assert killed.history == undisturbed.history
    assert killed.alerts == undisturbed.alerts
    assert killed.alarms == undisturbed.alarms
    assert killed.stored.snapshot == undisturbed.stored.snapshot


@given(st.lists(arrivals, max_size=25), st.data())
@settings(max_examples=150, deadline=None)
def test_packs_handed_in_twice_leave_no_trace(history: list[Any], data: st.DataObject) -> None:
    """A retry, at once or long after, changes nothing."""
    retried: list[Any] = []
    for place, step in enumerate(history):
        retried += [step, Again(history[data.draw(st.integers(0, place))])]
    assert live(retried, killed=False).history == live(history, killed=False).history
