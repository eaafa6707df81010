"""The matrix of clauses, controls and proofs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = ("docs/mlps.md", "docs/mlps.zh-CN.md")
_NODE = re.compile(r"(tests/[\w/]+\.py)::(\w+)")


def _proofs(page: str) -> list[tuple[str, str]]:
    return _NODE.findall((ROOT / page).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_every_proof_exists(page: str) -> None:
    """Each test that the page names is in the file that it names, and no row is without one."""
    for file, name in _proofs(page):
        defined = re.search(rf"^(?:async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert defined, f"{file}::{name}"
    rows = [line for line in (ROOT / page).read_text(encoding="utf-8").splitlines() if line.startswith("| 8.")]
    assert len(rows) > 15
    assert not [row for row in rows if not _NODE.search(row)]


def test_both_languages_tell_the_same() -> None:
    """The same clauses with the same proofs, in the same order."""
    english, chinese = map(_proofs, PAGES)
    assert english == chinese
