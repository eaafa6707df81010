"""Linkage plans as data: which alerts start one, what it commands, and how it ends."""

import functools
from collections.abc import Mapping
from typing import Literal

import msgspec

from contract.catalogue.commands import CommandKey, CommandKind, Value, commands
from contract.catalogue.load import read
from contract.catalogue.model import Entry, Mark
from contract.errors import HarnessError, PeerError
from contract.messages import Level

FILE = "linkage.yaml"
INCIDENT_GAP_S = 600
"""An alert that comes so long after the last one still belongs to its incident, so no plan ends before that."""
DEVICES_MAX = 100
Where = Literal["zone", "park"]


class LinkageStart(Entry, frozen=True, kw_only=True):
    """Which alerts start a plan.

    Attributes:
        causes: alerts of these causes count, and
        rules: alerts of rules whose ids begin with one of these.
        level: the least level.
        devices: alerts of so many devices must stand in one zone, raised within
        window_s: seconds of each other.
    """

    level: Level
    devices: int
    window_s: float
    causes: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()

    def counts(self, rule: str, cause: str) -> bool:
        """May alerts of this rule and cause start the plan?"""
        return cause in self.causes or rule.startswith(self.rules or ("\n",))


class Ordered(Entry, frozen=True, kw_only=True):
    """A command to all devices of a kind in the zone of the alerts or in the park."""

    subsystem: str
    device: str
    command: str
    where: Where
    parameters: dict[str, Value] = msgspec.field(default_factory=dict)

    @property
    def key(self) -> CommandKey:
        """Its place among all commands."""
        return self.subsystem, self.device, self.command


class LinkageStep(Ordered, frozen=True, kw_only=True):
    """One step of a plan; the file's head says what each key means."""

    step: str
    name_en: str
    name_zh: str
    after_s: float = 0.0
    timeout_s: float | None = None
    retries: int = 0
    compensate: Ordered | None = None


class LinkagePlan(Entry, frozen=True, kw_only=True):
    """A plan; the file's head says what each key means."""

    plan: str
    name_en: str
    name_zh: str
    mark: Mark
    start: LinkageStart
    order: Literal["at-once", "in-order"]
    quiet_s: float
    steps: tuple[LinkageStep, ...]
    undo: bool = True


@functools.cache
def linkage_plans() -> Mapping[str, LinkagePlan]:
    """All plans by name, checked.

    Raises:
        HarnessError: the file contradicts itself or the commands.
    """
    return checked_plans(read(FILE, tuple[LinkagePlan, ...]), FILE)


def checked_plans(loaded: tuple[LinkagePlan, ...], file: str) -> dict[str, LinkagePlan]:
    """Plans by name, held to the commands.

    Raises:
        HarnessError: with the file, the place, what was wanted and what was found.
    """
    for number, plan in enumerate(loaded):
        where = f"{file}: [{number}]"
        if plan.plan in {each.plan for each in loaded[:number]}:
            raise HarnessError(f"{where}.plan: expected each plan once, found {plan.plan!r} again")
        _check_start(f"{where}.start", plan.start)
        if plan.quiet_s <= INCIDENT_GAP_S:
            raise HarnessError(f"{where}.quiet_s: expected more than {INCIDENT_GAP_S}, found {plan.quiet_s:g}")
        for place, step in enumerate(plan.steps):
            _check_step(f"{where}.steps[{place}]", step, plan.steps[:place])
    return {plan.plan: plan for plan in loaded}


def _check_start(where: str, start: LinkageStart) -> None:
    if not start.causes and not start.rules:
        raise HarnessError(f"{where}: expected causes or rules, found neither")
    if not 1 <= start.devices <= DEVICES_MAX:
        raise HarnessError(f"{where}.devices: expected 1 to {DEVICES_MAX}, found {start.devices}")
    if start.window_s <= 0:
        raise HarnessError(f"{where}.window_s: expected more than 0, found {start.window_s:g}")


def _check_step(where: str, step: LinkageStep, former: tuple[LinkageStep, ...]) -> None:
    if step.step in {each.step for each in former}:
        raise HarnessError(f"{where}.step: expected each step once, found {step.step!r} again")
    if step.after_s < 0 or step.retries < 0:
        found = f"{step.after_s:g} and {step.retries}"
        raise HarnessError(f"{where}: expected after_s and retries of at least 0, found {found}")
    if step.timeout_s is not None and step.timeout_s <= 0:
        raise HarnessError(f"{where}.timeout_s: expected more than 0, found {step.timeout_s:g}")
    for place, ordered in ((where, step), (f"{where}.compensate", step.compensate)):
        if ordered is not None:
            _check_ordered(place, ordered)


def _check_ordered(where: str, ordered: Ordered) -> CommandKind:
    kind = commands().get(ordered.key)
    if kind is None:
        raise HarnessError(f"{where}.command: expected a command of commands.yaml, found {'/'.join(ordered.key)!r}")
    try:
        kind.filled(ordered.parameters, f"{where}.parameters")
    except PeerError as error:
        raise HarnessError(str(error)) from error
    return kind
