"""The physics as it is stays clear of every rule of the catalogue: by margins for each kind, and by a long quiet run.

`tests/contract/test_full_rules.py` holds the profiles to a daily cosine; here the rhythms, days off and weather
count too.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from contract import catalogue
from contract.catalogue import QuantityProfile
from contract.columns import Columns
from contract.rules import AnomalyRule, RateRule, Rule, StuckRule
from reference_impl.monitoring import Monitor
from sim.randomness import stream
from sim.world.ground import DayKind, city_weather
from sim.world.physics import QuietPhysics, frame
from sim.world.physics.rhythm import rhythms

FASTEST_S = 1.0
OFFSET = 1.5  # a device is off for good by half the standard deviation of its noise: three times that
HOUR_S = 3600.0
WEEK = (
    [DayKind.WORKDAY] * 3 + [DayKind.WEEKEND] * 2 + [DayKind.WORKDAY, DayKind.HOLIDAY, DayKind.HOLIDAY, DayKind.WORKDAY]
)
SATURDAY_MS = 1_600_444_800_000  # 2020-09-19T00:00:00+08:00
WEDNESDAY_MS = 1_601_395_200_000  # 2020-09-30T00:00:00+08:00, the day before a holiday


def with_rules(kind: type[Rule]) -> Iterator[tuple[int, QuantityProfile, Rule]]:
    """The rules of a kind, each with the place and the profile of its points."""
    for place, profile in enumerate(catalogue.profiles()):
        yield from ((place, profile, rule) for rule in profile.rules if isinstance(rule, kind))


def rhythm_of(place: int, profile: QuantityProfile) -> NDArray[np.float64]:
    """What the rhythm does to a kind over some days of all kinds, by the minute, in its unit."""
    forms = rhythms().forms[rhythms().table[place]].astype(np.float64)
    days = np.concatenate([forms[kind, :-1] for kind in WEEK])
    return days if profile.kind == "binary" else days * profile.daily_amplitude * rhythms().follows[place].swing


def weather_of(place: int, over_s: float) -> float:
    """The most that the weather changes a kind within a time: it is straight between hours, and has bounds."""
    temperature, wind, rain = np.abs(rhythms().weather[:, place])
    return float((2 * temperature + 2 * wind + rain) * min(1.0, over_s / HOUR_S))


def test_rates_are_far_above_the_steepest_hour() -> None:
    """At least six standard deviations of what the noise changes, beside the steepest of rhythm, weather and drift."""
    for place, profile, rule in with_rules(RateRule):
        assert isinstance(rule, RateRule)
        rhythm = rhythm_of(place, profile)
        for over_s in (max(rule.over_s, FASTEST_S), max(rule.over_s, profile.sampling_s)):
            minutes = max(1, math.ceil(over_s / 60))
            steepest = np.abs(rhythm[minutes:] - rhythm[:-minutes]).max() * min(1.0, over_s / 60 / minutes)
            spread = profile.noise * math.sqrt(2 * -math.expm1(-over_s / profile.reversion_s))
            steady = (
                steepest + weather_of(place, over_s) + profile.drift_per_day * over_s / 86_400 + 10.0**-profile.decimals
            )
            limit = min(each for each in (rule.rise, rule.fall) if each is not None)
            assert limit / rule.per_s * over_s >= 6 * spread + steady, rule.id


def test_stuck_quantities_keep_clear_of_the_ends_of_their_band() -> None:
    """The bound of the contract's test, with the rhythm's and the weather's reach in place of the cosine's."""
    for place, profile, rule in with_rules(StuckRule):
        assert isinstance(rule, StuckRule)
        rhythm, weather = rhythm_of(place, profile), weather_of(place, HOUR_S) / 2
        if profile.kind == "binary":
            window = round(rule.after_s / 60)
            for share in (rhythm, 1 - rhythm):  # expected number of times that the other state is drawn
                days = np.tile(share, 1 + window // len(share))
                sums = np.concatenate([[0.0], np.cumsum(np.tile(days, 2))])
                assert (sums[window:] - sums[:-window]).min() * 60 / profile.reversion_s >= 20, rule.id
            continue
        low = profile.base + rhythm.min() - weather - profile.quiet_low
        high = profile.quiet_high - profile.base - rhythm.max() - weather
        clear = min(low, high) / profile.noise - OFFSET
        assert clear >= 6 or (clear >= 1.5 and rule.after_s >= 10 * profile.reversion_s), rule.id


def furthest(level: NDArray[np.float64], noise: float, rule: AnomalyRule) -> float:
    """By how much a level with noise outruns what the rule allows after what it has learned (SEMANTICS A1, A2)."""
    mean, variance, worst = level[0], 0.0, -math.inf
    for number, value in enumerate(level.tolist()):
        d = value - mean
        if number >= rule.warm_up:
            allowed = rule.z * math.sqrt(max(variance + noise**2, rule.floor**2))
            worst = max(worst, abs(d) + 6 * noise - allowed)
        mean += rule.alpha * d
        variance = (1 - rule.alpha) * (variance + rule.alpha * d * d)
    return worst


def test_anomalies_are_beyond_what_days_and_weather_do() -> None:
    """No rhythm outruns an anomaly rule, sampled as usual or each minute, with six times the noise on top."""
    for place, profile, rule in with_rules(AnomalyRule):
        assert isinstance(rule, AnomalyRule)
        if rule.z * rule.floor >= profile.quiet_high - profile.quiet_low:
            continue  # even from one end of the band to the other
        rhythm = rhythm_of(place, profile)
        if rule.active_when is not None:  # it learns at those hours alone
            hour = np.arange(len(rhythm)) // 60 % 24
            rhythm = rhythm[(hour >= 20) | (hour < 5)]
        for minutes in sorted({1, max(1, round(profile.sampling_s / 60))}):
            memory_s = minutes * 60 / rule.alpha
            weather = weather_of(place, min(memory_s, HOUR_S))
            assert furthest(np.tile(rhythm, 2)[::minutes], profile.noise, rule) + weather <= 0, (rule.id, minutes)


def test_a_jump_would_outrun_an_anomaly_rule() -> None:
    """The measure above is not blind: a level that leaps by more than the rule allows outruns it."""
    place, profile, rule = next(each for each in with_rules(AnomalyRule) if each[1].quantity == "current")
    assert isinstance(rule, AnomalyRule)
    assert profile.daily_amplitude > 0
    still = np.zeros(1000)
    leap = np.where(np.arange(1000) < 500, 0.0, rule.z * rule.floor + 1)
    assert furthest(still, 0.0, rule) < 0 < furthest(leap, 0.0, rule)
    assert furthest(rhythm_of(place, profile), profile.noise, rule) < 0


def transitions(park: str, start_ms: int, hours: float, period_s: int, points: int) -> int:
    """How often the full rules change their mind about a park's quiet readings."""
    found = next(each for each in catalogue.parks() if each.id == park)
    layout = catalogue.park_points(points, 1, found.industries)
    build, noise = (stream(3, replication=0, park=2, name=name) for name in ("build", "noise"))
    physics = QuietPhysics(
        frame(layout, catalogue.profiles(), period_s * 1000),
        layout,
        catalogue.profiles(),
        build,
        noise,
        weather=city_weather(3, 0, start_ms),
        industries=found.industries,
    )
    monitor = Monitor(layout.points, catalogue.full_rules().rules)
    index, count = np.arange(points, dtype=np.int32), 0
    for step in range(round(hours * 3600 / period_s)):
        now_ms = start_ms + step * period_s * 1000
        value = physics.advance(now_ms, now_ms - start_ms)
        columns = monitor.check(0, Columns(index, np.full(points, now_ms), value), now_ms)
        count += len(monitor.apply(0, columns, step + 1).transitions)
    return count


def test_quiet_days_raise_nothing() -> None:
    """Five days from a Saturday minute by minute, the morning before a holiday second by second: no alarm at all."""
    assert transitions("changshou-etdz", SATURDAY_MS, 120, 60, 2000) == 0
    assert transitions("xiyong-bonded", WEDNESDAY_MS + 6 * 3_600_000, 3, 1, 1000) == 0
