"""The reference platform's real nodes in this process: no socket, no disk, no clock of its own.

It is a target like any other, and the one that `loadtests.simulation` runs in virtual time. Beyond the protocol it can
be killed at any point.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import asdict
from numpy.typing import NDArray

from contract import catalogue, codec
from contract.columns import Columns, pack_digest
from contract.device_events import DeviceEvent
from contract.errors import PeerError, TargetError
from contract.messages import (
    Alert,
    AlertEvent,
    Health,
    ParkOverview,
    ParkOverviewList,
    PointList,
    UplinkBatch,
    UplinkEntry,
)
from contract.rules import RuleSet
from loadtests.targets import ActOnCase, Handed, Level, Outcome, StopSignal, WriteEntry
from reference_impl.city.node import CityNode
from reference_impl.park.alarm_states import is_current
from reference_impl.park.change import Change, EventDraft, SourcePosition, StoredPack
from reference_impl.park.linkage import StoredLinkage
from reference_impl.park.node import ParkNode, StoredPark

if TYPE_CHECKING:
    from contract.cases import Case
    from contract.linkage import Command, LinkageRun
    from contract.registers import RegisterEntry

SILENCE_S = 0.2
_DIGEST_MASK = 2**64 - 1


class _Park:
    """A park node with a store in memory: what is on the shelf survives a kill, the node does not."""

    def __init__(self, park: str) -> None:
        self.node = ParkNode(park)
        self.packs: list[StoredPack] = []
        self.outbox: list[UplinkEntry] = []
        self._stored = StoredPark()
        self._sources: dict[str, SourcePosition] = {}
        self._alerts: dict[str, Alert] = {}
        self._cases: dict[str, Case] = {}
        self._entries: dict[tuple[str, str], RegisterEntry] = {}
        self._runs: dict[str, LinkageRun] = {}
        self._commands: dict[str, Command] = {}
        self.device_events: dict[str, DeviceEvent] = {}
        self._snapshot_at = 0  # packs that the newest snapshot has seen

    def commit(self, change: Change) -> None:
        """Make a change true."""
        self.packs += change.packs
        self.outbox += change.uplink
        self._sources |= {position.gateway: position for position in change.sources}
        self._alerts |= {event.alert.alert_id: event.alert for event in change.events if event.alert}
        for event in change.device_events:
            self.device_events.setdefault(event.event_id, event)
        self._cases |= {case.case_id: case for case in change.cases}
        self._entries |= {(entry.register, entry.entry): entry for entry in change.entries}
        self._runs |= {run.run: run for run in change.runs}
        self._commands |= {command.command_id: command for command in change.commands}
        if change.snapshot is not None:
            points, rules = change.points or self._stored.points, change.rules or self._stored.rules
            self._stored = self._stored._replace(points=points, rules=rules)
            self.keep_snapshot()

    def keep_snapshot(self) -> None:
        """Packs committed until now need not be replayed any more."""
        self._stored = self._stored._replace(snapshot=self.node.snapshot())
        self._snapshot_at = len(self.packs)

    def kill(self) -> None:
        """Lose the node and bring it back from the shelf."""
        stored = self._stored._replace(
            sources=self._sources.values(),
            alerts=[alert for alert in self._alerts.values() if is_current(alert)],
            outbox_number=len(self.outbox),
            linkage=self._linkage(),
        )
        self.node = ParkNode.restore(self.node.park, stored)
        for pack in self.packs[self._snapshot_at :]:
            self.node.replay(pack)

    def _linkage(self) -> StoredLinkage:
        runs = sorted(self._runs.values(), key=lambda run: (run.started_ms, run.run))
        going_on = {run.run for run in runs if run.ended_ms is None}
        wanted = [each for each in self._commands.values() if each.ended_ms is None or each.run in going_on]
        number = max((each.number for each in self._commands.values()), default=0)
        return StoredLinkage(runs, sorted(wanted, key=lambda command: command.number), number)

    def recall_case(self, case_id: str) -> None:
        """Give the node back a case that it may have forgotten."""
        if case_id in self._cases:
            self.node.recall_case(self._cases[case_id])

    def recall_entry(self, register: str, entry: str) -> None:
        """Give the node back an entry that it may have forgotten."""
        if (register, entry) in self._entries:
            self.node.recall_entry(self._entries[register, entry])


class InProcess:
    """A park host and a city in this process.

    Args:
        now_ms: the clock of both, Unix milliseconds.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._parks: dict[str, _Park] = {}
        self._city = CityNode([park.id for park in catalogue.parks()])
        self._city_alerts: dict[str, Alert] = {}
        self._city_overviews: dict[str, ParkOverview] = {}
        self._changed = threading.Condition()
        self.events: dict[Level, list[AlertEvent]] = {"park": [], "city": []}

    def provision(self, park: str, points: PointList, rules: RuleSet) -> None:
        """Register the points and the rules of a park. Repeating it changes nothing."""
        with self._changed:
            shelf = self._parks.setdefault(park, _Park(park))
            try:
                self._commit(shelf, shelf.node.configure_points(points))
                self._commit(shelf, shelf.node.configure_rules(rules, self._now_ms()))
            except PeerError as error:
                raise TargetError(f"park {park}: {error}") from error

    def send(self, park: str, gateway: str, sequence: int, body: bytes, media_type: str) -> Outcome:
        """Hand in one encoded pack."""
        return self._attempt(
            park,
            lambda shelf: self.take(
                park,
                gateway,
                sequence,
                codec.decode(media_type, body, shelf.node.index, self._now_ms()),
            ),
        )

    def take(self, park: str, gateway: str, sequence: int, columns: Columns) -> Change:
        """Hand in one pack that is decoded already.

        Raises:
            PeerError: the node refuses it.
        """
        with self._changed:
            shelf, now_ms = self._parks[park], self._now_ms()
            if shelf.node.due_ms is not None and shelf.node.due_ms <= now_ms:
                self._commit(shelf, shelf.node.tick(now_ms))
            change = shelf.node.ingest(gateway, sequence, columns, now_ms)
            self._commit(shelf, change)
            return change

    def request(self, park: str, message: Handed) -> Outcome:
        """Hand in an application, an event of a device, an act on a case or an entry of a register."""

        def act(shelf: _Park) -> Change:
            if isinstance(message, DeviceEvent):
                change = shelf.node.take_events([message], self._now_ms())
            elif isinstance(message, ActOnCase):
                shelf.recall_case(message.case_id)
                change = shelf.node.act_on_case(message.case_id, message.act, message.actor, self._now_ms())
            elif isinstance(message, WriteEntry):
                shelf.recall_entry(message.register, message.entry)
                change = shelf.node.put_entry(message.register, message.entry, message.fields, self._now_ms())
            else:
                shelf.recall_case(shelf.node.case_id(message))
                change = shelf.node.open_case(message, self._now_ms())
            self._commit(shelf, change)
            return change

        return self._attempt(park, act)

    def _attempt(self, park: str, act: Callable[[_Park], Change]) -> Outcome:
        with self._changed:
            shelf = self._parks.get(park)
            if shelf is None:
                return Outcome(404, ok=False, error="unknown park")
            try:
                change = act(shelf)
            except PeerError as error:
                return Outcome(error.status, ok=False, error=error.title)
        return Outcome(200, ok=True, duplicate=change.empty)

    def _commit(self, shelf: _Park, change: Change) -> None:
        shelf.commit(change)
        self._publish("park", change.events)

    def _publish(self, level: Level, drafts: Iterable[EventDraft]) -> None:
        known_ms, told = self._now_ms(), self.events[level]
        told += [
            AlertEvent(number=number, known_ms=known_ms, **asdict(d)) for number, d in enumerate(drafts, len(told) + 1)
        ]
        self._changed.notify_all()

    def pending(self, park: str) -> list[UplinkEntry]:
        """What a park has for the city that the city has not applied yet."""
        with self._changed:
            return self._shelf(park).outbox[self._city.applied_through(park) :]

    def tell_city(self, park: str, batch: UplinkBatch) -> None:
        """Hand a batch to the city and keep what it made true."""
        with self._changed:
            change = self._city.apply(park, batch, self._now_ms())
            self._city_overviews[park] = change.overview
            self._city_alerts |= {event.alert.alert_id: event.alert for event in change.events if event.alert}
            self._publish("city", change.events)

    def alerts(self, level: Level, after: int | None, stop: StopSignal) -> Iterator[AlertEvent | None]:
        """The transitions that follow number `after` (None: those from now on), until `stop` is set.

        None is yielded while nothing happens.
        """
        told = self.events[level]
        number = len(told) if after is None else after
        while not stop.is_set():
            with self._changed:
                if len(told) <= number:
                    self._changed.wait(SILENCE_S)
                news = told[number:]
            if not news:
                yield None
            yield from news
            number += len(news)

    def read_back(
        self, park: str, gateway: str, from_sequence: int = 1, to_sequence: int | None = None
    ) -> tuple[NDArray[np.int64], Columns]:
        """What is stored of a gateway's packs, in order of sequence."""
        packs = sorted(
            (
                pack
                for pack in self._shelf(park).packs
                if pack.gateway == gateway
                and from_sequence <= pack.sequence
                and (to_sequence is None or pack.sequence <= to_sequence)
            ),
            key=lambda pack: pack.sequence,
        )
        empty = Columns(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0))
        parts = [empty, *(pack.columns for pack in packs)]
        sequence = np.repeat([0, *(pack.sequence for pack in packs)], [len(part) for part in parts])
        return sequence.astype(np.int64), Columns(
            np.concatenate([part.point for part in parts]),
            np.concatenate([part.time_ms for part in parts]),
            np.concatenate([part.value for part in parts]),
        )

    def _shelf(self, park: str) -> _Park:
        shelf = self._parks.get(park)
        if shelf is None:
            raise TargetError(f"park {park} is not registered")
        return shelf

    def health(self, level: Level) -> Health:
        """Both nodes are up as long as this process is."""
        parks = len(self._parks if level == "park" else self._city.parks)
        return Health(status="ok", level=level, version="in-process", now_ms=self._now_ms(), parks=parks)

    def overview(self) -> ParkOverviewList:
        """What the city knows of each park."""
        return self._city.overview()

    def close(self) -> None:
        """There is nothing to give back."""

    def keep_snapshot(self, park: str) -> None:
        """Take a snapshot of a park's node."""
        self._shelf(park).keep_snapshot()

    def kill_park(self, park: str) -> None:
        """Lose a park's node and restore it."""
        self._shelf(park).kill()

    def kill_park_taking(self, park: str, gateway: str, sequence: int, columns: Columns) -> None:
        """Lose a park's node after it took a pack and before that was committed, and restore it."""
        shelf = self._shelf(park)
        shelf.node.ingest(gateway, sequence, columns, self._now_ms())
        shelf.kill()

    def kill_city(self) -> None:
        """Lose the city's node and restore it."""
        standing = [alert for alert in self._city_alerts.values() if alert.cleared_ms is None]
        overviews = self._city_overviews.values()
        self._city = CityNode.restore(self._city.parks, overviews=overviews, alerts=standing)

    def stored(self) -> tuple[int, int]:
        """How many readings are stored, and the sum modulo 2**64 of their packs' digests."""
        packs = [pack for shelf in self._parks.values() for pack in shelf.packs]
        return sum(len(pack.columns) for pack in packs), sum(pack_digest(p.columns) for p in packs) & _DIGEST_MASK
