"""The logger's side of uploads: wait for the answer, send again, give the link up (HJ 212-2017, 6.2 and 6.5)."""

from collections import deque
from typing import Final, Literal

import msgspec

from contract.devices.hj212.segment import EDITION_2025, Segment
from contract.devices.resend import Patience, Timing

_ANSWERS: Final = {"1013": "9013", "9015": "9013"}
_DATA_ANSWER: Final = "9014"
_HEARTBEAT: Final = "9015"

State = Literal["idle", "waiting", "unusable"]


class Uploader:
    """One logger's link, in given time: what to send comes out of every call.

    A segment that wants an answer goes out alone: the next follows after its 9014 (9013 for 9015 and 1013) with the
    same QN, so packets go one by one. Without an answer for `timing.timeout_ms` it is sent again, `timing.resends`
    times; then the link is unusable and sends nothing until `reconnect`. What was not answered is kept and sent again
    then.

    Edition 2025 marks what is sent again with RF=1 and sends new data before it [S].

    Attributes:
        timing: may be set at any time (CN 1000); holds from the next exchange on.
        answered, resent, refused, unexpected: counts: exchanges answered, segments sent again, segments that found the
            queue full, answers that nobody waited for.
    """

    def __init__(self, timing: Timing | None = None, *, edition: int = 1, queue_max: int = 10_000) -> None:
        self.timing = timing or Timing()
        self.answered = self.resent = self.refused = self.unexpected = 0
        self._marks_again = edition >= EDITION_2025
        self._queue_max = queue_max
        self._fresh: deque[Segment] = deque()
        self._again: deque[Segment] = deque()
        self._current: Segment | None = None
        self._patience: Patience | None = None
        self._is_usable = True

    @property
    def state(self) -> State:
        """`waiting` for an answer, `unusable` after the last resend, otherwise `idle`."""
        if not self._is_usable:
            return "unusable"
        return "waiting" if self._current else "idle"

    @property
    def due_ms(self) -> int | None:
        """When `tick` has something to do."""
        return self._patience.due_ms if self._patience else None

    @property
    def waiting(self) -> int:
        """Segments that are kept: not sent yet or not answered yet."""
        return len(self._fresh) + len(self._again) + (self._current is not None)

    def offer(self, segment: Segment, now_ms: int) -> list[Segment]:
        """Hand over a segment; one that finds the queue full is refused and counted."""
        if self.waiting >= self._queue_max:
            self.refused += 1
            return []
        self._fresh.append(segment)
        return self._next(now_ms)

    def receive(self, answer: Segment, now_ms: int) -> list[Segment]:
        """Something came from the platform."""
        current = self._current
        if current is None or answer.qn != current.qn or answer.cn != _ANSWERS.get(current.cn, _DATA_ANSWER):
            self.unexpected += 1
            return []
        self.answered += 1
        self._current = self._patience = None
        return self._next(now_ms)

    def tick(self, now_ms: int) -> list[Segment]:
        """Time has passed."""
        if self._current is None or self._patience is None or not self._patience.is_over(now_ms):
            return []
        if self._patience.again(now_ms) == "failed":
            self.disconnect()
            return []
        self._current = self._marked(self._current)
        self.resent += 1
        return [self._current]

    def disconnect(self) -> None:
        """The link is gone: keep what was not answered. A heartbeat is not worth keeping."""
        current, self._current, self._patience = self._current, None, None
        self._is_usable = False
        if current is not None and current.cn != _HEARTBEAT:
            self._again.appendleft(current)

    def reconnect(self, now_ms: int) -> list[Segment]:
        """There is a new connection: go on with what was kept."""
        if self._current is not None:
            self.disconnect()
        self._is_usable = True
        return self._next(now_ms)

    def _next(self, now_ms: int) -> list[Segment]:
        """Send until something has to be waited for."""
        out: list[Segment] = []
        while self._is_usable and self._current is None and (self._fresh or self._again):
            if self._again and not (self._marks_again and self._fresh):
                segment = self._marked(self._again.popleft())
                self.resent += 1
            else:
                segment = self._fresh.popleft()
            out.append(segment)
            if segment.answer_wanted:
                self._current = segment
                self._patience = Patience(self.timing, now_ms)
        return out

    def _marked(self, segment: Segment) -> Segment:
        return msgspec.structs.replace(segment, resent=True) if self._marks_again else segment
