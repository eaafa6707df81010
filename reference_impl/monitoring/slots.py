"""Memory layout of the monitoring core: one 64-byte slot for each rule on each point, and what the kernels write out.

Slots are sorted by point, so that a reading touches one cache line for each rule on its point and no other. The first
slot of a point also keeps the point's clock; a point without a rule has one slot that never fires. Each rule kind uses
the parameter fields in its own way; those of a limit are named here.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

CACHE_LINE: Final = 64

SLOT: Final = np.dtype(
    [
        ("high", np.float64),  # the condition begins at value >= high ...
        ("low", np.float64),  # ... or value <= low; infinite where there is no such limit
        ("high_end", np.float64),  # it ends at value < high_end (high - deadband) ...
        ("low_end", np.float64),  # ... and value > low_end (low + deadband)
        ("seen_ms", np.int64),  # in a point's first slot: the point's clock (see SEMANTICS.md)
        ("due_ms", np.int64),  # time of the running timer; meaningful in PENDING and CLEARING only
        ("onset_ms", np.int64),  # time of the first reading of the run; meaningful outside NORMAL
        ("rule", np.int32),  # index of the rule, -1 for none
        ("kind", np.uint8),
        ("phase", np.uint8),
        ("spare", np.uint16),
    ]
)
TRANSITION: Final = np.dtype(
    [
        ("at_ms", np.int64),  # event time of the transition
        ("onset_ms", np.int64),  # event time of the first reading of the run
        ("value", np.float64),  # value of that reading
        ("slot", np.int32),
        ("kind", np.int32),  # RAISE or CLEAR
    ]
)

# Kinds of rules.
NONE: Final = 0
LIMIT: Final = 1

# Phases of a slot: does the condition hold, and is a timer running?
NORMAL: Final = 0  # the condition does not hold
PENDING: Final = 1  # it holds, the on-delay is running
ACTIVE: Final = 2  # it holds and the alarm is raised
CLEARING: Final = 3  # it holds no longer, the off-delay is running, the alarm is still raised

# Kinds of transitions.
RAISE: Final = 1
CLEAR: Final = 2

NEVER_MS: Final = np.iinfo(np.int64).min  # a clock that has not begun
FOREVER_MS: Final = np.iinfo(np.int64).max  # a timer that does not run


def empty_slots(count: int) -> NDArray[np.void]:
    """`count` zeroed slots, (count,) of `SLOT`, each on a cache line of its own."""
    memory = np.zeros((count + 1) * CACHE_LINE, dtype=np.uint8)
    offset = -memory.ctypes.data % CACHE_LINE
    slots: NDArray[np.void] = memory[offset : offset + count * CACHE_LINE].view(SLOT)
    return slots
