"""The life of an alert: ISA-18.2 / IEC 62682 states and events in one table.

The documentation's diagram is drawn from the table (`diagram`), the tests go through it exhaustively, and nothing else
decides.
"""

from enum import Enum
from typing import Final, Literal, get_args

from contract.messages import AlarmState

Event = Literal[
    "raise",  # the condition has held for the on-delay
    "clear",  # the condition has been gone for the off-delay
    "realarm",  # it stands at a worse level than the one that the operator has seen
    "acknowledge",  # an operator has seen it
    "shelve",  # an operator sets it aside for a time
    "unshelve",  # ... and the time is over, or the operator takes it back
    "suppress",  # the process is in a state in which the alarm means nothing
    "unsuppress",  # ... and it has left that state
    "remove_from_service",  # for maintenance
    "return_to_service",
]
STATES: Final[tuple[AlarmState, ...]] = get_args(AlarmState)
EVENTS: Final[tuple[Event, ...]] = get_args(Event)


class Back(Enum):
    """Where an alarm goes when it comes back to the operator: the state depends on whether its condition holds then."""

    BY_CONDITION = "UNACK if the condition holds, else NORM"


# ISA-18.2-2016, alarm state transition diagram; `realarm` is its re-alarm. What is not in the table is refused.
TRANSITIONS: Final[dict[tuple[AlarmState, Event], AlarmState | Back]] = {
    # The condition.
    ("NORM", "raise"): "UNACK",
    ("RTNUN", "raise"): "UNACK",
    ("UNACK", "clear"): "RTNUN",
    ("ACKED", "clear"): "NORM",
    ("UNACK", "realarm"): "UNACK",
    ("ACKED", "realarm"): "UNACK",
    # The operator.
    ("UNACK", "acknowledge"): "ACKED",
    ("RTNUN", "acknowledge"): "NORM",
    ("NORM", "shelve"): "SHLVD",
    ("UNACK", "shelve"): "SHLVD",
    ("ACKED", "shelve"): "SHLVD",
    ("RTNUN", "shelve"): "SHLVD",
    ("SHLVD", "unshelve"): Back.BY_CONDITION,
    # The design.
    ("NORM", "suppress"): "DSUPR",
    ("UNACK", "suppress"): "DSUPR",
    ("ACKED", "suppress"): "DSUPR",
    ("RTNUN", "suppress"): "DSUPR",
    ("DSUPR", "unsuppress"): Back.BY_CONDITION,
    # Maintenance.
    ("NORM", "remove_from_service"): "OOSRV",
    ("UNACK", "remove_from_service"): "OOSRV",
    ("ACKED", "remove_from_service"): "OOSRV",
    ("RTNUN", "remove_from_service"): "OOSRV",
    ("SHLVD", "remove_from_service"): "OOSRV",
    ("DSUPR", "remove_from_service"): "OOSRV",
    ("OOSRV", "return_to_service"): Back.BY_CONDITION,
    # Out of the operator's sight the condition may come and go; the state does not show it.
    ("SHLVD", "raise"): "SHLVD",
    ("SHLVD", "clear"): "SHLVD",
    ("SHLVD", "realarm"): "SHLVD",
    ("DSUPR", "raise"): "DSUPR",
    ("DSUPR", "clear"): "DSUPR",
    ("DSUPR", "realarm"): "DSUPR",
    ("OOSRV", "raise"): "OOSRV",
    ("OOSRV", "clear"): "OOSRV",
    ("OOSRV", "realarm"): "OOSRV",
}
OUT_OF_SIGHT: Final[frozenset[AlarmState]] = frozenset({"SHLVD", "DSUPR", "OOSRV"})


def next_state(state: AlarmState, event: Event, *, condition: bool) -> AlarmState | None:
    """The state after an event, None when the state refuses it.

    Args:
        state: the state before.
        event: what happens.
        condition: whether the alarm's condition holds after the event.
    """
    target = TRANSITIONS.get((state, event))
    if isinstance(target, Back):
        return "UNACK" if condition else "NORM"
    return target


def diagram() -> str:
    """The table as a Mermaid state diagram, as it stands in SEMANTICS.md."""
    lines = ["stateDiagram-v2", "    [*] --> NORM"]
    for (state, event), target in TRANSITIONS.items():
        if isinstance(target, Back):
            lines += [
                f"    {state} --> UNACK: {event} [condition holds]",
                f"    {state} --> NORM: {event} [condition gone]",
            ]
        elif target != state:
            lines.append(f"    {state} --> {target}: {event}")
    return "\n".join(lines)
