"""A sink that answers at once, to measure the harness's own ceiling. Run it with `python -m loadtests.targets.null`.

The client side is the same as for a real platform (`contract_http`), so what is measured is the whole harness.
"""

import argparse
import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import cast

import numpy as np
import uvloop

from contract.arrow import encode_sequenced
from contract.codec import ARROW_STREAM
from contract.columns import Columns
from loadtests.targets.contract_http import ContractHttp

START_TIMEOUT_S = 20.0
_READY = "null sink on port "
_NOTHING = encode_sequenced(np.empty(0, np.int64), Columns(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0)))


class NullTarget(ContractHttp):
    """The contract's client against the sink, which asks for no credentials and has both levels."""

    def __init__(self, url: str) -> None:
        super().__init__(url, url)


@contextlib.contextmanager
def sink() -> Iterator[str]:
    """A sink in a process of its own; gives its URL. It ends with the block, and with this process however that ends.

    Raises:
        RuntimeError: it did not start.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "loadtests.targets.null", "--attached"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line.startswith(_READY):
            raise RuntimeError(f"the null sink did not start: {line!r}")
        yield f"http://127.0.0.1:{int(line.removeprefix(_READY))}"
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


class _Sink(asyncio.Protocol):
    """Just enough of HTTP/1.1 to take requests with a Content-Length and to answer them in order."""

    def __init__(self, counters: dict[str, int]) -> None:
        self._counters = counters
        self._buffer = bytearray()
        self._needed = 0  # bytes of the request at the front of the buffer, 0 while its headers are incomplete
        self._head_length = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not derive from asyncio's

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._whole_request():
            head = bytes(self._buffer[: self._head_length])
            del self._buffer[: self._needed]
            self._needed = 0
            if self._transport:
                self._transport.write(self._answer(head))

    def _whole_request(self) -> bool:
        if not self._needed:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return False
            self._head_length = end
            self._needed = end + 4 + int(_header(bytes(self._buffer[:end]), b"content-length") or 0)
        return len(self._buffer) >= self._needed

    def _answer(self, head: bytes) -> bytes:
        path = head.split(b" ", 2)[1].partition(b"?")[0]
        self._counters["requests"] += 1
        if path.endswith(b"/telemetry"):
            self._counters["packs"] += 1
            gateway = path.split(b"/")[5]
            sequence = _header(head, b"pack-sequence")
            return _response(b'{"gateway":"%b","sequence":%b,"readings":0}' % (gateway, sequence))
        if path == b"/health":
            now = b"%d" % (time.time_ns() // 1_000_000)
            return _response(b'{"status":"ok","level":"park","version":"null","now_ms":%b,"parks":0}' % now)
        if path == b"/v1/alerts/stream":
            return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        if path == b"/metrics":
            lines = "".join(f"null_{name}_total {count}\n" for name, count in self._counters.items())
            return _response(lines.encode(), b"text/plain")
        if path.endswith(b"/readings"):
            return _response(_NOTHING, ARROW_STREAM.encode())
        return _response(b"{}")


def _header(head: bytes, name: bytes) -> bytes:
    at = head.lower().find(b"\r\n" + name + b":")
    if at < 0:
        return b""
    start = at + len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else len(head)].strip()


def _response(body: bytes, media_type: bytes = b"application/json") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (media_type, len(body), body)


async def _serve(port: int, attached: bool, say: Callable[[str], object]) -> None:
    loop = asyncio.get_running_loop()
    counters = {"requests": 0, "packs": 0}
    server = await loop.create_server(lambda: _Sink(counters), "127.0.0.1", port)
    say(f"{_READY}{server.sockets[0].getsockname()[1]}\n")
    async with server:
        if attached:
            await loop.run_in_executor(None, sys.stdin.read)
        else:
            await server.serve_forever()


def _say(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def main() -> None:
    """Serve until interrupted, or until standard input closes with `--attached`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; a free one unless told")
    parser.add_argument("--attached", action="store_true", help="end when standard input closes")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(arguments.port, arguments.attached, _say))


if __name__ == "__main__":
    main()
