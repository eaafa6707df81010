"""Types of the catalogue. Every record carries where it comes from and how far to trust it."""

import datetime as dt
from typing import Literal

import msgspec

from contract.messages import Level
from contract.rules import Rule

Mark = Literal["V", "S", "M", "A"]
"""V: read in the primary text; S: secondary copy; M: from memory; A: engineering assumption."""

Tier = Literal["1", "3", "7", "36"]
Phase = Literal["pilot-2018", "second-2019", "third-2019", "full-2020"]
Shifts = Literal["day", "two", "continuous"]
"""One shift, two shifts, or three around the clock."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all that people write into the catalogue: an unknown key is an error with its path."""


class Park(Entry, frozen=True, kw_only=True):
    """A park of the plan's "1+3+7+36".

    Attributes:
        tier: group of the plan; which park belongs to which is inferred (`tier_mark`).
        latitude, longitude: degrees north and east, rough (`position_mark`).
        phase: batch of the plan in which the park is connected.
        industries: those that the park is known for; each is an entry of `industries()`.
        area_km2: of the built-up park, as far as known.
        firms: enterprises in the park.
        size: its number of points relative to the mean over all parks; their mean is 1.
        synthetic: the park is invented to fill the plan's number.
        source, mark: of the name.
    """

    id: str
    name_en: str
    name_zh: str
    tier: Tier
    latitude: float
    longitude: float
    phase: Phase
    phase_mark: Mark
    industries: tuple[str, ...]
    industries_mark: Mark
    area_km2: float
    area_mark: Mark
    firms: int
    firms_mark: Mark
    size: float
    synthetic: bool
    source: str
    mark: Mark
    tier_mark: Mark = "A"
    position_mark: Mark = "A"
    size_mark: Mark = "A"


class Industry(Entry, frozen=True, kw_only=True):
    """What an industry means for a park; all of it is assumption.

    Attributes:
        industry: as parks name it.
        family: group of industries that are much alike.
        shifts: when it works.
        power_kw: typical mean electric power of a firm.
        zones: kinds of zone in turn (`ZoneKind.zone_kind`).
        weights: factor on the points of a subsystem ("safety") or, before that, of a kind of device ("safety/gas").
    """

    industry: str
    name_en: str
    name_zh: str
    family: str
    shifts: Shifts
    power_kw: float
    zones: tuple[str, ...]
    weights: dict[str, float]
    mark: Mark = "A"


class ZoneKind(Entry, frozen=True, kw_only=True):
    """What a zone is used for, with its names."""

    zone_kind: str
    name_en: str
    name_zh: str


class DaysOff(Entry, frozen=True, kw_only=True):
    """A public holiday from its first to its last day."""

    first: dt.date
    last: dt.date


class HolidayYear(Entry, frozen=True, kw_only=True):
    """The public holidays of a year, and the weekend days `worked` in exchange."""

    year: int
    off: tuple[DaysOff, ...]
    worked: tuple[dt.date, ...]
    source: str
    mark: Mark


class Limit(Entry, frozen=True, kw_only=True):
    """One alarm limit of a quantity; `high-high` and `low-low` are the second, more serious level.

    Deadband in the quantity's unit, delays in seconds; both are engineering assumptions.
    """

    side: Literal["high", "high-high", "low", "low-low"]
    value: float
    deadband: float
    on_delay_s: float
    off_delay_s: float
    level: Level
    source: str
    mark: Mark

    @property
    def is_high(self) -> bool:
        """The alarm is above the limit, not below."""
        return self.side.startswith("high")


class QuantityProfile(Entry, frozen=True, kw_only=True):
    """One kind of point: a quantity of a kind of device, how it behaves in normal operation, and its limits.

    Attributes:
        subsystem, device, quantity: as in the point name `subsystem/zone/device-0001/quantity`.
        unit: SenML unit where one exists (RFC 8428 section 12.1), else the usual symbol; "1" for none.
        kind: `binary` points are 0 or 1; `base` is then the share of time at 1.
        minimum, maximum: range of the sensor.
        decimals: digits after the point that the sensor reports.
        base: mean.
        daily_amplitude: of the daily cycle around `base`.
        noise: standard deviation of the fluctuation (stationary).
        zone_share: share of the fluctuation that the zone's points of this kind have in common, 0 to 1.
        reversion_s: time constant of the fluctuation (first-order autoregressive).
        drift_per_day: largest drift of a sensor a day, in the unit.
        quiet_low, quiet_high: normal operation stays inside; further inside the limits than the deadbands.
        sampling_s: usual period in the field; scenarios set their own.
        per_thousand: share of this kind among a park's points.
        every_zone: each zone gets one point of this kind before the weights decide, so that no incident goes unseen.
        rules: rules beyond the limits.
        source, mark: of the range and the normal behaviour.
    """

    subsystem: str
    device: str
    quantity: str
    unit: str
    kind: Literal["analogue", "binary"]
    minimum: float
    maximum: float
    decimals: int
    base: float
    daily_amplitude: float
    noise: float
    zone_share: float
    reversion_s: float
    drift_per_day: float
    quiet_low: float
    quiet_high: float
    sampling_s: float
    per_thousand: int
    every_zone: bool = False
    limits: tuple[Limit, ...] = ()
    rules: tuple[Rule, ...] = ()
    source: str = "assumption"
    mark: Mark = "A"


class Device(Entry, frozen=True, kw_only=True):
    """A kind of device with its names."""

    device: str
    name_en: str
    name_zh: str


class Subsystem(Entry, frozen=True, kw_only=True):
    """One of the 14 management subsystems; `code` is the first part of its points' names, `id` its number here."""

    id: int
    code: str
    name_en: str
    name_zh: str
    devices: tuple[Device, ...]
    profiles: tuple[QuantityProfile, ...]


Service = Literal["government", "financing", "innovation", "applications", "supply-chain", "capacity", "logistics"]
"""The seven services of a park's service platform."""


class FormField(Entry, frozen=True, kw_only=True):
    """A field of an application; `minimum` for numbers, `choices` for strings."""

    name: str
    type: Literal["string", "integer", "number", "boolean"]
    name_en: str
    name_zh: str
    minimum: float | None = None
    choices: tuple[str, ...] = ()


class Matter(Entry, frozen=True, kw_only=True):
    """A service matter that enterprises apply for; `code` is what an application names."""

    code: str
    service: Service
    name_en: str
    name_zh: str
    kind: str
    applicants: tuple[str, ...]
    promised_days: int
    form: tuple[FormField, ...]
    source: str
    mark: Mark
