"""Bearer tokens: made once, handed out in one file that only its owner may read, kept as SHA-256 by the store."""

import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from contract.messages import Credential, CredentialFile, Role
from reference_impl.store.tokens import Principal

FILE_NAME = "credentials.json"
TOKEN_BYTES = 32
EVERY_PARK: dict[str, tuple[Role, ...]] = {
    "park": ("administrator", "operator", "auditor"),
    "city": ("operator", "auditor"),
}
EACH_PARK: dict[str, tuple[Role, ...]] = {"park": ("gateway", "enterprise"), "city": ("uplink",)}


class TokenStore(Protocol):
    """Where tokens' digests are kept."""

    def principals(self) -> Mapping[str, Principal]:
        """What each token may do, by its SHA-256."""
        ...

    def put_credentials(self, credentials: Sequence[Credential]) -> None:
        """Store what new tokens may do."""
        ...


def prepare_credentials(
    store: TokenStore, folder: Path, level: Literal["park", "city"], parks: Iterable[str]
) -> Mapping[str, Principal]:
    """See that every role of a level has a token, and give what each token may do.

    New tokens are appended to `folder/credentials.json`. The file comes first and the store after it: a crash between
    the two leaves tokens that the next start takes into the store. Who has handed the tokens out may take the file
    away.
    """
    wanted: list[tuple[Role, str]] = [(role, "*") for role in EVERY_PARK[level]]
    wanted += [(role, park) for park in parks for role in EACH_PARK[level]]
    known = {(principal.role, principal.park) for principal in store.principals().values()}
    missing = [each for each in wanted if each not in known]
    if missing:
        path = folder / FILE_NAME
        written = read_credentials(path) if path.exists() else CredentialFile(credentials=[])
        of_file = {(each.role, each.park): each for each in written.credentials}
        fresh = [
            of_file.get((role, park))
            or Credential(token=secrets.token_urlsafe(TOKEN_BYTES), role=role, park=park, level=level)
            for role, park in missing
        ]
        new = [each for each in fresh if (each.role, each.park) not in of_file]
        write_credentials(path, CredentialFile(credentials=[*written.credentials, *new]))
        store.put_credentials(fresh)
    return store.principals()


def read_credentials(path: Path) -> CredentialFile:
    """Read a credential file."""
    return msgspec.json.decode(path.read_bytes(), type=CredentialFile)


def write_credentials(path: Path, credentials: CredentialFile) -> None:
    """Write a credential file that only its owner may read, as a whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(credentials), indent=1) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
