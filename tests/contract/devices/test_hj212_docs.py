"""The pages about device protocols: their examples run, and their tables have the names that there are."""

import re
from pathlib import Path

import pytest

from contract.devices.fault import FAULT_KINDS

ROOT = Path(__file__).resolve().parents[3]
PAGES = pytest.mark.parametrize("page", ["devices.md", "devices.zh-CN.md"])


def text(page: str) -> str:
    """A page of the documentation."""
    return (ROOT / "docs" / page).read_text(encoding="utf-8")


@PAGES
def test_examples_run(page: str) -> None:
    """Whoever copies an example has code that works."""
    examples = re.findall(r"```python\n(.*?)```", text(page), re.DOTALL)
    assert len(examples) == 3
    for example in examples:
        exec(compile(example, page, "exec"), {})  # noqa: S102 - our own page


@PAGES
def test_every_deviation_is_told(page: str) -> None:
    """The table has each name that the code counts, and no other."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "contract/devices").rglob("*.py"))
    counted = set(re.findall(r'\.note\(\s*"([a-z0-9-]+)"', sources))
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \| (?:HJ|GB)", text(page), re.MULTILINE)) == counted


@PAGES
def test_every_fault_is_told(page: str) -> None:
    """The table of faults has each kind."""
    assert set(re.findall(r"^\| `([a-z]+)` \| [^|]*\|$", text(page), re.MULTILINE)) == set(FAULT_KINDS)
