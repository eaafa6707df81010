"""Answers as bytes, and problems as RFC 9457 `application/problem+json`."""

import http
import logging
import re
from typing import TypeVar

import msgspec
from litestar.exceptions import HTTPException
from litestar.types import Receive, Scope, Send

from contract.errors import ParkBenchError, PeerError
from contract.messages import Problem, ProblemError
from contract.operations import JSON, PROBLEM

Headers = tuple[tuple[bytes, bytes], ...]

RETRY_AFTER_S = 1
_LOG = logging.getLogger(__name__)


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A whole HTTP answer; itself an ASGI application that sends it."""

    status: int
    body: bytes
    media_type: str = JSON
    headers: Headers = ()

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        headers = (
            (b"content-type", self.media_type.encode()),
            (b"content-length", b"%d" % len(self.body)),
            *self.headers,
        )
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


class RefusedError(ParkBenchError):
    """The request is not carried out, for a reason that lies outside its content.

    Args:
        status: HTTP status.
        title: the same for every occurrence.
        detail: this occurrence.
        headers: further headers of the answer.
    """

    def __init__(self, status: int, title: str, detail: str, headers: Headers = ()) -> None:
        self.status = status
        self.title = title
        self.headers = headers
        super().__init__(detail)


def unavailable(detail: str) -> RefusedError:
    """503: try again in `RETRY_AFTER_S`."""
    return RefusedError(503, "temporarily unavailable", detail, ((b"retry-after", b"%d" % RETRY_AFTER_S),))


def problem(error: BaseException) -> Answer:
    """The answer that tells of `error`. What nobody foresaw is logged and answered without its inside."""
    if isinstance(error, PeerError):
        faults = (
            [ProblemError(where=error.where, found=error.found, wanted=error.wanted)]
            if error.where or error.found
            else []
        )
        return _answer(error.status, error.title, error.detail, errors=faults)
    if isinstance(error, RefusedError):
        return _answer(error.status, error.title, str(error), error.headers)
    if isinstance(error, HTTPException):  # the framework's own: no such route, no such method
        headers = tuple((name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items())
        status = error.status_code
        return _answer(status, http.HTTPStatus(status).phrase.lower(), error.detail, headers)
    _LOG.error("unforeseen error", exc_info=error)
    return _answer(500, "internal error", "an unforeseen error; the log of the node tells more")


def _answer(
    status: int, title: str, detail: str, headers: Headers = (), errors: list[ProblemError] | None = None
) -> Answer:
    body = msgspec.json.encode(Problem(title=title, status=status, detail=detail, errors=errors or []))
    return Answer(status, body, PROBLEM, headers)


_FAULT = re.compile(r"(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?", re.DOTALL)
_WRONG_TYPE = re.compile(r"Expected (?P<wanted>.*), got (?P<found>.*)", re.DOTALL)


T = TypeVar("T")


def decode_json(body: bytes, kind: type[T]) -> T:
    """Decode and check a message.

    Raises:
        PeerError: 400 it is not JSON; 422 it is not such a message, with the path of the fault.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _wrong_message(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _malformed(str(error).removeprefix("JSON is malformed: ")) from None
    except RecursionError:
        raise _malformed("JSON nested too deep") from None


def _malformed(found: str) -> PeerError:
    return PeerError("malformed JSON", status=400, found=found, wanted="JSON")


def _wrong_message(text: str) -> PeerError:
    fault = _FAULT.fullmatch(text)
    what, path = (fault["what"], fault["path"] or "$") if fault else (text, "$")
    where = path.removeprefix("$").removeprefix(".") or "body"
    wrong_type = _WRONG_TYPE.fullmatch(what)
    if wrong_type:
        return PeerError("invalid message", where=where, found=wrong_type["found"], wanted=wrong_type["wanted"])
    return PeerError("invalid message", where=where, found=what[:1].lower() + what[1:])
