"""Rate limits: a token bucket for each caller."""

from collections import OrderedDict
from math import ceil
from typing import NamedTuple

CALLERS_MAX = 10_000  # buckets remembered; a forgotten one was idle longest and begins full again


class Rate(NamedTuple):
    """So many calls a second in the long run, and so many at once."""

    calls_per_s: float
    burst: int


class Buckets:
    """The buckets of callers that share one rate."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._buckets: OrderedDict[str, list[float]] = OrderedDict()  # calls left, and as of which ms

    def wait_ms(self, caller: str, now_ms: int) -> int:
        """Take one call out of the bucket: 0 when there was one, else how long until there is."""
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = [float(self._rate.burst), float(now_ms)]
            if len(self._buckets) > CALLERS_MAX:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(caller)
        left, at_ms = bucket
        left = min(self._rate.burst, left + max(0.0, now_ms - at_ms) * self._rate.calls_per_s / 1000)
        bucket[1] = max(at_ms, now_ms)
        if left < 1:
            bucket[0] = left
            return ceil((1 - left) * 1000 / self._rate.calls_per_s)
        bucket[0] = left - 1
        return 0
