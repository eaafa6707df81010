"""The page of what a trace is like: what it counts, what it draws, in both languages and by itself."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from benchmarks import preview
from benchmarks.preview.gathered import Gathered, gather
from benchmarks.preview.timeline import ROWS_MAX, in_families
from contract import catalogue
from contract.messages import DeviceEvent
from loadtests.traffic import Traffic
from scenarios.model import INCIDENT_KINDS, Scenario, find
from sim.recorded import RecordedTrace, record
from sim.trace import Emission, Event, IncidentTruth, Pack, Request, Trace

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PILOT = msgspec.structs.replace(find("pilot-2019"), events=False)  # it has those that a test gives it
LATE_MS = 700


class Lively(Trace):
    """The pilot, later by less than a second, with one event a step in each park and every tenth pack sent twice."""

    def __init__(self, scenario: Scenario, **more: Any) -> None:  # noqa: ANN401 - handed on
        super().__init__(scenario, **more)
        kinds = [kind for kind in INCIDENT_KINDS if kind != "storm"]
        root = self.truth.incidents[0] if self.truth.incidents else None
        self.truth.incidents += [
            IncidentTruth(
                incident_id=f"chance-{number}",
                kind=kinds[number % len(kinds)],
                park=self.parks[number % len(self.parks)],
                zone="z01",
                onset_ms=self.start_ms + 500 * number,
                end_ms=self.start_ms + 500 * number + 9_000,
                points=[],
                cause_id=root.incident_id if root and number % 3 else None,
                group=root.incident_id if root and number % 3 else f"chance-{number}",
                noticed_ms=self.start_ms + 500 * number + 1_000,
            )
            for number in range(3)
        ]

    def steps(self) -> Iterator[list[Emission]]:
        """Each step with more in it."""
        number = 0
        for step in super().steps():
            lively: list[Emission] = []
            for one in step:
                lively.append(one)
                if isinstance(one, Pack):
                    lively[-1] = one._replace(due_ms=min(one.due_ms + LATE_MS, self.end_ms - 1))
                    if one.sequence % 10 == 0:
                        lively.append(lively[-1])
            packs = [one for one in step if isinstance(one, Pack)]
            if packs:
                number += 1
                lively.append(Event(packs[0].due_ms, packs[0].park, number, _event(number, packs[0].due_ms)))
            yield lively


def _event(number: int, at_ms: int) -> DeviceEvent:
    subsystem = ("access", "parking", "fire")[number % 3]
    return DeviceEvent(event_id=f"v{number}", at_ms=at_ms, subsystem=subsystem, zone="z01", device="d-0001", kind="k",
                       traffic="event")  # fmt: skip


def lively(part: tuple[int, int]) -> Traffic:
    """A part of the lively pilot."""
    return Lively(PILOT, shard=part)


def quiet(_share: float, _words: str) -> None:
    """Nobody is told."""


@pytest.fixture(scope="module")
def gathered() -> Gathered:
    """What the page shows of the lively pilot."""
    return gather(PILOT, lively, (0, 1), quiet)


@pytest.fixture(scope="module")
def page(gathered: Gathered) -> str:
    """Its page."""
    return preview.render(gathered)


def test_all_is_counted(gathered: Gathered) -> None:
    """Readings, packs, copies, events and requests of every bin add up to those of the trace."""
    sent = [one for step in Lively(PILOT).steps() for one in step]
    packs = [one for one in sent if isinstance(one, Pack)]
    assert gathered.readings.sum() == sum(len(pack.columns) for pack in packs)
    assert gathered.packs == len(packs)
    assert gathered.copies == len(packs) - len({(pack.park, pack.gateway, pack.sequence) for pack in packs}) > 0
    assert gathered.events.sum() == sum(isinstance(one, Event) for one in sent) > 0
    requests = [one for one in sent if isinstance(one, Request)]
    assert gathered.requests.sum() == len(requests) == sum(counts.sum() for counts in gathered.services.values())
    assert not gathered.is_sampled
    assert gathered.bin_s * 1000 % PILOT.sample_period_ms == 0


def test_the_drawn_park(gathered: Gathered) -> None:
    """Its lines are means of its own points, its events and delays its own; it is the park where most goes wrong."""
    trace = Lively(PILOT)
    incidents = [incident.park for incident in trace.truth.incidents]
    assert incidents.count(gathered.park) == max(map(incidents.count, trace.parks))
    layout = trace.layouts[gathered.park]
    mine = [one for step in trace.steps() for one in step if one.park == gathered.park]
    (line, *_) = gathered.lines["energy"]
    kinds = [(one.device, one.quantity) for one in catalogue.profiles()]
    kind = kinds.index((line.device, line.quantity))
    assert line.points == np.count_nonzero(layout.profile == kind)
    first = {
        (pack.gateway, pack.sequence): pack.columns
        for pack in mine
        if isinstance(pack, Pack) and (pack.due_ms - trace.start_ms) // 1000 < gathered.bin_s
    }
    values = np.concatenate([columns.value[layout.profile[columns.point] == kind] for columns in first.values()])
    assert line.mean[0] == pytest.approx(values.mean())
    assert sum(counts.sum() for counts in gathered.events_of_park.values()) == sum(isinstance(o, Event) for o in mine)
    assert set(gathered.events_of_park) <= {"access", "parking", "fire"}
    once = {(pack.gateway, pack.sequence): pack for pack in mine if isinstance(pack, Pack)}
    assert sum(counts.sum() for counts in gathered.delays.values()) == sum(len(p.columns) for p in once.values())
    late = sum(counts[1:].sum() for counts in gathered.delays.values())
    assert late == sum(np.count_nonzero(pack.due_ms - pack.columns.time_ms >= 1) for pack in once.values())


def test_a_long_trace_is_sampled_by_park(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few parks stand for all: scaled up they give the load of all of them; the page says that they do."""
    monkeypatch.setattr("benchmarks.preview.gathered.READINGS_MAX", 60_000)
    sampled = gather(PILOT, lambda part: Trace(PILOT, shard=part), (0, 1), quiet)
    assert sampled.is_sampled
    assert 1 < len(sampled.lived) < len(sampled.parks) == 12
    assert sampled.readings.sum() * sampled.points / sampled.points_lived == pytest.approx(237_600, rel=0.01)
    assert len(sampled.truth.incidents) == len(PILOT.incidents)
    text = preview.render(sampled)
    assert "come from a sample of its parks" in text
    assert "取自部分园区样本" in text


def test_the_page_stands_alone(page: str) -> None:
    """No address is asked for anything: style, script and pictures are inside."""
    outside = re.findall(r'(?:src|href|action)="(?!data:|#)([^"]+)"|url\((?!#)([^)]+)\)|@import|<link', page)
    assert outside == []
    assert page.count("<svg ") == 6


def test_both_languages(page: str) -> None:
    """Each text has both languages; each subsystem, service and incident is called by its name in both."""
    for key, text in preview.texts().items():
        assert set(text) == {"en", "zh"}, key
        assert all(text.values()), key
    assert set(INCIDENT_KINDS) <= set(preview.texts())
    assert {matter.service for matter in catalogue.matters()} <= set(preview.texts())
    for subsystem in catalogue.subsystems():
        assert subsystem.name_en.replace("&", "&amp;") in page
        assert subsystem.name_zh in page
    assert PILOT.story.zh in page


def test_names_of_subsystems_and_incidents_do_not_mix(page: str) -> None:
    """`fire` is a subsystem and an incident, each with a name of its own."""
    names = preview.texts()
    assert names["fire"] != names["subsystem fire"]
    for key in ("fire", "subsystem fire"):
        assert f'<tspan class="zh">{names[key]["zh"]}</tspan>' in page


def test_the_same_trace_gives_the_same_page(page: str) -> None:
    """Nothing of the moment gets into the page."""
    assert preview.render(gather(PILOT, lively, (0, 1), quiet)) == page


def test_a_quiet_direct_trace(tmp_path: Path) -> None:
    """Without incidents, events, requests and links the page says so instead of drawing."""
    calm = msgspec.structs.replace(
        PILOT,
        incidents=(),
        requests_per_enterprise_hour=0.0,
        enterprises_per_park=0,
        events=False,
        parks=("liangjiang",),
    )
    path = tmp_path / "calm.html"
    preview.write_preview(path, calm, lambda part: Trace(calm, shard=part), (0, 1), quiet)
    text = path.read_text("utf-8")
    for words in ("Nothing goes wrong", "no events of devices", "ask for nothing", "goes over no links"):
        assert words in text, words


def test_a_recording_without_truth(tmp_path: Path) -> None:
    """Of a recording the page shows what is there, and says that nobody knows the truth."""
    record(Trace(PILOT, shard=(0, 4)), (0, 4), tmp_path / "day")
    shutil.rmtree(tmp_path / "day" / "truth")
    recording = RecordedTrace(tmp_path / "day")
    shown = gather(recording.scenario, lambda part: RecordedTrace(tmp_path / "day", shard=part), (0, 1), quiet)
    assert "nobody knows what went wrong" in preview.render(shown)


def test_many_incidents_are_drawn_by_kind(gathered: Gathered) -> None:
    """Beyond a page of rows, a row is a kind with its count."""
    (first, *_) = gathered.truth.incidents
    many = [
        msgspec.structs.replace(first, incident_id=f"i{number}", onset_ms=first.onset_ms + number)
        for number in range(ROWS_MAX + 1)
    ]
    truth = msgspec.structs.replace(gathered.truth, incidents=many)
    text = preview.render(gathered._replace(truth=truth))
    assert "There are many incidents" in text
    assert f">{ROWS_MAX + 1}</text>" in text


def test_what_an_incident_brought_about_stands_with_it(gathered: Gathered) -> None:
    """Families stay together, in order of their beginning; inside by onset."""
    base = gathered.truth.incidents[0]

    def incident(name: str, group: str, onset_ms: int) -> IncidentTruth:
        return msgspec.structs.replace(base, incident_id=name, group=group, onset_ms=onset_ms)

    mixed = [incident("b", "b", 20), incident("a2", "a", 90), incident("a", "a", 10), incident("a1", "a", 50)]
    assert [one.incident_id for one in in_families(mixed)] == ["a", "a1", "a2", "b"]


@pytest.mark.components
@pytest.mark.skipif(BROWSER is None and "CI" not in os.environ, reason="needs chromium")  # CI has it, or fails
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_browser_shows_the_language(page: str, tmp_path: Path, language: str) -> None:
    """A real browser shows the language that the address asks for."""
    path = tmp_path / "preview.html"
    path.write_text(page, "utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    flags += ["--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [str(BROWSER), *flags, "--dump-dom", f"{path.as_uri()}#{language}"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert f'data-language="{language}"' in shown[:200]
