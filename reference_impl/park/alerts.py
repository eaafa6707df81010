"""The alerts of a park: what the core's transitions and the operators' acts make of them, by the lifecycle table."""

from collections.abc import Iterable

from msgspec.structs import replace

from contract.addresses import alert_id
from contract.errors import PeerError
from contract.messages import Acknowledgement, Alert, Point
from reference_impl.monitoring.lifecycle import next_state
from reference_impl.monitoring.monitor import AlarmTransition
from reference_impl.monitoring.slots import RAISE
from reference_impl.park.change import EventDraft

RECENT_ALERTS_MAX = 1000


class AlertBook:
    """All alerts whose condition holds, and a bounded window of those that were cleared.

    Attributes:
        alerts: alerts by id.
    """

    def __init__(self, park: str, alerts: Iterable[Alert] = ()) -> None:
        self._park = park
        self.alerts: dict[str, Alert] = {}
        self._recent: dict[str, None] = {}  # ids of cleared alerts, the longest untouched first
        for alert in alerts:
            self.keep(alert)

    def keep(self, alert: Alert) -> None:
        """Hold this as the newest state of its alert; of too many cleared ones the longest untouched goes."""
        self.alerts[alert.alert_id] = alert
        self._recent.pop(alert.alert_id, None)
        if alert.cleared_ms is not None:
            self._recent[alert.alert_id] = None
            if len(self._recent) > RECENT_ALERTS_MAX:
                oldest = next(iter(self._recent))
                del self._recent[oldest], self.alerts[oldest]

    def recall(self, alert: Alert) -> None:
        """Hold an alert of the store, unless it is held already."""
        if alert.alert_id not in self.alerts:
            self.keep(alert)

    def follow(self, transition: AlarmTransition, point: Point) -> EventDraft:
        """Apply a transition of the core on its point."""
        identity = alert_id(self._park, point.name, transition.rule.id, transition.onset_ms)
        if transition.kind == RAISE:
            alert = self._raised(identity, transition, point)
            event = EventDraft("raise", transition.at_ms, alert)
        else:
            former = self.alerts[identity]
            state = next_state(former.state, "clear", condition=False) or former.state
            alert = replace(former, state=state, cleared_ms=transition.at_ms)
            event = EventDraft("clear", transition.at_ms, alert)
        self.keep(alert)
        return event

    def _raised(self, identity: str, transition: AlarmTransition, point: Point) -> Alert:
        # An alert of this very onset can be there already when its rule was changed and set back within one instant.
        former = self.alerts.get(identity)
        state = next_state("NORM" if former is None else former.state, "raise", condition=True)
        return Alert(
            alert_id=identity,
            park=self._park,
            point=point.name,
            zone=point.zone,
            subsystem=point.subsystem,
            rule=transition.rule.id,
            level=transition.level,
            state=state or "UNACK",
            onset_ms=transition.onset_ms,
            raised_ms=transition.at_ms,
            value=transition.value,
        )

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
        condition = former.cleared_ms is None
        state = next_state(former.state, "acknowledge", condition=condition)
        if state is None:
            raise PeerError(
                "alert cannot be acknowledged",
                status=409,
                where="alert_id",
                found=f"an alert in state {former.state}",
                wanted="one that nobody has acknowledged",
            )
        alert = replace(former, state=state, acknowledged_ms=now_ms, acknowledged_by=acknowledgement.operator)
        self.keep(alert)
        return EventDraft("acknowledge", now_ms, alert)
