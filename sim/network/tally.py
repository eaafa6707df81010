"""What an access network did, as counts and histograms of bounded size that add up over parks."""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

_SUB_BITS = 3  # each doubling of the delay has 8 bins
_SHIFT = 23 - _SUB_BITS
_LOWEST = (127 - 4) << _SUB_BITS  # the first bin begins at 2**-4 ms
BINS = 24 << _SUB_BITS  # the last ends at 2**20 ms, 17 minutes


def bins(delay_ms: NDArray[np.float32]) -> NDArray[np.int32]:
    """The bin of each delay: the leading bits of its float are its logarithm."""
    found: NDArray[np.int32] = np.clip((delay_ms.view(np.int32) >> _SHIFT) - _LOWEST, 0, BINS - 1)
    return found


def edges_ms() -> NDArray[np.float64]:
    """(BINS + 1,) edges of the bins; the first and the last bin also hold what lies beyond."""
    steps = (np.arange(BINS + 1, dtype=np.int32) + _LOWEST) << _SHIFT
    return steps.view(np.float32).astype(np.float64)


def histogram(delay_ms: NDArray[np.float32]) -> NDArray[np.int64]:
    """(BINS,) count of the delays in each bin."""
    return np.bincount(bins(np.ascontiguousarray(delay_ms)), minlength=BINS).astype(np.int64)


class LinkReport(msgspec.Struct, frozen=True, kw_only=True):
    """What went over one kind of link.

    Attributes:
        link: id of the profile.
        carriers: devices or gateways that have it.
        messages: what they sent over it: device messages or packs, repetitions included.
        lost_readings: lost on the way (UDP).
        refused_readings: a device had too much under way, or a gateway's buffer was full.
        repeated: packs sent a second time.
        delays: count in each bin of `edges_ms` of the link's one-way delays: with retransmission, without waiting for
            the link to be free or whole. All packs, but only a sample of the messages of devices.
    """

    link: str
    carriers: int = 0
    messages: int = 0
    lost_readings: int = 0
    refused_readings: int = 0
    repeated: int = 0
    delays: tuple[int, ...] = (0,) * BINS

    def __add__(self, other: "LinkReport") -> "LinkReport":
        """Both together."""
        return LinkReport(
            link=self.link,
            carriers=self.carriers + other.carriers,
            messages=self.messages + other.messages,
            lost_readings=self.lost_readings + other.lost_readings,
            refused_readings=self.refused_readings + other.refused_readings,
            repeated=self.repeated + other.repeated,
            delays=tuple(map(sum, zip(self.delays, other.delays, strict=True))),
        )

    def quantile_ms(self, share: float) -> float:
        """The delay that `share` of the messages do not exceed, to the width of a bin; NaN without messages."""
        total = sum(self.delays)
        if not total:
            return float("nan")
        place = int(np.searchsorted(np.cumsum(self.delays), share * total))
        return float(edges_ms()[min(place, BINS - 1) + 1])


class NetworkReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the readings: offered = delivered + lost + refused + under way.

    Attributes:
        offered: readings that were taken.
        delivered: readings in packs that reached the platform's door, each once.
        lost: readings lost on the air.
        refused: readings that a full buffer had no room for.
        under_way: readings between device and door.
        packs: packs delivered, without repetitions.
        repeated: packs that are sent a second time.
        links: in order of id.
    """

    offered: int = 0
    delivered: int = 0
    lost: int = 0
    refused: int = 0
    under_way: int = 0
    packs: int = 0
    repeated: int = 0
    links: tuple[LinkReport, ...] = ()

    def __add__(self, other: "NetworkReport") -> "NetworkReport":
        """Both together."""
        return NetworkReport(
            offered=self.offered + other.offered,
            delivered=self.delivered + other.delivered,
            lost=self.lost + other.lost,
            refused=self.refused + other.refused,
            under_way=self.under_way + other.under_way,
            packs=self.packs + other.packs,
            repeated=self.repeated + other.repeated,
            links=joined([*self.links, *other.links]),
        )


def joined(reports: Iterable[LinkReport]) -> tuple[LinkReport, ...]:
    """One report for each link, in order of id."""
    by_link: dict[str, LinkReport] = {}
    for report in reports:
        by_link[report.link] = by_link[report.link] + report if report.link in by_link else report
    return tuple(by_link[link] for link in sorted(by_link))


def total(reports: Sequence[NetworkReport]) -> NetworkReport:
    """All together."""
    return sum(reports, NetworkReport())
