"""Both levels as child processes of one parent."""

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from pathlib import Path

from contract.messages import CredentialFile
from reference_impl.transport.credentials import FILE_NAME, read_credentials, write_credentials
from reference_impl.transport.stopping import stop_requested

END_S = 20.0  # for a child to end in order
_READY = " ready on "


def supervise(data: Path, city: Sequence[str], park: Callable[[str], Sequence[str]], *, attached: bool) -> int:
    """Run both levels until a signal, or the end of standard input if `attached`; gives the exit status.

    Args:
        data: where the combined credential file goes; the levels' own are in `city` and `park` below it.
        city: the city's command.
        park: the park host's command, given the city's address.
        attached: end with the process at the other end of standard input.
    """
    return asyncio.run(_supervise(data, city, park, attached=attached))


async def _supervise(data: Path, city: Sequence[str], park: Callable[[str], Sequence[str]], *, attached: bool) -> int:
    stopping = stop_requested(attached=attached)
    children: list[Process] = []
    try:
        url = await _start(city, children, stopping)
        if url is None or await _start(park(url), children, stopping) is None:
            return 0 if stopping.is_set() else 1
        parts = [read_credentials(data / level / FILE_NAME) for level in ("park", "city")]
        write_credentials(
            data / FILE_NAME, CredentialFile(credentials=[each for part in parts for each in part.credentials])
        )
        _say("ready")
        return await _watch(children, stopping)
    finally:
        await _end(children)


async def _start(command: Sequence[str], children: list[Process], stopping: asyncio.Event) -> str | None:
    """Start a child; gives its address when it is ready, None when it ended or a stop was asked for before."""
    # The child's standard input is a pipe from here: when this process ends, however, so does the child.
    child = await asyncio.create_subprocess_exec(
        *command, "--attached", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    children.append(child)
    if child.stdout is None:
        raise RuntimeError("the child has no standard output")
    line = asyncio.ensure_future(child.stdout.readline())
    stop = asyncio.ensure_future(stopping.wait())
    await asyncio.wait((line, stop), return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if not line.done():
        line.cancel()
        return None
    text = line.result().decode().strip()
    if _READY not in text:
        return None
    _say(text)
    return text.partition(_READY)[2]


async def _watch(children: Sequence[Process], stopping: asyncio.Event) -> int:
    ends = [asyncio.ensure_future(child.wait()) for child in children]
    stop = asyncio.ensure_future(stopping.wait())
    await asyncio.wait((*ends, stop), return_when=asyncio.FIRST_COMPLETED)
    failed = not stopping.is_set()
    for task in (*ends, stop):
        task.cancel()
    return 1 if failed else 0


async def _end(children: Sequence[Process]) -> None:
    """End the park host first, so that it can still tell the city."""
    for child in reversed(children):
        if child.returncode is None:
            child.terminate()
            try:
                await asyncio.wait_for(child.wait(), END_S)
            except TimeoutError:
                child.kill()
                await child.wait()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
