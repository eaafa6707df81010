"""A whole trace through the platform's real nodes in virtual time, with faults from a seed.

What a live run shows by luck, this shows on purpose, and again.
"""

from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np
import simpy

from contract.errors import TargetError
from contract.messages import AlertEvent, ParkOverviewList, PointList, UplinkBatch
from loadtests.targets.in_process import InProcess
from loadtests.traffic import Traffic, handed, rules_of
from sim.trace import CaseActing, Event, Pack, RegisterWriting, Request


class Faults(NamedTuple):
    """What goes wrong in a simulation, drawn from `seed`; the default is nothing.

    Attributes:
        seed: repeats the faults.
        kill_chance: chance at each pack that its park's node is killed, half before and half after the commit. A
            gateway without an acknowledgement sends the pack again at once.
        snapshot_chance: chance at each pack that its park's node takes a snapshot after it.
        duplicate_chance: chance at each pack, request and uplink batch that it is delivered twice, since an
            acknowledgement was lost.
        city_kill_chance: chance at each uplink batch that the city's node is killed after it.
        cuts: how often each park's uplink is cut.
        cut_s_max: length of a cut at most.
    """

    seed: int = 0
    kill_chance: float = 0.0
    snapshot_chance: float = 0.01
    duplicate_chance: float = 0.0
    city_kill_chance: float = 0.0
    cuts: int = 0
    cut_s_max: float = 30.0


class Simulated(NamedTuple):
    """What a simulation showed. Events carry the virtual time at which they were known in `known_ms`.

    Attributes:
        park: events of all park nodes.
        city: events of the city node.
        overview: what the city knew at the end.
        readings_stored: number of readings that the parks hold.
        stored_digest: sum modulo 2**64 of the digests of the packs that they hold.
        faults: how often each fault struck, by name.
    """

    park: list[AlertEvent]
    city: list[AlertEvent]
    overview: ParkOverviewList
    readings_stored: int
    stored_digest: int
    faults: dict[str, int]


def simulate(trace: Traffic, *, uplink_delay_ms: int = 20, faults: Faults | None = None) -> Simulated:
    """Run a trace through the real nodes in virtual time; every emission arrives when it is due.

    Args:
        trace: what the parks send.
        uplink_delay_ms: from a park's commit to the city's.
        faults: what goes wrong.
    """
    return _Simulation(trace, uplink_delay_ms, faults or Faults()).run()


class _Simulation:
    """One run of `simulate`."""

    def __init__(self, trace: Traffic, uplink_delay_ms: int, faults: Faults) -> None:
        self.trace = trace
        self.delay_ms = uplink_delay_ms
        self.faults = faults
        self.draws = np.random.default_rng(faults.seed)
        self.struck = dict.fromkeys(("kill_before_commit", "kill_after_commit", "duplicate", "city_kill", "cut"), 0)
        self.env = simpy.Environment(initial_time=trace.start_ms)
        self.target = InProcess(lambda: int(self.env.now))
        self.telling: set[str] = set()  # parks whose uplink is on its way
        self.cuts = {park: self._draw_cuts() for park in trace.parks}

    def run(self) -> Simulated:
        rules = rules_of(self.trace.scenario)
        for park in self.trace.parks:
            self.target.provision(park, PointList(points=list(self.trace.layouts[park].points)), rules)
        self.env.process(self._feed())
        self.env.run()
        readings, digest = self.target.stored()
        told = self.target.events
        return Simulated(told["park"], told["city"], self.target.overview(), readings, digest, self.struck)

    def _draw_cuts(self) -> list[tuple[int, int]]:
        start_ms = self.draws.integers(self.trace.start_ms, self.trace.end_ms, self.faults.cuts)
        length_ms = self.draws.integers(1, int(self.faults.cut_s_max * 1000) + 1, self.faults.cuts)
        return [(int(start), int(start + length)) for start, length in zip(start_ms, length_ms, strict=True)]

    def _strikes(self, chance: float) -> bool:
        return chance > 0 and bool(self.draws.random() < chance)

    def _feed(self) -> Generator[simpy.Event, Any, None]:
        for emission in self.trace.emissions():
            yield self.env.timeout(emission.due_ms - self.env.now)
            if isinstance(emission, Pack):
                self._deliver_pack(emission)
            else:
                self._deliver(emission)
            self._start_uplink(emission.park)

    def _deliver_pack(self, pack: Pack) -> None:
        killed = self._strikes(self.faults.kill_chance)
        before = killed and self._strikes(0.5)
        if before:
            self.struck["kill_before_commit"] += 1
            self.target.kill_park_taking(pack.park, pack.gateway, pack.sequence, pack.columns)
        self._take(pack)
        if killed and not before:
            self.struck["kill_after_commit"] += 1
            self.target.kill_park(pack.park)
        if self._strikes(self.faults.duplicate_chance):
            self.struck["duplicate"] += 1
            self._take(pack)
        if self._strikes(self.faults.snapshot_chance):
            self.target.keep_snapshot(pack.park)

    def _take(self, pack: Pack) -> None:
        self.target.take(pack.park, pack.gateway, pack.sequence, pack.columns)

    def _deliver(self, emission: Event | Request | CaseActing | RegisterWriting) -> None:
        kind, message = handed(emission)
        times = 2 if self._strikes(self.faults.duplicate_chance) else 1
        self.struck["duplicate"] += times - 1
        for _ in range(times):
            outcome = self.target.request(emission.park, message)
            if not outcome.ok:
                raise TargetError(f"park {emission.park}: {kind} {emission.sequence} was refused: {outcome.error}")

    def _start_uplink(self, park: str) -> None:
        if park not in self.telling and self.target.pending(park):
            self.telling.add(park)
            self.env.process(self._tell(park))

    def _tell(self, park: str) -> Generator[simpy.Event, Any, None]:
        while entries := self.target.pending(park):
            yield self.env.timeout(self.delay_ms)
            while (wait_ms := self._cut_left_ms(park)) > 0:
                self.struck["cut"] += 1
                yield self.env.timeout(wait_ms)
            times = 2 if self._strikes(self.faults.duplicate_chance) else 1
            self.struck["duplicate"] += times - 1
            for _ in range(times):
                self.target.tell_city(park, UplinkBatch(entries=entries))
            if self._strikes(self.faults.city_kill_chance):
                self.struck["city_kill"] += 1
                self.target.kill_city()
        self.telling.remove(park)

    def _cut_left_ms(self, park: str) -> int:
        now_ms = int(self.env.now)
        return max((end - now_ms for start, end in self.cuts[park] if start <= now_ms < end), default=0)
