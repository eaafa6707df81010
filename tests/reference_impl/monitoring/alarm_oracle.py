"""SEMANTICS.md a second time: plain, slow, and by other means than the core.

Here: time and late readings (T), and changes of rules (G). How long readings wait is in `oracle_release`, which alarms
there are in `oracle_subjects`, what follows from a condition in `oracle_alarms`, and when conditions begin and end in
`oracle_conditions`, `oracle_groups` and `oracle_expressions`. Letters and numbers in comments are the sentences.
"""

import math
from collections.abc import Sequence
from itertools import groupby

from oracle_alarms import Alarm, Happening
from oracle_conditions import PointAlarm
from oracle_expressions import DeviceAlarm
from oracle_groups import GroupAlarm
from oracle_release import Reading, Waiting
from oracle_subjects import alarms_of

from contract.messages import Point
from contract.rules import KOfNRule, Rule

LATENESS_MS = 5_000


class GatewayStory:
    """What happens on one gateway, which knows nothing of others (T2)."""

    def __init__(self, lateness_ms: int) -> None:
        self.waiting = Waiting(lateness_ms)
        self.clock_ms: dict[int, float] = {}  # of points (T7)
        self.late = 0
        self.follow(())

    def follow(self, alarms: Sequence[Alarm]) -> None:
        """Care for these alarms from now on; they come in order of (subject, rule), points first."""
        self.of_point: dict[int, list[PointAlarm]] = {}
        self.of_operand: dict[int, list[DeviceAlarm]] = {}
        self.of_member: dict[tuple[int, str], list[GroupAlarm]] = {}
        for alarm in alarms:
            if isinstance(alarm, PointAlarm):
                self.of_point.setdefault(alarm.point, []).append(alarm)
            elif isinstance(alarm, DeviceAlarm):
                for point in alarm.word_of:
                    self.of_operand.setdefault(point, []).append(alarm)
            elif isinstance(alarm, GroupAlarm):
                for member in alarm.members:
                    self.of_member.setdefault(member, []).append(alarm)
        self.alarms = alarms

    def live(self, released: Sequence[Reading]) -> list[Happening]:
        """Readings that were released together, in order (T4), and then time up to the watermark (T6)."""
        happened = []
        for time_ms, together in groupby(released, key=lambda reading: reading.time_ms):
            happened += self._pass_time(time_ms)  # T1
            touched: dict[DeviceAlarm, None] = {}
            for reading in together:
                happened += self._see(reading, touched)
            for device in touched:  # E2
                happened += device.judge(max(self.clock_ms.get(point, -math.inf) for point in device.word_of))
        return happened + self._pass_time(self.waiting.watermark_ms)

    def _see(self, reading: Reading, touched: dict[DeviceAlarm, None]) -> list[Happening]:
        point, time_ms, value = reading
        if time_ms < self.clock_ms.get(point, -math.inf):  # T7
            self.late += 1
            return []
        self.clock_ms[point] = time_ms
        own = [happening for alarm in self.of_point.get(point, ()) for happening in alarm.see(time_ms, value)]
        own.sort(key=lambda happening: happening.what == "clear")  # N1: raising counts before clearing
        for device in self.of_operand.get(point, ()):
            device.take(point, value)
            touched[device] = None
        return self._tell(point, own)

    def _pass_time(self, until_ms: float) -> list[Happening]:
        """What is due up to `until_ms` without a reading, moment by moment (T2), in order of (subject, rule).

        That zones come first (T1) is seen to by `GroupAlarm.hear`.
        """
        happened = []
        while (due_ms := min([alarm.due_ms for alarm in self.alarms], default=math.inf)) <= until_ms:
            for alarm in self.alarms:
                if alarm.due_ms == due_ms:
                    happened += self._fire(alarm, due_ms)
        return happened

    def _fire(self, alarm: Alarm, due_ms: float) -> list[Happening]:
        happened = alarm.settle(due_ms)
        if isinstance(alarm, PointAlarm):
            self.clock_ms[alarm.point] = max(self.clock_ms.get(alarm.point, due_ms), due_ms)  # T7
            return self._tell(alarm.point, happened)
        return happened

    def _tell(self, point: int, happened: list[Happening]) -> list[Happening]:
        """Tell what happened to a point's alarms to the `k_of_n` rules that name their rules (N1), at once."""
        answers = [
            group.hear(point, happening)
            for happening in happened
            if happening.what != "level"
            for group in self.of_member.get((point, happening.rule), ())
        ]
        return happened + [answer for of_one in answers for answer in of_one]


class Oracle:
    """The alarm histories of a park.

    Args:
        points: the points, in the order of their index.
        rules: the first rules.
        lateness_ms: how long readings wait for others that were overtaken.
    """

    def __init__(self, points: Sequence[Point], rules: Sequence[Rule], lateness_ms: int = LATENESS_MS) -> None:
        self.points = points
        self.gateways = {point.gateway: GatewayStory(lateness_ms) for point in points}
        self.place_of = {point.name: place for place, point in enumerate(points)}
        self.rules: Sequence[Rule] = ()
        self.alarms: dict[tuple[str, str, str], Alarm] = {}
        self.set_rules(rules)

    def apply(self, gateway: str, pack: Sequence[Reading], number: int | None = None) -> tuple[list[Happening], int]:
        """The transitions that a pack brings, in order, and how many late readings came to light."""
        story = self.gateways[gateway]
        return self._told(story, story.waiting.take(pack, number))

    def finish(self, gateway: str) -> tuple[list[Happening], int]:
        """The source has ended (T11)."""
        story = self.gateways[gateway]
        return self._told(story, story.waiting.finish())

    def _told(self, story: GatewayStory, released: list[Reading]) -> tuple[list[Happening], int]:
        late_before = story.late
        happened = story.live(released)
        return sorted(happened, key=self._rank), story.late - late_before

    def _rank(self, happening: Happening) -> tuple[int, int, int]:
        """T12, but for the order among devices and zones."""
        subject_place = self.place_of.get(happening.subject.name, len(self.place_of))
        return happening.at_ms, subject_place, self.rule_place[happening.rule]

    def standing(self) -> list[Happening]:
        """The transitions that would clear what stands now, at the watermark of its gateway (G2)."""
        found = []
        for alarm in self.alarms.values():
            watermark_ms = self.gateways[alarm.subject.gateway].waiting.watermark_ms
            if math.isfinite(watermark_ms) and (clearing := alarm.standing(int(watermark_ms))):
                found.append(clearing)
        return found

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Replace the rules (G1); what is the same keeps its alarms with all that they know."""
        former, now = ({rule.id: rule for rule in of} for of in (self.rules, rules))
        kept = {rule.id for rule in rules if _stays(rule, former, now)}
        old, self.rules, self.alarms = self.alarms, rules, {}
        for fresh in alarms_of(self.points, rules):
            key = (*fresh.subject, fresh.rule)
            self.alarms[key] = old[key] if fresh.rule in kept else fresh
        self.rule_place = {rule.id: place for place, rule in enumerate(rules)}
        for gateway, story in self.gateways.items():
            story.follow([alarm for alarm in self.alarms.values() if alarm.subject.gateway == gateway])


def _stays(rule: Rule, former: dict[str, Rule], now: dict[str, Rule]) -> bool:
    """Is a rule the same in every field, and so those that it names?"""
    named = rule.of if isinstance(rule, KOfNRule) else ()
    return all(former.get(name) == now.get(name) for name in (rule.id, *named))
