"""The harness audits itself. A run counts only when the harness had headroom, kept time and offered everything.

Each check names a measured figure and its limit. One breach makes the run INVALID, with the reason: such a run says
something about this machine and nothing about the platform.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from benchmarks.result import AuditCheck, Bound, Validity

HEADROOM_MIN = 3.0
"""The harness alone must reach this multiple of the offered rate against a target that costs nothing. Below, a slow
second of the harness looks like a slow platform."""

SEND_LAG_MS_P99_MAX = 50.0
"""A pack may leave this late for reasons of ours. Corrected latency counts from the intended time, so our own lag is
inside it: 50 ms is a tenth of the tightest acknowledgement objective in the library (500 ms). A calm machine stays
below 5 ms."""

HARNESS_CORES_MAX = 0.9
"""Mean load of the busiest harness process over the trace. A Locust process runs on one core: above 0.9 its queue of
due packs grows without any fault of the platform."""

CLOCK_OFFSET_MS_MAX = 100.0
"""The four times of a sample come from the harness's clock, so an offset changes no latency. It changes what a platform
holds for late or for future, and how an operator reads its times; NTP keeps machines in one room well inside this."""

OBSERVER_DELAY_MS_P99_MAX = 100.0
"""The process of our subscribers may wake up this late, and then sees an alert late: a tenth of the tightest alert
objective in the library (1000 ms). It is measured once a second, so in a short run the p99 is the largest."""


class Evidence(NamedTuple):
    """What the harness measured about itself; None where it could not be measured, which is a breach."""

    null_ceiling_per_s: float | None  # readings/s into the null target
    offered_per_s: float  # readings/s that the scenario asks for
    send_lag_ms_p99: float | None
    harness_cores: float | None
    clock_offset_ms: float | None
    observer_delay_ms_p99: float | None
    digest_offered: str
    digest_expected: str
    emissions_offered: int
    emissions_expected: int


class _Limit(NamedTuple):
    value: float
    bound: Bound
    unit: str


_REASONS = {
    "headroom": "the harness alone reached too small a multiple of the offered rate against the null target",
    "send_lag_ms_p99": "the harness sent late: give it a core of its own, or more workers",
    "harness_cores": "a harness process was near the limit of its core: use more workers",
    "clock_offset_ms": "the clocks of harness and platform differ: synchronise them (NTP, chrony)",
    "observer_delay_ms_p99": "our subscribers woke up late, so alerts look later than they were",
    "emissions_missing": "the harness did not offer everything in the trace exactly once",
    "trace_differs": "what the harness offered is not the trace of this scenario and seed",
}


def audit(evidence: Evidence) -> list[AuditCheck]:
    """All checks, in the order in which a reader wants them."""
    headroom = None
    if evidence.null_ceiling_per_s is not None and evidence.offered_per_s > 0:
        headroom = evidence.null_ceiling_per_s / evidence.offered_per_s
    offset_ms = None if evidence.clock_offset_ms is None else abs(evidence.clock_offset_ms)
    missing = float(evidence.emissions_expected - evidence.emissions_offered)
    differs = float(evidence.digest_offered != evidence.digest_expected)
    return [
        _check("headroom", headroom, _Limit(HEADROOM_MIN, "at_least", "x")),
        _check("send_lag_ms_p99", evidence.send_lag_ms_p99, _Limit(SEND_LAG_MS_P99_MAX, "at_most", "ms")),
        _check("harness_cores", evidence.harness_cores, _Limit(HARNESS_CORES_MAX, "at_most", "cores")),
        _check("clock_offset_ms", offset_ms, _Limit(CLOCK_OFFSET_MS_MAX, "at_most", "ms")),
        _check(
            "observer_delay_ms_p99", evidence.observer_delay_ms_p99, _Limit(OBSERVER_DELAY_MS_P99_MAX, "at_most", "ms")
        ),
        _check("emissions_missing", missing, _Limit(0, "equal", "emissions")),
        _check("trace_differs", differs, _Limit(0, "equal", "digests")),
    ]


def validity(checks: Iterable[AuditCheck]) -> Validity:
    """VALID only when every check holds."""
    return "VALID" if all(check.ok for check in checks) else "INVALID"


def within(measured: float, limit: float, bound: Bound) -> bool:
    """Whether a figure keeps its bound."""
    if bound == "equal":
        return math.isclose(measured, limit, abs_tol=1e-9)
    return measured >= limit if bound == "at_least" else measured <= limit


def _check(name: str, measured: float | None, limit: _Limit) -> AuditCheck:
    ok = measured is not None and within(measured, limit.value, limit.bound)
    reason = _REASONS[name] if measured is not None else "this was not measured, so the run cannot be trusted"
    return AuditCheck(
        name=name,
        measured=measured,
        limit=limit.value,
        bound=limit.bound,
        unit=limit.unit,
        ok=ok,
        reason="" if ok else reason,
    )
