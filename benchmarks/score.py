"""Alerts against the ground truth: what was detected, missed, raised falsely or twice, and how late.

A raise belongs to an expected alert when park, point and rule agree and its onset lies in the window of the occurrence:
from its onset until it clears, each end widened by the tolerance. The first to be seen is the detection, every other
one in the same window is a duplicate. A raise that belongs to nothing is false, unless it fits a condition that was
pending at the end of the trace (undetermined), or the truth tolerates it, since it does not judge that rule near that
incident: those count nowhere.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from benchmarks.result import (
    AlertLatency,
    AlertTrace,
    Delay,
    Detection,
    DetectionScore,
    IncidentTrace,
    Latency,
    Percentiles,
)
from loadtests.observe import Seen
from loadtests.targets import Level

if TYPE_CHECKING:
    from sim.trace import ExpectedAlert, GroundTruth

Key = tuple[str, str, str]  # park, point, rule
PackKey = tuple[str, str, int]  # park, gateway, sequence
_UNDETERMINED = -1
_NEVER = float("inf")
LEVELS: tuple[Level, ...] = ("park", "city")


class LevelScore(NamedTuple):
    """One level's score; `seen_ms[i]` is when expected alert `i` was first seen, None when missed."""

    score: DetectionScore
    seen_ms: list[float | None]
    tolerated: int


class Scored(NamedTuple):
    """Everything that scoring adds to a result."""

    detection: Detection
    alert_latency_ms: AlertLatency
    delay_ms: Delay
    incidents: list[IncidentTrace]
    samples_ms: dict[Level, dict[str, list[float]]]  # level -> corrected | uncorrected -> latencies


class _Occurrence(NamedTuple):
    """The window in which a raise counts for one expected or undetermined alert, in wall time."""

    place: int  # index into the expected alerts, or `_UNDETERMINED`
    onset_ms: int
    from_ms: int
    to_ms: float


def percentiles(samples_ms: Sequence[float]) -> Percentiles:
    """Nearest-rank percentiles: each figure is a latency that was really measured."""
    if not samples_ms:
        return Percentiles()
    quantiles = np.quantile(np.asarray(samples_ms), [0.5, 0.9, 0.99, 0.999, 1.0], method="inverted_cdf")
    p50, p90, p99, p999, largest = (round(float(value), 3) for value in quantiles)
    return Percentiles(p50=p50, p90=p90, p99=p99, p999=p999, max=largest, count=len(samples_ms))


def score(
    truth: "GroundTruth",
    sightings: Iterable[Seen],
    *,
    shift_ms: int,
    start_ms: int,
    measured_from_ms: int,
    tolerance_ms: int,
    sent_ms: Mapping[PackKey, float],
) -> Scored:
    """Score what both levels' subscribers saw.

    Args:
        truth: the ground truth, in scenario time.
        sightings: all transitions that were seen, at either level.
        shift_ms: wall time = scenario time + shift.
        start_ms: begin of the trace, scenario time.
        measured_from_ms: begin of the measured part, scenario time; alerts knowable before it are scored but not timed.
        tolerance_ms: by how much a platform's onset may differ; one sample period is fair to one that samples.
        sent_ms: wall time at which a pack was sent, for the uncorrected latency.
    """
    begin_ms = start_ms + shift_ms - tolerance_ms
    raised: dict[str, list[Seen]] = {level: [] for level in LEVELS}
    for sighting in sightings:
        alert = sighting.event.alert
        if alert is not None and sighting.event.transition == "raise" and alert.onset_ms >= begin_ms:
            raised[sighting.level].append(sighting)
    levels = {
        level: score_level(truth, raised[level], shift_ms=shift_ms, tolerance_ms=tolerance_ms) for level in LEVELS
    }
    samples = {level: _latencies(truth, levels[level].seen_ms, shift_ms, measured_from_ms, sent_ms) for level in LEVELS}
    information = _information_delays(truth, measured_from_ms)
    return Scored(
        detection=_together(
            levels["park"].score,
            levels["city"].score,
            len(truth.undetermined),
            sum(level.tolerated for level in levels.values()),
        ),
        alert_latency_ms=AlertLatency(
            **{
                level: Latency(
                    corrected=percentiles(samples[level]["corrected"]),
                    uncorrected=percentiles(samples[level]["uncorrected"]),
                )
                for level in LEVELS
            }
        ),
        delay_ms=Delay(
            information=percentiles(information),
            system_park=percentiles(samples["park"]["corrected"]),
            system_city=percentiles(samples["city"]["corrected"]),
        ),
        incidents=_timeline(truth, levels["park"].seen_ms, levels["city"].seen_ms, shift_ms, start_ms),
        samples_ms=samples,
    )


def not_scored() -> Scored:
    """What there is to say of detection when nobody knows what should have been detected."""
    nothing = _scores(0, 0, 0, 0)
    nobody = Latency(corrected=Percentiles(), uncorrected=Percentiles())
    return Scored(
        detection=msgspec.structs.replace(_together(nothing, nothing, 0, 0), scored=False),
        alert_latency_ms=AlertLatency(park=nobody, city=nobody),
        delay_ms=Delay(information=Percentiles(), system_park=Percentiles(), system_city=Percentiles()),
        incidents=[],
        samples_ms={level: {"corrected": [], "uncorrected": []} for level in LEVELS},
    )


def score_level(truth: "GroundTruth", raised: Sequence[Seen], *, shift_ms: int, tolerance_ms: int) -> LevelScore:
    """Score the raises of one level. The same event delivered again after a reconnection is one event."""
    windows = _windows(truth, shift_ms, tolerance_ms)
    spans = _tolerated(truth, shift_ms, tolerance_ms)
    seen: list[float | None] = [None] * len(truth.expected)
    false = duplicate = tolerated = 0
    delivered: set[tuple[int, str]] = set()
    for sighting in sorted(raised, key=lambda one: one.seen_us):
        alert = sighting.event.alert
        if alert is None:
            continue
        identity = (sighting.event.number, alert.alert_id)
        if identity in delivered:
            continue
        delivered.add(identity)
        key = (alert.park, alert.point, alert.rule)
        occurrence = _occurrence(windows.get(key, []), alert.onset_ms)
        if occurrence is None:
            is_tolerated = any(begin <= alert.onset_ms <= end for begin, end in spans.get(key, []))
            tolerated += is_tolerated
            false += not is_tolerated
        elif occurrence.place != _UNDETERMINED and seen[occurrence.place] is None:
            seen[occurrence.place] = sighting.seen_us / 1000
        elif occurrence.place != _UNDETERMINED:
            duplicate += 1
    detected = sum(moment is not None for moment in seen)
    return LevelScore(_scores(len(seen), detected, false, duplicate), seen, tolerated)


def _scores(expected: int, detected: int, false: int, duplicate: int) -> DetectionScore:
    """Precision counts a duplicate as wrong: an operator has to look at it all the same."""
    raised = detected + false + duplicate
    return DetectionScore(
        expected=expected,
        detected=detected,
        missed=expected - detected,
        false=false,
        duplicate=duplicate,
        precision=detected / raised if raised else None,
        recall=detected / expected if expected else None,
    )


def _together(park: DetectionScore, city: DetectionScore, undetermined: int, tolerated: int) -> Detection:
    both = _scores(
        park.expected + city.expected,
        park.detected + city.detected,
        park.false + city.false,
        park.duplicate + city.duplicate,
    )
    return Detection(
        expected=both.expected,
        detected=both.detected,
        missed=both.missed,
        false=both.false,
        duplicate=both.duplicate,
        precision=both.precision,
        recall=both.recall,
        undetermined=undetermined,
        tolerated=tolerated,
        park=park,
        city=city,
    )


def _windows(truth: "GroundTruth", shift_ms: int, tolerance_ms: int) -> dict[Key, list[_Occurrence]]:
    windows: dict[Key, list[_Occurrence]] = defaultdict(list)
    for place, alert in enumerate(truth.expected):
        onset_ms = alert.onset_ms + shift_ms
        to_ms = _NEVER if alert.clears_ms is None else alert.clears_ms + shift_ms + tolerance_ms
        windows[alert.park, alert.point, alert.rule].append(
            _Occurrence(place, onset_ms, onset_ms - tolerance_ms, to_ms)
        )
    for pending in truth.undetermined:
        onset_ms = pending.onset_ms + shift_ms
        windows[pending.park, pending.point, pending.rule].append(
            _Occurrence(_UNDETERMINED, onset_ms, onset_ms - tolerance_ms, _NEVER)
        )
    return windows


def _tolerated(truth: "GroundTruth", shift_ms: int, tolerance_ms: int) -> dict[Key, list[tuple[int, int]]]:
    """Spans of onset, wall time, in which the truth tolerates an alert; both ends included."""
    spans: dict[Key, list[tuple[int, int]]] = defaultdict(list)
    for one in truth.tolerated:
        span = one.from_ms + shift_ms - tolerance_ms, one.until_ms + shift_ms + tolerance_ms
        spans[one.park, one.subject, one.rule].append(span)
    return spans


def _occurrence(windows: Sequence[_Occurrence], onset_ms: int) -> _Occurrence | None:
    """The occurrence whose window holds the onset; of several, the one that began nearest to it."""
    fitting = [window for window in windows if window.from_ms <= onset_ms <= window.to_ms]
    return min(fitting, key=lambda window: abs(window.onset_ms - onset_ms), default=None)


def _latencies(
    truth: "GroundTruth",
    seen_ms: Sequence[float | None],
    shift_ms: int,
    measured_from_ms: int,
    sent_ms: Mapping[PackKey, float],
) -> dict[str, list[float]]:
    corrected: list[float] = []
    uncorrected: list[float] = []
    for alert, moment_ms in zip(truth.expected, seen_ms, strict=True):
        if moment_ms is None or alert.knowable_due_ms < measured_from_ms:
            continue
        corrected.append(moment_ms - (alert.knowable_due_ms + shift_ms))
        sent = sent_ms.get((alert.park, alert.gateway, alert.knowable_sequence))
        if sent is not None:
            uncorrected.append(moment_ms - sent)
    return {"corrected": corrected, "uncorrected": uncorrected}


def _information_delays(truth: "GroundTruth", measured_from_ms: int) -> list[float]:
    began_ms = {incident.incident_id: incident.onset_ms for incident in truth.incidents}
    return [
        float(alert.knowable_due_ms - began_ms[alert.incident_id])
        for alert in truth.expected
        if alert.knowable_due_ms >= measured_from_ms and alert.incident_id in began_ms
    ]


def _timeline(
    truth: "GroundTruth",
    park_seen_ms: Sequence[float | None],
    city_seen_ms: Sequence[float | None],
    shift_ms: int,
    start_ms: int,
) -> list[IncidentTrace]:
    alerts: dict[str, list[AlertTrace]] = defaultdict(list)
    for alert, park_ms, city_ms in zip(truth.expected, park_seen_ms, city_seen_ms, strict=True):
        alerts[alert.incident_id].append(_alert_trace(alert, park_ms, city_ms, shift_ms, start_ms))
    return [
        IncidentTrace(
            incident=incident.incident_id,
            kind=incident.kind,
            park=incident.park,
            zone=incident.zone,
            onset_s=(incident.onset_ms - start_ms) / 1000,
            end_s=(incident.end_ms - start_ms) / 1000,
            alerts=alerts[incident.incident_id],
        )
        for incident in sorted(truth.incidents, key=lambda one: (one.onset_ms, one.incident_id))
    ]


def _alert_trace(
    alert: "ExpectedAlert", park_ms: float | None, city_ms: float | None, shift_ms: int, start_ms: int
) -> AlertTrace:
    def elapsed_s(moment_ms: float | None) -> float | None:
        return None if moment_ms is None else (moment_ms - shift_ms - start_ms) / 1000

    return AlertTrace(
        point=alert.point,
        rule=alert.rule,
        level=alert.level,
        knowable_s=(alert.knowable_due_ms - start_ms) / 1000,
        park_seen_s=elapsed_s(park_ms),
        city_seen_s=elapsed_s(city_ms),
    )
