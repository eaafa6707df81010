"""People who speak to a node over HTTP, and a clock that goes when it is told to."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyotp
from transport_nodes import CityTestNode, ParkTestNode

from contract.identity import AuditList, AuditRow
from reference_impl.identity.rates import Buckets, Rate
from reference_impl.transport.group_commit import wall_ms
from reference_impl.transport.identity_operations import ENROLMENT_FILE

AnyNode = ParkTestNode | CityTestNode
STEP_MS = 30_000


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now_ms: int

    def __call__(self) -> int:
        """Unix milliseconds."""
        return self.now_ms


@dataclass
class Account:
    """What a person knows."""

    name: str
    password: str
    secret: str = ""


class Desk:
    """People who speak to a node, each call from the same client."""

    def __init__(self, node: AnyNode, folder: Path) -> None:
        self.node = node
        self.folder = folder
        self.clock = Clock(wall_ms())
        node.host.identity.clock = self.clock
        node.host.identity.sign_ins = Buckets(Rate(1000, 1000))  # the limit has a test of its own
        node.host.identity.offer_enrolment(folder)

    async def post(self, path: str, token: str | None = None, **body: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        """Ask a POST operation."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return await self.node.client.post(f"/v1/{path}", json=body or None, headers=headers)

    async def get(self, path: str, token: str) -> httpx.Response:
        """Ask a GET operation."""
        return await self.node.client.get(f"/v1/{path}", headers={"authorization": f"Bearer {token}"})

    async def open(self, token: str, name: str, *grants: tuple[str, str]) -> Account:
        """Open an account."""
        listed = [{"role": role, "park": park} for role, park in grants]
        answer = await self.post("people", token, name=name, grants=listed)
        assert answer.status_code == 201, answer.text
        return Account(name, answer.json()["initial_password"])

    async def sign_in(self, account: Account) -> str:
        """Sign in a time step later, so that no code is used twice; gives the token."""
        self.clock.now_ms += STEP_MS
        answer = await self.try_in(account)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    async def try_in(self, account: Account, **other: str) -> httpx.Response:
        """Sign in with what the person knows, but for `other`."""
        asked = {"name": account.name, "password": account.password, "code": self.code(account)} | other
        return await self.post("sessions", **asked)

    def code(self, account: Account) -> str:
        """The code of this moment."""
        return pyotp.TOTP(account.secret).at(self.clock.now_ms // 1000) if account.secret else ""

    async def settle(self, account: Account) -> str:
        """First sign-in: choose a password and confirm a second factor; gives the token."""
        token = await self.sign_in(account)
        chosen = f"A-{secrets.token_hex(12)}"
        assert (await self.post("me/password", token, old=account.password, new=chosen)).status_code == 200
        account.password = chosen
        asked = (await self.post("me/second-factor", token, code="")).json()
        account.secret = asked["secret"]
        assert pyotp.parse_uri(asked["uri"]).secret == account.secret  # type: ignore[union-attr]  # a TOTP has one
        confirmed = await self.post("me/second-factor", token, code=self.code(account))
        assert confirmed.json() == {"secret": "", "uri": "", "confirmed": True}
        return token

    async def first(self) -> tuple[Account, str]:
        """The first security administrator, settled; and the session's token."""
        enrolment = (self.folder / ENROLMENT_FILE).read_text().strip()
        account = await self.open(enrolment, "sec", ("security-administrator", "*"))
        return account, await self.settle(account)

    def rows(self) -> list[AuditRow]:
        """The whole audit log."""
        rows: AuditList = self.node.host.store.audit_log.rows_after(0, 10_000)
        return rows.rows
