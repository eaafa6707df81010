"""The economy's files: each number has a source, and what is wrong is refused with place, found and wanted."""

from importlib import resources
from pathlib import Path

import msgspec
import pytest
from economies import PARKS, economy, story

from contract import catalogue
from contract.errors import HarnessError
from sim.world.economy import calendar, founding
from sim.world.economy.calendar import ShiftPattern, check_pattern
from sim.world.economy.enterprise import Enterprise, Need
from sim.world.economy.paperwork import Prices, fields, prices
from sim.world.economy.parameters import Deadline, Family, Life, Parameters, Reason, check, parameters
from sim.world.economy.written import Figure, parse

FIGURE = '{value: 1, source: "assumption", mark: A}'


def test_every_number_names_its_source() -> None:
    """Each figure, family, deadline and pattern has a source that says something, and a mark."""
    known = parameters()
    entries: list[Figure | Family | Deadline | calendar.Pattern] = [calendar.office(), *calendar.shift_patterns()]
    entries += [*known.families, *known.deadlines]
    entries += [getattr(known.life, name) for name in Life.__struct_fields__]
    entries += [getattr(prices(), name) for name in Prices.__struct_fields__]
    assert len(entries) > 70
    assert all(len(one.source) > 5 and one.mark in "VSMA" for one in entries)
    for name in ("families.yaml", "life.yaml", "deadlines.yaml", "reasons.yaml", "calendar.yaml", "paperwork.yaml"):
        head = resources.files("sim.world.economy").joinpath(name).read_text(encoding="utf-8").split("\n")[0]
        assert head.startswith("#"), name


def test_names_are_in_both_languages() -> None:
    """What people are shown of the economy stands in English and in Chinese."""
    known = parameters()
    shown = [
        *known.families,
        *known.deadlines,
        *known.reasons.values(),
        *calendar.shift_patterns(),
        *catalogue.matters(),
    ]
    for one in shown:
        assert one.name_en.isascii(), one.name_en
        assert any("\u4e00" <= letter <= "\u9fff" for letter in one.name_zh), one.code


def test_every_matter_has_its_reason_and_its_fields() -> None:
    """Each matter of the catalogue is asked for by some reason or deadline, and firms can fill in all of its form."""
    known = parameters()
    asked = {ask for reason in known.reasons.values() for ask in reason.asks}
    asked |= {deadline.matter for deadline in known.deadlines}
    assert {matter.code for matter in catalogue.matters()} == asked
    assert {field.name for matter in catalogue.matters() for field in matter.form} == fields()


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("- {value: 1}", tuple[Figure, ...], "x.yaml: Object missing required field `source` - at `$[0]`"),
        (f"[{FIGURE[:-1]}, colour: red}}]", tuple[Figure, ...], "unknown field `colour` - at `$[0]`"),
        ('{value: "much", source: s, mark: A}', Figure, r"Expected `float`, got `str` - at `$.value`"),
        ("{value: 1, source: s, mark: Z}", Figure, "Invalid enum value 'Z' - at `$.mark`"),
        ("{value: 1, value: 2}", Figure, "a second time"),
        ("[", Figure, "x.yaml:"),
    ],
)
def test_a_badly_written_file_is_refused(text: str, kind: type[object], message: str) -> None:
    """A missing source, an unknown key, a wrong type: named with file and place."""
    with pytest.raises(HarnessError) as refusal:
        parse("x.yaml", text, kind)
    assert message in str(refusal.value)


def _reason(**changes: object) -> Parameters:
    known = parameters()
    changed: Reason = msgspec.structs.replace(known.reasons["visitors"], **changes)
    return known._replace(reasons={**known.reasons, "visitors": changed})


def _family(**changes: object) -> Parameters:
    known = parameters()
    return known._replace(families=(msgspec.structs.replace(known.families[0], **changes), *known.families[1:]))


def _deadline(**changes: object) -> Parameters:
    known = parameters()
    return known._replace(deadlines=(msgspec.structs.replace(known.deadlines[0], **changes),))


def _life(name: str, value: float) -> Parameters:
    known = parameters()
    figure = msgspec.structs.replace(getattr(known.life, name), value=value)
    return known._replace(life=msgspec.structs.replace(known.life, **{name: figure}))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            _reason(asks=("tea",)),
            "reasons.yaml: visitors.asks: expected a matter of contract/catalogue/matters.yaml, found 'tea'",
        ),
        (_reason(weight=0.0), "reasons.yaml: visitors: expected a weight above 0 and a matter, found 0.0"),
        (_family(inputs=("tea",)), "families.yaml: chemicals.inputs: expected codes of families, found ('tea',)"),
        (
            _family(shifts={"one": 1.0}),
            "families.yaml: chemicals.shifts: expected a weight for each of one, three, two",
        ),
        (_family(industries=()), "families.yaml: industries: expected a family for every industry of the catalogue ("),
        (_deadline(matter="tea"), "deadlines.yaml: tax-monthly.matter: expected a matter of"),
        (_deadline(day=31), "deadlines.yaml: tax-monthly: expected a day that each of the months (1 to 12) has"),
        (_deadline(months=(13,)), "found 15 of (13,)"),
        (_life("order_load", 1.0), "life.yaml: order_load: expected a share between 0 and 1, found 1.0"),
        (_life("stop_every_h", 0.0), "life.yaml: stop_every_h: expected more than 0, found 0.0"),
    ],
)
def test_files_that_do_not_fit_each_other_are_refused(wrong: Parameters, message: str) -> None:
    """A matter nobody knows, a family without shifts, a day that does not exist: named with file, wanted and found."""
    with pytest.raises(HarnessError) as refusal:
        check(wrong)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hours": (0.0, 24.0, 12.0)}, "x.share: expected 3 shares, one for each hour, found 2"),
        ({"hours": (0.0, 23.0)}, "x.hours: expected hours that rise from 0 to 24, found [0.0, 23.0]"),
        ({"hours": (0.0, 8.01, 24.0), "share": (0.0, 1.0, 0.0)}, "expected whole steps of five minutes (1/12)"),
        ({"share": (0.0, 2.0)}, "x.share: expected shares from 0 to 1, found [0.0, 2.0]"),
    ],
)
def test_a_pattern_that_is_no_day_is_refused(changes: dict[str, object], message: str) -> None:
    """Hours that do not make a day, or shares beyond full activity."""
    pattern: ShiftPattern = msgspec.structs.replace(calendar.shift_patterns()[2], **changes)
    with pytest.raises(HarnessError) as refusal:
        check_pattern("x", pattern)
    assert message in str(refusal.value)


def _firm() -> Enterprise:
    firm = Enterprise(0, "p", 0, 1, parameters().families[0])
    firm.loads_t_h = 0.5
    return firm


def test_a_firm_works_off_its_book() -> None:
    """Work in hand shrinks by the hours worked; an order becomes a load when it is done, not before."""
    firm = _firm()
    firm.take_order(10.0)
    firm.take_order(4.0)
    firm.settle(9.0, 0.1)
    assert (firm.book_h, firm.load_t) == (5.0, 0.0)
    firm.settle(10.5, 0.1)
    assert (firm.book_h, firm.load_t) == (3.5, 5.0)
    firm.hand_on(3.5)
    assert (firm.book_h, firm.load_t) == (0.0, 7.0)


def test_a_stop_costs_its_share() -> None:
    """Half the machines down for 8 of 10 hours leave 6 hours of work; the 4 lost are the delay, won back by and by."""
    firm = _firm()
    firm.take_order(100.0)
    assert firm.stop(0.0, 8.0, 0.5) == 4.0
    assert firm.stands_still(1.0)
    firm.settle(10.0, 0.0)
    assert (firm.book_h, firm.behind_h) == (94.0, 4.0)
    assert not firm.stands_still(10.0)
    firm.settle(20.0, 0.1)
    assert firm.behind_h == pytest.approx(3.0)


def test_a_second_stop_adds_what_is_new() -> None:
    """A stop within a stop takes over the greater share and the later end; what was lost already is not lost twice."""
    firm = _firm()
    firm.stop(0.0, 10.0, 0.5)
    firm.settle(4.0, 0.0)
    assert firm.stop(4.0, 8.0, 1.0) == pytest.approx(6.0 - 3.0)
    assert firm.behind_h == pytest.approx(8.0)
    assert (firm.down_until_h, firm.down_share) == (10.0, 1.0)


def test_the_same_need_stands_once_on_the_agenda() -> None:
    """A need that is there already is not put down again; where the agenda is full the oldest goes."""
    firm, reasons = _firm(), parameters().reasons
    for partner in ("a", "a", "b", "c"):
        firm.remember(Need(reasons["late-supplier"], 0.0, partner=partner), 2)
    assert [need.partner for need in firm.agenda] == ["b", "c"]
    assert firm.forgotten == 1


def test_parks_have_firms_by_their_size_where_the_scenario_says_so() -> None:
    """With the catalogue's sizes the mean is the scenario's, large parks have more, and all links hold."""
    scenario = story(firms=20, parks=PARKS, sizes="catalogue")
    counts = {park.id: founding.firms_of(scenario, park) for park in catalogue.parks()}
    assert sum(counts.values()) / len(counts) == pytest.approx(20, rel=0.03)
    assert counts["liangjiang"] > 2 * min(counts.values())
    one = economy(scenario, "2020-12-02T09:00", 1)
    assert len(one.firms) == sum(counts.values())
    for place, firm in enumerate(one.firms):
        assert firm.index == place
        for link in firm.suppliers:
            assert one.firms[link.supplier].name == link.name != firm.name


def test_firms_have_plausible_sizes_and_links() -> None:
    """Staff scatters log-normally, most firms have suppliers, and half of them or so in their own park."""
    firms = economy(story(firms=40, parks=PARKS), "2020-12-02T09:00", 1).firms
    staff = sorted(firm.staff for firm in firms)
    assert 50 < staff[len(staff) // 2] < 110
    assert staff[-1] > 1_000
    links = [(firm, link) for firm in firms for link in firm.suppliers]
    assert 1.5 < len(links) / len(firms) < 2.2
    at_home = sum(link.name.startswith(firm.park + "-e") for firm, link in links) / len(links)
    assert at_home == pytest.approx(parameters().life.same_park_share.value, abs=0.06)
    fitting = sum(firms[link.supplier].family.code in firm.family.inputs for firm, link in links) / len(links)
    assert fitting > 0.5


@pytest.mark.parametrize("page", ["economy.md", "economy.zh-CN.md"])
def test_the_pages_name_every_reason_and_deadline(page: str) -> None:
    """What the documentation lists is what the files say, in the language of the page."""
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    matters = {matter.code: matter for matter in catalogue.matters()}
    assert f" {len(matters)} " in text
    for reason in parameters().reasons.values():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{reason.code}"))
        shown = [reason.name_zh, *(matters[ask].name_zh for ask in reason.asks)]
        if page == "economy.md":
            shown = [reason.name_en, *(matters[ask].name_en for ask in reason.asks)]
        assert all(name in row for name in shown), row
    for deadline in parameters().deadlines:
        assert f"| `deadline:{deadline.code}` |" in text
