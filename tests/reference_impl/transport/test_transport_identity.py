"""People over HTTP: the first account, signing in, lock-out, roles per park, rate limits and the audit log."""

import stat
from pathlib import Path

import httpx
import pytest
from people_at_a_node import STEP_MS, Account, Desk
from transport_nodes import running_city, running_park
from transport_processes import served

from contract.identity import AuditRow
from contract.operations import OPERATIONS
from contract.operations.identity import ACTS_AS
from reference_impl.identity.audit import main, verify
from reference_impl.identity.desk import ABSOLUTE_MS, IDLE_MS
from reference_impl.identity.lockout import FAILURES_MAX, WINDOW_MS
from reference_impl.identity.rates import Buckets, Rate
from reference_impl.serve import CitySettings
from reference_impl.store.database import StoreError
from reference_impl.transport.identity_operations import ENROLMENT_FILE

pytestmark = pytest.mark.anyio
WRONG = "a wrong password"


async def test_the_first_account_is_opened_with_the_enrolment_token_once(tmp_path: Path) -> None:
    """There is no default account; the token is its owner's file, opens one security administrator and is gone."""
    async with running_park(tmp_path) as node:
        desk = Desk(node, tmp_path)
        path = tmp_path / ENROLMENT_FILE
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        token = path.read_text().strip()
        assert node.host.identity.desk.people == []
        operator = [{"role": "operator", "park": "*"}]
        assert (await desk.post("people", token, name="x", grants=operator)).status_code == 403
        assert (await desk.get("people", token)).status_code == 401
        await desk.first()
        assert not path.exists()
        security = [{"role": "security-administrator", "park": "*"}]
        assert (await desk.post("people", token, name="y", grants=security)).status_code == 401
    async with running_park(tmp_path) as node:
        node.host.identity.offer_enrolment(tmp_path)
        assert not path.exists()
        assert [person.name for person in node.host.identity.desk.people] == ["sec"]


async def test_a_first_sign_in_is_good_for_password_and_second_factor_only(tmp_path: Path) -> None:
    """Until both are set every other operation is refused; then the same session is good for all of its role."""
    async with running_park(tmp_path) as node:
        desk = Desk(node, tmp_path)
        account, security = await Desk.first(desk)
        person = await desk.open(security, "li", ("operator", "p1"))
        token = await desk.sign_in(person)
        refused = await desk.get("alerts", token)
        assert (refused.status_code, "password, second-factor" in refused.json()["detail"]) == (403, True)
        weak = await desk.post("me/password", token, old=person.password, new="short")
        assert (weak.status_code, "12 to 128 characters" in weak.json()["detail"]) == (422, True)
        wrong = await desk.post("me/password", token, old="another", new="A-good-password-1")
        assert (wrong.status_code, "another" in wrong.json()["detail"]) == (422, True)
        settled = await desk.settle(person)
        assert (await desk.get("alerts", settled)).status_code == 200
        people = (await desk.get("people", security)).json()["people"]
        assert [(each["name"], each["second_factor"]) for each in people] == [("li", True), ("sec", True)]
        assert not {"password_hash", "secret"} & people[0].keys()
        assert account.secret


async def test_both_factors_are_needed_and_a_code_is_good_once(tmp_path: Path) -> None:
    """A wrong password, a wrong or used code and an unknown name get one and the same answer."""
    async with running_park(tmp_path) as node:
        desk = Desk(node, tmp_path)
        account, _ = await desk.first()
        await desk.sign_in(account)
        answers = [
            await desk.try_in(account),  # the code was used a moment ago
            await desk.try_in(account, password=WRONG),
            await desk.try_in(account, code="") if account.secret else None,
            await desk.try_in(Account("nobody", WRONG)),
        ]
        assert {(answer.status_code, answer.text) for answer in answers if answer} == {(401, answers[0].text)}


@pytest.mark.parametrize("known", [True, False])
async def test_five_failures_lock_the_name_out(tmp_path: Path, known: bool) -> None:
    """The sixth attempt is 429 even with the right password, for a known name as for an unknown one, for 15 minutes."""
    async with running_park(tmp_path) as node:
        desk = Desk(node, tmp_path)
        account, _ = await desk.first()
        tried = account if known else Account("nobody", "x")
        for _ in range(FAILURES_MAX):
            assert (await desk.try_in(tried, password=WRONG)).status_code == 401
        locked = await desk.try_in(tried)
        assert locked.status_code == 429
        assert locked.headers["retry-after"] == str(WINDOW_MS // 1000)
        assert (await desk.try_in(Account("other", "x"))).status_code == 429, "the client is locked out as well"
        desk.clock.now_ms += WINDOW_MS
        await desk.sign_in(account)


async def test_sessions_end_idle_in_any_case_and_by_signing_out(tmp_path: Path) -> None:
    """A session that is over is refused as an unknown token; a restart forgets none that stands."""
    async with running_park(tmp_path) as node:
        desk = Desk(node, tmp_path)
        account, token = await desk.first()
        assert (await desk.post("me/sign-out", token)).json() == {"name": "sec"}
        assert (await desk.get("people", token)).status_code == 401
        token = await desk.sign_in(account)
        desk.clock.now_ms += IDLE_MS
        assert (await desk.get("people", token)).status_code == 401
        token = await desk.sign_in(account)
        began_ms = desk.clock.now_ms
        while desk.clock.now_ms < began_ms + ABSOLUTE_MS:
            assert (await desk.get("people", token)).status_code == 200
            desk.clock.now_ms += IDLE_MS - 1
        assert (await desk.get("people", token)).status_code == 401
        await node.host.identity.upkeep()
        token = await desk.sign_in(account)
        now_ms = desk.clock.now_ms
    assert token.encode() not in (tmp_path / "park.sqlite").read_bytes()
    async with running_park(tmp_path) as node:
        desk = Desk(node, tmp_path)
        desk.clock.now_ms = now_ms
        assert (await desk.get("people", token)).status_code == 200


@pytest.mark.parametrize("level", ["park", "city"])
async def test_every_operation_with_every_role_of_people(tmp_path: Path, level: str) -> None:
    """Each role of a person opens the operations of the role it acts in, everybody's own matters, and nothing else."""
    async with running_park(tmp_path) if level == "park" else running_city(tmp_path) as node:
        desk = Desk(node, tmp_path)
        _, security = await desk.first()
        node.host.identity.person_calls = Buckets(Rate(10_000, 10_000))
        tokens = {"security-administrator": security}
        for role in ACTS_AS.keys() - tokens.keys():
            tokens[role] = await desk.settle(await desk.open(security, f"a-{role}", (role, "*")))
        kept_out = 0
        for operation in OPERATIONS:
            if level not in operation.level or not operation.roles or operation.id == "sign_out":
                continue
            path = operation.path.replace("{park}", "p1").replace("{", "").replace("}", "")
            for role, token in tokens.items():
                headers = {"authorization": f"Bearer {token}", "last-event-id": "999", "pack-sequence": "0"}
                answer = await node.client.request(operation.method, path, headers=headers)
                allowed = bool({ACTS_AS[role], "person"} & set(operation.roles))  # type: ignore[index]  # of the same
                assert (answer.status_code not in (401, 403)) == allowed, (operation.id, role, answer.text)
                assert answer.status_code < 500, (operation.id, role, answer.text)
                kept_out += not allowed
        assert kept_out > 20


async def test_a_role_holds_in_its_park_only(tmp_path: Path) -> None:
    """Operator of p1, auditor of p2: each park opens what was granted there, and several parks must be named."""
    async with running_park(tmp_path) as node:
        desk = Desk(node, tmp_path)
        _, security = await desk.first()
        person = await desk.open(security, "li", ("operator", "p1"), ("auditor", "p2"))
        token = await desk.settle(person)
        application = node.application()
        assert (await desk.post("parks/p1/cases", token, **application)).status_code in (200, 403)
        entry = {"by": "li", "fields": {}}
        headers = {"authorization": f"Bearer {token}"}
        paths = [f"/v1/parks/{park}/registers/land-parcel/a" for park in ("p1", "p2")]
        statuses = [(await node.client.put(path, json=entry, headers=headers)).status_code for path in paths]
        assert statuses == [422, 403]
        assert (await desk.get("alerts", token)).status_code == 403
        assert [(await desk.get(f"alerts?park={park}", token)).status_code for park in ("p1", "p2")] == [200, 200]
        grants = [{"role": "operator", "park": "p1"}]
        assert (await desk.post("people/li/roles", security, grants=grants)).status_code == 200
        token = await desk.sign_in(person)
        assert (await desk.get("alerts", token)).status_code == 200
        assert (await desk.get("alerts?park=p2", token)).status_code == 403


async def test_the_administrators_are_separated(tmp_path: Path) -> None:
    """Two of the three are refused, nobody changes their own rights, and a locked person is out at once."""
    async with running_park(tmp_path) as node:
        desk = Desk(node, tmp_path)
        _, security = await desk.first()
        both = [{"role": "auditor", "park": "*"}, {"role": "system-administrator", "park": "*"}]
        refused = await desk.post("people", security, name="x", grants=both)
        assert (refused.status_code, "at most one of" in refused.json()["detail"]) == (422, True)
        assert (await desk.post("people/sec/roles", security, grants=both[:1])).status_code == 409
        assert (await desk.post("people/sec/lock", security)).status_code == 409
        assert (await desk.post("people/none/lock", security)).status_code == 404
        person = await desk.open(security, "li", ("operator", "p1"))
        token = await desk.settle(person)
        assert (await desk.post("people/li/lock", security)).json()["locked"] is True
        assert (await desk.get("alerts", token)).status_code == 401
        desk.clock.now_ms += STEP_MS
        assert (await desk.try_in(person)).status_code == 401
        assert (await desk.post("people/li/unlock", security)).json()["locked"] is False
        await desk.sign_in(person)


async def test_who_did_what_stands_in_the_log(tmp_path: Path) -> None:
    """Changes and refusals are rows, packs are summed by minute and gateway, and no secret is in any of them."""
    async with running_park(tmp_path) as node:
        desk = Desk(node, tmp_path)
        account, security = await desk.first()
        await node.configure("p1")
        for sequence in range(1, 5):
            assert (await node.send(sequence, 1.0)).status_code == 200
        await node.send(1, 1.0, gateway=2)
        await desk.try_in(Account("My-Password-typed-as-name", "x"))
        assert (await desk.get("audit", security)).status_code == 403
        assert (await node.client.get("/v1/alerts")).status_code == 401
        for stranger in ("a", "b", "c"):
            assert (await node.client.put(f"/v1/parks/{stranger}/points", json={})).status_code == 401
        desk.clock.now_ms += 60_000
        await node.host.identity.upkeep()
        auditor = await desk.settle(await desk.open(security, "aud", ("auditor", "*")))
        told = (await desk.get("audit", auditor)).json()
        rows = [AuditRow(**row) for row in told["rows"]]
        assert verify(rows) is None
        by = [(row.who.partition("#")[0], row.operation, row.park, row.object, row.status, row.calls) for row in rows]
        assert by[:3] == [
            ("", "post_person", "", "sec", 201, 1),
            ("sec", "post_session", "", "", 201, 1),
            ("sec", "change_password", "", "", 200, 1),
        ]
        assert rows[0].who == "#enrolment"
        for expected in [
            ("administrator@*", "put_points", "p1", "", 200, 1),
            ("gateway@p1", "post_telemetry", "p1", "gw-01", 200, 4),
            ("gateway@p1", "post_telemetry", "p1", "gw-02", 200, 1),
            ("", "post_session", "", "", 401, 1),
            ("sec", "get_audit", "", "", 403, 1),
            ("", "get_alerts", "", "", 401, 1),
            ("", "put_points", "", "", 401, 3),
            ("sec", "post_person", "", "aud", 201, 1),
        ]:
            assert by.count(expected) == 1, expected
        text = repr(told)
        tokens = [each.token for each in node.credentials.credentials]
        for secret in (account.password, account.secret, security, auditor, "My-Password", *tokens):
            assert secret not in text
        assert {row.client for row in rows} == {"127.0.0.1"}
        page = (await desk.get(f"audit?after={rows[2].number}&limit=1", auditor)).json()
        assert (page["rows"][0]["number"], page["truncated"]) == (4, True)


async def test_the_log_outlives_the_node_and_is_verified_from_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was summed is written at the end, the next start goes on from there, and the command verifies the file."""
    async with running_park(tmp_path) as node:
        await node.configure("p1")
        assert (await node.send(1, 1.0)).status_code == 200
    async with running_park(tmp_path) as node:
        await node.configure("p1")
        assert main([str(tmp_path)]) == 0, "also while the node runs"
    assert main([str(tmp_path)]) == 0
    assert "newest row 5:" in capsys.readouterr().out


async def test_a_call_that_cannot_be_audited_is_not_confirmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its row a change is answered 503, so that nobody can act unseen by filling the disk."""

    def fail(_entries: object) -> None:
        raise StoreError("disk full")

    async with running_park(tmp_path) as node:
        with monkeypatch.context() as patched:
            patched.setattr(node.host.identity.trail, "_append", fail)
            answer = await node.client.put(
                "/v1/parks/p1/points", json={"points": []}, headers=node.bearer("administrator")
            )
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert node.host.store.audit_log.rows_after(0, 10).rows == []


async def test_calls_are_limited_for_each_token_and_each_client(tmp_path: Path) -> None:
    """429 with Retry-After for the one who calls too often, and for nobody else; telemetry has the same door."""
    async with running_park(tmp_path) as node:
        desk = Desk(node, tmp_path)
        await node.configure("p1")
        identity = node.host.identity
        identity.machine_calls, identity.sign_ins = Buckets(Rate(0.5, 2)), Buckets(Rate(0.5, 2))
        assert [(await node.send(sequence, 1.0)).status_code for sequence in (1, 2, 3)] == [200, 200, 429]
        refused = await node.send(3, 1.0)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
        assert (await node.client.get("/v1/alerts", headers=node.bearer("auditor"))).status_code == 200
        desk.clock.now_ms += 2_000
        assert (await node.send(3, 1.0)).status_code == 200
        tried = [(await desk.try_in(Account(f"n-{number}", "x"))).status_code for number in range(3)]
        assert tried == [401, 401, 429]


async def test_a_repeated_pack_changes_nothing(tmp_path: Path) -> None:
    """A pack that is recorded and sent again is known by its number, whatever it says: replay does no harm."""
    async with running_park(tmp_path) as node:
        await node.configure("p1")
        assert (await node.send(1, 1.0)).json()["duplicate"] is False
        replayed = await node.send(1, 99.0)
        assert (replayed.status_code, replayed.json()["duplicate"]) == (200, True)
        headers = node.bearer("auditor")
        assert (await node.client.get("/v1/alerts", headers=headers)).json()["alerts"] == []


@pytest.mark.process
def test_a_served_node_offers_the_first_account(tmp_path: Path) -> None:
    """Whoever starts a node for the first time finds the enrolment token beside its data, and it opens the account."""
    with served(CitySettings(data=tmp_path, parks=("p1",), port=0)) as city:
        url = city.ready().url
        path = tmp_path / ENROLMENT_FILE
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        grants = [{"role": "security-administrator", "park": "*"}]
        headers = {"authorization": f"Bearer {path.read_text().strip()}"}
        answer = httpx.post(
            f"{url}/v1/people", json={"name": "sec", "grants": grants}, headers=headers, trust_env=False
        )
        assert answer.status_code == 201
        asked = {"name": "sec", "password": answer.json()["initial_password"]}
        session = httpx.post(f"{url}/v1/sessions", json=asked, trust_env=False)
        assert session.json()["pending"] == ["password", "second-factor"]
        assert city.end() == 0
    assert main([str(tmp_path)]) == 0


async def test_machine_tokens_are_no_people(tmp_path: Path) -> None:
    """No machine's token opens accounts or has a password, whatever its role."""
    async with running_park(tmp_path) as node:
        desk = Desk(node, tmp_path)
        for each in node.credentials.credentials:
            answers = [
                await desk.post("people", each.token, name="x", grants=[]),
                await desk.post("me/second-factor", each.token, code=""),
            ]
            assert [answer.status_code for answer in answers] == [403, 403]
