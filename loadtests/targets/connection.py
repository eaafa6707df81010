"""One kept HTTP/1.1 connection that cooperates under gevent and works as well without it.

The load keeps a connection for each gateway, as gateways do, and reads its clock right around the exchange; a client
with a shared pool hides both. Parsing is geventhttpclient's (llhttp).
"""

import base64
import contextlib
import urllib.parse
from typing import Any, NamedTuple

import gevent.socket
import gevent.ssl
from geventhttpclient.response import HTTPParseError, HTTPResponse

from contract.errors import TargetError

CONNECT_TIMEOUT_S = 5.0
RECEIVE_BYTES = 64 * 1024


class NoAnswerError(TargetError):
    """No readable answer came."""


class Answer(NamedTuple):
    """A whole HTTP answer."""

    status: int
    content_type: str
    retry_after: str
    body: bytes


class Address(NamedTuple):
    """Where a base URL points."""

    secure: bool
    host: str
    port: int
    prefix: str
    authorization: str

    @classmethod
    def of(cls, url: str) -> "Address":
        """Read a base URL.

        Raises:
            TargetError: it is not an http or https URL with a host.
        """
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise TargetError(f"expected a URL such as http://127.0.0.1:8080, found {url!r}")
        secure = parts.scheme == "https"
        login = ""
        if parts.username is not None:
            pair = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
            login = "Basic " + base64.b64encode(pair.encode()).decode()
        return cls(secure, parts.hostname, parts.port or (443 if secure else 80), parts.path.rstrip("/"), login)

    def head(self, method: str, path: str, *, token: str = "", content_type: str = "", more: str = "") -> str:
        """The request line and the headers that never change; without the blank line and the length."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        lines = [f"{method} {self.prefix}{path} HTTP/1.1", f"Host: {host}:{self.port}", "User-Agent: parkbench"]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        elif self.authorization:
            lines.append(f"Authorization: {self.authorization}")
        if content_type:
            lines.append(f"Content-Type: {content_type}")
        if more:
            lines.append(more)
        return "\r\n".join(lines) + "\r\n"

    def connect(self, timeout_s: float) -> Any:  # noqa: ANN401 - gevent ships no types
        """An open socket; TLS certificates are checked.

        Raises:
            NoAnswerError: it cannot be reached.
        """
        try:
            sock = gevent.socket.create_connection((self.host, self.port), timeout=CONNECT_TIMEOUT_S)
            sock.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
            if self.secure:
                sock = gevent.ssl.create_default_context().wrap_socket(sock, server_hostname=self.host)
        except OSError as error:
            raise NoAnswerError(_reason(error)) from error
        sock.settimeout(timeout_s)
        return sock


class Parser(HTTPResponse):
    """Collects the body where we can take it."""

    def __init__(self) -> None:
        super().__init__()
        self.body = bytearray()

    def _on_body(self, buf: bytearray) -> None:
        self.body += buf

    def text(self, header: str) -> str:
        """A header's value, empty when it is absent."""
        value = self.get(header)
        return value if isinstance(value, str) else ""


class Connection:
    """A connection that is opened when needed and kept while the server keeps it."""

    def __init__(self, address: Address, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._socket: Any = None

    def exchange(self, message: bytes) -> Answer:
        """Send a whole request and wait for the whole answer.

        A kept connection that turns out to be closed before any answer is opened once more: everything that the load
        sends has a number, so that the platform takes it once.

        Raises:
            NoAnswerError: no readable answer.
        """
        if self._socket is not None:
            with contextlib.suppress(_ClosedError):
                return self._attempt(message)
        try:
            return self._attempt(message)
        except _ClosedError as error:
            raise NoAnswerError("connection closed") from error

    def _attempt(self, message: bytes) -> Answer:
        if self._socket is None:
            self._socket = self._address.connect(self._timeout_s)
        parser = Parser()
        try:
            self._socket.sendall(message)
            while not parser.message_complete or parser.get_code() < 200:  # noqa: PLR2004 - 1xx answers are interim
                data = self._socket.recv(RECEIVE_BYTES)
                parser.feed(data)
                if not data and not parser.message_complete:
                    raise ConnectionResetError  # noqa: TRY301 - the end of the stream is one more way to be closed
        except (OSError, HTTPParseError) as error:
            begun = parser.message_begun
            self.close()
            if isinstance(error, ConnectionError) and not begun:
                raise _ClosedError from error
            raise NoAnswerError(_reason(error)) from error
        except BaseException:  # a killed greenlet must not leave half an exchange on a kept connection
            self.close()
            raise
        if not parser.should_keep_alive():
            self.close()
        return Answer(parser.get_code(), parser.text("content-type"), parser.text("retry-after"), bytes(parser.body))

    def close(self) -> None:
        """Close it; the next exchange opens a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class _ClosedError(Exception):
    """The server closed the connection before it began to answer."""


def _reason(error: BaseException) -> str:
    """The same few words for the same fault, without addresses."""
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionError):
        return "connection closed"
    if isinstance(error, HTTPParseError):
        return "unreadable answer"
    return f"{type(error).__name__}: {getattr(error, 'strerror', None) or error}"
