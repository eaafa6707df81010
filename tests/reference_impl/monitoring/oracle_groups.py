"""The alarm of a rule over the alarms of a zone, device or gateway (N)."""

import math

from oracle_alarms import Alarm, Happening, Subject, Track, milliseconds

from contract.rules import KOfNRule


class GroupAlarm(Alarm):
    """The alarm of a `k_of_n` rule on one subject.

    Args:
        members: the alarms that may count, by point and rule.
    """

    def __init__(self, subject: Subject, rule: KOfNRule, members: frozenset[tuple[int, str]]) -> None:
        self.members = members
        track = Track(rule.level, milliseconds(rule.on_delay_s), milliseconds(rule.off_delay_s))
        super().__init__(subject, rule.id, [track])
        self.k = rule.k
        self.deadband = rule.deadband
        self.window_ms = milliseconds(rule.window_s)
        self.standing_on: dict[int, set[str]] = {}  # rules whose alarms stand, by member
        self.counts_until_ms: dict[int, int] = {}  # members whose last alarm was cleared
        self.clock_ms = -math.inf

    def hear(self, member: int, happening: Happening) -> list[Happening]:
        """An alarm of one of the named rules was raised or cleared on a member (N1)."""
        is_raise = happening.what == "raise"
        if not is_raise and happening.rule not in self.standing_on.get(member, ()):
            return []  # raised before this rule began (G2)
        now_ms = int(max(happening.at_ms, self.clock_ms))  # T8
        happened = self.settle(now_ms)  # T1: what is due to the zone at this moment comes first
        if is_raise:
            self.standing_on.setdefault(member, set()).add(happening.rule)
            self.counts_until_ms.pop(member, None)
        else:
            self._hear_clear(member, happening.rule, now_ms)
        return happened + self._count(now_ms) + self.settle(now_ms)

    def _hear_clear(self, member: int, rule: str, now_ms: int) -> None:
        self.standing_on[member].remove(rule)
        if not self.standing_on[member]:
            del self.standing_on[member]
            self.counts_until_ms[member] = now_ms + self.window_ms

    def settle(self, until_ms: float) -> list[Happening]:
        """As for every alarm; besides, windows run out, after what is due to the alarm at the same moment."""
        happened = []
        while self.counts_until_ms and (over_ms := min(self.counts_until_ms.values())) <= until_ms:
            happened += self._settle_own(over_ms) + self._count(over_ms)
        happened += self._settle_own(until_ms)
        self.due_ms = min([self.due_ms, *self.counts_until_ms.values()])
        return happened

    def _settle_own(self, until_ms: float) -> list[Happening]:
        happened = super().settle(until_ms)
        self.clock_ms = max([self.clock_ms, *(happening.at_ms for happening in happened)])
        return happened

    def _count(self, now_ms: int) -> list[Happening]:
        """N2, at `now_ms`."""
        self.clock_ms = now_ms
        self.counts_until_ms = {
            member: until_ms for member, until_ms in self.counts_until_ms.items() if until_ms > now_ms
        }
        count, track = len(self.standing_on) + len(self.counts_until_ms), self.tracks[0]
        if track.holds is None and count >= self.k:
            track.begin(now_ms, float(count))
        elif track.holds is not None and count < self.k - self.deadband:
            track.end(now_ms)
        return self._settle_own(now_ms)
