"""What is written about events and states: complete for every subsystem, cited, and strictly read."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
import yaml

from contract import catalogue
from contract.errors import PeerError
from sim.world.activity import book, reactions
from sim.world.activity.laws import DayKind, Law, Periodic
from sim.world.activity.load import (
    read_fleets,
    read_flows,
    read_reactions,
    read_shapes,
    shapes_file,
)

BAD = Path(__file__).parent / "bad_traffic"
ROOT = Path(__file__).resolve().parents[2]
INFRASTRUCTURE = {
    "roads": {"gis/counter"},
    "street lamps": {"lighting/lamp", "lighting/cabinet"},
    "underground pipes": {"gis/valve", "gis/manhole"},
}
READERS: dict[str, Callable[[str, str], object]] = {
    "flows": lambda text, file: read_flows(text, file, book().shapes, book().fleets),
    "shapes": read_shapes,
    "fleets": read_fleets,
    "reactions": lambda text, file: read_reactions(text, file, book().flows),
}


def refusal(path: Path) -> str:
    """What the reader of a bad file says."""
    with pytest.raises(PeerError) as caught:
        READERS[path.name.partition("-")[0]](path.read_text(encoding="utf-8"), path.name)
    return str(caught.value)


@pytest.mark.parametrize("path", sorted(BAD.glob("*.bad.yaml")), ids=lambda path: path.name)
def test_a_bad_file_is_refused_with_its_exact_message(path: Path) -> None:
    """Where, what was wanted, what was found."""
    wanted = path.with_name(path.name.replace(".bad.yaml", ".message")).read_text(encoding="utf-8")
    assert refusal(path) == wanted.rstrip("\n")


def test_every_message_has_its_bad_file() -> None:
    """No message is left over, and every mistake has one."""
    assert {path.stem for path in BAD.glob("*.message")} == {path.name[:-9] for path in BAD.glob("*.bad.yaml")}


def test_every_subsystem_has_an_event_and_a_state() -> None:
    """Each of the 14 management subsystems sends at least one kind of event and one kind of state."""
    sent = {(flow.subsystem, kind.traffic) for flow in book().flows for kind in flow.kinds.values()}
    codes = {subsystem.code for subsystem in catalogue.subsystems()}
    assert len(codes) == 14
    assert sent == {(code, traffic) for code in codes for traffic in ("event", "state")}


@pytest.mark.parametrize("part", sorted(INFRASTRUCTURE))
def test_every_part_of_the_infrastructure_has_an_event_and_a_state(part: str) -> None:
    """Roads, street lamps and underground pipes send both."""
    sent = {kind.traffic for flow in book().flows if flow.fleet in INFRASTRUCTURE[part] for kind in flow.kinds.values()}
    assert sent == {"event", "state"}


def test_every_law_is_used_and_every_fleet_and_shape_too() -> None:
    """Nothing that is written is left over."""
    flows = book().flows
    assert {type(flow.law) for flow in flows} == set(Law.__args__)
    guards = {getattr(flow.law, "guards", "") for flow in flows} - {""}
    assert set(book().fleets) == {flow.fleet for flow in flows} | guards
    named = {getattr(flow.law, "shape", "") for flow in flows}
    named |= {shape for flow in flows for shape in getattr(flow.law, "shapes", ())}
    named |= {
        getattr(field, "shape", "") for flow in flows for kind in flow.kinds.values() for field in kind.fields.values()
    }
    assert set(book().shapes) == named - {""}


def test_numbers_say_where_they_come_from() -> None:
    """What calls itself an assumption has mark A; what has another mark names its source."""
    entries = [*book().flows, *book().fleets.values(), *shapes_file().shapes, *reactions().values()]
    for entry in entries:
        assert entry.mark == "A" or not entry.source.startswith("assumption"), entry
        assert entry.mark != "A" or "assumption" in entry.source or entry.source == "points of the catalogue", entry


def test_heartbeats_are_those_of_the_field() -> None:
    """The panel's heartbeat lies within 20 to 30 s, the recorder's keepalive at 60 s, as the domain's facts say."""
    laws = {flow.name: flow.law for flow in book().flows}
    heartbeat, keepalive = laws["fire/heartbeat"], laws["video/keepalive"]
    assert isinstance(heartbeat, Periodic)
    assert isinstance(keepalive, Periodic)
    assert heartbeat.period_s - 2 * heartbeat.jitter_s >= 20
    assert heartbeat.period_s + 2 * heartbeat.jitter_s <= 30
    assert keepalive.period_s == 60


def test_shapes_know_every_kind_of_day() -> None:
    """Each shape has a factor for each kind of day."""
    for shape in shapes_file().shapes:
        assert set(shape.days) == set(DayKind.__args__)  # type: ignore[attr-defined]  # a Literal's words


def test_all_words_are_in_both_languages() -> None:
    """Each name in Chinese has Chinese characters, each in English none."""
    named = [*book().fleets.values(), *shapes_file().shapes, *reactions().values()]
    named += [kind for flow in book().flows for kind in flow.kinds.values()]
    for entry in named:
        assert any("\u4e00" <= letter <= "\u9fff" for letter in entry.name_zh), entry
        assert entry.name_en.isascii(), entry


@pytest.mark.parametrize("page", ["docs/traffic.md", "docs/traffic.zh-CN.md"])
def test_the_pages_name_every_kind(page: str) -> None:
    """The documentation lists each kind of event and state under its name."""
    text = (ROOT / page).read_text(encoding="utf-8")
    missing = [kind.kind for flow in book().flows for kind in flow.kinds.values() if f"`{kind.kind}`" not in text]
    assert not missing


def test_the_files_lie_in_the_package() -> None:
    """The data can be read from an installed package, each file of flows once."""
    folder = resources.files("sim.world.activity") / "traffic"
    files = sorted(file.name for file in folder.iterdir() if file.name.endswith(".yaml"))
    assert len(files) == 15
    written = [flow for name in files for flow in yaml.safe_load((folder / name).read_text(encoding="utf-8"))]
    assert len(written) == len(book().flows)
