"""Observers: they follow the alert streams of both levels and keep when each transition was seen."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from contract.errors import TargetError
from contract.messages import AlertEvent
from loadtests.clock import Clock
from loadtests.targets import Level, StopSignal, Target

RECONNECT_FIRST_S = 0.05
RECONNECT_MAX_S = 1.0


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `alerts.jsonl`: a transition as an observer saw it."""

    level: Level
    seen_ms: int
    seen_us: int
    event: AlertEvent


class ObserverRecord(msgspec.Struct, kw_only=True):
    """How an observer fared.

    Attributes:
        repeated: events whose number had been seen already (dropped).
        skipped: numbers that never came: the stream promises none.
        breaks: how often the stream broke or could not be had.
        last_break: what was said the last time.
        connected_s: how long a stream stood.
    """

    level: Level
    events: int = 0
    repeated: int = 0
    skipped: int = 0
    breaks: int = 0
    last_break: str = ""
    connected_s: float = 0.0


class Observer:
    """Follows one level until told to stop; resumes after the last number that it saw.

    It begins at number 0, that is with everything that the platform holds, so that nothing can fall between connecting
    and the first event.
    """

    def __init__(self, target: Target, level: Level, clock: Clock, keep: Callable[[Seen], None]) -> None:
        self._target = target
        self._level: Level = level
        self._clock = clock
        self._keep = keep
        self._after = 0
        self._stood_since_us: int | None = None
        self.record = ObserverRecord(level=level)

    @property
    def connected(self) -> bool:
        """Whether a stream stands now."""
        return self._stood_since_us is not None

    def run(self, stop: StopSignal) -> None:
        """Follow until `stop` is set. Platform faults are counted, never raised."""
        wait_s = RECONNECT_FIRST_S
        while not stop.is_set():
            before = self.record.events
            try:
                self._follow(stop)
            except TargetError as error:
                self.record.breaks += 1
                self.record.last_break = str(error)
            finally:
                self._fell()
            if stop.is_set():
                return
            wait_s = RECONNECT_FIRST_S if self.record.events > before else min(wait_s * 2, RECONNECT_MAX_S)
            time.sleep(wait_s)

    def _follow(self, stop: StopSignal) -> None:
        for event in self._target.alerts(self._level, self._after, stop):
            seen_us = self._clock.now_us()
            if self._stood_since_us is None:
                self._stood_since_us = seen_us
            if event is not None:
                self._see(event, seen_us)

    def _see(self, event: AlertEvent, seen_us: int) -> None:
        if event.number <= self._after:
            self.record.repeated += 1
            return
        self.record.skipped += event.number - self._after - 1
        self._after = event.number
        self.record.events += 1
        self._keep(Seen(level=self._level, seen_ms=seen_us // 1000, seen_us=seen_us, event=event))

    def _fell(self) -> None:
        if self._stood_since_us is not None:
            self.record.connected_s += (self._clock.now_us() - self._stood_since_us) / 1e6
            self._stood_since_us = None


class AlertLog:
    """`alerts.jsonl`: one `Seen` a line, in the order in which they were seen."""

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = path.open("wb")
        self.events = {"park": 0, "city": 0}

    def keep(self, seen: Seen) -> None:
        """Write one line, at once."""
        self._file.write(msgspec.json.encode(seen) + b"\n")
        self._file.flush()
        self.events[seen.level] += 1

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_alerts(path: Path) -> list[Seen]:
    """Read `alerts.jsonl`."""
    return msgspec.json.Decoder(Seen).decode_lines(path.read_bytes())


class ClockOffset(NamedTuple):
    """A node's clock against ours.

    Attributes:
        offset_ms: what to add to our time to get the node's; the node's answer is in whole milliseconds.
        uncertainty_ms: half the round trip, plus the half millisecond of the rounding.
    """

    offset_ms: float
    uncertainty_ms: float


def clock_offset(target: Target, level: Level, clock: Clock, rounds: int = 8) -> ClockOffset:
    """Measure a node's clock by its `/health`; the quickest of a few rounds counts (as NTP does, RFC 5905).

    Raises:
        TargetError: the node does not answer.
    """
    best: ClockOffset | None = None
    for _ in range(rounds):
        asked_us = clock.now_us()
        health = target.health(level)
        answered_us = clock.now_us()
        middle_ms = (asked_us + answered_us) / 2000
        found = ClockOffset(health.now_ms + 0.5 - middle_ms, (answered_us - asked_us) / 2000 + 0.5)
        if best is None or found.uncertainty_ms < best.uncertainty_ms:
            best = found
    if best is None:
        raise ValueError(f"expected at least one round, found {rounds}")
    return best
