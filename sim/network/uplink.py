"""The link of one gateway to the platform: numbering, bandwidth, backlog, repetition."""

import heapq
import math
from collections import deque

import numpy as np

from contract.columns import Columns
from sim.emission import Pack
from sim.network.book import LinkBook, LinkProfile
from sim.network.interruptions import Interruptions
from sim.network.law import DelayLaw, delay_law
from sim.network.tally import BINS, LinkReport, histogram

_BLOCK = 512  # delays drawn at once

Waiting = tuple[int, int, int, int, Pack]
"""A pack on its way: due time, gateway, number, 1 for a repetition else 0, and the pack. No two compare equal."""


class Uplink:
    """A first-in-first-out queue over a link of a bandwidth, with interruptions.

    A pack gets its number when the link begins to send it, so that what a full buffer drops leaves no gap. What one
    call of `serve` cannot finish goes on in the next. A repetition goes over the link too; it is not repeated again.

    Args:
        park, gateway: ids, as the packs carry them.
        place: the gateway's place in the park.
        link: the link's profile.
        book: the rest of what the network is made of.
        start_ms: scenario time.
        draw: stream of the delays.
        draw_repeats: stream that says which packs are repeated.

    Attributes:
        interruptions: of this link, to be announced by processes.
        packs: that have left, without repetitions.
        readings: in those packs.
    """

    __slots__ = (
        "_bit_ms",
        "_bits_left",
        "_bits_max",
        "_blocks",
        "_delays",
        "_draw",
        "_draw_repeats",
        "_free_ms",
        "_held_bits",
        "_histogram",
        "_in_order",
        "_last_due_ms",
        "_law",
        "_next_repeat",
        "_pack_bits",
        "_place",
        "_profile",
        "_queue",
        "_reading_bits",
        "_refused",
        "_repeat_after_ms",
        "_repeated",
        "_repeats",
        "_sending",
        "_sequence",
        "gateway",
        "interruptions",
        "packs",
        "park",
        "readings",
    )

    def __init__(
        self,
        park: str,
        gateway: str,
        place: int,
        *,
        link: LinkProfile,
        book: LinkBook,
        start_ms: int,
        draw: np.random.Generator,
        draw_repeats: np.random.Generator,
    ) -> None:
        self.park, self.gateway, self._place, self._profile = park, gateway, place, link
        self.interruptions = Interruptions()
        self._law: DelayLaw = delay_law(link, book.tcp)
        self._in_order = not link.reorders
        self._bit_ms = link.up_bit_s.value / 1000
        self._pack_bits, self._reading_bits = book.payload.pack_bytes.value * 8, book.payload.reading_bytes.value * 8
        self._bits_max = book.gateway.buffer_bytes.value * 8
        self._repeat_after_ms = book.gateway.repeat_after_ms.value
        self._draw, self._draw_repeats = draw, draw_repeats
        self._queue: deque[tuple[float, float, Columns]] = deque()  # ready, bits, readings
        self._repeats: list[tuple[float, int, float, Columns]] = []  # ready, number, bits, readings
        self._sending: tuple[int, int, float, Columns] | None = None  # number, repetition, bits, readings
        self._bits_left = 0.0
        self._held_bits = 0.0
        self._free_ms = float(start_ms)
        self._last_due_ms = 0
        self._sequence = self._refused = self._repeated = 0
        self.packs = self.readings = 0
        self._blocks = np.empty(0, np.float32)
        self._delays: list[float] = []
        self._histogram = np.zeros(BINS, np.int64)
        self._next_repeat = self._gap()

    def carry(self, ready_ms: int, columns: Columns, until_ms: int, out: list[Waiting]) -> None:
        """`offer` a closed pack and `serve`; the same as both, but quick where nothing stands in the way."""
        bits = self._pack_bits + self._reading_bits * len(columns.point)
        end_ms = ready_ms + bits / self._bit_ms
        idle = not (self._queue or self._repeats or self._sending or self.interruptions.windows)
        if idle and end_ms < until_ms and self._free_ms <= ready_ms and bits <= self._bits_max:
            self._free_ms = end_ms
            self._sequence += 1
            self._leave((self._sequence, 0, bits, columns), out)
            return
        self.offer(ready_ms, columns)
        self.serve(until_ms, out)

    def offer(self, ready_ms: int, columns: Columns) -> None:
        """Put a closed pack into the buffer. If it is full, the oldest gives way; ready times never decrease."""
        bits = self._pack_bits + self._reading_bits * len(columns.point)
        queue = self._queue
        if queue:  # a backlog must not hold the other gateways' readings, of which these are a slice
            columns = Columns(columns.point.copy(), columns.time_ms.copy(), columns.value.copy())
        while queue and self._held_bits + bits > self._bits_max:
            _, dropped_bits, dropped = queue.popleft()
            self._held_bits -= dropped_bits
            self._refused += len(dropped.point)
        if self._held_bits + bits > self._bits_max:
            self._refused += len(columns.point)
            return
        self._held_bits += bits
        queue.append((ready_ms, bits, columns))

    def serve(self, until_ms: int, out: list[Waiting]) -> None:
        """Send what can be sent before `until_ms`; each pack that has left comes into `out`."""
        while True:
            sending = self._sending or self._take(until_ms)
            if sending is None or not self._transmit(until_ms):
                break
            self._sending = None
            self._held_bits -= sending[2]
            self._leave(sending, out)
        if self.interruptions.windows:
            busy = self._sending is not None or self._queue
            self.interruptions.forget(min(self._free_ms, until_ms) if busy else until_ms)

    def under_way(self) -> int:
        """Readings in the buffer; those of repetitions are elsewhere already."""
        waiting = sum(len(columns.point) for _, _, columns in self._queue)
        if self._sending is not None and not self._sending[1]:
            waiting += len(self._sending[3].point)
        return waiting

    def report(self) -> LinkReport:
        """What went over the link so far."""
        used = self._blocks[: len(self._blocks) - len(self._delays)]
        delays = self._histogram + histogram(used)
        return LinkReport(
            link=self._profile.id,
            carriers=1,
            messages=int(delays.sum()),
            refused_readings=self._refused,
            repeated=self._repeated,
            delays=tuple(delays.tolist()),
        )

    def _take(self, until_ms: int) -> tuple[int, int, float, Columns] | None:
        """Begin with the next pack, if one is ready and the link free before `until_ms`."""
        queue, repeats = self._queue, self._repeats
        repeat = repeats and (not queue or repeats[0][0] < queue[0][0])
        if not repeat and not queue:
            return None
        begin_ms = max(repeats[0][0] if repeat else queue[0][0], self._free_ms)
        if begin_ms >= until_ms:
            return None
        if repeat:
            _, number, bits, columns = heapq.heappop(repeats)
            self._held_bits += bits  # given back when it has left
            self._sending = (number, 1, bits, columns)
        else:
            _, bits, columns = queue.popleft()
            self._sequence += 1
            self._sending = (self._sequence, 0, bits, columns)
        self._bits_left, self._free_ms = bits, begin_ms
        return self._sending

    def _transmit(self, until_ms: int) -> bool:
        """Put the pack in hand on the link, at most until then; returns whether all of it has left."""
        if self.interruptions.windows:
            self._free_ms, self._bits_left = self.interruptions.transmit(
                self._free_ms, self._bits_left, self._bit_ms, until_ms
            )
            return not self._bits_left
        end_ms = self._free_ms + self._bits_left / self._bit_ms
        if end_ms > until_ms:
            self._bits_left = (end_ms - until_ms) * self._bit_ms
            self._free_ms = float(until_ms)
            return False
        self._free_ms = end_ms
        return True

    def _leave(self, sent: tuple[int, int, float, Columns], out: list[Waiting]) -> None:
        """The pack has left; when it arrives, and whether it must be sent again."""
        number, repetition, bits, columns = sent
        end_ms = self._free_ms
        if not self._delays:
            self._refill()
        delay_ms = self._delays.pop()
        due_ms = math.ceil(end_ms + delay_ms)
        if due_ms < self._last_due_ms:
            due_ms = self._last_due_ms
        elif self._in_order:
            self._last_due_ms = due_ms
        out.append((due_ms, self._place, number, repetition, Pack(due_ms, self.park, self.gateway, number, columns)))
        if repetition:
            return
        self.packs += 1
        self.readings += len(columns.point)
        self._next_repeat -= 1
        if not self._next_repeat:
            self._next_repeat = self._gap()
            self._repeat(end_ms + self._repeat_after_ms, number, bits, columns)
        elif self.interruptions.windows:
            # The reply takes as long as the pack did. If the link is cut before it is there, the gateway asks anew.
            cut = self.interruptions.first_cut(end_ms, due_ms + delay_ms)
            if cut is not None:
                self._repeat(cut.begin_ms, number, bits, columns)

    def _repeat(self, ready_ms: float, number: int, bits: float, columns: Columns) -> None:
        self._repeated += 1
        heapq.heappush(self._repeats, (ready_ms, number, bits, columns))

    def _refill(self) -> None:
        if len(self._blocks):
            self._histogram += histogram(self._blocks)
        self._blocks = self._law.draw(self._draw, _BLOCK)
        self._delays = self._blocks[::-1].tolist()

    def _gap(self) -> int:
        """How many packs from here the next one is repeated; 0: none ever."""
        share = self._profile.duplicates.value
        return int(self._draw_repeats.geometric(share)) if share else 0
