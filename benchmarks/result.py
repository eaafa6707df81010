"""The result of one run as one typed file. Every figure that a report prints stands here first.

Times are Unix milliseconds (`*_ms`) or seconds since the start of the load (`*_s`). A latency without samples is null,
never zero. `schema/result.schema.json` is generated from these types.
"""

from pathlib import Path
from typing import Any, Literal

import msgspec

from contract.errors import PeerError

SCHEMA_VERSION = 1
RESULT_FILE = "result.json"
REPORT_FILE = "report.html"

Validity = Literal["VALID", "INVALID"]
Bound = Literal["at_least", "at_most", "equal"]
SpectrumName = Literal["ack", "alert_park", "alert_city"]
CountedFrom = Literal["intended", "sent"]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all parts of a result: immutable, and an unknown field is an error with its path."""


# --- what was run --------------------------------------------------------------------------------------------------


class WorldCount(Part, frozen=True, kw_only=True):
    """What the whole trace is made of, counted beside the load.

    `copies` of the packs were sent once before; `requests` are all that people hand in: requests of enterprises, acts
    on cases and entries of registers.
    """

    source: Literal["scenario", "recording"] = "scenario"
    packs: int = 0
    copies: int = 0
    readings: int = 0
    events: int = 0
    requests: int = 0


class ScenarioFacts(Part, frozen=True, kw_only=True):
    """The scenario in the figures that a reader asks for first."""

    name: str
    title: dict[str, str]  # by language: en, zh
    parks: int
    points_per_park: int
    gateways_per_park: int
    sample_period_ms: int
    encoding: str
    warm_up_s: float
    duration_s: float  # the measured part
    incidents: int


class TargetFacts(Part, frozen=True, kw_only=True):
    """The platform under test: where it stood and what it said of itself."""

    kind: Literal["reference", "external"]
    park_url: str
    city_url: str
    park_version: str
    city_version: str


class Environment(Part, frozen=True, kw_only=True):
    """The machine that ran the load; for the reference platform also the one that ran the platform."""

    parkbench: str
    python: str
    system: str
    kernel: str
    processor: str
    cores: int
    memory_bytes: int
    fsync_ms_p50: float  # one 4 KiB write and fsync in the directory of the results
    open_files_max: int
    packages: dict[str, str]


# --- figures ---------------------------------------------------------------------------------------------------------


class Percentiles(Part, frozen=True, kw_only=True):
    """Percentiles of one latency in milliseconds; null where there is no sample."""

    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    p999: float | None = None
    max: float | None = None
    count: int = 0


class Latency(Part, frozen=True, kw_only=True):
    """The same samples counted twice: from the intended time, and from the time at which the pack was really sent."""

    corrected: Percentiles
    uncorrected: Percentiles


class AlertLatency(Part, frozen=True, kw_only=True):
    """From the pack that made an alert knowable to the moment at which a subscriber saw it, for each level."""

    park: Latency
    city: Latency


class Delay(Part, frozen=True, kw_only=True):
    """The delay from the physical onset of an incident to the alert, split by who caused it.

    `information`: until the reading that tells was due. `system_park`, `system_city`: from there until a subscriber saw
    the alert.
    """

    information: Percentiles
    system_park: Percentiles
    system_city: Percentiles


class Ingest(Part, frozen=True, kw_only=True):
    """Telemetry in the measured part."""

    offered_per_s: float
    acknowledged_per_s: float
    offered: int  # readings that were due
    acknowledged: int  # readings acknowledged
    packs_offered: int
    packs_acknowledged: int
    measured_s: float


class LedgerCount(Part, frozen=True, kw_only=True):
    """Acknowledged readings of the whole run against what was read back, in readings."""

    acknowledged: int
    lost: int
    duplicated: int
    altered: int
    reordered: int
    unacknowledged: int  # there although the answer was lost on its way: no fault
    faults: list[str]  # the first packs that are not as acknowledged


class DetectionScore(Part, frozen=True, kw_only=True):
    """Alerts against the ground truth. Precision and recall are null where nothing could be counted."""

    expected: int
    detected: int
    missed: int
    false: int
    duplicate: int
    precision: float | None
    recall: float | None


class Detection(DetectionScore, frozen=True, kw_only=True):
    """Both levels together, then each; `undetermined` conditions were pending at the end and count nowhere.

    Without a ground truth (a recording may have none) nothing is `scored`, and every figure is nothing.
    """

    scored: bool = True
    tolerated: int = 0  # raises at either level for which the truth neither expects nor excludes an alert
    undetermined: int
    park: DetectionScore
    city: DetectionScore


class RequestCount(Part, frozen=True, kw_only=True):
    """Requests of one kind (`telemetry`, or `case:` and the matter) in the whole run.

    `errors` were refused for good or had no answer when the run ended. `refused` (429, 503) and `failed_attempts` count
    attempts; what they were about was sent again. `faults` counts failed attempts by what the platform said.
    """

    count: int
    acknowledged: int
    errors: int
    refused: int
    failed_attempts: int
    faults: dict[str, int]
    latency_ms: Latency  # measured part


# --- verdict ---------------------------------------------------------------------------------------------------------


class AuditCheck(Part, frozen=True, kw_only=True):
    """One condition that the harness must meet for the run to count."""

    name: str
    measured: float | None
    limit: float
    bound: Bound
    unit: str
    ok: bool
    reason: str = ""  # one sentence, when it is not ok


class Objective(Part, frozen=True, kw_only=True):
    """One objective of the scenario."""

    name: str
    limit: float
    bound: Bound
    unit: str
    measured: float | None
    met: bool


# --- what the report draws -------------------------------------------------------------------------------------------


class Series(Part, frozen=True, kw_only=True):
    """One row a second since the start of the load; null where a second has no sample.

    Offered readings and latencies belong to the second for which a pack was intended, the rest to when it happened.
    """

    elapsed_s: list[float]
    offered_per_s: list[float]
    acknowledged_per_s: list[float]
    refused: list[int]
    errors: list[int]
    ack_ms_p50: list[float | None]
    ack_ms_p99: list[float | None]
    ack_ms_max: list[float | None]


class Resources(Part, frozen=True, kw_only=True):
    """Processor use in cores and resident memory in bytes, about once a second; empty for an outside platform."""

    elapsed_s: list[float]
    harness_cores: list[float]
    park_cores: list[float]
    city_cores: list[float]
    park_memory_bytes: list[int]
    city_memory_bytes: list[int]


class Spectrum(Part, frozen=True, kw_only=True):
    """A latency by percentile: `latency_ms[i]` is not exceeded by `percentile[i]` per cent of the samples."""

    name: SpectrumName
    counted_from: CountedFrom
    percentile: list[float]
    latency_ms: list[float]


class AlertTrace(Part, frozen=True, kw_only=True):
    """One expected alert and when each level saw it, in seconds since the start of the load; null when missed."""

    point: str
    rule: str
    level: str
    knowable_s: float
    park_seen_s: float | None
    city_seen_s: float | None


class IncidentTrace(Part, frozen=True, kw_only=True):
    """One incident of the world and the alerts that it had to cause."""

    incident: str
    kind: str
    park: str
    zone: str
    onset_s: float
    end_s: float
    alerts: list[AlertTrace]


class Result(Part, frozen=True, kw_only=True):
    """One run, complete."""

    schema_version: int
    validity: Validity
    audit: list[AuditCheck]
    seed: int
    repeat: str  # the command that runs the same again
    trace_digest: str  # 16 hexadecimal digits; the same for every platform that got this trace
    started_ms: int
    ended_ms: int
    scenario: ScenarioFacts
    world: WorldCount = WorldCount()
    target: TargetFacts
    ingest: Ingest
    ack_latency_ms: Latency
    alert_latency_ms: AlertLatency
    delay_ms: Delay
    ledger: LedgerCount
    detection: Detection
    requests: dict[str, RequestCount]
    objectives: list[Objective]
    environment: Environment
    series: Series
    resources: Resources
    spectra: list[Spectrum]
    incidents: list[IncidentTrace]

    @property
    def objectives_met(self) -> bool:
        """Whether every objective of the scenario was met."""
        return all(objective.met for objective in self.objectives)


def save(result: Result, path: Path) -> None:
    """Write a result as indented JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")


def load(path: Path) -> Result:
    """Read a result; a directory stands for the result file inside it.

    Raises:
        PeerError: no such file, not JSON, or not of this schema (with the path of the fault).
    """
    file = path / RESULT_FILE if path.is_dir() else path
    try:
        return msgspec.json.decode(file.read_bytes(), type=Result)
    except OSError as error:
        raise PeerError("cannot read", where=str(file), found=error.strerror or str(error), wanted="a result") from None
    except msgspec.DecodeError as error:
        raise PeerError("not a result", where=str(file), found=str(error), wanted="a result of this version") from None


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the result file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"ParkBench result, schema version {SCHEMA_VERSION}",
        **msgspec.json.schema(Result),
    }


def main() -> None:
    """Write the JSON Schema beside this module."""
    path = Path(__file__).parent / "schema" / "result.schema.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(schema()), indent=2) + b"\n")


if __name__ == "__main__":
    main()
