"""What devices report beside readings: events, and states on change."""

from typing import Literal

import msgspec

from contract.message import Message

MAX_BATCH_EVENTS = 1_000
MAX_EVENT_FIELDS = 32


class DeviceEvent(Message, frozen=True, kw_only=True):
    """Something happened at a device (`event`), or its state is now as told (`state`).

    Attributes:
        event_id: unique in the park; the same id again is the same event.
        at_ms: when, Unix milliseconds.
        subsystem, zone, device: as in a point's name `subsystem/zone/device/quantity`.
        kind: what happened, as the catalogue calls it.
        fields: what is told about it.
    """

    event_id: str
    at_ms: int
    subsystem: str
    zone: str
    device: str
    kind: str
    traffic: Literal["event", "state"]
    fields: dict[str, str | int | float | bool] = msgspec.field(default_factory=dict)


class EventBatch(Message, frozen=True, kw_only=True):
    """Events as a gateway hands them in, 1 to `MAX_BATCH_EVENTS`."""

    events: list[DeviceEvent]


class EventReceipt(Message, frozen=True, kw_only=True):
    """So many events are durable, those that were so before included."""

    events: int


class EventList(Message, frozen=True, kw_only=True):
    """Events, newest first; `truncated` when the limit cut the list."""

    events: list[DeviceEvent]
    truncated: bool = False
