"""Rules files: each fault is told with file, path, what was found and what was wanted; the rest means what it says."""

import hashlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import PeerError
from contract.messages import Point
from contract.rulebook import check_against_points, load_rules, parse_rules
from contract.rulebook.written import KINDS
from contract.rules import (
    AnomalyRule,
    Calendar,
    ExpressionRule,
    Inhibition,
    KOfNRule,
    LimitRule,
    RateRule,
    RuleSet,
    Selector,
    Shift,
    SilenceRule,
    StuckRule,
)

BAD = Path(__file__).parent / "bad_rules"
GOOD = Path(__file__).parent / "good_rules"
POINTS = [
    Point(name=f"ww/z01/outlet-0001/{quantity}", gateway="gw-01", zone="z01", subsystem="ww", unit="1")
    for quantity in ("cod", "ph", "flow", "nh3-n")
]


@pytest.mark.parametrize("path", sorted(BAD.glob("*.bad.yaml")), ids=lambda path: path.name)
def test_bad_rules_are_refused_with_their_exact_message(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes a wrong rule reads the file, the place, what was wanted and what was found."""
    monkeypatch.chdir(BAD)
    file = Path(path.name)
    with pytest.raises(PeerError) as refusal:
        check_against_points(load_rules(file), POINTS, path.name)
    wanted = path.with_name(path.name.replace(".bad.yaml", ".message")).read_text(encoding="utf-8")
    assert (str(refusal.value) + "\n", refusal.value.status) == (wanted, 422)


def test_every_message_about_rules_has_its_bad_file() -> None:
    """No expected message is left behind without the file that causes it, and each names its file."""
    messages = {path.stem: path.read_text(encoding="utf-8") for path in BAD.glob("*.message")}
    assert set(messages) == {path.name.removesuffix(".bad.yaml") for path in BAD.glob("*.bad.yaml")}
    assert all(message.startswith(f"{name}.bad.yaml: ") for name, message in messages.items())


def test_a_file_that_cannot_be_read_is_told_as_such(tmp_path: Path) -> None:
    """A missing file, and one that is not text, are named with what is wrong about them."""
    missing, other = tmp_path / "missing.yaml", tmp_path / "other.yaml"
    other.write_bytes(b"rules: \xff\xfe")
    with pytest.raises(PeerError) as refusal:
        load_rules(missing)
    assert str(refusal.value) == f"{missing}: expected a readable file, found no such file or directory"
    with pytest.raises(PeerError) as refusal:
        load_rules(other)
    assert str(refusal.value) == f"{other}: expected UTF-8 text, found other bytes"


def test_the_smallest_file_means_what_it_says() -> None:
    """Durations become seconds, and what is not written has its default."""
    path = GOOD / "smallest.yaml"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    rule = LimitRule(
        id="cod-high", points="ww/*/cod", high=100.0, deadband=5.0, on_delay_s=30.0, off_delay_s=60.0, level="orange"
    )
    assert load_rules(path) == RuleSet(version=f"sha256:{digest}", rules=[rule])


def test_every_kind_means_what_it_says() -> None:
    """One rule of each kind, with each key that its kind has."""
    everything = load_rules(GOOD / "every-kind.yaml")
    working_days = Shift(days=("mon", "tue", "wed", "thu", "fri"), start="08:00", end="20:00")
    shifts = (working_days, Shift(days=("sat", "sun")))
    assert everything == RuleSet(
        version="2026-1",
        rules=[
            LimitRule(
                id="cod-steps",
                points="ww/*/*/cod",
                levels={"yellow": 80.0, "orange": 100.0, "red": 120.0},
                deadband=5.0,
                on_delay_s=30.0,
                source="GB 8978-1996 table 4",
            ),
            RateRule(
                id="level-falls",
                points="ww/*/tank-*/level",
                fall=10.0,
                per_s=3600.0,
                over_s=300.0,
                deadband=2.0,
                level="orange",
            ),
            StuckRule(
                id="ph-stuck",
                select=Selector(subsystem="ww", zone="z0?", quantity="ph"),
                after_s=28_800.0,
                epsilon=0.01,
                off_delay_s=0.25,
                suppressed_by=(Inhibition(rule="ph-silent", within="point"), Inhibition(rule="level-falls")),
            ),
            SilenceRule(
                id="ph-silent",
                points="ww/*/*/ph",
                after_s=86_400.0,
                cause="communication",
                active_when=Calendar(shifts=shifts, except_dates=("2026-10-01", "2026-10-02"), utc_offset_minutes=-210),
            ),
            AnomalyRule(
                id="flow-odd",
                points="ww/*/*/flow",
                z=6.0,
                alpha=0.05,
                warm_up=50,
                floor=0.5,
                deadband=2.0,
                active_when=Calendar(
                    shifts=(Shift(days=("mon", "wed", "fri", "sat", "sun"), start="22:00", end="06:00"),)
                ),
            ),
            KOfNRule(
                id="many-high",
                of=("cod-steps", "flow-odd"),
                points="ww/*/outlet-*/*",
                k=3,
                deadband=1.0,
                window_s=90.0,
                by="gateway",
                level="red",
                priority="high",
                escalate_after_s=60.0,
            ),
            ExpressionRule(
                id="acid",
                points="ww/*/outlet-*",
                when="not (ph >= 6 and `nh3-n` < 15) or cod / max(flow, 0.1) > 40",
                deadband=0.2,
            ),
        ],
    )
    assert {rule.__struct_config__.tag for rule in everything.rules} == set(KINDS)


@pytest.mark.parametrize("path", sorted(GOOD.glob("*.yaml")), ids=lambda path: path.name)
def test_good_rules_go_over_the_wire_and_back(path: Path) -> None:
    """What a person wrote is the same after its way as a message."""
    rules = load_rules(path)
    assert msgspec.json.decode(msgspec.json.encode(rules), type=RuleSet) == rules


def test_a_version_follows_the_text() -> None:
    """Rules without a version of their own have another one after any change, and the same one without."""
    text = (GOOD / "smallest.yaml").read_text(encoding="utf-8")
    versions = [parse_rules(each, "rules.yaml").version for each in (text, text, text + "# seen\n")]
    assert versions[0] == versions[1] != versions[2]


@given(st.text(alphabet="rulesidknpoh:-[]{},&*!'\" \n\t019.|>#", max_size=60))
def test_no_text_is_more_than_refused(text: str) -> None:
    """Whatever the file holds, it is rules or it is refused with its name."""
    try:
        assert isinstance(parse_rules(text, "any.yaml"), RuleSet)
    except PeerError as refusal:
        assert refusal.where.startswith("any.yaml")  # noqa: PT017 - either outcome is right


@given(
    st.sampled_from(sorted(KINDS)),
    st.dictionaries(
        st.sampled_from([name.removesuffix("_s") for kind in KINDS.values() for name in kind.__struct_fields__]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-3, 200)
            | st.floats()
            | st.sampled_from(["30s", "a/*", "zone", "x<1"]),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["days", "rule", "red"]), inner)
            ),
            max_leaves=5,
        ),
    ),
)
def test_no_value_is_more_than_refused(kind: str, keys: dict[str, object]) -> None:
    """Whatever stands behind a key, the rule is one or it is refused with its place in the file."""
    text = msgspec.yaml.encode({"rules": [{"kind": kind} | keys]}).decode()
    try:
        assert len(parse_rules(text, "any.yaml").rules) == 1
    except PeerError as refusal:
        assert refusal.where.startswith("any.yaml: rules[0]")  # noqa: PT017 - either outcome is right


def test_aliases_cannot_fill_the_memory() -> None:
    """A few lines that stand for billions of values are refused in one short line."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(PeerError) as refusal:
        parse_rules("rules:\n- {" + ", ".join(lines) + "}", "bomb.yaml")
    assert len(str(refusal.value)) < 300
