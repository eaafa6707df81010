"""The platform's side: who may speak, is it fresh, is it new, what is the answer.

HJ 212-2017, 6.1 and 6.5; resistance to replay: GB/T 22239-2019, 8.4.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import msgspec

from contract.devices.clock import read_time_ms
from contract.devices.fault import ProtocolError
from contract.devices.hj212.messages import SYSTEM_INTERACTION
from contract.devices.hj212.segment import Item, Segment

ANSWERS: Final = ("9011", "9012", "9013", "9014")
_NOTICES: Final = ("1013", "9015")

Verdict = Literal["new", "duplicate", "stale", "unknown-logger", "wrong-password", "answer"]


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """How far a QN may be from the platform's clock; None for no bound.

    HJ 212 has no rule for it: these are the operator's. A link that was down brings a backlog with old QNs, so
    `past_ms` must cover the longest outage, except for frames that say RF=1, which have `resent_past_ms`.
    """

    past_ms: int | None = None
    future_ms: int | None = None
    resent_past_ms: int | None = None


class Received(NamedTuple):
    """What to make of a segment, and what to send back.

    Attributes:
        verdict: `new`: use it; `duplicate`: it was used before, the answer got lost; `answer`: it answers the
            platform. The others are to be dropped.
        answers: to send.
    """

    verdict: Verdict
    answers: tuple[Segment, ...]


class Receiver:
    """Judges the segments of many loggers.

    A segment is known again by MN, QN, CN and packet number, among the last `remembered` of its logger; at most
    `loggers_max` loggers are remembered, the one that was silent longest gives way.

    Attributes:
        counts: segments by verdict.
    """

    def __init__(
        self,
        *,
        passwords: Mapping[str, str] | None = None,
        freshness: Freshness | None = None,
        remembered: int = 1024,
        loggers_max: int = 10_000,
    ) -> None:
        self.counts: dict[Verdict, int] = {}
        self._passwords = passwords
        self._freshness = freshness or Freshness()
        self._remembered = remembered
        self._loggers_max = loggers_max
        self._loggers: OrderedDict[str, OrderedDict[tuple[str, str, int], None]] = OrderedDict()

    def receive(self, segment: Segment, now_ms: int) -> Received:
        """Judge one segment. Never raises: what is wrong with it is the verdict."""
        verdict = self._judge(segment, now_ms)
        self.counts[verdict] = self.counts.get(verdict, 0) + 1
        is_answered = verdict in ("new", "duplicate") and segment.answer_wanted and bool(segment.qn)
        return Received(verdict, (answer_to(segment),) if is_answered else ())

    def _judge(self, segment: Segment, now_ms: int) -> Verdict:
        if self._passwords is not None:
            password = self._passwords.get(segment.mn)
            if password is None:
                return "unknown-logger"
            if password != segment.pw:
                return "wrong-password"
        if segment.cn in ANSWERS:
            return "answer"
        if not self._is_fresh(segment, now_ms):
            return "stale"
        return "new" if not segment.qn or self._remember(segment) else "duplicate"

    def _is_fresh(self, segment: Segment, now_ms: int) -> bool:
        past_ms = self._freshness.resent_past_ms if segment.resent else self._freshness.past_ms
        future_ms = self._freshness.future_ms
        if past_ms is None and future_ms is None:
            return True
        try:
            age_ms = now_ms - read_time_ms(segment.qn, "QN")
        except ProtocolError:
            return False
        return (past_ms is None or age_ms <= past_ms) and (future_ms is None or -age_ms <= future_ms)

    def _remember(self, segment: Segment) -> bool:
        """Whether it was not known."""
        known = self._loggers.get(segment.mn)
        if known is None:
            known = self._loggers[segment.mn] = OrderedDict()
            if len(self._loggers) > self._loggers_max:
                self._loggers.popitem(last=False)
        else:
            self._loggers.move_to_end(segment.mn)
        key = (segment.qn, segment.cn, segment.pno)
        if key in known:
            return False
        known[key] = None
        if len(known) > self._remembered:
            known.popitem(last=False)
        return True


def answer_to(segment: Segment) -> Segment:
    """9014 for data, 9013 for a notice or a heartbeat: ST 91, the same QN, no answer wanted."""
    return _interaction(segment, "9013" if segment.cn in _NOTICES else "9014", ())


def request_answer(request: Segment, code: int) -> Segment:
    """9011: the logger's first answer to a request (QnRtn, table 7)."""
    return _interaction(request, "9011", ((("QnRtn", str(code)),),))


def execution_result(request: Segment, code: int) -> Segment:
    """9012: the logger's last answer to a request (ExeRtn, table 6)."""
    return _interaction(request, "9012", ((("ExeRtn", str(code)),),))


def _interaction(segment: Segment, cn: str, items: tuple[Item, ...]) -> Segment:
    flag = segment.edition << 2
    return Segment(qn=segment.qn, st=SYSTEM_INTERACTION, cn=cn, pw=segment.pw, mn=segment.mn, flag=flag, items=items)
