"""From what the load, the world and the platform left to the result. No I/O: files are read by `benchmarks.run`."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from hdrh.histogram import HdrHistogram

from benchmarks import audit, meter, objectives
from benchmarks.result import (
    SCHEMA_VERSION,
    CountedFrom,
    Environment,
    Ingest,
    Latency,
    LedgerCount,
    Percentiles,
    RequestCount,
    Result,
    ScenarioFacts,
    Series,
    Spectrum,
    SpectrumName,
    TargetFacts,
    WorldCount,
)
from benchmarks.score import Scored, percentiles
from contract.errors import HarnessError
from loadtests import histogram
from loadtests.ledger import LedgerResult
from loadtests.record import TELEMETRY, KindRecord, LoadRecord, Second
from loadtests.targets import Level
from scenarios.model import Scenario

GRID_PERCENT = (
    *(float(percent) for percent in range(0, 90, 5)),
    *(90.0, 92.5, 95.0, 96.0, 97.0, 98.0, 98.5, 99.0, 99.25, 99.5, 99.7, 99.8, 99.9),
    *(99.93, 99.96, 99.98, 99.99, 99.995, 99.999),
)


class WorldFacts(NamedTuple):
    """What the trace is, made again beside the load.

    Attributes:
        sent: what it sent.
        digest: 16 hexadecimal digits.
        span_s: from its begin to its end.
        has_objectives: it belongs to a scenario that asks for something.
    """

    sent: WorldCount
    digest: str
    span_s: float
    has_objectives: bool = True

    @property
    def offered(self) -> int:
        """Packs, events and requests: what a load hands in."""
        return self.sent.packs + self.sent.events + self.sent.requests


class Gathered(NamedTuple):
    """Everything that a result is made of."""

    scenario: Scenario
    repeat: str
    target: TargetFacts
    environment: Environment
    record: LoadRecord
    null_ceiling_per_s: float | None
    observer_delays_ms: Sequence[float]
    ledger: LedgerResult
    scored: Scored
    world: WorldFacts
    samples: list[meter.Sample]


def result(gathered: Gathered) -> Result:
    """Put the result together and judge it.

    Raises:
        HarnessError: the load recorded no telemetry at all.
    """
    record, scored = gathered.record, gathered.scored
    if TELEMETRY not in record.kinds:
        raise HarnessError("the load recorded no telemetry")
    telemetry = record.kinds[TELEMETRY]
    ack = _latency(telemetry)
    ledger = _ledger(gathered.ledger)
    kinds = sorted(record.kinds, key=lambda kind: (kind != TELEMETRY, kind))
    requests = {kind: _requests(record.kinds[kind]) for kind in kinds}
    checks = audit.audit(_evidence(gathered))
    return Result(
        schema_version=SCHEMA_VERSION,
        validity=audit.validity(checks),
        audit=checks,
        seed=gathered.scenario.seed,
        repeat=gathered.repeat,
        trace_digest=gathered.world.digest,
        started_ms=record.start_at_ms,
        ended_ms=record.ends_at_ms,
        scenario=scenario_facts(gathered.scenario),
        world=gathered.world.sent,
        target=gathered.target,
        ingest=_ingest(record, telemetry),
        ack_latency_ms=ack,
        alert_latency_ms=scored.alert_latency_ms,
        delay_ms=scored.delay_ms,
        ledger=ledger,
        detection=scored.detection,
        requests=requests,
        objectives=objectives.judge(
            gathered.scenario.objectives if gathered.world.has_objectives else None,
            ack=ack,
            alerts=scored.alert_latency_ms,
            detection=scored.detection,
            ledger=ledger,
            requests=requests,
        ),
        environment=gathered.environment,
        series=_series(record.series),
        resources=meter.resources(gathered.samples, record.start_at_ms),
        spectra=_spectra(telemetry, scored),
        incidents=scored.incidents,
    )


def scenario_facts(scenario: Scenario) -> ScenarioFacts:
    """The scenario in figures."""
    return ScenarioFacts(
        name=scenario.name,
        title={"en": scenario.title.en, "zh": scenario.title.zh},
        parks=len(scenario.parks),
        points_per_park=scenario.points_per_park,
        gateways_per_park=scenario.gateways_per_park,
        sample_period_ms=scenario.sample_period_ms,
        encoding=scenario.encoding,
        warm_up_s=scenario.warm_up_s,
        duration_s=scenario.duration_s,
        incidents=len(scenario.incidents),
    )


def _evidence(gathered: Gathered) -> audit.Evidence:
    record = gathered.record
    used = [use.cpu_s / use.wall_s for use in record.harness if use.wall_s > 0]
    offsets_ms = [abs(clock.offset_ms) + clock.uncertainty_ms for clock in record.clocks.values()]
    lag = record.harness_lag
    return audit.Evidence(
        null_ceiling_per_s=gathered.null_ceiling_per_s,
        offered_per_s=gathered.world.sent.readings / gathered.world.span_s,
        send_lag_ms_p99=lag.p99_ms if lag.count else None,
        harness_cores=round(max(used), 4) if used else None,
        clock_offset_ms=round(max(offsets_ms), 3) if offsets_ms else None,
        observer_delay_ms_p99=percentiles(gathered.observer_delays_ms).p99,
        digest_offered=record.trace_digest,
        digest_expected=gathered.world.digest,
        emissions_offered=sum(kind.total.offered for kind in record.kinds.values()),
        emissions_expected=gathered.world.offered,
    )


def _ingest(record: LoadRecord, telemetry: KindRecord) -> Ingest:
    measured_s = (record.ends_at_ms - record.measured_from_ms) / 1000
    counts = telemetry.measured
    return Ingest(
        offered_per_s=round(counts.readings_offered / measured_s, 1),
        acknowledged_per_s=round(counts.readings_acknowledged / measured_s, 1),
        offered=counts.readings_offered,
        acknowledged=counts.readings_acknowledged,
        packs_offered=counts.offered,
        packs_acknowledged=counts.acknowledged,
        measured_s=measured_s,
    )


def _ledger(verified: LedgerResult) -> LedgerCount:
    return LedgerCount(
        acknowledged=verified.acknowledged,
        lost=verified.lost,
        duplicated=verified.duplicated,
        altered=verified.altered,
        reordered=verified.reordered,
        unacknowledged=verified.unacknowledged,
        faults=verified.faults,
    )


def _requests(kind: KindRecord) -> RequestCount:
    counts = kind.total
    return RequestCount(
        count=counts.offered,
        acknowledged=counts.acknowledged,
        errors=counts.failed + counts.unfinished,
        refused=counts.refused,
        failed_attempts=counts.errors_total,
        faults=dict(sorted(counts.errors.items())),
        latency_ms=_latency(kind),
    )


def _latency(kind: KindRecord) -> Latency:
    return Latency(corrected=_percentiles(kind.corrected), uncorrected=_percentiles(kind.uncorrected))


def _percentiles(latency: histogram.Latency) -> Percentiles:
    if not latency.count:
        return Percentiles()
    return Percentiles(
        p50=latency.p50_ms,
        p90=latency.p90_ms,
        p99=latency.p99_ms,
        p999=latency.p999_ms,
        max=latency.max_ms,
        count=latency.count,
    )


def _series(seconds: Sequence[Second]) -> Series:
    def ack(second: Second, value_ms: float) -> float | None:
        return value_ms if second.corrected.count else None

    return Series(
        elapsed_s=[float(second.second) for second in seconds],
        offered_per_s=[float(second.readings_offered) for second in seconds],
        acknowledged_per_s=[float(second.readings_acknowledged) for second in seconds],
        refused=[second.refused for second in seconds],
        errors=[second.errors for second in seconds],
        ack_ms_p50=[ack(second, second.corrected.p50_ms) for second in seconds],
        ack_ms_p99=[ack(second, second.corrected.p99_ms) for second in seconds],
        ack_ms_max=[ack(second, second.corrected.max_ms) for second in seconds],
    )


_ALERT_SPECTRA: tuple[tuple[SpectrumName, Level], ...] = (("alert_park", "park"), ("alert_city", "city"))


def _spectra(telemetry: KindRecord, scored: Scored) -> list[Spectrum]:
    """Latency by percentile: acknowledgements from the histogram, alerts from the few samples themselves."""
    spectra = [_from_histogram("intended", telemetry.corrected), _from_histogram("sent", telemetry.uncorrected)]
    for name, level in _ALERT_SPECTRA:
        samples_ms = scored.samples_ms[level]
        spectra.append(_from_samples(name, "intended", samples_ms["corrected"]))
        spectra.append(_from_samples(name, "sent", samples_ms["uncorrected"]))
    return [spectrum for spectrum in spectra if spectrum is not None]


def _grid(count: int) -> list[float]:
    """The percentiles that so many samples can tell apart, and the largest."""
    finest = 100 * (1 - 1 / count) if count > 1 else 0.0
    return [*(percent for percent in GRID_PERCENT if percent <= finest), 100.0]


def _from_histogram(counted_from: CountedFrom, latency: histogram.Latency) -> Spectrum | None:
    if not latency.count:
        return None
    grid = _grid(latency.count)
    at = HdrHistogram.decode(latency.histogram).get_percentile_to_value_dict(grid)
    latency_ms = [at[percent] / 1000 for percent in grid]
    return Spectrum(name="ack", counted_from=counted_from, percentile=grid, latency_ms=latency_ms)


def _from_samples(name: SpectrumName, counted_from: CountedFrom, samples_ms: Sequence[float]) -> Spectrum | None:
    if not samples_ms:
        return None
    ordered = sorted(samples_ms)
    grid = _grid(len(ordered))
    ranks = [max(0, math.ceil(len(ordered) * percent / 100) - 1) for percent in grid]  # nearest rank
    latency_ms = [round(ordered[rank], 3) for rank in ranks]
    return Spectrum(name=name, counted_from=counted_from, percentile=grid, latency_ms=latency_ms)
