"""Readings of devices behind radios on their way to the gateways."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.catalogue import ParkPoints, QuantityProfile
from contract.columns import Columns
from sim.network.book import LinkBook, LinkProfile
from sim.network.interruptions import Interruptions
from sim.network.kernel import DEVICE, FREE, LOST, MESSAGES, REFUSED, UNDER_WAY, USED, gather, set_off
from sim.network.law import LOST as LOST_DELAY
from sim.network.law import delay_law
from sim.network.tally import BINS, LinkReport, histogram

_MESSAGES = 65_536  # about so many delays are drawn at once
_STEPS_MAX = 512

Draw = Callable[[str], np.random.Generator]


class Devices(NamedTuple):
    """The devices of a park and their links, those behind radios in order of link.

    Attributes:
        links: the radio links that are in use.
        link: (k,) int32, place in `links`, ascending.
        members: the points of each of the k devices.
        wired: (n,) bool, points that are on no radio link.
    """

    links: tuple[LinkProfile, ...]
    link: NDArray[np.int32]
    members: tuple[tuple[int, ...], ...]
    wired: NDArray[np.bool_]


def settle(
    layout: ParkPoints, profiles: Sequence[QuantityProfile], book: LinkBook, rng: np.random.Generator
) -> Devices:
    """Give each device of a park its link, by the shares of its kind; one random number for each device."""
    members: dict[str, list[int]] = {}
    for place, point in enumerate(layout.points):
        members.setdefault(point.name.rpartition("/")[0], []).append(place)
    points = list(members.values())
    chance = rng.random(len(points))
    shares: dict[str, tuple[list[str], NDArray[np.float64]]] = {}
    behind: dict[str, list[tuple[int, ...]]] = {link.id: [] for link in book.links if link.medium == "radio"}
    wired = np.ones(len(layout.points), np.bool_)
    for place, own in enumerate(points):
        profile = profiles[layout.profile[own[0]]]
        kind = f"{profile.subsystem}/{profile.device}"
        if kind not in shares:
            known = book.shares_of(kind)
            shares[kind] = list(known), np.cumsum(list(known.values()))
        names, reach = shares[kind]
        chosen = names[min(int(np.searchsorted(reach, chance[place], side="right")), len(names) - 1)]
        if chosen in behind:
            behind[chosen].append(tuple(own))
            wired[own] = False
    for members_behind in behind.values():
        members_behind.sort(key=len)  # processors guess the length of a loop by the one before
    used = [link for link in book.links if behind.get(link.id)]
    return Devices(
        links=tuple(used),
        link=np.repeat(np.arange(len(used), dtype=np.int32), [len(behind[link.id]) for link in used]),
        members=tuple(own for link in used for own in behind[link.id]),
        wired=wired,
    )


class RadioAccess:
    """What is under way between the devices behind radios and the gateways of a park.

    A device sends its readings of a step as one message: to the link's law of delay comes its time on the air, and
    no message of a device overtakes another.

    Args:
        layout: the points of the park.
        devices: their links.
        book: what the network is made of.
        phases_ms: (g,) when in each period the gateways sample.
        gather_ms: how long after that they close their packs.
        period_ms: sample period.
        draw: the park's named streams.

    Attributes:
        interruptions: of each link, to be announced by processes.
    """

    def __init__(
        self,
        layout: ParkPoints,
        devices: Devices,
        book: LinkBook,
        *,
        phases_ms: NDArray[np.int64],
        gather_ms: int,
        period_ms: int,
        draw: Draw,
    ) -> None:
        self._links, self._period_ms, self._phases_ms, self._gather_ms = devices.links, period_ms, phases_ms, gather_ms
        self.interruptions = [Interruptions() for _ in devices.links]
        self._laws = [delay_law(link, book.tcp) for link in devices.links]
        self._resends = np.array([link.transport == "tcp" for link in devices.links])
        self._streams = [draw(f"network radio {link.id}") for link in devices.links]
        self._edges = np.searchsorted(devices.link, np.arange(len(devices.links) + 1)).tolist()
        self._devices = _records(layout, devices, book)
        self._members = np.array([point for own in devices.members for point in own], np.int32)
        self._all = np.arange(len(layout.points), dtype=np.int32)
        self._some = np.empty(len(layout.points), np.int32)
        gateways = len(layout.gateways)
        self._wired = np.flatnonzero(devices.wired).astype(np.int32)
        self._wired_edge = np.searchsorted(layout.gateway[self._wired], np.arange(gateways + 1)).astype(np.int64)
        self._up_ms = np.zeros((len(devices.links), gateways))
        self._share = np.ones((len(devices.links), gateways))
        ring = self._ring(devices.links, book)
        self._close_ms = np.empty(gateways, np.int64)
        self._edge_out = np.empty(gateways + 1, np.int64)
        self._heads = np.full((ring, gateways), -1, np.int32)
        self._tails = np.full((ring, gateways), -1, np.int32)
        self._arriving = np.zeros(ring, np.int32)
        self._cursor = 0
        self._pool, self._book = _free_records(2 * len(self._members), 0), np.zeros(2, np.int64)
        self._row = self._steps = min(_STEPS_MAX, 1 + _MESSAGES // len(devices.link))
        self._delay_ms = np.empty((self._steps, len(devices.link)), np.float32)
        self._counts = np.zeros((len(devices.links), 3), np.int64)
        self._histogram = np.zeros((len(devices.links), BINS), np.int64)

    def step(self, now_ms: int, columns: Columns, error_ms: NDArray[np.int64]) -> tuple[Columns, list[int]]:
        """Take a step's readings of the park and give what the gateways' packs of this step hold.

        Args:
            now_ms: beginning of the step.
            columns: the readings, each point at most once.
            error_ms: (g + k,) of the clocks of gateways and devices.

        Returns:
            The readings of all packs, and where those of each gateway begin (and the last ends).
        """
        place = self._all
        if len(columns.point) < len(place):
            place = self._some
            place.fill(-1)
            place[columns.point] = np.arange(len(columns.point), dtype=np.int32)
        if self._row == self._steps:
            self._refill()
        for link in self.interruptions:
            if link.windows:
                self._look(now_ms)
                break
        self._reserve()
        np.add(self._phases_ms, now_ms + self._gather_ms, out=self._close_ms)
        set_off(
            columns.time_ms, columns.value, place, self._devices, self._members, error_ms,
            self._delay_ms[self._row], self._close_ms,
            self._up_ms, self._share, self._resends, self._pool, self._book, self._heads, self._tails,
            self._arriving, self._cursor, self._period_ms, self._counts,
        )  # fmt: skip
        room = len(self._wired) + int(self._arriving[self._cursor])
        out = Columns(np.empty(room, np.int32), np.empty(room, np.int64), np.empty(room, np.float64))
        gather(
            columns.time_ms, columns.value, place, self._wired, self._wired_edge, error_ms, self._devices,
            self._pool, self._book, self._heads, self._arriving, self._cursor, *out, self._edge_out,
        )  # fmt: skip
        self._row += 1
        self._cursor = (self._cursor + 1) % len(self._heads)
        return out, self._edge_out.tolist()

    def under_way(self) -> int:
        """Readings between devices and gateways."""
        return int(self._book[USED])

    def reports(self) -> list[LinkReport]:
        """What went over each link so far."""
        devices = np.diff(self._edges).tolist()
        return [
            LinkReport(
                link=link.id,
                carriers=devices[place],
                messages=int(self._counts[place, MESSAGES]),
                lost_readings=int(self._counts[place, LOST]),
                refused_readings=int(self._counts[place, REFUSED]),
                delays=tuple(self._histogram[place].tolist()),
            )
            for place, link in enumerate(self._links)
        ]

    def _ring(self, links: Sequence[LinkProfile], book: LinkBook) -> int:
        """Packs to come that a reading may have to wait for, at most."""
        longest_ms = 0.0
        for link, law in zip(links, self._laws, strict=True):
            # At worst a message waits for an outage, and behind all that its device may hold, at the slowest.
            slowest = 1 / link.slowdowns.share if link.slowdowns.per_day else 1.0
            on_air_ms = float(self._devices["sending_ms"].max()) * slowest * (book.device.buffer_messages.value + 1)
            longest_ms = max(longest_ms, law.longest_ms + on_air_ms + 1000 * link.outages.longest_s)
        return math.ceil(longest_ms / self._period_ms) + 2

    def _reserve(self) -> None:
        """Make sure that the pool has room for all readings of a step."""
        records = len(self._pool)
        if int(self._book[USED]) + len(self._members) > records:
            self._pool = np.concatenate([self._pool, _free_records(records, records)])
            self._pool["next"][-1] = self._book[FREE]
            self._book[FREE] = records

    def _look(self, now_ms: int) -> None:
        """See which links are interrupted when the gateways sample in this step."""
        for place, link in enumerate(self.interruptions):
            link.forget(now_ms)
            for gateway, phase_ms in enumerate(self._phases_ms.tolist()):
                sampled_ms = now_ms + phase_ms
                up_ms = link.up_again_ms(sampled_ms)
                self._up_ms[place, gateway] = up_ms if up_ms > sampled_ms else 0.0
                self._share[place, gateway] = link.share_at(up_ms)

    def _refill(self) -> None:
        """Draw the delays of the next steps: those of a link from its own stream."""
        for place, (law, stream) in enumerate(zip(self._laws, self._streams, strict=True)):
            begin, end = self._edges[place : place + 2]
            drawn = law.draw(stream, self._steps * (end - begin)).reshape(self._steps, end - begin)
            self._delay_ms[:, begin:end] = drawn
            arriving = drawn[0][drawn[0] != LOST_DELAY]  # one step of a block is sample enough
            self._histogram[place] += histogram(arriving)
        self._row = 0


def _records(layout: ParkPoints, devices: Devices, book: LinkBook) -> NDArray[np.void]:
    """The devices behind radios as the kernel wants them."""
    records = np.zeros(len(devices.members), DEVICE)
    points = np.array([len(own) for own in devices.members], np.int32)
    up_bit_s = np.array([link.up_bit_s.value for link in devices.links])
    bits = 8 * (book.device.message_bytes.value + book.device.reading_bytes.value * points)
    records["gateway"] = layout.gateway[[own[0] for own in devices.members]]
    records["link"] = devices.link
    records["first"] = np.cumsum(points) - points
    records["points"] = points
    records["room"] = points * int(book.device.buffer_messages.value)
    records["sending_ms"] = 1000 * bits / up_bit_s[devices.link]
    return records


def _free_records(count: int, place: int) -> NDArray[np.void]:
    """Records of a pool from `place` on, each followed by the next."""
    records = np.zeros(count, UNDER_WAY)
    records["next"] = np.arange(place + 1, place + count + 1)
    return records
