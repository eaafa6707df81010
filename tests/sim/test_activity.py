"""The traffic of a whole park: order, numbers, independence, what it depends on and what not."""

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from activity_worlds import HOUR_MS, MONDAY, PARK, due, lived, local_hour, traffic
from hypothesis import given, settings
from hypothesis import strategies as st

from contract import catalogue
from contract.addresses import check_identifier
from contract.messages import DeviceEvent
from sim.emission import Event
from sim.world.activity import Flow, book
from sim.world.activity.load import kind_names
from sim.world.activity.model import Boolean, Choice, Count, Field, Integer, Number, Same, Token, Told

SHIFT_CHANGE = MONDAY + 7 * HOUR_MS  # 07:00 on Monday


def digest(events: Iterable[Event]) -> str:
    """Of all that is sent, in order."""
    return hashlib.sha256(b"".join(msgspec.json.encode(event) for event in events)).hexdigest()


@pytest.fixture(scope="module")
def day() -> list[Event]:
    """A working day of a park of 2,000 points and 4,800 people."""
    return lived(traffic())


def test_events_come_in_order_and_numbered(day: list[Event]) -> None:
    """Due times never fall, sequences count from 1 without a gap, and identities are those of the sequences."""
    assert (np.diff(due(day)) >= 0).all()
    assert [event.sequence for event in day] == list(range(1, len(day) + 1))
    assert [event.message.event_id for event in day] == [f"{PARK}-v{event.sequence:08d}" for event in day]
    assert all(event.park == PARK and event.due_ms == event.message.at_ms for event in day)
    assert due(day)[0] >= MONDAY
    assert due(day)[-1] < MONDAY + 24 * HOUR_MS


@given(st.lists(st.integers(min_value=1, max_value=900_000), min_size=1, max_size=12), st.integers(60_000, 3_600_000))
@settings(max_examples=20, deadline=None)
def test_nothing_depends_on_when_or_in_which_portions_it_is_asked_for(steps: list[int], chunk_ms: int) -> None:
    """Any steps and any size of the chunk held ready give the same events, each in the step in which it is due."""
    whole = traffic(days=0.5, start_ms=SHIFT_CHANGE).events(SHIFT_CHANGE + sum(steps))
    activity = traffic(days=0.5, start_ms=SHIFT_CHANGE, chunk_ms=chunk_ms)
    parts: list[Event] = []
    until_ms = SHIFT_CHANGE
    for step in steps:
        until_ms += step
        part = activity.events(until_ms)
        assert all(until_ms - step <= event.due_ms < until_ms for event in part)
        parts += part
    assert parts == whole


def test_the_same_twice_in_a_process_and_for_any_hash_seed() -> None:
    """The same park lives the same hour in this process and in others with other hash seeds."""
    script = "from test_activity import *; print(digest(traffic(days=1 / 24, start_ms=SHIFT_CHANGE).events(2**60)))"
    expected = digest(traffic(days=1 / 24, start_ms=SHIFT_CHANGE).events(2**60))
    assert digest(traffic(days=1 / 24, start_ms=SHIFT_CHANGE).events(2**60)) == expected
    root = Path(__file__).resolve().parents[2]
    for seed in ("0", "4242"):
        paths = os.pathsep.join([str(root), str(Path(__file__).parent)])
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": paths}
        told = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        assert told.stdout.strip() == expected


def test_another_seed_or_park_is_other_traffic() -> None:
    """The seed and the park's place decide what is drawn."""
    times = [
        due(lived(traffic(days=1 / 24, seed=seed, park=park), 1 / 24)).tolist()
        for seed, park in ((1, PARK), (2, PARK), (1, catalogue.parks()[1].id))
    ]
    assert times[0] != times[1]
    assert times[0] != times[2]


def test_changing_one_law_leaves_the_others_as_they_were(day: list[Event]) -> None:
    """With another rate of badges let through, and with a flow less, all other events stay, field by field."""
    changed: list[Flow] = []
    for flow in book().flows:
        if flow.name == "access/passes":
            law = msgspec.structs.replace(flow.law, per_day=3.0)
            changed.append(msgspec.structs.replace(flow, law=law))
        elif flow.name != "fire/heartbeat":
            changed.append(flow)
    others = lived(traffic(tuple(changed)))

    def rest(events: list[Event]) -> list[Any]:
        gone = ("card-pass", "panel-heartbeat")
        return [msgspec.structs.replace(one.message, event_id="") for one in events if one.message.kind not in gone]

    assert rest(others) == rest(day)
    assert len(due(others, "card-pass")) > 3 * len(due(day, "card-pass"))


def test_fields_are_of_their_declared_types() -> None:
    """Every kind that a week and three days bring has exactly its fields, each within its range or choices."""
    kinds = {f"{flow.subsystem}/{kind.kind}": kind for flow in book().flows for kind in flow.kinds.values()}
    events = lived(traffic(days=4, points=6000, gateways=6), 4)
    seen = set()
    for event in events:
        message = event.message
        name = f"{message.subsystem}/{message.kind}"
        seen.add(name)
        assert message.traffic == kinds[name].traffic
        assert list(message.fields) == list(kinds[name].fields)
        for value, field in zip(message.fields.values(), kinds[name].fields.values(), strict=True):
            check_value(value, field)
    assert len(seen) > 0.9 * len(kinds)
    assert msgspec.json.decode(msgspec.json.encode(events[0].message), type=DeviceEvent) == events[0].message


def check_value(value: object, field: Field) -> None:
    """Hold a value to what the catalogue says about its field."""
    if isinstance(field, Integer | Count):
        assert type(value) is int
        assert field.range[0] <= value <= field.range[1]
    elif isinstance(field, Number):
        assert type(value) is float
        assert field.range[0] <= value <= field.range[1]
        assert round(value, field.decimals) == value
    elif isinstance(field, Boolean):
        assert type(value) is bool
    elif isinstance(field, Choice):
        assert value in field.choices
    elif isinstance(field, Token):
        assert re.fullmatch(rf"{field.prefix}-\d{{5,}}", str(value))
    elif isinstance(field, Told):
        assert type(value) in (int, float, str)
        assert not field.choices or value in field.choices
        assert field.range is None or field.range[0] <= float(str(value)) <= field.range[1]
    else:
        assert isinstance(field, Same)


def test_devices_of_points_send_under_their_points_names(day: list[Event]) -> None:
    """Where a kind of device has points, its events name one of those devices; zones and devices are identifiers."""
    layout = catalogue.park_points(2000, 4)
    registered = {tuple(point.name.split("/")[:3]) for point in layout.points}
    cameras = [event.message for event in day if event.message.kind == "camera-state"]
    assert cameras
    assert all((one.subsystem, one.zone, one.device) in registered for one in cameras)
    assert {event.message.zone for event in day} <= set(layout.zones)
    for name in {event.message.device for event in day} | {event.message.kind for event in day}:
        check_identifier(name, "name")


def test_shift_changes_are_peaks(day: list[Event]) -> None:
    """People clock in before 8, 16 and 24 o'clock and pass the doors most around 8."""
    badges = np.histogram(local_hour(due(day, "clocked-in")), 48, (0, 24))[0]
    assert set(np.argsort(badges)[-4:].tolist()) == {15, 16, 31, 47}  # half hours before 8:00, 8:30, 16:00, 24:00
    doors = np.histogram(local_hour(due(day, "card-pass")), 24, (0, 24))[0]
    assert int(np.argmax(doors)) in (7, 8)
    assert doors.max() > 3 * np.median(doors)


@pytest.mark.parametrize(("points", "gateways"), [(200, 4), (2000, 4), (20000, 20)])
def test_traffic_grows_with_the_park(points: int, gateways: int) -> None:
    """A park of 200, 2,000 or 20,000 points sends plausibly many events from each of the 14 subsystems."""
    events = lived(traffic(days=0.5, start_ms=SHIFT_CHANGE, points=points, gateways=gateways), 0.5, SHIFT_CHANGE)
    by_subsystem = Counter(event.message.subsystem for event in events)
    assert set(by_subsystem) == {subsystem.code for subsystem in catalogue.subsystems()}
    rate = len(events) / 43_200
    assert 0.1 < rate < 10
    keepalives = by_subsystem["video"] / 43_200 * 60
    assert keepalives == pytest.approx(max(1, points * 0.037 / 16), rel=0.6)


def test_every_park_of_the_catalogue_has_its_traffic() -> None:
    """Parks of all industries and sizes send from all 14 subsystems within an hour around the shift change."""
    hour = 0.75 + 1 / 24
    for park in catalogue.parks()[::6]:
        layout = catalogue.park_layout(park.id, 2000, 4)
        activity = traffic(days=hour, park=park.id, layout=layout)
        sent = {event.message.subsystem for event in activity.events(MONDAY + 24 * HOUR_MS)}
        assert sent == {subsystem.code for subsystem in catalogue.subsystems()}, park.id


def test_people_bring_traffic() -> None:
    """Twice the staff, twice the badges; nobody, none, and machines go on."""
    passes = {
        staff: len(due(lived(traffic(days=0.5, start_ms=SHIFT_CHANGE, staff=staff), 0.5, SHIFT_CHANGE), "card-pass"))
        for staff in (0, 2400, 4800)
    }
    assert passes[0] == 0
    assert passes[4800] == pytest.approx(2 * passes[2400], rel=0.1)
    assert len(lived(traffic(days=0.5, start_ms=SHIFT_CHANGE, staff=0), 0.5, SHIFT_CHANGE)) > 1000


def test_nothing_is_due_after_the_end() -> None:
    """Once the end is reached, nothing more comes, however often one asks."""
    activity = traffic(days=1 / 24)
    assert activity.events(MONDAY + HOUR_MS)
    assert activity.events(MONDAY + 100 * HOUR_MS) == []


def test_no_token_stands_for_a_person() -> None:
    """Tokens are a prefix and a number; no field is called by what would name a person, a plate, a phone or a face."""
    personal = re.compile(r"name|plate|phone|face|person_|identity|citizen")
    fields = [field for flow in book().flows for kind in flow.kinds.values() for field in kind.fields]
    assert fields
    assert not [field for field in fields if personal.search(field)]


def test_kinds_are_numbered_in_the_order_of_the_book() -> None:
    """Every kind stands once, under its subsystem."""
    names = [name for flow in book().flows for name in kind_names(flow)]
    assert len(names) == len(set(names)) > 80
