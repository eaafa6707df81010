"""The core keeps the calendars of rules as the standard library does."""

from datetime import date, timedelta
from random import Random

from agreement import live
from hypothesis import given, settings
from hypothesis import strategies as st
from monitored_points import points_of
from oracle_calendar import DAYS
from oracle_release import Reading
from random_histories import History, Pack

from contract.rulebook import check_rules
from contract.rules import Calendar, LimitRule, RuleSet, Shift, SilenceRule

MINUTE_MS = 60_000
MONDAY, MONDAY_MS = date(2026, 3, 2), 1_772_409_600_000  # midnight in UTC
CLOCK_TIMES = [f"{hour:02}:{minute:02}" for hour in (0, 6, 8, 12, 18, 22, 23) for minute in (0, 1, 30, 59)]


def random_calendar(rng: Random) -> Calendar:
    """Some shifts, some of them over midnight, in three weeks of which some days are excepted."""
    shifts = [
        Shift(
            days=tuple(rng.sample(DAYS, rng.randint(1, 7))),
            start=rng.choice(CLOCK_TIMES),
            end=rng.choice([*CLOCK_TIMES, "24:00"]),
        )
        for _ in range(rng.randint(1, 3))
    ]
    excepted = {(MONDAY + timedelta(days=rng.randrange(21))).isoformat() for _ in range(rng.choice([0, 1, 3, 12]))}
    offset_minutes = rng.choice([480, 480, 0, -570, 345])
    return Calendar(shifts=tuple(shifts), except_dates=tuple(excepted), utc_offset_minutes=offset_minutes)


@given(st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_core_and_oracle_open_at_the_same_times(rng: Random) -> None:
    """Readings tell what is open, silences tell when it opens next, to the millisecond, over three weeks."""
    calendar = random_calendar(rng)
    rules = [
        LimitRule(id="open", points="*/*", high=1.0, active_when=calendar),
        SilenceRule(id="opens", points="*/*", after_s=1.0, active_when=calendar),
    ]
    check_rules(RuleSet(version="1", rules=list(rules)))
    times_ms = sorted(
        MONDAY_MS + rng.randrange(21 * 24 * 60) * MINUTE_MS + rng.choice([-1, 0, 0, 30_000])
        for _ in range(rng.randint(1, 60))
    )
    packs = [Pack("g", number, [Reading(0, time_ms, 1.0)]) for number, time_ms in enumerate(times_ms, 1)]
    live(History(points_of({"a/x": "g"}), 0, list(rules), list(packs)))
