"""Outages, slowdowns and cuts: SimPy processes announce them, links look at what was announced."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import simpy

from sim.network.book import InterruptionLaw

_DAY_MS = 86_400_000


class Cut(NamedTuple):
    """A link is cut or slowed on purpose.

    Attributes:
        park: id of the park.
        gateway: id of the gateway; None: all of the park.
        begin_ms, end_ms: scenario time, Unix milliseconds.
        kind: `cut`: nothing passes; `slow`: `factor` of the bandwidth is left.
        factor: from 0 to 1; of no meaning for `cut`.
    """

    park: str
    gateway: str | None
    begin_ms: int
    end_ms: int
    kind: Literal["cut", "slow"]
    factor: float = 0.0

    @property
    def window(self) -> "Window":
        """When, and what is left."""
        return Window(self.begin_ms, self.end_ms, 0.0 if self.kind == "cut" else self.factor)


class Window(NamedTuple):
    """From `begin_ms` up to, not including, `end_ms` only `share` of the bandwidth is left."""

    begin_ms: int
    end_ms: int
    share: float


class Interruptions:
    """What was announced for one link. Where windows overlap, the worst holds.

    Attributes:
        windows: those that may still matter.
    """

    __slots__ = ("windows",)

    def __init__(self) -> None:
        self.windows: list[Window] = []

    def add(self, window: Window) -> None:
        """Take in what a process announces."""
        self.windows.append(window)

    def forget(self, before_ms: float) -> None:
        """Drop what ended by then."""
        self.windows = [window for window in self.windows if window.end_ms > before_ms]

    def share_at(self, now_ms: float) -> float:
        """What is left of the bandwidth, 0 to 1."""
        return min((window.share for window in self.windows if window.begin_ms <= now_ms < window.end_ms), default=1.0)

    def up_again_ms(self, now_ms: float) -> float:
        """`now_ms` if the link is up then, else when it will be."""
        up_ms = now_ms
        while (cut := self._cut_at(up_ms)) is not None:
            up_ms = cut.end_ms
        return up_ms

    def first_cut(self, after_ms: float, until_ms: float) -> Window | None:
        """The first outage that begins after `after_ms` and not after `until_ms`."""
        found = [one for one in self.windows if not one.share and after_ms < one.begin_ms <= until_ms]
        return min(found, default=None)

    def transmit(self, begin_ms: float, bits: float, bit_ms: float, until_ms: float) -> tuple[float, float]:
        """Send `bits` from `begin_ms` on at up to `bit_ms` bits a millisecond, but not beyond `until_ms`.

        Returns:
            The time at which it ends or stops, and the bits that are left then.
        """
        now_ms = begin_ms
        while now_ms < until_ms:
            rate = bit_ms * self.share_at(now_ms)
            change_ms = min(until_ms, self._change_ms(now_ms))
            if rate and now_ms + bits / rate <= change_ms:
                return now_ms + bits / rate, 0.0
            bits -= rate * (change_ms - now_ms)
            now_ms = change_ms
        return until_ms, bits

    def _cut_at(self, now_ms: float) -> Window | None:
        cuts = (one for one in self.windows if not one.share and one.begin_ms <= now_ms < one.end_ms)
        return next(cuts, None)

    def _change_ms(self, now_ms: float) -> float:
        edges = (edge for window in self.windows for edge in (window.begin_ms, window.end_ms) if edge > now_ms)
        return min(edges, default=float("inf"))


def by_chance(law: InterruptionLaw, rng: np.random.Generator, start_ms: int, end_ms: int) -> Iterator[Window]:
    """Windows of a law in order, those that begin before `end_ms`; the link is whole at `start_ms`."""
    if not law.per_day:
        return
    now_ms = start_ms
    while True:
        begin_ms = now_ms + max(1, round(rng.exponential(_DAY_MS / law.per_day)))
        lasts_ms = max(1, round(min(rng.exponential(law.mean_s), law.longest_s) * 1000))
        if begin_ms >= end_ms:
            return
        now_ms = begin_ms + lasts_ms
        yield Window(begin_ms, now_ms, law.share)


def announce(
    env: simpy.Environment, windows: Iterable[Window], links: Sequence[Interruptions], lead_ms: int
) -> Generator[simpy.Event]:
    """Process: tell the links of each window `lead_ms` before it begins. The windows come in order of their beginning.

    Links are served a sample period at a time, so with a lead of at least a period they know of it when they need to.
    """
    for window in windows:
        wait_ms = window.begin_ms - lead_ms - env.now
        if wait_ms > 0:
            yield env.timeout(wait_ms)
        for link in links:
            link.add(window)
