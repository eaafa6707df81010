"""Who a bearer token belongs to. Only its SHA-256 is stored; with 256 random bits in a token no salt is needed."""

import hashlib
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from contract.identity import PersonalRole
from contract.messages import Credential, Role
from reference_impl.store.database import rows_parameter

SCHEMA = """
CREATE TABLE IF NOT EXISTS token (
    sha256 TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    park TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""


class Principal(NamedTuple):
    """What a token may do: a role, in one park or, with `*`, in every park of the node.

    Attributes:
        who: id of a machine's token or name of a person, for the audit log.
        session: SHA-256 of a person's session token; empty for machines.
    """

    role: Role | PersonalRole
    park: str
    who: str = ""
    session: str = ""

    def covers(self, park: str) -> bool:
        """May it act in `park`?"""
        return self.park in ("*", park)


def digest(token: str) -> str:
    """SHA-256 of a token, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def put(connection: sqlite3.Connection, credentials: Iterable[Credential]) -> None:
    """Store what `credentials` may do, not their tokens."""
    rows = [(digest(each.token), each.role, each.park) for each in credentials]
    connection.execute(
        "INSERT INTO token (sha256, role, park) "
        "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') "
        "FROM json_each(?)",
        (rows_parameter(rows),),
    )


def principals(connection: sqlite3.Connection) -> dict[str, Principal]:
    """Every token's SHA-256 with what it may do."""
    return {
        sha256: Principal(role, park)
        for sha256, role, park in connection.execute("SELECT sha256, role, park FROM token")
    }
