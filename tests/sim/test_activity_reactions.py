"""What incidents do to events and states."""

import msgspec
import pytest
from activity_worlds import HOUR_MS, MONDAY, due, lived, traffic

from contract import catalogue
from sim.emission import Event
from sim.world.activity import Activity, reactions
from sim.world.activity.hours import DAY_MS
from sim.world.activity.model import Mute

NIGHT = MONDAY + 22 * HOUR_MS
MORNING = MONDAY + 9 * HOUR_MS
ZONE = "z03"
SECOND_MS = 1000


def lived_through(
    start_ms: int, kind: str, *, at_ms: int, end_ms: int | None = None, severity: float = 1.0, zone: str = ZONE
) -> tuple[list[Event], list[Event]]:
    """Two hours second by second without and with an incident, which is told a second before it begins."""
    quiet = lived(traffic(days=2 / 24, start_ms=start_ms), 2 / 24, start_ms, SECOND_MS)
    activity = traffic(days=2 / 24, start_ms=start_ms)
    events: list[Event] = []
    for until_ms in range(start_ms + SECOND_MS, start_ms + 2 * HOUR_MS + 1, SECOND_MS):
        if until_ms == at_ms:
            activity.respond(kind, zone, at_ms, severity, end_ms)
        events += activity.events(until_ms)
    return quiet, events


def there(events: list[Event], kind: str, from_ms: int = 0, until_ms: int = 2**60, zone: str = ZONE) -> list[Event]:
    """Events of a kind from a zone ("": any) in a span."""
    return [
        event
        for event in events
        if event.message.kind == kind and zone in ("", event.message.zone) and from_ms <= event.due_ms < until_ms
    ]


def test_a_fire_rings_starts_pumps_and_drives_people_out() -> None:
    """Detectors of the zone report, pumps run until the end and stop again, people leave, orders are given."""
    at_ms, end_ms = MORNING + 1_800_000, MORNING + 4_500_000
    quiet, events = lived_through(MORNING, "fire", at_ms=at_ms, end_ms=end_ms)
    alarms = there(events, "fire-alarm", at_ms, at_ms + 100_000)
    assert len(alarms) >= 4
    assert min(alarm.due_ms for alarm in alarms) >= at_ms + 8_000
    pumps = there(events, "fire-pump-state", at_ms, zone="")
    assert {pump.message.fields["state"] for pump in pumps if pump.due_ms < end_ms} == {"running"}
    assert {pump.message.fields["state"] for pump in pumps if pump.due_ms >= end_ms} == {"stopped"}
    surge = len(there(events, "card-pass", at_ms, at_ms + 600_000))
    assert surge == pytest.approx(0.35 * 4800 / 8, rel=0.2)
    assert surge > 5 * len(there(quiet, "card-pass", at_ms, at_ms + 600_000))
    assert len(there(events, "order-issued", at_ms, zone="")) >= 3
    reset = [event.due_ms for event in there(events, "panel-reset", at_ms)]
    assert len(reset) >= len(alarms) - 1  # each detector is reset some minutes later; one may be after the two hours
    assert min(reset) > min(alarm.due_ms for alarm in alarms)


def test_a_power_failure_puts_out_lamps_and_cameras_until_it_is_over() -> None:
    """Every lamp and camera of the zone tells that it is dark, then nothing, then what it would have been."""
    at_ms, end_ms = NIGHT + 1_200_000, NIGHT + 3_000_000
    _, events = lived_through(NIGHT, "power-failure", at_ms=at_ms, end_ms=end_ms)
    for kind, held, usual in (("lamp-state", "off", "on"), ("camera-state", "offline", "online")):
        devices = traffic().premises.members({"lamp-state": "lighting/lamp"}.get(kind, "video/camera"))
        count = sum(device.zone_name == ZONE for device in devices)
        told = [event.message.fields["state"] for event in there(events, kind, at_ms, end_ms)]
        assert count - 1 <= len(told) <= count  # one may have been off line already
        assert set(told) == {held}
        back = [event.message.fields["state"] for event in there(events, kind, end_ms)]
        assert back.count(usual) >= count - 1
        assert not [
            event
            for event in there(events, kind, at_ms, end_ms, zone="")
            if event.message.zone != ZONE and event.message.fields["state"] == held and kind == "lamp-state"
        ]
    assert not there(events, "keepalive", at_ms, end_ms)
    assert not there(events, "traffic-count", at_ms, end_ms)
    assert there(events, "traffic-count", end_ms)


def test_an_incident_leaves_what_it_does_not_touch() -> None:
    """Before it, in other zones, and of kinds that it does not name, all events stay as they were."""
    at_ms, end_ms = NIGHT + 1_200_000, NIGHT + 3_000_000
    quiet, events = lived_through(NIGHT, "power-failure", at_ms=at_ms, end_ms=end_ms)
    touched = {
        name.partition("/")[2]
        for action in reactions()["power-failure"].actions
        for name in (action.kinds if isinstance(action, Mute) else (action.kind,))
    }

    def untouched(all_of_them: list[Event]) -> list[object]:
        return [
            (event.due_ms, msgspec.structs.replace(event.message, event_id=""))
            for event in all_of_them
            if event.due_ms < at_ms or (event.message.zone != ZONE and event.message.kind not in touched)
        ]

    assert len(untouched(quiet)) > 1000
    assert untouched(events) == untouched(quiet)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))


def test_severity_scales_how_many_answer() -> None:
    """A fire of severity 3 brings about three times the alarms and people of severity 1."""
    at_ms = MORNING + 600_000
    counts = []
    for severity in (1.0, 3.0):
        _, events = lived_through(MORNING, "fire", at_ms=at_ms, severity=severity)
        counts.append([len(there(events, kind, at_ms, at_ms + 600_000)) for kind in ("fire-alarm", "card-pass")])
    assert counts[1][0] == pytest.approx(3 * counts[0][0], abs=2)
    assert counts[1][1] == pytest.approx(3 * counts[0][1], rel=0.15)


def test_a_response_does_not_depend_on_the_chunk_in_which_it_falls() -> None:
    """The same incident gives the same events whether what follows was made ready already or not."""
    at_ms, end_ms = MORNING + 1_000_000, MORNING + 2_000_000

    def with_chunk(chunk_ms: int) -> list[Event]:
        activity = traffic(days=1 / 24, start_ms=MORNING, chunk_ms=chunk_ms)
        events = activity.events(at_ms - 500)
        activity.respond("flood", ZONE, at_ms, 1.0, end_ms)
        return events + activity.events(MORNING + HOUR_MS)

    assert with_chunk(60_000) == with_chunk(600_000) == with_chunk(3_600_000)


@pytest.mark.parametrize("kind", ["fire", "power-failure"])
def test_an_incident_may_be_told_long_before_it_begins(kind: str) -> None:
    """Told at the start of the world or a moment before its onset, an incident does the same."""
    at_ms, end_ms = MORNING + 1_000_000, MORNING + 2_000_000
    early, late = traffic(days=2 / 24, start_ms=MORNING), traffic(days=2 / 24, start_ms=MORNING)
    early.respond(kind, ZONE, at_ms, 1.0, end_ms)
    before = late.events(at_ms)
    late.respond(kind, ZONE, at_ms, 1.0, end_ms)
    assert early.events(MORNING + 2 * HOUR_MS) == before + late.events(MORNING + 2 * HOUR_MS)


def test_what_one_incident_holds_stays_held_while_another_lasts() -> None:
    """Two power failures that overlap: lamps stay dark until the second is over too, and then burn again."""
    first, second = (NIGHT + 600_000, NIGHT + 1_800_000), (NIGHT + 1_200_000, NIGHT + 3_600_000)
    activity = traffic(days=2 / 24, start_ms=NIGHT)
    activity.respond("power-failure", ZONE, first[0], 1.0, first[1])
    events = activity.events(first[0] + 60_000)
    activity.respond("power-failure", ZONE, second[0], 1.0, second[1])  # told while the first lasts, for later
    events += activity.events(NIGHT + 2 * HOUR_MS)
    lit = [event.due_ms for event in there(events, "lamp-state") if event.message.fields["state"] == "on"]
    assert lit
    assert min(lit) >= second[1]
    assert len(lit) == sum(lamp.zone_name == ZONE for lamp in activity.premises.members("lighting/lamp"))
    for kind in ("keepalive", "traffic-count"):
        assert not there(events, kind, first[0], second[1])
        assert there(events, kind, until_ms=first[0]) or kind == "keepalive"  # not every zone has a recorder


def test_what_was_already_sent_stays_sent() -> None:
    """An incident that is told late begins at once; nothing is sent into the past."""
    activity = traffic(days=2 / 24, start_ms=MORNING)
    activity.events(MORNING + HOUR_MS)
    asked_ms = int(activity.next_ms)
    assert activity.events(asked_ms) == []  # nothing was due, and that was said
    activity.respond("fire", ZONE, MORNING + 600_000, 1.0, MORNING + HOUR_MS + 600_000)
    later = activity.events(MORNING + 2 * HOUR_MS)
    assert due(later).min() >= asked_ms
    assert there(later, "fire-alarm")


def test_a_kind_without_a_reaction_does_nothing() -> None:
    """An incident that the file does not name adds nothing; an unknown zone is the caller's fault."""
    activity = traffic(days=1 / 24)
    assert activity.respond("sensor-stuck", ZONE, MONDAY, 1.0) == 0
    with pytest.raises(ValueError, match=r"has no zone z99: expected one of z01, z02"):
        activity.respond("fire", "z99", MONDAY, 1.0)


@pytest.mark.parametrize("kind", sorted(reactions()))
def test_every_reaction_does_something_in_a_park_of_any_size(kind: str) -> None:
    """Each kind of incident adds events in a small park and in a large one, in any zone."""
    for points, gateways in ((200, 4), (6000, 6)):
        zones = catalogue.park_points(points, gateways).zones
        for zone in (zones[0], zones[-1]):
            activity: Activity = traffic(points=points, gateways=gateways)
            assert activity.respond(kind, zone, MONDAY + HOUR_MS, 2.0, MONDAY + DAY_MS) > 0
