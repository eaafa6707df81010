"""Linkage (联动): commands to devices, what gateways report about them, and the runs of plans."""

from typing import Literal

import msgspec

from contract.message import Message

CommandState = Literal["issued", "accepted", "done", "failed", "timed_out", "absent", "undone"]
"""`issued` and `accepted` are open; `absent`: the place has no device of the kind, so nobody was told."""
CommandPurpose = Literal["step", "compensation", "undo", "operator"]
RunState = Literal["running", "ending", "undoing", "ended"]
WHOLE_PARK = "*"
MAX_WAIT_MS = 30_000
Parameters = dict[str, str | int | float | bool]


class CommandOrder(Message, frozen=True, kw_only=True):
    """An operator commands all devices of a kind. The same `request_id` again commands nothing new.

    Attributes:
        subsystem, device, command: one of the catalogue's commands.
        zone: where; `*` in the whole park.
        parameters: of the command; what has a default may be left out.
        operator, reason: who commands it, and why.
    """

    request_id: str
    subsystem: str
    device: str
    command: str
    zone: str
    operator: str
    reason: str
    parameters: Parameters = msgspec.field(default_factory=dict)


class Command(Message, frozen=True, kw_only=True):
    """A command to all devices of a kind in a place that belong to one gateway, as it stands now.

    Attributes:
        command_id: a digest of what makes it one command (plan, incident, step, gateway), 32 hexadecimal characters.
        number: its place in the park's log of commands given; a command that is given again gets a new one.
        gateway: who carries it out; empty where there is no such device.
        zone: where; `*` in the whole park.
        purpose: why it was given.
        attempt: 1, and one more each time that it is given again.
        issued_ms: the park's clock when it was given first.
        sent_ms: the park's clock when it was given last.
        due_ms: it is expected to be done by then.
        accepted_ms, ended_ms: the park's clock when it was accepted, and when it was over.
        run, plan, step: what it belongs to; empty for an operator's command.
        about: id of the command that it undoes or stands in for.
        operator, reason: who gave it, and why; empty for a plan's.
        comment: what the gateway said last.
        attention: it did not succeed and nothing stands in for it: an operator must see to it.
    """

    command_id: str
    number: int
    park: str
    gateway: str
    subsystem: str
    device: str
    command: str
    zone: str
    parameters: Parameters
    purpose: CommandPurpose
    state: CommandState
    attempt: int
    issued_ms: int
    sent_ms: int
    due_ms: int
    accepted_ms: int | None = None
    ended_ms: int | None = None
    run: str = ""
    plan: str = ""
    step: str = ""
    about: str = ""
    operator: str = ""
    reason: str = ""
    comment: str = ""
    attention: bool = False


class CommandList(Message, frozen=True, kw_only=True):
    """Commands; `truncated` when the limit cut the list."""

    commands: list[Command]
    truncated: bool = False


class CommandFeedback(Message, frozen=True, kw_only=True):
    """A gateway reports about a command. The same again changes nothing."""

    state: Literal["accepted", "done", "failed"]
    comment: str = ""


class LinkageRun(Message, frozen=True, kw_only=True):
    """One run of a plan, as it stands now.

    Attributes:
        run: a digest of park, plan and incident, 32 hexadecimal characters: no plan starts twice for an incident.
        incident, zone: of the alert that completed the count.
        onset_ms: the earliest onset among the alerts that started it, by the devices' clocks.
        started_ms: the park's clock at the start.
        quiet_ms: since when none of its alerts has stood; None while one does.
        done_ms: when all steps were over, what stood in for them included.
        ended_ms: when all that was to be undone was undone, or had failed.
    """

    run: str
    plan: str
    park: str
    zone: str
    incident: str
    state: RunState
    onset_ms: int
    started_ms: int
    quiet_ms: int | None = None
    done_ms: int | None = None
    ended_ms: int | None = None


class LinkageRunList(Message, frozen=True, kw_only=True):
    """Runs of plans, newest first; `truncated` when the limit cut the list."""

    runs: list[LinkageRun]
    truncated: bool = False


class PlanTimes(Message, frozen=True, kw_only=True):
    """How long the runs of a plan took that started in a period; None where nothing was to be measured.

    Attributes:
        runs: how many.
        commands: how many commands their steps gave, those that stood in included.
        failed, timed_out, absent: how many of them ended so.
        onset_to_command_ms_*: from the onset (the device's clock) to each command (the park's clock).
        command_to_feedback_ms_*: from the first time a command was given to the report that it was done.
        onset_to_done_ms_*: from the onset until all steps were over.
    """

    plan: str
    runs: int
    commands: int
    failed: int
    timed_out: int
    absent: int
    onset_to_command_ms_p50: int | None = None
    onset_to_command_ms_p99: int | None = None
    command_to_feedback_ms_p50: int | None = None
    command_to_feedback_ms_p99: int | None = None
    onset_to_done_ms_p50: int | None = None
    onset_to_done_ms_p99: int | None = None


class LinkageTimes(Message, frozen=True, kw_only=True):
    """Figures of every plan that started in the period, in order of name."""

    from_ms: int
    to_ms: int
    plans: list[PlanTimes]
