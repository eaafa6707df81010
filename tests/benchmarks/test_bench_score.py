"""Scoring against truth made by hand."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_builders import expected, seen

from benchmarks.score import not_scored, percentiles, score, score_level
from loadtests.observe import Seen
from sim.trace import ExpectedAlert, GroundTruth, IncidentTruth, UndeterminedAlert
from sim.world.truth import Tolerated

TOLERANCE_MS = 1000


def counts(
    alerts: Sequence[ExpectedAlert], found: Sequence[Seen], undetermined: Sequence[UndeterminedAlert] = ()
) -> tuple[int, int, int, int]:
    """(detected, missed, false, duplicate) of one level, without shift."""
    truth = GroundTruth(expected=list(alerts), undetermined=list(undetermined))
    made = score_level(truth, found, shift_ms=0, tolerance_ms=TOLERANCE_MS).score
    assert made.expected == len(alerts) == made.detected + made.missed
    return made.detected, made.missed, made.false, made.duplicate


def test_detected() -> None:
    """The raise of the expected point, rule and onset is the detection."""
    assert counts([expected()], [seen("park", 1, 11_050)]) == (1, 0, 0, 0)


def test_missed() -> None:
    """An expected alert that nobody saw is missed."""
    assert counts([expected()], []) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    "changes", [{"park": "baitao"}, {"point": "env/z01/air-0002/so2"}, {"rule": "env-so2-low"}, {"onset_ms": 8_999}]
)
def test_false(changes: dict[str, object]) -> None:
    """A raise of another park, point or rule, or before the occurrence, is false and detects nothing."""
    assert counts([expected()], [seen("park", 1, 11_050, **changes)]) == (0, 1, 1, 0)


def test_duplicate() -> None:
    """A second raise of the same occurrence is a duplicate, whatever identity it claims."""
    again = seen("park", 2, 12_000, onset_ms=10_400)
    assert counts([expected()], [seen("park", 1, 11_050), again]) == (1, 0, 0, 1)


def test_delivered_again_is_not_raised_again() -> None:
    """The same numbered event, delivered twice after a reconnection, counts once."""
    once = seen("park", 1, 11_050)
    assert counts([expected()], [once, once]) == (1, 0, 0, 0)


def test_raise_after_clear_is_another_occurrence() -> None:
    """When an alert clears and the point goes over the limit again, each occurrence takes its own raise."""
    first = expected(clears_ms=20_000)
    second = expected(onset_ms=20_500, knowable_ms=21_500, knowable_due_ms=21_500)
    found = [seen("park", 1, 11_050), seen("park", 2, 21_600, onset_ms=20_500)]
    assert counts([first, second], found) == (2, 0, 0, 0)
    assert counts([first, second], found[:1]) == (1, 1, 0, 0)


def test_raise_after_the_occurrence_is_false() -> None:
    """A raise whose onset lies after the clearing is false."""
    assert counts([expected(clears_ms=12_000)], [seen("park", 1, 15_000, onset_ms=14_000)]) == (0, 1, 1, 0)


def test_undetermined_counts_nowhere() -> None:
    """A condition that the end of the trace cut is neither missed nor, when raised, false."""
    pending = UndeterminedAlert(
        park="liangjiang", point="env/z01/air-0001/so2", rule="env-so2-high", incident_id="incident-00", onset_ms=10_000
    )
    assert counts([], [seen("park", 1, 11_050)], [pending]) == (0, 0, 0, 0)
    assert counts([], [], [pending]) == (0, 0, 0, 0)


def test_tolerated_counts_nowhere() -> None:
    """A raise that the truth neither expects nor excludes is not false; before, after or elsewhere it is."""
    tolerated = Tolerated(
        park="liangjiang",
        subject="zone/z01",
        rule="gas-or-smoke",
        incident_id="incident-00",
        from_ms=10_000,
        until_ms=40_000,
    )
    truth = GroundTruth(tolerated=[tolerated])
    found = [
        seen("park", number, 50_000, point=subject, rule="gas-or-smoke", onset_ms=onset_ms)
        for number, (subject, onset_ms) in enumerate(
            (("zone/z01", 9_000), ("zone/z01", 41_000), ("zone/z01", 8_999), ("zone/z01", 41_001), ("zone/z02", 20_000))
        )
    ]
    made = score_level(truth, found, shift_ms=0, tolerance_ms=TOLERANCE_MS)
    assert (made.tolerated, made.score.false, made.score.duplicate) == (2, 3, 0)
    shifted = score_level(truth, [seen("park", 1, 1, point="zone/z01", rule="gas-or-smoke", onset_ms=1_020_000)],
                          shift_ms=1_000_000, tolerance_ms=TOLERANCE_MS)  # fmt: skip
    assert (shifted.tolerated, shifted.score.false) == (1, 0)


def test_without_truth_nothing_is_scored() -> None:
    """No detection, no latency, no incident: the result says that it was not scored."""
    made = not_scored()
    assert not made.detection.scored
    assert (made.detection.expected, made.detection.false, made.detection.recall) == (0, 0, None)
    assert made.alert_latency_ms.city.corrected.count == 0
    assert made.incidents == []


def test_precision_and_recall() -> None:
    """Precision counts false and duplicate raises as wrong; recall counts what was expected."""
    found = [seen("park", 1, 11_050), seen("park", 2, 11_060), seen("park", 3, 11_070, park="baitao")]
    made = score_level(GroundTruth(expected=[expected(), expected(point="env/z01/air-0009/so2")]), found, shift_ms=0,
                       tolerance_ms=TOLERANCE_MS).score  # fmt: skip
    assert made.precision == pytest.approx(1 / 3)
    assert made.recall == 0.5
    nothing = score_level(GroundTruth(), [], shift_ms=0, tolerance_ms=TOLERANCE_MS).score
    assert (nothing.precision, nothing.recall) == (None, None)


def test_latency_is_split() -> None:
    """Corrected counts from the intended time, uncorrected from the sending; information's delay from the onset."""
    shift_ms = 1_000_000
    incident = IncidentTruth(
        incident_id="incident-00",
        kind="gas-leak",
        park="liangjiang",
        zone="z01",
        onset_ms=9_000,
        end_ms=30_000,
        points=[],
    )
    truth = GroundTruth(incidents=[incident], expected=[expected(knowable_due_ms=11_200)])
    found = [seen("park", 1, 1_011_300, onset_ms=1_010_000), seen("city", 1, 1_011_450, onset_ms=1_010_000)]
    scored = score(
        truth,
        found,
        shift_ms=shift_ms,
        start_ms=0,
        measured_from_ms=0,
        tolerance_ms=TOLERANCE_MS,
        sent_ms={("liangjiang", "gw-01", 12): 1_011_210.0},
    )
    assert scored.alert_latency_ms.park.corrected.max == 100
    assert scored.alert_latency_ms.park.uncorrected.max == 90
    assert scored.alert_latency_ms.city.corrected.max == 250
    assert scored.delay_ms.information.max == 2_200
    assert (scored.detection.expected, scored.detection.detected) == (2, 2)
    (line,) = scored.incidents
    assert (line.onset_s, line.end_s) == (9.0, 30.0)
    assert (line.alerts[0].knowable_s, line.alerts[0].park_seen_s, line.alerts[0].city_seen_s) == (11.2, 11.3, 11.45)


def test_warm_up_is_scored_but_not_timed() -> None:
    """An alert that is knowable before the measured part counts for recall and not for latency."""
    scored = score(
        GroundTruth(expected=[expected()]),
        [seen("park", 1, 11_050), seen("city", 1, 11_060)],
        shift_ms=0,
        start_ms=0,
        measured_from_ms=11_001,
        tolerance_ms=TOLERANCE_MS,
        sent_ms={},
    )
    assert scored.detection.detected == 2
    assert scored.alert_latency_ms.park.corrected.count == 0


def test_alerts_of_an_earlier_time_are_not_ours() -> None:
    """What a platform held before the run began is neither false nor a detection."""
    scored = score(
        GroundTruth(),
        [seen("park", 1, 5_000, onset_ms=4_000)],
        shift_ms=0,
        start_ms=10_000,
        measured_from_ms=10_000,
        tolerance_ms=TOLERANCE_MS,
        sent_ms={},
    )
    assert scored.detection.false == 0


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=300))
def test_percentiles_are_measured_values(samples_ms: list[float]) -> None:
    """Each percentile is one of the samples, they ascend, and the share of samples at or below it is large enough."""
    made = percentiles(samples_ms)
    rounded = sorted(round(sample, 3) for sample in samples_ms)
    figures = (made.p50, made.p90, made.p99, made.p999, made.max)
    assert list(figures) == sorted(figures)  # type: ignore[type-var]  # none is None with at least one sample
    assert set(figures) <= set(rounded)
    assert made.max == rounded[-1]
    for share, figure in zip((0.5, 0.9, 0.99, 0.999), figures, strict=False):
        assert sum(sample <= figure for sample in rounded) >= share * len(rounded)
