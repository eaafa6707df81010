"""Who may do what: bearer tokens (RFC 6750) of machines and sessions of people against the contract's roles."""

from collections.abc import Mapping
from typing import Protocol

from contract.operations import Operation
from contract.operations.identity import ACTS_AS
from reference_impl.identity.desk import Visitor
from reference_impl.store.tokens import Principal, digest
from reference_impl.transport.answers import Headers, RefusedError

_CHALLENGE = ((b"www-authenticate", b'Bearer realm="parkbench"'),)
_CHALLENGE_INVALID = ((b"www-authenticate", b'Bearer realm="parkbench", error="invalid_token"'),)
_ANYONE = Principal("auditor", "")  # for operations without a token; covers no park
ENROLMENT = Principal("security-administrator", "*", "#enrolment")
TOKEN_ID_LENGTH = 12  # hexadecimal digits of the token's SHA-256, which tell it apart and give nothing away


class People(Protocol):
    """Those who are signed in, and how often anybody may call."""

    def visitor(self, sha256: str) -> Visitor | None:
        """Who holds a session, by the SHA-256 of its token."""
        ...

    def enrols(self, sha256: str) -> bool:
        """Is it the token with which the first account is opened?"""
        ...

    def wait_ms(self, who: str, *, person: bool) -> int:
        """How long the caller must wait; 0 for not at all."""
        ...


class Doorkeeper:
    """Knows every token's SHA-256 and what it may do.

    Args:
        principals: what each machine's token may do, by its SHA-256 in hexadecimal.
    """

    def __init__(self, principals: Mapping[str, Principal]) -> None:
        self._principals = {
            sha256: each._replace(who=f"{each.role}@{each.park}#{sha256[:TOKEN_ID_LENGTH]}")
            for sha256, each in principals.items()
        }
        self._people: People | None = None

    def know(self, people: People) -> None:
        """Let people in as well, and limit how often anybody calls."""
        self._people = people

    def admit(
        self, authorization: bytes | None, operation: Operation, park: str | None, asked: str | None = None
    ) -> Principal:
        """Who is calling `operation`, on `park` where its path names one or `asked` where its query does.

        Raises:
            RefusedError: 401 no token or an unknown one; 403 not for this role or this park; 429 too often.
        """
        if not operation.roles:
            return _ANYONE
        if authorization is None:
            raise RefusedError(401, "unauthorized", "expected a bearer token, found none", _CHALLENGE)
        sha256 = _digest(authorization)
        principal = self._principals.get(sha256)
        if principal is not None:
            self._limit(principal.who, person=False)
            if principal.role not in operation.roles:
                raise forbidden(f"expected a token of role {' or '.join(operation.roles)}, found role {principal.role}")
        else:
            principal = self._person(sha256, operation, asked if park is None else park)
        if park is not None and not principal.covers(park):
            raise forbidden(f"expected a token for park {park!r}, found one for another park")
        return principal

    def whose(self, authorization: bytes | None) -> str:
        """Name or id of the token's holder, empty for an unknown one. Lets nobody in."""
        if authorization is None:
            return ""
        sha256 = _digest(authorization)
        if sha256 in self._principals:
            return self._principals[sha256].who
        visitor = self._people.visitor(sha256) if self._people else None
        return visitor.name if visitor else ""

    def _limit(self, who: str, *, person: bool) -> None:
        wait_ms = self._people.wait_ms(who, person=person) if self._people else 0
        if wait_ms:
            raise too_many(f"expected fewer calls, found no more allowed for {wait_ms} ms", wait_ms)

    def _person(self, sha256: str, operation: Operation, park: str | None) -> Principal:
        people = self._people
        if people is not None and operation.id == "post_person" and people.enrols(sha256):
            return ENROLMENT
        visitor = people.visitor(sha256) if people is not None else None
        if visitor is None:
            raise RefusedError(
                401, "unauthorized", "expected a bearer token of this node, found another", _CHALLENGE_INVALID
            )
        self._limit(visitor.name, person=True)
        if "person" in operation.roles:
            return Principal("person", "", visitor.name, visitor.session)
        if visitor.pending:
            raise forbidden(f"expected a complete account, found these still to be set: {', '.join(visitor.pending)}")
        return _granted(visitor, operation, park)


def _granted(visitor: Visitor, operation: Operation, park: str | None) -> Principal:
    """The grant under which a person calls: the one for the named park, or the only one there is."""
    fitting = [
        Principal(ACTS_AS[grant.role], grant.park, visitor.name, visitor.session)
        for grant in visitor.grants
        if ACTS_AS[grant.role] in operation.roles
    ]
    if not fitting:
        held = ", ".join(sorted({grant.role for grant in visitor.grants})) or "none"
        raise forbidden(f"expected role {' or '.join(operation.roles)}, found a person of role {held}")
    covering = [each for each in fitting if each.park == "*" or park in (None, each.park)]
    if not covering:
        raise forbidden(f"expected a role in park {park!r}, found one in another park")
    everywhere = next((each for each in covering if each.park == "*"), None)
    if everywhere is None and park is None and len({each.park for each in covering}) > 1:
        parks = ", ".join(sorted({each.park for each in covering}))
        raise forbidden(f"expected ?park= with one of the parks of this person, found none; they are {parks}")
    return everywhere or covering[0]


def _digest(authorization: bytes) -> str:
    scheme, _, token = authorization.partition(b" ")
    return digest(token.strip().decode("latin-1")) if scheme.lower() == b"bearer" else ""


def forbidden(detail: str) -> RefusedError:
    """403."""
    return RefusedError(403, "forbidden", detail)


def too_many(detail: str, wait_ms: int) -> RefusedError:
    """429 with Retry-After in whole seconds, rounded up."""
    headers: Headers = ((b"retry-after", b"%d" % -(-wait_ms // 1000)),)
    return RefusedError(429, "too many requests", detail, headers)
