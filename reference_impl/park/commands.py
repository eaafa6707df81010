"""Commands to devices: to whom they go, how they are made, and what a report makes of them."""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from contract.catalogue.commands import CommandKind, commands
from contract.errors import PeerError
from contract.linkage import WHOLE_PARK, Command, CommandFeedback, CommandOrder
from contract.messages import Point

IDENTITY_LENGTH_MAX = 200
TEXT_LENGTH_MAX = 2_000
OPEN = frozenset({"issued", "accepted"})
_OVER = frozenset({"done", "undone"})


class Targets:
    """Which gateways have devices of a kind, by zone.

    Args:
        points: the registered points.
    """

    def __init__(self, points: Iterable[Point]) -> None:
        known = {key[:2] for key in commands()}
        found: dict[tuple[str, str, str], dict[str, None]] = {}
        for point in points:
            parts = point.name.split("/")
            kind = parts[2].rpartition("-")[0] if len(parts) > 2 else ""  # noqa: PLR2004 - the name's third part
            if (point.subsystem, kind) in known:
                found.setdefault((point.subsystem, kind, point.zone), {})[point.gateway] = None
        self._of_zone: dict[tuple[str, str, str], tuple[str, ...]] = {}
        for (subsystem, kind, zone), gateways in found.items():
            self._of_zone[subsystem, kind, zone] = tuple(gateways)
            whole = (subsystem, kind, WHOLE_PARK)
            self._of_zone[whole] = tuple(dict.fromkeys((*self._of_zone.get(whole, ()), *gateways)))

    def gateways(self, subsystem: str, device: str, zone: str) -> tuple[str, ...]:
        """Gateways with devices of a kind in a zone, or in the whole park."""
        return self._of_zone.get((subsystem, device, zone), ())


def digest_of(*parts: str) -> str:
    """Deterministic identity, 32 hexadecimal characters; the parts cannot run into each other."""
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()


def check_order(order: CommandOrder) -> tuple[CommandKind, dict[str, str | int | float | bool]]:
    """What an operator's order commands, and its parameters with their defaults.

    Raises:
        PeerError: 422 unknown command, wrong parameter, somebody or something is not named.
    """
    for name, text, most in (
        ("request_id", order.request_id, IDENTITY_LENGTH_MAX),
        ("operator", order.operator, IDENTITY_LENGTH_MAX),
        ("reason", order.reason, TEXT_LENGTH_MAX),
    ):
        if not 0 < len(text) <= most:
            found = f"{len(text)} characters" if text else "''"
            raise PeerError("wrong length", where=name, found=found, wanted=f"1 to {most} characters")
    kind = commands().get((order.subsystem, order.device, order.command))
    if kind is None:
        known = [key for key in commands() if key[:2] == (order.subsystem, order.device)] or list(commands())
        wanted = " or ".join("/".join(key) for key in known)
        found = repr(f"{order.subsystem}/{order.device}/{order.command}"[:IDENTITY_LENGTH_MAX])
        raise PeerError("unknown command", where="command", found=found, wanted=wanted)
    return kind, kind.filled(order.parameters, "parameters")


def reported(command: Command, feedback: CommandFeedback, now_ms: int) -> Command:
    """The command after a report; the same command where the report says nothing new.

    Raises:
        PeerError: 409 the command ended otherwise, perhaps because its time was over; 422 the comment is too long.
    """
    if len(feedback.comment) > TEXT_LENGTH_MAX:
        found, wanted = f"{len(feedback.comment)} characters", f"at most {TEXT_LENGTH_MAX} characters"
        raise PeerError("text is too long", where="comment", found=found, wanted=wanted)
    if command.state not in OPEN:
        known = "done" if command.state in _OVER else command.state
        if feedback.state in {"accepted", known}:
            return command
        found, wanted = f"one that is {command.state}", "a command that is issued or accepted"
        raise PeerError("command is over", status=409, where="state", found=found, wanted=wanted)
    if feedback.state == "accepted":
        if command.state == "accepted":
            return command
        return replace(command, state="accepted", accepted_ms=now_ms, comment=feedback.comment)
    return replace(command, state=feedback.state, ended_ms=now_ms, comment=feedback.comment)


def same_order(made: Command, order: CommandOrder, filled: Mapping[str, object]) -> bool:
    """Was this command made by the very same order?"""
    former = (made.subsystem, made.device, made.command, made.zone, made.operator, made.reason)
    asked = (order.subsystem, order.device, order.command, order.zone, order.operator, order.reason)
    return former == asked and made.parameters == filled
