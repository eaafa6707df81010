"""The reference platform as a run's target: a city and a park host in processes of their own, on free ports."""

import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import httpx
import msgspec

import reference_impl
from benchmarks.processes import Household, Process
from contract.errors import TargetError
from contract.messages import CredentialFile, Health
from contract.operations import BY_ID

START_TIMEOUT_S = 180.0  # a first start compiles the core
POLL_S = 0.05
CREDENTIALS_FILE = "credentials.json"
_ANNOUNCEMENT = re.compile(r"^(?:park|city) ready on (http://\S+)$", re.MULTILINE)


class Endpoints(NamedTuple):
    """Where a platform's two levels stand and how to get in."""

    park_url: str
    city_url: str
    credentials: tuple[Path, ...]


class Reference(NamedTuple):
    """The running reference platform."""

    endpoints: Endpoints
    park: Process
    city: Process


def first_start() -> bool:
    """Whether the platform's core has still to be compiled on this machine, which takes a while."""
    return not any((Path(reference_impl.__file__).parent / "monitoring" / "__pycache__").glob("*.nbi"))


def start(household: Household, parks: Sequence[str], data: Path, logs: Path) -> Reference:
    """Start both levels with empty data and wait until they answer.

    Raises:
        HarnessError: a process ended at its start, with its last words.
        TargetError: no healthy answer in time.
    """
    all_parks = ["--parks", ",".join(parks)]
    city, city_url = _start(household, "city", data / "city", logs, all_parks)
    uplink = ["--city-url", city_url, "--city-credentials", str(data / "city" / CREDENTIALS_FILE)]
    park, park_url = _start(household, "park", data / "park", logs, [*all_parks, *uplink])
    files = (data / "park" / CREDENTIALS_FILE, data / "city" / CREDENTIALS_FILE)
    return Reference(Endpoints(park_url, city_url, files), park, city)


def _start(household: Household, level: str, data: Path, logs: Path, more: Sequence[str]) -> tuple[Process, str]:
    """Start one level on a free port; gives the process and the URL that it announces."""
    command = [sys.executable, "-m", "benchmarks", "serve", level, f"--{level}-port", "0", "--data", str(data), *more]
    process = household.start(f"the reference {level} platform", command, logs / f"{level}.log")
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while (announced := _ANNOUNCEMENT.search(process.log.read_text("utf-8", errors="replace"))) is None:
        household.check()
        if time.monotonic() >= deadline_s:
            raise TargetError(f"{process.name} was not ready after {START_TIMEOUT_S:g} s: {process.last_words()}")
        time.sleep(POLL_S)
    wait_healthy(announced[1], level, household)
    return process, announced[1]


def wait_healthy(url: str, level: str, household: Household, timeout_s: float = START_TIMEOUT_S) -> Health:
    """Ask `/health` until it says ok.

    Raises:
        HarnessError: a process of the household ended meanwhile.
        TargetError: it did not say so in time.
    """
    deadline_s = time.monotonic() + timeout_s
    while True:
        household.check()
        try:
            found = health(url, level)
        except TargetError as error:
            if time.monotonic() >= deadline_s:
                raise TargetError(f"{error} (after {timeout_s:g} s)") from None
        else:
            if found.status == "ok":
                return found
        time.sleep(POLL_S)


def health(url: str, level: str) -> Health:
    """Ask `/health` once.

    Raises:
        TargetError: no answer, or not the contract's.
    """
    where = f"{level} platform at {url}"
    try:
        answer = httpx.get(BY_ID["health"].url(url), timeout=5.0, trust_env=False)
    except httpx.HTTPError as error:
        raise TargetError(f"{where}: {error}") from None
    try:
        return msgspec.json.decode(answer.content, type=Health)
    except msgspec.MsgspecError:
        raise TargetError(f"{where}: /health answered {answer.status_code}, expected the contract's Health") from None


def read_credentials(paths: Sequence[Path]) -> CredentialFile:
    """All credentials of the given files together.

    Raises:
        OSError: a file cannot be read.
        msgspec.DecodeError: a file is not a credential file.
    """
    files = [msgspec.json.decode(path.read_bytes(), type=CredentialFile) for path in paths]
    return CredentialFile(credentials=[credential for file in files for credential in file.credentials])
