"""The city: its node, its store, the group commit and the streams."""

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, TypeVar

from contract.messages import ParkOverviewList, UplinkReceipt
from reference_impl.city.node import CityChange
from reference_impl.store.city_store import CityStore
from reference_impl.store.database import StoreError
from reference_impl.store.history import StoredEvent
from reference_impl.transport.admission import Admission, Limits
from reference_impl.transport.answers import unavailable
from reference_impl.transport.bindings import Call, Handler, Response
from reference_impl.transport.group_commit import GroupCommit
from reference_impl.transport.identity_operations import Identity
from reference_impl.transport.metrics import Metrics
from reference_impl.transport.streams import AlertStreams
from reference_impl.transport.watching import watching

REQUESTS = Limits(1000, 64 * 1024 * 1024)
QUERIES = Limits(64, 1)
CHECKPOINT_INTERVAL_S = 1.0
T = TypeVar("T")
_LOG = logging.getLogger(__name__)


class CityHost:
    """Everything behind the routes of the city level.

    Args:
        store: the durable side.
        parks: ids of the parks that may report.
    """

    def __init__(self, store: CityStore, parks: Collection[str]) -> None:
        self.store = store
        self.metrics = metrics = Metrics()
        self._writing = ThreadPoolExecutor(1, "commit")
        self._reading = ThreadPoolExecutor(2, "query")
        self.identity = Identity(store, self._writing)
        self.node = store.load(parks)
        self.commits: GroupCommit[CityChange, list[StoredEvent]] = GroupCommit(self, self._writing)
        self.streams = AlertStreams(self._events_after, store.event_number, metrics.streams_cut.inc)
        self.requests = Admission(REQUESTS, "requests", metrics.overloads.labels("requests").inc)
        self.queries = Admission(QUERIES, "queries", metrics.overloads.labels("queries").inc)
        metrics.gauge("parks", "Parks of this node.", lambda: len(self.parks))
        metrics.gauge("commit_waiting", "Changes that wait for their commit to begin.", lambda: self.commits.waiting)
        metrics.gauge("alert_streams", "Alert streams that stand.", lambda: self.streams.open)

    # --- around the commit (group_commit.Commits) ---

    def is_empty(self, _change: CityChange) -> bool:
        """Even a batch of known entries says that the park is alive."""
        return False

    def commit(self, changes: Sequence[CityChange], known_ms: int) -> list[StoredEvent]:
        """In the worker thread: one transaction."""
        return self.store.commit(changes, known_ms)

    def committed(self, changes: Sequence[CityChange], made: list[StoredEvent], took_s: float) -> None:
        """Durable now: streams and figures."""
        self.streams.publish(made)
        self.metrics.commit_ms.observe(took_s * 1000)
        self.metrics.commit_changes.observe(len(changes))
        self.metrics.uplink_entries.inc(sum(len(change.events) + len(change.cases) for change in changes))
        for transition, count in Counter(draft.transition for change in changes for draft in change.events).items():
            self.metrics.transitions.labels(transition).inc(count)

    async def rebuild(self, _changes: Sequence[CityChange] | None) -> None:
        """Not durable: the node comes back from the store."""
        self.metrics.commit_failures.inc()
        self.node = await asyncio.get_running_loop().run_in_executor(self._writing, self.store.load, self.parks)

    # --- what the routes ask for ---

    @property
    def level(self) -> Literal["city"]:
        """For the operations of both levels."""
        return "city"

    @property
    def parks(self) -> Collection[str]:
        """Ids of the parks that may report."""
        return self.node.parks

    @property
    def queries_to(self) -> CityStore:
        """The store, as the operations of both levels see it."""
        return self.store

    @property
    def healthy(self) -> bool:
        """Do commits succeed?"""
        return self.commits.healthy

    async def query(self, read: Callable[[], T]) -> T:
        """Read the store beside the event loop.

        Raises:
            RefusedError: 503 too many queries are in progress.
        """
        with self.queries.enter():
            try:
                return await asyncio.get_running_loop().run_in_executor(self._reading, read)
            except sqlite3.Error as error:
                _LOG.error("query failed: %s", error)
                raise unavailable("the store could not be read") from error

    async def _events_after(self, number: int, park: str, limit: int) -> list[StoredEvent]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reading, self.store.events_after, number, park, limit)

    # --- upkeep ---

    async def run(self) -> None:
        """Work until cancelled; an error here is a fault of the node and ends it, for recovery is what restores it."""
        self.commits.open()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.commits.run())
            tasks.create_task(self.identity.run())
            tasks.create_task(self._checkpoint_always())

    async def _checkpoint_always(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(CHECKPOINT_INTERVAL_S)
            try:
                await loop.run_in_executor(self._reading, self.store.database.checkpoint)
            except sqlite3.Error as error:
                _LOG.error("checkpoint failed: %s", error)

    async def stop(self) -> None:
        """Answer what was taken, refuse the rest, and end the streams."""
        await self.commits.drain("the node is stopping")
        self.streams.close()

    def close(self) -> None:
        """Nobody uses this host any more."""
        for executor in (self._reading, self._writing):
            executor.shutdown()
        try:
            self.identity.close()
        except StoreError:
            _LOG.exception("the sums of the last minute could not be written into the audit log")
        self.store.close()


def city_handlers(host: CityHost) -> Mapping[str, Handler]:
    """Handlers by operation id."""

    async def post_uplink(call: Call) -> Response:
        park, batch = call.path["park"], call.body
        return (await host.commits.submit(lambda now_ms: host.node.apply(park, batch, now_ms))).response

    async def get_uplink(call: Call) -> Response:
        # Of the store and not of the node, which may be ahead of it.
        park = call.path["park"]
        return await host.query(lambda: UplinkReceipt(applied_through=host.store.applied_through(park)))

    async def get_parks(call: Call) -> Response:
        parks = host.node.overview().parks
        return ParkOverviewList(parks=[each for each in parks if call.principal.covers(each.park)])

    return {**watching(host), "post_uplink": post_uplink, "get_uplink": get_uplink, "get_parks": get_parks}
