"""The alerts of a park: what the core's transitions and the operators' acts make of them, by the lifecycle table."""

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from typing import Final, get_args

from msgspec.structs import replace

from contract.addresses import alert_id
from contract.errors import PeerError
from contract.messages import Acknowledgement, Alarm, AlarmState, Level
from reference_impl.monitoring import chattering
from reference_impl.monitoring.inhibition import Cause, causes_against
from reference_impl.monitoring.lifecycle import OUT_OF_SIGHT, STATES, next_state
from reference_impl.monitoring.monitor import AlarmTransition
from reference_impl.monitoring.slots import CLEAR, RAISE
from reference_impl.park.alarm_states import LEAVE, Act, AlarmStates, Due, RuleAlarms, annunciated
from reference_impl.park.change import EventDraft

# The table's answers to what the core says, looked up once.
_RAISED: Final = {state: next_state(state, "raise", condition=True) or state for state in STATES}
_CLEARED: Final = {state: next_state(state, "clear", condition=False) or state for state in STATES}
_WORSENED: Final = {state: next_state(state, "realarm", condition=True) or state for state in STATES}
_LEVELS: Final[tuple[Level, ...]] = get_args(Level)  # ascending
_WHAT: Final[Mapping[Act, str]] = {
    "shelve": "shelved",
    "unshelve": "unshelved",
    "remove_from_service": "taken out of service",
    "return_to_service": "returned to service",
}


class AlertBook(AlarmStates):
    """What happens to the alarms of a park, and who does it: the core, operators, or the clock."""

    # --- the core ---

    def follow(self, transitions: Iterable[AlarmTransition], now_ms: int) -> list[EventDraft]:
        """Apply transitions of the core, in order.

        Args:
            transitions: of the subjects and rules of the last `configure`.
            now_ms: the node's clock, Unix milliseconds.
        """
        events: list[EventDraft] = []
        for transition in transitions:
            alarms, place = self._by_rule[transition.rule.id], transition.subject
            if transition.kind == RAISE:
                self._raise(alarms, place, transition, now_ms, events)
            elif transition.kind == CLEAR:
                self._clear(alarms, place, transition.at_ms, now_ms, events)
            else:
                events.append(self._change_level(alarms, place, transition, now_ms))
        return events

    def _raise(
        self, alarms: RuleAlarms, place: int, transition: AlarmTransition, now_ms: int, events: list[EventDraft]
    ) -> None:
        subject, rule = self._subjects[place], alarms.rule
        at_ms, onset_ms = transition.at_ms, transition.onset_ms
        identity = alert_id(self.park, subject.name, rule.id, onset_ms)
        raises = alarms.raises[place] = chattering.raised(alarms.raises.get(place), at_ms)
        group = alarms.groups.get(subject.zone) or alarms.group(subject.zone)
        if place in alarms.current:
            events.append(self._give_way(alarms, place, at_ms))
        causes = causes_against(rule, subject) if rule.suppressed_by else ()
        hidden = self._hidden((subject.name, rule.id), causes) if causes or self.aside else None
        alert = replace(
            alarms.template,
            alert_id=identity,
            point=subject.name,
            zone=subject.zone,
            subsystem=subject.subsystem,
            level=transition.level,
            state=_RAISED[hidden or "NORM"],
            onset_ms=onset_ms,
            raised_ms=at_ms,
            value=transition.value,
            incident=group.raised(onset_ms, at_ms),
            chattering=raises.chattering,
            annunciated_ms=None if hidden else now_ms,
        )
        if identity in self.alerts:  # its rule was changed and set back within one instant
            self._recent.pop(identity, None)
        self.alerts[identity] = alert
        self._enter(alarms, place, identity, causes)
        events.append(EventDraft("raise", at_ms, alert))
        if alarms.escalate_after_ms is not None:
            self._await_answer(alarms, alert)
        if alarms.inhibits:
            self._spread(self._inhibitions.begin(self._inhibitions.causes_made(rule, subject)), at_ms, now_ms, events)

    def _hidden(self, key: tuple[str, str], causes: Iterable[Cause]) -> AlarmState | None:
        """The state in which an alarm that `causes` would suppress is out of sight, None when it is not."""
        aside = self.aside.get(key)
        if aside is not None:
            return aside.state
        return "DSUPR" if self._inhibitions.standing(causes) else None

    def _give_way(self, alarms: RuleAlarms, place: int, at_ms: int) -> EventDraft:
        """An alert that came and went out of sight is followed by another."""
        former = self.alerts[alarms.current[place]]
        act = LEAVE[former.state]
        alert = replace(former, state=next_state(former.state, act, condition=False) or former.state)
        self._leave(alarms, place)
        self._keep(alert)
        return EventDraft(act, at_ms, alert, comment="raised again")

    def _clear(self, alarms: RuleAlarms, place: int, at_ms: int, now_ms: int, events: list[EventDraft]) -> None:
        former = self.alerts[alarms.current[place]]
        alert = replace(former, state=_CLEARED[former.state], cleared_ms=at_ms)
        if alert.state not in OUT_OF_SIGHT:
            self._leave(alarms, place)
        self._keep(alert)
        alarms.group(former.zone).cleared(at_ms)
        events.append(EventDraft("clear", at_ms, alert))
        if alarms.inhibits:
            causes = self._inhibitions.causes_made(alarms.rule, self._subjects[place])
            self._spread(self._inhibitions.end(causes), at_ms, now_ms, events)

    def _spread(self, alarms: Iterable[tuple[int, str]], at_ms: int, now_ms: int, events: list[EventDraft]) -> None:
        """What suppresses these alarms has begun or ended."""
        for place, rule in alarms:
            events += self._judge(self._by_rule[rule], place, at_ms, now_ms)

    def _change_level(self, alarms: RuleAlarms, place: int, transition: AlarmTransition, now_ms: int) -> EventDraft:
        former = self.alerts[alarms.current[place]]
        alert = replace(former, level=transition.level)
        worse = _LEVELS.index(transition.level) > _LEVELS.index(former.level)
        if worse and _WORSENED[former.state] != former.state:
            alert = annunciated(replace(alert, state=_WORSENED[former.state]), now_ms)
            self._await_answer(alarms, alert)
        self._keep(alert)
        return EventDraft("level", transition.at_ms, alert)

    def remember(self, transitions: Iterable[AlarmTransition]) -> None:
        """Advance what only the snapshot holds by transitions whose alerts are stored already."""
        for transition in transitions:
            alarms, place = self._by_rule[transition.rule.id], transition.subject
            group = alarms.group(self._subjects[place].zone)
            if transition.kind == RAISE:
                group.raised(transition.onset_ms, transition.at_ms)
                alarms.raises[place] = chattering.raised(alarms.raises.get(place), transition.at_ms)
            elif transition.kind == CLEAR:
                group.cleared(transition.at_ms)

    # --- operators ---

    def acknowledge(self, identity: str, acknowledgement: Acknowledgement, now_ms: int) -> EventDraft:
        """An operator has seen an alert.

        Raises:
            PeerError: 404 unknown alert; 409 its state does not allow it; 422 no operator is named.
        """
        if not acknowledgement.operator:
            raise PeerError("operator is missing", where="operator", found="''", wanted="the name of an operator")
        former = self.alerts.get(identity)
        if former is None:
            raise PeerError(
                "unknown alert", status=404, where="alert_id", found=repr(identity), wanted="id of an alert"
            )
        state = next_state(former.state, "acknowledge", condition=former.cleared_ms is None)
        if state is None:
            raise PeerError(
                "alert cannot be acknowledged",
                status=409,
                where="alert_id",
                found=f"an alert in state {former.state}",
                wanted="one that nobody has acknowledged",
            )
        alert = replace(former, state=state, acknowledged_ms=now_ms, acknowledged_by=acknowledgement.operator)
        self._keep(alert)
        return EventDraft("acknowledge", now_ms, alert, None, acknowledgement.operator, acknowledgement.comment)

    def act(self, act: Act, wanted: Alarm, now_ms: int) -> list[EventDraft]:
        """An operator sets an alarm aside or takes it back.

        Args:
            act: what is done.
            wanted: the alarm, with who does it, why, since when and until when; its state is found out here.
            now_ms: the node's clock.

        Returns:
            The transitions; the first one's `alarm` is the alarm as it is now.

        Raises:
            PeerError: 404 unknown alarm; 409 its state does not allow it.
        """
        place = self._place(wanted.point)
        alarms = None if place is None else self._by_rule.get(wanted.rule)
        before = self._state(alarms, place, (wanted.point, wanted.rule))
        if before is None:
            raise PeerError(
                "unknown alarm",
                status=404,
                where="point",
                found=f"{wanted.point!r} with rule {wanted.rule!r}",
                wanted="a point and a rule of this park",
            )
        state = next_state(before, act, condition=self._condition(alarms, place))
        if state is None:
            allowed = [each for each in STATES if next_state(each, act, condition=False)]
            raise PeerError(
                f"alarm cannot be {_WHAT[act]}",
                status=409,
                where="point",
                found=f"an alarm in state {before}",
                wanted=f"one in state {' or '.join(allowed)}",
            )
        return self._set(act, replace(wanted, state=state), now_ms, alarms, place)

    def _state(self, alarms: RuleAlarms | None, place: int | None, key: tuple[str, str]) -> AlarmState | None:
        """The state of an alarm, that of its current alert where there is one; None: there is no such alarm."""
        if alarms is None or place is None:
            return self.aside[key].state if key in self.aside else None
        current = self._current(alarms, place)
        if current is not None:
            return current.state
        return self._hidden(key, causes_against(alarms.rule, self._subjects[place])) or "NORM"

    def _condition(self, alarms: RuleAlarms | None, place: int | None) -> bool:
        current = None if alarms is None or place is None else self._current(alarms, place)
        return current is not None and current.cleared_ms is None

    def _set(
        self, act: Act, alarm: Alarm, now_ms: int, alarms: RuleAlarms | None, place: int | None
    ) -> list[EventDraft]:
        """One transition of the current alert, or of the alarm alone; what comes back into sight may be suppressed."""
        key = (alarm.point, alarm.rule)
        if alarm.state in OUT_OF_SIGHT:
            self.aside[key] = alarm
            if alarm.until_ms is not None:
                heappush(self._due, Due(alarm.until_ms, "unshelve", key))
        else:
            self.aside.pop(key, None)
        draft = EventDraft(act, alarm.since_ms, None, alarm, alarm.operator, alarm.reason)
        if alarms is None or place is None or place not in alarms.current:
            return [draft]
        events = self._move(alarms, place, draft, now_ms)
        if alarm.state not in OUT_OF_SIGHT:
            events += self._judge(alarms, place, alarm.since_ms, now_ms)
        return events

    # --- the clock ---

    @property
    def due_ms(self) -> int | None:
        """When `tick` may have something to do; None while nothing waits for the clock."""
        return self._due[0].due_ms if self._due else None

    def tick(self, now_ms: int) -> list[EventDraft]:
        """Do what is due: end shelvings, escalate what nobody answered. Each is dated to the moment it was due."""
        events: list[EventDraft] = []
        while self._due and self._due[0].due_ms <= now_ms:
            due = heappop(self._due)
            events += self._escalate(due) if due.what == "escalate" else self._end_shelving(due, now_ms)
        return events

    def _end_shelving(self, due: Due, now_ms: int) -> list[EventDraft]:
        point, rule = due.about
        aside = self.aside.get((point, rule))
        if aside is None or aside.until_ms != due.due_ms:
            return []
        back = replace(aside, operator="", reason="its time is over", since_ms=due.due_ms, until_ms=None)
        return self.act("unshelve", back, now_ms)

    def _escalate(self, due: Due) -> list[EventDraft]:
        alert = self.alerts.get(due.about[-1])
        alarms = None if alert is None else self._by_rule.get(alert.rule)
        if alert is None or alarms is None or alarms.escalate_after_ms is None or alert.annunciated_ms is None:
            return []
        waits = alert.state == "UNACK" and alert.escalated_ms is None
        if not waits or alert.annunciated_ms + alarms.escalate_after_ms != due.due_ms:
            return []
        alert = replace(alert, escalated_ms=due.due_ms)
        self._keep(alert)
        return [EventDraft("escalate", due.due_ms, alert)]
