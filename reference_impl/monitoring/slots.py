"""Memory layout of the monitoring core: a head for each point, a slot for each rule on each point, and what comes out.

An ordinary reading touches its point's head and nothing else: 16 bytes, four to a cache line. The head holds the
point's clock and its **quiet band**: an open interval of values that can change nothing but the clock. A reading
outside of it goes to the point's slots, which then set the band anew around its value. A point without rules has the
whole line as its band and no slot; a point with a rule for which every reading counts has an empty band for good.
"""

from typing import Final

import numpy as np

HEAD: Final = np.dtype(
    [
        ("seen_ms", np.int64),  # the point's clock (see SEMANTICS.md)
        ("quiet_low", np.float32),  # a value above this ...
        ("quiet_high", np.float32),  # ... and below this is quiet; both are rounded inwards
    ]
)
SLOT: Final = np.dtype(
    [
        ("due_ms", np.int64),  # time of the running timer; meaningful in PENDING and CLEARING only
        ("onset_ms", np.int64),  # time of the first reading of the run; meaningful outside NORMAL
        ("onset_value", np.float64),  # value of that reading
        ("point", np.int32),
        ("rule", np.int32),
        ("timer", np.int32),  # place in the gateway's heap of timers; meaningful in PENDING and CLEARING only
        ("phase", np.int32),
    ]
)
LIMIT: Final = np.dtype(
    [
        ("high", np.float64),  # the condition begins at value >= high ...
        ("low", np.float64),  # ... or value <= low; infinite where there is no such limit
        ("high_end", np.float64),  # it ends at value < high_end (high - deadband) ...
        ("low_end", np.float64),  # ... and value > low_end (low + deadband)
        ("on_delay_ms", np.int64),  # delay before an alarm is raised
        ("off_delay_ms", np.int64),  # delay before it is cleared
    ]
)
GATEWAY: Final = np.dtype(
    [
        ("watermark_ms", np.int64),  # newest event time seen
        ("heap_start", np.int32),  # where its heap of timers begins
        ("timers", np.int32),  # timers running
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

# Phases of a slot: does the condition hold, and is a timer running?
NORMAL: Final = 0  # the condition does not hold
PENDING: Final = 1  # it holds, the on-delay is running
ACTIVE: Final = 2  # it holds and the alarm is raised
CLEARING: Final = 3  # it holds no longer, the off-delay is running, the alarm is still raised

# Kinds of transitions.
RAISE: Final = 1
CLEAR: Final = 2
LEVEL: Final = 3  # the worst level that is raised has changed

NEVER_MS: Final = np.iinfo(np.int64).min  # a clock that has not begun
FOREVER_MS: Final = np.iinfo(np.int64).max  # a timer that does not run
