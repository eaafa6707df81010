"""The way into the audit log: calls wait until their row is durable; calls in great number are summed by the minute."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

import msgspec

from contract.errors import ParkBenchError
from contract.identity import Entry

MINUTE_MS = 60_000
SUMS_MAX = (
    10_000  # kinds of calls told apart within a minute; what comes after is summed without its client, park and object
)
_LOG = logging.getLogger(__name__)
Kind = tuple[int, str, str, str, str, str, int]


class Sums:
    """Calls counted by minute, caller, operation, park, object and outcome."""

    def __init__(self) -> None:
        self._sums: dict[Kind, Entry] = {}

    def count(self, entry: Entry) -> None:
        """Add a call to its sum, whose time is that of its first call."""
        kind = _kind(entry)
        if kind not in self._sums and len(self._sums) >= SUMS_MAX:
            entry = msgspec.structs.replace(entry, client="", park="", object="")
            kind = _kind(entry)
        known = self._sums.get(kind)
        if known is not None:
            entry = msgspec.structs.replace(known, calls=known.calls + entry.calls)
        self._sums[kind] = entry

    def take(self, now_ms: int | None) -> list[Entry]:
        """Sums of minutes that are over, or all of them for None; they are no longer held here."""
        minute = None if now_ms is None else now_ms // MINUTE_MS
        due = [kind for kind in self._sums if minute is None or kind[0] != minute]
        return [self._sums.pop(kind) for kind in due]


def _kind(entry: Entry) -> Kind:
    minute = entry.at_ms // MINUTE_MS
    return minute, entry.who, entry.client, entry.operation, entry.park, entry.object, entry.status


class Trail:
    """What the routes tell the audit log.

    Args:
        append: makes entries durable; it may raise a `ParkBenchError`. Called in `thread`.
        thread: the executor that commits.
    """

    def __init__(self, append: Callable[[Sequence[Entry]], None], thread: Executor) -> None:
        self._append = append
        self._thread = thread
        self._sums = Sums()
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def note(self, entry: Entry) -> None:
        """Return when the entry is durable; those of concurrent calls become so together.

        Raises:
            ParkBenchError: it could not be kept.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            error: Exception | None = None
            try:
                await loop.run_in_executor(self._thread, self._append, [entry for entry, _ in batch])
            except Exception as raised:  # noqa: BLE001 - whatever it is, those who wait must hear of it
                error = raised
            for _, done in batch:
                if done.done():  # its caller went away
                    continue
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(error)

    def count(self, entry: Entry) -> None:
        """Add a call to the sums of its minute."""
        self._sums.count(entry)

    async def flush(self, now_ms: int) -> None:
        """Write the sums of minutes that are over; sums that cannot be written now stay for the next time."""
        due = self._sums.take(now_ms)
        if due:
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._append, due)
            except ParkBenchError as error:
                _LOG.error("the audit log took nothing in: %s", error)
                for entry in due:
                    self._sums.count(entry)

    def close(self) -> None:
        """Write all sums. Nobody uses the thread any more.

        Raises:
            ParkBenchError: they could not be kept.
        """
        self._append(self._sums.take(None))
