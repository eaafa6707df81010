"""The loader of scenarios and the library."""

import copy
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from contract import catalogue
from contract.codec import MEDIA_TYPES
from scenarios import document
from scenarios.model import LIBRARY, PHASES, Scenario, ScenarioError, find, library, load

BAD = Path(__file__).parent / "bad"
SMALL: dict[str, Any] = {
    "name": "small",
    "title": {"en": "A test", "zh": "测试"},
    "story": {"en": "Two parks and a fire.", "zh": "两个园区，一场火灾。"},
    "seed": 7,
    "starts_at": "2020-12-07T07:30:00+08:00",
    "warm_up": "2s",
    "duration": "1m",
    "parks": ["baitao", "liangjiang"],
    "points_per_park": 400,
    "gateways_per_park": 2,
    "sample_period": "500ms",
    "encoding": MEDIA_TYPES[0],
    "enterprises_per_park": 3,
    "requests_per_enterprise_hour": 10,
    "incidents": [{"kind": "fire", "park": "baitao", "zone": 2, "at": "1.5s", "duration": "10s"}],
    "objectives": {"ack_ms_p99_max": 1000, "alert_park_ms_p99_max": 1500, "alert_city_ms_p99_max": 2500},
}


def _load(folder: Path, **changes: object) -> Scenario:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL | changes, allow_unicode=True), encoding="utf-8")
    return load(path)


@pytest.mark.parametrize("path", sorted(BAD.glob("*.bad.yaml")), ids=lambda path: path.name)
def test_a_bad_file_is_refused_with_its_exact_message(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes a wrong scenario reads where it is wrong, what was wanted and what was found."""
    monkeypatch.chdir(BAD)
    with pytest.raises(ScenarioError) as caught:
        load(path.name)
    wanted = path.with_name(path.name.replace(".bad.yaml", ".message")).read_text(encoding="utf-8")
    assert str(caught.value) + "\n" == wanted


def test_every_message_has_its_bad_file() -> None:
    """No expected message is left behind without the file that causes it."""
    assert {path.stem for path in BAD.glob("*.message")} == {path.name[:-9] for path in BAD.glob("*.bad.yaml")}


def test_a_fault_in_the_library_is_named_by_its_place_in_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors name a library file as `library/storm.yaml`, wherever the project is installed."""
    monkeypatch.setattr("scenarios.model.LIBRARY", BAD)
    with pytest.raises(ScenarioError) as caught:
        load(BAD / "duration-in-words.bad.yaml")
    assert str(caught.value) == (
        'library/duration-in-words.bad.yaml: incidents[2].at: expected a duration such as "90s", found "soon"'
    )


def test_what_is_written_is_what_is_loaded(tmp_path: Path) -> None:
    """Units become seconds and milliseconds, and parks come in the catalogue's order."""
    scenario = _load(tmp_path)
    assert (scenario.warm_up_s, scenario.duration_s, scenario.sample_period_ms) == (2.0, 60.0, 500)
    assert scenario.starts_at_ms == 1_607_297_400_000
    assert scenario.parks == ("liangjiang", "baitao")
    assert scenario.readings_per_s == 1600
    incident = scenario.incidents[0]
    assert (incident.at_s, incident.duration_s, incident.severity) == (1.5, 10.0, 1.0)
    assert scenario.objectives.recall_min == 1.0


def test_a_phase_takes_in_the_phases_before_it(tmp_path: Path) -> None:
    """Choosing a phase of the plan gives the city as it stood at the end of that phase."""
    sizes = [len(_load(tmp_path, parks={"phase": phase}, incidents=[]).parks) for phase in PHASES]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == 47
    assert _load(tmp_path, parks="all").parks == tuple(park.id for park in catalogue.parks())


def test_a_time_without_quotes_is_read_as_written(tmp_path: Path) -> None:
    """YAML's own notion of a time never changes what the author wrote."""
    path = tmp_path / "small.yaml"
    text = yaml.safe_dump(SMALL, allow_unicode=True).replace("'2020-12-07T07:30:00+08:00'", "2020-12-07T07:30:00+08:00")
    path.write_text(text, encoding="utf-8")
    assert load(path).starts_at_ms == 1_607_297_400_000


def test_files_that_cannot_be_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing, binary, empty or endlessly nested file is an error of its author, not a traceback."""
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty.yaml").write_bytes(b"")
    (tmp_path / "deep.yaml").write_text("[" * 5000)
    (tmp_path / "numbers.yaml").write_text("1: 2")
    monkeypatch.chdir(tmp_path)
    found = {}
    for name in ("missing", "binary", "empty", "deep", "numbers"):
        with pytest.raises(ScenarioError) as caught:
            find(f"{name}.yaml")
        found[name] = str(caught.value)
    assert found == {
        "missing": "missing.yaml: expected a readable file, found no such file or directory",
        "binary": "binary.yaml: expected UTF-8 text, found other bytes",
        "empty": "empty.yaml: expected a mapping of keys, found null",
        "deep": "deep.yaml: expected YAML of a few levels, found levels beyond counting",
        "numbers": "numbers.yaml: line 1, column 1: expected valid YAML, found a key that is not text",
    }


def test_an_unknown_name_lists_the_library() -> None:
    """Who mistypes a name is told the names that exist."""
    with pytest.raises(ScenarioError, match=r'first-morning, .*quiet-night, .*, found "first-mornin"') as caught:
        find("first-mornin")
    assert "chemical-leak" in str(caught.value)


_ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=("Cs", "Cc"))),
    st.sampled_from(["0s", "1h", "99d", "all", "baitao", [], {}, [[]], {"a": 1}, ["all"]]),
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_wrong_value_anywhere_is_a_scenario_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever stands in whatever place, the loader answers with a scenario or with an error that names the file."""
    written = copy.deepcopy(SMALL)
    place = data.draw(st.sampled_from([written, written["incidents"][0], written["objectives"], written["title"]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(_ODD)
    path = tmp_path_factory.mktemp("odd") / "small.yaml"
    path.write_text(yaml.safe_dump(written, allow_unicode=True), encoding="utf-8")
    try:
        assert load(path).name == "small"
    except ScenarioError as error:
        assert str(error).startswith(f"{path}: ")  # noqa: PT017 - both answers are right


def test_the_library_can_be_loaded_and_told_in_both_languages() -> None:
    """Every story loads, under the name of its file, with a title, a story and its outcome in English and Chinese."""
    scenarios = library()
    assert [scenario.name for scenario in scenarios] == sorted(path.stem for path in LIBRARY.glob("*.yaml"))
    assert {"first-morning", "quiet-night", "chemical-leak", "pilot-2019", "full-2020"} <= {
        one.name for one in scenarios
    }
    for scenario in scenarios:
        assert find(scenario.name) == scenario
        assert scenario.outcome is not None, scenario.name
        for text in (scenario.title, scenario.story, scenario.outcome):
            assert any("一" <= letter <= "鿿" for letter in text.zh)


def test_the_first_morning_is_the_demo_that_was_promised() -> None:
    """47 parks of 2,000 points at 1 Hz for 64 s, with at least 14 incidents of several kinds in several parks."""
    scenario = find("first-morning")
    assert (len(scenario.parks), scenario.points_per_park, scenario.sample_period_ms) == (47, 2000, 1000)
    assert (scenario.warm_up_s, scenario.duration_s, scenario.readings_per_s) == (8.0, 64.0, 94_000.0)
    assert len(scenario.incidents) >= 14
    assert len({incident.kind for incident in scenario.incidents}) >= 7
    assert len({incident.park for incident in scenario.incidents}) >= 10


def test_scenarios_survive_json() -> None:
    """A result can carry the scenario that it belongs to."""
    scenario = find("chemical-leak")
    assert msgspec.json.decode(msgspec.json.encode(scenario), type=Scenario) == scenario


def test_the_loader_knows_the_encodings_of_the_contract() -> None:
    """Every encoding that the contract has can be chosen, and no other."""
    assert get_args(document.Encoding) == MEDIA_TYPES
