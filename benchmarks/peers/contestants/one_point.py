"""The rule on one point, in plain Python: what contestants share whose engine leaves the rule to its user."""

from benchmarks.peers import work as w

NORMAL, PENDING, ACTIVE, CLEARING = range(4)


class OnePoint:
    """State of the alarm of one point.

    Attributes:
        phase: `NORMAL` ... `CLEARING`.
        since_ms: when the running delay began; meaningful in `PENDING` and `CLEARING`.
        onset_ms: when the condition began; meaningful outside `NORMAL`.
    """

    __slots__ = ("onset_ms", "phase", "since_ms")

    def __init__(self) -> None:
        self.phase = NORMAL
        self.since_ms = 0
        self.onset_ms = 0

    def take(self, now_ms: int, value: float) -> tuple[int, int, int] | None:
        """Take a reading; returns (`at_ms`, kind, `onset_ms`) when a delay had passed by its time."""
        found = self._elapse(now_ms)
        if value >= w.HIGH:
            if self.phase == NORMAL:
                self.phase, self.since_ms, self.onset_ms = PENDING, now_ms, now_ms
            elif self.phase == CLEARING:
                self.phase = ACTIVE
        elif value < w.HIGH - w.DEADBAND:
            if self.phase == PENDING:
                self.phase = NORMAL
            elif self.phase == ACTIVE:
                self.phase, self.since_ms = CLEARING, now_ms
        return found

    def _elapse(self, now_ms: int) -> tuple[int, int, int] | None:
        if self.phase == PENDING and self.since_ms + w.ON_DELAY_MS <= now_ms:
            self.phase = ACTIVE
            return self.since_ms + w.ON_DELAY_MS, w.RAISE, self.onset_ms
        if self.phase == CLEARING and self.since_ms + w.OFF_DELAY_MS <= now_ms:
            self.phase = NORMAL
            return self.since_ms + w.OFF_DELAY_MS, w.CLEAR, self.onset_ms
        return None
