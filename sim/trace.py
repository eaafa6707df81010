"""The trace: everything that a scenario's world sends, in order, with the ground truth out of band.

The same scenario, seed and replication give the same emissions, byte for byte, for any number of shards.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from itertools import groupby

import msgspec

from contract.columns import pack_digest
from scenarios.model import Scenario
from sim.network import NetworkReport, total
from sim.world import (
    CaseActing,
    Emission,
    Event,
    ExpectedAlert,
    GroundTruth,
    IncidentTruth,
    Pack,
    RegisterWriting,
    Request,
    UndeterminedAlert,
    World,
)
from sim.world.model import layout_of
from sim.world.park import Turn

__all__ = [
    "CaseActing",
    "Emission",
    "Event",
    "ExpectedAlert",
    "GroundTruth",
    "IncidentTruth",
    "Pack",
    "RegisterWriting",
    "Request",
    "Summary",
    "Trace",
    "UndeterminedAlert",
    "event_digest",
    "office_digest",
    "order",
    "request_digest",
    "summary",
]

_DIGEST_MASK = 2**64 - 1
_RANKS = {Pack: 0, Event: 1, Request: 2, CaseActing: 3, RegisterWriting: 4}


class Trace:
    """A scenario's emissions and ground truth.

    Each call of `steps` or `emissions` lives the world anew and resets `truth` and `digest`; use one at a time.

    Args:
        scenario: what to simulate.
        shard: (i, n): of the scenario's parks only `parks[i::n]`.
        replication: number of the repetition; another number, other draws.

    Attributes:
        parks: ids of this shard's parks.
        layouts: the points of each park.
        start_ms: beginning of the warm-up, scenario time, Unix milliseconds.
        measured_from_ms: beginning of the measured part.
        end_ms: no emission is due at or after this time.
        truth: its incidents are known from the beginning; all of it is, once the emissions are exhausted.
        digest: sum modulo 2**64 of the digests of all that was emitted so far, whatever its order.

    Raises:
        ScenarioError: an incident would touch nothing.
    """

    def __init__(self, scenario: Scenario, *, shard: tuple[int, int] = (0, 1), replication: int = 0) -> None:
        number, shards = shard
        if not 0 <= number < shards:
            raise ValueError(f"shard {number} of {shards}: expected a number from 0 to {shards - 1}")
        self.scenario = scenario
        self.replication = replication
        self.parks = scenario.parks[number::shards]
        self.layouts = {park: layout_of(scenario, park) for park in self.parks}
        self._world: World | None = None
        self._living: World | None = None
        world = self._begin()
        self._world = world  # the first to be lived
        self.start_ms, self.measured_from_ms, self.end_ms = world.start_ms, world.measured_from_ms, world.end_ms

    def steps(self) -> Iterator[list[Emission]]:
        """One list for each park and step, in order of step and park; a step is one sample period.

        In a list packs come first, as gateways send them; the others follow in order of time.
        """
        for turn in self._turns():
            yield [*turn.packs, *sorted([*turn.events, *turn.requests, *turn.office], key=order)]

    def emissions(self) -> Iterator[Emission]:
        """All emissions in order of due time, park, kind (packs first, registers last), gateway and sequence."""
        for _, turns in groupby(self._turns(), key=lambda turn: turn.number):
            step: list[Emission] = []
            for turn in turns:
                step += turn.packs
                step += turn.events
                step += turn.requests
                step += turn.office
            yield from sorted(step, key=order)

    @property
    def network(self) -> NetworkReport | None:
        """What became of the readings on the links so far; None where packs arrive when they are sent."""
        if self.scenario.links == "direct" or self._living is None:
            return None
        return total([park.network.report() for park in self._living.parks])

    def _begin(self) -> World:
        world, self._world = self._world, None
        world = world or World(self.scenario, self.parks, self.replication)
        self._living = world
        self.truth = world.truth
        self.digest = 0
        return world

    def _turns(self) -> Iterator[Turn]:
        for turn in self._begin().turns():
            digest = sum(map(pack_digest, turn.readings))
            digest += sum(map(event_digest, turn.events)) + sum(map(request_digest, turn.requests))
            digest += sum(map(office_digest, turn.office))
            self.digest = (self.digest + digest) & _DIGEST_MASK
            yield turn


def event_digest(event: Event) -> int:
    """Digest of an event with its park, number and time, an unsigned 64-bit integer."""
    return _digest((event.park, event.sequence, event.due_ms, event.message))


def request_digest(request: Request) -> int:
    """Digest of a request with its park, number and time, an unsigned 64-bit integer."""
    return _digest((request.park, request.sequence, request.due_ms, request.application))


def office_digest(one: CaseActing | RegisterWriting) -> int:
    """Digest of an act or of an entry with its park, number and time, an unsigned 64-bit integer."""
    return _digest((type(one).__name__, *one))


def _digest(content: object) -> int:
    return int.from_bytes(hashlib.blake2b(msgspec.json.encode(content), digest_size=8).digest(), "little")


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A trace in figures; `digest` has 16 hexadecimal digits."""

    scenario: str
    seed: int
    parks: int
    gateways: int
    points: int
    packs: int
    readings: int
    events: int
    events_by_subsystem: dict[str, int]
    requests: int
    requests_by_matter: dict[str, int]
    acts: int
    acts_by_act: dict[str, int]
    writings: int
    writings_by_register: dict[str, int]
    incidents: int
    incidents_by_kind: dict[str, int]
    expected_alerts: int
    expected_by_rule: dict[str, int]
    expected_by_level: dict[str, int]
    cleared_alerts: int
    undetermined_alerts: int
    digest: str


def summary(trace: Trace) -> Summary:
    """Live a trace to its end and count what it sent."""
    packs = readings = 0
    matters: Counter[str] = Counter()
    subsystems: Counter[str] = Counter()
    acts: Counter[str] = Counter()
    registers: Counter[str] = Counter()
    for step in trace.steps():
        for emission in step:
            if isinstance(emission, Pack):
                packs += 1
                readings += len(emission.columns)
            elif isinstance(emission, Event):
                subsystems[emission.message.subsystem] += 1
            elif isinstance(emission, Request):
                matters[emission.application.matter] += 1
            elif isinstance(emission, CaseActing):
                acts[emission.act.act] += 1
            else:
                registers[emission.register] += 1
    truth = trace.truth
    return Summary(
        scenario=trace.scenario.name,
        seed=trace.scenario.seed,
        parks=len(trace.parks),
        gateways=sum(len(layout.gateways) for layout in trace.layouts.values()),
        points=sum(len(layout.points) for layout in trace.layouts.values()),
        packs=packs,
        readings=readings,
        events=subsystems.total(),
        events_by_subsystem=dict(sorted(subsystems.items())),
        requests=matters.total(),
        requests_by_matter=dict(sorted(matters.items())),
        acts=acts.total(),
        acts_by_act=dict(sorted(acts.items())),
        writings=registers.total(),
        writings_by_register=dict(sorted(registers.items())),
        incidents=len(truth.incidents),
        incidents_by_kind=dict(sorted(Counter(incident.kind for incident in truth.incidents).items())),
        expected_alerts=len(truth.expected),
        expected_by_rule=dict(sorted(Counter(alert.rule for alert in truth.expected).items())),
        expected_by_level=dict(sorted(Counter(alert.level for alert in truth.expected).items())),
        cleared_alerts=sum(alert.clears_ms is not None for alert in truth.expected),
        undetermined_alerts=len(truth.undetermined),
        digest=f"{trace.digest:016x}",
    )


def order(emission: Emission) -> tuple[int, str, int, str, int]:
    """What emissions are sorted by: due time, park, kind, gateway and sequence."""
    gateway = emission.gateway if isinstance(emission, Pack) else ""
    return emission.due_ms, emission.park, _RANKS[type(emission)], gateway, emission.sequence
