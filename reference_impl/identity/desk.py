"""People and their sessions, sans-I/O: `now_ms` in, a `Change` to keep out; `apply` makes a kept change true.

Nothing is changed before `apply`, so that what could not be kept did not happen.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from contract.errors import PeerError
from contract.identity import Grant, Pending, Person, PersonRole
from contract.operations.identity import SEPARATED
from reference_impl.identity import passwords, second_factor

IDLE_MS = 30 * 60_000
ABSOLUTE_MS = 12 * 3_600_000
TOUCH_MS = 60_000  # a session's last use is kept no more often than this
TOKEN_BYTES = 32
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class PersonRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a person.

    Attributes:
        password_set_ms: 0 for the first password.
        secret: of the second factor, empty before one is asked for.
        last_step: time step of the newest code that was used.
    """

    name: str
    grants: tuple[Grant, ...]
    password_hash: str
    password_set_ms: int = 0
    locked: bool = False
    secret: str = ""
    confirmed: bool = False
    last_step: int = 0

    def public(self) -> Person:
        """Without anything secret."""
        return Person(
            name=self.name,
            grants=list(self.grants),
            locked=self.locked,
            second_factor=self.confirmed,
            password_set_ms=self.password_set_ms,
        )

    def pending(self, now_ms: int) -> list[Pending]:
        """What the person must do first."""
        found: list[Pending] = []
        if not self.password_set_ms or now_ms >= self.password_set_ms + passwords.VALID_MS:
            found.append("password")
        if not self.confirmed:
            found.append("second-factor")
        return found


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a session: its token only as SHA-256."""

    sha256: str
    name: str
    began_ms: int
    used_ms: int

    def over(self, now_ms: int) -> bool:
        """Has it ended by itself?"""
        return now_ms >= self.used_ms + IDLE_MS or now_ms >= self.began_ms + ABSOLUTE_MS


class Change(NamedTuple):
    """What is to be kept."""

    people: tuple[PersonRecord, ...] = ()
    sessions: tuple[SessionRecord, ...] = ()
    ended: tuple[str, ...] = ()


class Visitor(NamedTuple):
    """A person who is signed in."""

    name: str
    grants: Sequence[Grant]
    pending: Sequence[Pending]
    session: str


class Desk:
    """Everybody of a node, and who is signed in."""

    def __init__(self, people: Iterable[PersonRecord], sessions: Iterable[SessionRecord]) -> None:
        self._people = {person.name: person for person in people}
        self._sessions = {session.sha256: session for session in sessions}
        self._kept_ms = {session.sha256: session.used_ms for session in self._sessions.values()}

    def apply(self, change: Change) -> None:
        """The change is kept: it is true from now on."""
        self._people.update((person.name, person) for person in change.people)
        for session in change.sessions:
            used_ms = max(session.used_ms, self._sessions.get(session.sha256, session).used_ms)
            self._sessions[session.sha256] = msgspec.structs.replace(session, used_ms=used_ms)
            self._kept_ms[session.sha256] = session.used_ms
        for sha256 in change.ended:
            self._sessions.pop(sha256, None)
            self._kept_ms.pop(sha256, None)

    # --- who is there ---

    @property
    def people(self) -> list[Person]:
        """All accounts in order of name."""
        return [self._people[name].public() for name in sorted(self._people)]

    def password_hash(self, name: str) -> str:
        """What to check a password against; for a name that nobody has, a hash that no password fits."""
        person = self._people.get(name)
        return person.password_hash if person else passwords.NOBODYS

    def knows(self, name: str) -> bool:
        """Is there such an account?"""
        return name in self._people

    def visitor(self, sha256: str, now_ms: int) -> Visitor | None:
        """Who holds the session, which is in use now; None when there is none or it is over."""
        session = self._sessions.get(sha256)
        if session is None or session.over(now_ms):
            return None
        person = self._people[session.name]
        self._sessions[sha256] = msgspec.structs.replace(session, used_ms=max(now_ms, session.used_ms))
        return Visitor(person.name, person.grants, person.pending(now_ms), sha256)

    def upkeep(self, now_ms: int) -> Change:
        """Ended sessions leave; last uses are kept."""
        ended = tuple(each.sha256 for each in self._sessions.values() if each.over(now_ms))
        used = tuple(
            each
            for each in self._sessions.values()
            if not each.over(now_ms) and each.used_ms >= self._kept_ms[each.sha256] + TOUCH_MS
        )
        return Change(sessions=used, ended=ended)

    # --- a person's own matters ---

    def sign_in(self, name: str, checked_hash: str, code: str, now_ms: int) -> tuple[str, Change] | None:
        """A session for a person whose password fitted `checked_hash`, None if that is not enough.

        Gives the session's token, which is kept nowhere.
        """
        person = self._people.get(name)
        if person is None or person.locked or person.password_hash != checked_hash:
            return None
        if person.confirmed:
            step = second_factor.step_of(person.secret, code, person.last_step, now_ms)
            if step is None:
                return None
            person = msgspec.structs.replace(person, last_step=step)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        sha256 = hashlib.sha256(token.encode()).hexdigest()
        session = SessionRecord(sha256=sha256, name=name, began_ms=now_ms, used_ms=now_ms)
        return token, Change(people=(person,), sessions=(session,))

    def pending(self, name: str, now_ms: int) -> list[Pending]:
        """What a person must do first."""
        return self._people[name].pending(now_ms)

    def sign_out(self, sha256: str) -> Change:
        """End one session."""
        return Change(ended=(sha256,))

    def change_password(self, name: str, new_hash: str, session: str, now_ms: int) -> Change:
        """Keep a new password; the person's other sessions end."""
        person = msgspec.structs.replace(self._people[name], password_hash=new_hash, password_set_ms=now_ms)
        return Change(people=(person,), ended=tuple(each for each in self._of(name) if each != session))

    def set_second_factor(self, name: str, code: str, now_ms: int) -> Change:
        """Give a new secret, or confirm the one that was given.

        Raises:
            PeerError: 409 one is confirmed already; 422 the code is wrong or nothing is there to confirm.
        """
        person = self._people[name]
        if person.confirmed:
            raise _conflict("code", "a confirmed second factor", "none; a confirmed one stays")
        if not code:
            return Change(people=(msgspec.structs.replace(person, secret=second_factor.new_secret()),))
        step = second_factor.step_of(person.secret, code, 0, now_ms) if person.secret else None
        if step is None:
            raise PeerError("wrong code", where="code", found="another", wanted="the code of the secret that was given")
        return Change(people=(msgspec.structs.replace(person, confirmed=True, last_step=step),))

    def record(self, name: str) -> PersonRecord:
        """What is kept of a person.

        Raises:
            PeerError: 404 there is none.
        """
        person = self._people.get(name)
        if person is None:
            raise PeerError("unknown person", status=404, where="person", found=repr(name), wanted="an account")
        return person

    # --- what the security administrator does ---

    def open_account(self, name: str, grants: Sequence[Grant], password_hash: str) -> Change:
        """A new account with a first password.

        Raises:
            PeerError: 422 the name or the roles are not allowed; 409 the name is taken.
        """
        if not _NAME.fullmatch(name):
            raise PeerError("invalid name", where="name", found=repr(name), wanted="a name such as li.wei")
        _check(grants)
        if name in self._people:
            raise _conflict("name", f"{name!r}, which is taken", "a new name")
        return Change(people=(PersonRecord(name=name, grants=tuple(grants), password_hash=password_hash),))

    def set_grants(self, name: str, grants: Sequence[Grant], by: str) -> Change:
        """Give another person these roles and no others.

        Raises:
            PeerError: 404 no such person; 409 one's own roles; 422 roles that do not go together.
        """
        _check(grants)
        return self._changed(name, by, grants=tuple(grants))

    def lock(self, name: str, by: str, *, locked: bool) -> Change:
        """Lock or unlock another person.

        Raises:
            PeerError: 404 no such person; 409 oneself.
        """
        return self._changed(name, by, locked=locked)

    def _changed(self, name: str, by: str, **fields: Any) -> Change:  # noqa: ANN401 - fields of the record
        person = self.record(name)
        if name == by:
            raise _conflict("person", "oneself", "another person: nobody sets their own rights")
        return Change(people=(msgspec.structs.replace(person, **fields),), ended=self._of(name))

    def _of(self, name: str) -> tuple[str, ...]:
        return tuple(each.sha256 for each in self._sessions.values() if each.name == name)


def _check(grants: Sequence[Grant]) -> None:
    held: list[PersonRole] = [role for role in SEPARATED if any(grant.role == role for grant in grants)]
    if len(held) > 1:
        raise PeerError(
            "roles that must be separated",
            where="grants",
            found=" and ".join(held),
            wanted=f"at most one of {', '.join(SEPARATED)}",
        )
    for place, grant in enumerate(grants):
        if grant.role == "security-administrator" and grant.park != "*":
            raise PeerError("invalid grant", where=f"grants[{place}].park", found=repr(grant.park), wanted="'*'")


def _conflict(where: str, found: str, wanted: str) -> PeerError:
    return PeerError("conflict", status=409, where=where, found=found, wanted=wanted)
