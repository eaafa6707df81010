"""Memory layout of the monitoring core: what a reading touches, and what comes out.

An ordinary reading touches its point's **head** and nothing else: 16 bytes, four to a cache line. The head holds the
point's clock and its **quiet band**: an open interval of values that can change nothing but the clock. A reading
outside of it goes on to the point's **slots**, one cache line each. Those for which every reading counts (`rate`,
`stuck`, `anomaly`, terms of an `expression`) stand first among them. The others (`limit`, `silence`, what an
`expression` only compares with numbers) have a band of their own: a point with slots of the first sort has an empty
band in its head, and that of the others in its **span**.
"""

from typing import Final

import numpy as np

HEAD: Final = np.dtype(
    [
        ("seen_ms", np.int64),  # the point's clock (T7)
        ("quiet_low", np.float32),  # a value above this ...
        ("quiet_high", np.float32),  # ... and below this is quiet; both are rounded inwards
    ]
)
SPAN: Final = np.dtype(
    [
        ("first", np.int32),  # where the point's slots begin
        ("every", np.int16),  # how many of them take every reading; they stand first
        ("all", np.int16),  # how many there are
        ("quiet_low", np.float32),  # band of those that do not take every reading,
        ("quiet_high", np.float32),  # where there are others that do
    ]
)
SLOT: Final = np.dtype(  # one cache line
    [
        ("a", np.float64),  # rate: reference; stuck: anchor; anomaly: mean; operand: a value, NaN before the first
        ("b", np.float64),  # anomaly: variance
        ("since_ms", np.int64),  # time of `a`; silence: of the newest reading, if `flag`; member: how many are raised;
        # operand: its place among the operands
        ("due_ms", np.int64),  # time of the running timer; stuck, silence: not before then; operand: last round
        ("onset_ms", np.int64),  # moment at which the condition began
        ("onset_value", np.float64),  # value at that moment
        ("param", np.int32),
        ("alarm", np.int32),  # -1: member, operand
        ("link", np.int32),  # member: its group; operand: its device; anomaly: readings learned
        ("kind", np.int8),
        ("phase", np.int8),
        ("level", np.int8),
        ("flag", np.int8),  # silence: a timer has moved the point's clock away from its newest reading
    ]
)
PARAM: Final = np.dtype(  # one rule at one level
    [
        ("high", np.float64),  # limit, rate (per ms), k_of_n: begins at >= high; anomaly: square of z; stuck: epsilon
        ("low", np.float64),  # limit, rate: begins at <= low
        ("high_end", np.float64),  # where it ends, deadband included; expression: the deadband
        ("low_end", np.float64),
        ("alpha", np.float64),  # anomaly
        ("floor", np.float64),  # anomaly: least variance
        ("on_delay_ms", np.int64),  # stuck, silence: `after` included
        ("off_delay_ms", np.int64),
        ("window_ms", np.int64),  # rate: `over`, at least 1; k_of_n: `window`
        ("warm_up", np.int32),  # anomaly
        ("calendar", np.int32),  # -1: always
        ("code", np.int32),  # expression: where its program begins
        ("codes", np.int32),  # and how long it is
    ]
)
ALARM: Final = np.dtype(  # one rule on one subject
    [
        ("onset_ms", np.int64),  # of the alarm that stands
        ("value", np.float64),
        ("subject", np.int32),
        ("rule", np.int32),
        ("first_slot", np.int32),  # its slots are neighbours, one a level
        ("membership", np.int32),  # first of its chain in the groups' memberships, -1: none
        ("raised", np.uint8),  # bit n: level n is raised
        ("level", np.uint8),  # the worst that is raised, 0: none
    ],
    align=True,
)
GATEWAY: Final = np.dtype(
    [
        ("watermark_ms", np.int64),  # up to which its readings are complete
        ("heap_start", np.int32),  # where its heap of timers begins
        ("timers", np.int32),  # timers running
        ("first_point", np.int32),  # its points lie in [first_point, end_point)
        ("end_point", np.int32),
        ("alone", np.int32),  # 1: nobody else's do
    ],
    align=True,
)
TIMER: Final = np.dtype([("due_ms", np.int64), ("rank", np.int32), ("slot", np.int32)])
GROUP: Final = np.dtype(  # what a `k_of_n` rule counts in
    [("clock_ms", np.int64), ("slot", np.int32), ("count", np.int32)]
)
MEMBERSHIP: Final = np.dtype(  # an alarm makes a member count
    [
        ("slot", np.int32),  # the member
        ("next", np.int32),  # the same alarm's next membership, -1: none
        ("raised", np.int32),  # 1: it has been raised since the group began to count
    ]
)
DEVICE: Final = np.dtype(  # what an `expression` rule is about
    [
        ("clock_ms", np.int64),
        ("round", np.int64),  # in which it was judged last
        ("slot", np.int32),
        ("first", np.int32),  # its operands: operands[first : first + count]
        ("count", np.int32),
        ("true", np.int32),  # 1: what it says is true, whatever the calendar
    ]
)
OPERAND: Final = np.dtype(  # a point that an expression names
    [
        ("slot", np.int32),
        ("point", np.int32),
        ("first", np.int32),  # what it is compared with, deadband included: cuts[first : first + count]
        ("count", np.int32),
    ]
)
CODE: Final = np.dtype([("number", np.float64), ("op", np.int32), ("operand", np.int32)])
TRANSITION: Final = np.dtype(
    [
        ("at_ms", np.int64),
        ("onset_ms", np.int64),
        ("value", np.float64),
        ("alarm", np.int32),
        ("slot", np.int32),  # the last one that took part
        ("cause", np.int32),  # number of the reading in its release, -1: a timer
        ("kind", np.uint8),  # RAISE, CLEAR or LEVEL
        ("level", np.uint8),
        ("former", np.uint8),  # the level before
    ],
    align=True,
)

# Kinds of slots. Those up to TERM take every reading, the next three those outside of the quiet band, the others none.
RATE: Final = 0
STUCK: Final = 1
ANOMALY: Final = 2
TERM: Final = 3  # an operand of an expression that reckons with it
LIMIT: Final = 4
SILENCE: Final = 5
COMPARED: Final = 6  # an operand of an expression that only compares points with numbers
K_OF_N: Final = 7
MEMBER: Final = 8
EXPRESSION: Final = 9

# Phases of a slot: does the condition hold, and is a timer running? A member is NORMAL, ACTIVE, or CLEARING.
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
WEEK_MINUTES: Final = 7 * 24 * 60

# Places in `Core.tally`, the counters of one call.
COUNT: Final = 0  # transitions written
LATE: Final = 1  # readings that came too late
CAUSE: Final = 2  # reading at work, -1: a timer
WAITING: Final = 3  # operands whose devices wait to be judged
MOMENT_MS: Final = 4  # the moment at whose end they are judged
LEAVING: Final = 5  # members whose last alarm was cleared by the reading or timer at work
ROUND: Final = 6  # counts the moments at whose end devices were judged, over all calls
STIRRED: Final = 7  # 1: a timer was started or stopped, a device waits, or a member leaves
TALLIES: Final = 8
