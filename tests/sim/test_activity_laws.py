"""Each rate law holds what it says: proper hypothesis tests on fixed seeds (a p-value below 0.001 would fail)."""

from collections import Counter

import numpy as np
import pytest
from activity_worlds import (
    HOUR_MS,
    MONDAY,
    chi_square,
    due,
    flow,
    ks_uniform,
    lived,
    local_hour,
    poisson_distance,
    traffic,
)

from sim.world.activity.hours import DAY_MS, LOCAL_MS, curve, local_day, midnight_ms, sun_ms

REJECT = 0.001
DEVIATIONS = 4.0


def test_the_tests_of_these_tests_reject_what_is_wrong() -> None:
    """A clustered sample and a skewed table have p-values near 0, right ones do not."""
    rng = np.random.default_rng(5)
    assert ks_uniform(rng.random(2000)) > REJECT
    assert ks_uniform(rng.random(2000) ** 1.2) < REJECT
    expected = np.full(24, 100.0)
    assert chi_square(rng.poisson(expected).astype(float), expected) > REJECT
    assert chi_square(rng.poisson(expected * np.linspace(0.7, 1.3, 24)).astype(float), expected) < REJECT


@pytest.mark.parametrize("shape", ["steady", "office", "shift-changes", "night"])
def test_arrivals_are_a_poisson_process_of_their_shape(shape: str) -> None:
    """Rescaled by the integral of the intensity, the gaps are exponential; the hours of the day have their shares."""
    days = 5
    sent = due(
        lived(traffic((flow({"is": "poisson", "per_day": 900, "per": "park", "shape": shape}),), days=days), days)
    )
    shares = curve(shape)
    units = np.array([local_day(at) + shares.before(at - midnight_ms(local_day(at))) for at in sent.tolist()])
    assert ks_uniform(1 - np.exp(-np.diff(units) * 900)) > REJECT
    hours = np.histogram(local_hour(sent), 24, (0, 24))[0]
    expected = np.diff(shares.cumulative[::60]) * 900 * days
    busy = expected >= 5
    assert chi_square(hours[busy].astype(float), expected[busy] * hours[busy].sum() / expected[busy].sum()) > REJECT
    assert poisson_distance(len(sent), 900 * days) < DEVIATIONS


def test_weekends_and_holidays_have_their_factor() -> None:
    """A Saturday has its share of a working day's arrivals, and the National Day of a Thursday that of a holiday."""
    law = flow({"is": "poisson", "per_day": 4000, "per": "park", "shape": "office"})
    saturday = MONDAY + 5 * DAY_MS
    assert poisson_distance(len(lived(traffic((law,), start_ms=saturday), 1, saturday)), 4000 * 0.2) < DEVIATIONS
    national = midnight_ms(18536)  # 2020-10-01, a Thursday
    assert poisson_distance(len(lived(traffic((law,), start_ms=national), 1, national)), 4000 * 0.05) < DEVIATIONS


def test_what_is_rare_comes_for_years() -> None:
    """One arrival in fifty days goes on over three years, at its rate."""
    law = flow({"is": "poisson", "per_day": 0.02, "per": "zone", "shape": "steady"})
    activity = traffic((law,), days=1100, chunk_ms=DAY_MS)
    sent = due(activity.events(MONDAY + 1100 * DAY_MS))
    assert poisson_distance(len(sent), 1100 * 0.02 * 8) < DEVIATIONS
    assert sent[-1] > MONDAY + 1000 * DAY_MS


def test_devices_are_drawn_evenly() -> None:
    """Arrivals of a fleet fall on each of its devices alike."""
    law = flow({"is": "poisson", "per_day": 4000, "per": "park", "shape": "steady"})
    devices = [(event.message.zone, event.message.device) for event in lived(traffic((law,)))]
    _, counts = np.unique(np.array(["/".join(device) for device in devices]), return_counts=True)
    assert len(counts) == len(traffic((law,)).premises.members("access/door"))
    assert chi_square(counts.astype(float), np.full(len(counts), counts.mean())) > REJECT


def test_what_follows_comes_after_a_log_normal_time() -> None:
    """The share that is followed and the distribution of the delay are as written, from the very start on."""
    law = {"is": "poisson", "per_day": 3000, "per": "park", "shape": "steady"}
    law |= {"follow": {"median_s": 600, "sigma": 0.5, "chance": 0.8}}
    kinds = {"at": {}, "after": {"fields": {"lasted_s": {"type": "told", "range": [0, 1e6]}}}}
    events = lived(traffic((flow(law, kinds=kinds),)))
    lasted = np.array([event.message.fields["lasted_s"] for event in events if event.message.kind == "after"])
    assert poisson_distance(len(lasted), 3000 * 0.8) < DEVIATIONS
    logs = np.log(lasted / 600) / 0.5
    assert abs(logs.mean()) < DEVIATIONS / np.sqrt(len(logs))
    assert abs(logs.std() - 1) < DEVIATIONS / np.sqrt(2 * len(logs))
    first_half_hour = (due(events, "after") < MONDAY + 1_800_000).sum()
    assert poisson_distance(int(first_half_hour), 3000 * 0.8 / 48) < DEVIATIONS


def test_a_heartbeat_keeps_its_period_and_its_jitter() -> None:
    """Every gap of a heartbeat lies within 20 to 30 s, none is left out, and panels have phases of their own."""
    law = flow({"is": "periodic", "period_s": 25, "jitter_s": 2.5}, "fire/panel", {"report": {}})
    events = lived(traffic((law,)))
    panels = sorted({(event.message.zone, event.message.device) for event in events})
    assert len(panels) > 1
    firsts = []
    for panel in panels:
        sent = due(event for event in events if (event.message.zone, event.message.device) == panel)
        gaps = np.diff(sent)
        assert gaps.min() >= 20_000
        assert gaps.max() <= 30_000
        assert abs(len(sent) - DAY_MS / 25_000) <= 1
        # The difference of two uniform jitters is triangular: its mean square is a sixth of the square of the width.
        assert np.mean((gaps - 25_000) ** 2) == pytest.approx(5000**2 / 6, rel=0.1)
        firsts.append(int(sent[0]) % 25_000)
    assert len(set(firsts)) == len(firsts)


def test_reports_of_full_hours_come_after_the_hour() -> None:
    """Hour reports of every logger come once within half a minute after each hour of local time."""
    law = {"is": "periodic", "period_s": 3600, "jitter_s": 15, "aligned": True, "offset_s": 15.001}
    start = MONDAY + 1_234_567
    events = lived(traffic((flow(law, "env/logger", {"report": {}}),), start_ms=start), 1, start)
    past_ms = (due(events) + LOCAL_MS) % HOUR_MS
    assert past_ms.max() <= 30_001
    assert ks_uniform((past_ms + 0.5) / 30_001) > REJECT
    assert len(events) == 24 * len({(event.message.zone, event.message.device) for event in events})


def test_lamps_go_on_at_dusk_and_off_at_dawn() -> None:
    """On a December day in Chongqing every lamp goes off around sunrise and on around sunset, once each."""
    law = {"is": "daily", "occasions": [{"at": "dusk", "spread_s": 90, "state": "on"}, {"at": "dawn", "state": "off"}]}
    kinds = {"at": {"fields": {"state": {"type": "told", "choices": ["on", "off"]}}}}
    events = lived(traffic((flow(law, "lighting/lamp", kinds),)))
    dawn_ms, dusk_ms = (MONDAY + of_day for of_day in sun_ms(local_day(MONDAY), 29.72, 106.55))
    on = np.array([event.due_ms for event in events if event.message.fields["state"] == "on"])
    off = np.array([event.due_ms for event in events if event.message.fields["state"] == "off"])
    assert set(off.tolist()) == {dawn_ms}
    assert np.abs(on - dusk_ms).max() <= 3 * 90_000
    assert on.std() == pytest.approx(90_000, rel=0.35)
    assert len(on) == len(off) == len({(event.message.zone, event.message.device) for event in events})


@pytest.mark.parametrize(
    ("date", "sunrise", "sunset"),
    [("2020-06-21", 5 + 53 / 60, 19 + 56 / 60), ("2020-12-21", 7 + 43 / 60, 17 + 57 / 60)],
)
def test_the_sun_of_chongqing(date: str, sunrise: float, sunset: float) -> None:
    """Sunrise and sunset at the solstices are those of the almanac for Chongqing [M], within four minutes."""
    day = int(np.datetime64(date).astype(int))
    found = [of_day / HOUR_MS for of_day in sun_ms(day, 29.56, 106.55)]
    assert found == pytest.approx([sunrise, sunset], abs=4 / 60)


def test_people_come_before_their_shift_and_leave_after_it() -> None:
    """Of those covered the present share clocks in ten minutes before the shift, give or take six, and out once."""
    days = {"workday": 0.9, "saturday": 0.0, "sunday": 0.0, "holiday": 0.0}
    law = {"is": "shifts", "covered": 0.5, "early_s": 600, "early_spread_s": 360, "leave_s": 420, "leave_sigma": 0.8}
    law |= {"shifts": [{"shift": "early", "start": "08:00", "end": "16:00", "share": 1.0, "days": days}]}
    fields = {"fields": {"badge": {"type": "told"}}}
    events = lived(traffic((flow(law, "attendance/gate", {"come": fields, "leave": fields}),), days=6), 6)
    come, leave = due(events, "come"), due(events, "leave")
    assert len(come) == len(leave)  # five working days, and nobody on Saturday
    people = 5 * 2400
    assert abs(len(come) - 0.9 * people) < DEVIATIONS * np.sqrt(people * 0.9 * 0.1)
    early_s = (8 - local_hour(come)) * 3600
    assert early_s.mean() == pytest.approx(600, abs=DEVIATIONS * 360 / np.sqrt(len(come)))
    assert early_s.std() == pytest.approx(360, rel=0.05)
    assert np.median((local_hour(leave) - 16) * 3600) == pytest.approx(420, rel=0.1)
    badges = [event.message.fields["badge"] for event in events if event.due_ms < MONDAY + DAY_MS]
    assert all(badges.count(badge) == 2 for badge in set(badges[:50]))


def test_dwell_times_are_exponential_with_their_means() -> None:
    """The stays in both states have the written means and the exponential form, and the share of time is theirs."""
    law = {"is": "dwell", "states": ["idle", "busy"], "mean_s": [900, 300]}
    kinds = {"change": {"fields": {"state": {"type": "told", "choices": ["idle", "busy"]}}}}
    activity = traffic((flow(law, "access/door", kinds),), days=4)
    states = activity._sources[0].states_at_start()  # noqa: SLF001 - before anything was sent
    assert 0 < sum(state == "busy" for state in states.values()) < len(states)
    stays: dict[str, list[float]] = {"idle": [], "busy": []}
    entered: dict[tuple[str, str], tuple[int, str]] = {}
    for event in lived(activity, 4):
        device, state = (event.message.zone, event.message.device), str(event.message.fields["state"])
        assert state != entered.get(device, (0, states[device]))[1]
        if device in entered:
            stays[entered[device][1]].append((event.due_ms - entered[device][0]) / 1000)
        entered[device] = (event.due_ms, state)
    for state, mean_s in (("idle", 900), ("busy", 300)):
        assert ks_uniform(1 - np.exp(-np.array(stays[state]) / mean_s)) > REJECT
    busy = sum(stays["busy"]) / (sum(stays["busy"]) + sum(stays["idle"]))
    assert busy == pytest.approx(0.25, abs=0.01)


def test_a_shape_hastens_leaving_a_state() -> None:
    """A bay is taken mostly when people come by car, and left when they leave."""
    law = {"is": "dwell", "states": ["free", "occupied"], "mean_s": [14400, 16200]}
    law |= {"shapes": ["arrivals-by-car", "departures-by-car"]}
    kinds = {"change": {"fields": {"state": {"type": "told", "choices": ["free", "occupied"]}}}}
    events = lived(traffic((flow(law, "parking/bay", kinds),), days=4), 4)
    hours = {
        state: local_hour(np.array([event.due_ms for event in events if event.message.fields["state"] == state]))
        for state in ("free", "occupied")
    }
    taken, left = (np.histogram(hours[state], [7, 10, 13, 16, 19, 22])[0] for state in ("occupied", "free"))
    assert taken[0] > 2 * taken[4]
    assert left[3] > 3 * left[0]


def test_moving_objects_tell_their_place_and_only_then() -> None:
    """Positions come every 5 to 15 s within a trip, no faster than the speed allows, inside the park."""
    law = {"is": "moving", "trips_per_day": 20, "shape": "steady", "speed_km_h": [10, 30], "legs": [1, 3]}
    law |= {"report_s": [5, 15]}
    told = ("latitude", "longitude", "speed_km_h")
    kinds = {"begin": {}, "end": {}, "position": {"fields": {name: {"type": "told"} for name in told}}}
    events = lived(traffic((flow(law, "gis/truck", kinds),)))
    trucks = {event.message.device for event in events}
    trips = sum(event.message.kind == "begin" for event in events)
    assert poisson_distance(trips, 20 * len(trucks)) < DEVIATIONS
    gaps = []
    for truck in trucks:
        mine = [event for event in events if event.message.device == truck]
        moving = False
        for before, after in zip([None, *mine], mine, strict=False):
            kind = after.message.kind
            assert moving == (kind != "begin")
            moving = kind != "end"
            if kind != "position" or before is None or before.message.kind != "position":
                continue
            gap_s = (after.due_ms - before.due_ms) / 1000
            gaps.append(gap_s)
            north, east = (
                float(after.message.fields[name]) - float(before.message.fields[name])
                for name in ("latitude", "longitude")
            )
            metres = np.hypot(north * 111_320, east * 111_320 * np.cos(np.radians(29.72)))
            assert metres <= float(after.message.fields["speed_km_h"]) / 3.6 * gap_s + 1
    assert ks_uniform((np.array(gaps) - 5) / 10) > REJECT


def test_rounds_are_missed_late_and_left_out_as_often_as_written() -> None:
    """The shares of rounds that nobody walks, that begin late, and of checkpoints left out are those of the law."""
    law = {"is": "rounds", "guards": "safety/guard", "every_s": 7200, "missed": 0.1, "skipped": 0.05}
    law |= {"delay_s": 300, "delay_sigma": 0.7, "late_after_s": 600, "leg_s": [60, 120]}
    days = 60
    kinds = {"passed": {}, "skipped": {}, "late": {}, "missed": {}}
    activity = traffic((flow(law, "safety/checkpoint", kinds),), days=days)
    guards = len(activity.premises.members("safety/guard"))
    counts = Counter(event.message.kind for event in lived(activity, days))
    rounds = 12 * days * guards
    assert abs(counts["missed"] - 0.1 * rounds) < DEVIATIONS * np.sqrt(rounds * 0.1 * 0.9)
    late = 0.161  # P(normal > ln(600 / 300) / 0.7)
    walked = rounds - counts["missed"]
    assert abs(counts["late"] - late * walked) < DEVIATIONS * np.sqrt(walked * late * (1 - late))
    points = counts["passed"] + counts["skipped"]
    assert abs(counts["skipped"] - 0.05 * points) < DEVIATIONS * np.sqrt(points * 0.05 * 0.95)


def test_traffic_counts_follow_the_day() -> None:
    """Five-minute counts of vehicles have the shape's mean in each hour, with the scatter of a Poisson count."""
    count = {"vehicles": {"type": "count", "mean": 14, "shape": "road-traffic", "range": [0, 400]}}
    law = {"is": "periodic", "period_s": 300, "jitter_s": 3, "aligned": True, "offset_s": 5}
    events = lived(traffic((flow(law, "gis/counter", {"report": {"fields": count}}),)))
    vehicles = np.array([event.message.fields["vehicles"] for event in events], float)
    expected = 14 * curve("road-traffic").level(due(events))
    hours = local_hour(due(events)).astype(int)
    found = np.bincount(hours, vehicles)
    wanted = np.bincount(hours, expected)
    assert chi_square(found, wanted * found.sum() / wanted.sum()) > REJECT
    assert np.mean((vehicles - expected) ** 2 / expected) == pytest.approx(1, abs=0.15)
