"""What the page shows, counted while a trace is lived: bounded tables, however long the trace."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract import catalogue
from contract.catalogue import ParkPoints
from loadtests.traffic import Traffic
from scenarios.model import Scenario
from sim.network import NetworkReport
from sim.recorded.numbering import Numbers
from sim.trace import Emission, Event, GroundTruth, Pack, Request

BINS_MAX: Final = 288
BIN_S: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 86_400)
READINGS_MAX: Final = 150_000_000  # about ten seconds of a core; a longer trace is sampled by park
DELAY_EDGES_MS: Final = np.concatenate(([0.0], np.geomspace(1, 3_600_000, 200)))
QUANTITIES_SHOWN: Final = 3

Opened = Callable[[tuple[int, int]], Traffic]
"""Gives the part (i, n) of a trace: every n-th park from the i-th."""

Told = Callable[[float, str], None]


class Line(NamedTuple):
    """The mean of one kind of point of the drawn park over time; (bins,), NaN where there is none."""

    device: str
    quantity: str
    unit: str
    points: int
    mean: NDArray[np.float64]


class Gathered(NamedTuple):
    """A trace as the page shows it.

    Attributes:
        parks: those of the trace.
        lived: those whose traffic was counted; all, unless the trace is long.
        park: the one that is drawn by subsystem.
        truth: incidents of the whole trace; all else of those that were lived.
        has_truth: whether anyone knows the truth.
        bin_s: width of a bin, seconds.
        readings, events, requests: (bins,) counts of the parks that were lived.
        copies: packs that were sent a second time.
        lines: by code of the subsystem, its commonest quantities in the drawn park.
        events_of_park: by code of the subsystem, (bins,) counts in the drawn park.
        services: by service, (bins,) requests of the parks that were lived.
        delays: by code of the subsystem, counts of the drawn park's readings in `DELAY_EDGES_MS`: from the sampling
            to the platform's door.
        network: what the access network tells of itself; None where there is none.
    """

    scenario: Scenario
    parks: tuple[str, ...]
    lived: tuple[str, ...]
    park: str
    truth: GroundTruth
    has_truth: bool
    start_ms: int
    end_ms: int
    measured_from_ms: int
    bin_s: float
    readings: NDArray[np.int64]
    events: NDArray[np.int64]
    requests: NDArray[np.int64]
    packs: int
    copies: int
    points: int
    points_lived: int
    lines: Mapping[str, list[Line]]
    events_of_park: Mapping[str, NDArray[np.int64]]
    services: Mapping[str, NDArray[np.int64]]
    delays: Mapping[str, NDArray[np.int64]]
    network: NetworkReport | None

    @property
    def is_sampled(self) -> bool:
        """Not all of the parks were lived."""
        return len(self.lived) < len(self.parks)


def gather(scenario: Scenario, opened: Opened, shard: tuple[int, int], told: Told) -> Gathered:
    """Live a trace, or a sample of its parks, and count.

    Args:
        scenario: of the trace.
        opened: gives parts of it.
        shard: the part that is asked for.
        told: progress.
    """
    whole = opened(shard)
    length_s = (whole.end_ms - whole.start_ms) / 1000
    readings = length_s * 1000 / scenario.sample_period_ms * sum(len(one.points) for one in whole.layouts.values())
    parts = max(1, min(len(whole.parks), round(readings / READINGS_MAX)))
    trace = opened((shard[0], shard[1] * parts)) if parts > 1 else whole
    count = _Count(trace)
    steps = max(1, (trace.end_ms - trace.start_ms) // scenario.sample_period_ms * len(trace.parks))
    for number, step in enumerate(trace.steps(), 1):
        count.step(step)
        if number % 1000 == 0:
            told(number / steps, f"{len(trace.parks)} of {len(whole.parks)} parks")
    truth = trace.truth
    truth.incidents = whole.truth.incidents
    return count.gathered(whole, truth)


class _Count:
    """Counts of one trace while it is lived."""

    def __init__(self, trace: Traffic) -> None:
        self._trace = trace
        length_s = (trace.end_ms - trace.start_ms) / 1000
        period_ms = trace.scenario.sample_period_ms
        # A bin holds whole sample periods, so that every gateway has its turn in each.
        fitting = (width for width in BIN_S if length_s / width <= BINS_MAX and width * 1000 % period_ms == 0)
        self.bin_s = next(fitting, max(BIN_S[-1], period_ms / 1000))
        self.bins = max(1, math.ceil(length_s / self.bin_s))
        self.readings, self.events, self.requests = (np.zeros(self.bins, np.int64) for _ in range(3))
        self.packs = self.copies = 0
        self._numbers: defaultdict[tuple[str, str], Numbers] = defaultdict(Numbers)
        self.park = _busiest(trace)
        self._subject = _Subject(trace.layouts[self.park], self.bins)
        self._service = {matter.code: matter.service for matter in catalogue.matters()}
        self.services: dict[str, NDArray[np.int64]] = {}

    def step(self, emissions: list[Emission]) -> None:
        """What one park sent in one step."""
        for emission in emissions:
            place = int((emission.due_ms - self._trace.start_ms) // (self.bin_s * 1000))
            if isinstance(emission, Pack):
                self._pack(emission, place)
            elif isinstance(emission, Event):
                self.events[place] += 1
                if emission.park == self.park:
                    self._subject.event(emission, place)
            elif isinstance(emission, Request):
                self.requests[place] += 1
                service = self._service.get(emission.application.matter, "other")
                self.services.setdefault(service, np.zeros(self.bins, np.int64))[place] += 1

    def _pack(self, pack: Pack, place: int) -> None:
        self.readings[place] += len(pack.columns)
        self.packs += 1
        is_copy = self._numbers[pack.park, pack.gateway].count(pack.sequence) > 0
        self.copies += is_copy
        if pack.park == self.park and not is_copy:
            self._subject.pack(pack, place)

    def gathered(self, whole: Traffic, truth: GroundTruth) -> Gathered:
        """All of it."""
        trace = self._trace
        return Gathered(
            scenario=trace.scenario,
            parks=tuple(whole.parks),
            lived=tuple(trace.parks),
            park=self.park,
            truth=truth,
            has_truth=getattr(whole, "has_truth", True),
            start_ms=trace.start_ms,
            end_ms=trace.end_ms,
            measured_from_ms=trace.measured_from_ms,
            bin_s=self.bin_s,
            readings=self.readings,
            events=self.events,
            requests=self.requests,
            packs=self.packs,
            copies=self.copies,
            points=sum(len(layout.points) for layout in whole.layouts.values()),
            points_lived=sum(len(layout.points) for layout in trace.layouts.values()),
            lines=self._subject.lines(),
            events_of_park=self._subject.events,
            services=dict(sorted(self.services.items())),
            delays=self._subject.delays(),
            network=getattr(trace, "network", None),
        )


class _Subject:
    """What happens in the park that is drawn."""

    def __init__(self, layout: ParkPoints, bins: int) -> None:
        self._layout = layout
        self._bins = bins
        codes = [subsystem.code for subsystem in catalogue.subsystems()]
        place = {code: number for number, code in enumerate(codes)}
        self._codes = [*codes, "other"]
        self._subsystem = np.array([place.get(point.subsystem, len(codes)) for point in layout.points])
        self._kind = layout.profile + 1  # 0: of no kind that the catalogue knows
        kinds = len(catalogue.profiles()) + 1
        self._sum = np.zeros((bins, kinds))
        self._readings = np.zeros((bins, kinds), np.int64)
        self._delays = np.zeros((len(self._codes), len(DELAY_EDGES_MS)), np.int64)
        self.events: dict[str, NDArray[np.int64]] = {}

    def pack(self, pack: Pack, place: int) -> None:
        """A pack of the park."""
        point, time_ms, value = pack.columns
        kind, kinds = self._kind[point], self._sum.shape[1]
        self._sum[place] += np.bincount(kind, value, kinds)
        self._readings[place] += np.bincount(kind, minlength=kinds)
        late = np.searchsorted(DELAY_EDGES_MS, np.maximum(pack.due_ms - time_ms, 0), side="right") - 1
        flat = self._subsystem[point] * len(DELAY_EDGES_MS) + late
        self._delays += np.bincount(flat, minlength=self._delays.size).reshape(self._delays.shape)

    def event(self, event: Event, place: int) -> None:
        """An event in the park."""
        self.events.setdefault(event.message.subsystem, np.zeros(self._bins, np.int64))[place] += 1

    def delays(self) -> dict[str, NDArray[np.int64]]:
        """Of the subsystems that have readings."""
        return {code: row for code, row in zip(self._codes, self._delays, strict=True) if row.any()}

    def lines(self) -> dict[str, list[Line]]:
        """For each subsystem the quantities with the most points."""
        points = np.bincount(self._kind, minlength=self._sum.shape[1])
        mean = np.divide(self._sum, self._readings, out=np.full_like(self._sum, np.nan), where=self._readings > 0)
        found: dict[str, list[Line]] = {}
        for number in np.argsort(-points[1:], kind="stable").tolist():
            profile = catalogue.profiles()[number]
            lines = found.setdefault(profile.subsystem, [])
            if points[number + 1] and len(lines) < QUANTITIES_SHOWN:
                unit = profile.unit if profile.kind == "analogue" else ""
                lines.append(Line(profile.device, profile.quantity, unit, int(points[number + 1]), mean[:, number + 1]))
        return {subsystem.code: found.get(subsystem.code, []) for subsystem in catalogue.subsystems()}


def _busiest(trace: Traffic) -> str:
    """The park of which there is most to see: the most incidents, then the most points, then the first."""
    incidents = [incident.park for incident in trace.truth.incidents]
    return max(trace.parks, key=lambda park: (incidents.count(park), len(trace.layouts[park].points)))
