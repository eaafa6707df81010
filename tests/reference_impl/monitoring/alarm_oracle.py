"""SEMANTICS.md a second time: plain, slow, and by other means than the core.

It keeps every reading that counts and works out the whole alarm history anew after each pack: no state machine, no
timers.
"""

from collections.abc import Sequence
from typing import NamedTuple

from contract.rules import LimitRule


class Reading(NamedTuple):
    """One value."""

    point: int
    time_ms: int
    value: float


class Happening(NamedTuple):
    """A transition: of which alarm, what and when."""

    at_ms: int
    point: int
    rule: str
    what: str
    onset_ms: int
    value: float


def runs(readings: Sequence[Reading], rule: LimitRule) -> list[tuple[bool, Reading]]:
    """Unbroken runs as (does the condition hold?, first reading); sentences 1 to 3."""
    found: list[tuple[bool, Reading]] = []
    holds = False
    for reading in readings:
        v = reading.value
        begins = (rule.high is not None and v >= rule.high) or (rule.low is not None and v <= rule.low)
        ends = (rule.high is None or v < rule.high - rule.deadband) and (
            rule.low is None or v > rule.low + rule.deadband
        )
        now = (not ends) if holds else begins
        if now != holds:
            found.append((now, reading))
        holds = now
    return found


def history(readings: Sequence[Reading], rule: LimitRule, horizon_ms: int) -> list[Happening]:
    """All transitions of one rule on one point, from all readings that count; sentences 4 to 8."""
    happenings: list[Happening] = []
    standing: Reading | None = None
    found = runs(readings, rule)
    for place, (holds, first) in enumerate(found):
        end_ms = found[place + 1][1].time_ms if place + 1 < len(found) else horizon_ms
        if holds and standing is None:
            at_ms = first.time_ms + round(rule.on_delay_s * 1000)
            if at_ms <= end_ms:
                standing = first
                happenings.append(Happening(at_ms, first.point, rule.id, "raise", first.time_ms, first.value))
        elif not holds and standing is not None:
            at_ms = first.time_ms + round(rule.off_delay_s * 1000)
            if at_ms <= end_ms:
                onset, standing = standing, None
                happenings.append(Happening(at_ms, first.point, rule.id, "clear", onset.time_ms, onset.value))
    return happenings


class Oracle:
    """The alarm histories of a park."""

    def __init__(self, gateway_of: Sequence[int], rules: dict[int, Sequence[LimitRule]]) -> None:
        """`rules` are those that apply to each point, in order."""
        self.gateway_of = gateway_of
        self.watermark_ms: dict[int, int] = {}
        self.readings: dict[int, list[Reading]] = {point: [] for point in range(len(gateway_of))}
        self.clock_ms: dict[int, int] = {}
        self.rules = rules
        self.begins: dict[tuple[int, LimitRule], int] = {}  # readings of the point from before the rule was set
        self.told: dict[tuple[int, LimitRule], int] = {}

    def set_rules(self, rules: dict[int, Sequence[LimitRule]]) -> None:
        """Replace the rules; sentence 16."""
        former, self.rules = self.rules, rules
        for point, of_point in rules.items():
            for rule in of_point:
                if rule not in former.get(point, ()):
                    self.begins[point, rule] = len(self.readings[point])
                    self.told[point, rule] = 0

    def apply(self, gateway: int, pack: Sequence[Reading]) -> tuple[list[Happening], int]:
        """The transitions that a pack brings, in order, and the number of its late readings; sentences 9 to 12."""
        late = 0
        for reading in sorted(pack, key=lambda reading: reading.time_ms):
            if reading.time_ms < self.clock_ms.get(reading.point, reading.time_ms):
                late += 1
            else:
                self.readings[reading.point].append(reading)
        newest_ms = max(reading.time_ms for reading in pack)
        self.watermark_ms[gateway] = max(self.watermark_ms.get(gateway, newest_ms), newest_ms)
        happenings = []
        for point, of_gateway in enumerate(self.gateway_of):
            if of_gateway == gateway:
                happenings += self._news(point)
        return sorted(happenings, key=lambda happening: happening.at_ms), late

    def _news(self, point: int) -> list[Happening]:
        news = []
        for rule in self.rules[point]:
            counting = self.readings[point][self.begins.get((point, rule), 0) :]
            whole = history(counting, rule, self.watermark_ms[self.gateway_of[point]])
            news += whole[self.told.get((point, rule), 0) :]
            self.told[point, rule] = len(whole)
        times_ms = [happening.at_ms for happening in news] + [reading.time_ms for reading in self.readings[point][-1:]]
        if times_ms:
            self.clock_ms[point] = max(self.clock_ms.get(point, min(times_ms)), *times_ms)
        return news
