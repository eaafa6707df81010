"""What an operation is, and what several of them share."""

from typing import Any, Literal

import msgspec

from contract import messages as m
from contract.identity import PersonalRole

JSON = "application/json"
PROBLEM = "application/problem+json"
EVENT_STREAM = "text/event-stream"
PLAIN = "text/plain"


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A query parameter or header."""

    name: str
    place: Literal["query", "header"]
    type: Literal["string", "integer"]
    required: bool = False
    description: str


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation: what may be sent, what is answered, who may call it.

    Attributes:
        roles: roles that may call it; empty means that no token is needed.
        errors: statuses of `application/problem+json` answers.
    """

    id: str
    method: Literal["GET", "PUT", "POST"]
    path: str
    summary: str
    level: tuple[Literal["park", "city"], ...]
    roles: tuple[m.Role | PersonalRole, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    request: Any = None
    request_media: tuple[str, ...] = (JSON,)
    status: int = 200
    response: Any = None
    response_media: str = JSON
    errors: tuple[int, ...] = ()

    def url(self, base: str, **values: str) -> str:
        """The address of this operation at a platform, with its path parameters filled in."""
        return base.rstrip("/") + self.path.format(**values)


def query(name: str, kind: Literal["string", "integer"], description: str, *, required: bool = False) -> Parameter:
    """A query parameter."""
    return Parameter(name=name, place="query", type=kind, description=description, required=required)


LIMIT = query("limit", "integer", "At most so many rows, 1 to 10000; 1000 unless told.")
PARK = query("park", "string", "Only this park.")
PERIOD = (
    query("from_ms", "integer", "First event time, included.", required=True),
    query("to_ms", "integer", "Last event time, not included.", required=True),
)
AUTH = (401, 403, 429)
