"""A park of two zones whose linkage is driven by hand: alerts in, commands out."""

from typing import Any

import msgspec

from contract.catalogue.linkage import LinkagePlan, checked_plans
from contract.linkage import Command, CommandFeedback, LinkageRun
from contract.messages import AlarmState, Alert, Level, Point
from reference_impl.park.alarm_states import is_current
from reference_impl.park.change import Change, EventDraft
from reference_impl.park.linkage import Linkage, StoredLinkage

START_MS = 1_700_000_000_000
QUIET_S = 700
POINTS = [
    Point(name=f"{device}/{quantity}", gateway=f"gw-{zone}", zone=zone, subsystem=device.split("/")[0], unit="1")
    for zone in ("z01", "z02")
    for device, quantity in (
        (f"fire/{zone}/smoke-0001", "smoke"),
        (f"broadcast/{zone}/amplifier-0001", "temperature"),
        (f"broadcast/{zone}/amplifier-0002", "temperature"),
        (f"access/{zone}/door-0001", "open"),
    )
] + [Point(name="parking/z02/garage-0001/free", gateway="gw-z02", zone="z02", subsystem="parking", unit="1")]
ANNOUNCE = {
    "subsystem": "broadcast",
    "device": "amplifier",
    "command": "announce",
    "parameters": {"message": "evacuate"},
}
DOORS = {"subsystem": "access", "device": "door", "command": "open"}
BARRIERS = {"subsystem": "parking", "device": "garage", "command": "barrier-open"}


def step(name: str, what: dict[str, Any], where: str = "zone", **other: Any) -> dict[str, Any]:  # noqa: ANN401 - as in YAML
    """A step as it is written."""
    return {"step": name, "name_en": name, "name_zh": name, "where": where, **what, **other}


def plan(*steps: dict[str, Any], order: str = "at-once", devices: int = 2, **other: Any) -> LinkagePlan:  # noqa: ANN401 - as in YAML
    """A plan as it is written, called `fire`."""
    written = {
        "plan": "fire",
        "name_en": "Fire",
        "name_zh": "火灾",
        "mark": "A",
        "start": {"causes": ["fire"], "level": "orange", "devices": devices, "window_s": 60},
        "order": order,
        "quiet_s": QUIET_S,
        "steps": steps,
        **other,
    }
    return checked_plans((msgspec.convert(written, LinkagePlan),), "test.yaml")["fire"]


def alert(device: int, at_s: float = 0, *, cleared_s: float | None = None, **other: Any) -> Alert:  # noqa: ANN401 - of any type
    """An alert of a smoke detector of zone z01, incident `i-1`, raised `at_s` after the start."""
    level: Level = other.pop("level", "red")
    state: AlarmState = other.pop("state", "UNACK" if cleared_s is None else "RTNUN")
    zone = other.pop("zone", "z01")
    raised_ms = START_MS + round(1000 * at_s)
    return Alert(
        alert_id=f"{zone}-{device}-{at_s}",
        park="p1",
        point=f"fire/{zone}/smoke-{device:04}/{other.pop('quantity', 'smoke')}",
        zone=zone,
        subsystem="fire",
        rule="smoke",
        level=level,
        state=state,
        onset_ms=raised_ms - 2000,
        raised_ms=raised_ms,
        value=1.0,
        cause="fire",
        incident=other.pop("incident", "i-1"),
        cleared_ms=None if cleared_s is None else START_MS + round(1000 * cleared_s),
    )


class Desk:
    """A linkage with the store beside it in the plainest form; `killed` restores it before each step."""

    def __init__(self, plan: LinkagePlan, *, killed: bool = False) -> None:
        self._plans = {plan.plan: plan}
        self._killed = killed
        self.alerts: dict[str, Alert] = {}
        self.commands: dict[str, Command] = {}
        self.runs: dict[str, LinkageRun] = {}
        self.history: list[Command | LinkageRun] = []
        self.linkage = self._restored()

    def _restored(self) -> Linkage:
        linkage = Linkage("p1", self._plans)
        linkage.configure(POINTS)
        unended = {run.run for run in self.runs.values() if run.state != "ended"}
        waits = [c for c in self.commands.values() if c.run in unended or c.state in {"issued", "accepted"}]
        stored = StoredLinkage(
            runs=sorted(self.runs.values(), key=lambda run: (run.started_ms, run.run)),
            commands=sorted(waits, key=lambda command: command.number),
            number=max((command.number for command in self.commands.values()), default=0),
        )
        linkage.restore([each for each in self.alerts.values() if is_current(each)], stored)
        return linkage

    def commit(self, change: Change) -> list[str]:
        """Keep what a change made; gives its commands as `shown`."""
        self.alerts |= {event.alert.alert_id: event.alert for event in change.events if event.alert}
        self.commands |= {command.command_id: command for command in change.commands}
        self.runs |= {run.run: run for run in change.runs}
        self.history += [*change.commands, *change.runs]
        if self._killed:
            self.linkage = self._restored()
        return [shown(command) for command in change.commands]

    def see(self, at_s: float, *alerts: Alert) -> list[str]:
        """Alerts as they are after a transition; none: only the clock ticks."""
        events = [EventDraft("raise" if each.cleared_ms is None else "clear", each.raised_ms, each) for each in alerts]
        return self.commit(self.linkage.after(Change("p1", None, events=events), START_MS + round(1000 * at_s)))

    def report(self, at_s: float, what: str, state: str, gateway: str = "gw-z01") -> list[str]:
        """A gateway reports about the newest command that is called `what`."""
        found = [c for c in self.commands.values() if (c.command, c.gateway) == (what, gateway)]
        newest = max(found, key=lambda command: command.number)
        feedback = msgspec.convert({"state": state}, CommandFeedback)
        if self.linkage.command(newest.command_id) is None:
            self.linkage.recall(newest)
        return self.commit(self.linkage.report(newest.command_id, feedback, START_MS + round(1000 * at_s)))

    @property
    def run(self) -> LinkageRun:
        """The newest run."""
        return list(self.runs.values())[-1]


def shown(command: Command) -> str:
    """A command for comparison: command, zone, gateway, state, the attempt after the first, `!` for attention."""
    again = f" x{command.attempt}" if command.attempt > 1 else ""
    told = " !" if command.attention else ""
    return f"{command.command} {command.zone} {command.gateway or '-'} {command.state}{again}{told}"
