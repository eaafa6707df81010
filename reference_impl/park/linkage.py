"""Linkage of a park: alerts start plans, plans command devices, reports and the clock move them on."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, get_args

from msgspec.structs import replace

from contract.addresses import check_identifier
from contract.catalogue.linkage import LinkagePlan, linkage_plans
from contract.errors import PeerError
from contract.linkage import WHOLE_PARK, Command, CommandFeedback, CommandList, CommandOrder, LinkageRun
from contract.messages import Alert, Level, Point
from reference_impl.monitoring.lifecycle import OUT_OF_SIGHT
from reference_impl.park.change import Change, EventDraft
from reference_impl.park.commands import OPEN, Targets, check_order, digest_of, reported, same_order
from reference_impl.park.linkage_run import ActiveRun, CommandLog, given
from reference_impl.park.recent import Recent

RECENT_RUNS_MAX = 10_000
RECENT_COMMANDS_MAX = 10_000
_LEVELS: Final[tuple[Level, ...]] = get_args(Level)  # ascending
Place = tuple[str, str]
"""Plan and zone."""


class StoredLinkage(NamedTuple):
    """What the store holds of a park's linkage.

    Attributes:
        runs: every run that has not ended, and recent others, in the order of their start.
        commands: every command of a run that has not ended, and every other open one, in order of number.
        number: the highest number of a command, 0 for none.
    """

    runs: Iterable[LinkageRun] = ()
    commands: Iterable[Command] = ()
    number: int = 0


class Linkage:
    """The plans of a park at work.

    Like the node it is ahead of the store until the change is committed. It knows every open run and command, and a
    bounded window of recent others; the store has them all.

    Args:
        park: the park.
        plans: by name; the catalogue's unless told.

    Attributes:
        due_ms: wall time at which `after` has something to do even without events; None while nothing waits.
    """

    def __init__(self, park: str, plans: Mapping[str, LinkagePlan] | None = None) -> None:
        self.park = park
        self.due_ms: int | None = None
        self._plans = linkage_plans() if plans is None else plans
        self._plans_of: dict[tuple[str, str], tuple[LinkagePlan, ...]] = {}
        self._log = CommandLog(0, Targets(()))
        self._standing: dict[Place, dict[str, Alert]] = {}
        self._runs: dict[str, ActiveRun] = {}
        self._operators: dict[str, Command] = {}  # open commands of no run
        self._started: Recent[str, None] = Recent(RECENT_RUNS_MAX)
        self._recent: Recent[str, Command] = Recent(RECENT_COMMANDS_MAX)

    def configure(self, points: Iterable[Point]) -> None:
        """Take over the registered points."""
        self._log.targets = Targets(points)

    # --- alerts and the clock ---

    def after(self, change: Change, now_ms: int) -> Change:
        """The change, and what linkage makes of its transitions and of the time.

        Args:
            change: what the park node has just done.
            now_ms: the node's wall time.
        """
        if not change.events and (self.due_ms is None or now_ms < self.due_ms):
            return change
        for place in self._observe(change.events):
            self._judge(place, now_ms)
        self._advance(now_ms)
        return self._told(change)

    def _observe(self, events: Iterable[EventDraft]) -> Iterable[Place]:
        """Which alerts stand now; gives the places about which something changed."""
        touched: dict[Place, None] = {}
        for event in events:
            alert = event.alert
            if alert is not None:
                touched |= dict.fromkeys(self._keep(alert))
        return touched

    def _keep(self, alert: Alert) -> list[Place]:
        key = (alert.rule, alert.cause)
        plans = self._plans_of.get(key)
        if plans is None:
            plans = tuple(plan for plan in self._plans.values() if plan.start.counts(*key))
            self._plans_of[key] = plans
        places = [(plan.plan, alert.zone) for plan in plans]
        for place in places:
            standing = self._standing.setdefault(place, {})
            if alert.cleared_ms is None:
                standing[alert.alert_id] = alert
            else:
                standing.pop(alert.alert_id, None)
            if not standing:
                del self._standing[place]
        return places

    def _judge(self, place: Place, now_ms: int) -> None:
        """Start the plan of a place, or see whether it has become quiet there."""
        standing = self._standing.get(place)
        running = (each for each in self._runs.values() if each.run.state == "running")
        active = next((each for each in running if each.place == place), None)
        if active is not None:
            active.note_quiet(self._log, None if standing else now_ms)
        elif standing:
            self._start(self._plans[place[0]], standing.values(), now_ms)

    def _start(self, plan: LinkagePlan, standing: Iterable[Alert], now_ms: int) -> None:
        """Start a plan if enough stands, for the first incident that it has not been started for."""
        for starters in _enough(plan, standing):
            identity = digest_of(self.park, plan.plan, starters[-1].incident)
            if identity not in self._started:
                self._started.keep(identity, None)
                run = _new_run(identity, plan, starters, now_ms)
                self._runs[identity] = ActiveRun(plan, self._log.keep_run(run))
                return

    def _advance(self, now_ms: int) -> None:
        """Do what is due, in runs in the order of their start and then for operators' commands."""
        in_order = sorted(self._runs.items(), key=lambda item: (item[1].run.started_ms, item[0]))
        for identity, active in in_order:
            active.advance(self._log, now_ms)
            if active.run.state == "ended":
                for command in active.commands.values():
                    self._recent.keep(command.command_id, command)
                del self._runs[identity]
        for identity, command in list(self._operators.items()):
            if command.due_ms <= now_ms:
                ended = replace(command, state="timed_out", ended_ms=now_ms, attention=True)
                self._close(identity, self._log.keep(ended))
        waiting = [active.due_ms for active in self._runs.values() if active.due_ms is not None]
        self.due_ms = min([*waiting, *(command.due_ms for command in self._operators.values())], default=None)

    def _close(self, identity: str, command: Command) -> None:
        del self._operators[identity]
        self._recent.keep(identity, command)

    def _told(self, change: Change) -> Change:
        """The change with what linkage has made since the last one."""
        told = self._log.take()
        return change._replace(commands=told.commands, runs=told.runs)

    # --- operators and gateways ---

    def order(self, order: CommandOrder, now_ms: int) -> Change:
        """An operator commands; one command for each gateway. The same order again is an empty change.

        Raises:
            PeerError: 404 no such device there; 409 the request id was used for another order; 422 a fault in it.
        """
        kind, parameters = check_order(order)
        if order.zone != WHOLE_PARK:
            check_identifier(order.zone, "zone")
        gateways = self._log.targets.gateways(order.subsystem, order.device, order.zone)
        if not gateways:
            found = repr(order.zone)
            wanted = f"a zone with devices of kind {order.subsystem}/{order.device}, or '*'"
            raise PeerError("no such device", status=404, where="zone", found=found, wanted=wanted)
        identities = {digest_of(self.park, "", order.request_id, gateway): gateway for gateway in gateways}
        known = [made for made in map(self.command, identities) if made is not None]
        if known:
            return Change(self.park, CommandList(commands=_of_order(known, order, parameters)))
        made = []
        for identity, gateway in identities.items():
            command = given(kind, parameters, now_ms, park=self.park, gateway=gateway, zone=order.zone)
            command = replace(command, command_id=identity, operator=order.operator, reason=order.reason)
            made.append(self._log.give(command))
            self._operators[identity] = made[-1]
        self._advance(now_ms)
        return self._told(Change(self.park, CommandList(commands=made)))

    def order_ids(self, order: CommandOrder) -> list[str]:
        """The ids of the commands that an order makes."""
        gateways = self._log.targets.gateways(order.subsystem, order.device, order.zone)
        return [digest_of(self.park, "", order.request_id, gateway) for gateway in gateways]

    def report(self, command_id: str, feedback: CommandFeedback, now_ms: int) -> Change:
        """A gateway reports. What the node knows already is an empty change that answers the command as it is.

        Raises:
            PeerError: 404 unknown command; 409 it ended otherwise; 422 the comment is too long.
        """
        former = self.command(command_id)
        if former is None:
            found, wanted = repr(command_id), "id of a command"
            raise PeerError("unknown command", status=404, where="command_id", found=found, wanted=wanted)
        command = reported(former, feedback, now_ms)
        if command is former:
            return Change(self.park, former)
        active = self._runs.get(former.run)
        if active is not None:
            active.reported(self._log, command, now_ms)
        elif command_id in self._operators:
            command = self._log.keep(replace(command, attention=command.state == "failed"))
            self._operators[command_id] = command
            if command.state not in OPEN:
                self._close(command_id, command)
        self._advance(now_ms)
        return self._told(Change(self.park, self.command(command_id) or command))

    def command(self, command_id: str) -> Command | None:
        """An open or recent command. If there is none, the host hands in what the store has with `recall`."""
        found = self._operators.get(command_id) or self._recent.get(command_id)
        for active in () if found else self._runs.values():
            found = found or active.commands.get(command_id)
        return found

    def recall(self, command: Command) -> None:
        """Take a command back from the store; does nothing when linkage has it."""
        if self.command(command.command_id) is None:
            self._recent.recall(command.command_id, command)

    # --- after a crash ---

    def restore(self, alerts: Iterable[Alert], stored: StoredLinkage) -> None:
        """Take over what the store has, after `configure`; every alert that stands, and perhaps others."""
        self._log = CommandLog(stored.number, self._log.targets)
        for alert in alerts:
            self._keep(alert)
        for run in stored.runs:
            self._started.keep(run.run, None)
            if run.state != "ended" and run.plan in self._plans:
                self._runs[run.run] = ActiveRun(self._plans[run.plan], run)
        for command in stored.commands:
            if command.run in self._runs:
                self._runs[command.run].commands[command.command_id] = command
            elif command.state in OPEN:
                self._operators[command.command_id] = command
        self.due_ms = 0 if self._runs or self._operators else None


def _enough(plan: LinkagePlan, standing: Iterable[Alert]) -> Iterator[list[Alert]]:
    """Alerts that together start a plan, in the order in which they were raised, for each that makes them enough."""
    start = plan.start
    least, window_ms = _LEVELS.index(start.level), round(1000 * start.window_s)
    counting = [each for each in standing if _LEVELS.index(each.level) >= least and each.state not in OUT_OF_SIGHT]
    counting.sort(key=lambda alert: (alert.raised_ms, alert.alert_id))
    devices: Counter[str] = Counter()
    first = 0
    for place, alert in enumerate(counting):
        devices[_device(alert)] += 1
        while alert.raised_ms - counting[first].raised_ms > window_ms:
            gone = _device(counting[first])
            devices[gone] -= 1
            if not devices[gone]:
                del devices[gone]
            first += 1
        if len(devices) >= start.devices:
            yield counting[first : place + 1]


def _new_run(identity: str, plan: LinkagePlan, starters: list[Alert], now_ms: int) -> LinkageRun:
    last = starters[-1]
    return LinkageRun(
        run=identity,
        plan=plan.plan,
        park=last.park,
        zone=last.zone,
        incident=last.incident,
        state="running",
        onset_ms=min(alert.onset_ms for alert in starters),
        started_ms=now_ms,
    )


def _device(alert: Alert) -> str:
    """Name of the device that an alert is about; a zone's alert is about the zone."""
    return "/".join(alert.point.split("/")[:3])


def _of_order(known: list[Command], order: CommandOrder, parameters: Mapping[str, object]) -> list[Command]:
    """Commands that an order has made before.

    Raises:
        PeerError: 409 another order made them.
    """
    if not all(same_order(command, order, parameters) for command in known):
        raise PeerError(
            "request id was used for another order",
            status=409,
            where="request_id",
            found=repr(order.request_id),
            wanted="a new id, or the same order as before",
        )
    return known
