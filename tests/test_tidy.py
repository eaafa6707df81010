"""Taste that linters miss."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINES_MAX = 400  # a ratchet: a module that outgrows it is two rooms
MAKE_TARGETS_MAX = 10
ROOMS = ("contract", "scenarios", "sim", "reference_impl", "loadtests", "benchmarks", "tests")


def _files(*patterns: str) -> list[Path]:
    """Files of the repository (tracked or new, not ignored) that match a pattern."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def test_modules_stay_readable() -> None:
    """No module is longer than one room should be."""
    long = {
        str(path.relative_to(ROOT)): lines
        for path in _files("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LINES_MAX
    }
    assert not long, f"longer than {LINES_MAX} lines, split by responsibility: {long}"


def test_every_exception_to_a_rule_gives_its_reason() -> None:
    """A `noqa` or `type: ignore` names its rule and says why on the same line."""
    bare = re.compile(r"#\s*(?:noqa(?!: [A-Z]+\d+(?:, ?[A-Z]+\d+)* - \S)|type: ignore(?!\[[a-z\-, ]+\]  # \S))")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in _files("*.py")
        if path.name != "test_tidy.py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if bare.search(line)
    ]
    assert not found, "give the reason as in `# noqa: S603 - our own command`:\n" + "\n".join(found)


def test_no_vague_rooms() -> None:
    """A module is named for what it holds."""
    vague = [path for path in _files("*.py") if path.stem in {"utils", "util", "helpers", "common", "misc"}]
    assert not vague


def test_top_level_is_the_house() -> None:
    """The architecture can be seen from the folder names."""
    folders = {path.relative_to(ROOT).parts[0] for path in _files() if len(path.relative_to(ROOT).parts) > 1}
    assert folders - {".ci"} == {*ROOMS, "docs"}


def test_no_private_addresses() -> None:
    """The repository names no registry mirror, no machine and no private network."""
    private = re.compile(
        r"\b(?:10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+|172\.(?:1[6-9]|2\d|3[01])\.\d+\.\d+)\b|/root/|/home/\w"
    )
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in _files()
        if path.suffix in {".py", ".md", ".toml", ".yaml", ".yml", ".lock", ""} and path.name != "test_tidy.py"
        for match in private.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found


@pytest.mark.parametrize("page", [path.relative_to(ROOT).as_posix() for path in _files("*.md")])
def test_links_resolve(page: str) -> None:
    """A link in the documentation leads somewhere."""
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text) + re.findall(r'src="([^"]+)"', text)
    dead = [
        t
        for t in targets
        if not t.startswith(("http://", "https://", "mailto:")) and not (ROOT / page).parent.joinpath(t).exists()
    ]
    assert not dead


def test_both_readmes_begin_with_the_two_commands() -> None:
    """`make demo` and `make test` stand first, in both languages."""
    for name in ("README.md", "README.zh-CN.md"):
        first_block = re.search(r"```sh\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
        assert first_block
        assert [line.split("#")[0].strip() for line in first_block.group(1).splitlines()] == ["make demo", "make test"]


def test_makefile_is_short() -> None:
    """The Makefile has at most ten targets that a person calls."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    declared = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert declared
    assert len(declared.group(1).split()) <= MAKE_TARGETS_MAX
