"""Arithmetic of a logger: means, amounts, conversions, flags of intervals.

HJ 212-2017, Appendix D and the notes to C.16 to C.18.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from contract.errors import HarnessError

TEN_MINUTES_S: Final = 600
SAMPLES_PER_TEN_MINUTES_MIN: Final = 120
SAMPLES_PER_MINUTE_MIN: Final = 12
MINUTES_PER_HOUR_MIN: Final = 45
HOURS_PER_DAY_MIN: Final = 20
NORMAL_SHARE: Final = 0.75

STANDARD_PRESSURE_PA: Final = 101_325.0
ZERO_CELSIUS_K: Final = 273.0  # as the standard prints it
MOLAR_VOLUME_L: Final = 22.4
OXYGEN_OF_AIR_PERCENT: Final = 21.0
MOLAR_MASS_NO: Final = 30.0
MOLAR_MASS_NO2: Final = 46.0

_PER_THOUSAND: Final = 1e3
_FLAGS: Final = "FMSDCTB"
"""Flags that are not normal, in the order of table 8."""


class WaterInterval(msgspec.Struct, frozen=True, kw_only=True):
    """Waste water over an interval.

    Attributes:
        duration_s: its length.
        discharge_m3: what flowed.
        mass_kg: of the pollutant in it.
        concentration_mg_l: mean, weighted by flow; the plain mean where nothing flowed.
        is_complete: it rests on as many values as the standard asks for.
    """

    duration_s: float
    discharge_m3: float
    mass_kg: float
    concentration_mg_l: float
    is_complete: bool

    @property
    def flow_l_s(self) -> float:
        """Mean flow over the whole interval."""
        return self.discharge_m3 * _PER_THOUSAND / self.duration_s


def water_ten_minutes(
    flows_l_s: Sequence[float], concentrations_mg_l: Sequence[float], slice_s: float
) -> WaterInterval:
    """Ten minutes of slices: discharge Q T / 10^3, mass C D / 10^3, both summed (D.1).

    Args:
        flows_l_s: mean flow of each slice.
        concentrations_mg_l: of the pollutant in each slice.
        slice_s: length of a slice; the standard asks for 5 s or less, so for 120 slices or more.

    Raises:
        HarnessError: there are no slices, or not as many of one as of the other.
    """
    if not flows_l_s or len(flows_l_s) != len(concentrations_mg_l):
        found = f"{len(flows_l_s)} flows and {len(concentrations_mg_l)} concentrations"
        raise HarnessError(f"a flow and a concentration for each slice, found {found}")
    slices_m3 = [flow * slice_s / _PER_THOUSAND for flow in flows_l_s]
    discharge = math.fsum(slices_m3)
    mass = math.fsum(c * d / _PER_THOUSAND for c, d in zip(concentrations_mg_l, slices_m3, strict=True))
    return WaterInterval(
        duration_s=TEN_MINUTES_S,
        discharge_m3=discharge,
        mass_kg=mass,
        concentration_mg_l=mass * _PER_THOUSAND / discharge if discharge > 0 else _mean(concentrations_mg_l),
        is_complete=len(flows_l_s) >= SAMPLES_PER_TEN_MINUTES_MIN,
    )


def water_sum(parts: Sequence[WaterInterval], duration_s: float) -> WaterInterval:
    """An hour of ten-minute intervals or a day of hours (D.1): amounts are summed, the concentration weighted by flow.

    Complete from one part on, as the standard allows 1 to 6 and 1 to 24.

    Raises:
        HarnessError: there are no parts.
    """
    if not parts:
        raise HarnessError("an interval of at least one part, found none")
    discharge = math.fsum(part.discharge_m3 for part in parts)
    mass = math.fsum(part.mass_kg for part in parts)
    plain = _mean([part.concentration_mg_l for part in parts])
    return WaterInterval(
        duration_s=duration_s,
        discharge_m3=discharge,
        mass_kg=mass,
        concentration_mg_l=mass * _PER_THOUSAND / discharge if discharge > 0 else plain,
        is_complete=True,
    )


def gas_minute_mean(samples: Sequence[float]) -> float | None:
    """Mean of samples at most 5 s apart; None for fewer than 12 (D.2)."""
    return _mean(samples) if len(samples) >= SAMPLES_PER_MINUTE_MIN else None


def gas_hour_mean(minutes: Sequence[float]) -> float | None:
    """Mean of valid minute means; None for fewer than 45 (D.2)."""
    return _mean(minutes) if len(minutes) >= MINUTES_PER_HOUR_MIN else None


def gas_day_mean(hours: Sequence[float]) -> float | None:
    """Mean of valid hour means; None for fewer than 20 (D.2)."""
    return _mean(hours) if len(hours) >= HOURS_PER_DAY_MIN else None


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def to_standard_state(concentration: float, *, ambient_pa: float, static_pa: float, temperature_c: float) -> float:
    """Csn = Cs (101325 / (Ba + Ps)) ((273 + ts) / 273): the concentration at 0 °C and 101.325 kPa (D.2)."""
    return (
        concentration
        * (STANDARD_PRESSURE_PA / (ambient_pa + static_pa))
        * ((ZERO_CELSIUS_K + temperature_c) / ZERO_CELSIUS_K)
    )


def to_dry(concentration: float, moisture: float) -> float:
    """Cdry = Cwet / (1 - Xsw), with the moisture as a share below 1; HarnessError otherwise (D.2)."""
    if not 0 <= moisture < 1:
        raise HarnessError(f"moisture is a share from 0 to below 1, found {moisture}")
    return concentration / (1 - moisture)


def ppm_to_mg_m3(ppm: float, molar_mass: float) -> float:
    """mg/m³ at standard state of a volume share, for a gas of so many g/mol: M / 22.4 (D.2)."""
    return ppm * molar_mass / MOLAR_VOLUME_L


def nox_as_no2(no_mg_m3: float, no2_mg_m3: float) -> float:
    """NOx as NO2: C(NO) M(NO2) / M(NO) + C(NO2) (D.2)."""
    return no_mg_m3 * MOLAR_MASS_NO2 / MOLAR_MASS_NO + no2_mg_m3


def to_reference_oxygen(concentration: float, *, oxygen_percent: float, reference_percent: float) -> float:
    """Czs = Csn (21 - O2s) / (21 - O2): what the concentration were at the standard's oxygen content (D.2).

    Raises:
        HarnessError: the flue gas has as much oxygen as air or more, so nothing was burnt.
    """
    if oxygen_percent >= OXYGEN_OF_AIR_PERCENT:
        raise HarnessError(f"oxygen below {OXYGEN_OF_AIR_PERCENT:g} %, found {oxygen_percent}")
    return concentration * (OXYGEN_OF_AIR_PERCENT - reference_percent) / (OXYGEN_OF_AIR_PERCENT - oxygen_percent)


def dry_standard_flow_m3_h(
    *, area_m2: float, velocity_m_s: float, ambient_pa: float, static_pa: float, temperature_c: float, moisture: float
) -> float:
    """Qsn = 3600 F Vs (273 / (273 + ts)) ((Ba + Ps) / 101325) (1 - Xsw) (D.2)."""
    wet = 3600 * area_m2 * velocity_m_s
    state = ZERO_CELSIUS_K / (ZERO_CELSIUS_K + temperature_c) * (ambient_pa + static_pa) / STANDARD_PRESSURE_PA
    return wet * state * (1 - moisture)


def emission_rate_kg_h(concentration_mg_m3: float, dry_flow_m3_h: float) -> float:
    """G = C Qsn 10^-6; a day's emission is the sum of its hours (D.2)."""
    return concentration_mg_m3 * dry_flow_m3_h * 1e-6


def water_flag(flags: Sequence[str]) -> str:
    """Flag of a waste-water interval: one abnormal value below makes it abnormal.

    Which flag it then has the standard does not say: the most frequent one, in the order of table 8 where two are
    (assumption).
    """
    found = Counter(flag for flag in flags if flag != "N")
    return max(found, key=lambda flag: (found[flag], -_FLAGS.find(flag))) if found else "N"


def gas_flag(flags: Sequence[str]) -> str:
    """Flag of a flue-gas interval: N where more than three quarters of the values below are normal, otherwise D."""
    normal = sum(flag == "N" for flag in flags)
    return "N" if flags and normal > NORMAL_SHARE * len(flags) else "D"
