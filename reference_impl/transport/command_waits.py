"""Gateways that wait for their next command."""

import asyncio
from collections.abc import Iterable

from contract.linkage import Command

WAITS_MAX = 4096


class CommandWaits:
    """Wakes those who wait for a command of their gateway.

    Attributes:
        waiting: how many wait; at most `WAITS_MAX` may.
    """

    def __init__(self) -> None:
        self._waits: dict[tuple[str, str], dict[asyncio.Future[bool], None]] = {}
        self.waiting = 0
        self._closed = False

    def wait(self, park: str, gateway: str) -> asyncio.Future[bool] | None:
        """Will be True when a command was given, False when the node stops; None where nobody more may wait."""
        if self._closed or self.waiting >= WAITS_MAX:
            return None
        given: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waits.setdefault((park, gateway), {})[given] = None
        self.waiting += 1
        return given

    def leave(self, park: str, gateway: str, given: asyncio.Future[bool] | None) -> None:
        """Wait no longer."""
        waits = self._waits.get((park, gateway), {})
        if given is not None and given in waits:
            del waits[given]
            self.waiting -= 1
            if not waits:
                del self._waits[park, gateway]

    def publish(self, commands: Iterable[Command]) -> None:
        """Commands that are durable as they are now."""
        for command in commands:
            if command.state == "issued":
                self._wake(self._waits.get((command.park, command.gateway), {}), given=True)

    def close(self) -> None:
        """End every wait."""
        self._closed = True
        for waits in self._waits.values():
            self._wake(waits, given=False)

    @staticmethod
    def _wake(waits: Iterable[asyncio.Future[bool]], *, given: bool) -> None:
        for each in waits:
            if not each.done():
                each.set_result(given)
