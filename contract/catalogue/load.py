"""The catalogue's YAML files to checked structs."""

import functools
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Literal, TypeVar

import msgspec
import yaml

from contract.addresses import check_identifier
from contract.catalogue.model import (
    Device,
    Entry,
    HolidayYear,
    Limit,
    Mark,
    Matter,
    Park,
    QuantityProfile,
    Subsystem,
)
from contract.catalogue.written_rules import Written, park_rule, quantity_rule
from contract.errors import HarnessError, PeerError
from contract.rules import Rule
from contract.strict_yaml import CoreLoader

_T = TypeVar("_T")
PER_THOUSAND = 1000


class _Normal(Entry, frozen=True, kw_only=True):
    """Behaviour without an incident, as written."""

    base: float
    daily_amplitude: float
    noise: float
    zone_share: float
    reversion_s: float
    drift_per_day: float
    band: tuple[float, float]


class _Quantity(Entry, frozen=True, kw_only=True):
    """A quantity as written under its device."""

    quantity: str
    unit: str
    range: tuple[float, float]
    decimals: int
    normal: _Normal
    sampling_s: float
    per_thousand: int
    kind: Literal["analogue", "binary"] = "analogue"
    every_zone: bool = False
    limits: tuple[Limit, ...] = ()
    rules: tuple[Written, ...] = ()
    source: str = "assumption"
    mark: Mark = "A"


class _DeviceEntry(Entry, frozen=True, kw_only=True):
    device: str
    name_en: str
    name_zh: str
    quantities: tuple[_Quantity, ...]


class _RulesFile(Entry, frozen=True, kw_only=True):
    defaults: dict[str, Written]
    rules: tuple[Written, ...]


class _SubsystemFile(Entry, frozen=True, kw_only=True):
    code: str
    name_en: str
    name_zh: str
    devices: tuple[_DeviceEntry, ...]


@functools.cache
def parks() -> tuple[Park, ...]:
    """The 47 parks, in the order of the plan's tiers."""
    loaded = _read(_folder() / "parks.yaml", tuple[Park, ...])
    for number, park in enumerate(loaded):
        _check_part("parks.yaml", f"[{number}].id", park.id)
    return loaded


@functools.cache
def matters() -> tuple[Matter, ...]:
    """The service matters that enterprises may apply for."""
    loaded = _read(_folder() / "matters.yaml", tuple[Matter, ...])
    for number, matter in enumerate(loaded):
        _check_part("matters.yaml", f"[{number}].code", matter.code)
    return loaded


@functools.cache
def holidays() -> tuple[HolidayYear, ...]:
    """The public holidays, year by year without a gap.

    Raises:
        HarnessError: a year is missing, a day lies in another year, or a holiday ends before it begins.
    """
    loaded = read("holidays.yaml", tuple[HolidayYear, ...])
    for number, year in enumerate(loaded):
        where = f"holidays.yaml: [{number}]"
        if year.year != loaded[0].year + number:
            raise HarnessError(f"{where}.year: expected {loaded[0].year + number}, found {year.year}")
        if any(day.year != year.year for off in year.off for day in (off.first, off.last)):
            raise HarnessError(f"{where}.off: expected days of {year.year}")
        if any(off.last < off.first for off in year.off):
            raise HarnessError(f"{where}.off: expected each first day before or at its last")
    return loaded


@functools.cache
def subsystems() -> tuple[Subsystem, ...]:
    """The 14 management subsystems, in the order of their files."""
    files = sorted((_folder() / "subsystems").iterdir(), key=lambda file: file.name)
    return tuple(_subsystem(file) for file in files if file.name.endswith(".yaml"))


@functools.cache
def profiles() -> tuple[QuantityProfile, ...]:
    """The kinds of point of all subsystems; a profile's place here is its index."""
    return tuple(profile for subsystem in subsystems() for profile in subsystem.profiles)


@functools.cache
def park_rules() -> tuple[Rule, ...]:
    """The rules about several points together, or at certain hours."""
    file = _rules_file().rules
    return tuple(park_rule(written, f"rules.yaml: rules[{place}]") for place, written in enumerate(file))


@functools.cache
def _rules_file() -> _RulesFile:
    return _read(_folder() / "rules.yaml", _RulesFile)


def _folder() -> Traversable:
    return resources.files("contract.catalogue")


def read(name: str, kind: type[_T]) -> _T:
    """One of the catalogue's files; raises HarnessError with the file, the place and what is wrong."""
    return _read(_folder() / name, kind)


def _read(file: Traversable, kind: type[_T]) -> _T:
    """Parse a YAML file into `kind`.

    Raises:
        HarnessError: with the file, the place and what is wrong.
    """
    try:
        written = yaml.load(file.read_text(encoding="utf-8"), CoreLoader)  # noqa: S506 - a subclass of the safe loaders
        return msgspec.convert(written, kind)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise HarnessError(f"{file.name}: {error}") from error


def _subsystem(file: Traversable) -> Subsystem:
    written = _read(file, _SubsystemFile)
    _check_part(file.name, "code", written.code)
    found = tuple(
        _profile(file.name, written.code, device.device, quantity)
        for device in written.devices
        for quantity in device.quantities
    )
    return Subsystem(
        id=int(file.name.partition("-")[0]),
        code=written.code,
        name_en=written.name_en,
        name_zh=written.name_zh,
        devices=tuple(Device(device=one.device, name_en=one.name_en, name_zh=one.name_zh) for one in written.devices),
        profiles=found,
    )


def _profile(file: str, code: str, device: str, written: _Quantity) -> QuantityProfile:
    normal = written.normal
    profile = QuantityProfile(
        subsystem=code,
        device=device,
        quantity=written.quantity,
        unit=written.unit,
        kind=written.kind,
        minimum=written.range[0],
        maximum=written.range[1],
        decimals=written.decimals,
        base=normal.base,
        daily_amplitude=normal.daily_amplitude,
        noise=normal.noise,
        zone_share=normal.zone_share,
        reversion_s=normal.reversion_s,
        drift_per_day=normal.drift_per_day,
        quiet_low=normal.band[0],
        quiet_high=normal.band[1],
        sampling_s=written.sampling_s,
        per_thousand=written.per_thousand,
        every_zone=written.every_zone,
        limits=written.limits,
        rules=_quantity_rules(file, f"{code}/{device}/{written.quantity}", written.rules),
        source=written.source,
        mark=written.mark,
    )
    for part in (device, written.quantity):
        _check_part(file, "device and quantity", part)
    check_profile(file, profile)
    return profile


def _quantity_rules(file: str, quantity: str, written: tuple[Written, ...]) -> tuple[Rule, ...]:
    defaults = _rules_file().defaults
    return tuple(
        quantity_rule(one, defaults, quantity, f"{file}: {quantity}.rules[{place}]")
        for place, one in enumerate(written)
    )


def _check_part(file: str, where: str, text: str) -> None:
    try:
        check_identifier(text, where)
    except PeerError as error:
        raise HarnessError(f"{file}: {error}") from error


def check_profile(file: str, profile: QuantityProfile) -> None:
    """Hold a profile to what the simulated world relies on.

    Raises:
        HarnessError: the band leaves the sensor's range or comes within a deadband of a limit, or a limit cannot be
            reached.
    """
    where = f"{file}: {profile.device}/{profile.quantity}"
    low, high = profile.quiet_low, profile.quiet_high
    if not profile.minimum <= low <= profile.base <= high <= profile.maximum:
        raise HarnessError(
            f"{where}: expected minimum <= band low <= base <= band high <= maximum, found {low} to {high}"
        )
    for limit in profile.limits:
        if not profile.minimum < limit.value < profile.maximum:
            raise HarnessError(f"{where}: expected a limit inside the sensor's range, found {limit.value}")
        inside = high < limit.value - limit.deadband if limit.is_high else low > limit.value + limit.deadband
        if not inside:
            raise HarnessError(
                f"{where}: expected a band further than the deadband from the {limit.side} limit {limit.value}, "
                f"found {low} to {high}"
            )
