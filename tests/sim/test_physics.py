"""The quiet physics of the points: what every reading keeps to, and the statistics that the catalogue promises.

Fixed seeds and a level of about one in a thousand: a test that fails means that the physics changed, not bad luck.
"""

import math
from statistics import NormalDist

import numpy as np
import pytest
from numpy.typing import NDArray

from contract import catalogue
from sim.randomness import stream
from sim.world.physics import QuietPhysics, as_measured, frame, kernel, quiet
from sim.world.physics.frame import Frame
from sim.world.physics.rhythm import kind_names

LAYOUT = catalogue.park_points(2000, 4)
PROFILES = catalogue.profiles()
MONDAY_MS = 1_607_270_400_000  # 2020-12-07T00:00:00+08:00
DAY_MS = 86_400_000
SIGMAS = 3.3  # two-sided one in a thousand
KOLMOGOROV = 1.95  # critical value of sqrt(n) D at one in a thousand (Kolmogorov 1933)
Grid = NDArray[np.float64]


def kind(name: str) -> NDArray[np.intp]:
    """The points of one kind, given as subsystem/device/quantity."""
    return np.flatnonzero(LAYOUT.profile == kind_names().index(name))


def one_a_zone(name: str) -> NDArray[np.intp]:
    """The first point of a kind in each zone: points without any noise in common."""
    points = kind(name)
    return points[np.unique(LAYOUT.zone[points], return_index=True)[1]]


def park(common: Frame, number: int = 1) -> QuietPhysics:
    """The physics of a park."""
    build, noise = (stream(5, replication=0, park=number, name=name) for name in ("build", "noise"))
    return QuietPhysics(common, LAYOUT, PROFILES, build, noise)


def lived(steps: int, period_ms: int, from_ms: int = MONDAY_MS) -> tuple[Grid, Grid]:
    """Measured values of a park, (steps, points), and what they would be without noise."""
    physics = park(frame(LAYOUT, PROFILES, period_ms))
    rows, levels = [], []
    for step in range(steps):
        rows.append(physics.advance(from_ms + step * period_ms, step * period_ms))
        levels.append(physics.level)
    return np.array(rows), np.array(levels)


@pytest.fixture(scope="module")
def day() -> Grid:
    """A working day of a park, sampled every two minutes."""
    return lived(720, 120_000)[0]


@pytest.fixture(scope="module")
def apart() -> tuple[Grid, Grid]:
    """Readings 50 minutes apart, which share less than a hundredth of a noise with a memory of ten minutes."""
    return lived(500, 3_000_000)


def unit_noise(apart: tuple[Grid, Grid], points: NDArray[np.intp]) -> Grid:
    """Readings less their level, in standard deviations of their profile's noise."""
    spread = np.array([PROFILES[each].noise for each in LAYOUT.profile[points]])
    noise: Grid = (apart[0][:, points] - apart[1][:, points]) / spread
    return noise


def distance_to(sample: Grid, distribution: NormalDist) -> float:
    """Kolmogorov's D of a sample from a normal distribution."""
    ordered = np.sort(sample.ravel())
    wanted = np.array([distribution.cdf(each) for each in ordered.tolist()])
    rank = np.arange(1, len(ordered) + 1) / len(ordered)
    return float(max(np.abs(rank - wanted).max(), np.abs(rank - 1 / len(ordered) - wanted).max()))


def test_normal_operation_never_leaves_its_band(day: Grid) -> None:
    """No quiet point ever comes near a limit, so that any alert of a quiet night is a false one."""
    low = np.array([PROFILES[each].quiet_low for each in LAYOUT.profile])
    high = np.array([PROFILES[each].quiet_high for each in LAYOUT.profile])
    assert (day >= low).all()
    assert (day <= high).all()


def test_values_have_the_decimals_of_their_instrument(day: Grid) -> None:
    """Values are rounded, so that decimal text gives back the same bits, and there is no negative zero."""
    for number, profile in enumerate(PROFILES):
        values = day[:50, number == LAYOUT.profile]
        assert np.array_equal(np.round(values, profile.decimals), values)
        assert not np.signbit(values[values == 0]).any()
        assert all(float(f"{value:.{profile.decimals}f}") == value for value in values[:2].ravel())


def test_rounding_again_changes_nothing(day: Grid) -> None:
    """Whoever disturbs some points may round all of them."""
    again = as_measured(day.copy(), frame(LAYOUT, PROFILES, 1000).scale)
    assert again.tobytes() == day.tobytes()


@pytest.mark.parametrize("readings", [1, 5_000])
def test_blocks_change_nothing(readings: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many steps are made at once is a matter of speed alone."""
    common = frame(LAYOUT, PROFILES, 1000)
    usual = park(common)
    wanted = [usual.advance(MONDAY_MS + step * 1000, step * 1000).tobytes() for step in range(25)]
    monkeypatch.setattr(quiet, "BLOCK_READINGS", readings)
    other = park(common)
    assert [other.advance(MONDAY_MS + step * 1000, step * 1000).tobytes() for step in range(25)] == wanted


def test_readings_handed_out_stay() -> None:
    """What was handed out is never written to again, and writing to it changes no later reading."""
    common = frame(LAYOUT, PROFILES, 1000)
    first, second = park(common), park(common)
    kept = first.advance(MONDAY_MS, 0)
    second.advance(MONDAY_MS, 0)[:] = 7.0
    before = kept.copy()
    for step in range(1, 30):
        time = (MONDAY_MS + step * 1000, step * 1000)
        assert first.advance(*time).tobytes() == second.advance(*time).tobytes()
    assert (kept == before).all()


def test_time_goes_on_step_by_step() -> None:
    """A time that does not follow the last one is refused, since the readings in between would be missing."""
    physics = park(frame(LAYOUT, PROFILES, 1000))
    physics.advance(MONDAY_MS, 0)
    with pytest.raises(ValueError, match=f"expected the readings of {MONDAY_MS + 1000}, found {MONDAY_MS + 2000}"):
        physics.advance(MONDAY_MS + 2000, 2000)


def test_parks_differ() -> None:
    """Two parks with the same points read nothing alike."""
    common = frame(LAYOUT, PROFILES, 1000)
    points = kind("env/water/cod")
    one, other = (park(common, number).advance(MONDAY_MS, 0)[points] for number in (1, 2))
    assert (one != other).mean() > 0.9


def test_normal_numbers_are_normal() -> None:
    """The kernel's normal numbers have mean 0, variance 1, no skew, a normal's kurtosis, and its distribution."""
    draws = np.empty(1_000_000, np.float32)
    kernel.fill_normal(draws, 0, np.uint64(11))
    x = draws.astype(np.float64)
    root = math.sqrt(len(x))
    assert abs(x.mean()) < SIGMAS / root
    assert abs(x.var() - 1) < SIGMAS * math.sqrt(2) / root
    assert abs((x**3).mean()) < SIGMAS * math.sqrt(15) / root
    assert abs((x**4).mean() - 3) < SIGMAS * math.sqrt(96) / root
    assert distance_to(x[:100_000], NormalDist()) < KOLMOGOROV / math.sqrt(100_000) + 0.0021  # as the kernel says


def test_normal_numbers_of_points_and_steps_are_independent() -> None:
    """Neighbouring counters and neighbouring steps have nothing to do with each other, nor do their squares."""
    rows = np.empty((400, 2000), np.float32)
    for step, row in enumerate(rows):
        kernel.fill_normal(row, 0, np.uint64(kernel.step_key(np.uint64(3), step)))
    x = rows.astype(np.float64)
    pairs = [(x[:, :-1], x[:, 1:]), (x[:-1], x[1:]), (x[:, :-16], x[:, 16:]), (x[:-1, :-1], x[1:, 1:])]
    for one, other in pairs:
        root = math.sqrt(one.size)
        assert abs((one * other).mean()) < SIGMAS / root
        assert abs(((one**2 - 1) * (other**2 - 1)).mean()) < SIGMAS * 2 / root


def test_noise_has_its_strength_from_beginning_to_end(apart: tuple[Grid, Grid]) -> None:
    """The noise of a profile is normal with its standard deviation, in the first half as in the second."""
    noise = unit_noise(apart, one_a_zone("env/water/cod"))  # 0.1 mg/L is a fortieth of its noise
    assert distance_to(noise, NormalDist()) < KOLMOGOROV / math.sqrt(noise.size) + 0.0021 + 0.4 / 40
    halves = np.split(noise, 2)
    assert abs(math.log(halves[0].var() / halves[1].var())) < SIGMAS * 2 / math.sqrt(halves[0].size)


@pytest.mark.parametrize("name", ["env/water/cod", "energy/supply/power", "building/room/humidity", "env/air/pm10"])
def test_noise_falls_off_with_its_time_constant(name: str) -> None:
    """The correlation of neighbouring readings is exp(-period / reversion)."""
    points = one_a_zone(name)
    readings, levels = lived(3000, 60_000)
    noise = readings[:, points] - levels[:, points]
    wanted = math.exp(-60 / PROFILES[LAYOUT.profile[points[0]]].reversion_s)
    found = (noise[1:] * noise[:-1]).sum() / (noise[:-1] ** 2).sum()
    assert abs(found - wanted) < SIGMAS * math.sqrt((1 - wanted**2) / noise.size) + 1e-3  # rounding adds a little


def correlation(noise: Grid, pairs: list[tuple[int, int]]) -> tuple[float, float]:
    """Fisher's z over pairs, and its standard error if the pairs are independent."""
    z = [math.atanh(np.corrcoef(noise[:, one], noise[:, other])[0, 1]) for one, other in pairs]
    return float(np.mean(z)), 1 / math.sqrt(len(pairs) * (len(noise) - 3))


def test_points_of_a_kind_in_a_zone_move_together(apart: tuple[Grid, Grid]) -> None:
    """The zone's share of the noise is the correlation of its points; other zones are independent."""
    points = kind("env/water/cod")
    noise, zone = unit_noise(apart, points), LAYOUT.zone[points]
    first = np.unique(zone, return_index=True)[1].tolist()
    share = PROFILES[LAYOUT.profile[points[0]]].zone_share
    together, error = correlation(noise, [(place, place + 1) for place in first])
    assert abs(together - math.atanh(share)) < SIGMAS * error
    strangers, error = correlation(noise, [(one, other) for one, other in zip(first[::2], first[1::2], strict=True)])
    assert abs(strangers) < SIGMAS * error


@pytest.mark.parametrize(
    ("one", "other", "is_related"),
    [
        ("energy/supply/current", "energy/supply/power", True),
        ("env/air/pm25", "env/air/pm10", True),
        ("env/water/cod", "env/water/nh3-n", False),
    ],
)
def test_related_kinds_move_together(one: str, other: str, is_related: bool, apart: tuple[Grid, Grid]) -> None:
    """Current and power, and the sizes of dust, share the zone's noise; water's quantities do not."""
    left, right = one_a_zone(one), one_a_zone(other)
    noise = unit_noise(apart, np.concatenate([left, right]))
    share = PROFILES[LAYOUT.profile[left[0]]].zone_share if is_related else 0.0
    found, error = correlation(noise, [(place, place + len(left)) for place in range(len(left))])
    memory = math.exp(-3000 / PROFILES[LAYOUT.profile[left[0]]].reversion_s)
    error *= math.sqrt(
        (1 + memory**2) / (1 - memory**2)
    )  # neighbours in time are not quite independent (Bartlett 1935)
    assert abs(found - math.atanh(share)) < SIGMAS * error


def test_binary_points_stay_as_long_as_they_should() -> None:
    """With a constant share p and memory T, times at 1 are exponential with mean T / (1 - p), and p is the share."""
    points, memory, share, steps = 200, 50.0, 0.3, 20_000
    place, value = np.arange(points, dtype=np.int32), np.empty(points)
    state, due = np.zeros(points), np.zeros(points, np.int64)
    shares, memories = np.full(points, share, np.float32), np.full(points, memory)
    seen = np.empty((steps, points))
    for step in range(steps):
        bits = np.uint64(kernel.step_key(np.uint64(9), step))
        kernel.switch(value, step, bits, 0, place, shares, memories, state, due)
        seen[step] = value
    assert set(np.unique(seen)) == {0.0, 1.0}
    error = math.sqrt(share * (1 - share) * 2 * memory / seen.size)
    assert abs(seen.mean() - share) < SIGMAS * error
    turns = np.diff(seen, axis=0)
    stays = np.concatenate([ends_after(turns[:, point]) for point in range(points)])
    mean = (memory + 0.5) / (1 - share)  # a wait is rounded up to whole steps
    rank = (np.arange(len(stays)) + 0.5) / len(stays)
    distance = np.abs(rank - -np.expm1(-np.sort(stays) / mean)).max()
    assert distance < KOLMOGOROV / math.sqrt(len(stays)) + 0.5 / mean


def ends_after(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """How long a point was 1, each time that it turned to 1 and back."""
    up, down = np.flatnonzero(turns > 0), np.flatnonzero(turns < 0)
    down = down[down > up[0]]
    stays: NDArray[np.float64] = (down - up[: len(down)]).astype(np.float64)
    return stays


def test_binary_points_are_on_for_their_share_of_a_working_day(day: Grid) -> None:
    """A binary point is 0 or 1, and 1 for the share of a working day that its profile says."""
    for name in ("parking/bay/occupied", "lighting/lamp/lit", "access/door/open"):
        seen = day[:, kind(name)]
        profile = PROFILES[kind_names().index(name)]
        assert set(np.unique(seen)) == {0.0, 1.0}
        error = math.sqrt(profile.base * (1 - profile.base) * 2 * profile.reversion_s / 86_400 / seen.shape[1])
        assert abs(seen.mean() - profile.base) < SIGMAS * error
