"""A run's traffic from a recording: the same load, the same virtual run, copies and events as they should be."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import gevent
import pytest
from msgspec.structs import replace

from contract import catalogue
from contract.messages import DeviceEvent
from loadtests.clock import SteadyClock
from loadtests.feeder import Feeder, originals
from loadtests.ledger import PackKey
from loadtests.schedule import Schedule
from loadtests.simulation import simulate
from loadtests.traffic import Traffic, rules_of, traffic
from scenarios.model import Scenario, find
from sim.recorded import RecordedTrace, record
from sim.trace import Emission, Event, Pack, Trace

LEAK = find("chemical-leak")
LATE_MS = 1_500
HELD = range(5, 9)


class Field(Trace):
    """A world whose first gateway holds four packs back, sends them in a burst, one of them twice, and tells of a door.

    One reading is missing in each of its packs.
    """

    def emissions(self) -> Iterator[Emission]:
        """All emissions in order of due time."""
        sent = sorted(self._sent(super().emissions()), key=lambda one: one.due_ms)
        yield from sent

    def steps(self) -> Iterator[list[Emission]]:
        """All at once."""
        yield list(self.emissions())

    def _sent(self, emissions: Iterator[Emission]) -> Iterator[Emission]:
        park = self.parks[0]
        gateway = self.layouts[park].gateways[0]
        burst_ms = self.start_ms + 10_000
        for one in emissions:
            if not isinstance(one, Pack) or (one.park, one.gateway) != (park, gateway):
                yield one
                continue
            point, time_ms, value = one.columns
            part = one._replace(columns=type(one.columns)(point[1:], time_ms[1:], value[1:]))
            yield part._replace(due_ms=burst_ms + one.sequence) if one.sequence in HELD else part
            if one.sequence == HELD[0]:
                yield part._replace(due_ms=burst_ms + LATE_MS)
        message = DeviceEvent(
            event_id="v1", at_ms=self.start_ms, subsystem="access", zone="z01", device="door-0001", kind="open",
            traffic="state",
        )  # fmt: skip
        yield Event(self.start_ms + 10, park, 1, message)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """The chemical leak, with fewer points."""
    return replace(LEAK, points_per_park=400)


@pytest.fixture(scope="module")
def recording(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its trace on disk."""
    directory = tmp_path_factory.mktemp("traffic") / "leak"
    record(Trace(scenario), (0, 1), directory)
    return directory


def feeder_of(trace: Traffic) -> Feeder:
    """A feeder that is behind, so that it feeds at once."""
    schedule = Schedule(trace.start_ms, trace.measured_from_ms, trace.end_ms, trace.start_ms + 86_400_000)
    return Feeder(trace, schedule, SteadyClock())


def fed(feeder: Feeder) -> dict[tuple[str, str], list[tuple[int, int, int]]]:
    """(number, digest, intended time) of each lane's jobs in order."""
    with gevent.Timeout(30):
        feeding = gevent.spawn(feeder.run)
        jobs = {}
        for place, lane in feeder.lanes.items():
            ready = []
            for one in lane:
                feeder.done(one)
                ready.append((one.job.sequence, one.job.digest, one.job.intended_us))
            jobs[place] = ready
        feeding.join()
    return jobs


def test_a_recording_is_fed_as_the_world_is(scenario: Scenario, recording: Path) -> None:
    """Lane by lane the same packs and requests at the same times; and so on any shard."""
    for shard in ((0, 1), (1, 2)):
        world = traffic(scenario, "", shard=shard)
        replayed = traffic(scenario, str(recording), shard=shard)
        assert isinstance(replayed, RecordedTrace)
        assert fed(feeder_of(replayed)) == fed(feeder_of(world))
        assert replayed.digest == world.digest


def test_a_recording_gives_the_same_virtual_run(scenario: Scenario, recording: Path) -> None:
    """The real nodes do the same on the replay as on the world."""
    assert simulate(RecordedTrace(recording)) == simulate(Trace(scenario))


def test_originals_from_a_recording(scenario: Scenario, recording: Path) -> None:
    """What was sent in a pack can be looked up in the recording."""
    park = scenario.parks[0]
    keys = frozenset({PackKey(park, "gw-01", 2), PackKey(park, "gw-02", 7)})
    of_world = originals(lambda: Trace(scenario), shift_ms=99)(keys)
    of_files = originals(lambda: RecordedTrace(recording), shift_ms=99)(keys)
    assert of_files.keys() == of_world.keys() == keys
    for key in keys:
        for mine, theirs in zip(of_files[key], of_world[key], strict=True):
            assert mine.tolist() == theirs.tolist()


def test_everything_that_the_world_makes_is_sent(scenario: Scenario) -> None:
    """Packs, events and requests each become one job."""
    jobs = fed(feeder_of(Field(scenario)))
    emissions = list(Field(scenario).emissions())
    assert any(isinstance(one, Event) for one in emissions)
    assert sum(map(len, jobs.values())) == len(emissions)


def test_a_backlog_is_sent_in_order_of_due_time(scenario: Scenario) -> None:
    """Packs that were held back come in a burst, each for its own time, the repeated one again at the end."""
    lane = fed(feeder_of(Field(scenario)))[scenario.parks[0], "gw-01"]
    times = [intended_us for _, _, intended_us in lane]
    assert all(earlier <= later for earlier, later in pairwise(times))
    numbers = Counter(number for number, _, _ in lane)
    assert [number for number, times in numbers.items() if times > 1] == [HELD[0]]
    twice = {digest for number, digest, _ in lane if number == HELD[0]}
    assert len(twice) == 1


def test_a_pack_sent_twice_is_stored_once(scenario: Scenario) -> None:
    """The nodes take part packs, a backlog and a copy, and hold each reading once."""
    sent = {(one.park, one.gateway, one.sequence): one for one in Field(scenario).emissions() if isinstance(one, Pack)}
    assert simulate(Field(scenario)).readings_stored == sum(len(pack.columns) for pack in sent.values())


def test_rules_follow_the_scenario(scenario: Scenario) -> None:
    """A scenario of all rules provisions all of the catalogue's, any other those of limits."""
    assert rules_of(scenario) == catalogue.standard_rules()
    everything = rules_of(replace(scenario, rules="all"))
    assert everything == catalogue.full_rules()
    assert len(everything.rules) > len(catalogue.standard_rules().rules)
