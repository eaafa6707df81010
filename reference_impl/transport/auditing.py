"""Which calls become rows of the audit log, and how: each by itself, or summed with others of its minute."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from litestar.types import Scope

from contract.errors import ParkBenchError
from contract.identity import Entry
from contract.operations import Operation
from contract.operations.identity import SUMMED
from reference_impl.identity.trail import Trail
from reference_impl.transport.answers import unavailable

TEXT_MAX = 200  # characters of what a caller wrote
DENIED = frozenset({401, 403, 429})  # of a reading call only these are told
IN_NUMBER = frozenset({401, 429, 503})  # what floods bring, so that a flood of calls is not one of rows
SIGN_IN = "post_session"


@dataclass(slots=True)
class Trace:
    """Who did what to what, as far as it is known yet.

    Attributes:
        client: address of the caller's side of the connection.
        who: a person's name or a token's id; empty while unknown.
        object: what the call is about, beside the park.
    """

    client: str
    who: str = ""
    park: str = ""
    object: str = ""

    @classmethod
    def of(cls, scope: Scope, path: Mapping[str, str]) -> "Trace":
        """Of a request, before anybody has looked at its token."""
        client = scope.get("client")
        beside = "/".join(value for name, value in path.items() if name != "park")
        return cls(client[0] if client else "", "", path.get("park", "")[:TEXT_MAX], beside[:TEXT_MAX])


class Clock(Protocol):
    """Where the time comes from."""

    def __call__(self) -> int:
        """Unix milliseconds."""
        ...


class Auditor:
    """Tells the audit log of calls."""

    def __init__(self, trail: Trail, clock: Clock) -> None:
        self._trail = trail
        self._clock = clock

    async def tell(self, operation: Operation, trace: Trace, status: int) -> None:
        """Return when the call may be answered: its row, if it has one of its own, is durable.

        Raises:
            RefusedError: 503 the row could not be kept.
        """
        if operation.id in SUMMED or (status in IN_NUMBER and operation.id != SIGN_IN):
            self.count(operation, trace, status)
        elif operation.method != "GET" or status in DENIED:
            try:
                await self._trail.note(self._entry(operation, trace, status))
            except ParkBenchError as error:
                raise unavailable("the audit log could not be written") from error

    def count(self, operation: Operation, trace: Trace, status: int) -> None:
        """Add the call to the sum of its minute."""
        if status == HTTPStatus.UNAUTHORIZED:  # what strangers write into an address makes no sums of its own
            trace = Trace(trace.client)
        self._trail.count(self._entry(operation, trace, status))

    def _entry(self, operation: Operation, trace: Trace, status: int) -> Entry:
        return Entry(
            at_ms=self._clock(),
            who=trace.who,
            client=trace.client,
            operation=operation.id,
            park=trace.park,
            object=trace.object[:TEXT_MAX],
            status=status,
        )
