"""One park with its operators, the clock, a store in memory and the city: the stage of the operators' timelines."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from contract.alarms import AlarmAct, Shelving
from contract.columns import Columns
from contract.messages import Acknowledgement, Alarm, Alert, Point, PointList, UplinkBatch, UplinkEntry
from contract.rules import Rule, RuleSet
from reference_impl.city.node import CityNode
from reference_impl.monitoring.lifecycle import OUT_OF_SIGHT
from reference_impl.park.alarm_states import is_current
from reference_impl.park.change import Change, EventDraft, StoredPack
from reference_impl.park.node import ParkNode, StoredPark

START_MS = 1_767_225_600_000
PARK = "park-a"


class OperatorDesk:
    """A park under rules.

    Args:
        gateway_of: gateway of each point, by point name `subsystem/zone/device/quantity`.
        rules: the rules, as their messages with durations in seconds.

    Attributes:
        alerts: every alert as it is now, by id, in the order in which they were raised.
        city_events: transitions as the city has them.
        events: transitions as the park has them.
    """

    def __init__(self, gateway_of: Mapping[str, str], rules: list[dict[str, Any]]) -> None:
        self.names = list(gateway_of)
        self.gateway_of = gateway_of
        self.node = ParkNode(PARK)
        self.alerts: dict[str, Alert] = {}
        self.events: list[EventDraft] = []
        self.city_events: list[EventDraft] = []
        self._alarms: dict[tuple[str, str], Alarm] = {}
        self._journal: list[StoredPack] = []
        self._outbox: list[UplinkEntry] = []
        self._stored = StoredPark()
        self._sequence = dict.fromkeys(gateway_of.values(), 0)
        self._city = CityNode([PARK])
        points = [
            Point(name=name, gateway=gateway, zone=name.split("/")[1], subsystem=name.split("/")[0], unit="1")
            for name, gateway in gateway_of.items()
        ]
        self._commit(self.node.configure_points(PointList(points=points)))
        self.change_rules(rules, 0)

    def _commit(self, change: Change) -> list[EventDraft]:
        self._journal += change.packs
        self._outbox += change.uplink
        self.events += change.events
        self.alerts |= {event.alert.alert_id: event.alert for event in change.events if event.alert}
        self._alarms |= {(event.alarm.point, event.alarm.rule): event.alarm for event in change.events if event.alarm}
        sources = {each.gateway: each for each in (*self._stored.sources, *change.sources)}
        self._stored = self._stored._replace(sources=tuple(sources.values()), outbox_number=len(self._outbox))
        if change.snapshot is not None:
            points, rules = change.points or self._stored.points, change.rules or self._stored.rules
            self._stored = self._stored._replace(points=points, rules=rules, snapshot=change.snapshot)
            self._journal.clear()
        told = self._city.apply(PARK, UplinkBatch(entries=list(change.uplink)), 0)
        self.city_events += told.events
        return list(change.events)

    @property
    def aside(self) -> list[Alarm]:
        """Alarms that are set aside."""
        return [alarm for alarm in self._alarms.values() if alarm.state in OUT_OF_SIGHT]

    def change_rules(self, rules: list[dict[str, Any]], now_s: float) -> list[EventDraft]:
        """Put new rules in force."""
        converted = [msgspec.convert({"kind": "limit", "points": "*/*/*/*", **rule}, Rule) for rule in rules]
        rule_set = RuleSet(version=str(now_s), rules=converted)
        return self._commit(self.node.configure_rules(rule_set, _ms(now_s)))

    def read(self, values: Mapping[str, float], at_s: float, now_s: float) -> list[EventDraft]:
        """Readings of points at one time, which arrive at `now_s`; a pack for each gateway."""
        events: list[EventDraft] = []
        for gateway in dict.fromkeys(self.gateway_of[name] for name in values):
            here = [name for name in values if self.gateway_of[name] == gateway]
            columns = Columns(
                np.array([self.names.index(name) for name in here], np.int32),
                np.full(len(here), _ms(at_s), np.int64),
                np.array([values[name] for name in here], np.float64),
            )
            self._sequence[gateway] += 1
            events += self._commit(self.node.ingest(gateway, self._sequence[gateway], columns, _ms(now_s)))
        return events

    def acknowledge(self, alarm: tuple[str, str], operator: str, now_s: float) -> list[EventDraft]:
        """Acknowledge the newest alert of an alarm."""
        newest = [alert for alert in self.alerts.values() if (alert.point, alert.rule) == alarm][-1]
        return self._commit(
            self.node.acknowledge(newest.alert_id, Acknowledgement(operator=operator, comment="seen"), _ms(now_s))
        )

    def act(self, act: Any, message: dict[str, Any], now_s: float) -> list[EventDraft]:  # noqa: ANN401 - one of the acts, checked by the node
        """Set an alarm aside, or take it back."""
        request = msgspec.convert(message, Shelving if act == "shelve" else AlarmAct)
        return self._commit(self.node.act(act, request, _ms(now_s)))

    def tick(self, now_s: float) -> list[EventDraft]:
        """The clock calls."""
        return self._commit(self.node.tick(_ms(now_s)))

    def kill(self) -> None:
        """Lose the node and bring it back from the store."""
        self.node = ParkNode.restore(
            PARK,
            self._stored._replace(
                alerts=[alert for alert in self.alerts.values() if is_current(alert)], aside=self.aside
            ),
        )
        for pack in self._journal:
            self.node.replay(pack)


def _ms(second: float) -> int:
    return START_MS + round(1000 * second)
