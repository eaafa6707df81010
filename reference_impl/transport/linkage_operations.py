"""Commands and linkage over HTTP: orders, the gateways' log with its long poll, reports, and the times of plans."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar, get_args

from contract.errors import PeerError
from contract.linkage import MAX_WAIT_MS, Command, CommandList, CommandState
from reference_impl.park.change import Change
from reference_impl.park.node import ParkNode
from reference_impl.store import commands
from reference_impl.transport.bindings import Call, Handler, Response, unknown_park

if TYPE_CHECKING:
    import sqlite3

    from contract.linkage import CommandFeedback, CommandOrder
    from reference_impl.transport.park_host import ParkHost

STATES = get_args(CommandState)
T = TypeVar("T")


def linkage_operations(host: "ParkHost") -> Mapping[str, Handler]:
    """Handlers by operation id."""
    operations = LinkageOperations(host)
    return {
        "post_command": operations.post_command,
        "get_commands": operations.get_commands,
        "get_gateway_commands": operations.get_gateway_commands,
        "post_command_feedback": operations.post_command_feedback,
        "get_linkage_times": operations.get_linkage_times,
    }


class LinkageOperations:
    """One method for each operation."""

    def __init__(self, host: "ParkHost") -> None:
        self._host = host

    async def post_command(self, call: Call) -> Response:
        """Command all devices of a kind."""
        order: CommandOrder = call.body
        identities = self._host.nodes[call.path["park"]].linkage.order_ids(order)
        return await self._changed(call, identities, lambda node, now_ms: node.linkage.order(order, now_ms))

    async def post_command_feedback(self, call: Call) -> Response:
        """A gateway reports about a command."""
        feedback: CommandFeedback = call.body
        identity = call.path["command_id"]
        return await self._changed(
            call, [identity], lambda node, now_ms: node.linkage.report(identity, feedback, now_ms)
        )

    async def _changed(self, call: Call, identities: list[str], then: Callable[[ParkNode, int], Change]) -> Response:
        """Let the node do something about commands that it may have to be reminded of."""
        park = call.path["park"]
        linkage = self._host.nodes[park].linkage
        missing = [each for each in identities if linkage.command(each) is None]
        recalled: list[Command] = []
        if missing:
            stored = await self._read(lambda reader: [commands.command(reader, park, each) for each in missing])
            recalled = [each for each in stored if each is not None]

        def do(node: ParkNode, now_ms: int) -> Change:
            for command in recalled:
                node.linkage.recall(command)
            return node.tell_runs(then(node, now_ms))

        change = await self._host.change(park, do)
        if not isinstance(change.response, Command | CommandList):
            raise TypeError(f"expected commands, found {change.response!r}")
        return change.response

    async def get_commands(self, call: Call) -> Response:
        """Commands of a park."""
        park, state, run, rows = call.path["park"], call.text("state"), call.text("run"), call.rows()
        if state is not None and state not in STATES:
            raise PeerError(
                "invalid parameter", status=400, where="query.state", found=repr(state), wanted=" or ".join(STATES)
            )
        return await self._read(lambda reader: commands.commands(reader, park, state=state, run=run, limit=rows))

    async def get_gateway_commands(self, call: Call) -> Response:
        """Commands that a gateway is to carry out; waits for the first if it may."""
        park, gateway, rows = call.path["park"], call.path["gateway"], call.rows()
        after, wait_ms = call.integer("after") or 0, call.integer("wait_ms") or 0
        if gateway not in self._host.nodes[park].gateways:
            wanted = "a gateway of the registered points"
            raise PeerError("unknown gateway", status=404, where="gateway", found=repr(gateway), wanted=wanted)
        if not 0 <= wait_ms <= MAX_WAIT_MS:
            wanted = f"0 to {MAX_WAIT_MS}"
            raise PeerError("invalid parameter", status=400, where="query.wait_ms", found=str(wait_ms), wanted=wanted)
        ends_s = time.monotonic() + wait_ms / 1000
        while True:
            given = self._host.commands_given.wait(park, gateway)  # before the look, so that nothing comes in between
            try:
                found = await self._read(lambda reader: commands.to_carry_out(reader, park, gateway, after, rows))
                left_s = ends_s - time.monotonic()
                if found.commands or left_s <= 0 or given is None:
                    return found
                async with asyncio.timeout(left_s):
                    if not await given:
                        return found
            except TimeoutError:
                return CommandList(commands=[])
            finally:
                self._host.commands_given.leave(park, gateway, given)

    async def get_linkage_times(self, call: Call) -> Response:
        """How long plans took."""
        asked = call.text("park")
        park, (begin_ms, end_ms) = call.scope(asked), call.period_ms()
        if asked is not None and asked not in self._host.parks:
            error = unknown_park(asked)
            raise PeerError("invalid parameter", status=400, where="query.park", found=error.found, wanted=error.wanted)
        return await self._read(lambda reader: commands.times(reader, park, begin_ms, end_ms))

    async def _read(self, read: "Callable[[sqlite3.Connection], T]") -> T:
        def query() -> T:
            with self._host.store.database.reading() as reader:
                return read(reader)

        return await self._host.query(query)
