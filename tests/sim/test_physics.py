"""The quiet physics of the points."""

import numpy as np
import pytest
from numpy.typing import NDArray

from contract import catalogue
from sim.randomness import stream
from sim.world.enterprise import activity
from sim.world.physics import Frame, QuietPhysics, as_measured, frame

LAYOUT = catalogue.park_points(2000, 4)
PROFILES = catalogue.profiles()
MONDAY_MS = 1_607_270_400_000  # 2020-12-07T00:00:00+08:00
HOUR_MS = 3_600_000


def _kind(name: str) -> NDArray[np.intp]:
    """The points of one kind, given as subsystem/device/quantity."""
    kinds = [f"{profile.subsystem}/{profile.device}/{profile.quantity}" for profile in PROFILES]
    return np.flatnonzero(LAYOUT.profile == kinds.index(name))


def _lived(common: Frame, steps: int, period_ms: int) -> NDArray[np.float64]:
    """Measured values of a park, (steps, points)."""
    named = {name: stream(5, replication=0, park=1, name=name) for name in ("build", "noise")}
    physics = QuietPhysics(common, LAYOUT, PROFILES, named["build"], named["noise"])
    rows = [
        as_measured(physics.advance(MONDAY_MS + step * period_ms, step * period_ms), common.scale)
        for step in range(steps)
    ]
    return np.array(rows)


@pytest.fixture(scope="module")
def day() -> NDArray[np.float64]:
    """A day of a park, sampled every two minutes."""
    return _lived(frame(LAYOUT, PROFILES, 120_000), 720, 120_000)


def test_normal_operation_never_leaves_its_band(day: NDArray[np.float64]) -> None:
    """No quiet point ever comes near a limit, so that any alert of a quiet night is a false one."""
    low = np.array([PROFILES[kind].quiet_low for kind in LAYOUT.profile])
    high = np.array([PROFILES[kind].quiet_high for kind in LAYOUT.profile])
    assert (day >= low).all()
    assert (day <= high).all()


def test_values_have_the_decimals_of_their_instrument(day: NDArray[np.float64]) -> None:
    """Values are rounded, so that decimal text gives back the same bits, and there is no negative zero."""
    for kind, profile in enumerate(PROFILES):
        values = day[:50, kind == LAYOUT.profile]
        assert np.array_equal(np.round(values, profile.decimals), values)
        assert not np.signbit(values[values == 0]).any()
        assert all(float(f"{value:.{profile.decimals}f}") == value for value in values[:2].ravel())


def test_days_have_their_cycle(day: NDArray[np.float64]) -> None:
    """A quantity with a daily cycle is higher in the early afternoon than at night, by about its amplitude."""
    current = np.mean(day[:, _kind("energy/supply/current")], axis=1)
    afternoon, night = current[390:450].mean(), current[30:90].mean()
    assert afternoon - night == pytest.approx(100, rel=0.2)


def test_points_of_a_kind_in_a_zone_move_together(day: NDArray[np.float64]) -> None:
    """The zone's share of the noise is the correlation of its points; other zones and other kinds are independent."""
    points = _kind("building/room/humidity")
    zone = LAYOUT.zone[points]
    steps = np.diff(day[:, points], axis=0)  # differences, so that the daily cycle plays no part
    correlation = np.corrcoef(steps.T)
    same = zone[:, None] == zone[None, :]
    np.fill_diagonal(same, val=False)
    share = PROFILES[LAYOUT.profile[points[0]]].zone_share
    assert correlation[same].mean() == pytest.approx(share, abs=0.06)
    assert correlation[zone[:, None] != zone[None, :]].mean() == pytest.approx(0, abs=0.03)


def test_noise_has_its_strength_and_its_memory() -> None:
    """The noise of a profile has its standard deviation and falls off with its time constant."""
    points = _kind("safety/oxygen/o2")  # a kind without a daily cycle
    profile = PROFILES[LAYOUT.profile[points[0]]]
    lived = _lived(frame(LAYOUT, PROFILES, 10_000), 3000, 10_000)[:, points]
    centred = lived - lived.mean(axis=0)
    lag = round(profile.reversion_s / 10)
    memory = (centred[lag:] * centred[:-lag]).mean() / (centred**2).mean()
    assert memory == pytest.approx(np.exp(-1), abs=0.06)
    assert centred.std() == pytest.approx(profile.noise, rel=0.15)


def test_binary_points_are_on_for_their_share_of_time(day: NDArray[np.float64]) -> None:
    """A binary point is 0 or 1, and 1 for the share of time that its profile says."""
    bays = day[:, _kind("parking/bay/occupied")]
    assert set(np.unique(bays)) == {0.0, 1.0}
    share = PROFILES[LAYOUT.profile[_kind("parking/bay/occupied")[0]]].base
    assert bays.mean() == pytest.approx(share, abs=0.08)


def test_offices_keep_their_hours() -> None:
    """Activity is full on a working morning, low at noon, almost nothing at night, a tenth on Saturday."""
    at = {hour: activity(MONDAY_MS + hour * HOUR_MS) for hour in range(24)}
    assert at[10] == 1.0
    assert at[3] == pytest.approx(0.02)
    assert at[3] < at[7] < at[10] > at[13] < at[15]
    assert activity(MONDAY_MS + (5 * 24 + 10) * HOUR_MS) == pytest.approx(0.1)
