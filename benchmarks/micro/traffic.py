"""Readings of normal operation for the core's suite, second by second; the same for every run."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from benchmarks.micro.load import START_MS, layout
from contract.catalogue import profiles
from contract.columns import Columns
from contract.rules import Rule
from reference_impl.monitoring import Monitor

Order = Literal["index order", "random order"]
LATEST_MS = START_MS + 10**9
_FIELDS = ("base", "noise", "quiet_low", "quiet_high", "decimals")


class Pack(NamedTuple):
    """One second of one gateway."""

    gateway: int
    columns: Columns


class Traffic:
    """Points of the catalogue spread over gateways, and what they send.

    Args:
        points: how many.
        gateways: how many; each has one contiguous block of points.
    """

    def __init__(self, points: int, gateways: int) -> None:
        park = layout(points, max(points // 500, 1))
        self.gateway_of = np.arange(points) * gateways // points
        self.points = [
            replace(point, gateway=f"gw-{place}")
            for point, place in zip(park.points, self.gateway_of.tolist(), strict=True)
        ]
        self._blocks = np.split(
            np.arange(points, dtype=np.int32), np.searchsorted(self.gateway_of, np.arange(1, gateways))
        )
        known = profiles()
        self._base, self._noise, self._low, self._high, self._decimals = (
            np.array([getattr(profile, field) for profile in known])[park.profile] for field in _FIELDS
        )
        self._is_binary = np.array([profile.kind == "binary" for profile in known])[park.profile]

    def second(self, number: int, order: Order) -> list[Pack]:
        """What all gateways send in one second."""
        rng = np.random.default_rng([2, number])
        value = self._values(rng)
        packs = []
        for gateway, block in enumerate(self._blocks):
            place = rng.permutation(block) if order == "random order" else block
            time_ms = np.full(len(place), START_MS + number * 1000, dtype=np.int64)
            packs.append(Pack(gateway, Columns(place, time_ms, value[place])))
        return packs

    def _values(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """As the profiles describe it: noise around the mean, inside the band, as the sensor rounds it."""
        value = np.clip(self._base + self._noise * rng.standard_normal(len(self._base)), self._low, self._high)
        scale = 10.0**self._decimals
        measured: NDArray[np.float64] = np.where(self._is_binary, np.round(self._base), np.round(value * scale) / scale)
        return measured


class WarmMonitor:
    """A monitor whose points have all been read before; each round goes on where the last one ended.

    Args:
        traffic: what it is fed with.
        rules: its rules.
        order: of the readings within a second.
        seconds: of a round.
    """

    def __init__(self, traffic: Traffic, rules: Sequence[Rule], order: Order, seconds: int) -> None:
        self.monitor = Monitor(traffic.points, rules)
        self._traffic, self._order, self._seconds = traffic, order, seconds
        self._past = 0
        self.take(*self.round()[0])

    def round(self) -> tuple[tuple[list[list[Pack]], int], dict[str, object]]:
        """The packs of the next seconds and the number of the first, as pytest-benchmark's `setup` returns them."""
        first = self._past + 1
        self._past += self._seconds
        seconds = [self._traffic.second(number, self._order) for number in range(first, self._past + 1)]
        return (seconds, first), {}

    def take(self, seconds: list[list[Pack]], first: int) -> int:
        """Check and apply; returns the number of transitions."""
        monitor, transitions = self.monitor, 0
        for number, packs in enumerate(seconds, first):
            for gateway, columns in packs:
                checked = monitor.check(gateway, columns, LATEST_MS)
                transitions += len(monitor.apply(gateway, checked, number).transitions)
        return transitions
