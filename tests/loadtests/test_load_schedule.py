"""The schedule: pure times, open loop."""

from hypothesis import given
from hypothesis import strategies as st

from loadtests.schedule import (
    RETRY_AFTER_MAX_S,
    RETRY_FIRST_S,
    RETRY_MAX_S,
    Schedule,
    harness_lag_us,
    may_resend,
    retry_wait_s,
    users_for,
)

SCHEDULE = Schedule(start_ms=1_000, measured_from_ms=5_000, end_ms=65_000, start_at_ms=901_000)


def test_intended_times_are_the_trace_shifted() -> None:
    """Wall time is scenario time plus one shift that all workers share."""
    assert SCHEDULE.shift_ms == 900_000
    assert SCHEDULE.intended_ms(5_250) == 905_250
    assert SCHEDULE.ends_at_ms == 965_000


def test_phases_meet_without_overlap() -> None:
    """Warm-up ends where measuring begins, and measuring where the trace ends."""
    phases = [SCHEDULE.phase(wall_ms) for wall_ms in (901_000, 904_999, 905_000, 964_999, 965_000)]
    assert phases == ["warm-up", "warm-up", "measured", "measured", "drain"]
    assert [SCHEDULE.second(wall_ms) for wall_ms in (901_000, 901_999, 902_000)] == [0, 0, 1]


def test_waits_as_long_as_the_platform_asks() -> None:
    """Retry-After wins, within reason; without it the wait doubles up to a bound."""
    assert retry_wait_s(1, 3.0) == 3.0
    assert retry_wait_s(9, 0.0) == 0.0
    assert retry_wait_s(1, 1e9) == RETRY_AFTER_MAX_S
    assert [retry_wait_s(attempt, None) for attempt in (1, 2, 3)] == [RETRY_FIRST_S, 0.2, 0.4]
    assert retry_wait_s(10_000, None) == RETRY_MAX_S


def test_only_what_may_pass_later_is_sent_again() -> None:
    """A refusal of the content is final; overload, a fault of the server and silence are not."""
    assert [
        status for status in (0, 400, 401, 404, 408, 409, 413, 422, 425, 429, 500, 502, 503) if may_resend(status)
    ] == [
        0,
        408,
        425,
        429,
        500,
        502,
        503,
    ]


@given(intended=st.integers(0, 10**9), wait=st.integers(0, 10**7), late=st.integers(0, 10**6))
def test_lag_counts_only_what_the_harness_added(intended: int, wait: int, late: int) -> None:
    """While the gateway's former pack is under way the platform is slow, not the harness."""
    assert harness_lag_us(intended + wait + late, intended, intended + wait) == late
    assert harness_lag_us(intended + late, intended, 0) == late


@given(parks=st.integers(1, 200), workers=st.integers(1, 200))
def test_every_worker_gets_a_user_for_each_of_its_parks(parks: int, workers: int) -> None:
    """Locust spreads users evenly; the largest shard must fit the even share."""
    users = users_for(parks, workers)
    largest = max(len(range(shard, parks, workers)) for shard in range(workers))
    assert users % workers == 0
    assert users // workers == largest
