"""What the tests of the access network are built from."""

from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np
import simpy

from contract import catalogue
from contract.catalogue import ParkPoints
from contract.columns import Columns
from sim.network import AccessNetwork, Cut, LinkBook, Pack, standard_book
from sim.network.book import Figure, InterruptionLaw, LinkProfile
from sim.randomness import stream

START_MS = 1_780_000_000_000
PERIOD_MS = 1000
POINTS, GATEWAYS = 240, 4
PHASES_MS = (0, 250, 500, 960)
PARK = "baitao"


def figure(value: float) -> Figure:
    """A number without a story."""
    return Figure(value=value, source="test", mark="A")


def link(name: str = "fibre", **changes: object) -> LinkProfile:
    """A link of the standard book, never interrupted, with other figures."""
    calm = InterruptionLaw(per_day=0, mean_s=1, longest_s=1, share=0, source="test", mark="A")
    known = msgspec.structs.replace(standard_book().link(name), outages=calm, slowdowns=calm)
    delay = known.delay_ms
    if "median" in changes:
        delay = msgspec.structs.replace(delay, median=figure(float(str(changes.pop("median")))))
    if "p99" in changes:
        delay = msgspec.structs.replace(delay, p99=figure(float(str(changes.pop("p99")))))
    numbers = {key: figure(value) for key, value in changes.items() if isinstance(value, float)}
    return msgspec.structs.replace(known, delay_ms=delay, **{**changes, **numbers})


def fast(**changes: object) -> LinkProfile:
    """A link without noticeable delay or loss."""
    return link(**{"median": 0.001, "p99": 0.002, "loss": 0.0, "duplicates": 0.0, **changes})


def book_of(*links: LinkProfile, backhaul: str = "fibre", devices: str = "building-1g", **changes: object) -> LinkBook:
    """A book in which all gateways have one link and all devices another; links that are not given are standard."""
    standard = standard_book()
    given = {one.id: one for one in links}
    return msgspec.structs.replace(
        standard,
        links=tuple(given.get(one.id, one) for one in standard.links),
        backhauls=(msgspec.structs.replace(standard.backhauls[0], link=backhaul, share=1.0, via=None),),
        devices=(),
        otherwise=devices,
        **changes,
    )


def right_clocks() -> dict[str, object]:
    """A change of a book: all clocks are right."""
    clock = msgspec.structs.replace(
        standard_book().clocks.gateway, residual_sd_ms=figure(0.0), drift_sd_ppm=figure(0.0)
    )
    return {"clocks": msgspec.structs.replace(standard_book().clocks, gateway=clock, device=clock)}


def park_layout(points: int = POINTS, gateways: int = GATEWAYS) -> ParkPoints:
    """A small park."""
    return catalogue.park_points(points, gateways)


def streams(park: int = 0, seed: int = 7) -> Callable[[str], np.random.Generator]:
    """A park's named streams."""
    return lambda name: stream(seed, replication=0, park=park, name=name)


class Field:
    """An access network with a clock and readings: point p has the value `1000 * step + p`."""

    def __init__(
        self,
        book: LinkBook | None = None,
        *,
        layout: ParkPoints | None = None,
        scheduled: Sequence[Cut] = (),
        draw: Callable[[str], np.random.Generator] | None = None,
        period_ms: int = PERIOD_MS,
    ) -> None:
        self.layout = layout or park_layout()
        self.period_ms, self.step = period_ms, 0
        self.phases_ms = [phase * period_ms // PERIOD_MS for phase in PHASES_MS[: len(self.layout.gateways)]]
        self.env = simpy.Environment(initial_time=START_MS)
        self.network = AccessNetwork(
            self.env,
            park=PARK,
            layout=self.layout,
            profiles=catalogue.profiles(),
            scheduled=scheduled,
            start_ms=START_MS,
            end_ms=START_MS + 10 * 86_400_000,
            period_ms=period_ms,
            phases_ms=self.phases_ms,
            draw=draw or streams(),
            book=book,
        )

    def columns(self, points: Sequence[int] | None = None) -> Columns:
        """The readings of the present step, of some points or all."""
        point = np.arange(len(self.layout.points), dtype=np.int32) if points is None else np.array(points, np.int32)
        time_ms = START_MS + self.step * self.period_ms + np.array(self.phases_ms)[self.layout.gateway[point]]
        return Columns(point, time_ms, 1000.0 * self.step + point)

    def live(self, steps: int, points: Sequence[int] | None = None) -> Iterator[list[Pack]]:
        """The packs of each of so many steps."""
        for _ in range(steps):
            now_ms = START_MS + self.step * self.period_ms
            while self.env.peek() <= now_ms:
                self.env.step()
            packs = self.network.carry(now_ms, self.columns(points))
            self.step += 1
            yield packs

    def packs(self, steps: int, points: Sequence[int] | None = None) -> list[Pack]:
        """All packs of so many steps."""
        return [pack for packs in self.live(steps, points) for pack in packs]


def content(packs: Sequence[Pack]) -> list[tuple[object, ...]]:
    """Packs as plain bytes, to be compared."""
    return [
        (pack.due_ms, pack.park, pack.gateway, pack.sequence, *(column.tobytes() for column in pack.columns))
        for pack in packs
    ]
