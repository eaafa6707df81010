"""People, their sessions, and the audit log (GB/T 22239-2019, level 3: 8.1.4.1 to 8.1.4.3).

Machines have tokens of their own (`contract.messages.Credential`); nothing here is for them.
"""

from typing import Literal

import msgspec

from contract.message import Message

PersonRole = Literal["system-administrator", "security-administrator", "auditor", "operator", "enterprise"]
PersonalRole = Literal["security-administrator", "person"]  # roles of operations that no machine may call
Pending = Literal["password", "second-factor"]


class Grant(Message, frozen=True, kw_only=True):
    """A role in one park or, with `*`, in every park of the node."""

    role: PersonRole
    park: str = "*"


class GrantList(Message, frozen=True, kw_only=True):
    """All roles that a person shall hold from now on."""

    grants: list[Grant]


class PersonRequest(Message, frozen=True, kw_only=True):
    """A new account. The platform makes the first password, so that nobody chooses one for another."""

    name: str
    grants: list[Grant]


class Person(Message, frozen=True, kw_only=True):
    """An account as it stands, without anything secret.

    Attributes:
        locked: set by a security administrator; not the passing lock-out after failures.
        second_factor: has the person confirmed one?
        password_set_ms: when the person chose the password; 0 while it is the first one.
    """

    name: str
    grants: list[Grant]
    locked: bool
    second_factor: bool
    password_set_ms: int


class PersonCreated(Message, frozen=True, kw_only=True):
    """A new account and its first password, which is told only now and must be changed at the first sign-in."""

    person: Person
    initial_password: str


class PersonList(Message, frozen=True, kw_only=True):
    """Accounts in order of name."""

    people: list[Person]


class SignIn(Message, frozen=True, kw_only=True):
    """A person asks for a session.

    Attributes:
        code: of the second factor (TOTP, RFC 6238, six digits); empty until one is confirmed.
    """

    name: str
    password: str
    code: str = ""


class Session(Message, frozen=True, kw_only=True):
    """A session.

    Attributes:
        token: the bearer token; told only now.
        pending: what the person must do before the session is good for anything else.
        idle_ms: the session ends after so long without a call.
        ends_ms: and then in any case.
    """

    token: str
    name: str
    pending: list[Pending]
    idle_ms: int
    ends_ms: int


class SignedOut(Message, frozen=True, kw_only=True):
    """The session is over."""

    name: str


class PasswordChange(Message, frozen=True, kw_only=True):
    """A person changes the password; every other session of the person ends."""

    old: str
    new: str


class SecondFactorRequest(Message, frozen=True, kw_only=True):
    """Without a code a new secret is asked for; with its code it is confirmed."""

    code: str = ""


class SecondFactor(Message, frozen=True, kw_only=True):
    """The second factor of the person who asks.

    Attributes:
        secret: base32, told only until it is confirmed.
        uri: the same as an `otpauth` address for a QR code.
    """

    secret: str
    uri: str
    confirmed: bool


class AuditRow(Message, frozen=True, kw_only=True):
    """One row of the audit log.

    Attributes:
        number: from 1, without a gap.
        who: a person's name or a token's id, never a secret; empty for a caller who is not known.
        client: address of the caller's side of the connection.
        object: what the operation was about, beside the park.
        status: HTTP status of the answer: the outcome.
        calls: how many calls the row sums up; 1 for all but telemetry, events, uplink and refusals in number.
        hash: SHA-256 over the previous row's hash and this row, in hexadecimal.
    """

    number: int
    at_ms: int
    who: str
    client: str
    operation: str
    park: str
    object: str
    status: int
    calls: int
    hash: str


class AuditList(Message, frozen=True, kw_only=True):
    """Rows in order of number."""

    rows: list[AuditRow]
    truncated: bool = False


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written into the audit log; the log gives it a number and a hash. Not on the wire.

    Attributes: see `AuditRow`.
    """

    at_ms: int
    who: str
    client: str
    operation: str
    park: str
    object: str
    status: int
    calls: int = 1
