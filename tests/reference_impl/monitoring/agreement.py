"""The core and the oracle hear the same history, and must tell the same after every step."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from alarm_oracle import Oracle
from oracle_alarms import Happening, Subject
from oracle_release import Reading
from random_histories import Change, Finish, History, Kill, Pack, Save, Step, random_history, seeded

from contract.columns import MAX_TIME_MS, Columns
from contract.messages import Point
from contract.rules import Rule
from reference_impl.monitoring import AlarmTransition, Applied, Monitor
from reference_impl.monitoring.slots import CLEAR, LEVEL, RAISE

WHAT = {RAISE: "raise", CLEAR: "clear", LEVEL: "level"}
Told = tuple[list[Happening], int]


def columns_of(readings: Sequence[Reading]) -> Columns:
    """Readings as a decoder hands them in."""
    point, time_ms, value = zip(*readings, strict=True)
    return Columns(
        np.array(point, dtype=np.int32), np.array(time_ms, dtype=np.int64), np.array(value, dtype=np.float64)
    )


class CoreUnderTest:
    """A monitor that speaks as the oracle does, and can be killed.

    Attributes:
        replayed: what replays after kills told, all of it told before.
    """

    def __init__(self, points: Sequence[Point], rules: Sequence[Rule], lateness_ms: int) -> None:
        self.points = points
        self.lateness_ms = lateness_ms
        self.replayed: list[Happening] = []
        self.monitor = Monitor(points, rules, lateness_ms=lateness_ms)
        self._use(rules)

    def _use(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        self.rule_place = {rule.id: place for place, rule in enumerate(rules)}
        self.save()

    def apply(self, gateway: str, pack: Sequence[Reading], number: int | None = None) -> Told:
        """What a pack brings: transitions in order, and the count of late readings."""
        index = self.monitor.gateways.index(gateway)
        columns = self.monitor.check(index, columns_of(pack), MAX_TIME_MS)
        told = self._told(self.monitor.apply(index, columns, number))
        self.since.append((gateway, pack, number, told))
        return told

    def finish(self, gateway: str) -> Told:
        """The source has ended."""
        return self._told(self.monitor.finish(self.monitor.gateways.index(gateway)))

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Replace the rules."""
        self.monitor = self.monitor.with_rules(rules)
        self._use(rules)

    def standing(self) -> list[Happening]:
        """What stands."""
        return [self._happening(transition) for transition in self.monitor.standing()]

    def save(self) -> None:
        """Keep a snapshot to come back to."""
        self.saved = self.monitor.snapshot()
        self.since: list[tuple[str, Sequence[Reading], int | None, Told]] = []

    def kill(self) -> None:
        """Begin again from the last snapshot and replay the packs since then, which must tell the same again."""
        since, self.monitor = self.since, Monitor(self.points, self.rules, lateness_ms=self.lateness_ms)
        self.monitor.resume(self.saved)
        assert self.monitor.snapshot() == self.saved
        self.save()
        for gateway, pack, number, told in since:
            again = self.apply(gateway, pack, number)
            assert again == told, "the replay tells another story"
            self.replayed += again[0]

    def _told(self, applied: Applied) -> Told:
        order = [(t.at_ms, t.subject, self.rule_place[t.rule.id]) for t in applied.transitions]
        assert order == sorted(order), "T12"
        return [self._happening(transition) for transition in applied.transitions], applied.late

    def _happening(self, t: AlarmTransition) -> Happening:
        subject = self.monitor.subjects[t.subject]
        what, named = WHAT[t.kind], Subject(subject.name, subject.gateway)
        return Happening(t.at_ms, named, t.rule.id, what, t.onset_ms, t.value, t.level)


def in_one_order(happenings: Sequence[Happening]) -> list[Happening]:
    """Sorted, so that the order among devices and zones, which is nobody's promise, does not matter."""
    return sorted(happenings, key=lambda happening: (happening.at_ms, happening.subject, happening.rule))


def agree(seed: int, packs: int, readings_max: int = 6) -> Counter[str]:
    """Tell the random history of a seed to both; returns what occurred in it, counted.

    Raises:
        AssertionError: they disagree; a note says how to repeat it.
    """
    history = random_history(seeded(seed), packs, readings_max)
    try:
        return live(history)
    except AssertionError as error:
        error.add_note(f"repeat with: agree({seed}, {packs}, {readings_max}) of {__file__}")
        raise


def live(history: History) -> Counter[str]:
    """Tell a history to both; returns what occurred in it, counted.

    Raises:
        AssertionError: they disagree.
    """
    pair = Pair(history)
    for place, step in enumerate(history.steps):
        pair.live(step, f"step {place}: {step}")
    pair.occurred["numbers given up"] += sum(story.waiting.given_up for story in pair.oracle.gateways.values())
    return pair.occurred


class Pair:
    """A core and an oracle that hear the same.

    Attributes:
        occurred: how often each thing has occurred.
    """

    def __init__(self, history: History) -> None:
        self.core = CoreUnderTest(history.points, history.rules, history.lateness_ms)
        self.oracle = Oracle(history.points, history.rules, history.lateness_ms)
        self.kind_of = {rule.id: type(rule).__name__ for rule in history.rules}
        self.occurred: Counter[str] = Counter()

    def live(self, step: Step, where: str) -> None:
        """The next step, named `where` should they disagree."""
        match step:
            case Pack(gateway, number, readings):
                pack = (gateway, readings, number)
                self._compare(self.core.apply(*pack), self.oracle.apply(*pack), where)
                self.occurred["readings"] += len(readings)
            case Finish(gateway):
                self._compare(self.core.finish(gateway), self.oracle.finish(gateway), where)
            case Kill():
                self.core.kill()
                waits = any(story.waiting.readings for story in self.oracle.gateways.values())
                self.occurred["kills with readings that wait"] += waits
            case Save():
                self.core.save()
            case Change(rules):
                self._change(rules, where)

    def _change(self, rules: Sequence[Rule], where: str) -> None:
        stood = self._standing(where)
        self.core.set_rules(rules)
        self.oracle.set_rules(rules)
        self.kind_of |= {rule.id: type(rule).__name__ for rule in rules}
        still = self._standing(where)
        self.occurred["alarms that a change of rules cleared"] += len(stood) - len(still)
        self.occurred["alarms that outlived a change of rules"] += len(still)

    def _standing(self, where: str) -> list[Happening]:
        """What stands according to both."""
        of_core, of_oracle = in_one_order(self.core.standing()), in_one_order(self.oracle.standing())
        assert of_core == of_oracle, where
        return of_oracle

    def _compare(self, of_core: Told, of_oracle: Told, where: str) -> None:
        happened, late = of_oracle
        told = in_one_order(of_core[0]), of_core[1]
        assert told == (in_one_order(happened), late), where
        self.occurred["late readings"] += late
        for happening in happened:
            self.occurred[f"{self.kind_of[happening.rule]} {happening.what}"] += 1
