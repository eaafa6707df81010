"""A recording as a trace: the same emissions in the same order, from files instead of a world."""

from collections.abc import Iterator
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from contract.catalogue import ParkPoints
from contract.columns import pack_digest
from sim.network import NetworkReport
from sim.recorded import messages, register, truth
from sim.recorded.columns import READINGS_FILE
from sim.recorded.faults import TraceFileError
from sim.recorded.manifest import BARE_PERIOD_MS, Manifest, bare_scenario, load
from sim.recorded.messages import Handed
from sim.recorded.packs import Register, packs
from sim.recorded.readings import Readings
from sim.trace import (
    Emission,
    Event,
    GroundTruth,
    Pack,
    Request,
    event_digest,
    office_digest,
    order,
    request_digest,
)

_DIGEST_MASK = 2**64 - 1
_Sent = TypeVar("_Sent", Pack, Event, Handed)


class RecordedTrace:
    """What a trace's files hold, with the face of `sim.trace.Trace`.

    The least is `readings.parquet` with time, park, gateway, point and value. What is absent was not recorded: without
    the folder `truth` nobody knows what a platform should have detected.

    Args:
        directory: of the files.
        shard: (i, n): of the recording's parks only `parks[i::n]`.

    Attributes:
        scenario: what was lived; of a recording without one its size and time, as a scenario.
        has_scenario: whether it came with one.
        parks: ids of this shard's parks.
        layouts: the points of each of them.
        start_ms, measured_from_ms, end_ms: as in `Trace`.
        truth: complete from the beginning; empty where there is none.
        has_truth: whether there is one.
        digest: as in `Trace`.

    Raises:
        TraceFileError: a file is missing or wrong. Rows are checked as they are read.
    """

    def __init__(self, directory: Path, *, shard: tuple[int, int] = (0, 1)) -> None:
        number, shards = shard
        if not 0 <= number < shards:
            raise ValueError(f"shard {number} of {shards}: expected a number from 0 to {shards - 1}")
        if not directory.is_dir():
            raise TraceFileError(directory, found="no such directory", wanted="the directory of a trace")
        self.directory = directory
        self._readings = Readings(directory / READINGS_FILE)
        self._manifest = load(directory)
        self._layouts_of_all = self._known()
        self.parks = self.scenario.parks[number::shards]
        self.layouts = {park: self._layouts_of_all[park] for park in self.parks}
        found = truth.load(directory, self.parks, self.scenario.parks[0])
        self.has_truth = found is not None
        self.truth = found or GroundTruth()
        self.digest = 0

    @property
    def has_scenario(self) -> bool:
        """Whether the recording says which scenario was lived."""
        return self._manifest is not None

    def steps(self) -> Iterator[list[Emission]]:
        """The lists of `Trace.steps`.

        Raises:
            TraceFileError: a row is wrong.
        """
        self.digest = 0
        period_ms = self.scenario.sample_period_ms
        sources = self._sources()
        for begin_ms in range(self.start_ms, self.end_ms, period_ms):
            step: dict[str, list[Emission]] = {park: [] for park in self.parks}
            for source in sources:
                for emission in source.until(begin_ms + period_ms):
                    step[emission.park].append(emission)
                    self.digest = (self.digest + _digest(emission)) & _DIGEST_MASK
            for emissions in step.values():
                emissions.sort(key=_step_order)
                yield emissions
        self._check_end(sources)

    def emissions(self) -> Iterator[Emission]:
        """All emissions in the order of `Trace.emissions`."""
        parks = len(self.parks)
        gathered: list[Emission] = []
        for number, emissions in enumerate(self.steps(), 1):
            gathered += emissions
            if number % parks == 0:
                yield from sorted(gathered, key=order)
                gathered = []

    def _known(self) -> dict[str, ParkPoints]:
        """Learn scenario, times and points of all parks."""
        listed = register.registered(self.directory)
        manifest = self._manifest
        if manifest is not None:
            return self._as_told(manifest, listed or register.search(self._readings).layouts)
        found = register.search(self._readings)
        layouts = listed or found.layouts
        self.start_ms = self.measured_from_ms = found.first_ms // BARE_PERIOD_MS * BARE_PERIOD_MS
        self.end_ms = (found.last_ms // BARE_PERIOD_MS + 1) * BARE_PERIOD_MS
        parks = tuple(layouts)
        self.scenario = bare_scenario(
            self.directory.resolve().name,
            parks,
            points=-(-sum(len(layout.points) for layout in layouts.values()) // len(parks)),
            gateways=max(len(layout.gateways) for layout in layouts.values()),
            span_ms=(self.start_ms, self.end_ms),
        )
        return layouts

    def _as_told(self, manifest: Manifest, layouts: dict[str, ParkPoints]) -> dict[str, ParkPoints]:
        for park in manifest.parks:
            if park not in layouts:
                raise TraceFileError(self.directory, found=f"no points of {park}", wanted="points of each of its parks")
        self.start_ms, self.end_ms = manifest.start_ms, manifest.end_ms
        self.measured_from_ms = manifest.measured_from_ms
        self.scenario = msgspec.structs.replace(manifest.scenario, parks=manifest.parks)
        return {park: layouts[park] for park in manifest.parks}

    @property
    def replication(self) -> int:
        """Number of the repetition that was recorded."""
        return self._manifest.replication if self._manifest else 0

    @property
    def network(self) -> NetworkReport | None:
        """What the access links told of themselves, over all parks of the recording."""
        return self._manifest.network if self._manifest else None

    def _sources(self) -> tuple["_Source[Pack]", "_Source[Event]", "_Source[Handed]"]:
        known = Register(self._readings.path, self._layouts_of_all, self.parks)
        missing = self._manifest.missing if self._manifest else {}
        return (
            _Source(packs(self._readings, known, missing)),
            _Source(messages.events(self.directory, self.parks)),
            _Source(messages.requests(self.directory, self.parks)),
        )

    def _check_end(self, sources: tuple["_Source[Pack]", "_Source[Event]", "_Source[Handed]"]) -> None:
        """Nothing may be due after the end; reading on also brings up what is only known at the end of a file."""
        for source in sources:
            left = next(source.until(_NEVER_MS), None)
            if left is not None:
                found = f"something of {left.park} due at {left.due_ms}"
                raise TraceFileError(self.directory, found=found, wanted=f"all to be due before the end, {self.end_ms}")


_NEVER_MS = 2**62


class _Source(Generic[_Sent]):
    """Emissions of one kind, taken up to a time."""

    def __init__(self, emissions: Iterator[_Sent]) -> None:
        self._emissions: Iterator[_Sent] = emissions
        self._next: _Sent | None = next(emissions, None)

    def until(self, end_ms: int) -> Iterator[_Sent]:
        """Those due before `end_ms` that were not taken yet."""
        while self._next is not None and self._next.due_ms < end_ms:
            taken = self._next
            self._next = next(self._emissions, None)
            yield taken


def _digest(emission: Emission) -> int:
    if isinstance(emission, Pack):
        return pack_digest(emission.columns)
    if isinstance(emission, Event):
        return event_digest(emission)
    return request_digest(emission) if isinstance(emission, Request) else office_digest(emission)


def _step_order(emission: Emission) -> tuple[bool, int, str, int, str, int]:
    """Packs as they are, before all others by `order`."""
    return (False, 0, "", 0, "", 0) if isinstance(emission, Pack) else (True, *order(emission))
