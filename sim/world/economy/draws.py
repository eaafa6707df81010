"""Random numbers of one purpose of one enterprise, from its named stream, drawn in blocks."""

from math import cos, exp, log1p, pi, sqrt
from typing import TYPE_CHECKING

from sim.randomness import stream

if TYPE_CHECKING:
    import numpy as np

_BLOCK_FIRST, _BLOCK_MAX = 8, 64
_NONE: list[float] = []  # shared by all that have not drawn yet, and never filled


class Draws:
    """Uniform numbers of a named stream; the stream is made when the first is drawn.

    Args:
        seed, replication, place: as `sim.randomness.stream` takes them; `place` is the park's in the catalogue.
        number: the enterprise's in its park.
        purpose: what the numbers decide; the stream's name is `enterprise NUMBER PURPOSE`.
    """

    __slots__ = ("_block", "_key", "_rng", "_waiting")

    def __init__(self, seed: int, replication: int, place: int, *, number: int, purpose: str) -> None:
        self._key = (seed, replication, place, number, purpose)
        self._rng: np.random.Generator | None = None
        self._waiting = _NONE
        self._block = _BLOCK_FIRST

    def uniform(self) -> float:
        """A number from 0 to 1, without 1."""
        if not self._waiting:
            self._refill()
        return self._waiting.pop()

    def exponential(self) -> float:
        """A number of mean 1."""
        return -log1p(-self.uniform())

    def log_normal(self, median: float, sigma: float) -> float:
        """A number of a log-normal law."""
        return log_normal(self.uniform(), self.uniform(), median, sigma)

    def below(self, count: int) -> int:
        """A whole number from 0 to `count` - 1."""
        return int(self.uniform() * count)

    def _refill(self) -> None:
        if self._rng is None:
            seed, replication, place, number, purpose = self._key
            name = f"enterprise {number} {purpose}"
            self._rng = stream(seed, replication=replication, park=place, name=name)
        self._waiting = self._rng.random(self._block).tolist()
        self._block = min(2 * self._block, _BLOCK_MAX)


def log_normal(first: float, second: float, median: float, sigma: float) -> float:
    """A log-normal number from two uniform ones (Box and Muller 1958)."""
    return median * exp(sigma * sqrt(-2 * log1p(-first)) * cos(2 * pi * second))
