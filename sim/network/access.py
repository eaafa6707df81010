"""The access network of a park: readings of its devices in, numbered packs at the platform's door out."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import simpy
from numpy.typing import NDArray

from contract.catalogue import ParkPoints, QuantityProfile
from contract.columns import Columns
from contract.messages import MAX_PACK_READINGS
from sim.emission import Pack
from sim.network.book import LinkBook, LinkProfile
from sim.network.clocks import SkewedClocks
from sim.network.interruptions import Cut, Interruptions, announce, by_chance
from sim.network.radio import RadioAccess, settle
from sim.network.reading import standard_book
from sim.network.tally import NetworkReport, joined
from sim.network.uplink import Uplink, Waiting

Draw = Callable[[str], np.random.Generator]
_LEAD_PERIODS = 2  # a step looks a period and the gathering time ahead


class DirectAccess:
    """No network: each gateway's readings of a step are one pack, at the door the moment they are sampled.

    Args:
        park: id of the park.
        layout: its points; those of a gateway are one block.
        phases_ms: (g,) when in each period the gateways sample, less than a period.
    """

    def __init__(self, *, park: str, layout: ParkPoints, phases_ms: Sequence[int]) -> None:
        self._park = park
        self._gateways = list(zip(layout.gateways, phases_ms, strict=True))
        self._edges = _block_edges(layout)
        self._parts = [slice(begin, end) for begin, end in pairwise(self._edges)]
        self._points = len(layout.points)
        self._sequences = [0] * len(layout.gateways)
        self._packs = self._readings = 0

    def carry(self, now_ms: int, columns: Columns) -> list[Pack]:
        """The packs of the step that begins at `now_ms`, in order of due time; as `AccessNetwork.carry`."""
        point, time_ms, value = columns
        parts, sequences = self._parts, self._sequences
        if len(point) < self._points:
            edges = np.searchsorted(point, self._edges).tolist()
            parts = [slice(begin, end) for begin, end in pairwise(edges)]
        packs = []
        for place, (gateway, phase_ms) in enumerate(self._gateways):
            part = parts[place]
            if part.start == part.stop:
                continue
            sequences[place] += 1
            part_columns = Columns(point[part], time_ms[part], value[part])
            packs.append(Pack(now_ms + phase_ms, self._park, gateway, sequences[place], part_columns))
        self._readings += len(point)
        self._packs += len(packs)
        return packs

    def report(self) -> NetworkReport:
        """What was carried so far."""
        return NetworkReport(offered=self._readings, delivered=self._readings, packs=self._packs)


class AccessNetwork:
    """Links of every kind between the devices of a park and the platform.

    Readings of wired devices and those which have come over radio meanwhile make a gateway's pack; over the gateway's
    own link it comes to the door. Interruptions are processes of `env`; all else is arithmetic at each step.

    Args:
        env: the world's; its time is scenario time in Unix milliseconds, and `start_ms` now.
        park: id of the park.
        layout: its points; those of a gateway are one block.
        profiles: the kinds of point that `layout.profile` means.
        scheduled: interruptions on purpose; those of other parks are left out.
        start_ms, end_ms: scenario time; interruptions by chance begin before the end.
        period_ms: sample period: the time from one `carry` to the next.
        phases_ms: (g,) when in each period the gateways sample, less than a period.
        draw: gives this park's stream of a name.
        book: what the network is made of.
    """

    def __init__(
        self,
        env: simpy.Environment,
        *,
        park: str,
        layout: ParkPoints,
        profiles: Sequence[QuantityProfile],
        scheduled: Sequence[Cut],
        start_ms: int,
        end_ms: int,
        period_ms: int,
        phases_ms: Sequence[int],
        draw: Draw,
        book: LinkBook | None = None,
    ) -> None:
        book = book or standard_book()
        self._env, self._start_ms, self._end_ms, self._period_ms = env, start_ms, end_ms, period_ms
        self._draw, self._book, self._next_ms = draw, book, start_ms
        self._gather_ms = gather_ms = min(round(book.gateway.gather_ms.value), period_ms - 1)
        self._ready_ms = [phase_ms + gather_ms for phase_ms in phases_ms]
        devices = settle(layout, profiles, book, draw("network devices"))
        clocks = [book.clocks.gateway] * len(layout.gateways) + [book.clocks.device] * len(devices.members)
        self._clocks = SkewedClocks(clocks, start_ms, period_ms, draw("network clocks"))
        self._gateway_of = layout.gateway
        self._edges = _block_edges(layout)
        self._radio: RadioAccess | None = None
        if devices.members:
            self._radio = RadioAccess(
                layout,
                devices,
                book,
                phases_ms=np.array(phases_ms, np.int64),
                gather_ms=gather_ms,
                period_ms=period_ms,
                draw=draw,
            )
            for link, interruptions in zip(devices.links, self._radio.interruptions, strict=True):
                self._interrupt(f"radio {link.id}", link, [interruptions])
        self._skew_ms = self._skew()
        self._uplinks = self._connect(park, layout)
        self._schedule(park, layout, scheduled)
        self._waiting: list[Waiting] = []
        self._offered = 0

    def carry(self, now_ms: int, columns: Columns) -> list[Pack]:
        """Take a step's readings and hand over what comes to the door in it.

        Args:
            now_ms: beginning of the step, one period after the former.
            columns: the readings in ascending order of point, each point at most once, sampled at their gateway's
                phase of the step. All points of the park, or those that are not silent. Kept, so not to be written to.

        Returns:
            Packs that are due before `now_ms + period_ms`, in order of due time. Of a gateway the numbers ascend from
            1 without gaps; a repeated pack comes again with its number and equal readings, and where a link reorders,
            packs overtake each other. Event times are those of the skewed clocks.

        Raises:
            ValueError: a step was left out.
        """
        if now_ms != self._next_ms:
            raise ValueError(f"expected the step at {self._next_ms}, found {now_ms}")
        until_ms = self._next_ms = now_ms + self._period_ms
        closed_ms = until_ms + self._gather_ms  # all packs of this step are closed by then, none of the next
        if self._clocks.refresh(now_ms):
            self._skew_ms = self._skew()
        if self._radio is not None:
            gathered, edges = self._radio.step(now_ms, columns, self._clocks.error_ms)
        else:
            gathered, edges = self._wired(columns)
        point, time_ms, value = gathered
        waiting = self._waiting
        for place, uplink in enumerate(self._uplinks):
            begin, end = edges[place], edges[place + 1]
            if begin == end:
                uplink.serve(closed_ms, waiting)
            while begin < end:
                stop = min(end, begin + MAX_PACK_READINGS)
                part = Columns(point[begin:stop], time_ms[begin:stop], value[begin:stop])
                uplink.carry(now_ms + self._ready_ms[place], part, closed_ms, waiting)
                begin = stop
        self._offered += len(columns.point)
        return self._due(until_ms)

    def report(self) -> NetworkReport:
        """What became of the readings so far."""
        radio = self._radio.reports() if self._radio is not None else []
        links = joined([*radio, *(uplink.report() for uplink in self._uplinks)])
        waiting = [len(pack.columns) for _, _, _, repetition, pack in self._waiting if not repetition]
        under_way = sum(waiting) + sum(uplink.under_way() for uplink in self._uplinks)
        under_way += self._radio.under_way() if self._radio is not None else 0
        return NetworkReport(
            offered=self._offered,
            delivered=sum(uplink.readings for uplink in self._uplinks) - sum(waiting),
            lost=sum(link.lost_readings for link in links),
            refused=sum(link.refused_readings for link in links),
            under_way=under_way,
            packs=sum(uplink.packs for uplink in self._uplinks) - len(waiting),
            repeated=sum(link.repeated for link in links),
            links=links,
        )

    def _due(self, until_ms: int) -> list[Pack]:
        """Those of the waiting packs that are at the door before then."""
        waiting = self._waiting
        waiting.sort()
        split = bisect_left(waiting, (until_ms,))
        due = [entry[4] for entry in waiting[:split]]
        del waiting[:split]
        return due

    def _wired(self, columns: Columns) -> tuple[Columns, list[int]]:
        """What the gateways' packs hold if nothing is behind a radio: slices of what came, at the clocks' times."""
        point, time_ms, value = columns
        whole = len(point) == len(self._gateway_of)
        edges = self._edges if whole else np.searchsorted(point, self._edges).tolist()
        if self._skew_ms is not None:
            time_ms = time_ms + (self._skew_ms if whole else self._skew_ms[point])
        return Columns(point, time_ms, value), edges

    def _skew(self) -> NDArray[np.int64] | None:
        """(n,) what the points' clocks are ahead, if all points are wired and their clocks are not right."""
        error_ms = self._clocks.error_ms
        return error_ms[self._gateway_of] if self._radio is None and error_ms.any() else None

    def _connect(self, park: str, layout: ParkPoints) -> list[Uplink]:
        """Give each gateway its link, by the shares of the book."""
        book, draw = self._book, self._draw
        reach = np.cumsum([backhaul.share for backhaul in book.backhauls])
        chosen = np.searchsorted(reach, draw("network backhauls").random(len(layout.gateways)), side="right")
        shared: dict[str, list[Interruptions]] = {}
        uplinks = []
        for place, gateway in enumerate(layout.gateways):
            backhaul = book.backhauls[min(int(chosen[place]), len(reach) - 1)]
            link = book.link(backhaul.link)
            uplink = Uplink(
                park,
                gateway,
                place,
                link=link,
                book=book,
                start_ms=self._start_ms,
                draw=draw(f"network uplink {gateway}"),
                draw_repeats=draw(f"network repetitions {gateway}"),
            )
            self._interrupt(f"uplink {gateway}", link, [uplink.interruptions])
            if backhaul.via is not None:
                shared.setdefault(backhaul.via, []).append(uplink.interruptions)
            uplinks.append(uplink)
        for via, interruptions in shared.items():
            self._interrupt(f"trunk {via}", book.link(via), interruptions)
        return uplinks

    def _interrupt(self, name: str, link: LinkProfile, links: Sequence[Interruptions]) -> None:
        """Let a kind of link fail as its profile says."""
        for kind, law in (("outages", link.outages), ("slowdowns", link.slowdowns)):
            if law.per_day:
                windows = by_chance(law, self._draw(f"network {kind} {name}"), self._start_ms, self._end_ms)
                self._env.process(announce(self._env, windows, links, _LEAD_PERIODS * self._period_ms))

    def _schedule(self, park: str, layout: ParkPoints, scheduled: Sequence[Cut]) -> None:
        for cut in sorted((cut for cut in scheduled if cut.park == park), key=lambda cut: cut.begin_ms):
            touched = [
                uplink.interruptions
                for uplink, gateway in zip(self._uplinks, layout.gateways, strict=True)
                if cut.gateway in (None, gateway)
            ]
            self._env.process(announce(self._env, [cut.window], touched, _LEAD_PERIODS * self._period_ms))


def _block_edges(layout: ParkPoints) -> list[int]:
    """Where the points of each gateway begin, and where the last end."""
    edges: list[int] = np.searchsorted(layout.gateway, np.arange(len(layout.gateways) + 1)).tolist()
    return edges
