"""Group commit: what arrives while one commit runs becomes durable with the next, all at once.

One task alone touches the nodes. It takes everything that waits, lets the node do each piece, and commits the changes
together in a worker thread while the event loop goes on receiving and decoding. Only when the commit is durable are the
callers answered and the world told.
"""

import asyncio
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, NamedTuple, Protocol, TypeVar

from contract.errors import ParkBenchError
from reference_impl.store.database import StoreError
from reference_impl.transport.answers import unavailable

Changed = TypeVar("Changed")
Made = TypeVar("Made")
Taken_contra = TypeVar("Taken_contra", contravariant=True)

BATCH_MAX = 512  # pieces of work in one commit
PAUSE_S = 1.0  # after a commit that failed
_LOG = logging.getLogger(__name__)


def wall_ms() -> int:
    """The wall clock, Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Work(NamedTuple, Generic[Changed]):
    """One piece: `do(now_ms)` changes a node; `done` tells the caller when that is durable."""

    do: Callable[[int], Changed]
    done: "asyncio.Future[Changed]"


class Commits(Protocol[Taken_contra, Made]):
    """What a level does around a commit."""

    def is_empty(self, change: Taken_contra) -> bool:
        """Does this change need no storing?"""
        ...

    def commit(self, changes: Sequence[Taken_contra], known_ms: int) -> Made:
        """Make changes durable together. Called in the worker thread. Raises `StoreError`."""
        ...

    def committed(self, changes: Sequence[Taken_contra], made: Made, took_s: float) -> None:
        """They are durable: tell the world."""
        ...

    def rebuild(self, changes: Sequence[Taken_contra] | None) -> Awaitable[None]:
        """They are not: bring the nodes that made them, or all nodes, back to what the store has.

        Called before anybody is answered.
        """
        ...


class GroupCommit(Generic[Changed, Made]):
    """The one task that changes nodes and commits.

    Args:
        commits: the level's part.
        thread: an executor of one thread.
    """

    def __init__(self, commits: Commits[Changed, Made], thread: Executor) -> None:
        self._commits = commits
        self._thread = thread
        self._waiting: deque[Work[Changed]] = deque()
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._refusing = "the node is starting"
        self._paused_until_s = 0.0

    @property
    def waiting(self) -> int:
        """Pieces that wait for their commit to begin."""
        return len(self._waiting)

    @property
    def healthy(self) -> bool:
        """No commit has failed just now."""
        return time.monotonic() >= self._paused_until_s

    def open(self) -> None:
        """Take work from now on."""
        self._refusing = ""

    def check(self) -> None:
        """Raise `RefusedError` 503 while no work is taken, so that nothing is spent on it."""
        if self._refusing:
            raise unavailable(self._refusing)
        if not self.healthy:
            raise unavailable("the last commit failed, the store is given a moment")

    async def submit(self, do: Callable[[int], Changed]) -> Changed:
        """Do a piece of work and wait until it is durable.

        Raises:
            PeerError, RefusedError: what `do` raised; it changed nothing.
            RefusedError: 503 the commit failed or no work is taken now; nothing of it is there.
        """
        self.check()
        done: asyncio.Future[Changed] = asyncio.get_running_loop().create_future()
        self._waiting.append(Work(do, done))
        self._idle.clear()
        self._arrived.set()
        return await done

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._arrived.wait()
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_MAX))]
            if not self._waiting:
                self._arrived.clear()
            await self._carry_out(batch)
            if not self._waiting:
                self._idle.set()

    async def drain(self, why: str) -> None:
        """Take no more work and wait until all that was taken is done."""
        self._refusing = why
        await self._idle.wait()

    async def _carry_out(self, batch: Sequence[Work[Changed]]) -> None:
        now_ms = wall_ms()
        changed: list[tuple[Work[Changed], Changed]] = []
        for work in batch:
            if work.done.cancelled():  # the caller went away before its turn
                continue
            try:
                changed.append((work, work.do(now_ms)))
            except ParkBenchError as error:
                _fail(work, error)
            except Exception as error:  # noqa: BLE001 - whatever it is, callers must be answered and nodes restored
                # A node that failed in the middle may be half changed: nothing of this batch may be kept.
                _LOG.exception("a node failed")
                await self._give_up(None, [each for each in batch if each is not work], "a node failed")
                _fail(work, error)
                return
        if changed:
            await self._make_durable(changed, now_ms)

    async def _make_durable(self, changed: Sequence[tuple[Work[Changed], Changed]], now_ms: int) -> None:
        stored = [change for _, change in changed if not self._commits.is_empty(change)]
        if stored:
            began_s = time.perf_counter()
            try:
                loop = asyncio.get_running_loop()
                made = await loop.run_in_executor(self._thread, self._commits.commit, stored, now_ms)
            except StoreError as error:
                _LOG.error("commit failed: %s", error)
                await self._give_up(stored, [work for work, _ in changed], "the store could not keep it")
                return
            self._commits.committed(stored, made, time.perf_counter() - began_s)
        for work, change in changed:
            if not work.done.done():
                work.done.set_result(change)

    async def _give_up(self, changes: Sequence[Changed] | None, works: Sequence[Work[Changed]], why: str) -> None:
        self._paused_until_s = time.monotonic() + PAUSE_S
        while True:
            try:
                await self._commits.rebuild(changes)
                break
            except (StoreError, sqlite3.Error):
                _LOG.exception("the nodes could not be rebuilt, trying again")
                await asyncio.sleep(PAUSE_S)
        self._paused_until_s = time.monotonic() + PAUSE_S
        for work in works:
            _fail(work, unavailable(why))


def _fail(work: Work[Changed], error: Exception) -> None:
    if not work.done.done():
        work.done.set_exception(error)
