"""The arithmetic of Appendix D, against numbers worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.devices.hj212 import computations as c
from contract.errors import HarnessError


def test_water_of_ten_minutes() -> None:
    """10 L/s at 50 mg/L and 30 L/s at 100 mg/L, five minutes each: 12 m³, 1.05 kg, 87.5 mg/L, 20 L/s."""
    found = c.water_ten_minutes([10.0] * 60 + [30.0] * 60, [50.0] * 60 + [100.0] * 60, 5.0)
    assert found.discharge_m3 == pytest.approx(12.0)
    assert found.mass_kg == pytest.approx(1.05)
    assert found.concentration_mg_l == pytest.approx(87.5)
    assert found.flow_l_s == pytest.approx(20.0)
    assert found.is_complete
    assert not c.water_ten_minutes([10.0] * 119, [50.0] * 119, 5.0).is_complete


def test_water_without_flow_has_the_plain_mean() -> None:
    """Where nothing flowed the concentration is the arithmetic mean."""
    assert c.water_ten_minutes([0.0, 0.0], [10.0, 30.0], 300.0).concentration_mg_l == 20.0


@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(0, 1000)), min_size=1, max_size=6))
def test_an_hour_conserves_what_flowed(parts: list[tuple[float, float]]) -> None:
    """Amounts add up, and the hour's mean lies between those of its parts."""
    tens = [c.water_ten_minutes([flow], [conc], 600.0) for flow, conc in parts]
    hour = c.water_sum(tens, 3600.0)
    assert hour.discharge_m3 == pytest.approx(sum(ten.discharge_m3 for ten in tens))
    assert hour.mass_kg == pytest.approx(sum(ten.mass_kg for ten in tens))
    means = [ten.concentration_mg_l for ten in tens]
    assert min(means) - 1e-6 <= hour.concentration_mg_l <= max(means) + 1e-6


def test_means_of_flue_gas_need_enough_values() -> None:
    """12 samples, 45 minutes, 20 hours; fewer make no mean."""
    for mean, least in ((c.gas_minute_mean, 12), (c.gas_hour_mean, 45), (c.gas_day_mean, 20)):
        assert mean([2.0] * (least - 1)) is None
        assert mean([2.0] * (least - 1) + [2.0 + least]) == pytest.approx(3.0)


def test_conversions() -> None:
    """Each formula at a point where its result is plain."""
    assert c.to_standard_state(100.0, ambient_pa=101_325, static_pa=0, temperature_c=273) == pytest.approx(200.0)
    assert c.to_dry(90.0, 0.1) == pytest.approx(100.0)
    assert c.ppm_to_mg_m3(10.0, 64.0) == pytest.approx(28.571, abs=1e-3)
    assert c.nox_as_no2(30.0, 4.0) == pytest.approx(50.0)
    assert c.to_reference_oxygen(50.0, oxygen_percent=11, reference_percent=6) == pytest.approx(75.0)
    flow = c.dry_standard_flow_m3_h(
        area_m2=2, velocity_m_s=10, ambient_pa=101_325, static_pa=0, temperature_c=273, moisture=0.1
    )
    assert flow == pytest.approx(32_400.0)
    assert c.emission_rate_kg_h(50.0, 20_000.0) == pytest.approx(1.0)


def test_what_cannot_be_converted_is_an_error() -> None:
    """No division by zero reaches a value."""
    with pytest.raises(HarnessError, match="oxygen below 21 %, found 21"):
        c.to_reference_oxygen(50.0, oxygen_percent=21, reference_percent=6)
    with pytest.raises(HarnessError, match="found 1"):
        c.to_dry(50.0, 1.0)
    with pytest.raises(HarnessError, match="found 1 flows and 2 concentrations"):
        c.water_ten_minutes([1.0], [1.0, 2.0], 5.0)
    with pytest.raises(HarnessError, match="found none"):
        c.water_sum([], 3600.0)


def test_flags_of_intervals() -> None:
    """One abnormal value spoils an interval of waste water; flue gas bears up to a quarter."""
    assert c.water_flag("NNNN") == "N"
    assert c.water_flag("NNBN") == "B"
    assert c.water_flag("NMMB") == "M"
    assert c.water_flag("NBM") == "M"
    assert c.gas_flag("NNNN") == "N"
    assert c.gas_flag("NNND") == "D"
    assert c.gas_flag("NNNND") == "N"
    assert c.gas_flag("") == "D"
