"""The rhythms of `rhythms.yaml`: read strictly, checked, and laid out as tables by the minute."""

import functools
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple, get_args

import msgspec
import numpy as np
import yaml
from numpy.typing import NDArray

from contract import catalogue
from contract.catalogue.model import Entry, Mark, Shifts
from contract.errors import HarnessError
from contract.strict_yaml import CoreLoader
from sim.world.ground import DayKind, Sky
from sim.world.physics.kernel import MINUTES_A_DAY

FILE = Path(__file__).with_name("rhythms.yaml")
DAY_H = 24.0
USUAL = "afternoon"
PROBIT_MAX = 8.0
HALVINGS = 40

Knots = tuple[tuple[float, float], ...]


class Rhythm(Entry, frozen=True, kw_only=True):
    """How a mean goes through the day: a cosine, the same every day, or levels at hours for each kind of day.

    Attributes:
        spread_min: standard deviation, in minutes, of how late devices are.
        cosine_peak_h: hour of the highest level; then there are no knots.
        by_shifts: a park that works more shifts swings less.
        workday, weekend, holiday: (hour, level) from hour 0 to 24.
    """

    rhythm: str
    name_en: str
    name_zh: str
    spread_min: float
    mark: Mark
    by_shifts: bool = False
    cosine_peak_h: float | None = None
    workday: Knots = ()
    weekend: Knots = ()
    holiday: Knots = ()


class Follows(Entry, frozen=True, kw_only=True):
    """What one quantity follows; see the file's head."""

    quantity: str
    rhythm: str = USUAL
    swing: float = 1.0
    moves_with: str = ""
    temperature: float = 0.0
    wind: float = 0.0
    rain: float = 0.0


class _File(Entry, frozen=True, kw_only=True):
    shifts: dict[Shifts, float]
    rhythms: tuple[Rhythm, ...]
    quantities: tuple[Follows, ...]


class Rhythms(NamedTuple):
    """All rhythms, laid out for k kinds of point (profiles of the catalogue) and r tables.

    Attributes:
        follows: (k) what each kind follows.
        table: (k,) int32, its table. A binary kind has a table of its own, of its share of time at 1.
        spread_min: (k,) float32.
        forms: (r, 3, 1441) float32, by kind of day and minute: deviations between -1 and 1, or shares.
        by_shifts: (k,) whether the kind's rhythm grows flatter with shifts.
        shifts: factor on its swing by the shifts worked.
        weather: (3, k) what a full deviation of temperature, wind and rain adds, in the kind's unit.
    """

    follows: tuple[Follows, ...]
    table: NDArray[np.int32]
    spread_min: NDArray[np.float32]
    forms: NDArray[np.float32]
    by_shifts: NDArray[np.bool_]
    shifts: dict[Shifts, float]
    weather: NDArray[np.float64]


def kind_names() -> list[str]:
    """Name of each profile of the catalogue: subsystem/device/quantity."""
    return [f"{profile.subsystem}/{profile.device}/{profile.quantity}" for profile in catalogue.profiles()]


@functools.cache
def rhythms() -> Rhythms:
    """The file, checked and laid out.

    Raises:
        HarnessError: with the file, the place, what was wanted and found.
    """
    return laid_out(read(FILE.read_text(encoding="utf-8")))


def read(text: str) -> _File:
    """Parse and check what people wrote; raises HarnessError with place, found and wanted."""
    try:
        written = msgspec.convert(yaml.load(text, CoreLoader), _File)  # noqa: S506 - a subclass of the safe loaders
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise HarnessError(f"{FILE.name}: {error}") from error
    if sorted(written.shifts) != sorted(get_args(Shifts)) or not all(0 <= one <= 1 for one in written.shifts.values()):
        raise HarnessError(
            f"{FILE.name}: shifts: expected 0 to 1 for each of {', '.join(get_args(Shifts))}, found {written.shifts}"
        )
    known = {rhythm.rhythm: rhythm for rhythm in written.rhythms}
    for place, rhythm in enumerate(written.rhythms):
        _check_rhythm(f"{FILE.name}: rhythms[{place}]", rhythm)
    reversion_s = dict(zip(kind_names(), (profile.reversion_s for profile in catalogue.profiles()), strict=True))
    for place, follows in enumerate(written.quantities):
        where = f"{FILE.name}: quantities[{place}]"
        if follows.quantity not in reversion_s:
            raise HarnessError(
                f"{where}.quantity: expected subsystem/device/quantity of a profile, found {follows.quantity!r}"
            )
        if follows.rhythm not in known:
            raise HarnessError(f"{where}.rhythm: expected one of {', '.join(known)}, found {follows.rhythm!r}")
        with_s = reversion_s.get(follows.moves_with) if follows.moves_with else reversion_s[follows.quantity]
        if with_s != reversion_s[follows.quantity]:
            wanted = f"a quantity with a reversion of {reversion_s[follows.quantity]:g} s"
            raise HarnessError(f"{where}.moves_with: expected {wanted}, found {follows.moves_with!r}")
    return written


def _check_rhythm(where: str, rhythm: Rhythm) -> None:
    days = (rhythm.workday, rhythm.weekend, rhythm.holiday)
    if rhythm.cosine_peak_h is not None:
        if any(days) or not 0 <= rhythm.cosine_peak_h < DAY_H:
            raise HarnessError(f"{where}: expected cosine_peak_h from 0 to 24 and no levels beside it")
        return
    for name, knots in zip(("workday", "weekend", "holiday"), days, strict=True):
        hours = [hour for hour, _ in knots]
        if hours != sorted(set(hours)) or hours[:1] != [0] or hours[-1:] != [DAY_H]:
            raise HarnessError(f"{where}.{name}: expected rising hours from 0 to 24, found {hours}")
    ends = {level for knots in days for level in (knots[0][1], knots[-1][1])}
    if len(ends) != 1:
        raise HarnessError(f"{where}: expected all days to begin and end at one level, found {sorted(ends)}")
    low, high = (pick(level for _, level in rhythm.workday) for pick in (min, max))
    if low == high:
        raise HarnessError(f"{where}.workday: expected levels that differ, found {low:g} throughout")
    for name, knots in (("weekend", rhythm.weekend), ("holiday", rhythm.holiday)):
        if any(not low * 0.9 <= level <= high for _, level in knots):
            raise HarnessError(f"{where}.{name}: expected levels within those of a working day, {low:g} to {high:g}")


def laid_out(written: _File) -> Rhythms:
    """Tables by the minute from what was written."""
    by_quantity = {follows.quantity: follows for follows in written.quantities}
    place = {rhythm.rhythm: number for number, rhythm in enumerate(written.rhythms)}
    forms = [_form(rhythm) for rhythm in written.rhythms]
    names, profiles = kind_names(), catalogue.profiles()
    follows = tuple(by_quantity.get(name, Follows(quantity=name)) for name in names)
    table = [place[one.rhythm] for one in follows]
    for kind, (profile, one) in enumerate(zip(profiles, follows, strict=True)):
        if profile.kind == "binary":
            swing = one.swing if one.quantity in by_quantity else 0.0
            forms.append(_shares(profile.base, swing * forms[table[kind]]))
            table[kind] = len(forms) - 1
    spread = [written.rhythms[place[one.rhythm]].spread_min for one in follows]
    weather = [[one.temperature for one in follows], [one.wind for one in follows], [one.rain for one in follows]]
    return Rhythms(
        follows=follows,
        table=np.array(table, np.int32),
        spread_min=np.array(spread, np.float32),
        forms=np.array(forms, np.float32),
        by_shifts=np.array([written.rhythms[place[one.rhythm]].by_shifts for one in follows]),
        shifts=written.shifts,
        weather=np.array(weather),
    )


def _form(rhythm: Rhythm) -> NDArray[np.float64]:
    """Deviations by kind of day and minute, (3, 1441): a working day has mean 0 and greatest deviation 1."""
    hour = np.linspace(0, DAY_H, MINUTES_A_DAY + 1)
    if rhythm.cosine_peak_h is not None:
        return np.tile(np.cos(2 * np.pi / DAY_H * (hour - rhythm.cosine_peak_h)), (len(DayKind), 1))
    days = (rhythm.workday, rhythm.weekend, rhythm.holiday)
    level = np.array([np.interp(hour, [at for at, _ in knots], [to for _, to in knots]) for knots in days])
    mean = level[DayKind.WORKDAY, :-1].mean()
    form: NDArray[np.float64] = (level - mean) / np.abs(level[DayKind.WORKDAY] - mean).max()
    return form


def _shares(base: float, probit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares of time at 1, (3, 1441), that deviate by `probit` from a level at which a working day has mean `base`."""
    normal = NormalDist()
    if not 0 < base < 1:
        return np.full_like(probit, base)
    workday = probit[DayKind.WORKDAY, :-1]
    low, high = -PROBIT_MAX, PROBIT_MAX
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        mean = np.mean([normal.cdf(middle + each) for each in workday.tolist()])
        low, high = (middle, high) if mean < base else (low, middle)
    return np.vectorize(normal.cdf)(low + probit)  # type: ignore[no-any-return]  # numpy types vectorize's result as Any


def liveliness(industries: Sequence[str]) -> float:
    """Factor on the swing of rhythms that shifts make flatter; 1 where no industry is named."""
    if not industries:
        return 1.0
    works = {industry.industry: industry.shifts for industry in catalogue.industries()}
    return float(np.mean([rhythms().shifts[works[name]] for name in industries]))


@functools.lru_cache(maxsize=4)  # all parks of a step share one
def weather_effect(sky: Sky) -> NDArray[np.float32]:
    """(k,) what the weather adds to each kind, in its unit; read-only."""
    effect: NDArray[np.float32] = (np.array(sky) @ rhythms().weather).astype(np.float32)
    effect.setflags(write=False)
    return effect


@functools.lru_cache(maxsize=32)
def three_days(kinds: tuple[DayKind, DayKind, DayKind]) -> NDArray[np.float32]:
    """Tables for yesterday, today and tomorrow in one row, (r, 3 * 1440 + 1) float32, read-only."""
    forms = rhythms().forms
    parts = [forms[:, kind, :-1] for kind in kinds]
    tables = np.concatenate([*parts, forms[:, kinds[-1], -1:]], axis=1)
    tables.setflags(write=False)
    return tables
