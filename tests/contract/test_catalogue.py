"""The catalogue: counts of the plan, marks, and what the simulated world relies on."""

import fnmatch
import re
from collections import Counter
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
import pytest

from contract import catalogue
from contract.addresses import check_identifier, check_point_name
from contract.catalogue.load import check_profile
from contract.catalogue.model import Service
from contract.errors import HarnessError


def test_parks_are_those_of_the_plan() -> None:
    """47 parks as 1+3+7+36; 28 names have a source, 19 are synthetic and say so."""
    parks = catalogue.parks()
    assert Counter(park.tier for park in parks) == {"1": 1, "3": 3, "7": 7, "36": 36}
    assert [park.id for park in parks if park.synthetic] == [f"park-{number}" for number in range(29, 48)]
    assert Counter(park.phase for park in parks)["pilot-2018"] == 12
    for attribute in ("id", "name_en", "name_zh"):
        assert len({getattr(park, attribute) for park in parks}) == 47
    assert len({(park.latitude, park.longitude) for park in parks}) == 47
    assert all(28.1 < park.latitude < 32.3 and 105.2 < park.longitude < 110.3 for park in parks)  # Chongqing
    assert all(park.position_mark == park.tier_mark == "A" for park in parks)
    for park in parks:
        check_identifier(park.id, "park")


def test_subsystems_are_those_of_the_plan() -> None:
    """The 14 management subsystems, each with at least one kind of point."""
    subsystems = catalogue.subsystems()
    assert [subsystem.id for subsystem in subsystems] == list(range(1, 15))
    named = "物业管理 消防管理 视频监控 园区广播 环保管理 安全巡检 楼宇自控"
    named += " 能耗监测 地理信息 应急指挥 智能照明 停车管理 门禁管理 考勤管理"
    assert sorted(subsystem.name_zh for subsystem in subsystems) == sorted(named.split())
    assert all(subsystem.profiles for subsystem in subsystems)
    assert sum(profile.per_thousand for profile in catalogue.profiles()) == 1000


def test_a_quantity_has_one_profile() -> None:
    """Subsystem, device and quantity name a profile, so that a rule's glob matches one kind of point."""
    keys = [(profile.subsystem, profile.device, profile.quantity) for profile in catalogue.profiles()]
    assert len(set(keys)) == len(keys)


def test_normal_operation_keeps_clear_of_the_limits() -> None:
    """The quiet band and the usual fluctuation lie further from each limit than its deadband, also as printed."""
    for profile in catalogue.profiles():
        check_profile("catalogue", profile)
        step = 10.0**-profile.decimals
        assert profile.quiet_high - profile.quiet_low >= step
        if profile.kind == "analogue":
            assert profile.base + profile.daily_amplitude + profile.noise <= profile.quiet_high
            assert profile.base - profile.daily_amplitude - profile.noise >= profile.quiet_low or profile.quiet_low == 0
        for limit in profile.limits:
            assert limit.deadband >= step
            assert 1 <= limit.on_delay_s <= 5
            assert limit.source


def test_hazards_have_limits() -> None:
    """Gas, smoke, heat, waste water, flue gas, supply, flooding and machines can raise an alarm, in every zone."""
    limited = {(one.device, one.quantity) for one in catalogue.profiles() if one.limits and one.every_zone}
    assert limited >= {
        *(
            ("gas", "lel"),
            ("toxic", "h2s"),
            ("toxic", "nh3"),
            ("toxic", "cl2"),
            ("smoke", "smoke"),
            ("heat", "temperature"),
        ),
        *(
            ("water", "cod"),
            ("water", "nh3-n"),
            ("water", "ph"),
            ("flue", "so2"),
            ("flue", "nox"),
            ("supply", "voltage"),
        ),
        *(("pipe", "level"), ("road", "depth"), ("fan", "vibration"), ("transformer", "oil-temperature")),
    }


def test_second_limits_are_beyond_the_first() -> None:
    """High-high lies above high and is more serious, low-low below low."""
    rank = ["blue", "yellow", "orange", "red"]
    for profile in catalogue.profiles():
        limit = {one.side: one for one in profile.limits}
        assert len(limit) == len(profile.limits)
        for first, second, sign in (("high", "high-high", 1), ("low", "low-low", -1)):
            if second in limit:
                assert sign * limit[second].value > sign * limit[first].value
                assert rank.index(limit[second].level) > rank.index(limit[first].level)


@pytest.mark.parametrize(("points", "gateways"), [(2000, 20), (2000, 4), (2001, 20), (7, 3), (50, 1)])
def test_layout(points: int, gateways: int) -> None:
    """Gateways and zones are contiguous blocks of the index, zones lie inside gateways, names are unique and fit."""
    layout = catalogue.park_points(points, gateways)
    assert len(layout.points) == len(set(layout.names)) == points
    assert (len(layout.gateways), len(layout.zones)) == (gateways, 2 * gateways)
    for column, names, attribute in ((layout.gateway, layout.gateways, "gateway"), (layout.zone, layout.zones, "zone")):
        assert column.dtype == np.int32
        assert (np.diff(column) >= 0).all()
        assert sorted(set(column.tolist())) == list(range(len(names)))
        assert [names[place] for place in column] == [getattr(point, attribute) for point in layout.points]
    assert (layout.gateway == layout.zone // 2).all()
    profiles = catalogue.profiles()
    for point, kind in zip(layout.points, layout.profile.tolist(), strict=True):
        subsystem, zone, device, quantity = check_point_name(point.name, "name").split("/")
        profile = profiles[kind]
        assert (subsystem, quantity, point.unit) == (profile.subsystem, profile.quantity, profile.unit)
        assert re.fullmatch(rf"{profile.device}-\d{{4}}", device)
        assert zone == point.zone


def test_every_zone_can_have_every_incident() -> None:
    """Zones of 50 points hold each kind of point that hazards need, and the park holds all 14 subsystems."""
    layout = catalogue.park_points(2000, 20)
    needed = {kind for kind, profile in enumerate(catalogue.profiles()) if profile.every_zone}
    for zone in range(40):
        assert needed <= set(layout.profile[layout.zone == zone].tolist())
    assert len({point.subsystem for point in layout.points}) == 14


def test_layout_is_shared_and_safe() -> None:
    """The layout is made once; nobody can change it for the others; impossible ones are refused."""
    layout = catalogue.park_points(2000, 20)
    assert catalogue.park_points(2000, 20) is layout
    with pytest.raises(ValueError, match="read-only"):
        layout.zone[0] = 1
    with pytest.raises(ValueError, match="3 points cannot fill 2 gateways with 2 zones each"):
        catalogue.park_points(3, 2)


def test_standard_rules_match_their_points() -> None:
    """One rule for each limit; each glob matches exactly the points of its profile; ids are identifiers."""
    rules = catalogue.standard_rules().rules
    wanted = [(profile, limit) for profile in catalogue.profiles() for limit in profile.limits]
    assert len({check_identifier(rule.id, "rule") for rule in rules}) == len(rules) == len(wanted)
    layout = catalogue.park_points(10_000, 20)
    for rule, (profile, limit) in zip(rules, wanted, strict=True):
        pattern = re.compile("[^/]*".join(re.escape(part) for part in rule.points.split("*")))
        matched = {name for name in layout.names if pattern.fullmatch(name)}
        kinds = {kind for kind, name in zip(layout.profile.tolist(), layout.names, strict=True) if name in matched}
        assert [catalogue.profiles()[kind] for kind in kinds] == [profile]
        assert matched == set(fnmatch.filter(layout.names, rule.points))
        assert (rule.high, rule.low) == ((limit.value, None) if limit.is_high else (None, limit.value))
        assert rule.level == limit.level


def test_matters() -> None:
    """Matters have typed forms, a promise in days and a code of their own; all seven services offer some."""
    matters = catalogue.matters()
    codes = [matter.code for matter in matters]
    assert codes[:2] == ["drainage-permit", "hot-work-permit"]
    assert len(set(codes)) == len(codes)
    assert {matter.service for matter in matters} == set(get_args(Service))
    for matter in matters:
        assert matter.promised_days >= 1
        assert len({field.name for field in matter.form}) == len(matter.form) > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quiet_high": 98.0}, "expected a band further than the deadband from the high limit 100"),
        ({"base": 500.0}, "expected minimum <= band low <= base <= band high <= maximum"),
        ({"maximum": 100.0}, "expected a limit inside the sensor's range, found 100"),
    ],
)
def test_profiles_that_would_spoil_the_truth(change: dict[str, float], message: str) -> None:
    """A profile under which normal operation could raise an alert, or none could be raised, is refused."""
    cod = next(profile for profile in catalogue.profiles() if profile.quantity == "cod")
    with pytest.raises(HarnessError, match=message):
        check_profile("05-env.yaml", msgspec.structs.replace(cod, **change))


def test_marks_are_explained_in_the_data() -> None:
    """Each data file says in its head what is assumption."""
    folder = Path(catalogue.__file__).parent
    for file in folder.rglob("*.yaml"):
        assert "[A]" in file.read_text(encoding="utf-8").split("\n- ")[0], file.name
