"""The rhythms of the day, the week and the year, the weather's part in them, and what of `rhythms.yaml` is refused."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from contract import catalogue
from contract.errors import HarnessError
from sim.randomness import stream
from sim.world.ground import Sky, Weather
from sim.world.physics import QuietPhysics, frame
from sim.world.physics.rhythm import FILE, kind_names, laid_out, liveliness, read, rhythms

LAYOUT = catalogue.park_points(4000, 4)
PROFILES = catalogue.profiles()
PERIOD_MS = 900_000
WORKDAY_MS = 1_601_222_400_000  # Monday 2020-09-28T00:00:00+08:00; Saturday and Sunday before: one of them worked
WEEKEND_MS = 1_600_444_800_000  # Saturday 2020-09-19
HOLIDAY_MS = 1_601_481_600_000  # 2020-10-01, a Thursday
SIGMAS = 3.3
TEXT = FILE.read_text(encoding="utf-8")


def lived(
    from_ms: int, *, weather: Weather | None = None, industries: tuple[str, ...] = ()
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A day by the quarter of an hour: readings and levels, (96, points); the same devices in each call."""
    build, noise = (stream(5, replication=0, park=1, name=name) for name in ("build", "noise"))
    common = frame(LAYOUT, PROFILES, PERIOD_MS)
    physics = QuietPhysics(common, LAYOUT, PROFILES, build, noise, weather=weather, industries=industries)
    rows, levels = [], []
    for step in range(96):
        rows.append(physics.advance(from_ms + step * PERIOD_MS, step * PERIOD_MS))
        levels.append(physics.level)
    return np.array(rows), np.array(levels)


@pytest.fixture(scope="module")
def days() -> dict[str, NDArray[np.float64]]:
    """Readings of a working day, a Saturday and a public holiday, (96, points)."""
    return {
        name: lived(from_ms)[0]
        for name, from_ms in (("workday", WORKDAY_MS), ("weekend", WEEKEND_MS), ("holiday", HOLIDAY_MS))
    }


def mean_of(readings: NDArray[np.float64], name: str, from_h: float, to_h: float) -> float:
    """Mean over the points of a kind between two hours."""
    points = np.flatnonzero(LAYOUT.profile == kind_names().index(name))
    return float(readings[round(from_h * 4) : round(to_h * 4), points].mean())


def test_readings_scatter_around_their_level() -> None:
    """Hour by hour the mean over many points is what rhythm and base say, within what their noise allows."""
    readings, levels = lived(WORKDAY_MS)
    for name in ("energy/supply/current", "access/door/passages", "attendance/gate/present", "env/water/cod"):
        points = np.flatnonzero(LAYOUT.profile == kind_names().index(name))
        profile = PROFILES[kind_names().index(name)]
        residual = (readings - levels)[:, points].mean(axis=1)
        alike = len(points) / 8 * profile.zone_share + 1 - profile.zone_share  # points of a zone move together
        error = profile.noise * math.sqrt(alike / len(points))
        memory = math.exp(-PERIOD_MS / 1000 / profile.reversion_s)
        chi_square = (residual / error) ** 2
        slack = SIGMAS * math.sqrt(2 * 96 * (1 + memory**2) / (1 - memory**2))
        assert abs(chi_square.sum() - 96) < slack, name


def test_traffic_peaks_twice(days: dict[str, NDArray[np.float64]]) -> None:
    """Doors are passed most in the morning and in the evening, less in between, hardly at night."""
    morning, noon, evening, night = (
        mean_of(days["workday"], "access/door/passages", *hours)
        for hours in ((7.75, 8.75), (9.75, 11.25), (17.25, 18.25), (1, 4))
    )
    assert min(morning, evening) > noon + 1 > night + 1.5


def test_lamps_burn_by_night(days: dict[str, NDArray[np.float64]]) -> None:
    """Street lamps are lit and draw power by night, on every kind of day."""
    for day in days.values():
        assert mean_of(day, "lighting/lamp/lit", 21, 24) > 0.97
        assert mean_of(day, "lighting/lamp/lit", 9, 16) < 0.03
        assert mean_of(day, "lighting/lamp/power", 21, 24) > 4 * mean_of(day, "lighting/lamp/power", 9, 16)


def test_the_week_and_the_year_have_days_off(days: dict[str, NDArray[np.float64]]) -> None:
    """At ten in the morning a working day has most load and staff, a weekend less, a holiday least."""
    for name in ("energy/supply/current", "energy/supply/power", "attendance/gate/present", "parking/bay/occupied"):
        work, weekend, holiday = (mean_of(days[day], name, 9.5, 11) for day in ("workday", "weekend", "holiday"))
        assert work > weekend > holiday, name
    voltage = [mean_of(days[day], "energy/supply/voltage", 9.5, 11) for day in ("workday", "weekend", "holiday")]
    assert voltage == sorted(voltage)  # the load pulls it down


def test_outdoor_temperature_peaks_at_three(days: dict[str, NDArray[np.float64]]) -> None:
    """Tanks in the sun are warmest in the afternoon, on a holiday as on a working day."""
    for day in days.values():
        by_hour = [mean_of(day, "safety/tank/temperature", hour, hour + 1) for hour in range(24)]
        assert np.argmax(by_hour) in (13, 14, 15, 16)


def test_a_day_begins_where_the_last_one_ended() -> None:
    """No level jumps at midnight, whatever kinds of day meet there."""
    forms = rhythms().forms
    assert np.allclose(forms[:, :, 0], forms[:, :1, 0], atol=1e-6)
    assert np.allclose(forms[:, :, -1], forms[:, :1, 0], atol=1e-6)


def test_forms_have_mean_zero_and_size_one() -> None:
    """The profile's base is the mean over a working day, and its amplitude the greatest deviation from it."""
    analogue = [place for place, profile in enumerate(PROFILES) if profile.kind == "analogue"]
    for place in sorted({int(rhythms().table[kind]) for kind in analogue}):
        workday = rhythms().forms[place, 0, :-1]
        assert abs(workday.mean()) < 1e-6
        assert np.abs(workday).max() == pytest.approx(1, abs=1e-3)


def test_shifts_flatten_load_and_staff() -> None:
    """A park that works around the clock swings less than one with a day shift; what the sun drives does not care."""
    assert liveliness(()) == 1.0
    assert liveliness(("software",)) == 1.0
    assert liveliness(("chemicals",)) < liveliness(("chemicals", "food")) < 1.0
    chemical, office = (lived(WORKDAY_MS, industries=(name,))[1] for name in ("chemicals", "software"))
    for name, is_flatter in (("energy/supply/current", True), ("safety/tank/temperature", False)):
        points = np.flatnonzero(LAYOUT.profile == kind_names().index(name))
        swings = [np.ptp(levels[:, points], axis=0).mean() for levels in (chemical, office)]
        assert (swings[0] < 0.6 * swings[1]) if is_flatter else swings[0] == pytest.approx(swings[1])


class Steady(Weather):
    """The same sky all the time."""

    def __init__(self, sky: Sky) -> None:
        self._sky = sky

    def at(self, time_ms: int) -> Sky:  # noqa: ARG002 - the same at any time
        """As it was made."""
        return self._sky


@pytest.mark.parametrize(
    ("name", "sky", "change"),
    [
        ("safety/tank/temperature", Sky(1, 0, 0), 3.0),
        ("gis/pipe/level", Sky(0, 0, 1), 0.08),
        ("env/air/pm10", Sky(0, 0, 0.5), -1.5),
        ("emergency/weather/wind", Sky(0, -1, 0), -1.2),
        ("safety/oxygen/o2", Sky(1, 1, 1), 0.0),
    ],
)
def test_weather_moves_what_it_should(name: str, sky: Sky, change: float) -> None:
    """Each quantity answers to the city's weather by its own factor."""
    points = np.flatnonzero(LAYOUT.profile == kind_names().index(name))
    levels = [lived(WORKDAY_MS, weather=each)[1][:, points] for each in (Steady(sky), None)]
    assert (levels[0] - levels[1]).mean() == pytest.approx(change, abs=1e-4)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rhythm: sun, temperature: 3", "rhythm: moon", "rhythm: expected one of afternoon, sun, .*, found 'moon'"),
        (
            "- {quantity: gis/road/depth",
            "- {quantity: gis/road/width",
            "expected subsystem/.* of a profile, found 'gis/road/width'",
        ),
        (
            "moves_with: energy/supply/current",
            "moves_with: env/water/cod",
            "expected a quantity with a reversion of 120 s, found",
        ),
        (
            "workday: [[0, 0.35], [5, 0.35]",
            "workday: [[0, 0.3], [5, 0.35]",
            r"rhythms\[2\]: expected all days to begin and end at one level",
        ),
        (
            "[5, 0.35], [6.5, 0.45]",
            "[7, 0.35], [6.5, 0.45]",
            r"rhythms\[2\].workday: expected rising hours from 0 to 24",
        ),
        (
            "[9, 0.42], [17, 0.42]",
            "[9, 1.42], [17, 0.42]",
            r"rhythms\[2\].holiday: expected levels within .*, 0.35 to 1",
        ),
        ("cosine_peak_h: 14", "cosine_peak_h: 24", r"rhythms\[0\]: expected cosine_peak_h from 0 to 24"),
        ("continuous: 0.55", "continuous: 1.55", "shifts: expected 0 to 1 for each of day, two, continuous"),
        ("spread_min: 30", "spread: 30", "Object contains unknown field `spread`"),
    ],
)
def test_bad_rhythms_are_refused(old: str, new: str, message: str) -> None:
    """A fault in the file is an error with its place, what was wanted and what was found."""
    assert old in TEXT
    laid_out(read(TEXT))
    with pytest.raises(HarnessError, match=message):
        read(TEXT.replace(old, new, 1))
