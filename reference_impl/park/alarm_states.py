"""The states of a park's alarms: where they are kept, how the table moves them, and how they come back after a kill.

An alarm has at most one *current* alert: the one that stands, or the last one that came and went while the alarm was
out of sight. All that an operator or the design does to an alarm shows on it.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from heapq import heapify, heappush
from typing import Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from contract.messages import Alarm, AlarmState, Alert, Point
from contract.rules import Rule
from reference_impl.monitoring.chattering import Raises
from reference_impl.monitoring.incidents import Group, GroupRow, Groups
from reference_impl.monitoring.inhibition import Cause, Inhibitions, causes_against
from reference_impl.monitoring.lifecycle import OUT_OF_SIGHT, next_state
from reference_impl.park.change import EventDraft

RECENT_ALERTS_MAX = 1000
Act = Literal["shelve", "unshelve", "suppress", "unsuppress", "remove_from_service", "return_to_service"]
LEAVE: dict[AlarmState, Act] = {"SHLVD": "unshelve", "DSUPR": "unsuppress", "OOSRV": "return_to_service"}


class Due(NamedTuple):
    """Something that the clock will do; in order of time.

    Attributes:
        due_ms: when.
        what: the transition.
        about: subject and rule of the alarm, and the id of the alert that is escalated.
    """

    due_ms: int
    what: Literal["escalate", "unshelve"]
    about: tuple[str, ...]


class _Memory(msgspec.Struct, array_like=True, frozen=True):
    """What a snapshot holds, since stored alerts and alarms do not tell it: raises by rule and subject, incidents."""

    raises: dict[str, dict[str, Raises]]
    groups: list[GroupRow]


def is_current(alert: Alert) -> bool:
    """It stands, or will be moved when its alarm comes back into sight: a node needs it to go on after a restart."""
    return alert.cleared_ms is None or alert.state in OUT_OF_SIGHT


class RuleAlarms:
    """The alarms of one rule, by the index of their subject.

    Attributes:
        rule: the rule.
        template: what all its alerts have in common.
        groups: where the alerts of a zone find their incident.
        current: id of the current alert.
        causes: what would suppress the alarm; of those with a current alert.
        raises: the last raises.
        inhibits: its alarms are the cause of suppressions.
        escalate_after_ms: see the rule.
    """

    __slots__ = (
        "_groups",
        "causes",
        "current",
        "escalate_after_ms",
        "groups",
        "inhibits",
        "raises",
        "rule",
        "template",
    )

    def __init__(self, park: str, rule: Rule, groups: Groups, *, inhibits: bool) -> None:
        self.rule = rule
        self.template = _template(park, rule)
        self.groups: dict[str, Group] = {}
        self.current: dict[int, str] = {}
        self.causes: dict[int, Sequence[Cause]] = {}
        self.raises: dict[int, Raises] = {}
        self.inhibits = inhibits
        self.escalate_after_ms = None if rule.escalate_after_s is None else round(rule.escalate_after_s * 1000)
        self._groups = groups

    def group(self, zone: str) -> Group:
        """Where the alerts of a zone find their incident."""
        group = self.groups.get(zone)
        if group is None:
            group = self.groups[zone] = self._groups.of(zone, self.template.cause)
        return group


class AlarmStates:
    """All current alerts, a bounded window of other recent ones, and the alarms that operators set aside.

    Attributes:
        alerts: alerts by id.
        aside: alarms that operators have set aside, by subject and rule.
    """

    def __init__(self, park: str) -> None:
        self.park = park
        self.alerts: dict[str, Alert] = {}
        self.aside: dict[tuple[str, str], Alarm] = {}
        self._recent: OrderedDict[str, None] = OrderedDict()  # ids of other alerts, the longest untouched first
        self._subjects: Sequence[Point] = ()
        self._place_of: dict[str, int] = {}  # of each subject by its name, once it was asked for
        self._by_rule: dict[str, RuleAlarms] = {}
        self._inhibitions = Inhibitions(())
        self._groups = Groups(park)
        self._due: list[Due] = []

    # --- keeping ---

    def _keep(self, alert: Alert) -> None:
        """Hold this as the newest state of its alert; of too many that are not current the longest untouched goes."""
        identity = alert.alert_id
        self.alerts[identity] = alert
        if alert.cleared_ms is not None and alert.state not in OUT_OF_SIGHT:
            recent = self._recent
            recent[identity] = None
            recent.move_to_end(identity)
            if len(recent) > RECENT_ALERTS_MAX:
                oldest, _ = recent.popitem(last=False)
                del self.alerts[oldest]

    def recall(self, alert: Alert) -> None:
        """Hold an old alert of the store, unless it is held already."""
        if alert.alert_id not in self.alerts and not is_current(alert):
            self._keep(alert)

    def _current(self, alarms: RuleAlarms, place: int) -> Alert | None:
        identity = alarms.current.get(place)
        return None if identity is None else self.alerts[identity]

    def _enter(self, alarms: RuleAlarms, place: int, identity: str, causes: Sequence[Cause]) -> None:
        """An alarm that `causes` would suppress has a current alert."""
        alarms.current[place] = identity
        if causes:
            alarms.causes[place] = causes
            self._inhibitions.watch((place, alarms.rule.id), causes)

    def _leave(self, alarms: RuleAlarms, place: int) -> None:
        """It has none any more."""
        del alarms.current[place]
        if alarms.causes:
            self._inhibitions.leave((place, alarms.rule.id), alarms.causes.pop(place))

    # --- the table, applied to an alarm ---

    def _move(self, alarms: RuleAlarms, place: int, draft: EventDraft, now_ms: int) -> list[EventDraft]:
        """An act of the table on the current alert, if there is one and the table has it; `draft` has all but it."""
        former = self._current(alarms, place)
        if former is None:
            return []
        state = next_state(former.state, draft.transition, condition=former.cleared_ms is None)  # type: ignore[arg-type]  # an `Act`
        if state is None:
            return []
        alert = replace(former, state=state)
        if state == "UNACK":
            alert = annunciated(alert, now_ms)
            self._await_answer(alarms, alert)
        if not is_current(alert):
            self._leave(alarms, place)
        self._keep(alert)
        return [replace(draft, alert=alert)]

    def _judge(self, alarms: RuleAlarms, place: int, at_ms: int, now_ms: int) -> list[EventDraft]:
        """Suppress or bring back an alarm, as what stands now demands."""
        former = self._current(alarms, place)
        if former is None:
            return []
        cause = self._inhibitions.standing(alarms.causes.get(place, ()))
        if cause is not None:
            comment = f"{cause.rule} stands in this {cause.within}"
            return self._move(alarms, place, EventDraft("suppress", at_ms, None, comment=comment), now_ms)
        if former.state == "DSUPR":
            return self._move(alarms, place, EventDraft("unsuppress", at_ms, None), now_ms)
        return []

    def _await_answer(self, alarms: RuleAlarms, alert: Alert) -> None:
        """An alert has been annunciated: is it to be escalated some time?"""
        if alarms.escalate_after_ms is not None and alert.annunciated_ms is not None and alert.escalated_ms is None:
            heappush(
                self._due,
                Due(
                    alert.annunciated_ms + alarms.escalate_after_ms,
                    "escalate",
                    (alert.point, alert.rule, alert.alert_id),
                ),
            )

    # --- configuration, kill and restore ---

    def configure(self, rules: Sequence[Rule], subjects: Sequence[Point], now_ms: int) -> list[EventDraft]:
        """Go by new rules; alerts of rules that changed or went have been cleared before.

        Args:
            rules: all rules.
            subjects: what alarms are about, as the monitor numbers them.
            now_ms: the node's clock, Unix milliseconds.

        Returns:
            Transitions of alerts that came and went out of sight and whose alarm is no more, or that new rules suppress
            or bring back.
        """
        raises = self._named_raises()
        current = [self.alerts[each] for alarms in self._by_rule.values() for each in alarms.current.values()]
        self._subjects = tuple(subjects)
        self._place_of = {}
        self._inhibitions = Inhibitions(rules)
        self._by_rule = {
            rule.id: RuleAlarms(self.park, rule, self._groups, inhibits=self._inhibitions.inhibits(rule))
            for rule in rules
        }
        self._resume_raises(raises)
        self._due = self._shelvings_due()
        gone = [alert for alert in current if not self._resume_alert(alert)]
        events = [self._end(alert, now_ms) for alert in gone]
        for place, rule in sorted(
            (place, alarms.rule.id) for alarms in self._by_rule.values() for place in alarms.current
        ):
            events += self._judge(self._by_rule[rule], place, now_ms, now_ms)
        return events

    def _end(self, former: Alert, now_ms: int) -> EventDraft:
        """An alert that came and went out of sight, and whose alarm is no more."""
        act = LEAVE[former.state]
        alert = replace(former, state=next_state(former.state, act, condition=False) or former.state)
        self._keep(alert)
        return EventDraft(act, now_ms, alert, comment="its rule has gone")

    def _place(self, name: str) -> int | None:
        """Index of a subject."""
        if not self._place_of:
            self._place_of = {subject.name: place for place, subject in enumerate(self._subjects)}
        return self._place_of.get(name)

    def _shelvings_due(self) -> list[Due]:
        due = [Due(each.until_ms, "unshelve", key) for key, each in self.aside.items() if each.until_ms is not None]
        heapify(due)
        return due

    def _resume_alert(self, alert: Alert) -> bool:
        """Take a current alert over; False when there is no such alarm."""
        alarms, place = self._by_rule.get(alert.rule), self._place(alert.point)
        if alarms is None or place is None:
            return False
        self._enter(alarms, place, alert.alert_id, causes_against(alarms.rule, self._subjects[place]))
        if alert.cleared_ms is None and alarms.inhibits:
            self._inhibitions.begin(self._inhibitions.causes_made(alarms.rule, self._subjects[place]))
        if alert.state == "UNACK":
            self._await_answer(alarms, alert)
        return True

    def restore(self, alerts: Iterable[Alert], aside: Iterable[Alarm]) -> None:
        """Take over what the store has, after `configure`: every current alert and every alarm set aside."""
        self.aside = {(alarm.point, alarm.rule): alarm for alarm in aside}
        self._due = self._shelvings_due()
        for alert in alerts:
            self._keep(alert)
            if is_current(alert):
                self._resume_alert(alert)

    def _named_raises(self) -> dict[str, dict[str, Raises]]:
        return {
            rule: {self._subjects[place].name: raises for place, raises in alarms.raises.items()}
            for rule, alarms in self._by_rule.items()
            if alarms.raises
        }

    def _resume_raises(self, raises: dict[str, dict[str, Raises]]) -> None:
        for rule in raises.keys() & self._by_rule.keys():
            found = {self._place(name): each for name, each in raises[rule].items()}
            self._by_rule[rule].raises = {place: each for place, each in found.items() if place is not None}

    def snapshot(self) -> bytes:
        """What the store does not have: the last raises of alarms, and where incidents are."""
        return msgspec.msgpack.encode(_Memory(self._named_raises(), self._groups.rows()))

    def resume(self, snapshot: bytes) -> None:
        """Take over a snapshot."""
        memory = msgspec.msgpack.decode(snapshot, type=_Memory)
        self._resume_raises(memory.raises)
        self._groups.resume(memory.groups)


def annunciated(alert: Alert, now_ms: int) -> Alert:
    """Shown to the operator as new."""
    return replace(alert, annunciated_ms=now_ms, acknowledged_ms=None, acknowledged_by=None)


def _template(park: str, rule: Rule) -> Alert:
    """What all alerts of a rule have in common."""
    return Alert(
        alert_id="",
        park=park,
        point="",
        zone="",
        subsystem="",
        rule=rule.id,
        level=rule.level,
        state="NORM",
        onset_ms=0,
        raised_ms=0,
        value=0.0,
        priority=rule.priority,
        cause=rule.cause or rule.id,
    )
