"""The report: both languages, self-contained, the verdict first."""

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

from benchmarks import assemble, report
from benchmarks.result import Result
from scenarios.model import INCIDENT_KINDS

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
VOID = {"meta", "br"}


@pytest.fixture(scope="module")
def page(result: Result) -> str:
    """The report of a good run."""
    return report.render(result)


class _Reader(HTMLParser):
    """Collects addresses that a page would load, and checks that elements nest."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [value for name, value in attrs if name in {"src", "href", "xlink:href", "data"} and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [value for name, value in attrs if name in {"src", "href", "xlink:href", "data"} and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_self_contained(page: str) -> None:
    """The page loads nothing: every reference points into itself, and no style fetches a file."""
    reader = _Reader()
    reader.feed(page)
    assert reader.open == []
    assert [address for address in reader.loads if not address.startswith("#")] == []
    assert not re.search(r"@import|url\((?!#)", page)


def test_both_languages(page: str) -> None:
    """Every text stands in English and in Chinese, in the charts too."""
    assert page.count('class="en"') == page.count('class="zh"')
    for words in ("VALID", "有效", "Incidents and their detection", "事件与检测", "The first morning", "第一个早晨"):
        assert words in page
    assert '<tspan class="zh">毫秒</tspan>' in page
    assert '<tspan class="zh">气体泄漏</tspan>' in page


def test_texts_are_complete() -> None:
    """Each text has both languages, and each kind of incident has a name in both."""
    for key, text in report.texts().items():
        assert set(text) == {"en", "zh"}, key
        assert all(text.values()), key
    assert set(INCIDENT_KINDS) <= set(report.texts())


def test_every_audit_check_and_unit_has_a_text(result: Result) -> None:
    """No name of a check stands untranslated."""
    assert {check.name for check in result.audit} <= set(report.texts())
    assert {check.unit for check in result.audit if check.unit not in {"ms", "x"}} <= set(report.texts())


def test_charts_are_well_formed(result: Result) -> None:
    """Each chart is one SVG element that an XML reader accepts."""
    charts = report.Charts(result, report.texts()).draw()
    assert set(charts) == {"timeline", "throughput", "latency_time", "latency_percentile", "resources"}
    for svg in charts.values():
        assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - drawn by ourselves


def test_same_result_same_bytes(result: Result, page: str) -> None:
    """A report drawn again is the same, byte for byte."""
    assert report.render(result) == page


def test_invalid_run_says_so_with_the_reason(gathered: assemble.Gathered) -> None:
    """An INVALID run shows the check that was broken at the top."""
    page = report.render(assemble.result(gathered._replace(null_ceiling_per_s=None)))
    head = page[: page.index('<div class="cards">')]
    assert "INVALID" in head
    assert "无效" in head
    assert "Harness ceiling over the offered rate" in head


def test_seed_and_command_to_repeat(page: str, result: Result) -> None:
    """A reader finds how to repeat the run."""
    assert result.repeat in page
    assert result.trace_digest in page
    assert str(result.seed) in page


@pytest.mark.components
@pytest.mark.skipif(BROWSER is None and "CI" not in os.environ, reason="needs chromium")  # CI has it, or fails
@pytest.mark.parametrize("language", ["en", "zh"])
def test_switch_in_a_browser(page: str, tmp_path: Path, language: str) -> None:
    """A real browser shows the language that the address asks for."""
    path = tmp_path / "report.html"
    path.write_text(page, "utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    flags += ["--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [str(BROWSER), *flags, "--dump-dom", f"{path.as_uri()}#{language}"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert f'data-language="{language}"' in shown[:200]
    assert f'data-set="{language}" aria-pressed="true"' in shown
