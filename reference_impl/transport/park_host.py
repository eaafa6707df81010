"""A host of any number of parks: their nodes, the store, the group commit, the streams and the upkeep around them."""

import asyncio
import contextlib
import itertools
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple, TypeVar

import duckdb

from contract.messages import PackReceipt
from reference_impl.park.change import Change, StoredPack
from reference_impl.park.node import ParkNode
from reference_impl.store.database import StoreError
from reference_impl.store.history import StoredEvent
from reference_impl.store.park_store import Committed, ParkStore
from reference_impl.transport.admission import Admission, Limits
from reference_impl.transport.answers import RefusedError, unavailable
from reference_impl.transport.command_waits import CommandWaits
from reference_impl.transport.group_commit import GroupCommit, wall_ms
from reference_impl.transport.identity_operations import Identity
from reference_impl.transport.metrics import Metrics
from reference_impl.transport.streams import AlertStreams
from reference_impl.transport.uplink import City, Uplink

FILL_INTERVAL_S = 1.0
FILL_BYTES_MAX = 64 * 1024 * 1024
TICK_INTERVAL_S = 1.0
SNAPSHOT_ROUND_S = 30.0  # every park is snapshot about so often, which bounds the journal and the time of recovery
T = TypeVar("T")
_LOG = logging.getLogger(__name__)


class Bounds(NamedTuple):
    """What a park host takes before it refuses with 503.

    Attributes:
        packs: packs in progress.
        requests: other requests in progress.
        queries: queries in progress, their answers included.
        backlog_bytes_max: readings in the journal that are not yet in the column store.
    """

    packs: Limits = Limits(1000, 64 * 1024 * 1024)
    requests: Limits = Limits(256, 64 * 1024 * 1024)
    queries: Limits = Limits(64, 1)
    backlog_bytes_max: int = 1024 * 1024 * 1024


class ParkHost:
    """Everything behind the routes of the park level.

    Args:
        store: the durable side.
        parks: ids of the parks that live here.
        bounds: see `Bounds`.
        city: where the uplink goes; None keeps the outbox for later.
    """

    def __init__(self, store: ParkStore, parks: Sequence[str], bounds: Bounds, city: City | None) -> None:
        self.store = store
        self.metrics = metrics = Metrics()
        self._bounds = bounds
        self._writing = ThreadPoolExecutor(1, "commit")
        self._filling = ThreadPoolExecutor(1, "fill")
        self._reading = ThreadPoolExecutor(2, "query")
        self.identity = Identity(store, self._writing)
        self.nodes: Mapping[str, ParkNode] = store.load(parks)
        self.commits: GroupCommit[Change, Committed] = GroupCommit(self, self._writing)
        self.streams = AlertStreams(self._events_after, store.event_number, metrics.streams_cut.inc)
        self.commands_given = CommandWaits()
        self._uplink = Uplink(store, city, metrics) if city else None
        overload = metrics.overloads
        self.packs = Admission(bounds.packs, "packs", overload.labels("packs").inc)
        self.requests = Admission(bounds.requests, "requests", overload.labels("requests").inc)
        self.queries = Admission(bounds.queries, "queries", overload.labels("queries").inc)
        self._fill_healthy = True
        self._snapshot_parks = itertools.cycle(parks)
        self._snapshot_interval_s = SNAPSHOT_ROUND_S / max(1, len(parks))
        self._gauges()

    def _gauges(self) -> None:
        gauge = self.metrics.gauge
        gauge("parks", "Parks of this node.", lambda: len(self.nodes))
        gauge("packs_in_progress", "Packs between their first byte and their answer.", lambda: self.packs.items)
        gauge("packs_in_progress_bytes", "Their bodies.", lambda: self.packs.bytes)
        gauge("commit_waiting", "Changes that wait for their commit to begin.", lambda: self.commits.waiting)
        gauge("journal_backlog_bytes", "Readings not yet in the column store.", lambda: self.store.backlog_bytes)
        gauge("alert_streams", "Alert streams that stand.", lambda: self.streams.open)
        gauge(
            "outbox_lag",
            "Outbox entries that the city has not applied.",
            lambda: self._uplink.lag() if self._uplink else 0,
        )

    # --- around the commit (group_commit.Commits) ---

    def is_empty(self, change: Change) -> bool:
        """Does the change only repeat what is durable?"""
        return change.empty and change.snapshot is None

    def commit(self, changes: Sequence[Change], known_ms: int) -> Committed:
        """In the worker thread: one transaction."""
        return self.store.commit(changes, known_ms)

    def committed(self, changes: Sequence[Change], made: Committed, took_s: float) -> None:
        """Durable now: streams, uplink, figures."""
        self.streams.publish(made.events)
        self.commands_given.publish(command for change in changes for command in change.commands)
        if self._uplink and made.uplink:
            self._uplink.tell(made.uplink)
        metrics = self.metrics
        metrics.commit_ms.observe(took_s * 1000)
        metrics.commit_changes.observe(len(changes))
        packs = [len(pack.columns) for change in changes for pack in change.packs]
        if packs:
            metrics.packs.inc(len(packs))
            metrics.readings.inc(sum(packs))
        late = sum(change.late_readings for change in changes)
        if late:
            metrics.late.inc(late)
        for transition, count in Counter(draft.transition for change in changes for draft in change.events).items():
            metrics.transitions.labels(transition).inc(count)

    async def rebuild(self, changes: Sequence[Change] | None) -> None:
        """Not durable: the nodes that are ahead of the store come back from it."""
        self.metrics.commit_failures.inc()
        parks = self.nodes.keys() if changes is None else {change.park for change in changes}
        loop = asyncio.get_running_loop()
        self.nodes = {**self.nodes, **await loop.run_in_executor(self._writing, self.store.load, sorted(parks))}

    # --- what the routes ask for ---

    def check_intake(self) -> None:
        """Raise `RefusedError` 503 while no telemetry can be taken."""
        self.commits.check()
        if self.store.backlog_bytes > self._bounds.backlog_bytes_max:
            self.metrics.overloads.labels("backlog").inc()
            raise unavailable(
                f"{self.store.backlog_bytes} bytes wait for the column store, "
                f"at most {self._bounds.backlog_bytes_max} may"
            )

    async def ingest(self, node: ParkNode, pack: StoredPack) -> PackReceipt:
        """Take a pack that was decoded against `node`'s points and wait until it is durable."""
        index = node.index

        def do(now_ms: int) -> Change:
            current = self.nodes[node.park]
            if current.index is not index:
                raise unavailable("the points were read anew meanwhile")
            return current.ingest(pack.gateway, pack.sequence, pack.columns, now_ms)

        change = await self.commits.submit(do)
        receipt = change.response
        if not isinstance(receipt, PackReceipt):
            raise TypeError(f"expected a receipt, found {receipt!r}")
        if receipt.duplicate:
            self.metrics.duplicates.inc()
        return receipt

    async def change(self, park: str, do: Callable[[ParkNode, int], Change]) -> Change:
        """Let a park's node do something and wait until it is durable."""
        return await self.commits.submit(lambda now_ms: do(self.nodes[park], now_ms))

    async def query(self, read: Callable[[], T]) -> T:
        """Read the store beside the event loop.

        Raises:
            RefusedError: 503 too many queries are in progress.
        """
        with self.queries.enter():
            try:
                return await asyncio.get_running_loop().run_in_executor(self._reading, read)
            except (sqlite3.Error, duckdb.Error) as error:
                _LOG.error("query failed: %s", error)
                raise unavailable("the store could not be read") from error

    async def _events_after(self, number: int, park: str, limit: int) -> list[StoredEvent]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reading, self.store.events_after, number, park, limit)

    @property
    def level(self) -> Literal["park"]:
        """For the operations of both levels."""
        return "park"

    @property
    def parks(self) -> Collection[str]:
        """Ids of the parks that live here."""
        return self.nodes.keys()

    @property
    def queries_to(self) -> ParkStore:
        """The store, as the operations of both levels see it."""
        return self.store

    @property
    def healthy(self) -> bool:
        """Do commits and the moves into the column store succeed?"""
        return self.commits.healthy and self._fill_healthy

    # --- upkeep ---

    async def run(self) -> None:
        """Work until cancelled; an error here is a fault of the node and ends it, for recovery is what restores it."""
        self.commits.open()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.commits.run())
            tasks.create_task(self.identity.run())
            tasks.create_task(self._fill_always())
            tasks.create_task(self._snapshot_always())
            tasks.create_task(self._tick_always())
            if self._uplink:
                tasks.create_task(self._uplink.run())

    async def _fill_always(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(FILL_INTERVAL_S)
            before = self.store.telemetry.readings
            try:
                await loop.run_in_executor(self._filling, self._fill)
                self._fill_healthy = True
            except (duckdb.Error, sqlite3.Error) as error:
                _LOG.error("the column store took nothing in: %s", error)
                self._fill_healthy = False
                self.metrics.fill_failures.inc()
            self.metrics.filled_readings.inc(self.store.telemetry.readings - before)

    def _fill(self) -> None:
        while self.store.fill(FILL_BYTES_MAX) and self.store.backlog_bytes > FILL_BYTES_MAX:
            pass

    async def _snapshot_always(self) -> None:
        while True:
            await asyncio.sleep(self._snapshot_interval_s)
            park = next(self._snapshot_parks)
            if self.store.needs_snapshot(park):
                with contextlib.suppress(RefusedError):  # the store is failing; its turn comes again
                    await self.change(park, _snapshot)

    async def _tick_always(self) -> None:
        """Let the clock end shelvings and escalate alerts: at once after a start, then about once a second."""
        while True:
            now_ms = wall_ms()
            for park, node in self.nodes.items():
                if node.due_ms is not None and node.due_ms <= now_ms:
                    with contextlib.suppress(RefusedError):  # the store is failing; the next round comes
                        await self.change(park, ParkNode.tick)
            await asyncio.sleep(TICK_INTERVAL_S)

    async def stop(self) -> None:
        """Answer what was taken, refuse the rest, and end the streams."""
        self.commands_given.close()
        await self.commits.drain("the node is stopping")
        self.streams.close()

    def close(self) -> None:
        """Leave the store as short to recover as it can be. Nobody uses this host any more."""
        for executor in (self._reading, self._filling, self._writing):
            executor.shutdown()
        try:
            self.identity.close()
            snapshots = [_snapshot(node, 0) for node in self.nodes.values() if self.store.needs_snapshot(node.park)]
            if snapshots:
                self.store.commit(snapshots, wall_ms())
            while self.store.fill(FILL_BYTES_MAX):
                pass
            self.store.trim()
        except (StoreError, duckdb.Error, sqlite3.Error):
            _LOG.exception("the store could not be tidied; nothing is lost by that")
        self.store.close()


def _snapshot(node: ParkNode, _now_ms: int) -> Change:
    return Change(node.park, None, snapshot=node.snapshot())
