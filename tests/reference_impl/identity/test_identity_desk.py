"""People, passwords, second factors, lock-out and rates, with a clock that is handed in."""

import hashlib

import pyotp
import pytest

from contract.errors import PeerError
from contract.identity import Grant
from reference_impl.identity import passwords, second_factor
from reference_impl.identity.desk import ABSOLUTE_MS, IDLE_MS, Desk
from reference_impl.identity.lockout import FAILURES_MAX, KEYS_MAX, WINDOW_MS, Lockout
from reference_impl.identity.rates import Buckets, Rate

NOW_MS = 1_800_000_000_000
DAY_MS = 24 * 3_600_000
OPERATOR = [Grant(role="operator", park="p1")]


@pytest.fixture
def desk() -> Desk:
    """A desk with li, whose password hash is `h`, who still has to choose a password and a second factor."""
    made = Desk([], [])
    made.apply(made.open_account("li", OPERATOR, "h"))
    return made


def _signed_in(desk: Desk, now_ms: int = NOW_MS, code: str = "") -> str:
    made = desk.sign_in("li", "h", code, now_ms)
    assert made is not None
    desk.apply(made[1])
    return hashlib.sha256(made[0].encode()).hexdigest()


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("Short-1", "expected 12 to 128 characters, found 7 characters"),
        ("x" * 129, "expected 12 to 128 characters, found 129 characters"),
        ("My-LI.WEI-2026", "expected a password without the name, found the name in it"),
        ("Former-password-1", "expected a new one, found the former password"),
        ("onlylowercase1", "expected at least 3 of lower case"),
    ],
)
def test_weak_passwords_are_refused(password: str, message: str) -> None:
    """The rule that was broken is told, the password is not."""
    with pytest.raises(PeerError) as refusal:
        passwords.check(password, "li.wei", "Former-password-1")
    assert message in refusal.value.detail
    assert password not in refusal.value.detail


def test_good_passwords_are_taken_and_kept_as_argon2id() -> None:
    """Any three kinds of characters do, Chinese ones among them; the same password is kept differently each time."""
    passwords.check("园区里有三十七个泵站A1", "li.wei", "")
    kept = passwords.hashed("correct Horse 1")
    assert kept.startswith("$argon2id$")
    assert kept != passwords.hashed("correct Horse 1")
    assert passwords.fits(kept, "correct Horse 1")
    assert not passwords.fits(kept, "correct Horse 2")
    assert not passwords.fits("no hash at all", "correct Horse 1")


def test_a_code_is_good_once_and_for_a_clock_that_is_a_little_off() -> None:
    """RFC 6238: the step before and after are taken, a used step and all before it never again."""
    secret = second_factor.new_secret()
    totp = pyotp.TOTP(secret)
    step = NOW_MS // 30_000
    for drift, fits in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        found = second_factor.step_of(secret, totp.generate_otp(step + drift), 0, NOW_MS)
        assert found == (step + drift if fits else None), drift
    assert second_factor.step_of(secret, totp.generate_otp(step), step, NOW_MS) is None
    assert second_factor.step_of(secret, totp.generate_otp(step - 1), step, NOW_MS) is None
    assert second_factor.step_of(secret, "", 0, NOW_MS) is None
    assert second_factor.step_of(secret, "一二三四五六", 0, NOW_MS) is None


def test_a_session_ends_idle_and_in_any_case(desk: Desk) -> None:
    """30 minutes without a call, or 12 hours with calls."""
    idle = _signed_in(desk)
    assert desk.visitor(idle, NOW_MS + IDLE_MS - 1) is not None
    assert desk.visitor(idle, NOW_MS + 2 * IDLE_MS - 2) is not None
    assert desk.visitor(idle, NOW_MS + 3 * IDLE_MS - 2) is None
    busy = _signed_in(desk)
    for now_ms in range(NOW_MS, NOW_MS + ABSOLUTE_MS, IDLE_MS // 2):
        assert desk.visitor(busy, now_ms) is not None
    assert desk.visitor(busy, NOW_MS + ABSOLUTE_MS) is None


def test_upkeep_forgets_ended_sessions_and_keeps_last_uses(desk: Desk) -> None:
    """What is kept of a session is as new as a minute, and an ended one is removed."""
    token = _signed_in(desk)
    desk.visitor(token, NOW_MS + 59_999)
    assert not any(desk.upkeep(NOW_MS + 59_999))
    desk.visitor(token, NOW_MS + 60_000)
    change = desk.upkeep(NOW_MS + 60_000)
    assert [each.used_ms for each in change.sessions] == [NOW_MS + 60_000]
    desk.apply(change)
    assert not any(desk.upkeep(NOW_MS + 60_000))
    ended = desk.upkeep(NOW_MS + 60_000 + IDLE_MS)
    assert ended.ended == (token,)
    desk.apply(ended)
    assert not any(desk.upkeep(NOW_MS + DAY_MS))


def test_a_session_is_good_for_nothing_until_password_and_second_factor_are_set(desk: Desk) -> None:
    """Both are pending at first, each is done by itself, and after 90 days the password is due again."""
    token = _signed_in(desk)

    def pending(now_ms: int = NOW_MS) -> list[str]:
        return list(desk.pending("li", now_ms))

    assert pending() == ["password", "second-factor"]
    desk.apply(desk.change_password("li", "h", token, NOW_MS))
    assert pending() == ["second-factor"]
    desk.apply(desk.set_second_factor("li", "", NOW_MS))
    code = pyotp.TOTP(desk.record("li").secret).at(NOW_MS // 1000)
    desk.apply(desk.set_second_factor("li", code, NOW_MS))
    assert pending() == []
    assert pending(NOW_MS + 90 * DAY_MS) == ["password"]
    assert desk.sign_in("li", "h", code, NOW_MS) is None, "the code that confirmed was used"
    later = NOW_MS + 30_000
    _signed_in(desk, later, pyotp.TOTP(desk.record("li").secret).at(later // 1000))


def test_a_second_factor_is_confirmed_by_its_code_and_stays(desk: Desk) -> None:
    """Without a secret or with a wrong code nothing is confirmed; a confirmed one is not replaced."""
    for code in ("123456", "abc"):
        with pytest.raises(PeerError) as refusal:
            desk.set_second_factor("li", code, NOW_MS)
        assert refusal.value.status == 422
    desk.apply(desk.set_second_factor("li", "", NOW_MS))
    code = pyotp.TOTP(desk.record("li").secret).at(NOW_MS // 1000)
    desk.apply(desk.set_second_factor("li", code, NOW_MS))
    with pytest.raises(PeerError) as refusal:
        desk.set_second_factor("li", "", NOW_MS)
    assert refusal.value.status == 409


def test_a_new_password_ends_the_other_sessions(desk: Desk) -> None:
    """The session in which it was changed goes on."""
    one, other = _signed_in(desk), _signed_in(desk)
    desk.apply(desk.change_password("li", "h2", one, NOW_MS))
    assert desk.visitor(one, NOW_MS) is not None
    assert desk.visitor(other, NOW_MS) is None
    assert desk.sign_in("li", "h", "", NOW_MS) is None, "the password was checked against one no longer in force"


def test_nobody_holds_two_of_the_three_administrators(desk: Desk) -> None:
    """Neither with a new account nor by a change, whatever the parks; other roles go with any of them."""
    pairs = [("system-administrator", "security-administrator"), ("auditor", "system-administrator")]
    pairs.append(("security-administrator", "auditor"))
    for one, other in pairs:
        grants = [Grant(role=one, park="*"), Grant(role=other, park="*")]
        for attempt in (
            lambda grants=grants: desk.open_account("wang", grants, "h"),
            lambda grants=grants: desk.set_grants("li", grants, "sec"),
        ):
            with pytest.raises(PeerError, match="expected at most one of"):
                attempt()
    desk.apply(desk.open_account("wang", [Grant(role="auditor", park="p1"), Grant(role="operator", park="p2")], "h"))


def test_rights_are_set_by_somebody_else_and_end_sessions(desk: Desk) -> None:
    """Nobody sets their own roles or lock; who is locked or given other roles must sign in anew."""
    token = _signed_in(desk)
    for own in (
        lambda: desk.set_grants("li", OPERATOR, "li"),
        lambda: desk.lock("li", "li", locked=True),
    ):
        with pytest.raises(PeerError, match="nobody sets their own rights"):
            own()
    desk.apply(desk.set_grants("li", [Grant(role="operator", park="p2")], "sec"))
    assert desk.visitor(token, NOW_MS) is None
    token = _signed_in(desk)
    desk.apply(desk.lock("li", "sec", locked=True))
    assert desk.visitor(token, NOW_MS) is None
    assert desk.sign_in("li", "h", "", NOW_MS) is None
    desk.apply(desk.lock("li", "sec", locked=False))
    _signed_in(desk)


@pytest.mark.parametrize("name", ["", "Li", "li wei", "#enrolment", "gateway@p1", "x" * 64])
def test_names_are_not_taken_for_tokens(desk: Desk, name: str) -> None:
    """A name has no character of a token's id, so the audit log cannot be led astray."""
    with pytest.raises(PeerError, match="expected a name such as"):
        desk.open_account(name, OPERATOR, "h")


def test_a_change_that_is_not_applied_did_not_happen(desk: Desk) -> None:
    """What could not be kept leaves no session and no account."""
    made = desk.sign_in("li", "h", "", NOW_MS)
    assert made is not None
    assert desk.visitor(hashlib.sha256(made[0].encode()).hexdigest(), NOW_MS) is None
    desk.open_account("wang", OPERATOR, "h")
    assert not desk.knows("wang")
    with pytest.raises(PeerError, match="which is taken"):
        desk.open_account("li", OPERATOR, "h")


def test_five_failures_lock_for_fifteen_minutes() -> None:
    """The window slides: the lock ends when the oldest of the last five failures is 15 minutes old."""
    lockout = Lockout()
    for at_ms in range(FAILURES_MAX):
        assert lockout.wait_ms("li", at_ms) == 0
        lockout.attempt("li", at_ms)
    assert lockout.wait_ms("li", 10) == WINDOW_MS - 10
    assert lockout.wait_ms("wang", 10) == 0
    assert lockout.wait_ms("li", WINDOW_MS - 1) == 1
    assert lockout.wait_ms("li", WINDOW_MS) == 0
    lockout.attempt("li", WINDOW_MS)
    assert lockout.wait_ms("li", WINDOW_MS) == 1
    lockout.forgive("li")
    assert lockout.wait_ms("li", WINDOW_MS) == 0


def test_a_success_counts_as_no_failure_and_names_are_bounded() -> None:
    """Only the attempt that succeeded is taken back; however many names are tried, memory is bounded."""
    lockout = Lockout()
    for at_ms in range(FAILURES_MAX):
        lockout.attempt("li", at_ms)
    lockout.take_back("li", 4)
    assert lockout.wait_ms("li", 5) == 0
    lockout.attempt("li", 6)
    assert lockout.wait_ms("li", 6) > 0
    for number in range(KEYS_MAX):
        lockout.attempt(f"name {number}", 7)
    assert lockout.wait_ms("li", 8) == 0, "the name that failed longest ago is forgotten first"


def test_a_bucket_gives_a_burst_and_then_its_rate() -> None:
    """Three at once, then one each 100 ms; other callers are not touched, a clock that goes back gives nothing."""
    buckets = Buckets(Rate(10, 3))
    assert [buckets.wait_ms("a", 1000) for _ in range(4)][:3] == [0, 0, 0]
    assert 100 <= buckets.wait_ms("a", 1000) <= 101
    assert buckets.wait_ms("b", 1000) == 0
    assert buckets.wait_ms("a", 500) > 0
    assert buckets.wait_ms("a", 1100) == 0
    assert buckets.wait_ms("a", 1100) > 0
    assert [buckets.wait_ms("a", 99_000) for _ in range(4)].count(0) == 3
