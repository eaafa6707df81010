"""The uplink: each park tells the city what its outbox holds, in order, until the city says that it is durable there.

The city counts by number, so whatever is sent again changes nothing there. A cut link only makes it late.
"""

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import httpx
import msgspec

from contract.errors import ParkBenchError
from contract.messages import UplinkReceipt
from contract.operations import BY_ID, JSON
from reference_impl.store.outbox import StoredEntry
from reference_impl.store.park_store import ParkStore
from reference_impl.transport.metrics import Metrics

ENTRIES_MAX = 1000  # of one batch
AT_HAND_MAX = 2000  # newest entries kept in memory for each park, so that the store is read only after a cut
TIMEOUT_S = 10.0
WAIT_FIRST_S = 0.1
WAIT_MAX_S = 5.0
OK = 200
_LOG = logging.getLogger(__name__)


class City(NamedTuple):
    """The city as the uplink reaches it.

    Attributes:
        url: base address.
        tokens: uplink token of each park.
        transport: how it is reached, where that is not plain HTTP.
    """

    url: str
    tokens: Mapping[str, str]
    transport: httpx.AsyncBaseTransport | None = None


class CityError(ParkBenchError):
    """The city did not take a batch."""


class Lane:
    """One park's way to the city."""

    def __init__(self, park: str, newest: int) -> None:
        self.park = park
        self.newest = newest  # number of the newest outbox entry
        self.applied: int | None = None  # what the city has said; None while it must be asked
        self.at_hand: deque[StoredEntry] = deque(maxlen=AT_HAND_MAX)
        self.arrived = asyncio.Event()

    def add(self, entries: Sequence[StoredEntry]) -> None:
        """New entries are durable."""
        self.at_hand.extend(entries)
        self.newest = entries[-1].number
        self.arrived.set()

    def following(self, number: int) -> list[StoredEntry]:
        """What follows `number`, if it is at hand."""
        if not self.at_hand or self.at_hand[0].number > number + 1:
            return []
        start = number + 1 - self.at_hand[0].number
        return [self.at_hand[place] for place in range(start, min(start + ENTRIES_MAX, len(self.at_hand)))]


class Uplink:
    """One task for each park that has a token.

    Args:
        store: has the outboxes.
        city: where to.
        metrics: what is counted.
    """

    def __init__(self, store: ParkStore, city: City, metrics: Metrics) -> None:
        self._store = store
        self._city = city
        self._metrics = metrics
        self._lanes = {park: Lane(park, newest) for park, newest in store.last_entries(city.tokens).items()}

    def lag(self) -> int:
        """Entries that the city is not known to have applied."""
        return sum(max(0, lane.newest - (lane.applied or 0)) for lane in self._lanes.values())

    def tell(self, entries: Mapping[str, Sequence[StoredEntry]]) -> None:
        """New entries are durable, by park."""
        for park, of_park in entries.items():
            if park in self._lanes:
                self._lanes[park].add(of_park)

    async def run(self) -> None:
        """Tell the city until cancelled."""
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        # Proxies of the environment are for people's programs; the city's address is this node's own setting.
        async with (
            httpx.AsyncClient(
                base_url=self._city.url,
                limits=limits,
                timeout=TIMEOUT_S,
                trust_env=False,
                transport=self._city.transport,
            ) as client,
            asyncio.TaskGroup() as tasks,
        ):
            for lane in self._lanes.values():
                tasks.create_task(self._serve(lane, client))

    async def _serve(self, lane: Lane, client: httpx.AsyncClient) -> None:
        wait_s = WAIT_FIRST_S
        while True:
            try:
                await self._step(lane, client)
                wait_s = WAIT_FIRST_S
            except (httpx.HTTPError, CityError, msgspec.MsgspecError, sqlite3.Error) as error:
                if lane.applied is not None or wait_s >= WAIT_MAX_S:
                    _LOG.warning("uplink of %s: %s", lane.park, error or type(error).__name__)
                self._metrics.uplink_failures.inc()
                lane.applied = None
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, WAIT_MAX_S)

    async def _step(self, lane: Lane, client: httpx.AsyncClient) -> None:
        """Send one batch, or wait for something to send."""
        if lane.applied is None:
            lane.applied = await self._exchange(lane, client, "get_uplink", None)
        if lane.applied > lane.newest:
            raise CityError(
                f"expected the city to have applied at most {lane.newest}, found {lane.applied}: "
                "this outbox is older than the city"
            )
        lane.arrived.clear()
        entries = lane.following(lane.applied)
        if not entries and lane.applied < lane.newest:
            loop = asyncio.get_running_loop()
            entries = await loop.run_in_executor(None, self._store.entries_after, lane.park, lane.applied, ENTRIES_MAX)
        if not entries:
            await lane.arrived.wait()
            return
        body = '{"entries":[' + ",".join(entry.body for entry in entries) + "]}"
        before = lane.applied
        lane.applied = await self._exchange(lane, client, "post_uplink", body)
        self._metrics.uplink_entries.inc(max(0, lane.applied - before))
        self._store.note_told(lane.park, lane.applied)

    async def _exchange(self, lane: Lane, client: httpx.AsyncClient, operation_id: str, body: str | None) -> int:
        operation = BY_ID[operation_id]
        answer = await client.request(
            operation.method,
            operation.path.format(park=lane.park),
            content=body,
            headers={"authorization": f"Bearer {self._city.tokens[lane.park]}", "content-type": JSON},
        )
        if answer.status_code != OK:
            raise CityError(f"expected {OK} from {operation.id}, found {answer.status_code}: {answer.text[:500]}")
        return msgspec.json.decode(answer.content, type=UplinkReceipt).applied_through
