"""Observers: nothing seen twice, nothing missed, whatever the connection does."""

import threading
from pathlib import Path

import msgspec
import pytest
from load_server import Answered, Asked, Server

from contract.messages import Alert, AlertEvent
from loadtests.clock import SteadyClock
from loadtests.observe import AlertLog, Observer, Seen, clock_offset, read_alerts
from loadtests.targets.contract_http import ContractHttp

STREAM = "text/event-stream"


def event(number: int) -> AlertEvent:
    alert = Alert(
        alert_id=f"{number:032x}",
        park="fuling",
        point="env/z01/air/so2",
        zone="z01",
        subsystem="env",
        rule="so2-high",
        level="red",
        state="UNACK",
        onset_ms=1_000,
        raised_ms=2_000,
        value=9.5,
    )
    return AlertEvent(number=number, transition="raise", at_ms=2_000, known_ms=2_010, alert=alert)


def block(number: int) -> bytes:
    return b"id: %d\nevent: raise\ndata: %b\n\n" % (number, msgspec.json.encode(event(number)))


def follow(until: int, log: AlertLog, target: ContractHttp) -> Observer:
    """Observe until event `until` has been seen."""
    stop = threading.Event()

    def keep(seen: Seen) -> None:
        log.keep(seen)
        if seen.event.number >= until:
            stop.set()

    observer = Observer(target, "park", SteadyClock(), keep)
    thread = threading.Thread(target=observer.run, args=(stop,))
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    return observer


def test_resumes_after_the_last_number_seen(server: Server, tmp_path: Path) -> None:
    """The stream breaks in the middle of an event; each event is kept once, in order, with the time it was seen."""
    streams = [[b": hello\n\n", block(1), block(2), block(3)[:40]], [block(3), block(4)[:-1], b"\n" + block(5)]]

    def answer(asked: Asked) -> Answered:
        assert asked.path == "/v1/alerts/stream"
        return Answered(chunks=streams.pop(0), media_type=STREAM)

    server.answer = answer
    log = AlertLog(tmp_path / "alerts.jsonl")
    before_ms = SteadyClock().now_us() // 1000
    observer = follow(5, log, ContractHttp(server.url))
    log.close()
    seen = read_alerts(tmp_path / "alerts.jsonl")
    assert [one.event for one in seen] == [event(number) for number in range(1, 6)]
    assert all(before_ms <= one.seen_ms == one.seen_us // 1000 for one in seen)
    assert [asked.headers["last-event-id"] for asked in server.asked] == ["0", "2"]
    assert (observer.record.events, observer.record.repeated, observer.record.skipped) == (5, 0, 0)
    assert observer.record.breaks == 1
    assert "ended" in observer.record.last_break
    assert log.events == {"park": 5, "city": 0}


def test_repeated_and_skipped_numbers_are_counted(server: Server, tmp_path: Path) -> None:
    """A platform that sends an event again, or leaves numbers out, is told on."""
    server.answer = lambda _: Answered(chunks=[block(1) + block(2) + block(2) + block(5)], media_type=STREAM)
    log = AlertLog(tmp_path / "alerts.jsonl")
    observer = follow(5, log, ContractHttp(server.url))
    log.close()
    assert (observer.record.events, observer.record.repeated, observer.record.skipped) == (3, 1, 2)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answered(401, b"{}"), "refused with status 401"),
        (Answered(200, b"{}"), "expected text/event-stream, found 'application/json'"),
        (Answered(chunks=[b"data: {}\n\n"], media_type=STREAM), "missing required field"),
    ],
)
def test_a_stream_that_is_none_is_tried_again(server: Server, tmp_path: Path, answer: Answered, told: str) -> None:
    """A refused or unreadable stream is a break of the platform's, and the observer goes on."""
    answers = [answer, Answered(chunks=[block(1)], media_type=STREAM)]
    server.answer = lambda _: answers.pop(0)
    log = AlertLog(tmp_path / "alerts.jsonl")
    observer = follow(1, log, ContractHttp(server.url))
    log.close()
    assert observer.record.breaks == 1
    assert told in observer.record.last_break


def test_clock_offset_is_found_within_its_uncertainty(server: Server) -> None:
    """A node whose clock is 90 s ahead is found to be so."""
    clock = SteadyClock()

    def answer(_: Asked) -> Answered:
        now_ms = clock.now_us() // 1000 + 90_000
        health = {"status": "ok", "level": "park", "version": "1", "now_ms": now_ms, "parks": 1}
        return Answered(body=msgspec.json.encode(health))

    server.answer = answer
    found = clock_offset(ContractHttp(server.url), "park", clock)
    assert abs(found.offset_ms - 90_000) <= found.uncertainty_ms + 0.001
