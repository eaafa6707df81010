"""When requests arrive: rate, law, hours, days, holidays, deadlines."""

from collections import Counter

import numpy as np
import pytest
from economies import DAY_MS, HOUR_MS, MINUTE_MS, PARKS, at, economy, ks_distance, office_hours, story, told

from sim.world.economy.calendar import DAY_MS as CALENDAR_DAY_MS
from sim.world.economy.calendar import activity, day_of, is_holiday, is_working_day, office
from sim.world.economy.curves import pattern_curve
from sim.world.economy.deadlines import deadline_curve, last_days
from sim.world.economy.parameters import parameters

KS_1_PERCENT = 1.63
ORDINARY = "2020-12-02T00:00"  # a Wednesday without a deadline near
RUSH = "2020-12-15T00:00"  # the day of the monthly tax declaration


@pytest.mark.parametrize("rate", [0.5, 6.0, 240.0])
def test_the_rate_is_the_scenarios(rate: float) -> None:
    """In full working hours each firm sends as many requests as the scenario says (four standard deviations)."""
    scenario = story(rate, firms=20)
    requests = told(scenario, "2020-12-02T09:00", 2.0)
    mean = rate * 2.0 * 20 * len(scenario.parks)
    assert abs(len(requests) - mean) < 4 * mean**0.5
    assert economy(scenario, ORDINARY, 24).expected_requests(at("2020-12-02T09:00"), at("2020-12-02T11:00")) == (
        pytest.approx(mean)
    )


def test_arrivals_are_poisson_in_office_time() -> None:
    """Rescaled by hours of activity, arrivals are uniform over days and gaps of a firm exponential (KS at 1 %)."""
    scenario = story(rate=12.0, firms=10, parks=PARKS[:4])
    requests = told(scenario, "2020-12-01T00:00", 72)
    begin_ms, end_ms = at("2020-12-01T00:00"), at("2020-12-04T00:00")
    times_ms = np.array([one.due_ms + 0.5 for one in requests])
    hours, total = office_hours(begin_ms, times_ms, end_ms)
    assert ks_distance(hours / total) < KS_1_PERCENT
    firms = np.array([one.application.enterprise for one in requests])
    gaps = np.concatenate([np.diff(hours[firms == name]) for name in sorted(set(firms.tolist()))])
    assert len(gaps) > 9_000
    assert ks_distance(1 - np.exp(-12.0 * gaps)) < KS_1_PERCENT


def test_firms_do_not_march_together() -> None:
    """Counts in ten minutes over the city scatter like Poisson counts: variance over mean is near 1."""
    requests = told(story(rate=30.0, firms=20), "2020-12-02T09:00", 2.5)
    counts = np.bincount([(one.due_ms - at("2020-12-02T09:00")) // MINUTE_MS for one in requests])
    assert len(counts) == 150
    dispersion = counts.var(ddof=1) / counts.mean()
    assert abs(dispersion - 1) < 4 * (2 / len(counts)) ** 0.5


def test_the_day_has_the_offices_shape() -> None:
    """Requests by the hour follow the office's activity: chi-square over 24 hours below its 0.1 % bound."""
    scenario = story(rate=12.0, firms=20)
    one = economy(scenario, ORDINARY, 24)
    by_hour = np.zeros(24)
    for park in scenario.parks:
        for request in one.requests(park, at(ORDINARY) + DAY_MS):
            by_hour[(request.due_ms - at(ORDINARY)) // HOUR_MS] += 1
    edges = np.array([at(ORDINARY) + hour * HOUR_MS for hour in range(25)], dtype=np.float64)
    hours, _ = office_hours(at(ORDINARY), edges, at(ORDINARY) + DAY_MS)
    expected = np.diff(hours) * 12.0 * 20 * len(scenario.parks)
    assert float(((by_hour - expected) ** 2 / expected).sum()) < 51.2  # 24 degrees of freedom, 0.1 %
    assert one.summary().by_hour == by_hour.tolist()


@pytest.mark.parametrize(
    ("day", "share"),
    [
        ("2020-12-05", 0.1),  # a Saturday
        ("2020-01-27", 0.03),  # in the Spring Festival
        ("2020-09-27", 1.0),  # a Sunday that is worked for the National Day's week
    ],
)
def test_days_off_are_quiet(day: str, share: float) -> None:
    """A day off, a holiday and a Sunday worked in exchange have their share of an ordinary day's requests."""
    scenario = story(rate=24.0, firms=20)
    ordinary = office_hours(at(ORDINARY), np.array([0.0]), at(ORDINARY) + DAY_MS)[1]
    mean = 24.0 * 20 * len(scenario.parks) * ordinary * share
    found = [one for one in told(scenario, f"{day}T00:00", 24) if not one.reason.startswith("deadline")]
    assert abs(len(found) - mean) < 4 * mean**0.5


def test_the_calendar_knows_holidays_and_exchanged_days() -> None:
    """Holidays of the notices, days worked for them, and plain weekends are told apart."""
    known = {
        "2019-10-01": (True, False),
        "2019-09-29": (False, True),
        "2020-02-02": (True, False),
        "2026-02-23": (True, False),
        "2020-12-05": (False, False),
        "2020-12-04": (False, True),
    }
    for date, (holiday, working) in known.items():
        day = day_of(at(f"{date}T12:00"))
        assert (is_holiday(day), is_working_day(day)) == (holiday, working), date


def test_deadlines_bring_bursts() -> None:
    """On the last day of the tax declaration more than twice the usual requests come, as many as the law expects."""
    scenario = story(rate=6.0, firms=20)
    usual, rush = told(scenario, ORDINARY, 24), told(scenario, RUSH, 24)
    assert len(rush) > 2 * len(usual)
    one = economy(scenario, RUSH, 24)
    mean = one.expected_requests(at(RUSH), at(RUSH) + DAY_MS)
    assert abs(len(rush) - mean) < 4 * mean**0.5
    filed = Counter(request.reason for request in rush)
    assert filed["deadline:tax-monthly"] > len(usual) / 2
    staff = {firm.name: firm.staff for firm in one.firms}
    assert all(staff[it.application.enterprise] >= 20 for it in rush if it.reason == "deadline:tax-monthly")


def test_the_rush_grows_as_one_over_the_time_left() -> None:
    """Filings before a deadline are Poisson with the office's activity over the time left (KS at 1 %)."""
    begin, end = "2020-12-11T00:00", at("2020-12-16T00:00")
    scenario = story(rate=3.0, firms=20)
    due = [one.due_ms + 0.5 for one in told(scenario, begin, 120) if one.reason == "deadline:tax-monthly"]
    grid = np.arange(at(begin), end + 1, MINUTE_MS, dtype=np.float64)
    middle = grid[:-1] + MINUTE_MS / 2
    pull = np.array([activity(float(it)) for it in middle]) / ((end - middle) / HOUR_MS + 1.0)
    law = np.concatenate(([0.0], np.cumsum(pull))) / pull.sum()
    assert len(due) > 2_000
    assert ks_distance(np.interp(due, grid, law)) < KS_1_PERCENT


def test_each_firm_files_as_often_as_written() -> None:
    """At the natural rate a firm files once for each deadline on average; a curve's area over its window is 1."""
    known = parameters()
    deadline = next(one for one in known.deadlines if one.code == "hazard-report")
    curve = deadline_curve(deadline, office(), at("2020-09-28T00:00"), at("2020-11-28T00:00"))
    assert curve is not None
    assert curve.integral_hours(at("2020-09-28T00:00"), at("2020-11-28T00:00")) == pytest.approx(1.0)
    natural = known.life.natural_requests_per_hour.value
    scenario = story(rate=natural, firms=60)
    filed = [one for one in told(scenario, "2020-10-10T00:00", 144) if one.reason == "deadline:hazard-report"]
    firms = 60 * len(scenario.parks)
    assert abs(len(filed) - firms) < 4 * firms**0.5


def test_a_last_day_on_a_holiday_moves() -> None:
    """A deadline that may move falls on the next working day; one that may not stays."""
    deadlines = {one.code: one for one in parameters().deadlines}
    first, last = day_of(at("2020-08-01T00:00")), day_of(at("2020-08-31T00:00"))
    assert last_days(deadlines["tax-monthly"], first, last) == [day_of(at("2020-08-17T00:00"))]  # the 15th: a Saturday
    first, last = day_of(at("2022-01-01T00:00")), day_of(at("2022-01-31T00:00"))
    assert last_days(deadlines["hazard-report"], first, last) == [day_of(at("2022-01-15T00:00"))]


def test_a_curve_inverts_itself() -> None:
    """Time to position and back is the same time, wherever the rate is above nothing."""
    begin, end = at("2020-12-04T00:00"), at("2020-12-06T00:00")
    curve = pattern_curve(office(), begin, end)
    for share in (0.01, 0.3, 0.5, 0.77, 0.99):
        time_ms = begin + share * (end - begin)
        back_ms, keep = curve.after(curve.position(time_ms))
        assert back_ms == pytest.approx(time_ms, abs=1.0)
        assert 0 < keep <= 1
    assert curve.after(curve.position(curve.end_ms + HOUR_MS))[0] == float("inf")
    assert curve.end_ms - curve.begin_ms == 3 * CALENDAR_DAY_MS


def test_nobody_asks_where_nobody_should() -> None:
    """A rate of nothing, or parks without firms, send nothing."""
    for scenario in (story(rate=0.0), story(firms=0)):
        one = economy(scenario, RUSH, 24)
        assert one.requests(scenario.parks[0], at(RUSH) + DAY_MS) == []
        assert one.expected_requests(at(RUSH), at(RUSH) + DAY_MS) == 0
