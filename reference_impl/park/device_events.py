"""Events of devices, checked before they are stored."""

import math
from collections.abc import Sequence

from contract import catalogue
from contract.device_events import MAX_BATCH_EVENTS, MAX_EVENT_FIELDS, DeviceEvent
from contract.errors import PeerError
from contract.messages import MAX_FUTURE_MS

NAME_LENGTH_MAX = 200
TEXT_LENGTH_MAX = 2_000


def check_events(events: Sequence[DeviceEvent], now_ms: int) -> None:
    """Hold a batch to its bounds.

    Args:
        events: the batch.
        now_ms: the node's wall time.

    Raises:
        PeerError: 422 with the path of the first fault, such as `events[3].subsystem`.
    """
    if not 1 <= len(events) <= MAX_BATCH_EVENTS:
        wanted = f"1 to {MAX_BATCH_EVENTS} events"
        raise PeerError("wrong number of events", where="events", found=f"{len(events)} events", wanted=wanted)
    known = {subsystem.code for subsystem in catalogue.subsystems()}
    for place, event in enumerate(events):
        _check(f"events[{place}]", event, known, now_ms + MAX_FUTURE_MS)


def _check(where: str, event: DeviceEvent, known: set[str], latest_ms: int) -> None:
    for name in ("event_id", "zone", "device", "kind"):
        text = getattr(event, name)
        if not 0 < len(text) <= NAME_LENGTH_MAX:
            found = f"{len(text)} characters" if text else "''"
            wanted = f"1 to {NAME_LENGTH_MAX} characters"
            raise PeerError("wrong length", where=f"{where}.{name}", found=found, wanted=wanted)
    if event.subsystem not in known:
        wanted = " or ".join(sorted(known))
        raise PeerError("unknown subsystem", where=f"{where}.subsystem", found=repr(event.subsystem), wanted=wanted)
    if not 0 <= event.at_ms <= latest_ms:
        wanted = f"at most {latest_ms} ms, a minute after the platform's clock"
        raise PeerError("time is out of range", where=f"{where}.at_ms", found=f"{event.at_ms} ms", wanted=wanted)
    if len(event.fields) > MAX_EVENT_FIELDS:
        found, wanted = f"{len(event.fields)} fields", f"at most {MAX_EVENT_FIELDS}"
        raise PeerError("too many fields", where=f"{where}.fields", found=found, wanted=wanted)
    for name, value in event.fields.items():
        place = f"{where}.fields.{name[:NAME_LENGTH_MAX]}"
        if not 0 < len(name) <= NAME_LENGTH_MAX:
            wanted = f"a name of 1 to {NAME_LENGTH_MAX} characters"
            raise PeerError("wrong name", where=place, found=f"{len(name)} characters", wanted=wanted)
        if isinstance(value, str) and len(value) > TEXT_LENGTH_MAX:
            wanted = f"at most {TEXT_LENGTH_MAX} characters"
            raise PeerError("text is too long", where=place, found=f"{len(value)} characters", wanted=wanted)
        if isinstance(value, float) and not math.isfinite(value):
            raise PeerError("value is not finite", where=place, found=str(value), wanted="a finite number")
