"""Whether a run reached what its scenario asks for. Each objective is named by the path of its figure in the result."""

from collections.abc import Mapping

from benchmarks.audit import within
from benchmarks.result import (
    AlertLatency,
    Bound,
    Detection,
    DetectionScore,
    Latency,
    LedgerCount,
    Objective,
    RequestCount,
)
from scenarios.model import Objectives


def judge(
    wanted: Objectives | None,
    *,
    ack: Latency,
    alerts: AlertLatency,
    detection: Detection,
    ledger: LedgerCount,
    requests: Mapping[str, RequestCount],
) -> list[Objective]:
    """Hold the figures against the scenario's objectives.

    A latency without samples is a miss, unless no alert was expected. That nothing acknowledged may come back twice or
    changed is no scenario's choice, so these two limits are always nothing. A recording without a scenario asks for no
    more than that nothing is lost.
    """
    errors = sum(request.errors for request in requests.values())
    if wanted is None:
        return [
            _objective(f"ledger.{name}", getattr(ledger, name), 0, "at_most", "readings")
            for name in ("lost", "duplicated", "altered")
        ]
    return [
        _objective("ack_latency_ms.corrected.p99", ack.corrected.p99, wanted.ack_ms_p99_max, "at_most", "ms"),
        _alert_latency("park", alerts.park, detection.park, wanted.alert_park_ms_p99_max),
        _alert_latency("city", alerts.city, detection.city, wanted.alert_city_ms_p99_max),
        *_share("park", detection.park, wanted),
        *_share("city", detection.city, wanted),
        _objective("ledger.lost", ledger.lost, wanted.lost_max, "at_most", "readings"),
        _objective("ledger.duplicated", ledger.duplicated, 0, "at_most", "readings"),
        _objective("ledger.altered", ledger.altered, 0, "at_most", "readings"),
        _objective("requests.errors", errors, wanted.request_errors_max, "at_most", "requests"),
    ]


def _alert_latency(level: str, latency: Latency, score: DetectionScore, limit_ms: float) -> Objective:
    name = f"alert_latency_ms.{level}.corrected.p99"
    return _objective(name, latency.corrected.p99, limit_ms, "at_most", "ms", not_needed=score.expected == 0)


def _share(level: str, score: DetectionScore, wanted: Objectives) -> list[Objective]:
    """Recall needs something expected, precision something raised; without it there is nothing to miss."""
    return [
        _objective(f"detection.{level}.recall", score.recall, wanted.recall_min, "at_least", "", not_needed=True),
        _objective(
            f"detection.{level}.precision",
            score.precision,
            wanted.precision_min,
            "at_least",
            "",
            not_needed=score.expected == 0,
        ),
    ]


def _objective(
    name: str, measured: float | None, limit: float, bound: Bound, unit: str, *, not_needed: bool = False
) -> Objective:
    met = not_needed if measured is None else within(measured, limit, bound)
    return Objective(name=name, limit=limit, bound=bound, unit=unit, measured=measured, met=met)
