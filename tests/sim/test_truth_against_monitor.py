"""The ground truth against a whole monitoring core: two that know nothing of each other must agree."""

from collections import defaultdict
from typing import NamedTuple, get_args

import msgspec
import numpy as np
import pytest

from contract import catalogue
from contract.columns import Columns
from reference_impl.monitoring import Monitor
from reference_impl.monitoring import slots as s
from scenarios.model import Happenings, Incident, IncidentKind, Scenario, find
from sim.trace import Pack, Trace
from sim.world.incidents.kinds import responders
from sim.world.truth import ExpectedAlert, GroundTruth, Touch, Witness

KINDS: tuple[IncidentKind, ...] = get_args(IncidentKind)
BASE = msgspec.structs.replace(
    find("pilot-2019"),
    parks=("baitao",),
    incidents=(),
    enterprises_per_park=0,
    sample_period_ms=1000,
    points_per_park=600,
    gateways_per_park=2,
    warm_up_s=330.0,  # anomaly rules have learned by then
    rules="all",
)


class Raised(NamedTuple):
    """An alarm that the core raised."""

    subject: str
    rule: str
    onset_ms: int
    at_ms: int
    sequence: int
    cleared_ms: int | None


def _monitored(trace: Trace, packs: list[Pack], rules: str) -> list[Raised]:
    """What the reference core says of the same packs."""
    known = catalogue.full_rules() if rules == "all" else catalogue.standard_rules()
    monitor = Monitor(trace.layouts[trace.parks[0]].points, known.rules)
    raised: dict[tuple[str, str, int], Raised] = {}
    for pack in packs:
        gateway = monitor.gateways.index(pack.gateway)
        checked = monitor.check(gateway, pack.columns, 2**62)
        for told in monitor.apply(gateway, checked, pack.sequence).transitions:
            subject = monitor.subjects[told.subject].name
            key = (subject, told.rule.id, told.onset_ms)
            if told.kind == s.RAISE:
                raised[key] = Raised(*key, told.at_ms, pack.sequence, None)
            elif told.kind == s.CLEAR:
                raised[key] = raised[key]._replace(cleared_ms=told.at_ms)
    return list(raised.values())


def _hold_together(truth: GroundTruth, raised: list[Raised]) -> None:
    """All that is expected was raised as it says, and all else that was raised is tolerated."""
    expected = {
        Raised(it.point, it.rule, it.onset_ms, it.knowable_ms, it.knowable_sequence, it.clears_ms)
        for it in truth.expected
    }
    assert expected <= set(raised)
    tolerated = defaultdict(list)
    for it in truth.tolerated:
        tolerated[it.subject, it.rule].append((it.from_ms, it.until_ms))
    false = [
        one
        for one in raised
        if one not in expected
        and not any(start <= one.onset_ms <= stop for start, stop in tolerated[one.subject, one.rule])
    ]
    assert false == []


def _lived(scenario: Scenario) -> tuple[Trace, list[Pack]]:
    trace = Trace(scenario)
    return trace, [one for one in trace.emissions() if isinstance(one, Pack)]


@pytest.mark.parametrize("rules", ["limits", "all"])
@pytest.mark.parametrize("kind", KINDS)
def test_truth_and_core_agree_on_every_kind(kind: IncidentKind, rules: str) -> None:
    """The core raises and clears exactly what is expected, pack for pack, and beside it only what is tolerated."""
    lasts_s = 1500.0 if kind == "sensor-stuck" else 400.0
    incident = Incident(kind=kind, park="baitao", zone=2, at_s=20.0, duration_s=lasts_s)
    scenario = msgspec.structs.replace(BASE, incidents=(incident,), duration_s=lasts_s + 200.0, rules=rules)
    trace, packs = _lived(scenario)
    _hold_together(trace.truth, _monitored(trace, packs, rules))
    assert rules == "all" or not trace.truth.tolerated


def test_truth_and_core_agree_when_much_happens_at_once() -> None:
    """Incidents by chance, storms and their consequences, one upon the other: still the same alarms."""
    happenings = Happenings(per_park_day=400.0, storms_per_day=48.0)
    scenario = msgspec.structs.replace(BASE, happenings=happenings, duration_s=3000.0, points_per_park=300)
    trace, packs = _lived(scenario)
    assert len(trace.truth.incidents) > 12
    assert len({alert.incident_id for alert in trace.truth.expected}) > 5
    _hold_together(trace.truth, _monitored(trace, packs, "all"))


def _delayed(packs: list[Pack], slow: np.ndarray, by: int) -> list[Pack]:
    """The same packs as if the readings of some points came `by` packs later than the others."""
    waiting: dict[str, list[Columns]] = defaultdict(list)
    sent = []
    for pack in packs:
        point, time_ms, value = pack.columns
        late = slow[point]
        waiting[pack.gateway].append(Columns(point[late], time_ms[late], value[late]))
        parts = [Columns(point[~late], time_ms[~late], value[~late])]
        if len(waiting[pack.gateway]) > by:
            parts.append(waiting[pack.gateway].pop(0))
        columns = Columns(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        sent.append(pack._replace(columns=columns))
    return sent


def _witnessed(trace: Trace, packs: list[Pack], touches: list[Touch]) -> GroundTruth:
    truth = GroundTruth()
    witness = Witness(
        "baitao",
        trace.layouts[trace.parks[0]],
        catalogue.full_rules(),
        touches,
        truth,
        period_ms=1000,
        escalation_s=responders().escalation_s,
    )
    for pack in packs:
        witness.see(pack)
    witness.close()
    return truth


def _first(truth: GroundTruth) -> dict[tuple[str, str], ExpectedAlert]:
    """The first alert of each rule on each point."""
    return {(it.point, it.rule): it for it in sorted(truth.expected, key=lambda it: -it.onset_ms)}


def _touches(trace: Trace) -> list[Touch]:
    place = {name: index for index, name in enumerate(trace.layouts[trace.parks[0]].names)}
    return [
        Touch(it.incident_id, it.group, it.onset_ms, it.end_ms + 60_000, it.acknowledged_ms, points)
        for it in trace.truth.incidents
        for points in [np.array(sorted(place[name] for name in it.points), np.intp)]
    ]


@pytest.mark.parametrize("kind", ["gas-leak", "power-failure", "sensor-dead"])
def test_slow_radios_change_when_it_is_known(kind: IncidentKind) -> None:
    """Readings that travel in later packs keep their own times; truth and core agree on them too."""
    incident = Incident(kind=kind, park="baitao", zone=2, at_s=20.0, duration_s=300.0)
    trace, packs = _lived(msgspec.structs.replace(BASE, incidents=(incident,), duration_s=700.0))
    slow = np.arange(len(trace.layouts[trace.parks[0]].points)) % 3 == 0
    late = _delayed(packs, slow, 9)
    truth = _witnessed(trace, late, _touches(trace))
    _hold_together(truth, _monitored(trace, late, "all"))
    first, at_once = _first(truth), _first(trace.truth)
    assert first.keys() == at_once.keys()
    for (point, rule), alert in first.items():
        # What is silent is known from the readings of the others; what strays is known from its own.
        waits = bool(slow[trace.layouts[trace.parks[0]].names.index(point)]) and not rule.endswith("-silence")
        assert alert.onset_ms == at_once[point, rule].onset_ms
        delay = alert.knowable_sequence - at_once[point, rule].knowable_sequence
        assert 0 < delay <= 9 if waits else delay == 0


def test_a_backlog_after_a_cut_is_judged_as_it_comes() -> None:
    """Packs that waited in a gateway come in one go, some of them twice: the same alarms, known later."""
    incident = Incident(kind="fire", park="baitao", zone=2, at_s=20.0, duration_s=100.0)
    trace, packs = _lived(msgspec.structs.replace(BASE, incidents=(incident,), duration_s=300.0))
    cut_ms, back_ms = trace.measured_from_ms + 10_000, trace.measured_from_ms + 200_000
    late = [pack._replace(due_ms=back_ms) if cut_ms <= pack.due_ms < back_ms else pack for pack in packs]
    repeated = [pack for one in late for pack in ([one, one] if one.sequence % 7 == 0 else [one])]
    truth = _witnessed(trace, repeated, _touches(trace))
    at_once = {msgspec.structs.replace(it, knowable_due_ms=0) for it in trace.truth.expected}
    assert {msgspec.structs.replace(it, knowable_due_ms=0) for it in truth.expected} == at_once
    assert {it.knowable_due_ms for it in truth.expected if it.knowable_due_ms <= back_ms} == {back_ms}


def test_readings_that_are_lost_with_a_cut_line_are_silence() -> None:
    """Where a gateway's buffer ran over, its points were silent for the city: the truth sees it in the packs."""
    trace, packs = _lived(msgspec.structs.replace(BASE, duration_s=600.0))
    from_ms = trace.measured_from_ms + 10_000
    kept = [pack for pack in packs if pack.gateway == "gw-02" and not from_ms <= pack.due_ms < from_ms + 200_000]
    numbered = [pack._replace(sequence=number) for number, pack in enumerate(kept, 1)]
    points = np.flatnonzero(trace.layouts[trace.parks[0]].gateway == 1)
    truth = _witnessed(trace, numbered, [Touch("cut", "cut", from_ms, from_ms + 200_000, None, points)])
    assert {alert.rule.rpartition("-")[2] for alert in truth.expected} == {"silence"}
    assert len(truth.expected) > 20
    _hold_together(truth, _monitored(trace, numbered, "all"))
