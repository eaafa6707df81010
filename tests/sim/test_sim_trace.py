"""The trace: what it promises to everyone who drives a platform with it."""

import gc
import hashlib
import os
import subprocess
import sys
import tracemalloc
import weakref
from collections import defaultdict
from collections.abc import Iterable

import mesa
import msgspec
import numpy as np
import pytest

from contract import catalogue
from contract.columns import pack_digest
from scenarios.model import Incident, Scenario, ScenarioError, find
from sim.trace import (
    CaseActing,
    Emission,
    Event,
    ExpectedAlert,
    Pack,
    RegisterWriting,
    Request,
    Trace,
    event_digest,
    office_digest,
    request_digest,
    summary,
)
from sim.world.model import World
from sim.world.truth import Judge
from sim.world.truth.judge import RAISED

PILOT = find("pilot-2019")  # 12 parks, 4 incidents, requests: a full trace in a tenth of a second


def _changed(scenario: Scenario, **changes: object) -> Scenario:
    return msgspec.structs.replace(scenario, **changes)


def _bytes(emission: Emission) -> bytes:
    """All of an emission, byte for byte."""
    if isinstance(emission, Pack):
        head = (emission.due_ms, emission.park, emission.gateway, emission.sequence)
        return msgspec.msgpack.encode((*head, *(column.tobytes() for column in emission.columns)))
    return msgspec.msgpack.encode(tuple(emission))


def _told(emissions: Iterable[Emission]) -> str:
    told = hashlib.sha256()
    for emission in emissions:
        told.update(_bytes(emission))
    return told.hexdigest()


def _packs(scenario: Scenario, park: str) -> list[bytes]:
    return [_bytes(one) for one in Trace(scenario).emissions() if isinstance(one, Pack) and one.park == park]


def _requests(scenario: Scenario) -> list[Request]:
    return [one for one in Trace(scenario).emissions() if isinstance(one, Request)]


@pytest.fixture(scope="module")
def whole() -> tuple[Trace, list[Emission]]:
    """The pilot's trace, lived to its end, and its emissions in order."""
    trace = Trace(PILOT)
    return trace, list(trace.emissions())


@pytest.mark.parametrize("shards", [2, 3, 7])
def test_any_number_of_shards_tells_the_same_trace(shards: int, whole: tuple[Trace, list[Emission]]) -> None:
    """Shards together send byte for byte what one sends, and expect the same alerts."""
    traces = [Trace(PILOT, shard=(number, shards)) for number in range(shards)]
    emissions = [emission for trace in traces for emission in trace.emissions()]
    assert sorted(map(_bytes, emissions)) == sorted(map(_bytes, whole[1]))
    assert sum(trace.digest for trace in traces) % 2**64 == whole[0].digest
    expected = [alert for trace in traces for alert in trace.truth.expected]
    assert sorted(map(msgspec.json.encode, expected)) == sorted(map(msgspec.json.encode, whole[0].truth.expected))
    assert [park for park in PILOT.parks if any(park in trace.parks for trace in traces)] == list(PILOT.parks)


_TELL = """
import hashlib, msgspec
from scenarios.model import find
from sim.trace import Pack, Trace
trace, told = Trace(find("pilot-2019")), hashlib.sha256()
for one in trace.emissions():
    told.update(msgspec.msgpack.encode((*one[:-1], *(c.tobytes() for c in one[-1])) if isinstance(one, Pack) else one))
print(told.hexdigest(), hashlib.sha256(msgspec.json.encode(trace.truth)).hexdigest())
"""


def test_the_hash_seed_changes_nothing(whole: tuple[Trace, list[Emission]]) -> None:
    """A process with another hash seed than this one tells the same trace and the same truth."""
    other = "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0"
    environment = {**os.environ, "PYTHONHASHSEED": other}
    told = subprocess.run([sys.executable, "-c", _TELL], env=environment, capture_output=True, text=True, check=True)
    truth = hashlib.sha256(msgspec.json.encode(whole[0].truth)).hexdigest()
    assert told.stdout.split() == [_told(whole[1]), truth]


def test_a_trace_can_be_lived_twice(whole: tuple[Trace, list[Emission]]) -> None:
    """Living a trace again, or another trace of the same scenario, tells the same, and starts its truth afresh."""
    trace = Trace(PILOT)
    assert _told(trace.emissions()) == _told(whole[1])
    alerts = list(trace.truth.expected)
    assert _told(trace.emissions()) == _told(whole[1])
    assert trace.truth.expected == alerts == whole[0].truth.expected
    assert trace.digest == whole[0].digest


def test_another_seed_or_replication_is_another_trace(whole: tuple[Trace, list[Emission]]) -> None:
    """Repetitions are independent draws."""
    others = [Trace(PILOT, replication=1), Trace(_changed(PILOT, seed=1))]
    assert len({_told(whole[1]), *(_told(trace.emissions()) for trace in others)}) == 3


def test_emissions_are_numbered_and_in_order(whole: tuple[Trace, list[Emission]]) -> None:
    """Packs count from 1 for each gateway, all else by kind for each park, without gaps; due times never go back."""
    trace, emissions = whole
    numbers = defaultdict(list)
    for emission in emissions:
        source = emission.gateway if isinstance(emission, Pack) else type(emission).__name__
        numbers[emission.park, source].append(emission.sequence)
    assert all(sequence == list(range(1, len(sequence) + 1)) for sequence in numbers.values())
    others = {"Event", "Request", "CaseActing", "RegisterWriting"}
    assert {source for _, source in numbers} > others
    assert len([source for source in numbers if source[1] not in others]) == 12 * 2
    due = [emission.due_ms for emission in emissions]
    assert due == sorted(due)
    assert trace.start_ms <= due[0]
    assert due[-1] < trace.end_ms
    assert trace.measured_from_ms - trace.start_ms == 6_000


def test_a_pack_holds_each_point_of_its_gateway_once(whole: tuple[Trace, list[Emission]]) -> None:
    """In every period a gateway sends all its points, read when the pack is due, as long as nothing is silent."""
    trace, emissions = whole
    layout = trace.layouts[trace.parks[0]]
    first_ms = min(incident.onset_ms for incident in trace.truth.incidents)
    for emission in emissions:
        if isinstance(emission, Pack) and emission.due_ms < first_ms:
            gateway = layout.gateways.index(emission.gateway)
            assert np.array_equal(emission.columns.point, np.flatnonzero(layout.gateway == gateway))
            assert (emission.columns.time_ms == emission.due_ms).all()
            assert [str(column.dtype) for column in emission.columns] == ["int32", "int64", "float64"]


def test_gateways_take_turns_over_the_period(whole: tuple[Trace, list[Emission]]) -> None:
    """No two gateways of the city send at the same millisecond when the period has room for all of them."""
    first = [one.due_ms for one in whole[1] if isinstance(one, Pack) and one.sequence == 1]
    assert len(set(first)) == len(first) == 24


def test_steps_are_one_park_and_one_period_each(whole: tuple[Trace, list[Emission]]) -> None:
    """Who feeds a live platform gets the same emissions in small portions: each of one park and one period."""
    portions = list(Trace(PILOT).steps())
    assert len(portions) == 12 * 33
    assert all(len({emission.park for emission in portion}) == 1 for portion in portions)
    assert sorted(_bytes(one) for portion in portions for one in portion) == sorted(map(_bytes, whole[1]))


def test_the_digest_is_that_of_all_that_was_sent(whole: tuple[Trace, list[Emission]]) -> None:
    """A sender that adds up what it sent arrives at the trace's digest."""
    trace, emissions = whole
    packs = sum(pack_digest(one.columns) for one in emissions if isinstance(one, Pack))
    events = sum(event_digest(one) for one in emissions if isinstance(one, Event))
    requests = sum(request_digest(one) for one in emissions if isinstance(one, Request))
    assert events
    office = sum(office_digest(one) for one in emissions if isinstance(one, (CaseActing, RegisterWriting)))
    assert requests
    assert office
    assert (packs + events + requests + office) % 2**64 == trace.digest


def test_one_park_knows_nothing_of_another() -> None:
    """Leaving parks out, or adding an incident elsewhere, changes no byte of a park."""
    park = "hechuan"
    before = _packs(PILOT, park)
    alone = _changed(PILOT, parks=(park,), incidents=tuple(one for one in PILOT.incidents if one.park == park))
    assert _packs(alone, park) == before
    elsewhere = Incident(kind="flood", park="liangjiang", zone=1, at_s=1.0, duration_s=5.0)
    assert _packs(_changed(PILOT, incidents=(elsewhere, *PILOT.incidents)), park) == before


def test_one_purpose_knows_nothing_of_another() -> None:
    """More enterprises change no telemetry and no other's times of asking; more points change neither.

    What the others ask for may change along supply links: tests/sim/test_economy_same.py.
    """
    more = _changed(PILOT, enterprises_per_park=13)
    assert _packs(more, "hechuan") == _packs(PILOT, "hechuan")

    def told(scenario: Scenario) -> list[tuple[int, str]]:
        sent = [(one.due_ms, one.application.enterprise) for one in _requests(scenario)]
        return [one for one in sent if not one[1].endswith("0013")]

    assert told(more) == told(PILOT) == told(_changed(PILOT, points_per_park=1200))


def test_requests_are_valid_applications() -> None:
    """Every application names a matter and fills in its form with the right types and choices."""
    types = {"string": str, "integer": int, "number": float, "boolean": bool}
    matters = {matter.code: matter for matter in catalogue.matters()}
    requests = _requests(_changed(PILOT, requests_per_enterprise_hour=200.0))
    assert {request.application.matter for request in requests} <= set(matters)
    assert len({request.application.request_id for request in requests}) == len(requests)
    for request in requests:
        form = request.application.form
        fields = matters[request.application.matter].form
        assert list(form) == [field.name for field in fields]
        for field in fields:
            assert type(form[field.name]) is types[field.type]
            assert field.minimum is None or float(form[field.name]) >= field.minimum
            assert not field.choices or form[field.name] in field.choices


def test_arrivals_follow_the_rate() -> None:
    """In full working hours requests arrive as a Poisson process of the scenario's rate."""
    parks, rate, hours = PILOT.parks[:6], 60.0, 0.5
    busy = _changed(
        PILOT,
        parks=parks,
        points_per_park=4,
        sample_period_ms=60_000,
        warm_up_s=0.0,
        duration_s=hours * 3600,
        enterprises_per_park=20,
        requests_per_enterprise_hour=rate,
        incidents=(),
    )
    requests = _requests(busy)
    mean = len(parks) * 20 * rate * hours
    assert abs(len(requests) - mean) < 4 * mean**0.5
    gaps_ms = np.diff([request.due_ms for request in requests])
    assert gaps_ms.std() == pytest.approx(gaps_ms.mean(), rel=0.1)  # exponential gaps


def _judged_everywhere(trace: Trace, emissions: list[Emission]) -> set[tuple[str, str, str, int, int]]:
    """(park, point, rule, onset, sequence) of every alert, judging all points of all parks under all rules."""
    layout = trace.layouts[trace.parks[0]]
    rules, names = catalogue.standard_rules(), layout.names
    found = set()
    for park in trace.parks:
        judge = Judge(layout.points, range(len(names)), rules)
        gateway_of_slot = layout.gateway[judge.slots["point"]]
        edges = np.searchsorted(gateway_of_slot, np.arange(len(layout.gateways) + 1)).tolist()
        for one in emissions:
            if isinstance(one, Pack) and one.park == park:
                gateway = layout.gateways.index(one.gateway)
                span = slice(edges[gateway], edges[gateway + 1])
                for happened in judge.read(one.columns, one.due_ms, span):
                    if happened.what == RAISED:
                        slot = judge.slots[happened.slot]
                        point, rule = names[slot["point"]], rules.rules[slot["rule"]].id
                        found.add((park, point, rule, happened.onset_ms, one.sequence))
    return found


def test_the_truth_is_all_there_is(whole: tuple[Trace, list[Emission]]) -> None:
    """Judging every point of every park from the emitted values finds the expected alerts and no other."""
    trace, emissions = whole
    expected = {(a.park, a.point, a.rule, a.onset_ms, a.knowable_sequence) for a in trace.truth.expected}
    assert len(expected) == len(trace.truth.expected) > 50
    assert _judged_everywhere(trace, emissions) == expected


def test_alerts_are_knowable_from_the_pack_that_is_named(whole: tuple[Trace, list[Emission]]) -> None:
    """The named pack is the first of its gateway that reaches the time at which the alarm became true."""
    trace, emissions = whole
    due = {(one.park, one.gateway, one.sequence): one.due_ms for one in emissions if isinstance(one, Pack)}
    gateway = {point.name: point.gateway for point in trace.layouts[trace.parks[0]].points}
    delay_ms = {rule.id: round(rule.on_delay_s * 1000) for rule in catalogue.standard_rules().rules}
    onsets = {incident.incident_id: incident.onset_ms for incident in trace.truth.incidents}
    for alert in trace.truth.expected:
        source = alert.park, alert.gateway
        assert gateway[alert.point] == alert.gateway
        assert alert.knowable_ms == alert.onset_ms + delay_ms[alert.rule]
        assert alert.knowable_due_ms == due[*source, alert.knowable_sequence] >= alert.knowable_ms
        assert due[*source, alert.knowable_sequence - 1] < alert.knowable_ms
        assert alert.onset_ms >= onsets[alert.incident_id]


def _raised(trace: Trace) -> dict[str, list[ExpectedAlert]]:
    raised = defaultdict(list)
    for alert in trace.truth.expected:
        raised[alert.incident_id].append(alert)
    return raised


def test_the_first_morning_shows_every_incident_from_onset_to_end() -> None:
    """In the demo every incident is knowable before the end, and most alarms clear again within the run."""
    trace = Trace(find("first-morning"))
    figures = summary(trace)
    raised = _raised(trace)
    for incident in trace.truth.incidents:
        first_ms = min(alert.knowable_due_ms for alert in raised[incident.incident_id])
        assert incident.onset_ms < first_ms < min(incident.end_ms, trace.end_ms - 5_000)
    assert 0.999 < figures.readings / (94_000 * 72) < 1  # what hangs on a failed feeder is silent
    assert figures.incidents == 16
    assert figures.requests > 100
    assert figures.cleared_alerts > figures.expected_alerts / 2
    assert sum(figures.expected_by_rule.values()) == figures.expected_alerts == len(trace.truth.expected)


def test_a_quiet_night_expects_nothing() -> None:
    """Where nothing happens, nothing is expected."""
    figures = summary(Trace(find("quiet-night"), shard=(0, 12)))
    assert (figures.incidents, figures.expected_alerts, figures.undetermined_alerts) == (0, 0, 0)
    assert figures.readings > 0


def test_a_run_that_the_end_cuts_is_undetermined() -> None:
    """An alarm whose on-delay the trace does not outlast is neither expected nor false."""
    late = Incident(kind="power-failure", park="liangjiang", zone=1, at_s=57.0, duration_s=2.0)
    trace = Trace(_changed(PILOT, incidents=(late,)))
    assert summary(trace).undetermined_alerts > 0
    cut = {(alert.point, alert.rule) for alert in trace.truth.undetermined}
    assert not cut & {(alert.point, alert.rule) for alert in trace.truth.expected}
    assert all(alert.onset_ms < trace.end_ms for alert in trace.truth.undetermined)


def test_an_incident_that_would_touch_nothing_is_refused() -> None:
    """A zone too small to hold a fitting sensor is the scenario's fault, with its path."""
    with pytest.raises(ScenarioError) as caught:
        Trace(_changed(PILOT, points_per_park=8))
    assert str(caught.value) == (
        "pilot-2019: incidents[1].zone: expected a zone with points that a gas-leak touches, "
        "found 2, which has none of the 8 points of the park"
    )


def test_an_impossible_shard_is_refused() -> None:
    """Shard 3 of 3 does not exist."""
    with pytest.raises(ValueError, match="shard 3 of 3: expected a number from 0 to 2"):
        Trace(PILOT, shard=(3, 3))


def test_a_world_that_is_done_leaves_no_trace_in_memory() -> None:
    """Mesa's table of models does not keep finished worlds alive."""
    known = len(mesa.Agent._ids)  # noqa: SLF001 - what mesa would leak
    world = weakref.ref(World(PILOT, PILOT.parks, 0))
    gc.collect()
    assert world() is None
    assert len(mesa.Agent._ids) == known  # noqa: SLF001 - the same


def test_a_long_trace_runs_in_bounded_memory() -> None:
    """Ten times the length needs no more memory."""
    peaks = []
    for duration_s in (40.0, 400.0):
        trace = Trace(_changed(PILOT, parks=PILOT.parks[:2], duration_s=duration_s, incidents=()))
        tracemalloc.start()
        for _ in trace.steps():
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 50_000
