"""Timeout and resend: the rule that both protocols share, in given time."""

from typing import Literal

import msgspec


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait for an answer and how often to send again.

    10 s and 3 resends: HJ 212-2017 table 1 for mobile links, GB/T 26875.3-2011 cl. 6.5 as the recommended largest
    timeout and count. HJ 212 has 5 s and 3 for ADSL.
    """

    timeout_ms: int = 10_000
    resends: int = 3


class Patience:
    """One exchange that waits for its answer.

    Attributes:
        due_ms: when the answer is overdue.
        resends: how often it has been sent again.
    """

    def __init__(self, timing: Timing, now_ms: int) -> None:
        self._timing = timing
        self.due_ms = now_ms + timing.timeout_ms
        self.resends = 0

    def is_over(self, now_ms: int) -> bool:
        """Whether the answer is overdue."""
        return now_ms >= self.due_ms

    def again(self, now_ms: int) -> Literal["resend", "failed"]:
        """What to do without an answer in time, or after a denial."""
        if self.resends >= self._timing.resends:
            return "failed"
        self.resends += 1
        self.due_ms = now_ms + self._timing.timeout_ms
        return "resend"
