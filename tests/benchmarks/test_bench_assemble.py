"""From a load record to a result."""

import msgspec

from benchmarks import assemble
from benchmarks.result import Result
from loadtests.ledger import LedgerResult
from loadtests.record import LoadRecord
from scenarios.model import Objectives, Scenario


def test_figures_come_from_the_record(result: Result, record: LoadRecord, scenario: Scenario) -> None:
    """Rates, latencies and the share offered are those of the load record's measured part."""
    assert result.validity == "VALID"
    assert result.objectives_met
    assert result.ingest.offered_per_s == scenario.readings_per_s == 94_000
    assert result.ingest.acknowledged == result.ingest.offered
    assert result.ack_latency_ms.corrected.p99 == record.kinds["telemetry"].corrected.p99_ms
    assert result.requests["telemetry"].count == len(scenario.parks) * 72


def test_a_stall_shows_in_the_corrected_latency_only(result: Result) -> None:
    """A second in which everything waited 300 ms shows from the intended time and is hidden from the sending."""
    corrected, uncorrected = result.ack_latency_ms.corrected, result.ack_latency_ms.uncorrected
    assert corrected.max is not None
    assert uncorrected.max is not None
    assert corrected.max > 300
    assert uncorrected.max < 100
    spectra = {(one.name, one.counted_from): one for one in result.spectra}
    assert spectra["ack", "intended"].latency_ms[-1] > 300
    assert spectra["ack", "sent"].latency_ms[-1] < 100


def test_spectra_ascend(result: Result) -> None:
    """A latency by percentile never falls, and ends at the largest sample."""
    for spectrum in result.spectra:
        assert spectrum.percentile == sorted(spectrum.percentile)
        assert spectrum.latency_ms == sorted(spectrum.latency_ms)
        assert spectrum.percentile[-1] == 100


def _missed(gathered: assemble.Gathered) -> set[str]:
    return {objective.name for objective in assemble.result(gathered).objectives if not objective.met}


def test_objectives_are_held_against_the_figures(gathered: assemble.Gathered) -> None:
    """Each objective that is not reached is missed by name, and no other."""
    wanted = Objectives(ack_ms_p99_max=0.001, alert_park_ms_p99_max=0.001, alert_city_ms_p99_max=10_000)
    strict = gathered._replace(scenario=msgspec.structs.replace(gathered.scenario, objectives=wanted))
    assert _missed(strict) == {"ack_latency_ms.corrected.p99", "alert_latency_ms.park.corrected.p99"}


def test_loss_duplicates_and_changes_are_never_met(gathered: assemble.Gathered) -> None:
    """One reading lost, doubled or changed of all that was acknowledged misses its objective."""
    ledger = LedgerResult(packs=1, acknowledged=1_000_000, lost=1, duplicated=1, altered=1)
    assert _missed(gathered._replace(ledger=ledger)) == {"ledger.lost", "ledger.duplicated", "ledger.altered"}
