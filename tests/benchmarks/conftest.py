"""A run without processes: a truth by hand, a load record from the real recorder, and the result made of them."""

import numpy as np
import pytest
from run_builders import expected, seen

from benchmarks import assemble, environment, meter
from benchmarks.result import Result, TargetFacts, WorldCount
from benchmarks.score import Scored, score
from loadtests.ledger import LedgerResult
from loadtests.observe import ClockOffset, Seen
from loadtests.record import HarnessUse, Job, LoadRecord, Recorder, Times
from loadtests.schedule import Schedule
from loadtests.targets import Outcome
from scenarios.model import Scenario, find
from sim.trace import GroundTruth, IncidentTruth

START_AT_MS = 1_800_000_000_000
DIGEST = "00c0ffee00c0ffee"


@pytest.fixture(scope="session")
def scenario() -> Scenario:
    """The demo's scenario."""
    return find("first-morning")


@pytest.fixture(scope="session")
def schedule(scenario: Scenario) -> Schedule:
    """Its schedule, started at a fixed wall time."""
    measured_from_ms = scenario.starts_at_ms + round(scenario.warm_up_s * 1000)
    end_ms = measured_from_ms + round(scenario.duration_s * 1000)
    return Schedule(scenario.starts_at_ms, measured_from_ms, end_ms, START_AT_MS)


@pytest.fixture(scope="session")
def truth(scenario: Scenario) -> GroundTruth:
    """Two expected alerts for each incident of the scenario, knowable after two seconds and after three."""
    world = GroundTruth()
    for number, incident in enumerate(scenario.incidents):
        onset_ms = scenario.starts_at_ms + round((scenario.warm_up_s + incident.at_s) * 1000)
        zone, name = f"z{incident.zone:02d}", f"incident-{number:02d}"
        world.incidents.append(
            IncidentTruth(
                incident_id=name,
                kind=incident.kind,
                park=incident.park,
                zone=zone,
                onset_ms=onset_ms,
                end_ms=onset_ms + round(incident.duration_s * 1000),
                points=[],
            )
        )
        world.expected += [
            expected(
                park=incident.park,
                point=f"fire/{zone}/gas-{place:04d}/ch4",
                incident_id=name,
                onset_ms=onset_ms + 1000 * place,
                knowable_due_ms=onset_ms + 1000 * place + 1000,
            )
            for place in (1, 2)
        ]
    world.arrange()
    return world


@pytest.fixture(scope="session")
def sightings(truth: GroundTruth, schedule: Schedule) -> list[Seen]:
    """Every expected alert, seen 40 to 60 ms after it was knowable at the park and 15 ms later at the city."""
    found = []
    for number, alert in enumerate(truth.expected, 1):
        for level, delay_ms in (("park", 40 + number % 20), ("city", 55 + number % 20)):
            moment_ms = alert.knowable_due_ms + schedule.shift_ms + delay_ms
            onset_ms = alert.onset_ms + schedule.shift_ms
            found.append(
                seen(level, number, moment_ms, park=alert.park, point=alert.point, rule=alert.rule, onset_ms=onset_ms)
            )
    return found


@pytest.fixture(scope="session")
def record(scenario: Scenario, schedule: Schedule) -> LoadRecord:
    """What a load would have recorded: a pack a park and second, log-normal latency, one stall of 300 ms."""
    recorder = Recorder(schedule)
    random = np.random.default_rng(7)
    seconds = round((schedule.end_ms - schedule.start_ms) / 1000)
    for second in range(seconds):
        for place, park in enumerate(scenario.parks):
            intended_us = (START_AT_MS + second * 1000) * 1000 + place * 1000
            job = Job("telemetry", park, "gw-01", second + 1, scenario.points_per_park, 0, intended_us)
            stall_us = 300_000 if second == 40 else 0
            sent_us = intended_us + stall_us + 400
            acked_us = sent_us + int(random.lognormal(8.6, 0.5))
            recorder.offered(job)
            recorder.sent(job, sent_us, 400)
            recorder.answered(job, Outcome(200, ok=True), acked_us)
            recorder.acknowledged(job, Times(sent_us, sent_us, acked_us, 1))
    use = HarnessUse(
        worker=0,
        cpu_s=30.0,
        wall_s=64.0,
        memory_max_mib=300.0,
        gc_pause_ms_max=1.0,
        feed_late_ms_max=0.0,
        feed_stalled_s=0.0,
    )
    frozen = recorder.freeze(scenario.parks, int(DIGEST, 16), use, complete=True)
    frozen.clocks = {"park": ClockOffset(0.2, 0.6), "city": ClockOffset(0.1, 0.6)}
    return frozen


@pytest.fixture(scope="session")
def scored(scenario: Scenario, schedule: Schedule, truth: GroundTruth, sightings: list[Seen]) -> Scored:
    """The score of what was seen."""
    return score(
        truth,
        sightings,
        shift_ms=schedule.shift_ms,
        start_ms=schedule.start_ms,
        measured_from_ms=schedule.measured_from_ms,
        tolerance_ms=scenario.sample_period_ms,
        sent_ms={},
    )


@pytest.fixture(scope="session")
def gathered(
    scenario: Scenario, scored: Scored, record: LoadRecord, tmp_path_factory: pytest.TempPathFactory
) -> assemble.Gathered:
    """Everything that a result is made of."""
    samples = [
        meter.Sample(
            START_AT_MS + second * 1000.0,
            {"harness": 0.5, "park": 0.8 + second % 7 / 50, "city": 0.05},
            {"harness": 2**28, "park": 2**28 + second * 2**20, "city": 2**26},
        )
        for second in range(72)
    ]
    return assemble.Gathered(
        scenario=scenario,
        repeat="parkbench run first-morning --seed 1",
        target=TargetFacts(
            kind="reference",
            park_url="http://127.0.0.1:1",
            city_url="http://127.0.0.1:2",
            park_version="1",
            city_version="1",
        ),
        environment=environment.collect(tmp_path_factory.mktemp("disk")),
        record=record,
        null_ceiling_per_s=900_000.0,
        observer_delays_ms=[1.0, 2.0, 3.0],
        ledger=LedgerResult(packs=10, acknowledged=94_000 * 72),
        scored=scored,
        world=assemble.WorldFacts(
            sent=WorldCount(
                packs=sum(kind.total.offered for kind in record.kinds.values()) - 1_234,
                readings=round(94_000 * (scenario.warm_up_s + scenario.duration_s)),
                events=1_234,
            ),
            digest=record.trace_digest,
            span_s=scenario.warm_up_s + scenario.duration_s,
        ),
        samples=samples,
    )


@pytest.fixture(scope="session")
def result(gathered: assemble.Gathered) -> Result:
    """A good result."""
    return assemble.result(gathered)
