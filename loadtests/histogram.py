"""Latencies in HdrHistograms: microseconds, 1 us to 1 h, three significant digits, nothing clipped below an hour."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from hdrh.histogram import HdrHistogram

HIGHEST_US = 3_600_000_000
DIGITS = 3


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution of latencies.

    Attributes:
        histogram: the HdrHistogram itself (V2, compressed, base64), values in microseconds.
        over_one_hour: how many values stand at one hour because they were longer.
    """

    count: int = 0
    p50_ms: float = 0.0
    p90_ms: float = 0.0
    p99_ms: float = 0.0
    p999_ms: float = 0.0
    max_ms: float = 0.0
    over_one_hour: int = 0
    histogram: str = ""

    @classmethod
    def merged(cls, parts: "Iterable[Latency]") -> "Latency":
        """The distribution of all parts together; the same as if it had never been in parts."""
        whole = LatencyRecorder()
        for part in parts:
            whole.add(part)
        return whole.freeze()


class LatencyRecorder:
    """A histogram that is being filled."""

    def __init__(self) -> None:
        self._histogram: Any = HdrHistogram(1, HIGHEST_US, DIGITS)
        self._over_one_hour = 0

    def record(self, latency_us: int, count: int = 1) -> None:
        """Add a latency. Below zero is impossible on one clock, so it is a fault of the harness.

        Raises:
            ValueError: the latency is negative.
        """
        if latency_us < 0:
            raise ValueError(f"expected a latency of 0 us or more, found {latency_us}")
        if latency_us > HIGHEST_US:
            self._over_one_hour += count
            latency_us = HIGHEST_US
        self._histogram.record_value(latency_us, count)

    def add(self, part: Latency) -> None:
        """Add a frozen distribution."""
        if part.histogram:
            self._histogram.decode_and_add(part.histogram)
        self._over_one_hour += part.over_one_hour

    def freeze(self) -> Latency:
        """The distribution as it stands."""
        histogram = self._histogram
        count = int(histogram.get_total_count())
        if not count:
            return Latency()
        at = histogram.get_percentile_to_value_dict([50.0, 90.0, 99.0, 99.9])
        return Latency(
            count=count,
            p50_ms=at[50.0] / 1000,
            p90_ms=at[90.0] / 1000,
            p99_ms=at[99.0] / 1000,
            p999_ms=at[99.9] / 1000,
            max_ms=histogram.get_max_value() / 1000,
            over_one_hour=self._over_one_hour,
            histogram=histogram.encode().decode("ascii"),
        )


def bucket(latency_us: int) -> int:
    """The latency cut to the histogram's three digits: equal for all latencies of one bucket."""
    shift = max(0, latency_us.bit_length() - 11)  # 2048 values a power of two
    return latency_us >> shift << shift


def latency_of(counts: Mapping[int, int]) -> Latency:
    """The distribution of latencies (microseconds) counted by value."""
    whole = LatencyRecorder()
    for latency_us, count in counts.items():
        whole.record(latency_us, count)
    return whole.freeze()
