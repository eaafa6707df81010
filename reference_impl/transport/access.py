"""Who may do what: bearer tokens (RFC 6750) against the roles that the contract names."""

from collections.abc import Mapping

from contract.operations import Operation
from reference_impl.store.tokens import Principal, digest
from reference_impl.transport.answers import RefusedError

_CHALLENGE = ((b"www-authenticate", b'Bearer realm="parkbench"'),)
_CHALLENGE_INVALID = ((b"www-authenticate", b'Bearer realm="parkbench", error="invalid_token"'),)
_ANYONE = Principal("auditor", "")  # for operations without a token; covers no park


class Doorkeeper:
    """Knows every token's SHA-256 and what it may do.

    Args:
        principals: what each token may do, by its SHA-256 in hexadecimal.
    """

    def __init__(self, principals: Mapping[str, Principal]) -> None:
        self._principals = principals

    def admit(self, authorization: bytes | None, operation: Operation, park: str | None) -> Principal:
        """Who is calling `operation`, on `park` where its path names one.

        Raises:
            RefusedError: 401 no token or an unknown one; 403 not for this role or this park.
        """
        if not operation.roles:
            return _ANYONE
        if authorization is None:
            raise RefusedError(401, "unauthorized", "expected a bearer token, found none", _CHALLENGE)
        scheme, _, token = authorization.partition(b" ")
        principal = (
            self._principals.get(digest(token.strip().decode("latin-1"))) if scheme.lower() == b"bearer" else None
        )
        if principal is None:
            raise RefusedError(
                401, "unauthorized", "expected a bearer token of this node, found another", _CHALLENGE_INVALID
            )
        if principal.role not in operation.roles:
            raise forbidden(f"expected a token of role {' or '.join(operation.roles)}, found role {principal.role}")
        if park is not None and not principal.covers(park):
            raise forbidden(f"expected a token for park {park!r}, found one for another park")
        return principal


def forbidden(detail: str) -> RefusedError:
    """403."""
    return RefusedError(403, "forbidden", detail)
