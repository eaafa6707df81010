"""Request bodies, bounded while they arrive."""

import asyncio

from litestar.types import Receive

from contract.errors import PeerError
from reference_impl.transport.admission import Place

BODY_TIMEOUT_S = 30.0


class ClientGoneError(PeerError):
    """The client went away before its request was whole; nobody is left to be answered."""

    def __init__(self) -> None:
        super().__init__(
            "incomplete request", status=400, where="body", found="the end of the connection", wanted="the whole body"
        )


def _too_large(found: str, bytes_max: int) -> PeerError:
    return PeerError("body too large", status=413, where="body", found=found, wanted=f"at most {bytes_max} bytes")


async def read_body(receive: Receive, announced: bytes | None, bytes_max: int, place: Place) -> bytes:
    """The whole body of a request.

    Args:
        receive: of ASGI.
        announced: the Content-Length header, None without one.
        bytes_max: the most that is taken; nothing more than that is ever held.
        place: where the bytes are counted.

    Raises:
        PeerError: 413 it is larger; 400 the client went away.
        RefusedError: 503 too much is in progress.
    """
    length = int(announced) if announced is not None and announced.isdigit() else None
    if length is not None:
        if length > bytes_max:
            raise _too_large(f"{length} bytes", bytes_max)
        place.hold(length)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _arriving(receive, length, bytes_max, place)
    except TimeoutError:
        raise PeerError(
            "incomplete request",
            status=400,
            where="body",
            found="a sender too slow",
            wanted=f"the whole body within {BODY_TIMEOUT_S:g} s",
        ) from None


async def _arriving(receive: Receive, length: int | None, bytes_max: int, place: Place) -> bytes:
    parts: list[bytes] = []
    held = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGoneError
        parts.append(message["body"])
        held += len(message["body"])
        if held > bytes_max:
            raise _too_large(f"more than {bytes_max} bytes", bytes_max)
        place.hold(held)
        # The server hands over no more than the announced length; the event that would only say so is not waited for.
        if held == length or not message["more_body"]:
            return parts[0] if len(parts) == 1 else b"".join(parts)
