"""One run of a linkage plan: its steps, what stands in for those that fail, and how it is undone."""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from contract.catalogue.commands import CommandKind, Value, commands
from contract.catalogue.linkage import LinkagePlan, LinkageStep, Ordered
from contract.linkage import WHOLE_PARK, Command, CommandPurpose, LinkageRun
from reference_impl.park.commands import OPEN, Targets, digest_of

_UNDONE_AFTER = frozenset({"done", "timed_out"})  # what has timed out may have been carried out all the same
_FORWARD = frozenset({"step", "compensation"})


class Told(NamedTuple):
    """Commands and runs that changed, as they are now."""

    commands: tuple[Command, ...]
    runs: tuple[LinkageRun, ...]


class CommandLog:
    """Numbers what is given, and gathers what changed until it is committed.

    Args:
        number: the highest number so far, 0 for none.
        targets: who may be given something.
    """

    def __init__(self, number: int, targets: Targets) -> None:
        self.targets = targets
        self._number = number
        self._commands: dict[str, Command] = {}
        self._runs: dict[str, LinkageRun] = {}

    def give(self, command: Command) -> Command:
        """The command with the next number."""
        self._number += 1
        return self.keep(replace(command, number=self._number))

    def keep(self, command: Command) -> Command:
        """Note a command as it is now."""
        self._commands[command.command_id] = command
        return command

    def keep_run(self, run: LinkageRun) -> LinkageRun:
        """Note a run as it is now."""
        self._runs[run.run] = run
        return run

    def take(self) -> Told:
        """What changed since the last time."""
        told = Told(tuple(self._commands.values()), tuple(self._runs.values()))
        self._commands, self._runs = {}, {}
        return told


def given(
    kind: CommandKind, parameters: Mapping[str, Value], now_ms: int, *, park: str, gateway: str, zone: str
) -> Command:
    """An operator's command, before it is named and numbered."""
    return Command(
        command_id="",
        number=0,
        park=park,
        gateway=gateway,
        subsystem=kind.subsystem,
        device=kind.device,
        command=kind.command,
        zone=zone,
        parameters=dict(parameters),
        purpose="operator",
        state="issued",
        attempt=1,
        issued_ms=now_ms,
        sent_ms=now_ms,
        due_ms=now_ms + round(1000 * kind.timeout_s),
    )


class ActiveRun:
    """A run that has not ended.

    Args:
        plan: its plan.
        run: the run as it is now.

    Attributes:
        commands: its commands by id.
        due_ms: wall time at which `advance` has something to do; None while it waits for reports or alerts alone.
    """

    def __init__(self, plan: LinkagePlan, run: LinkageRun) -> None:
        self.plan = plan
        self.run = run
        self.commands: dict[str, Command] = {}
        self.due_ms: int | None = None

    @property
    def place(self) -> tuple[str, str]:
        """Plan and zone."""
        return self.run.plan, self.run.zone

    def note_quiet(self, log: CommandLog, quiet_ms: int | None) -> None:
        """None of its alerts stands since `quiet_ms`, or one does."""
        if (quiet_ms is None) != (self.run.quiet_ms is None):
            self.run = log.keep_run(replace(self.run, quiet_ms=quiet_ms))

    def advance(self, log: CommandLog, now_ms: int) -> None:
        """Do what is due by now."""
        for command in sorted(self.commands.values(), key=lambda each: each.number):  # as the store gives them back
            if command.state in OPEN and command.due_ms <= now_ms:
                self._failed(log, replace(command, state="timed_out", ended_ms=now_ms), now_ms)
        begins_ms = self._begin(log, now_ms) if self.run.state == "running" else None
        self._move(log, now_ms, all_begun=begins_ms is None and self._last_begun())
        ends_ms = None
        if self.run.state == "running" and self.run.quiet_ms is not None:
            ends_ms = self.run.quiet_ms + round(1000 * self.plan.quiet_s)
        waiting = [begins_ms, ends_ms, *(each.due_ms for each in self.commands.values() if each.state in OPEN)]
        self.due_ms = min((each for each in waiting if each is not None), default=None)

    def reported(self, log: CommandLog, command: Command, now_ms: int) -> None:
        """A gateway has reported: the command as the report leaves it."""
        if command.state == "failed":
            self._failed(log, command, now_ms)
            return
        self.commands[command.command_id] = log.keep(command)
        if command.purpose == "undo" and command.state == "done":
            undone = self.commands[command.about]
            self.commands[undone.command_id] = log.keep(replace(undone, state="undone"))

    # --- steps ---

    def _begin(self, log: CommandLog, now_ms: int) -> int | None:
        """Begin the steps that are due; gives when the next one is, None when that depends on reports or on nothing."""
        former_over_ms = self.run.started_ms
        waiting: list[int] = []
        for step in self.plan.steps:
            mine = self._of_step(step)
            if not mine:
                begins_ms = former_over_ms + round(1000 * step.after_s)
                if now_ms < begins_ms:
                    waiting.append(begins_ms)
                else:
                    self._give(log, step, now_ms)
                    mine = self._of_step(step)
            if self.plan.order == "in-order":
                if not mine or any(each.state in OPEN for each in mine):
                    break
                former_over_ms = max(each.ended_ms or now_ms for each in mine)
        return min(waiting, default=None)

    def _of_step(self, step: LinkageStep) -> list[Command]:
        return [each for each in self.commands.values() if each.step == step.step and each.purpose in _FORWARD]

    def _last_begun(self) -> bool:
        return all(self._of_step(step) for step in self.plan.steps)

    def _give(self, log: CommandLog, step: LinkageStep, now_ms: int, *, about: str = "") -> bool:
        """Command every gateway that has such devices, or what stands in for `about`; False when none has."""
        ordered: Ordered = step.compensate if about and step.compensate else step
        purpose: CommandPurpose = "compensation" if about else "step"
        run, kind = self.run, commands()[ordered.key]
        timeout_s = kind.timeout_s if about or step.timeout_s is None else step.timeout_s
        zone = run.zone if ordered.where == "zone" else WHOLE_PARK
        gateways = log.targets.gateways(kind.subsystem, kind.device, zone)
        parameters = kind.filled(ordered.parameters, "parameters")
        for gateway in gateways or ("",):
            command = replace(
                given(kind, parameters, now_ms, park=run.park, gateway=gateway, zone=zone),
                command_id=digest_of(run.run, step.step, purpose, kind.device, gateway),
                purpose=purpose,
                due_ms=now_ms + round(1000 * timeout_s),
                run=run.run,
                plan=run.plan,
                step=step.step,
                about=about,
            )
            if not gateway:
                command = replace(command, state="absent", ended_ms=now_ms)
            self.commands[command.command_id] = log.give(command)
        return bool(gateways)

    def _failed(self, log: CommandLog, command: Command, now_ms: int) -> None:
        """A command failed or timed out: give it again, let something stand in for it, or tell the operator."""
        step = next((each for each in self.plan.steps if each.step == command.step), None)
        if step is not None and command.attempt <= step.retries:
            again = replace(
                command,
                state="issued",
                attempt=command.attempt + 1,
                sent_ms=now_ms,
                due_ms=now_ms + command.due_ms - command.sent_ms,
                accepted_ms=None,
                ended_ms=None,
            )
            self.commands[command.command_id] = log.give(again)
            return
        helped = False
        if step is not None and step.compensate is not None and command.purpose == "step":
            others = self._of_step(step)
            helped = any(each.purpose == "compensation" and each.state != "absent" for each in others)
            if not any(each.purpose == "compensation" for each in others):
                helped = self._give(log, step, now_ms, about=command.command_id)
        self.commands[command.command_id] = log.keep(replace(command, attention=not helped))

    # --- the end ---

    def _move(self, log: CommandLog, now_ms: int, *, all_begun: bool) -> None:
        """From one state of the run to the next, as far as it goes."""
        run = self.run
        busy = any(each.state in OPEN for each in self.commands.values())
        if run.state == "running":
            if all_begun and not busy and run.done_ms is None:
                run = replace(run, done_ms=now_ms)
            if run.quiet_ms is not None and run.quiet_ms + round(1000 * self.plan.quiet_s) <= now_ms:
                run = replace(run, state="ending")
        if run.state == "ending" and not busy:
            run = replace(run, state="undoing")
            busy = self._undo(log, now_ms) if self.plan.undo else False
        if run.state == "undoing" and not busy:
            run = replace(run, state="ended", ended_ms=now_ms)
        if run != self.run:
            self.run = log.keep_run(run)

    def _undo(self, log: CommandLog, now_ms: int) -> bool:
        """Give back what was commanded, the last first; False when there is nothing to undo."""
        given_back = False
        for former in sorted(self.commands.values(), key=lambda each: -each.number):
            undo = commands()[former.subsystem, former.device, former.command].undo
            if former.purpose not in _FORWARD or former.state not in _UNDONE_AFTER or not undo:
                continue
            kind = commands()[former.subsystem, former.device, undo]
            filled = kind.filled({}, "parameters")
            command = replace(
                given(kind, filled, now_ms, park=former.park, gateway=former.gateway, zone=former.zone),
                command_id=digest_of(self.run.run, former.step, "undo", kind.device, former.command_id),
                purpose="undo",
                run=self.run.run,
                plan=self.run.plan,
                step=former.step,
                about=former.command_id,
            )
            self.commands[command.command_id] = log.give(command)
            given_back = True
        return given_back
