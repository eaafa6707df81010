"""People, sessions and the audit log behind the routes of either level."""

import asyncio
import hashlib
import os
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from contract.errors import ParkBenchError, PeerError
from contract.identity import (
    GrantList,
    PasswordChange,
    PersonCreated,
    PersonList,
    PersonRequest,
    SecondFactor,
    SecondFactorRequest,
    Session,
    SignedOut,
    SignIn,
)
from reference_impl.identity import desk as desk_of
from reference_impl.identity import passwords, second_factor
from reference_impl.identity.desk import Change, Visitor
from reference_impl.identity.lockout import Lockout
from reference_impl.identity.rates import Buckets, Rate
from reference_impl.identity.trail import Trail
from reference_impl.store.level_store import LevelStore
from reference_impl.transport.access import ENROLMENT, forbidden, too_many
from reference_impl.transport.answers import RefusedError, unavailable
from reference_impl.transport.auditing import Auditor
from reference_impl.transport.bindings import Call, Handler, Response
from reference_impl.transport.group_commit import wall_ms

ENROLMENT_FILE = "enrolment-token"
UPKEEP_S = 1.0
HASHING_THREADS = 2  # each needs 64 MiB while it works
# Assumptions: a host's core answers fewer than 10,000 calls a second, and a person clicks less than ten times a second.
MACHINE_RATE = Rate(10_000, 20_000)
PERSON_RATE = Rate(50, 200)
SIGN_IN_RATE = Rate(2, 20)  # for each client: a sign-in costs tens of milliseconds of a core


class Identity:
    """Everybody who may call a node, and what is written down about it.

    Args:
        store: the durable side.
        thread: the executor that commits.

    Attributes:
        clock: Unix milliseconds; tests hand in their own.
    """

    def __init__(self, store: LevelStore, thread: ThreadPoolExecutor) -> None:
        self.clock: Callable[[], int] = wall_ms
        self.trail = Trail(store.audit_log.append, thread)
        self.auditor = Auditor(self.trail, lambda: self.clock())  # noqa: PLW0108 - the clock may be exchanged later
        self.store = store
        self.desk = store.people.desk()
        self.lockout = Lockout()
        self._thread = thread
        self._hashing = ThreadPoolExecutor(HASHING_THREADS, "password")
        self._changing = asyncio.Lock()
        self._enrolment = ""
        self._enrolment_file: Path | None = None
        self.machine_calls, self.person_calls = Buckets(MACHINE_RATE), Buckets(PERSON_RATE)
        self.sign_ins = Buckets(SIGN_IN_RATE)

    # --- for the doorkeeper ---

    def visitor(self, sha256: str) -> Visitor | None:
        """Who holds a session."""
        return self.desk.visitor(sha256, self.clock())

    def enrols(self, sha256: str) -> bool:
        """Is it the token with which the first account is opened?"""
        return bool(self._enrolment) and sha256 == self._enrolment

    def wait_ms(self, who: str, *, person: bool) -> int:
        """How long the caller must wait; 0 for not at all."""
        return (self.person_calls if person else self.machine_calls).wait_ms(who, self.clock())

    # --- the first account ---

    def offer_enrolment(self, folder: Path) -> None:
        """While nobody has an account, write a fresh one-time token into the data folder, for its owner alone."""
        path = folder / ENROLMENT_FILE
        path.unlink(missing_ok=True)
        if self.desk.people:
            return
        token = secrets.token_urlsafe(desk_of.TOKEN_BYTES)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token + "\n")
        self._enrolment = hashlib.sha256(token.encode()).hexdigest()
        self._enrolment_file = path

    def end_enrolment(self) -> None:
        """The first account stands: the token is worth nothing any more."""
        self._enrolment = ""
        if self._enrolment_file is not None:
            self._enrolment_file.unlink(missing_ok=True)

    # --- changes ---

    async def change(self, make: Callable[[int], Change]) -> Change:
        """Make a change of the desk, one at a time; it is true once it is durable.

        Raises:
            PeerError: what `make` raised; nothing has changed.
            RefusedError: 503 it could not be kept; nothing has changed.
        """
        async with self._changing:
            change = make(self.clock())
            loop = asyncio.get_running_loop()
            try:
                await loop.run_in_executor(self._thread, self.store.people.put, change)
            except ParkBenchError as error:
                raise unavailable("the store could not keep it") from error
            self.desk.apply(change)
            return change

    async def hashed(self, password: str) -> str:
        """A password's argon2id hash, beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._hashing, passwords.hashed, password)

    async def fits(self, kept: str, password: str) -> bool:
        """Is this the password that was kept?"""
        return await asyncio.get_running_loop().run_in_executor(self._hashing, passwords.fits, kept, password)

    # --- upkeep ---

    async def run(self) -> None:
        """Write sums that are due and end sessions, until cancelled."""
        while True:
            await asyncio.sleep(UPKEEP_S)
            await self.upkeep()

    async def upkeep(self) -> None:
        """One round of it."""
        await self.trail.flush(self.clock())
        if any(self.desk.upkeep(self.clock())):
            try:
                await self.change(self.desk.upkeep)
            except RefusedError:
                return  # the store is failing; ended sessions are refused all the same

    def close(self) -> None:
        """Write what is summed. Nobody calls any more and the committing thread has ended.

        Raises:
            ParkBenchError: it could not be written.
        """
        self._hashing.shutdown()
        self.trail.close()


def identity_handlers(identity: Identity) -> Mapping[str, Handler]:
    """Handlers by operation id."""
    own, accounts = _OwnMatters(identity), _Accounts(identity)
    return {
        "post_session": own.post_session,
        "sign_out": own.sign_out,
        "change_password": own.change_password,
        "set_second_factor": own.set_second_factor,
        "post_person": accounts.post_person,
        "get_people": accounts.get_people,
        "set_person_roles": accounts.set_person_roles,
        "lock_person": accounts.lock_person,
        "unlock_person": accounts.unlock_person,
        "get_audit": accounts.get_audit,
    }


class _OwnMatters:
    """What people do for themselves."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def post_session(self, call: Call) -> Response:
        """Sign in."""
        asked: SignIn = call.body
        identity, now_ms = self._identity, self._identity.clock()
        if identity.desk.knows(asked.name):
            call.trace.who = asked.name  # another name may be a password in the wrong field: it is not written down
        keys = (f"name {asked.name}", f"client {call.trace.client}")
        wait_ms = max(
            identity.sign_ins.wait_ms(call.trace.client, now_ms),
            *(identity.lockout.wait_ms(key, now_ms) for key in keys),
        )
        if wait_ms:
            raise too_many("expected fewer failures or calls, found this name or client locked out", wait_ms)
        for key in keys:
            identity.lockout.attempt(key, now_ms)
        kept = identity.desk.password_hash(asked.name)
        made = None
        if await identity.fits(kept, asked.password):
            made = await self._signed_in(asked, kept)
        if made is None:
            raise RefusedError(401, "unauthorized", "expected name, password and code of an account, found others")
        for key in keys:
            identity.lockout.take_back(key, now_ms)
        return made

    async def _signed_in(self, asked: SignIn, kept: str) -> Session | None:
        identity = self._identity
        token = ""

        def make(now_ms: int) -> Change:
            nonlocal token
            made = identity.desk.sign_in(asked.name, kept, asked.code, now_ms)
            if made is None:
                return Change()
            token, change = made
            return change

        change = await identity.change(make)
        if not token:
            return None
        began_ms = change.sessions[0].began_ms
        return Session(
            token=token,
            name=asked.name,
            pending=identity.desk.pending(asked.name, began_ms),
            idle_ms=desk_of.IDLE_MS,
            ends_ms=began_ms + desk_of.ABSOLUTE_MS,
        )

    async def sign_out(self, call: Call) -> Response:
        """End the session."""
        await self._identity.change(lambda _now_ms: self._identity.desk.sign_out(call.principal.session))
        return SignedOut(name=call.principal.who)

    async def change_password(self, call: Call) -> Response:
        """Change one's own password."""
        asked: PasswordChange = call.body
        identity, name, now_ms = self._identity, call.principal.who, self._identity.clock()
        passwords.check(asked.new, name, asked.old)
        key = f"name {name}"
        wait_ms = identity.lockout.wait_ms(key, now_ms)
        if wait_ms:
            raise too_many("expected fewer failures, found this name locked out", wait_ms)
        identity.lockout.attempt(key, now_ms)
        kept = identity.desk.password_hash(name)
        if not await identity.fits(kept, asked.old):
            raise PeerError("wrong password", where="old", found="another", wanted="the password that is in force")
        identity.lockout.take_back(key, now_ms)
        new_hash = await identity.hashed(asked.new)

        def make(now_ms: int) -> Change:
            if identity.desk.password_hash(name) != kept:
                raise unavailable("the password was changed meanwhile")
            return identity.desk.change_password(name, new_hash, call.principal.session, now_ms)

        return (await identity.change(make)).people[0].public()

    async def set_second_factor(self, call: Call) -> Response:
        """Ask for a second factor or confirm it."""
        asked: SecondFactorRequest = call.body
        desk, name = self._identity.desk, call.principal.who
        change = await self._identity.change(lambda now_ms: desk.set_second_factor(name, asked.code, now_ms))
        person = change.people[0]
        if person.confirmed:
            return SecondFactor(secret="", uri="", confirmed=True)
        return SecondFactor(secret=person.secret, uri=second_factor.uri(person.secret, name), confirmed=False)


class _Accounts:
    """What the security administrator does with accounts, and what the auditor reads."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def post_person(self, call: Call) -> Response:
        """Open an account."""
        asked: PersonRequest = call.body
        identity = self._identity
        call.trace.object = asked.name
        enrolling = call.principal.who == ENROLMENT.who
        if enrolling and [grant.role for grant in asked.grants] != ["security-administrator"]:
            raise forbidden("expected the first account to be a security administrator's, found another")
        password = passwords.initial()
        password_hash = await identity.hashed(password)

        def make(_now_ms: int) -> Change:
            if enrolling and identity.desk.people:
                raise forbidden("expected a node without accounts, found that the first one stands")
            return identity.desk.open_account(asked.name, asked.grants, password_hash)

        change = await identity.change(make)
        identity.end_enrolment()
        return PersonCreated(person=change.people[0].public(), initial_password=password)

    async def get_people(self, _call: Call) -> Response:
        """All accounts."""
        return PersonList(people=self._identity.desk.people)

    async def set_person_roles(self, call: Call) -> Response:
        """Set somebody's roles."""
        asked: GrantList = call.body
        desk, name, by = self._identity.desk, call.path["person"], call.principal.who
        return (await self._identity.change(lambda _now_ms: desk.set_grants(name, asked.grants, by))).people[0].public()

    async def lock_person(self, call: Call) -> Response:
        """Lock an account."""
        return await self._lock(call, locked=True)

    async def unlock_person(self, call: Call) -> Response:
        """Unlock an account."""
        answer = await self._lock(call, locked=False)
        self._identity.lockout.forgive(f"name {call.path['person']}")
        return answer

    async def _lock(self, call: Call, *, locked: bool) -> Response:
        desk, name, by = self._identity.desk, call.path["person"], call.principal.who
        return (await self._identity.change(lambda _now_ms: desk.lock(name, by, locked=locked))).people[0].public()

    async def get_audit(self, call: Call) -> Response:
        """Rows of the audit log."""
        after, rows = call.integer("after") or 0, call.rows()
        try:
            return await asyncio.to_thread(self._identity.store.audit_log.rows_after, after, rows)
        except sqlite3.Error as error:
            raise unavailable("the store could not be read") from error
