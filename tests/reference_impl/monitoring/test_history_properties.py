"""What must not show in a history: the way in which its readings came."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from random import Random
from typing import NamedTuple

import pytest
from agreement import CoreUnderTest, in_one_order
from hypothesis import given, settings
from hypothesis import strategies as st
from monitored_points import points_of
from oracle_alarms import Happening
from oracle_release import Reading
from random_histories import LAYOUTS, Pack, places_of, random_history, seeded
from random_rules import random_rules

from contract.messages import Point
from contract.rules import Rule

HOUR_MS = 3_600_000
START_MS = 1_772_409_540_000  # a minute before a shift of `random_rules` begins

randoms = st.randoms(use_true_random=False)
many = settings(max_examples=100, deadline=None)


class Stream(NamedTuple):
    """Readings of one gateway, in order of time and each at a time of its own, and the rules that judge them."""

    points: list[Point]
    gateway: str
    rules: list[Rule]
    readings: list[Reading]


def random_stream(rng: Random, count: int = 40) -> Stream:
    """A stream with values that meet limits and times that meet timers."""
    points = points_of(rng.choice(LAYOUTS))
    gateway = rng.choice(points).gateway
    places, time_ms, readings = places_of(points, gateway), START_MS, []
    for _ in range(count):
        time_ms += rng.choice([1, 499, 500, 500, 1_000, 1_000, 2_000, 5_000, 5_001, 60_000])
        value = readings[-1].value if readings and rng.random() < 0.3 else rng.randint(0, 20) / 2
        readings.append(Reading(rng.choice(places), time_ms, value))
    return Stream(points, gateway, random_rules(rng), readings)


def in_packs(rng: Random, readings: Sequence[Reading]) -> list[list[Reading]]:
    """Readings cut into packs at random places, in their order."""
    cuts = sorted({0, len(readings), *(rng.randrange(len(readings)) for _ in range(rng.randint(0, 12)))})
    return [list(readings[start:end]) for start, end in pairwise(cuts)]


def told(
    stream: Stream, packs: Iterable[tuple[int | None, Sequence[Reading]]], lateness_ms: int = 5_000
) -> list[Happening]:
    """The whole history of numbered packs of the stream's gateway, which has an end."""
    core = CoreUnderTest(stream.points, stream.rules, lateness_ms)
    happened = [it for number, readings in packs for it in core.apply(stream.gateway, readings, number)[0]]
    return in_one_order(happened + core.finish(stream.gateway)[0])


def in_order(stream: Stream) -> list[Happening]:
    """The history of the stream when each reading comes by itself and at once."""
    return told(stream, [(number, [reading]) for number, reading in enumerate(stream.readings, 1)])


@given(randoms)
@many
def test_any_order_within_lateness_gives_the_same_history(rng: Random) -> None:
    """Each reading is delayed by up to five seconds, on a gateway that does not number its packs."""
    stream = random_stream(rng)
    delayed = sorted(stream.readings, key=lambda reading: reading.time_ms + rng.randint(0, 5_000))
    assert told(stream, [(None, pack) for pack in in_packs(rng, delayed)]) == in_order(stream)


@given(randoms)
@many
def test_numbered_packs_may_come_in_any_order(rng: Random) -> None:
    """As long as none is given up, numbers put everything back into its place."""
    stream = random_stream(rng)
    packs = list(enumerate(in_packs(rng, stream.readings), 1))
    rng.shuffle(packs)
    assert told(stream, packs, lateness_ms=HOUR_MS) == in_order(stream)


@given(randoms)
@many
def test_a_backlog_gives_the_history_that_no_cut_would_have_given(rng: Random) -> None:
    """A gateway that was cut off sends all that it kept, in few large packs, long after its neighbours went on."""
    stream = random_stream(rng)
    cut = rng.randrange(len(stream.readings))
    live, kept = stream.readings[:cut], stream.readings[cut:]
    core = CoreUnderTest(stream.points, stream.rules, 5_000)
    happened = [it for number, one in enumerate(live, 1) for it in core.apply(stream.gateway, [one], number)[0]]
    for other in dict.fromkeys(point.gateway for point in stream.points if point.gateway != stream.gateway):
        core.apply(other, [Reading(places_of(stream.points, other)[0], START_MS + 1_000 * HOUR_MS, 5.0)], 1)
    for number, pack in enumerate(in_packs(rng, kept), cut + 1):
        happened += core.apply(stream.gateway, pack, number)[0]
    assert in_one_order(happened + core.finish(stream.gateway)[0]) == in_order(stream)


@given(randoms)
@many
def test_readings_that_come_twice_change_nothing(rng: Random) -> None:
    """At once or much later, in the same pack or in another, with and without numbers."""
    stream = random_stream(rng)
    doubled: list[Reading] = []
    for reading in stream.readings:
        doubled += [reading] * rng.randint(1, 3)
        doubled += rng.sample(doubled, min(len(doubled), rng.choice([0, 0, 1])))
    numbers = iter(range(1, 1_000)) if rng.random() < 0.5 else None
    packs = [(next(numbers) if numbers else None, pack) for pack in in_packs(rng, doubled)]
    assert told(stream, packs) == in_order(stream)


@given(randoms)
@many
def test_the_cut_into_packs_does_not_show(rng: Random) -> None:
    """One reading a pack or all in one: the history is the same."""
    stream = random_stream(rng)
    assert told(stream, enumerate(in_packs(rng, stream.readings), 1)) == in_order(stream)
    assert told(stream, [(1, stream.readings)]) == in_order(stream)


@given(randoms)
@many
def test_gateways_know_nothing_of_each_other(rng: Random) -> None:
    """What a gateway's points tell is the same when the others are dumb."""
    history = random_history(rng, 20)
    packs = [step for step in history.steps if isinstance(step, Pack)]
    together = CoreUnderTest(history.points, history.rules, history.lateness_ms)
    answers = [(pack.gateway, together.apply(*pack[:1], pack.readings, pack.number)) for pack in packs]
    for gateway in {pack.gateway for pack in packs}:
        alone = CoreUnderTest(history.points, history.rules, history.lateness_ms)
        own = [alone.apply(gateway, pack.readings, pack.number) for pack in packs if pack.gateway == gateway]
        assert own == [answer for of_gateway, answer in answers if of_gateway == gateway]


@given(randoms)
@many
def test_a_kill_at_any_point_does_not_show(rng: Random) -> None:
    """Restored from a snapshot of any age and given the packs since then, a monitor goes on as if nothing had been."""
    history = random_history(rng, 12)
    packs = [step for step in history.steps if isinstance(step, Pack)]
    unbroken, killed = (CoreUnderTest(history.points, history.rules, history.lateness_ms) for _ in range(2))
    for pack in packs:
        rng.choice([killed.save, killed.kill, lambda: None])()
        arrives = (pack.gateway, pack.readings, pack.number)
        assert killed.apply(*arrives) == unbroken.apply(*arrives)
    for gateway in {pack.gateway for pack in packs}:
        assert killed.finish(gateway) == unbroken.finish(gateway)


@pytest.mark.parametrize("seed", range(5))
def test_streams_have_something_to_tell(seed: int) -> None:
    """The properties above are not about empty histories."""
    rng = seeded(seed)
    assert sum(len(in_order(random_stream(rng))) for _ in range(20)) > 200
