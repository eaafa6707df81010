"""The plans and commands of the catalogue hang together, and what does not is refused with its place."""

from typing import Any

import msgspec
import pytest
from linkage_park import ANNOUNCE, DOORS, plan, step

from contract.catalogue import full_rules, subsystems
from contract.catalogue.commands import CommandKind, check_kind, commands
from contract.catalogue.linkage import INCIDENT_GAP_S, linkage_plans
from contract.errors import HarnessError
from reference_impl.monitoring.incidents import INCIDENT_GAP_MS

DEVICES = {(subsystem.code, device.device) for subsystem in subsystems() for device in subsystem.devices}


def test_the_catalogue_has_the_plans_that_parks_need() -> None:
    """Each plan names rules that exist at the level that it wants, and no plan is without steps or names."""
    assert {"fire", "gas-leak", "ammonia-leak", "flood", "power-failure", "discharge"} <= set(linkage_plans())
    rules = full_rules().rules
    for each in linkage_plans().values():
        assert each.steps
        assert all((each.name_en, each.name_zh, *(step.name_zh for step in each.steps)))
        for prefix in each.start.rules:
            assert any(rule.id.startswith(prefix) for rule in rules), prefix
        for cause in each.start.causes:
            assert any(rule.cause == cause for rule in rules), cause


def test_no_plan_ends_before_its_incident() -> None:
    """The gap that the plans are held to is the one by which alerts become incidents."""
    assert INCIDENT_GAP_S * 1000 == INCIDENT_GAP_MS


def test_each_undo_is_a_command_of_the_same_devices() -> None:
    """Whatever a plan commands and can be taken back, can be taken back without being told anything more."""
    for kind in commands().values():
        if kind.undo:
            commands()[kind.subsystem, kind.device, kind.undo].filled({}, "parameters")


@pytest.mark.parametrize(
    ("steps", "other", "message"),
    [
        ([step("a", {**DOORS, "command": "burn"})], {}, "[0].steps[0].command: expected a command of"),
        ([step("a", {**ANNOUNCE, "parameters": {}})], {}, "[0].steps[0].parameters.message: expected evacuate or"),
        ([step("a", DOORS), step("a", DOORS)], {}, "[0].steps[1].step: expected each step once, found 'a' again"),
        ([step("a", DOORS, after_s=-1)], {}, "[0].steps[0]: expected after_s and retries of at least 0, found -1"),
        ([step("a", DOORS, timeout_s=0)], {}, "[0].steps[0].timeout_s: expected more than 0, found 0"),
        (
            [step("a", DOORS, compensate={**DOORS, "command": "burn", "where": "zone"})],
            {},
            "[0].steps[0].compensate.command: expected a command of commands.yaml, found 'access/door/burn'",
        ),
        ([], {"quiet_s": 600}, "[0].quiet_s: expected more than 600, found 600"),
        ([], {"devices": 0}, "[0].start.devices: expected 1 to 100, found 0"),
        ([], {"start": {"level": "red", "devices": 1, "window_s": 1}}, "[0].start: expected causes or rules"),
        (
            [],
            {"start": {"causes": ["x"], "level": "red", "devices": 1, "window_s": 0}},
            "[0].start.window_s: expected more than 0, found 0",
        ),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_refused(steps: list[dict[str, Any]], other: dict[str, Any], message: str) -> None:
    """File, place, what was wanted and what was found."""
    with pytest.raises(HarnessError) as refusal:
        plan(*steps, **other)
    assert str(refusal.value).startswith("test.yaml: ")
    assert message in str(refusal.value)


def test_an_unknown_key_of_a_plan_is_refused() -> None:
    """A key that nobody reads is a mistake of the writer."""
    with pytest.raises(msgspec.ValidationError, match=r"unknown field `retires` - at `\$.steps\[0\]`"):
        plan(step("a", DOORS, retires=3))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"device": "dragon"}, "[7].device: expected a kind of device of the subsystems, found 'access/dragon'"),
        ({"undo": "burn"}, "[7].undo: expected a command of access/door that needs no parameters, found 'burn'"),
        ({"timeout_s": 0}, "[7].timeout_s: expected more than 0, found 0"),
        (
            {"parameters": [{"name": "", "type": "integer", "name_en": "", "name_zh": "", "default": 2, "maximum": 1}]},
            "[7].parameters[0].default: expected integer at most 1, found 2",
        ),
    ],
)  # fmt: skip
def test_a_command_that_cannot_be_is_refused(other: dict[str, Any], message: str) -> None:
    """The place, what was wanted and what was found."""
    written = {"name_en": "x", "name_zh": "x", "timeout_s": 5, "mark": "A", **DOORS, **other}
    kind = msgspec.convert(written, CommandKind)
    with pytest.raises(HarnessError) as refusal:
        check_kind("[7]", kind, {kind.key: kind}, DEVICES)
    assert message in str(refusal.value)


def test_a_command_comes_once() -> None:
    """The same command of the same kind of device cannot be written twice."""
    first, second = (
        commands()["access", "door", "open"],
        msgspec.structs.replace(commands()["access", "door", "open"]),
    )
    with pytest.raises(HarnessError, match="expected each command once, found 'open' again"):
        check_kind("[0]", first, {first.key: second}, DEVICES)
