"""The arrays of a monitor, as the kernels take them."""

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Record = Any  # one record of a structured array, by reference
Records = NDArray[np.void]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]

_PLAIN: Final[dict[str, Any]] = {"nogil": True, "error_model": "numpy", "_nrt": False}
"""They allocate nothing, so references need no counting, which would cost most of the time."""

entrance = njit(cache=True, **_PLAIN)
"""For kernels that are called from outside."""

kernel = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **_PLAIN)
"""For kernels that only kernels call."""

inlined = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True, **_PLAIN)
"""For what every reading goes through: a call that hands on all arrays costs more than what it does."""


class Core(NamedTuple):
    """State and parameters; the dtypes are those of `slots`.

    Attributes:
        heads: (points,) of HEAD.
        spans: (points,) of SPAN.
        slots: (slots,) of SLOT: those of the points, in order of point, then those of groups, members and expressions.
        params: (n,) of PARAM.
        alarms: (alarms,) of ALARM, in order of (subject, rule).
        gateway_of: (points,) index of the gateway of each point.
        gateways: (gateways,) of GATEWAY.
        heap: (slots,) of TIMER, the heaps of all gateways.
        ranks: (slots,) in which order timers fire that are due at once: those of devices and zones first.
        places: (slots,) where in its gateway's heap each slot's timer is; meaningful while it runs.
        groups, memberships: of GROUP and MEMBERSHIP.
        devices: of DEVICE.
        operands: of OPERAND.
        cuts: the numbers that operands are compared with.
        codes: of CODE, the programs of the expressions.
        open: of 0 or 1: local minutes of the week in which a rule takes part, WEEK_MINUTES for each calendar.
        offset_ms: (calendars,) local time less UTC.
        closed_days: (n,) local days since 1970 on which calendars are closed all day ...
        closed_first: (calendars + 1,) ... and where those of each calendar begin.
        waiting: (operands,) devices that wait to be judged, `tally[WAITING]` of them, some more than once.
        leaving: (members,) those whose last alarm was cleared just now, `tally[LEAVING]` of them.
        stack: room for the evaluation of an expression.
        out: of TRANSITION, where they are written.
        tally: counters of one call.
    """

    heads: Records
    spans: Records
    slots: Records
    params: Records
    alarms: Records
    gateway_of: Int32s
    gateways: Records
    heap: Records
    ranks: Int32s
    places: Int32s
    groups: Records
    memberships: Records
    devices: Records
    operands: Records
    cuts: Floats
    codes: Records
    open: NDArray[np.uint8]
    offset_ms: Int64s
    closed_days: Int64s
    closed_first: Int32s
    waiting: Int32s
    leaving: Int32s
    stack: Floats
    out: Records
    tally: Int64s
