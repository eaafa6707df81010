"""A park's registers: figures that fit the park and its firms, and that change as life goes on."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from economies import PARKS, at, story
from offices import HOUR_MS, handed_in, local

from contract import catalogue
from contract.catalogue.registers import registers
from contract.registers import RegisterEntry, RegisterGroup
from reference_impl.park.node import ParkNode
from reference_impl.park.registers import summary
from sim.emission import RegisterWriting
from sim.world.economy.calendar import day_of, is_working_day
from sim.world.office.counter import counter_hours
from sim.world.office.entries import MU_PER_KM2
from sim.world.office.parameters import holdings, working

FEW = ("liangjiang", "fuling", "changshou-etdz", "baitao")


def _writings(begin: str, hours: float, rate: float, parks: Sequence[str] = FEW) -> dict[str, list[RegisterWriting]]:
    """What administrations write."""
    told = handed_in(begin, hours, scenario=story(rate=rate, firms=20, parks=parks), step_ms=3_600_000)
    return {park: [one for one in mine if isinstance(one, RegisterWriting)] for park, mine in told.items()}


@pytest.fixture(scope="module")
def month() -> dict[str, list[RegisterWriting]]:
    """A natural month of four parks, whose firms hardly ask for anything."""
    return _writings("2020-12-01T08:00", 24 * 30, 0.05)


def _taken(park: str, written: Sequence[RegisterWriting]) -> list[RegisterEntry]:
    """The entries as a park's node has them in the end."""
    node = ParkNode(park)
    held: dict[tuple[str, str], RegisterEntry] = {}
    for one in written:
        change = node.put_entry(one.register, one.entry, one.fields, one.due_ms)
        assert not change.empty
        for entry in change.entries:
            held[entry.register, entry.entry] = entry
    return list(held.values())


def _group(park: str, written: Sequence[RegisterWriting], register: str) -> RegisterGroup:
    kind = registers()[register]
    entries = [one for one in _taken(park, written) if one.register == register]
    return summary(kind, "park", entries).groups[0]


def test_every_register_is_kept(month: dict[str, list[RegisterWriting]]) -> None:
    """Each park writes entries of each register, and the reference platform takes every one of them as news."""
    for park, written in month.items():
        assert {one.register for one in _taken(park, written)} == set(registers())
        assert all(re.fullmatch(r"[\w.-]+", one.entry) for one in written)  # each is one part of a path


def test_entries_are_spread_from_the_first_minute_on(month: dict[str, list[RegisterWriting]]) -> None:
    """No more a minute than the file says, numbered from 1, each register in the first half minute."""
    per_minute = working().writings_per_minute_max.value
    for written in month.values():
        assert [one.sequence for one in written] == list(range(1, len(written) + 1))
        gaps = [after.due_ms - before.due_ms for before, after in pairwise(written)]
        assert min(gaps) >= 60_000 / per_minute - 1
        first = [one.register for one in written if one.due_ms < at("2020-12-01T08:00:30")]
        assert set(first) == set(registers())


def test_land_sums_to_the_park(month: dict[str, list[RegisterWriting]]) -> None:
    """Parcels cover the park's area of the catalogue; land in use carries the output, at a believable density."""
    for park, written in month.items():
        standing = written[:250]
        area_km2 = next(one.area_km2 for one in catalogue.parks() if one.id == park)
        measures = _group(park, standing, "land-parcel").measures
        assert measures["area_mu"] == pytest.approx(area_km2 * MU_PER_KM2, rel=0.001)
        assert 0 <= measures["idle_share"] < 0.6
        assert 1 < measures["output_per_mu_wan_yuan"] < 3000


def test_reports_agree_with_firms_and_land(month: dict[str, list[RegisterWriting]]) -> None:
    """Twelve months of reports make the output that land carries, give or take growth and chance."""
    for park, written in month.items():
        standing = [one for one in written if one.due_ms < at("2020-12-01T09:00")]
        reports = [one.fields.fields for one in standing if one.register == "economy-report"]
        year = [one for one in reports if str(one["period"]) >= "2019-11"]
        land = sum(float(one.fields.fields["output_wan_yuan"]) for one in standing if one.register == "land-parcel")
        assert sum(float(one["output_wan_yuan"]) for one in year) == pytest.approx(land, rel=0.15)
        assert _group(park, standing, "economy-report").measures["kwh_per_yuan"] < 1
        firms = [one.fields.fields for one in standing if one.register == "enterprise"]
        scale = next(one.firms for one in catalogue.parks() if one.id == park) / len(firms)
        assert land == pytest.approx(scale * sum(float(one["output_wan_yuan"]) for one in firms), rel=0.001)


def test_reports_come_by_the_deadline(month: dict[str, list[RegisterWriting]]) -> None:
    """The report of November comes once, on a working day near the tenth of December; each month has one report."""
    for written in month.values():
        reports = [one for one in written if one.register == "economy-report"]
        assert max(Counter(one.entry for one in reports).values()) == 1
        assert len([one for one in reports if one.due_ms < at("2020-12-02T00:00")]) == holdings().reports_back.value - 1
        (november,) = [one for one in reports if one.entry == "2020-11"]
        assert 6 <= local(november.due_ms).day <= 11
        assert is_working_day(day_of(november.due_ms))


def test_buildings_are_let_within_their_area(month: dict[str, list[RegisterWriting]]) -> None:
    """Never more is let than there is, over all changes; most of it is let."""
    for park, written in month.items():
        floors = [one.fields.fields for one in written if one.register == "factory-building"]
        assert all(0 <= float(one["let_m2"]) <= float(one["area_m2"]) for one in floors)
        assert 0.4 < _group(park, written, "factory-building").measures["occupancy"] <= 1


def test_projects_go_on_and_never_back(month: dict[str, list[RegisterWriting]]) -> None:
    """A project's milestones and payments only rise; in a month some projects reach the next one."""
    stages = list(holdings().milestone_paid)
    advanced = 0
    for written in month.values():
        last: dict[str, tuple[int, float, int]] = {}
        for one in written:
            if one.register != "project":
                continue
            fields = one.fields.fields
            now = (
                stages.index(str(fields["milestone"])),
                float(fields["paid_wan_yuan"]),
                int(fields["delay_days"]),
            )
            before = last.get(one.entry, now)
            assert all(later >= earlier for earlier, later in zip(before, now, strict=True))
            assert now[1] <= float(fields["investment_wan_yuan"])
            advanced += now[0] > before[0]
            last[one.entry] = now
    assert advanced > 0


def test_the_map_lies_where_the_park_is(month: dict[str, list[RegisterWriting]]) -> None:
    """Features of the map lie within the park's extent around its position, in several layers."""
    for park, written in month.items():
        place = next(one for one in catalogue.parks() if one.id == park)
        features = [one.fields.fields for one in written if one.register == "map-feature"]
        assert len({one["layer"] for one in features}) >= 4
        reach = place.area_km2**0.5 / 100
        for one in features:
            assert abs(float(one["latitude"]) - place.latitude) < reach
            assert abs(float(one["longitude"]) - place.longitude) < reach * 1.3


def test_changes_keep_office_hours(month: dict[str, list[RegisterWriting]]) -> None:
    """After what stands at the beginning nothing is written on a day off, or at night."""
    later = [one for written in month.values() for one in written if one.due_ms > at("2020-12-01T09:00")]
    assert len(later) > 30
    for one in later:
        assert is_working_day(day_of(one.due_ms))
        assert 8 <= local(one.due_ms).hour <= 18


def test_life_goes_as_fast_as_the_economy() -> None:
    """At a hundred times the pace a park changes its registers about a hundred times as often."""
    counts, lived_h = [], []
    for rate, hours in ((0.05, 24.0 * 21), (5.0, 24.0 * 21 / 100)):
        written = _writings("2020-12-14T09:00", hours, rate, parks=PARKS[:8])
        standing_ms = at("2020-12-14T09:00") + 15 * 60_000
        end_ms = at("2020-12-14T09:00") + round(hours * HOUR_MS)
        lived_h.append(rate * counter_hours(standing_ms, end_ms).integral_hours(standing_ms, end_ms))
        counts.append(sum(one.due_ms > standing_ms for mine in written.values() for one in mine))
    slow, fast = counts
    assert fast / lived_h[1] == pytest.approx(slow / lived_h[0], rel=0.3)


@pytest.mark.parametrize("page", ["office.md", "office.zh-CN.md"])
def test_the_docs_name_every_register(page: str) -> None:
    """Both pages have a row for each register of the catalogue."""
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in text for name in registers())
