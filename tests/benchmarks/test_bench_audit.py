"""The audit: a run counts only when the harness kept all its conditions."""

import pytest

from benchmarks import assemble
from benchmarks.audit import Evidence, audit, validity

GOOD = Evidence(
    null_ceiling_per_s=400_000,
    offered_per_s=94_000,
    send_lag_ms_p99=1.5,
    harness_cores=0.5,
    clock_offset_ms=-0.4,
    observer_delay_ms_p99=2.0,
    digest_offered="0123456789abcdef",
    digest_expected="0123456789abcdef",
    emissions_offered=1000,
    emissions_expected=1000,
)
BREACHES = {
    "headroom": {"null_ceiling_per_s": 281_000},
    "send_lag_ms_p99": {"send_lag_ms_p99": 50.1},
    "harness_cores": {"harness_cores": 0.91},
    "clock_offset_ms": {"clock_offset_ms": -100.5},
    "observer_delay_ms_p99": {"observer_delay_ms_p99": 101.0},
    "emissions_missing": {"emissions_offered": 999},
    "trace_differs": {"digest_offered": "0123456789abcdee"},
}


def test_good_evidence_is_valid() -> None:
    """With everything inside its limit the run is VALID and no check gives a reason."""
    checks = audit(GOOD)
    assert validity(checks) == "VALID"
    assert [check.reason for check in checks] == [""] * len(checks)


@pytest.mark.parametrize("name", BREACHES)
def test_one_breach_makes_it_invalid(name: str) -> None:
    """Each single breach makes the run INVALID, and only its own check fails, with a reason."""
    checks = audit(GOOD._replace(**BREACHES[name]))  # type: ignore[arg-type]  # each value fits its own field
    assert validity(checks) == "INVALID"
    assert [check.name for check in checks if not check.ok] == [name]
    assert all(check.reason for check in checks if not check.ok)


@pytest.mark.parametrize(
    "name", ["null_ceiling_per_s", "send_lag_ms_p99", "harness_cores", "clock_offset_ms", "observer_delay_ms_p99"]
)
def test_what_was_not_measured_is_a_breach(name: str) -> None:
    """A figure that is missing cannot make a run valid."""
    assert validity(audit(GOOD._replace(**{name: None}))) == "INVALID"  # type: ignore[arg-type]  # None fits all of these


def test_sending_twice_is_a_breach() -> None:
    """More emissions than the trace has are as wrong as fewer."""
    assert validity(audit(GOOD._replace(emissions_offered=1001))) == "INVALID"


def test_a_platform_is_not_blamed_for_the_harness(gathered: assemble.Gathered) -> None:
    """A harness without headroom ends INVALID while the platform's objectives stand as measured."""
    made = assemble.result(gathered._replace(null_ceiling_per_s=100_000.0))
    assert made.validity == "INVALID"
    assert made.objectives_met
