"""Names of parks, gateways and points, and the identity of an alert.

A point is named `subsystem/zone/device/quantity`, for example `env/z03/air-0007/so2`. On the wire its SenML name is
`park/` followed by that name, so that a pack says for itself which park it belongs to.
"""

import hashlib
import re

from contract.errors import PeerError

# RFC 8428 section 4.5.1 allows these characters in a name; the first one is a letter or a digit.
_POINT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:._]*(/[A-Za-z0-9][A-Za-z0-9\-:._]*)+")
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def check_identifier(text: str, where: str) -> str:
    """Return `text` if it may name a park, gateway or rule, else raise `PeerError` with status 422."""
    if not _IDENTIFIER.fullmatch(text):
        raise PeerError(
            "invalid identifier",
            where=where,
            found=repr(text),
            wanted="lower-case letters, digits and '-', at most 63",
        )
    return text


def check_point_name(text: str, where: str) -> str:
    """Return `text` if it may name a point, else raise `PeerError` with status 422."""
    if len(text) > 200 or not _POINT_NAME.fullmatch(text):  # noqa: PLR2004 - the bound of the contract's schema
        raise PeerError(
            "invalid point name", where=where, found=repr(text), wanted="a name such as 'env/z03/air-0007/so2'"
        )
    return text


def senml_name(park: str, point: str) -> str:
    """The resolved SenML name of a point: `park/point`."""
    return f"{park}/{point}"


def alert_id(park: str, point: str, rule: str, onset_ms: int) -> str:
    """Deterministic identity of an alert, 32 hexadecimal characters.

    The same physical occurrence has the same identity however often it is retried, replayed or recovered.
    """
    name = f"{park}\n{point}\n{rule}\n{onset_ms}".encode()
    return hashlib.blake2b(name, digest_size=16).hexdigest()
