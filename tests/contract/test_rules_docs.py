"""The pages about rules files: their examples load, and their tables have the keys and defaults that there are."""

import re
from pathlib import Path

import msgspec
import pytest

from contract import catalogue
from contract.rulebook import parse_rules
from contract.rulebook.written import KINDS, wire_names
from contract.rulebook.written_calendar import calendar
from contract.spans import span_ms

DOCS = Path(__file__).resolve().parents[2] / "docs"
COMMON = ("id", "points", "select", "deadband", "on_delay", "off_delay", "level", "priority", "active_when")
COMMON += ("suppressed_by", "escalate_after", "cause", "source")
PAGES = pytest.mark.parametrize("page", ["rules.md", "rules.zh-CN.md"])


def sections(page: str) -> dict[str, str]:
    """The text below each heading, by the heading's first word."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return {part.split(maxsplit=1)[0]: part for part in re.split(r"^## ", text, flags=re.MULTILINE)}


def table(section: str) -> dict[str, str]:
    """The keys of a section's table with their defaults."""
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]*?) ?\|", section, re.MULTILINE))


@PAGES
def test_examples_are_rules(page: str) -> None:
    """Whoever copies an example has rules that load, one section for each kind."""
    blocks = {name: re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) for name, text in sections(page).items()}
    for kind in KINDS:
        (block,) = blocks[kind]
        assert kind in {rule.__struct_config__.tag for rule in parse_rules(block, page).rules}
    assert sum(len(parse_rules(block, page).rules) for found in blocks.values() for block in found) == 13


@PAGES
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_tables_have_the_keys_that_there_are(page: str, kind: str) -> None:
    """Each key of a kind is explained, and no other; a default that is a number or a time is the right one."""
    parts = sections(page)
    common = next(table(text) for text in parts.values() if "`suppressed_by` |" in text)
    assert set(common) == {*COMMON, "kind"}
    fields = {field.name: field for field in msgspec.structs.fields(KINDS[kind])}
    names = wire_names(KINDS[kind])
    told = table(parts[kind])
    assert set(names) == {*COMMON, *told}
    for key, default in (common | told).items():
        if key == "kind" or not default or fields[names[key]].default in (None, (), ""):
            continue
        wanted = fields[names[key]].default
        if names[key].endswith("_s"):
            assert span_ms(default) == wanted * 1000
        else:
            assert default == (wanted if isinstance(wanted, str) else f"{wanted:g}")


@PAGES
def test_the_calendar_is_told(page: str) -> None:
    """The table of calendars has the keys that calendars have."""
    told = next(table(text) for text in sections(page).values() if "`utc_offset` |" in text)
    values = {"days": "mon", "start": "08:00", "end": "09:00", "except_dates": ["2026-10-01"], "utc_offset": "+08:00"}
    assert set(told) == {*values, "shifts"}
    assert calendar(values, "") == {
        "shifts": [{"start": "08:00", "end": "09:00", "days": ["mon"]}],
        "except_dates": ["2026-10-01"],
        "utc_offset_minutes": 480,
    }


@PAGES
def test_the_catalogue_has_as_many_rules_as_told(page: str) -> None:
    """The number on the page is that of the catalogue."""
    assert str(len(catalogue.full_rules().rules)) in (DOCS / page).read_text(encoding="utf-8")
