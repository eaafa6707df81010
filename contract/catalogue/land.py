"""The catalogue's industries: families and their members merged, and what they do to a park's mix of points."""

import functools
from collections.abc import Container, Iterable
from typing import NamedTuple

import msgspec

from contract.catalogue.load import parks, profiles, read
from contract.catalogue.model import Entry, Industry, QuantityProfile, Shifts, ZoneKind
from contract.errors import HarnessError

FILE = "industries.yaml"
WEIGHT_MIN, WEIGHT_MAX = 0.1, 10.0


class _Family(Entry, frozen=True, kw_only=True):
    family: str
    shifts: Shifts
    zones: tuple[str, ...]
    weights: dict[str, float]


class _Written(Entry, frozen=True, kw_only=True):
    """An industry as written; what it does not say, its family says."""

    industry: str
    name_en: str
    name_zh: str
    family: str
    power_kw: float
    shifts: Shifts | None = None
    zones: tuple[str, ...] = ()
    weights: dict[str, float] = msgspec.field(default_factory=dict)


class _File(Entry, frozen=True, kw_only=True):
    zone_kinds: tuple[ZoneKind, ...]
    outdoor: tuple[str, ...]
    families: tuple[_Family, ...]
    industries: tuple[_Written, ...]


class Land(NamedTuple):
    """All of the file.

    Attributes:
        industries: by name.
        zone_kinds: by their code.
        outdoor: kinds of device, "subsystem/device", that stand in the open.
    """

    industries: dict[str, Industry]
    zone_kinds: dict[str, ZoneKind]
    outdoor: frozenset[str]


@functools.cache
def industries() -> tuple[Industry, ...]:
    """Every industry, in the order of the file."""
    return tuple(land().industries.values())


@functools.cache
def land() -> Land:
    """The file, checked.

    Raises:
        HarnessError: an unknown family, zone kind, subsystem or device, a weight out of bounds, a name that
            stands twice, or an industry of a park that is not here.
    """
    written = read(FILE, _File)
    families = {family.family: family for family in written.families}
    kinds = {kind.zone_kind: kind for kind in written.zone_kinds}
    merged = {one.industry: _merged(place, one, families) for place, one in enumerate(written.industries)}
    if len(merged) < len(written.industries):
        raise HarnessError(
            f"{FILE}: industries: expected each name once, found {len(written.industries)} entries for {len(merged)}"
        )
    devices = {device for profile in profiles() for device in (profile.subsystem, device_kind(profile))}
    for industry in merged.values():
        _check(industry, devices, kinds)
    _check_known(f"{FILE}: outdoor", written.outdoor, devices)
    for park in parks():
        _check_known(f"parks.yaml: {park.id}.industries", park.industries, merged)
    return Land(merged, kinds, frozenset(written.outdoor))


def device_kind(profile: QuantityProfile) -> str:
    """The kind of device as weights and the list of outdoor devices name it: subsystem/device."""
    return f"{profile.subsystem}/{profile.device}"


def factor(industry: Industry, profile: QuantityProfile) -> float:
    """How many times as many points of a profile an industry has as the mean park."""
    weights = industry.weights
    return weights.get(device_kind(profile), weights.get(profile.subsystem, 1.0))


def _merged(place: int, written: _Written, families: dict[str, _Family]) -> Industry:
    if written.family not in families:
        wanted = ", ".join(families)
        raise HarnessError(f"{FILE}: industries[{place}].family: expected one of {wanted}, found {written.family!r}")
    family = families[written.family]
    return Industry(
        industry=written.industry,
        name_en=written.name_en,
        name_zh=written.name_zh,
        family=written.family,
        shifts=written.shifts or family.shifts,
        power_kw=written.power_kw,
        zones=written.zones or family.zones,
        weights=family.weights | written.weights,
    )


def _check(industry: Industry, devices: set[str], kinds: dict[str, ZoneKind]) -> None:
    where = f"{FILE}: {industry.industry}"
    _check_known(f"{where}.zones", industry.zones, kinds)
    _check_known(f"{where}.weights", industry.weights, devices)
    for key, weight in industry.weights.items():
        if not WEIGHT_MIN <= weight <= WEIGHT_MAX:
            raise HarnessError(f"{where}.weights.{key}: expected {WEIGHT_MIN} to {WEIGHT_MAX}, found {weight}")


def _check_known(where: str, found: Iterable[str], known: Container[str]) -> None:
    for each in found:
        if each not in known:
            raise HarnessError(f"{where}: expected a name that is defined, found {each!r}")
