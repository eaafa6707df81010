"""The real nodes in one process: as a target, and through whole traces in virtual time."""

import threading

import numpy as np
import pytest
from msgspec.structs import replace

from contract import catalogue, codec
from contract.columns import Columns, pack_digest
from contract.errors import TargetError
from contract.messages import AlertEvent, CaseApplication, PointList
from contract.names import PointNames
from loadtests.simulation import Faults, Simulated, simulate
from loadtests.targets.in_process import InProcess
from scenarios.model import Scenario, find
from sim.trace import Pack, Trace

UPLINK_MS = 20
NOW_MS = 1_790_000_000_000
TROUBLE = Faults(
    seed=7, kill_chance=0.03, snapshot_chance=0.05, duplicate_chance=0.05, city_kill_chance=0.3, cuts=2, cut_s_max=20
)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """The chemical leak, with fewer points."""
    return replace(find("chemical-leak"), points_per_park=400)


@pytest.fixture(scope="module")
def trace(scenario: Scenario) -> Trace:
    """Its trace."""
    return Trace(scenario)


@pytest.fixture(scope="module")
def undisturbed(trace: Trace) -> Simulated:
    """The run in which nothing goes wrong."""
    return simulate(trace, uplink_delay_ms=UPLINK_MS)


@pytest.fixture(scope="module")
def troubled(trace: Trace) -> Simulated:
    """The run in which everything goes wrong."""
    return simulate(trace, uplink_delay_ms=UPLINK_MS, faults=TROUBLE)


def histories(events: list[AlertEvent]) -> dict[str, list[tuple[object, ...]]]:
    """What happened in each park, in order, without when it was known."""
    parks: dict[str, list[tuple[object, ...]]] = {}
    for event in events:
        parks.setdefault(event.alert.park, []).append((event.transition, event.at_ms, event.alert))
    return parks


def test_every_expected_alert_is_raised_when_it_can_be_known_and_no_other(trace: Trace, undisturbed: Simulated) -> None:
    """Recall and precision are 1 at both levels, and neither level is late by more than its way."""
    truth = trace.truth
    assert truth.expected
    open_ended = {(it.park, it.point, it.rule, it.onset_ms) for it in truth.undetermined}
    for events, way_ms in ((undisturbed.park, 0), (undisturbed.city, UPLINK_MS)):
        raised = [event for event in events if event.transition == "raise"]
        found = sorted((e.alert.park, e.alert.point, e.alert.rule, e.alert.onset_ms, e.known_ms) for e in raised)
        wanted = sorted((t.park, t.point, t.rule, t.onset_ms, t.knowable_due_ms + way_ms) for t in truth.expected)
        assert [alert for alert in found if alert[:4] not in open_ended] == wanted


def test_every_alert_is_cleared_when_the_world_is_normal_again(trace: Trace, undisturbed: Simulated) -> None:
    """Clears are those of the ground truth, to the millisecond."""
    cleared = {
        (e.alert.park, e.alert.point, e.alert.rule, e.alert.onset_ms): e.at_ms
        for e in undisturbed.city
        if e.transition == "clear"
    }
    assert cleared == {
        (t.park, t.point, t.rule, t.onset_ms): t.clears_ms for t in trace.truth.expected if t.clears_ms is not None
    }


def test_everything_sent_is_stored(trace: Trace, undisturbed: Simulated) -> None:
    """No reading is lost, doubled or altered on the way through the nodes."""
    packs = [emission for step in trace.steps() for emission in step if isinstance(emission, Pack)]
    assert undisturbed.readings_stored == sum(len(pack.columns) for pack in packs)
    assert undisturbed.stored_digest == sum(pack_digest(pack.columns) for pack in packs) % 2**64


def test_kills_cuts_and_duplicates_leave_no_trace(troubled: Simulated, undisturbed: Simulated) -> None:
    """Whatever goes wrong, both levels end with the history of a run in which nothing did."""
    assert all(troubled.faults.values()), troubled.faults
    assert histories(troubled.park) == histories(undisturbed.park)
    assert histories(troubled.city) == histories(undisturbed.city)
    assert troubled.readings_stored == undisturbed.readings_stored
    assert troubled.stored_digest == undisturbed.stored_digest
    counts = [[replace(park, last_heard_ms=0) for park in run.overview.parks] for run in (troubled, undisturbed)]
    assert counts[0] == counts[1]


def test_a_seed_repeats_its_faults(trace: Trace, troubled: Simulated) -> None:
    """The same seed strikes at the same places."""
    assert simulate(trace, uplink_delay_ms=UPLINK_MS, faults=TROUBLE) == troubled


def test_it_is_a_target_like_any_other() -> None:
    """Packs, requests, streams and read-back go through the protocol; faults are outcomes."""
    layout = catalogue.park_points(100, 1)
    target = InProcess(lambda: NOW_MS)
    park = catalogue.parks()[0].id
    with pytest.raises(TargetError):
        target.read_back(park, "gw-01")
    target.provision(park, PointList(points=list(layout.points)), catalogue.standard_rules())
    rule = next(rule for rule in catalogue.standard_rules().rules if rule.high is not None and rule.on_delay_s > 0)
    names = PointNames(layout.names)
    place = next(i for i, name in enumerate(names) if name.split("/")[-1] == rule.points.split("/")[-1])
    for sequence, time_ms in ((1, NOW_MS - 300_000), (2, NOW_MS)):
        columns = Columns(np.array([place], np.int32), np.array([time_ms], np.int64), np.array([rule.high], np.float64))
        body = codec.encode(codec.SENML_JSON, park, names, columns)
        assert target.send(park, "gw-01", sequence, body, codec.SENML_JSON).ok
    again = target.send(park, "gw-01", 2, body, codec.SENML_JSON)
    assert (again.ok, again.duplicate) == (True, True)
    assert target.send(park, "gw-01", 3, b"{", codec.SENML_JSON).status == 400
    assert target.send("nowhere", "gw-01", 3, body, codec.SENML_JSON).status == 404
    sequence_of, stored = target.read_back(park, "gw-01")
    assert (sequence_of.tolist(), stored.time_ms.tolist()) == ([1, 2], [NOW_MS - 300_000, NOW_MS])
    assert target.read_back(park, "gw-01", 2, 2)[0].tolist() == [2]
    form: dict[str, str | int | float | bool] = {
        "outlet": "W1",
        "flow_m3_day": 1.0,
        "cod_mg_l": 1.0,
        "pretreated": False,
    }
    application = CaseApplication(request_id="r", matter="drainage-permit", enterprise="e", form=form)
    assert [target.request(park, application).duplicate for _ in range(2)] == [False, True]
    stop = threading.Event()
    events = []
    for event in target.alerts("park", 0, stop):
        if event is None:
            stop.set()
        else:
            events.append(event)
    assert (rule.id, "raise", 1) in [(event.alert.rule, event.transition, event.number) for event in events]
    assert target.health("park").parks == 1
