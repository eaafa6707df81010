"""When a process of the platform is to end."""

import asyncio
import contextlib
import os
import signal
import sys


def stop_requested(*, attached: bool) -> asyncio.Event:
    """An event that is set by SIGTERM or SIGINT and, if `attached`, by the end of standard input.

    Who starts a process attached holds the other end of that pipe, so that the process ends with its starter, however
    that ends.
    """
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if attached:
        descriptor = sys.stdin.fileno()

        def read() -> None:
            with contextlib.suppress(OSError):
                if os.read(descriptor, 4096):
                    return
            loop.remove_reader(descriptor)
            stopping.set()

        loop.add_reader(descriptor, read)
    return stopping
