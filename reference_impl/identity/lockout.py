"""Lock-out after failures, the same for names that exist and names that do not."""

from collections import OrderedDict, deque

FAILURES_MAX = 5
WINDOW_MS = 15 * 60_000
KEYS_MAX = 10_000  # names and clients remembered; the one that failed longest ago goes first


class Lockout:
    """Counts failures by key within a sliding window."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[int]] = OrderedDict()

    def wait_ms(self, key: str, now_ms: int) -> int:
        """How long the key is locked out from now on; 0 when it is not."""
        failures = self._failures.get(key)
        if failures is None:
            return 0
        while failures and failures[0] <= now_ms - WINDOW_MS:
            failures.popleft()
        return failures[-FAILURES_MAX] + WINDOW_MS - now_ms if len(failures) >= FAILURES_MAX else 0

    def attempt(self, key: str, now_ms: int) -> None:
        """Count an attempt as failed until `take_back` says otherwise, so that many at once gain nothing."""
        self._failures.setdefault(key, deque()).append(now_ms)
        self._failures.move_to_end(key)
        if len(self._failures) > KEYS_MAX:
            self._failures.popitem(last=False)

    def take_back(self, key: str, at_ms: int) -> None:
        """The attempt of that time succeeded after all."""
        failures = self._failures.get(key)
        if failures and at_ms in failures:
            failures.remove(at_ms)

    def forgive(self, key: str) -> None:
        """Forget all failures of a key."""
        self._failures.pop(key, None)
