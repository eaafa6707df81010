"""A park's own people: officers who act on cases, and the administration that keeps the registers."""

from collections.abc import Iterable

from contract import catalogue
from contract.catalogue import ParkPoints
from sim.emission import CaseActing, RegisterWriting, Request
from sim.world.economy import Economy
from sim.world.office.administration import Administration
from sim.world.office.counter import Streams
from sim.world.office.entries import Premises
from sim.world.office.officers import Officers


class Office:
    """Both of them for one park of a scenario with enterprises.

    Args:
        park: id of the park.
        economy: its firms, and how fast they live.
        layout: the park's points.
        start_ms, end_ms: nothing is due before the one, or at or after the other; Unix milliseconds.
        draw: makes the park's named streams.

    Attributes:
        officers: who act on cases.
        administration: who keeps the registers.
    """

    def __init__(
        self, park: str, economy: Economy, layout: ParkPoints, *, start_ms: int, end_ms: int, draw: Streams
    ) -> None:
        firms = [firm for firm in economy.firms if firm.park == park]
        place = next(one for one in catalogue.parks() if one.id == park)
        self.officers = Officers(
            park, firms=len(firms), tempo=economy.tempo, start_ms=start_ms, end_ms=end_ms, draw=draw
        )
        self.administration = Administration(
            Premises(place, firms, layout, draw), tempo=economy.tempo, start_ms=start_ms, end_ms=end_ms
        )

    def acts(self, until_ms: int, requests: Iterable[Request]) -> list[CaseActing | RegisterWriting]:
        """What is due before a time and was not handed out yet: acts on cases, then entries of registers.

        Args:
            until_ms: Unix milliseconds.
            requests: what the park's enterprises hand in until then and was not told before.
        """
        officers, administration = self.officers, self.administration
        if requests:
            officers.take(requests)
        if until_ms <= officers.next_ms and until_ms <= administration.next_ms:
            return []
        return [*officers.acts(until_ms), *administration.writings(until_ms)]
