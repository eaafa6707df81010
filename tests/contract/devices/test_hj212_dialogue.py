"""Timeouts, resends, duplicates and freshness of HJ 212, in given time."""

from collections.abc import Callable

import msgspec
import pytest

from contract.devices import hj212
from contract.devices.clock import write_qn

MN = "010000A8900016F000169DC0"
NOW = 1_470_013_137_000


def upload(number: int, *, cn: str = "2011", flag: int = 5) -> hj212.Segment:
    """The upload of a second."""
    return hj212.Segment(qn=write_qn(NOW + 1000 * number), st="32", cn=cn, pw="123456", mn=MN, flag=flag)


def test_two_real_machines_talk() -> None:
    """Packets go one by one: the next when the platform has answered the one before."""
    logger, platform = hj212.Uploader(), hj212.Receiver()
    waiting = logger.offer(upload(0), NOW)
    assert logger.offer(upload(1), NOW) == logger.offer(upload(2), NOW) == []
    seen = []
    while waiting:
        (segment,) = waiting
        received = platform.receive(segment, NOW)
        seen.append((segment.qn, received.verdict))
        (answer,) = received.answers
        assert (answer.cn, answer.st, answer.flag, answer.qn) == ("9014", "91", 4, segment.qn)
        waiting = logger.receive(answer, NOW)
    assert seen == [(upload(number).qn, "new") for number in range(3)]
    assert (logger.answered, logger.state, logger.waiting, logger.due_ms) == (3, "idle", 0, None)


def test_three_resends_then_the_link_is_unusable() -> None:
    """Ten seconds four times, then nothing is sent until there is a new connection."""
    logger = hj212.Uploader()
    assert logger.offer(upload(0), NOW) == [upload(0)]
    for again in range(1, 4):
        assert logger.due_ms == NOW + 10_000 * again
        assert logger.tick(NOW + 10_000 * again - 1) == []
        assert logger.tick(NOW + 10_000 * again) == [upload(0)]
    assert logger.tick(NOW + 40_000) == []
    assert (logger.state, logger.resent, logger.waiting) == ("unusable", 3, 1)
    assert logger.offer(upload(1), NOW + 41_000) == []
    assert logger.reconnect(NOW + 50_000) == [upload(0)]
    assert logger.receive(hj212.answer_to(upload(0)), NOW + 50_100) == [upload(1)]


def test_edition_2025_marks_what_is_sent_again_and_prefers_what_is_new() -> None:
    """RF=1 on every frame that is sent again; new data before it."""
    logger = hj212.Uploader(hj212.Timing(timeout_ms=5_000, resends=1), edition=2)
    old, new = upload(0, flag=9), upload(1, flag=9)
    marked = msgspec.structs.replace(old, resent=True)
    logger.offer(old, NOW)
    assert logger.tick(NOW + 5_000) == [marked]
    assert b";RF=1;CP=" in marked.to_bytes()
    assert logger.tick(NOW + 10_000) == []
    logger.offer(new, NOW + 11_000)
    assert logger.reconnect(NOW + 12_000) == [new]
    assert logger.receive(hj212.answer_to(new), NOW + 12_100) == [marked]


def test_uploads_that_want_no_answer_do_not_wait() -> None:
    """A = 0: one after the other, at once."""
    logger = hj212.Uploader()
    assert [logger.offer(upload(number, flag=4), NOW) for number in range(2)] == [
        [upload(0, flag=4)],
        [upload(1, flag=4)],
    ]
    assert logger.state == "idle"


def test_heartbeat_is_answered_by_9013_and_not_kept() -> None:
    """9015 ends with 9013; a heartbeat of a dead link is worth nothing later."""
    logger = hj212.Uploader(edition=2)
    beat = upload(0, cn="9015", flag=9)
    logger.offer(beat, NOW)
    (answer,) = hj212.Receiver().receive(beat, NOW).answers
    assert (answer.cn, answer.flag) == ("9013", 8)
    logger.receive(answer, NOW)
    assert logger.answered == 1
    logger.offer(upload(1, cn="9015", flag=9), NOW)
    logger.disconnect()
    assert logger.waiting == 0


def test_other_answers_are_not_taken() -> None:
    """Another QN or another command does not end the wait."""
    logger = hj212.Uploader()
    logger.offer(upload(0), NOW)
    answer = hj212.answer_to(upload(0))
    for wrong in (hj212.answer_to(upload(1)), msgspec.structs.replace(answer, cn="9013")):
        assert logger.receive(wrong, NOW) == []
    assert (logger.unexpected, logger.state) == (2, "waiting")


def test_queue_is_bounded() -> None:
    """What finds the queue full is refused and counted."""
    logger = hj212.Uploader(queue_max=2)
    for number in range(3):
        logger.offer(upload(number), NOW)
    assert (logger.waiting, logger.refused) == (2, 1)


def test_duplicate_is_answered_again_and_used_once() -> None:
    """The answer got lost: the logger sends again, the platform answers again."""
    platform = hj212.Receiver()
    first, second = platform.receive(upload(0), NOW), platform.receive(upload(0), NOW + 10_000)
    assert (first.verdict, second.verdict) == ("new", "duplicate")
    assert first.answers == second.answers
    assert platform.receive(upload(0, cn="2051"), NOW).verdict == "new"
    assert platform.counts == {"new": 2, "duplicate": 1}


FRESH = hj212.Freshness(past_ms=60_000, future_ms=5_000, resent_past_ms=3_600_000)


@pytest.mark.parametrize(
    ("age_ms", "change", "verdict"),
    [
        (60_000, {}, "new"),
        (60_001, {}, "stale"),
        (-5_000, {}, "new"),
        (-5_001, {}, "stale"),
        (3_600_000, {"resent": True}, "new"),
        (3_600_001, {"resent": True}, "stale"),
        (0, {"qn": "20161301000000000"}, "stale"),
    ],
)
def test_freshness(age_ms: int, change: dict[str, object], verdict: str) -> None:
    """A replayed QN is refused without an answer; what says that it is sent again has a longer window."""
    segment = msgspec.structs.replace(upload(0), **change)
    received = hj212.Receiver(freshness=FRESH).receive(segment, NOW + age_ms)
    assert received.verdict == verdict
    assert bool(received.answers) is (verdict == "new")


def test_only_known_loggers_with_their_password() -> None:
    """A forged MN or a wrong password is refused without an answer."""
    platform = hj212.Receiver(passwords={MN: "123456"})
    assert platform.receive(upload(0), NOW).verdict == "new"
    assert platform.receive(msgspec.structs.replace(upload(1), pw="654321"), NOW) == ("wrong-password", ())
    assert platform.receive(msgspec.structs.replace(upload(1), mn="0" * 24), NOW) == ("unknown-logger", ())


def test_memory_of_the_platform_is_bounded() -> None:
    """The oldest QN and the logger silent longest are forgotten first."""
    platform = hj212.Receiver(remembered=2, loggers_max=1)
    for number in range(3):
        platform.receive(upload(number), NOW)
    assert platform.receive(upload(2), NOW).verdict == "duplicate"
    assert platform.receive(upload(0), NOW).verdict == "new"
    platform.receive(msgspec.structs.replace(upload(0), mn="0" * 24), NOW)
    assert platform.receive(upload(0), NOW).verdict == "new"


@pytest.mark.parametrize(("make", "cn"), [(hj212.request_answer, "9011"), (hj212.execution_result, "9012")])
def test_answers_to_requests(make: Callable[[hj212.Segment, int], hj212.Segment], cn: str) -> None:
    """A logger answers a request with its QN; the platform takes that for an answer and gives none."""
    answer = make(upload(0, cn="1062"), 1)
    assert (answer.cn, answer.qn, answer.flag) == (cn, upload(0).qn, 4)
    assert hj212.Receiver().receive(answer, NOW) == ("answer", ())
