"""Who answers what, and when to send again (GB/T 26875.3-2011, 6.2 to 6.5)."""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from contract.devices.fault import Deviations, Fault, ProtocolError
from contract.devices.gb26875.frame import SERIALS, Clock, Command, Frame, read_head
from contract.devices.gb26875.objects import Object, decode
from contract.devices.resend import Patience, Timing

_HEAD_BYTES: Final = 27
_CLOSES: Final = {Command.CONTROL: Command.CONFIRM, Command.SEND: Command.CONFIRM, Command.REQUEST: Command.ANSWER}
_REPLIES: Final = (Command.CONFIRM, Command.ANSWER, Command.DENY)

Initiative = Literal[Command.CONTROL, Command.SEND, Command.REQUEST]
Verdict = Literal["new", "duplicate", "heartbeat", "reply", "denied"]


def reply(frame: Frame, command: int, now_ms: int, unit: bytes = b"") -> Frame:
    """A confirm, an answer or a deny: the same serial number, addresses exchanged."""
    return Frame(
        serial=frame.serial,
        command=command,
        source=frame.destination,
        destination=frame.source,
        time=Clock.at(now_ms),
        unit=unit,
        major=frame.major,
        user=frame.user,
    )


class Initiator:
    """The side that begins exchanges, one after another, in given time: what to send comes out of every call.

    A frame that gets no answer within `timing.timeout_ms` or is denied is sent again, `timing.resends` times; then
    the exchange has failed and the next one begins. A fire goes before everything that waits (GB 26875.1 [S]).

    Attributes:
        failed: frames whose exchange failed, the last `failed_max`.
        answered, denied, resent, refused, unexpected, failures: counts.
    """

    def __init__(
        self,
        source: int,
        destination: int,
        timing: Timing | None = None,
        *,
        queue_max: int = 10_000,
        failed_max: int = 100,
    ) -> None:
        self.failed: deque[Frame] = deque(maxlen=failed_max)
        self.answered = self.denied = self.resent = self.refused = self.unexpected = self.failures = 0
        self._timing = timing or Timing()
        self._source = source
        self._destination = destination
        self._queue_max = queue_max
        self._urgent: deque[tuple[Initiative, bytes]] = deque()
        self._ordinary: deque[tuple[Initiative, bytes]] = deque()
        self._serial = 0
        self._current: Frame | None = None
        self._patience: Patience | None = None

    @property
    def due_ms(self) -> int | None:
        """When `tick` has something to do."""
        return self._patience.due_ms if self._patience else None

    @property
    def waiting(self) -> int:
        """Exchanges not finished."""
        return len(self._urgent) + len(self._ordinary) + (self._current is not None)

    def offer(self, command: Initiative, unit: bytes, now_ms: int, *, is_fire: bool = False) -> list[Frame]:
        """Begin an exchange, or have it wait; where the queue is full it is refused and counted, but never a fire."""
        if self.waiting >= self._queue_max and not is_fire:
            self.refused += 1
            return []
        (self._urgent if is_fire else self._ordinary).append((command, unit))
        return self._next(now_ms)

    def receive(self, frame: Frame, now_ms: int) -> list[Frame]:
        """A confirm, an answer or a deny came."""
        current = self._current
        if current is None or frame.serial != current.serial or frame.source != self._destination:
            self.unexpected += 1
            return []
        if frame.command == Command.DENY:
            self.denied += 1
            return self._again(now_ms)
        if frame.command != _CLOSES[Command(current.command)]:
            self.unexpected += 1
            return []
        self.answered += 1
        self._current = self._patience = None
        return self._next(now_ms)

    def tick(self, now_ms: int) -> list[Frame]:
        """Time has passed."""
        if self._patience is None or not self._patience.is_over(now_ms):
            return []
        return self._again(now_ms)

    def _again(self, now_ms: int) -> list[Frame]:
        if self._current is None or self._patience is None:
            return []
        if self._patience.again(now_ms) == "failed":
            self.failures += 1
            self.failed.append(self._current)
            self._current = self._patience = None
            return self._next(now_ms)
        self.resent += 1
        self._current = self._current._replace(time=Clock.at(now_ms))
        return [self._current]

    def _next(self, now_ms: int) -> list[Frame]:
        if self._current is not None or not (self._urgent or self._ordinary):
            return []
        command, unit = (self._urgent or self._ordinary).popleft()
        self._current = Frame(self._serial, command, self._source, self._destination, Clock.at(now_ms), unit)
        self._serial = (self._serial + 1) % SERIALS
        self._patience = Patience(self._timing, now_ms)
        return [self._current]


class Received(NamedTuple):
    """What to make of something that came in, and what to send back.

    Attributes:
        verdict: `new`: use the objects; `duplicate`: they were used before; `heartbeat`: an empty command 2; `reply`:
            for the `Initiator`; `denied`: wrong.
        objects: of the data unit.
        answers: to send.
    """

    verdict: Verdict
    objects: tuple[Object, ...]
    answers: tuple[Frame, ...]


class Responder:
    """The side that answers: verifies, confirms or answers, denies; knows a frame that is sent again.

    A frame is known again by source, serial number and data unit, among the last `remembered`. An empty command 2 is
    no part of the standard but the field's heartbeat [S]: confirmed and counted as `heartbeat`.

    Args:
        deviations: counts what is tolerated.
        answer: the data unit that answers a request; None to deny it. Without it every request is denied.

    Attributes:
        counts: by verdict.
    """

    def __init__(
        self,
        deviations: Deviations | None = None,
        *,
        answer: Callable[[tuple[Object, ...]], bytes | None] | None = None,
        remembered: int = 4096,
    ) -> None:
        self.deviations = Deviations() if deviations is None else deviations
        self.counts: dict[Verdict, int] = {}
        self._answer = answer
        self._remembered = remembered
        self._known: OrderedDict[tuple[int, int, bytes], None] = OrderedDict()

    def receive(self, came: Frame | Fault, now_ms: int) -> Received:
        """Judge a frame or a fault of the framer. Never raises: what is wrong is denied.

        A fault is denied where its head is there to answer to: checksum or end wrong (6.5).
        """
        received = self._receive_fault(came, now_ms) if isinstance(came, Fault) else self._receive(came, now_ms)
        self.counts[received.verdict] = self.counts.get(received.verdict, 0) + 1
        return received

    def _receive_fault(self, fault: Fault, now_ms: int) -> Received:
        is_answerable = fault.kind in ("checksum", "end") and len(fault.excerpt) >= _HEAD_BYTES
        if not is_answerable:
            return Received("denied", (), ())
        head = read_head(fault.excerpt)
        return Received("denied", (), () if head.command in _REPLIES else (reply(head, Command.DENY, now_ms),))

    def _receive(self, frame: Frame, now_ms: int) -> Received:
        is_reply = frame.command in _REPLIES
        try:
            objects = decode(frame.unit, self.deviations)
        except ProtocolError:
            return Received("denied", (), () if is_reply else (reply(frame, Command.DENY, now_ms),))
        if is_reply:
            return Received("reply", objects, ())
        if frame.command in (Command.CONTROL, Command.SEND):
            return self._confirm(frame, objects, now_ms)
        unit = self._answer(objects) if self._answer and frame.command == Command.REQUEST else None
        if unit is None:
            return Received("denied", (), (reply(frame, Command.DENY, now_ms),))
        return Received("new", objects, (reply(frame, Command.ANSWER, now_ms, unit),))

    def _confirm(self, frame: Frame, objects: tuple[Object, ...], now_ms: int) -> Received:
        confirm = (reply(frame, Command.CONFIRM, now_ms),)
        if not frame.unit and frame.command == Command.SEND:
            self.deviations.note("heartbeat", where="unit")
            return Received("heartbeat", (), confirm)
        return Received("new" if self._remember(frame) else "duplicate", objects, confirm)

    def _remember(self, frame: Frame) -> bool:
        """Whether it was not known."""
        key = (frame.source, frame.serial, frame.unit)
        if key in self._known:
            return False
        self._known[key] = None
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)
        return True
