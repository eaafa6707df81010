"""Floods, incidents, chattering and key figures, beside plain countings of the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contract.messages import Alert, Point
from contract.rules import Inhibition, LimitRule
from reference_impl.monitoring import chattering
from reference_impl.monitoring.flood import FLOOD_BEGINS_ABOVE, FLOOD_ENDS_BELOW, FLOOD_WINDOW_MS, floods
from reference_impl.monitoring.incidents import INCIDENT_GAP_MS, Groups, gathered
from reference_impl.monitoring.inhibition import Inhibitions, causes_against
from reference_impl.monitoring.kpis import RECOMMENDED, kpis, report

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
ALERT = Alert(
    alert_id="a",
    park="p1",
    point="env/z01/a/so2",
    zone="z01",
    subsystem="env",
    rule="so2-high",
    level="yellow",
    state="UNACK",
    onset_ms=0,
    raised_ms=0,
    value=1.0,
    cause="so2-high",
    incident="i",
    annunciated_ms=0,
)


def raised(at_ms: int, **fields: object) -> Alert:
    """An alert that was raised at a moment, annunciated a second later."""
    return replace(ALERT, **{"raised_ms": at_ms, "onset_ms": at_ms, "annunciated_ms": at_ms + 1000, **fields})


@given(st.lists(st.integers(0, 40), max_size=60))
def test_floods_are_those_of_a_minute_by_minute_count(minutes: list[int]) -> None:
    """Counting what lies in the window at each minute gives the same beginnings, ends, counts and peaks."""
    times = [minute * MINUTE_MS for minute in minutes]
    expected: list[list[int | None]] = []
    on = False
    for now_ms in range(0, 60 * MINUTE_MS, MINUTE_MS):
        before = sum(now_ms - FLOOD_WINDOW_MS < at < now_ms for at in times)
        within = sum(now_ms - FLOOD_WINDOW_MS < at <= now_ms for at in times)
        if on and before < FLOOD_ENDS_BELOW:
            expected[-1][1], on = now_ms, False
        if not on and within > FLOOD_BEGINS_ABOVE:
            expected.append([now_ms, None])
            on = True
    found = floods(times, 60 * MINUTE_MS)
    assert [[flood.begin_ms, flood.end_ms] for flood in found] == expected
    for flood in found:
        assert flood.end_ms is not None
        during = [at for at in times if flood.begin_ms <= at < flood.end_ms]
        peak = max(sum(at - FLOOD_WINDOW_MS < each <= at for each in times) for at in during)
        assert flood.peak == peak > FLOOD_BEGINS_ABOVE


def test_ten_minutes_end_before_the_eleventh_begins() -> None:
    """An alarm of exactly ten minutes ago has left the window."""
    ten = [FLOOD_WINDOW_MS] * 10
    assert floods([0, *ten], HOUR_MS) == []
    assert [flood.begin_ms for flood in floods([1, *ten], HOUR_MS)] == [FLOOD_WINDOW_MS]


def test_a_flood_that_goes_on_has_no_end() -> None:
    """The period ends before the flood does."""
    (flood,) = floods([second * 1000 for second in range(11)], MINUTE_MS)
    assert (flood.begin_ms, flood.end_ms, flood.alarms, flood.peak) == (10_000, None, 1, 11)


@given(st.lists(st.integers(1, 700_000), max_size=30))
def test_chattering_is_what_its_sentence_says(gaps_ms: list[int]) -> None:
    """Marked when the raise before last is within 60 s, and from then on until 10 min pass without a raise."""
    times = [sum(gaps_ms[: place + 1]) for place in range(len(gaps_ms))]
    memory = None
    marked = False
    for place, at_ms in enumerate(times):
        memory = chattering.raised(memory, at_ms)
        quiet = place > 0 and at_ms - times[place - 1] > 600_000
        marked = (marked and not quiet) or (place > 1 and at_ms - times[place - 2] <= 60_000)
        assert memory.chattering == marked


@pytest.mark.parametrize(("quiet_ms", "chatters"), [(600_000, True), (600_001, False)])
def test_ten_quiet_minutes_end_chattering(quiet_ms: int, chatters: bool) -> None:
    """A raise at the very end of them still belongs to it."""
    memory = None
    for at_ms in (0, 30_000, 60_000, 60_000 + quiet_ms):
        memory = chattering.raised(memory, at_ms)
    assert memory is not None
    assert memory.chattering == chatters


def test_a_cause_is_told_when_it_begins_and_when_it_ends() -> None:
    """Only the first alarm of a cause and the last one to go touch others, and only those that have an alert."""
    rule = LimitRule(id="high", points="*", high=1.0, suppressed_by=(Inhibition(rule="cause"),))
    inhibitions = Inhibitions([rule])
    point = Point(name="env/z01/a/so2", gateway="gw", zone="z01", subsystem="env", unit="1")
    causes = causes_against(rule, point)
    assert list(causes) == inhibitions.causes_made(LimitRule(id="cause", points="*", high=1.0), point)
    for place in (5, 3):
        inhibitions.watch((place, "high"), causes)
    assert inhibitions.begin(causes) == [(3, "high"), (5, "high")]
    assert inhibitions.begin(causes) == []
    inhibitions.leave((5, "high"), causes)
    assert inhibitions.end(causes) == []
    assert inhibitions.standing(causes) == causes[0]
    assert inhibitions.end(causes) == [(3, "high")]
    assert inhibitions.standing(causes) is None


def test_an_incident_is_named_for_its_first_alert() -> None:
    """The same first onset gives the same id in the same park, zone and cause only, whatever came later."""
    here = Groups("p1").of("z01", "leak")
    first = here.raised(1000, 2000)
    assert here.raised(3000, 4000) == first
    assert Groups("p1").of("z01", "leak").raised(1000, 9000) == first
    for park, zone, cause, onset_ms in (
        ("p2", "z01", "leak", 1000),
        ("p1", "z02", "leak", 1000),
        ("p1", "z01", "x", 1000),
        ("p1", "z01", "leak", 1001),
    ):
        assert Groups(park).of(zone, cause).raised(onset_ms, 2000) != first


def test_an_incident_lasts_while_an_alert_stands_and_ten_minutes_more() -> None:
    """The gap counts from the last alert to go, not from the first."""
    group = Groups("p1").of("z01", "leak")
    first = group.raised(0, 0)
    group.raised(0, 1000)
    group.cleared(2000)
    assert group.raised(0, 10 * INCIDENT_GAP_MS) == first, "one stood all the time"
    group.cleared(11 * INCIDENT_GAP_MS)
    group.cleared(10 * INCIDENT_GAP_MS)
    assert group.raised(7, 12 * INCIDENT_GAP_MS) == first
    group.cleared(13 * INCIDENT_GAP_MS)
    assert group.raised(8, 14 * INCIDENT_GAP_MS + 1) != first


def test_incidents_are_gathered_from_alerts() -> None:
    """Worst level, span, and how many stand or wait for an acknowledgement; alerts without an incident are left out."""
    alerts = [
        raised(5000, alert_id="1", level="orange", state="ACKED"),
        raised(1000, alert_id="2", level="blue", state="RTNUN", cleared_ms=9000, point="env/z01/b/so2"),
        raised(9000, alert_id="3", incident="j", state="NORM", cleared_ms=9500),
        raised(9000, alert_id="4", incident=""),
    ]
    later, first = gathered(alerts)
    assert (first.incident, first.begin_ms, first.end_ms, first.level) == ("i", 1000, None, "orange")
    assert (first.alerts, first.standing, first.unacknowledged, first.points) == (2, 1, 1, 2)
    assert (later.incident, later.end_ms) == ("j", 9500)


def test_rates_are_of_the_period() -> None:
    """Means are over the whole period, maxima over its hours and tens of minutes."""
    alerts = [raised(minute * MINUTE_MS, alert_id=str(minute)) for minute in (0, 1, 9, 10, 70, 119)]
    figures = kpis(alerts, 0, 2 * HOUR_MS, "p1")
    assert (figures.alarms, figures.per_hour_mean, figures.per_hour_max) == (6, 3.0, 4)
    assert (figures.per_10_min_mean, figures.per_10_min_max) == (0.5, 3)
    outside = [raised(-1), raised(2 * HOUR_MS), raised(5, annunciated_ms=None, state="SHLVD")]
    again = kpis([*alerts, *outside], 0, 2 * HOUR_MS, "p1")
    assert (again.alarms, again.shelved) == (6, 1)


def test_what_stood_at_the_end_counts_as_standing_however_old() -> None:
    """Standing and stale look at the end of the period, not at what was raised in it."""
    day_ms = 24 * HOUR_MS
    alerts = [
        raised(-2 * day_ms, alert_id="old"),
        raised(-2 * day_ms, alert_id="old and gone", cleared_ms=5),
        raised(10, alert_id="young"),
        raised(10, alert_id="cleared later", cleared_ms=day_ms),
    ]
    figures = kpis(alerts, 0, HOUR_MS, "p1")
    assert (figures.standing, figures.stale, figures.alarms) == (3, 1, 2)


@pytest.mark.parametrize(("waits_s", "p50", "p95"), [([], None, None), ([7], 7.0, 7.0), (range(1, 101), 50.0, 95.0)])
def test_the_time_to_acknowledge_is_by_percentile(waits_s: list[int], p50: float | None, p95: float | None) -> None:
    """The smallest wait that half of all, or 95 in 100, do not exceed."""
    alerts = [
        raised(number, alert_id=str(number), state="ACKED", acknowledged_ms=number + 1000 + 1000 * wait_s)
        for number, wait_s in enumerate(waits_s)
    ]
    figures = kpis([*alerts, raised(500, alert_id="unseen")], 0, HOUR_MS, "p1")
    assert (figures.acknowledge_s_p50, figures.acknowledge_s_p95, figures.acknowledged) == (p50, p95, len(waits_s))


def test_the_worst_alarms_are_named() -> None:
    """By how often they came, with their share; ties in order of name."""
    alerts = [
        raised(number, alert_id=f"{point}-{number}", point=f"env/z01/p{point:02d}/so2")
        for point in range(12)
        for number in range(3 if point == 7 else 1)
    ]
    figures = kpis(alerts, 0, HOUR_MS, "p1")
    assert [(actor.point, actor.alarms) for actor in figures.top_10[:2]] == [
        ("env/z01/p07/so2", 3),
        ("env/z01/p00/so2", 1),
    ]
    assert (len(figures.top_10), figures.top_10_share) == (10, 12 / 14)


def test_every_recommendation_is_judged_and_marked() -> None:
    """Each verdict holds a figure against its value; what cannot be judged is met and says so."""
    quiet = {verdict.figure: verdict for verdict in kpis([], 0, HOUR_MS, "p1").verdicts}
    assert list(quiet) == [each.figure for each in RECOMMENDED]
    assert all(verdict.met for verdict in quiet.values())
    assert quiet["top_10_share"].found is None
    flood = [
        raised(second * 1000, alert_id=str(second), priority="high", chattering=True, point=f"env/z01/{second}/so2")
        for second in range(60)
    ]
    noisy = {verdict.figure: verdict for verdict in kpis(flood, 0, HOUR_MS, "p1").verdicts}
    missed = {figure for figure, verdict in noisy.items() if not verdict.met}
    assert missed == set(quiet) - {"medium_share", "stale"}
    assert noisy["high_share"].found == 1.0
    assert {verdict.mark for verdict in noisy.values()} == {"S", "M"}


def test_the_report_is_of_each_park_and_of_all() -> None:
    """Parks without alarms are there too, and alerts of parks that were not asked for are not counted."""
    alerts = [raised(1, alert_id=park, park=park) for park in ("p1", "p1", "p2", "p9")]
    found = report(alerts, 0, HOUR_MS, ["p3", "p2", "p1"])
    assert [(each.park, each.alarms) for each in (found.together, *found.parks)] == [
        ("*", 3),
        ("p1", 2),
        ("p2", 1),
        ("p3", 0),
    ]
