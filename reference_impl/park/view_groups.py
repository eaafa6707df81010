"""The groups of a view: spans of China's time of day, places, kinds and fields."""

from bisect import bisect_right
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.catalogue.views import FIELDS, TIMES

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LOCAL_MS = 8 * HOUR_MS  # China's time is UTC+8 all year
Fields = Mapping[str, str | int | float | bool]


class Period(NamedTuple):
    """Event time [begin_ms, end_ms), Unix milliseconds."""

    begin_ms: int
    end_ms: int


class Item(NamedTuple):
    """An event, case or alert as views see it; `kind` is an event's."""

    at_ms: int
    zone: str
    device: str
    kind: str
    fields: Fields


class Clock(NamedTuple):
    """The spans of time that a view is grouped by; one span without a label where it is not grouped by time.

    Attributes:
        begins_ms: of the spans, ascending; the first may begin before the period, each ends where the next begins.
        labels: of the spans.
        period: the period.
    """

    begins_ms: list[int]
    labels: list[str]
    period: Period

    def place(self, at_ms: int) -> int:
        """Which span a time of the period is in."""
        return bisect_right(self.begins_ms, at_ms) - 1

    def places(self, at_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """The same for (n,) times."""
        return np.searchsorted(np.array(self.begins_ms, np.int64), at_ms, side="right").astype(np.int64) - 1

    def spans(self) -> list[tuple[int, int]]:
        """Begin and end of each span within the period, Unix milliseconds."""
        ends = [*self.begins_ms[1:], self.period.end_ms]
        return [(max(begin, self.period.begin_ms), end) for begin, end in zip(self.begins_ms, ends, strict=True)]


def clock(by: str, period: Period, shifts: tuple[tuple[int, str], ...]) -> Clock:
    """The spans of `by` over a period.

    Args:
        by: the group.
        period: not empty.
        shifts: first hour and name of each, ascending from hour 0.
    """
    if by not in TIMES:
        return Clock([period.begin_ms], [""], period)
    parts = {"hour": [(hour, f"T{hour:02d}") for hour in range(24)], "shift": [(at, f" {name}") for at, name in shifts]}
    begins: list[int] = []
    labels: list[str] = []
    first, last = ((each + LOCAL_MS) // DAY_MS for each in (period.begin_ms, period.end_ms - 1))
    for day in range(first, last + 1):
        date = str(np.datetime64(day, "D"))
        for hour, label in parts.get(by, [(0, "")]):
            begin = day * DAY_MS - LOCAL_MS + hour * HOUR_MS
            if begin < period.end_ms:
                begins.append(begin)
                labels.append(date + label)
    skipped = bisect_right(begins, period.begin_ms) - 1
    return Clock(begins[skipped:], labels[skipped:], period)


def label_of(by: str, item: Item, park: str, spans: Clock) -> str | None:
    """The group of an item; None when it has none, such as without the field."""
    if by in TIMES:
        return spans.labels[spans.place(item.at_ms)]
    if by.startswith(FIELDS):
        value = item.fields.get(by.removeprefix(FIELDS))
        return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return {"park": park, "zone": item.zone, "device": f"{item.zone}/{item.device}", "kind": item.kind}[by]
