"""When everything is meant to happen. Pure: times in, times out.

The load is open loop: a pack's intended time follows from the trace and from the common start alone. Nothing that the
platform does moves it.
"""

from typing import Literal, NamedTuple

Phase = Literal["warm-up", "measured", "drain"]

RETRY_FIRST_S = 0.1
RETRY_MAX_S = 2.0
RETRY_AFTER_MAX_S = 30.0
_BACK_PRESSURE = (429, 503)
_TOO_EARLY = (408, 425)


class Schedule(NamedTuple):
    """The trace's own times and the wall time at which it is started, all Unix milliseconds.

    Attributes:
        start_ms: scenario time at which the trace begins.
        measured_from_ms: scenario time at which measuring begins.
        end_ms: scenario time at which the trace ends.
        start_at_ms: wall time at which the trace is started; the same for every worker.
    """

    start_ms: int
    measured_from_ms: int
    end_ms: int
    start_at_ms: int

    @property
    def shift_ms(self) -> int:
        """From scenario time to wall time."""
        return self.start_at_ms - self.start_ms

    @property
    def ends_at_ms(self) -> int:
        """Wall time of the end of the trace."""
        return self.end_ms + self.shift_ms

    @property
    def measured_from_wall_ms(self) -> int:
        """Wall time at which measuring begins."""
        return self.measured_from_ms + self.shift_ms

    def intended_ms(self, due_ms: int) -> int:
        """Wall time at which something due at scenario time `due_ms` is meant to be sent."""
        return due_ms + self.shift_ms

    def phase(self, wall_ms: int) -> Phase:
        """The phase that a wall time lies in."""
        if wall_ms < self.measured_from_wall_ms:
            return "warm-up"
        return "measured" if wall_ms < self.ends_at_ms else "drain"

    def second(self, wall_ms: int) -> int:
        """Number of the second of the run that a wall time lies in; the first is 0."""
        return (wall_ms - self.start_at_ms) // 1000


def is_back_pressure(status: int) -> bool:
    """Whether a platform says with this status that it has too much to do now."""
    return status in _BACK_PRESSURE


def may_resend(status: int) -> bool:
    """Whether the same thing may be accepted later: no answer, too early, too much, or a fault of the server."""
    return status == 0 or status in _TOO_EARLY or status in _BACK_PRESSURE or status >= 500  # noqa: PLR2004 - HTTP 5xx


def retry_wait_s(attempt: int, retry_after_s: float | None) -> float:
    """How long to wait before attempt `attempt` + 1 (the first is 1).

    What the platform asks for, within reason; else twice as long each time.
    """
    if retry_after_s is not None:
        return min(max(retry_after_s, 0.0), RETRY_AFTER_MAX_S)
    return float(min(RETRY_FIRST_S * 2 ** min(attempt - 1, 10), RETRY_MAX_S))


def harness_lag_us(sent_us: int, intended_us: int, lane_free_us: int) -> int:
    """How much later than possible the harness sent; what the platform took until `lane_free_us` is not the harness's.

    Args:
        sent_us: when the first attempt was sent.
        intended_us: when it was meant to be sent.
        lane_free_us: when the gateway's former pack was done with; packs of a gateway go one after the other.
    """
    return max(0, sent_us - max(intended_us, lane_free_us))


def users_for(parks: int, workers: int) -> int:
    """Users to ask Locust for, so that an even spread gives each worker one for every park of its shard."""
    return -(-parks // workers) * workers
