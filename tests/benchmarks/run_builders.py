"""Expected alerts and sightings for scoring tests, plain unless told otherwise."""

import msgspec

from contract.messages import Alert, AlertEvent
from loadtests.observe import Seen
from loadtests.targets import Level
from sim.trace import ExpectedAlert


def expected(**changes: object) -> ExpectedAlert:
    """An expected alert; what is not told is plain."""
    plain: dict[str, object] = {
        "park": "liangjiang",
        "point": "env/z01/air-0001/so2",
        "rule": "env-so2-high",
        "level": "orange",
        "incident_id": "incident-00",
        "onset_ms": 10_000,
        "knowable_ms": 11_000,
        "gateway": "gw-01",
        "knowable_sequence": 12,
        "knowable_due_ms": 11_000,
        "clears_ms": None,
    }
    return msgspec.convert({**plain, **changes}, ExpectedAlert)


def seen(level: Level, number: int, seen_ms: int, **changes: object) -> Seen:
    """A raise as an observer saw it; what is not told agrees with `expected()` without shift."""
    plain: dict[str, object] = {
        "alert_id": f"{number:032x}",
        "park": "liangjiang",
        "point": "env/z01/air-0001/so2",
        "zone": "z01",
        "subsystem": "env",
        "rule": "env-so2-high",
        "level": "orange",
        "state": "UNACK",
        "onset_ms": 10_000,
        "raised_ms": 11_000,
        "value": 1.0,
    }
    alert = msgspec.convert({**plain, **changes}, Alert)
    event = AlertEvent(number=number, transition="raise", at_ms=alert.raised_ms, known_ms=seen_ms, alert=alert)
    return Seen(level=level, seen_ms=seen_ms, seen_us=seen_ms * 1000, event=event)
