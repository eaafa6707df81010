"""Layouts by industry and size: each park has its own mix and number of points, its kinds of zone and its buildings."""

from collections import Counter

import msgspec
import numpy as np
import pytest

from contract import catalogue
from contract.catalogue import land as land_module
from contract.catalogue import load
from contract.catalogue.land import WEIGHT_MAX, WEIGHT_MIN, factor, land
from contract.catalogue.model import HolidayYear, Industry
from contract.errors import HarnessError

PARKS = catalogue.parks()


def share(layout: catalogue.ParkPoints, prefix: str) -> float:
    """Part of a layout's points whose name begins so (the zone left out)."""
    kinds = [f"{profile.subsystem}/{profile.device}/{profile.quantity}" for profile in catalogue.profiles()]
    wanted = [kind for kind, name in enumerate(kinds) if name.startswith(prefix)]
    return float(np.isin(layout.profile, wanted).mean())


def test_sizes_have_mean_one() -> None:
    """The 47 parks have the plan's points in the mean, and none is out of proportion."""
    assert round(sum(park.size for park in PARKS), 6) == 47
    assert all(0.3 <= park.size <= 5 for park in PARKS)


def test_firms_are_spread_as_assumed() -> None:
    """Between 50 and 512 firms a park, with a median near 120; those with a source are marked."""
    firms = sorted(park.firms for park in PARKS)
    assert 50 == firms[0] < firms[-1] == 512
    assert 100 <= firms[len(firms) // 2] <= 140
    assert {park.id for park in PARKS if park.firms_mark == "S"} == {"rongchang-hitech", "changshou-etdz"}
    areas = {park.id: park.area_km2 for park in PARKS if park.area_mark == "S"}
    assert areas == {
        "wanzhou-etdz": 26.5,
        "bishan-hitech": 20,
        "rongchang-hitech": 17.05,
        "gangcheng": 11,
        "huaxi": 4.71,
        "shuangqiao": 10.25,
        "tongxing": 5.27,
    }
    assert all(park.area_km2 > 0 for park in PARKS)


@pytest.mark.parametrize(("mean", "gateways"), [(2000, 4), (200, 4), (100, 20), (20_000, 20)])
def test_parks_share_the_city_s_points(mean: int, gateways: int) -> None:
    """Each park's points are a multiple of its gateways, enough for its zones, and near 47 times the mean together."""
    sizes = [catalogue.park_size(park.id, mean, gateways) for park in PARKS]
    assert all(size % gateways == 0 and size >= 2 * gateways for size in sizes)
    assert abs(sum(sizes) - 47 * max(mean, 2 * gateways)) <= 47 * gateways / 2
    assert (
        len(catalogue.park_layout("baitao", mean, gateways).points)
        == sizes[[park.id for park in PARKS].index("baitao")]
    )


def test_an_unknown_park_has_no_size() -> None:
    """The error names what was asked for."""
    with pytest.raises(HarnessError, match="expected the id of a park of the catalogue, found 'nowhere'"):
        catalogue.park_size("nowhere", 2000, 4)


def test_without_industries_the_mix_is_the_mean_park_s() -> None:
    """The shares are those that the profiles say, and zones are mixed."""
    layout = catalogue.park_points(10_000, 20)
    counts = np.bincount(layout.profile, minlength=len(catalogue.profiles()))
    wanted = np.array([profile.per_thousand for profile in catalogue.profiles()]) * 10
    assert np.abs(counts - wanted).max() <= 1 + 0.02 * wanted.max()
    assert set(layout.zone_kinds) == {"mixed"}


def test_industries_shape_the_mix() -> None:
    """Chemistry watches gas and toxic vapour, software people, logistics gates and vehicles."""
    chemical, software, logistics = (
        catalogue.park_points(4000, 4, (name,)) for name in ("chemicals", "software", "logistics")
    )
    for prefix in ("safety/gas", "safety/toxic", "safety/tank", "env/flue", "env/water"):
        assert share(chemical, prefix) > 2 * share(software, prefix), prefix
    for prefix in ("attendance", "building/room", "access"):
        assert share(software, prefix) > 2 * share(chemical, prefix), prefix
    assert share(logistics, "parking") > 2 * share(chemical, "parking")
    assert "tanks" in chemical.zone_kinds
    assert "offices" in software.zone_kinds
    both = catalogue.park_points(4000, 4, ("chemicals", "software"))
    assert share(software, "safety/gas") < share(both, "safety/gas") < share(chemical, "safety/gas")


def test_every_zone_of_every_park_can_have_every_incident() -> None:
    """Whatever its industries, a zone has each kind of point that hazards need, and a park all 14 subsystems."""
    needed = {kind for kind, profile in enumerate(catalogue.profiles()) if profile.every_zone}
    for park in PARKS:
        layout = catalogue.park_layout(park.id, 2000, 4)
        assert len({point.subsystem for point in layout.points}) == 14
        for zone in range(len(layout.zones)):
            assert needed <= set(layout.profile[layout.zone == zone].tolist()), park.id


def test_layouts_of_all_parks_are_kept() -> None:
    """Asking again for the layouts of the whole city makes none anew."""
    first = [catalogue.park_layout(park.id, 400, 4) for park in PARKS]
    assert all(catalogue.park_layout(park.id, 400, 4) is layout for park, layout in zip(PARKS, first, strict=True))


def test_devices_stand_in_buildings_of_their_zone() -> None:
    """All points of a device stand in one building of its zone; what belongs outdoors stands in the open."""
    layout = catalogue.park_points(2000, 4, ("chemicals", "steel"))
    assert layout.building.dtype == np.int32
    assert not layout.building.flags.writeable
    where: dict[str, str] = {}
    for point, place in zip(layout.points, layout.building.tolist(), strict=True):
        subsystem, zone, device, _ = point.name.split("/")
        building = layout.buildings[place]
        assert building.startswith(f"{zone}-")
        is_outdoor = f"{subsystem}/{device.rpartition('-')[0]}" in land().outdoor
        assert building.endswith("-open") == is_outdoor
        assert where.setdefault(f"{subsystem}/{zone}/{device}", building) == building
    assert len(set(layout.buildings)) == len(layout.buildings)
    populated = Counter(layout.building.tolist())
    assert len(populated) == len(layout.buildings)
    assert all(name in land().zone_kinds for name in layout.zone_kinds)
    assert len(layout.zone_kinds) == len(layout.zones)


def test_every_industry_of_a_park_is_described() -> None:
    """Names in both languages, power, shifts and zones for each, and every one is needed somewhere."""
    named = {name for park in PARKS for name in park.industries}
    assert {industry.industry for industry in catalogue.industries()} == named
    for industry in catalogue.industries():
        assert industry.name_en
        assert industry.name_zh
        assert industry.power_kw > 0
        assert industry.mark == "A"
        for profile in catalogue.profiles():
            assert WEIGHT_MIN <= factor(industry, profile) <= WEIGHT_MAX


def test_a_device_counts_before_its_subsystem() -> None:
    """The more particular weight decides alone."""
    industry = next(each for each in catalogue.industries() if each.industry == "information security")
    weights = {(one.subsystem, one.device): factor(industry, one) for one in catalogue.profiles()}
    assert weights["safety", "gas"] == 0.25
    assert weights["safety", "tank"] == 0.1
    assert weights["access", "door"] == 2.5
    assert weights["gis", "road"] == 1.0


def test_an_unknown_industry_has_no_layout() -> None:
    """The error lists those that are known."""
    with pytest.raises(HarnessError, match=r"expected one of chemicals, .*, found 'alchemy'"):
        catalogue.park_points(100, 1, ("alchemy",))


@pytest.fixture
def fresh() -> object:
    """The file is read anew for the test, and anew after it."""
    land.cache_clear()
    load.holidays.cache_clear()
    yield None
    land.cache_clear()
    load.holidays.cache_clear()


def changed(written: msgspec.Struct, **changes: object) -> msgspec.Struct:
    return msgspec.structs.replace(written, **changes)


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("family", "magic", r"industries\[0\].family: expected one of chemistry, .*, found 'magic'"),
        ("weights", {"safety/wand": 2}, "chemicals.weights: expected a name that is defined, found 'safety/wand'"),
        ("weights", {"safety": 20}, "chemicals.weights.safety: expected 0.1 to 10.0, found 20"),
        ("zones", ("tower",), "chemicals.zones: expected a name that is defined, found 'tower'"),
        ("industry", "alchemy", "parks.yaml: .*industries: expected a name that is defined, found 'chemicals'"),
        ("industry", "food", "industries: expected each name once"),
    ],
)
def test_bad_industries_are_refused(field: str, value: object, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in the file is an error with its place, what was wanted and what was found."""
    read = load.read

    def faulty(name: str, kind: type[msgspec.Struct]) -> msgspec.Struct:
        file = read(name, kind)
        first, *rest = file.industries  # type: ignore[attr-defined]  # the file's own type is private
        return changed(file, industries=(changed(first, **{field: value}), *rest))

    monkeypatch.setattr(land_module, "read", faulty)
    with pytest.raises(HarnessError, match=message):
        land()


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    ("place", "change", "message"),
    [
        (1, {"year": 2018}, r"holidays.yaml: \[1\].year: expected 2019, found 2018"),
        (0, {"off": ({"first": "2018-05-02", "last": "2018-05-01"},)}, r"\[0\].off: expected each first day before"),
        (0, {"off": ({"first": "2019-05-01", "last": "2019-05-01"},)}, r"\[0\].off: expected days of 2018"),
    ],
)
def test_bad_holidays_are_refused(
    place: int, change: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A year that is missing or a day in another year is an error with its place."""
    years = [msgspec.to_builtins(year) for year in catalogue.holidays()]
    years[place] |= change
    load.holidays.cache_clear()
    monkeypatch.setattr(load, "read", lambda *_: msgspec.convert(years, tuple[HolidayYear, ...]))
    with pytest.raises(HarnessError, match=message):
        catalogue.holidays()


def test_an_industry_is_a_record() -> None:
    """An unknown key is an error, as in all of the catalogue."""
    with pytest.raises(msgspec.ValidationError, match="unknown field `colour`"):
        msgspec.convert(msgspec.to_builtins(catalogue.industries()[0]) | {"colour": "red"}, Industry)
