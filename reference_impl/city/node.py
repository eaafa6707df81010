"""The city node: what all parks have told, applied exactly once, without I/O."""

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Self

from msgspec.structs import replace

from contract.cases import Case
from contract.catalogue import matters
from contract.catalogue.procedures import procedure_of_kind
from contract.errors import PeerError
from contract.linkage import LinkageRun
from contract.messages import (
    Alert,
    ParkOverview,
    ParkOverviewList,
    UplinkAlert,
    UplinkBatch,
    UplinkCase,
    UplinkEntry,
    UplinkLinkage,
    UplinkReceipt,
    UplinkRegisterEntry,
)
from contract.registers import RegisterEntry
from reference_impl.park.change import EventDraft

RECENT_ALERTS_MAX = 10_000


class CityChange(NamedTuple):
    """What one batch made true at the city. The store commits it as one transaction.

    Attributes:
        park: the park that told it.
        response: what the park is answered once this is durable.
        overview: what the city now knows of the park, replacing the former row (it holds `applied_through`).
        events: transitions of alerts in order; the store numbers them and keeps each `alert` as the newest of its id.
        cases: cases as they are now.
        entries: entries of registers as they are now.
        runs: runs of linkage plans as they are now.
    """

    park: str
    response: UplinkReceipt
    overview: ParkOverview
    events: Sequence[EventDraft] = ()
    cases: Sequence[Case] = ()
    entries: Sequence[RegisterEntry] = ()
    runs: Sequence[LinkageRun] = ()


class CityNode:
    """The city supervision centre. Each uplink entry of a park is applied exactly once, by its number.

    The node keeps every alert whose condition holds and a bounded window of recent cleared ones; the store has them
    all.
    """

    def __init__(self, parks: Collection[str]) -> None:
        self.parks = frozenset(parks)
        self._overviews: dict[str, ParkOverview] = {}
        self._alerts: dict[str, Alert] = {}
        self._recent: dict[str, None] = {}  # ids of cleared alerts, the longest untouched first

    @property
    def alerts(self) -> Mapping[str, Alert]:
        """Alerts by id: all standing, and recent others."""
        return self._alerts

    def apply(self, park: str, batch: UplinkBatch, now_ms: int) -> CityChange:
        """Apply what follows the last number applied; entries applied before are skipped.

        An empty batch is a sign of life.

        Raises:
            PeerError: 404 unknown park; 409 the batch begins after the number that is wanted next; 422 numbers in the
                batch are not consecutive, or an entry is of another park.
        """
        former = self._overview(park)
        _check_batch(park, batch, former.applied_through)
        fresh = [entry for entry in batch.entries if entry.number > former.applied_through]
        overview = replace(_counted(former, fresh), last_heard_ms=now_ms)
        self._overviews[park] = overview
        events = [
            EventDraft(e.transition, e.at_ms, e.alert, e.alarm, e.operator, e.comment)
            for e in fresh
            if isinstance(e, UplinkAlert)
        ]
        for event in events:
            if event.alert is not None:
                self._keep(event.alert)
        return CityChange(
            park=park,
            response=UplinkReceipt(applied_through=overview.applied_through),
            overview=overview,
            events=events,
            cases=[entry.case for entry in fresh if isinstance(entry, UplinkCase)],
            entries=[entry.entry for entry in fresh if isinstance(entry, UplinkRegisterEntry)],
            runs=[entry.run for entry in fresh if isinstance(entry, UplinkLinkage)],
        )

    def _overview(self, park: str) -> ParkOverview:
        if park not in self.parks:
            raise PeerError("unknown park", status=404, where="park", found=repr(park), wanted="a park of this city")
        return self._overviews.get(park) or ParkOverview(
            park=park,
            applied_through=0,
            alerts_standing=0,
            alerts_total=0,
            cases_open=0,
            cases_total=0,
            last_heard_ms=0,
        )

    def _keep(self, alert: Alert) -> None:
        self._alerts[alert.alert_id] = alert
        self._recent.pop(alert.alert_id, None)
        if alert.cleared_ms is not None:
            self._recent[alert.alert_id] = None
            if len(self._recent) > RECENT_ALERTS_MAX:
                oldest = next(iter(self._recent))
                del self._recent[oldest], self._alerts[oldest]

    def applied_through(self, park: str) -> int:
        """The number up to which a park's uplink is applied, 0 for none.

        Raises:
            PeerError: 404 unknown park.
        """
        return self._overview(park).applied_through

    def overview(self) -> ParkOverviewList:
        """All parks that the city has heard of, in order of id."""
        return ParkOverviewList(parks=[self._overviews[park] for park in sorted(self._overviews)])

    @classmethod
    def restore(cls, parks: Collection[str], *, overviews: Iterable[ParkOverview], alerts: Iterable[Alert]) -> Self:
        """A node as the store has it.

        Args:
            parks: ids of the parks that may report.
            overviews: the newest row of every park that was heard of.
            alerts: every alert whose condition holds (`cleared_ms` is None); recent cleared ones may be among them.
        """
        node = cls(parks)
        node._overviews = {overview.park: overview for overview in overviews}
        for alert in alerts:
            node._keep(alert)
        return node


def _check_batch(park: str, batch: UplinkBatch, applied_through: int) -> None:
    for place, entry in enumerate(batch.entries):
        where = f"entries[{place}]"
        told_of = _parks_of(entry)
        if told_of != {park}:
            found = " and ".join(map(repr, sorted(told_of))) or "none"
            raise PeerError("entry of another park", where=f"{where}.park", found=found, wanted=repr(park))
        number = batch.entries[0].number + place
        if entry.number != number:
            raise PeerError(
                "numbers are not consecutive", where=f"{where}.number", found=str(entry.number), wanted=str(number)
            )
    if batch.entries and batch.entries[0].number > applied_through + 1:
        raise PeerError(
            "entries are missing",
            status=409,
            where="entries[0].number",
            found=str(batch.entries[0].number),
            wanted=f"{applied_through + 1} or less",
        )


def _parks_of(entry: UplinkEntry) -> set[str]:
    if isinstance(entry, UplinkCase):
        return {entry.case.park}
    if isinstance(entry, UplinkRegisterEntry):
        return {entry.entry.park}
    if isinstance(entry, UplinkLinkage):
        return {entry.run.park}
    return {each.park for each in (entry.alert, entry.alarm) if each is not None}


def _counted(overview: ParkOverview, entries: Sequence[UplinkEntry]) -> ParkOverview:
    """The overview after entries that follow it."""
    if not entries:
        return overview
    transitions = [entry.transition for entry in entries if isinstance(entry, UplinkAlert)]
    cases = [entry.case for entry in entries if isinstance(entry, UplinkCase)]
    raised, opened = transitions.count("raise"), sum(len(case.steps) == 1 for case in cases)
    return replace(
        overview,
        applied_through=entries[-1].number,
        alerts_standing=overview.alerts_standing + raised - transitions.count("clear"),
        alerts_total=overview.alerts_total + raised,
        cases_open=overview.cases_open + opened - sum(map(_closes, cases)) + sum(map(_opens_again, cases)),
        cases_total=overview.cases_total + opened,
    )


def _closes(case: Case) -> bool:
    """Did the case's last step close it?"""
    return case.closed_ms is not None


def _opens_again(case: Case) -> bool:
    """Did the case's last step open it again?"""
    procedure = procedure_of_kind()[_kind_of()[case.matter]]
    return case.closed_ms is None and len(case.steps) > 1 and procedure.state(case.steps[-2].state).final


@functools.cache
def _kind_of() -> Mapping[str, str]:
    return {matter.code: matter.kind for matter in matters()}
