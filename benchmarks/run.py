"""One run from beginning to end: headroom, platform, load, read-back, scoring, audit, result and report."""

import math
import shlex
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
from rich.console import Console

from benchmarks import assemble, environment, load, meter, reference
from benchmarks.display import Display
from benchmarks.processes import Household
from benchmarks.reference import Endpoints
from benchmarks.report import write_report
from benchmarks.result import REPORT_FILE, RESULT_FILE, Result, TargetFacts, WorldCount, save
from benchmarks.score import PackKey, Scored, not_scored, score
from contract.errors import PeerError
from loadtests import ledger
from loadtests.feeder import originals
from loadtests.observe import read_alerts
from loadtests.record import LoadRecord
from loadtests.targets.contract_http import ContractHttp
from loadtests.traffic import Traffic, traffic
from scenarios.model import Scenario
from sim.recorded import RecordedTrace
from sim.recorded.numbering import Numbers
from sim.trace import Event, GroundTruth, Pack

READ_BACK_AT_ONCE = 2


class RunOptions(NamedTuple):
    """What a person asks for.

    Attributes:
        scenario: checked, with the seed of this run.
        named: the scenario as the person gave it, a name or a path.
        recording: directory of a recorded trace that is replayed instead, or None.
        target: an outside platform, or None for the reference platform.
        burst_s: length of the burst that measures the harness's own ceiling.
        out: directory for everything that the run leaves.
    """

    scenario: Scenario
    named: str
    recording: Path | None
    target: Endpoints | None
    workers: int
    burst_s: float
    out: Path


class World(NamedTuple):
    """The trace, lived again beside the load; `truth` is None where nobody knows it."""

    truth: GroundTruth | None
    facts: assemble.WorldFacts
    start_ms: int
    measured_from_ms: int


def run(options: RunOptions, console: Console) -> Result:
    """Run a scenario and judge it; leaves result, report, ledger and alerts in `options.out`.

    Raises:
        PeerError: the credentials cannot be read, or the recording is wrong.
        TargetError: the platform cannot be used.
        HarnessError: we failed.
    """
    scenario = options.scenario
    logs = options.out / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    environment.raise_open_files_limit()
    trace = _traffic(options)
    with Household() as household, Display(console, scenario, trace.truth.incidents) as display:
        if options.target:
            _check_target(options.target)
        world = None
        if options.recording:
            display.phase("reading the recording")
            world = live_world(trace)
        display.phase("measuring this machine and the harness's own ceiling")
        machine = environment.collect(options.out)
        ceiling = _null_ceiling(household, options)
        display.phase(_platform_phase(options))
        platform = _platform(household, options)
        display.phase("running the load")
        record, samples = _drive(household, options, platform, display)
        display.phase("reading back everything that was acknowledged")
        verified = _read_back(options, platform.endpoints, record)
    if world is None:
        console.print("          living the world again for the truth", style="dim")
        world = live_world(trace)
    console.print("          scoring, writing the report", style="dim")
    scored = _score(options, world, record)
    result = assemble.result(
        assemble.Gathered(
            scenario=scenario,
            repeat=repeat_command(options),
            target=platform.facts,
            environment=machine,
            record=record,
            null_ceiling_per_s=ceiling,
            observer_delays_ms=load.observer_delays_ms(load.Watch(options.out).progress(), record.start_at_ms),
            ledger=verified,
            scored=scored,
            world=world.facts,
            samples=samples,
        )
    )
    save(result, options.out / RESULT_FILE)
    write_report(result, options.out / REPORT_FILE)
    return result


class Platform(NamedTuple):
    """The platform under test while it runs; `processes` are the ones that we started, by level."""

    endpoints: Endpoints
    facts: TargetFacts
    processes: dict[str, int]


def repeat_command(options: RunOptions) -> str:
    """The command that repeats a run."""
    if options.recording:
        words = ["parkbench", "run", "--trace", str(options.recording)]
    else:
        words = ["parkbench", "run", options.named, "--seed", str(options.scenario.seed)]
    if options.workers > 1:
        words += ["--workers", str(options.workers)]
    if options.target:
        words += ["--target", options.target.park_url, "--city", options.target.city_url]
        for path in options.target.credentials:
            words += ["--credentials", str(path)]
    return shlex.join(words)


def live_world(trace: Traffic) -> World:
    """Live the whole trace in this process: the ground truth, the count and the digest of what had to be offered.

    Raises:
        PeerError: a recording is wrong.
    """
    packs = copies = readings = events = requests = 0
    numbers: defaultdict[tuple[str, str], Numbers] = defaultdict(Numbers)
    for step in trace.steps():
        for emission in step:
            if isinstance(emission, Pack):
                packs += 1
                readings += len(emission.columns)
                copies += numbers[emission.park, emission.gateway].count(emission.sequence) > 0
            elif isinstance(emission, Event):
                events += 1
            else:
                requests += 1
    recorded = isinstance(trace, RecordedTrace)
    count = WorldCount(
        source="recording" if recorded else "scenario",
        packs=packs,
        copies=copies,
        readings=readings,
        events=events,
        requests=requests,
    )
    facts = assemble.WorldFacts(
        sent=count,
        digest=f"{trace.digest:016x}",
        span_s=(trace.end_ms - trace.start_ms) / 1000,
        has_objectives=not isinstance(trace, RecordedTrace) or trace.has_scenario,
    )
    truth = None if isinstance(trace, RecordedTrace) and not trace.has_truth else trace.truth
    return World(truth, facts, trace.start_ms, trace.measured_from_ms)


def _traffic(options: RunOptions) -> Traffic:
    return traffic(options.scenario, str(options.recording or ""))


def _check_target(target: Endpoints) -> None:
    """Fail early and clearly when an outside platform cannot be used."""
    for url, level in ((target.park_url, "park"), (target.city_url, "city")):
        reference.health(url, level)
    try:
        reference.read_credentials(target.credentials)
    except (OSError, msgspec.DecodeError) as error:
        raise PeerError("unreadable credentials", where="--credentials", found=str(error)) from None


def _platform_phase(options: RunOptions) -> str:
    if options.target:
        return "using the given platform"
    note = " (its first start on this machine compiles the core)" if reference.first_start() else ""
    return f"starting the reference platform{note}"


def _null_ceiling(household: Household, options: RunOptions) -> float:
    out = household.directory(options.out / "null")
    burst = load.null_burst(household, _load_options(options, out))
    return burst.readings_per_s


def _load_options(options: RunOptions, out: Path) -> load.LoadOptions:
    return load.LoadOptions(
        scenario=options.named,
        seed=options.scenario.seed,
        recording=options.recording,
        workers=options.workers,
        burst_s=options.burst_s,
        out=out,
        logs=options.out / "logs",
    )


def _platform(household: Household, options: RunOptions) -> Platform:
    processes: dict[str, int] = {}
    if options.target is None:
        data = household.directory(options.out / "platform-data")  # on the disk of the results, not in a memory disk
        started = reference.start(household, options.scenario.parks, data, options.out / "logs")
        endpoints = started.endpoints
        processes = {"park": started.park.pid, "city": started.city.pid}
    else:
        endpoints = options.target
    park, city = reference.health(endpoints.park_url, "park"), reference.health(endpoints.city_url, "city")
    facts = TargetFacts(
        kind="reference" if options.target is None else "external",
        park_url=endpoints.park_url,
        city_url=endpoints.city_url,
        park_version=park.version,
        city_version=city.version,
    )
    return Platform(endpoints, facts, processes)


def _drive(
    household: Household, options: RunOptions, platform: Platform, display: Display
) -> tuple[LoadRecord, list[meter.Sample]]:
    load_options = _load_options(options, options.out)
    process = load.start(household, load_options, platform.endpoints)
    measured = meter.Meter({"harness": process.pid, **platform.processes})
    measured.start()
    look = display.looker(load.Watch(options.out), lambda: display.start_at_ms)
    trace_s = options.scenario.warm_up_s + options.scenario.duration_s
    try:
        record = load.finish(household, process, load_options, trace_s, look)
    finally:
        samples = measured.stop()
    return record, samples


def _read_back(options: RunOptions, endpoints: Endpoints, record: LoadRecord) -> ledger.LedgerResult:
    """Verify the whole ledger, a few gateways at once."""
    acked = ledger.load(options.out / "ledger.arrow")
    credentials = reference.read_credentials(endpoints.credentials) if endpoints.credentials else None
    make_again = originals(lambda: _traffic(options), shift_ms=record.shift_ms)

    def verify(part: Sequence[ledger.Acked]) -> ledger.LedgerResult:
        target = ContractHttp(endpoints.park_url, endpoints.city_url, credentials)
        try:
            return ledger.verify(part, target.read_back, make_again)
        finally:
            target.close()

    with ThreadPoolExecutor(READ_BACK_AT_ONCE) as pool:
        parts = list(pool.map(verify, [acked[start::READ_BACK_AT_ONCE] for start in range(READ_BACK_AT_ONCE)]))
    return ledger.LedgerResult(
        packs=sum(part.packs for part in parts),
        acknowledged=sum(part.acknowledged for part in parts),
        lost=sum(part.lost for part in parts),
        duplicated=sum(part.duplicated for part in parts),
        altered=sum(part.altered for part in parts),
        reordered=sum(part.reordered for part in parts),
        unacknowledged=sum(part.unacknowledged for part in parts),
        faults=[fault for part in parts for fault in part.faults][: ledger.FAULTS_MAX],
    )


def _score(options: RunOptions, world: World, record: LoadRecord) -> Scored:
    if world.truth is None:
        return not_scored()
    wanted = {(alert.park, alert.gateway, alert.knowable_sequence) for alert in world.truth.expected}
    return score(
        world.truth,
        read_alerts(options.out / "alerts.jsonl"),
        shift_ms=record.shift_ms,
        start_ms=world.start_ms,
        measured_from_ms=world.measured_from_ms,
        tolerance_ms=options.scenario.sample_period_ms,
        sent_ms=_sent_ms(options.out / "ledger.arrow", wanted),
    )


def _sent_ms(path: Path, wanted: set[PackKey]) -> dict[PackKey, float]:
    """When the wanted packs were first sent, from the ledger."""
    with pa.OSFile(str(path)) as file:
        table = pa.ipc.open_file(file).read_all()
    keys = zip(*(table[name].to_pylist() for name in ("park", "gateway", "sequence")), strict=True)
    sent_ms: dict[PackKey, float] = {}
    for key, sent_us in zip(keys, table["sent_us"].to_pylist(), strict=True):
        if key in wanted:  # of a pack that was sent twice, the first time counts
            sent_ms[key] = min(sent_us / 1000, sent_ms.get(key, math.inf))
    return sent_ms


def default_out(scenario: Scenario) -> Path:
    """`out/<scenario>-<date>-<time>`."""
    return Path("out") / f"{scenario.name}-{time.strftime('%Y%m%d-%H%M%S')}"
