"""Each figure of a view is what a slow, plain computation over the same events or readings says."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.catalogue.views import Fits, Measure, ViewPlan
from contract.columns import Columns
from reference_impl.park.view_groups import Item, Period
from reference_impl.park.view_readings import PointReadings
from reference_impl.park.views import Figures, Material, grouped, over_by

MINUTE_MS = 60_000
MIDNIGHT_MS = 1_772_380_800_000  # 2026-03-02 in China
PERIOD = Period(MIDNIGHT_MS - 95 * MINUTE_MS, MIDNIGHT_MS + 30 * 60 * MINUTE_MS)
MINUTES = (PERIOD.end_ms - PERIOD.begin_ms) // MINUTE_MS
CHINA = dt.timezone(dt.timedelta(hours=8))
DEVICES = (("z01", "a-0001"), ("z01", "a-0002"), ("z02", "a-0001"))
POINTS = tuple(f"energy/{zone}/{device}/power" for zone, device in DEVICES)
GROUPS = ("park", "zone", "device", "hour", "shift", "day")
OPEN = Fits(where={"state": ("on", True)})

Members = dict[str, list[Item]]


def _measure(how: str, **more: Any) -> Measure:  # noqa: ANN401 - any of its keys
    return Measure(measure="m", name_en="", name_zh="", unit="1", how=how, **more)  # type: ignore[arg-type]  # a word


def _plan(measure: Measure) -> ViewPlan:
    groups = (*GROUPS, "kind", "fields.name")
    return ViewPlan(
        view="v", subsystem="s", name_en="", name_zh="", groups=groups, measures=(measure,), source="", mark="A"
    )


def _found(measure: Measure, by: str, material: Material) -> Figures:
    return {group: row["m"] for group, row in grouped(_plan(measure), by, "p1", PERIOD, material).items()}


def _label(by: str, at_ms: int, zone: str, device: str) -> str:
    """The group, by the standard library's calendar."""
    local = dt.datetime.fromtimestamp(at_ms / 1000, CHINA)
    shift = ("night", "early", "late")[local.hour // 8]
    return {
        "park": "p1",
        "zone": zone,
        "device": f"{zone}/{device}",
        "hour": local.strftime("%Y-%m-%dT%H"),
        "day": local.strftime("%Y-%m-%d"),
        "shift": f"{local:%Y-%m-%d} {shift}",
    }[by]


def _by_group(by: str, items: Iterable[Item]) -> Members:
    members: Members = {}
    for item in items:
        members.setdefault(_label(by, item.at_ms, item.zone, item.device), []).append(item)
    return members


FIELDS = st.fixed_dictionaries(
    {"state": st.sampled_from(["on", "off", True])},
    optional={"amount": st.integers(-9, 9) | st.sampled_from(["many", True, 2.5]), "name": st.sampled_from("abc")},
)
ITEMS = st.lists(
    st.builds(
        lambda minute, place, kind, fields: Item(
            PERIOD.begin_ms + minute * MINUTE_MS, place[0], place[1], kind, fields
        ),
        st.integers(0, MINUTES - 1),
        st.sampled_from(DEVICES),
        st.sampled_from(["x", "y", "z"]),
        FIELDS,
    ),
    max_size=25,
).map(lambda items: sorted(items, key=lambda item: item.at_ms))
BY = st.sampled_from(GROUPS)


def _share(members: list[Item]) -> float:
    return sum(item.fields["state"] != "off" for item in members) / len(members)


def _numbers(members: list[Item]) -> list[float]:
    values = [item.fields.get("amount") for item in members]
    return [float(value) for value in values if isinstance(value, int | float) and value is not True]


PLAIN: dict[str, tuple[dict[str, Any], Callable[[list[Item]], float | None]]] = {
    "count": ({}, len),
    "share": ({"fits": OPEN}, _share),
    "distinct": ({"field": "name"}, lambda items: len({item.fields.get("name") for item in items} - {None})),
    "sum": ({"field": "amount"}, lambda items: sum(_numbers(items)) if _numbers(items) else None),
    "mean": ({"field": "amount"}, lambda items: float(np.mean(_numbers(items))) if _numbers(items) else None),
    "min": ({"field": "amount"}, lambda items: min(_numbers(items), default=None)),
    "max": ({"field": "amount"}, lambda items: max(_numbers(items), default=None)),
    "last": ({"field": "amount"}, lambda items: next(reversed(_numbers(items)), None)),
}


@pytest.mark.parametrize("how", list(PLAIN))
@given(items=ITEMS, by=BY)
def test_a_figure_over_events_is_that_of_its_members(how: str, items: list[Item], by: str) -> None:
    """Group by group the same as over the list of the group's events; over nothing there is none."""
    keys, plain = PLAIN[how]
    wanted = {label: plain(members) for label, members in _by_group(by, (i for i in items if i.kind != "z")).items()}
    found = _found(_measure(how, events=("x", "y"), **keys), by, Material(events=items))
    assert found == pytest.approx({label: figure for label, figure in wanted.items() if figure is not None})


@given(items=ITEMS, by=BY)
def test_balance_and_ratio_set_kinds_against_kinds(items: list[Item], by: str) -> None:
    """A balance may be negative; a ratio over nothing is absent."""
    members = _by_group(by, (item for item in items if item.kind != "z"))
    counts = {label: [sum(i.kind == kind for i in some) for kind in "xy"] for label, some in members.items()}
    keys = {"events": ("x",), "other": ("y",)}
    found = _found(_measure("balance", **keys), by, Material(events=items))
    assert found == {label: x - y for label, (x, y) in counts.items()}
    found = _found(_measure("ratio", **keys), by, Material(events=items))
    assert found == {label: x / y for label, (x, y) in counts.items() if y}


@given(items=ITEMS, by=BY)
def test_the_newest_of_each_device_stands_for_it(items: list[Item], by: str) -> None:
    """A share over the newest looks at one event of each device of the group."""
    members = {label: list({i[1:3]: i for i in some}.values()) for label, some in _by_group(by, items).items()}
    found = _found(_measure("share", events=("x", "y", "z"), newest=True, fits=OPEN), by, Material(events=items))
    assert found == {label: _share(some) for label, some in members.items()}


@settings(max_examples=40)
@given(items=ITEMS, before=ITEMS, by=BY)
def test_time_in_a_state_is_that_of_every_minute(items: list[Item], before: list[Item], by: str) -> None:
    """Minute by minute the newest state of each device counts, from before the period too; unknown states do not."""
    earlier = [item._replace(at_ms=item.at_ms - MINUTES * MINUTE_MS) for item in before if item.kind == "x"]
    newest = {item[1:3]: item for item in earlier}
    fitting: dict[str, float] = {}
    known: dict[str, float] = {}
    for place in DEVICES:
        told = {item.at_ms: item for item in items if item[1:3] == place and item.kind == "x"}
        state = newest.get(place)
        for minute_ms in range(PERIOD.begin_ms, PERIOD.end_ms, MINUTE_MS):
            state = told.get(minute_ms, state)
            if state is not None:
                label = _label(by, minute_ms, *place)
                known[label] = known.get(label, 0) + 1 / 60
                fitting[label] = fitting.get(label, 0) + (state.fields["state"] != "off") / 60
    material = Material(events=items, before=list(newest.values()))
    assert _found(_measure("time", events=("x",), fits=OPEN), by, material) == pytest.approx(fitting)
    shares = {label: fitting[label] / known[label] for label in known}
    assert _found(_measure("time_share", events=("x",), fits=OPEN), by, material) == pytest.approx(shares)


def test_fields_and_kinds_group_what_has_them() -> None:
    """A truth value is told as in JSON, and an event without the field is in no group."""
    fields: Sequence[dict[str, Any]] = ({"name": True}, {"name": "a"}, {"name": 3}, {}, {"name": "a"})
    items = [Item(PERIOD.begin_ms, "z01", "a-0001", "x", each) for each in fields]
    count = _measure("count", events=("x",))
    assert _found(count, "fields.name", Material(events=items)) == {"true": 1, "a": 2, "3": 1}
    assert _found(count, "kind", Material(events=items)) == {"x": 5}
    where = _measure("count", events=("x",), where={"name": ("a", 3)})
    assert _found(where, "park", Material(events=items)) == {"p1": 3}


# --- readings ---

READINGS = st.lists(
    st.tuples(st.integers(0, len(POINTS) - 1), st.integers(0, MINUTES - 1), st.integers(-50, 50)),
    unique_by=lambda reading: reading[:2],
    max_size=60,
).map(sorted)


def _readings(readings: list[tuple[int, int, int]]) -> Material:
    table = np.array(readings, np.int64).reshape(-1, 3)
    times = PERIOD.begin_ms + table[:, 1] * MINUTE_MS
    columns = Columns(table[:, 0].astype(np.int32), times, table[:, 2].astype(np.float64))
    return Material(readings={"*": PointReadings(POINTS, columns)})


def _reading_groups(by: str, readings: list[tuple[int, int, int]]) -> dict[str, list[tuple[int, int, int]]]:
    members: dict[str, list[tuple[int, int, int]]] = {}
    for point, minute, value in readings:
        label = _label(by, PERIOD.begin_ms + minute * MINUTE_MS, *DEVICES[point])
        members.setdefault(label, []).append((point, minute, value))
    return members


REDUCED: dict[str, tuple[dict[str, Any], Callable[[list[tuple[int, int, int]]], float]]] = {
    "count": ({}, len),
    "sum": ({}, lambda some: sum(value for _, _, value in some)),
    "mean": ({}, lambda some: sum(value for _, _, value in some) / len(some)),
    "min": ({}, lambda some: min(value for _, _, value in some)),
    "max": ({}, lambda some: max(value for _, _, value in some)),
    "last": ({}, lambda some: max(some, key=lambda one: (one[1], one[0]))[2]),
    "share": ({"fits": Fits(within=(-10, 20))}, lambda some: sum(-10 <= one[2] <= 20 for one in some) / len(some)),
}


@pytest.mark.parametrize("how", list(REDUCED))
@given(readings=READINGS, by=BY, newest=st.booleans())
def test_a_figure_over_readings_is_that_of_its_members(
    how: str, readings: list[tuple[int, int, int]], by: str, newest: bool
) -> None:
    """Group by group the same as over the group's readings, or over the newest of each of its points."""
    keys, plain = REDUCED[how]
    members = _reading_groups(by, readings)
    if newest:
        members = {label: list({one[0]: one for one in some}.values()) for label, some in members.items()}
    found = _found(_measure(how, readings="*", newest=newest, **keys), by, _readings(readings))
    assert found == pytest.approx({label: plain(some) for label, some in members.items()})


@settings(max_examples=40)
@given(readings=READINGS, by=BY, hold_min=st.sampled_from([1, 15, 60]))
def test_an_integral_is_the_sum_of_every_minute(readings: list[tuple[int, int, int]], by: str, hold_min: int) -> None:
    """Minute by minute the newest reading of each point counts, for as long as it holds."""
    wanted: dict[str, float] = {}
    values = {reading[:2]: reading[2] for reading in readings}
    for point, place in enumerate(DEVICES):
        since = -1
        for minute in range(MINUTES):
            since = minute if (point, minute) in values else since
            if since >= 0 and minute - since < hold_min:
                label = _label(by, PERIOD.begin_ms + minute * MINUTE_MS, *place)
                wanted[label] = wanted.get(label, 0) + values[point, since] / 60
    found = _found(_measure("integral", readings="*", hold_s=60 * hold_min), by, _readings(readings))
    assert found == pytest.approx(wanted, abs=1e-9)


@given(readings=READINGS, by=BY)
def test_a_peak_is_the_greatest_sum_of_means(readings: list[tuple[int, int, int]], by: str) -> None:
    """The mean of each point over each quarter of an hour, summed over the group, the greatest of them."""
    wanted = {}
    for label, some in _reading_groups(by, readings).items():
        cells: dict[int, dict[int, list[int]]] = {}
        for point, minute, value in some:
            slot = (PERIOD.begin_ms // MINUTE_MS + minute) // 15
            cells.setdefault(slot, {}).setdefault(point, []).append(value)
        wanted[label] = max(sum(float(np.mean(values)) for values in cell.values()) for cell in cells.values())
    assert _found(_measure("peak_demand", readings="*", every_s=900), by, _readings(readings)) == pytest.approx(wanted)


@settings(max_examples=40)
@given(readings=READINGS, by=BY)
def test_coverage_counts_spans_with_a_reading(readings: list[tuple[int, int, int]], by: str) -> None:
    """Of the whole ten-minute spans of each registered point; a point that says nothing counts, a cut span does not."""
    slots: dict[str, set[tuple[int, int, int]]] = {}
    for point, place in enumerate(DEVICES):
        begin_ms = PERIOD.begin_ms
        while begin_ms < PERIOD.end_ms:
            label, until_ms = _label(by, begin_ms, *place), begin_ms + MINUTE_MS
            while until_ms < PERIOD.end_ms and _label(by, until_ms, *place) == label:
                until_ms += MINUTE_MS
            for slot_ms in range(begin_ms, until_ms - 10 * MINUTE_MS + 1, 10 * MINUTE_MS):
                slots.setdefault(label, set()).add((point, slot_ms, slot_ms + 10 * MINUTE_MS))
            begin_ms = until_ms
    told = [(point, PERIOD.begin_ms + minute * MINUTE_MS) for point, minute, _ in readings]
    wanted = {
        label: sum(any(point == of and begin <= at < end for of, at in told) for point, begin, end in some) / len(some)
        for label, some in slots.items()
    }
    assert _found(_measure("coverage", readings="*", every_s=600), by, _readings(readings)) == pytest.approx(wanted)


def test_a_period_is_looked_at_as_far_as_it_is_over() -> None:
    """Neither the future nor what was before 1970 is time in which anything was or was not."""
    assert over_by(Period(-5, 100), 50) == (0, 50)
    assert over_by(Period(10, 100), 500) == (10, 100)
    future = over_by(Period(10, 100), 5)
    assert future == (10, 10)
    assert grouped(_plan(_measure("count", events=("x",))), "park", "p1", future, Material()) == {}
