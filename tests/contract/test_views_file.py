"""The file of views: what it names exists, the documentation tells it, and each fault has its place and remedy."""

import copy
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from contract import catalogue
from contract.catalogue.load import read
from contract.catalogue.views import FIELDS, FILE, ViewsFile, checked, views
from contract.errors import HarnessError
from contract.strict_yaml import CoreLoader
from sim.world.activity.load import book

ROOT = Path(__file__).parents[2]
COLUMNS = 5  # of the pages' table of views
VALID: dict[str, Any] = {
    "shifts": [{"shift": "all", "name_en": "All", "name_zh": "全天", "start": "00:00"}],
    "views": [
        {
            "view": "doors",
            "subsystem": "access",
            "name_en": "Doors",
            "name_zh": "门",
            "groups": ["park", "device"],
            "measures": [
                {"measure": "n", "how": "count", "events": ["pass"], "unit": "1", "name_en": "N", "name_zh": "数"},
                {
                    "measure": "open",
                    "how": "share",
                    "readings": "access/*/door-*/open",
                    "fits": {"within": [1, 1]},
                    "unit": "/",
                    "name_en": "Open",
                    "name_zh": "开",
                },
            ],
            "source": "assumption",
            "mark": "A",
        }
    ],
}


def _load(written: object) -> object:
    try:
        return checked(msgspec.convert(written, ViewsFile), "mine.yaml")
    except msgspec.ValidationError as error:
        return str(error)


def _changed(path: str, value: object) -> dict[str, Any]:
    """The valid file with one entry replaced, added, or (for None) removed."""
    written = copy.deepcopy(VALID)
    here: Any = written
    *way, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    for part in way:
        here = here[part]
    if value is None:
        del here[last]
    elif isinstance(here, list) and last == len(here):
        here.append(value)
    else:
        here[last] = value
    return written


M0, M1 = "views.0.measures.0", "views.0.measures.1"
FAULTS = [
    ("shifts", [], "shifts: expected at least one shift, found 'none'"),
    ("shifts.0.start", "08:30", "shifts[0].start: expected a full hour such as '08:00', found '08:30'"),
    ("shifts.0.start", "08:00", "shifts[0].start: expected '00:00' first, then later and later, found '08:00'"),
    ("views.1", VALID["views"][0], "views[1].view: expected each name once, found 'doors'"),
    ("views.0.subsystem", "magic", "views[0].subsystem: expected one of access, attendance, broadcast, building, "),
    ("views.0.groups", [], "views[0].groups: expected at least one group, found 'none'"),
    (
        "views.0.groups.1",
        "moon",
        "views[0].groups[1]: expected a group of its measures, found 'moon', which no measure",
    ),
    (f"{M1}.measure", "n", "views[0].measures[1].measure: expected each name once, found 'n'"),
    (f"{M0}.events", None, "views[0].measures[0]: expected exactly one of events, readings, cases, alerts, found"),
    (f"{M0}.cases", ["meeting-room"], "views[0].measures[0]: expected exactly one of events, readings, cases, alerts"),
    (f"{M0}.how", "integral", "views[0].measures[0].how: expected one that is made of events, found 'integral'"),
    (f"{M0}.how", "balance", "views[0].measures[0].other: expected a value for 'balance', found none"),
    (f"{M0}.how", "sum", "views[0].measures[0].field: expected a field of the events, found ''"),
    (f"{M1}.how", "coverage", "views[0].measures[1].every_s: expected a value for 'coverage', found none"),
    (f"{M1}.fits", None, "views[0].measures[1].fits: expected a value for 'share', found none"),
    (f"{M1}.hold_s", 7200, "views[0].measures[1].hold_s: expected 1 to 3600 s, found 7200"),
    (
        f"{M1}.readings",
        "fire/*/*/*",
        "views[0].measures[1].readings: expected a glob that fits points of the subsystem",
    ),
    (f"{M1}.fits.within", [2, 1], "views[0].measures[1].fits.within: expected the lower bound first, found [2.0, 1.0]"),
    (f"{M1}.fits", {"kinds": ["x"]}, "views[0].measures[1].fits.within: expected a lower and an upper bound for"),
    (f"{M1}.where", {"colour": ["red"]}, "views[0].measures[1].where: expected one of none, found 'colour'"),
    (f"{M0}.fits", {"kinds": ["stop"]}, "views[0].measures[0].fits.kinds[0]: expected one of pass, found 'stop'"),
]


@pytest.mark.parametrize(("path", "value", "message"), FAULTS)
def test_a_fault_is_told_with_its_place(path: str, value: object, message: str) -> None:
    """File, path, what was wanted and what was found."""
    with pytest.raises(HarnessError) as refused:
        _load(_changed(path, value))
    assert str(refused.value).startswith(f"mine.yaml: {message}")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (f"{M0}.colour", "red", "contains unknown field `colour` - at `$.views[0].measures[0]`"),
        (f"{M0}.how", "guess", "Invalid enum value 'guess' - at `$.views[0].measures[0].how`"),
        (f"{M0}.unit", None, "missing required field `unit` - at `$.views[0].measures[0]`"),
        ("views.0.mark", "X", "Invalid enum value 'X' - at `$.views[0].mark`"),
    ],
)
def test_what_is_no_view_at_all_is_told_with_its_path(path: str, value: object, message: str) -> None:
    """Unknown keys, unknown words and missing keys are errors."""
    told = _load(_changed(path, value))
    assert isinstance(told, str)
    assert told.endswith(message)


def test_the_valid_file_is_valid() -> None:
    """What the faults are made of has none, so each is refused for its own reason."""
    assert not isinstance(_load(VALID), str)


def test_a_time_is_told_in_hours_and_of_matters_that_exist() -> None:
    """A unit that would lie, and a matter that nobody can apply for, are refused."""
    lying = _changed(M0, {**VALID["views"][0]["measures"][0], "how": "time", "fits": {"where": {"state": ["on"]}}})
    with pytest.raises(HarnessError, match=r"measures\[0\]\.unit: expected 'h', a time is told in hours, found '1'"):
        _load(lying)
    measure = {key: value for key, value in VALID["views"][0]["measures"][0].items() if key != "events"}
    with pytest.raises(HarnessError, match=r"measures\[0\]\.cases\[0\]: expected one of .*, found 'flying'"):
        _load(_changed(M0, {**measure, "cases": ["flying"]}))


def test_every_subsystem_has_its_views() -> None:
    """At least two for each of the 14."""
    of = [plan.subsystem for plan in views().plans.values()]
    assert all(of.count(subsystem.code) >= 2 for subsystem in catalogue.subsystems()), of


def test_views_name_what_devices_send() -> None:
    """Each kind is one that the world's devices send, each field one that it has, each state one that it may be in."""
    kinds = {(flow.subsystem, kind.kind): kind.fields for flow in book().flows for kind in flow.kinds.values()}
    for plan in views().plans.values():
        for measure in plan.measures:
            where = f"{plan.view}.{measure.measure}"
            for kind in (*measure.events, *measure.other):
                assert (plan.subsystem, kind) in kinds, (where, kind)
                fields = kinds[plan.subsystem, kind]
                assert not measure.field or measure.field in fields, where
                wanted = {**measure.where, **(measure.fits.where if measure.fits else {})}
                for name, values in wanted.items():
                    field = fields[name]
                    choices = getattr(field, "choices", None)
                    assert choices is None or set(values) <= set(choices), (where, name)
        sent = [kinds[plan.subsystem, kind] for each in plan.measures for kind in each.events]
        told = [each for each in plan.measures if each.cases or each.alerts]
        for group in plan.groups:
            if group.startswith(FIELDS) and not told:
                name = group.removeprefix(FIELDS)
                assert any(name in fields for fields in sent), (plan.view, group)


def test_names_are_in_both_languages() -> None:
    """Each name in Chinese has Chinese characters, each in English none."""
    plans = views().plans.values()
    named = [(plan.name_en, plan.name_zh) for plan in plans]
    named += [(each.name_en, each.name_zh) for plan in plans for each in plan.measures]
    for name_en, name_zh in named:
        assert any("\u4e00" <= letter <= "\u9fff" for letter in name_zh), name_zh
        assert name_en.isascii(), name_en


@pytest.mark.parametrize(("page", "language"), [("docs/views.md", "en"), ("docs/views.zh-CN.md", "zh")])
def test_the_pages_tell_every_view(page: str, language: str) -> None:
    """The documentation's table has a row for each view, with its groups and figures as they are in the file."""
    text = (ROOT / page).read_text(encoding="utf-8")
    subsystems = {one.code: getattr(one, f"name_{language}") for one in catalogue.subsystems()}
    rows = [line for line in text.splitlines() if line.count("|") == COLUMNS + 1 and "`" in line]
    wanted = []
    for plan in views().plans.values():
        figures = ", ".join(
            f"`{each.measure}` {getattr(each, f'name_{language}')} ({each.unit})" for each in plan.measures
        )
        groups = ", ".join(f"`{group}`" for group in plan.groups)
        name = getattr(plan, f"name_{language}")
        wanted.append(f"| {subsystems[plan.subsystem]} | `{plan.view}` {name} | {figures} | {groups} | {plan.mark} |")
    assert rows == wanted


def test_the_file_is_read_as_written() -> None:
    """The loader reads the delivered file by the core schema, in which `on` is a word."""
    path = ROOT / "contract" / "catalogue" / FILE
    written = yaml.load(path.read_text(encoding="utf-8"), CoreLoader)  # noqa: S506 - a subclass of the safe loaders
    assert len(written["views"]) == len(read(FILE, ViewsFile).views) == len(views().plans)
    lamps = views().plans["lighting-hours"].measures[0].fits
    assert lamps is not None
    assert lamps.where == {"state": ("on",)}
