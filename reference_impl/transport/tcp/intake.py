"""From a device's frame to the group commit: reports of one gateway that wait together become one pack."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from contract.devices_registry import Logger, Transmitter
from contract.errors import ParkBenchError
from reference_impl.park.change import Change
from reference_impl.park.devices import Outcome, Report, take_reports
from reference_impl.park.node import ParkNode
from reference_impl.transport.park_host import ParkHost

REPORTS_MAX = 2_048  # in one pack
READINGS_MAX = 20_000  # in one pack, but for the last report's
_LOG = logging.getLogger(__name__)

Settled = Callable[[Outcome | None], None]
"""Told the outcome when it is durable; None where it could not be made so: no answer, the device sends again."""


class _Waiting(NamedTuple):
    report: Report
    settled: Settled


class Lane:
    """The reports of one gateway, in the order in which they came."""

    def __init__(self, host: ParkHost, park: str, gateway: str) -> None:
        self._host = host
        self._park = park
        self._gateway = gateway
        self._waiting: deque[_Waiting] = deque()
        self.carrying: asyncio.Task[None] | None = None

    def offer(self, report: Report, settled: Settled) -> None:
        """Take a report on; `settled` is called later, never from here."""
        self._waiting.append(_Waiting(report, settled))
        if self.carrying is None:
            self.carrying = asyncio.get_running_loop().create_task(self._carry())

    async def _carry(self) -> None:
        try:
            while self._waiting:
                await self._commit()
        finally:
            self.carrying = None

    async def _commit(self) -> None:
        """Make durable what waits at the moment when the commit begins."""
        taken: list[_Waiting] = []
        outcomes: list[Outcome] = []

        def do(node: ParkNode, now_ms: int) -> Change:
            taken.extend(self._take())
            change, found = take_reports(node, self._gateway, [each.report for each in taken], now_ms)
            outcomes.extend(found)
            return change

        try:
            self._host.check_intake()
            await self._host.change(self._park, do)
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing is durable and the connections go on
            if not isinstance(error, ParkBenchError):
                _LOG.error("reports of %s/%s were not taken: %r", self._park, self._gateway, error)
            for each in taken or self._take():
                each.settled(None)
            return
        for each, outcome in zip(taken, outcomes, strict=True):
            each.settled(outcome)

    def _take(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        readings = 0
        while self._waiting and len(taken) < REPORTS_MAX and readings < READINGS_MAX:
            taken.append(self._waiting.popleft())
            readings += len(taken[-1].report.readings)
        return taken


class Intake:
    """The registered devices of a host, and the lanes of their gateways."""

    def __init__(self, host: ParkHost) -> None:
        self._host = host
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._park_of: dict[str | int, str] = {}

    def logger(self, mn: str) -> tuple[str, Logger] | None:
        """The logger of this MN and its park."""
        hint = self._park_of.get(mn)
        for park in [hint, *self._host.nodes] if hint else self._host.nodes:
            found = self._host.nodes[park].devices.loggers.get(mn)
            if found is not None:
                self._park_of[mn] = park
                return park, found
        return None

    def loggers(self) -> Iterator[str]:
        """Every MN that is registered."""
        for node in self._host.nodes.values():
            yield from node.devices.loggers

    def transmitter(self, address: int) -> tuple[str, Transmitter] | None:
        """The transmitter of this address and its park."""
        hint = self._park_of.get(address)
        for park in [hint, *self._host.nodes] if hint else self._host.nodes:
            found = self._host.nodes[park].devices.transmitters.get(address)
            if found is not None:
                self._park_of[address] = park
                return park, found
        return None

    def offer(self, park: str, gateway: str, report: Report, settled: Settled) -> None:
        """Take a report on for a gateway of a park."""
        lane = self._lanes.get((park, gateway))
        if lane is None:
            lane = self._lanes[park, gateway] = Lane(self._host, park, gateway)
        lane.offer(report, settled)

    async def idle(self) -> None:
        """Wait until nothing is on its way."""
        while carrying := [lane.carrying for lane in self._lanes.values() if lane.carrying is not None]:
            await asyncio.wait(carrying)
