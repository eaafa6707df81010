"""The law of a link's delay: a log-normal through two quantiles, jitter, and what losses cost."""

import functools
import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.network.book import LinkProfile, Retransmission

LOST = np.float32(np.inf)
"""The delay of a message that never arrives."""

_Z99 = NormalDist().inv_cdf(0.99)
_LEVELS = 2**16


class DelayLaw(NamedTuple):
    """One-way delays of a link.

    Attributes:
        location: mean of the delay's logarithm (of milliseconds).
        spread: standard deviation of the logarithm.
        jitter_ms: uniform from 0 to this, on top.
        loss: probability that a message, or a repetition of it, is lost.
        retransmit: lost messages are sent again (TCP), else they are gone (UDP).
        timeout_ms: the first time-out.
        backoff: factor from one time-out to the next.
        attempts: losses of one message at most.
    """

    location: float
    spread: float
    jitter_ms: float
    loss: float
    retransmit: bool
    timeout_ms: float
    backoff: float
    attempts: int

    @property
    def longest_ms(self) -> float:
        """No delay is longer."""
        regular_ms = float(_quantiles(self.location, self.spread)[-1]) + self.jitter_ms
        return regular_ms + (self.resending_ms(self.attempts) if self.retransmit and self.loss else 0.0)

    def resending_ms(self, losses: int) -> float:
        """What so many losses of one message cost: the sum of the time-outs."""
        return math.fsum(self.timeout_ms * self.backoff**loss for loss in range(losses))

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.float32]:
        """(count,) independent delays in milliseconds; `LOST` where a message never arrives."""
        uniform = rng.bit_generator.random_raw(-(-count // 4)).view(np.uint16)[:count]
        delay = _quantiles(self.location, self.spread)[uniform]
        if self.jitter_ms:
            delay += np.float32(self.jitter_ms) * rng.random(count, dtype=np.float32)
        lost = _failures(rng, self.loss, count)
        if not self.retransmit:
            delay[lost] = LOST
        elif len(lost):
            # A message that was lost once is lost again by the same chance, until it arrives.
            losses = np.minimum(rng.geometric(1 - self.loss, len(lost)), self.attempts)
            cost_ms = np.array([self.resending_ms(number) for number in range(self.attempts + 1)], np.float32)
            delay[lost] += cost_ms[losses]
        return delay


@functools.cache
def _quantiles(location: float, spread: float) -> NDArray[np.float32]:
    """The log-normal law as its quantiles in the middle of 65,536 equal shares.

    A look-up in them by 16 random bits takes a fifth of the time of a normal number, and every delay has a bound.
    """
    normal = NormalDist(location, spread)
    found = np.exp([normal.inv_cdf((level + 0.5) / _LEVELS) for level in range(_LEVELS)]).astype(np.float32)
    found.flags.writeable = False
    return found


def _failures(rng: np.random.Generator, probability: float, count: int) -> NDArray[np.int64]:
    """Places of the failures among `count` independent trials: the gaps between failures are geometric."""
    if not probability:
        return np.empty(0, np.int64)
    expected = count * probability
    places = np.cumsum(rng.geometric(probability, int(expected + 4 * math.sqrt(expected) + 4))) - 1
    while places[-1] < count:
        more = rng.geometric(probability, int(math.sqrt(expected) + 4))
        places = np.concatenate([places, places[-1] + np.cumsum(more)])
    return places[: np.searchsorted(places, count)]


def delay_law(link: LinkProfile, tcp: Retransmission) -> DelayLaw:
    """The law whose median and 99th percentile (without jitter and losses) are those of the profile."""
    location = math.log(link.delay_ms.median.value)
    return DelayLaw(
        location=location,
        spread=(math.log(link.delay_ms.p99.value) - location) / _Z99,
        jitter_ms=link.jitter_ms.value,
        loss=link.loss.value,
        retransmit=link.transport == "tcp",
        timeout_ms=tcp.timeout_ms.value,
        backoff=tcp.backoff.value,
        attempts=int(tcp.attempts.value),
    )
