"""A park's witness: it sees the packs that leave, judges the touched points, and writes down the ground truth."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from contract.catalogue import ParkPoints
from contract.messages import Level
from contract.rules import RuleSet
from sim.emission import Pack
from sim.world.truth.judge import CLEARED, LIMIT, NONE_MS, RAISED_UNSURE, SILENCE, Happened, Judge
from sim.world.truth.model import ExpectedAlert, GroundTruth, Tolerated, Touch, UndeterminedAlert
from sim.world.truth.tolerance import Tolerance

LEAD_MS: Final = (
    120_000  # looked at before an onset: by then a working sensor has moved, so that its last move is known
)
LEAD_PERIODS: Final = 20
LINGER_MS: Final = 120_000  # looked at after the last effect: slow radios bring readings later
MISSING_MS: Final = 5_000  # so long packs wait for missing ones (event time), as SEMANTICS.md has it
NEVER_MS: Final = 2**62


class _Gate:
    """One gateway and its slots.

    Attributes:
        span: the gateway's slots.
        wake_ms: nothing has to be looked at before this moment.
        awake: its packs are being looked at.
        overtaking: packs that came before others of lower numbers.
    """

    def __init__(self, name: str, span: slice, spells: Sequence[tuple[int, int]]) -> None:
        self.name = name
        self.span = span
        self._spells = [*reversed(spells)]  # (from, until), ascending and apart
        self.wake_ms = NEVER_MS
        self.awake = False
        self.sequence = 0
        self.overtaking: dict[int, Pack] = {}
        self.watermark_ms = NONE_MS
        self.rest()

    @property
    def until_ms(self) -> int:
        """The end of the present or coming spell."""
        return self._spells[-1][1]

    def free(self, newest_ms: int) -> Iterator[Pack]:
        """Packs that need not wait any more: what they waited for has come, or has not for too long."""
        while self.overtaking:
            number = min(self.overtaking)
            waited_ms = newest_ms - int(self.overtaking[number].columns.time_ms.max())
            if number > self.sequence + 1 and waited_ms < MISSING_MS:
                return
            yield self.overtaking.pop(number)

    def rest(self) -> None:
        """Wait for the next spell."""
        self.wake_ms = self._spells[-1][0] if self._spells else NEVER_MS

    def sleep(self) -> None:
        """This spell is over."""
        self.awake = False
        self.overtaking.clear()
        self._spells.pop()
        self.rest()


class Witness:
    """Judges the points that incidents touch; the others never leave normal operation.

    Args:
        park: id of the park.
        layout: its points.
        rules: the rules that hold there.
        touches: what happens there, each with the points to look at.
        truth: where to write.
        period_ms: sample period.
        escalation_s: when an unacknowledged alarm goes to the next level of duty, for rules that do not say so.

    Attributes:
        wake_ms: packs that are due before this moment need not be shown.
    """

    def __init__(
        self,
        park: str,
        layout: ParkPoints,
        rules: RuleSet,
        touches: Sequence[Touch],
        truth: GroundTruth,
        *,
        period_ms: int,
        escalation_s: Mapping[Level, float],
    ) -> None:
        self._park, self._layout, self._truth = park, layout, truth
        self._names = layout.names
        self._rules = rules.rules
        self._touching: dict[int, list[Touch]] = defaultdict(list)
        for touch in sorted(touches, key=lambda it: (it.onset_ms, it.incident_id)):
            for point in touch.points.tolist():
                self._touching[point].append(touch)
        watched = sorted(self._touching)
        self._judge = Judge(layout.points, watched, rules)
        self._gates = {gate.name: gate for gate in self._make_gates(touches, period_ms)}
        self.wake_ms = min((gate.wake_ms for gate in self._gates.values()), default=NEVER_MS)
        self._standing: dict[int, int] = {}  # slot to the place of its alert in the ground truth; -1: tolerated
        self._escalation_ms = [
            round(1000 * (rule.escalate_after_s or escalation_s[rule.level])) for rule in self._rules
        ]
        tolerance = Tolerance(layout.points, rules, period_ms)
        truth.tolerated += [it for touch in touches for it in tolerance.of(park, touch)]

    def see(self, pack: Pack) -> None:
        """Judge a pack as it arrives. A repeated one changes nothing; one that has overtaken others waits for them."""
        gate = self._gates.get(pack.gateway)
        if gate is None or pack.due_ms < gate.wake_ms or pack.sequence <= gate.sequence or not len(pack.columns):
            return
        if gate.awake and pack.sequence > gate.sequence + 1:
            gate.overtaking[pack.sequence] = pack
        else:
            self._take(gate, pack)
        for waiting in gate.free(int(pack.columns.time_ms.max())):
            self._take(gate, waiting._replace(due_ms=max(waiting.due_ms, pack.due_ms)))
        self.wake_ms = min(it.wake_ms for it in self._gates.values())

    def _take(self, gate: _Gate, pack: Pack) -> None:
        gate.sequence = pack.sequence
        if not gate.awake:
            gate.awake = True
            gate.wake_ms = NONE_MS
            self._judge.forget(gate.span, unsure=pack.sequence > 1)
        gate.watermark_ms = max(gate.watermark_ms, int(pack.columns.time_ms.max()))
        for happened in self._judge.read(pack.columns, gate.watermark_ms, gate.span):
            self._write(happened, pack)
        if gate.watermark_ms > gate.until_ms and self._judge.is_idle(gate.span):
            gate.sleep()

    def close(self) -> None:
        """The trace ends: what is pending stays undetermined."""
        slots = self._judge.slots
        for gate in self._gates.values():
            if not gate.awake:
                continue
            for place in range(gate.span.start, gate.span.stop):
                slot = slots[place]
                since_ms = int(slot["holds_ms"])
                waits = not slot["raised"] and since_ms != NONE_MS
                is_quiet = slot["kind"] == SILENCE and gate.watermark_ms - since_ms > int(slot["on_ms"]) // 2
                if waits and (slot["kind"] == LIMIT or is_quiet):
                    self._leave_open(int(slot["point"]), int(slot["rule"]), since_ms, gate.watermark_ms)

    def _make_gates(self, touches: Sequence[Touch], period_ms: int) -> list[_Gate]:
        """The gateways that have watched points, each with the spells in which it has to be looked at."""
        lead_ms = max(LEAD_MS, LEAD_PERIODS * period_ms)
        spells: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for touch in touches:
            for gateway in np.unique(self._layout.gateway[touch.points]).tolist():
                spells[gateway].append((touch.onset_ms - lead_ms, touch.over_ms + LINGER_MS + 2 * period_ms))
        gateway_of_slot = self._layout.gateway[self._judge.slots["point"]]
        gates = []
        for gateway in sorted(spells):
            found = np.flatnonzero(gateway_of_slot == gateway)
            if len(found):
                span = slice(int(found[0]), int(found[-1]) + 1)  # a gateway's points are one block
                gates.append(_Gate(self._layout.gateways[gateway], span, _merged(spells[gateway])))
        return gates

    def _write(self, happened: Happened, pack: Pack) -> None:
        if happened.what == CLEARED:
            self._clear(happened)
            return
        slot = self._judge.slots[happened.slot]
        point, rule = int(slot["point"]), int(slot["rule"])
        touch = self._cause(point, happened.onset_ms if slot["kind"] == LIMIT else happened.at_ms)
        if happened.what == RAISED_UNSURE:
            self._standing[happened.slot] = -1
            self._truth.tolerated.append(
                Tolerated(
                    park=self._park,
                    subject=self._names[point],
                    rule=self._rules[rule].id,
                    incident_id=touch.incident_id,
                    from_ms=happened.onset_ms - int(slot["on_ms"]),
                    until_ms=happened.onset_ms,
                )
            )
            return
        self._standing[happened.slot] = len(self._truth.expected)
        self._truth.expected.append(
            ExpectedAlert(
                park=self._park,
                point=self._names[point],
                rule=self._rules[rule].id,
                level=self._rules[rule].level,
                incident_id=touch.incident_id,
                onset_ms=happened.onset_ms,
                knowable_ms=happened.at_ms,
                gateway=pack.gateway,
                knowable_sequence=pack.sequence,
                knowable_due_ms=pack.due_ms,
                group=touch.group,
                escalates_ms=self._escalates_ms(touch, rule, happened.at_ms),
            )
        )

    def _clear(self, happened: Happened) -> None:
        place = self._standing.pop(happened.slot)
        if place >= 0:
            alert = self._truth.expected[place]
            stood = alert.escalates_ms is not None and alert.escalates_ms < happened.at_ms
            self._truth.expected[place] = msgspec.structs.replace(
                alert, clears_ms=happened.at_ms, escalates_ms=alert.escalates_ms if stood else None
            )

    def _escalates_ms(self, touch: Touch, rule: int, knowable_ms: int) -> int | None:
        """When it goes to the next level of duty, if it stands until then."""
        escalates_ms = knowable_ms + self._escalation_ms[rule]
        is_in_time = touch.acknowledged_ms is not None and touch.acknowledged_ms <= escalates_ms
        return None if is_in_time else escalates_ms

    def _leave_open(self, point: int, rule: int, since_ms: int, now_ms: int) -> None:
        self._truth.undetermined.append(
            UndeterminedAlert(
                park=self._park,
                point=self._names[point],
                rule=self._rules[rule].id,
                incident_id=self._cause(point, now_ms).incident_id,
                onset_ms=since_ms,
            )
        )

    def _cause(self, point: int, by_ms: int) -> Touch:
        """The incident behind an alarm: of those at the point, the last that had begun by then."""
        touching = self._touching[point]
        return next((touch for touch in reversed(touching) if touch.onset_ms <= by_ms), touching[0])


def _merged(spells: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same spans without overlaps, ascending."""
    merged: list[tuple[int, int]] = []
    for from_ms, until_ms in sorted(spells):
        if merged and from_ms <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], until_ms)
        else:
            merged.append((from_ms, until_ms))
    return merged
