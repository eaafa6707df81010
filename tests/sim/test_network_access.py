"""The access network as a whole: nothing is lost that is not counted, and the same seed gives the same bytes."""

import hashlib
import os
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_builders import (
    GATEWAYS,
    PARK,
    PHASES_MS,
    POINTS,
    START_MS,
    Field,
    book_of,
    content,
    fast,
    figure,
    link,
    park_layout,
    right_clocks,
    streams,
)

from contract.messages import MAX_FUTURE_MS, MAX_PACK_READINGS
from sim.network import Cut, DirectAccess, NetworkReport, standard_book, total
from sim.network.book import InterruptionLaw

STORMY = InterruptionLaw(per_day=2000, mean_s=8, longest_s=30, share=0, source="test", mark="A")
SLOW = InterruptionLaw(per_day=2000, mean_s=10, longest_s=40, share=0.2, source="test", mark="A")


def _troubled() -> dict[str, object]:
    """The standard book with a small buffer, interruptions without end and many repetitions."""
    book = standard_book()
    links = tuple(
        msgspec.structs.replace(one, outages=STORMY, slowdowns=SLOW, duplicates=figure(0.05)) for one in book.links
    )
    gateway = msgspec.structs.replace(book.gateway, buffer_bytes=figure(30_000))
    device = msgspec.structs.replace(book.device, buffer_messages=figure(8))
    return {"links": links, "gateway": gateway, "device": device}


@pytest.fixture(scope="module")
def troubled() -> tuple[Field, list]:
    """Ten minutes of a troubled network, lived once for several promises."""
    field = Field(msgspec.structs.replace(standard_book(), **_troubled()))
    return field, field.packs(600)


def test_every_reading_is_delivered_lost_refused_or_under_way(troubled: tuple[Field, list]) -> None:
    """In = out + lost + refused + under way, exactly, counted by hand from the packs."""
    field, packs = troubled
    report = field.network.report()
    seen = {(pack.gateway, pack.sequence): len(pack.columns) for pack in packs}
    assert report.offered == 600 * POINTS
    assert report.delivered == sum(seen.values())
    assert report.packs == len(seen)
    assert report.offered == report.delivered + report.lost + report.refused + report.under_way
    # The trouble was there: each way to go missing was gone.
    assert min(report.lost, report.refused, report.under_way, report.repeated) > 0


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    buffer_bytes=st.integers(1_000, 50_000),
    room=st.integers(1, 5),
    cuts=st.lists(st.tuples(st.sampled_from([None, "gw-01", "gw-03"]), st.integers(0, 40_000), st.integers(1, 20_000))),
    period_ms=st.sampled_from([100, 700, 1000, 60_000]),
    points=st.sets(st.integers(0, POINTS - 1)),
)
def test_whatever_happens_nothing_disappears(
    *,
    seed: int,
    buffer_bytes: int,
    room: int,
    cuts: list[tuple[str | None, int, int]],
    period_ms: int,
    points: set[int],
) -> None:
    """Any cuts, buffers, sample periods and silent points: the account balances and numbers have no gap."""
    changes = _troubled()
    changes["gateway"] = msgspec.structs.replace(standard_book().gateway, buffer_bytes=figure(buffer_bytes))
    changes["device"] = msgspec.structs.replace(standard_book().device, buffer_messages=figure(room))
    scheduled = [
        Cut(PARK, gateway, START_MS + begin, START_MS + begin + lasts, "slow" if lasts % 2 else "cut", 0.3)
        for gateway, begin, lasts in cuts
    ]
    book = msgspec.structs.replace(standard_book(), **changes)
    field = Field(book, scheduled=scheduled, draw=streams(seed=seed), period_ms=period_ms)
    chosen = sorted(points)
    packs = [*field.packs(30), *field.packs(30, chosen)]
    report = field.network.report()
    known = {(pack.gateway, pack.sequence): len(pack.columns) for pack in packs}
    assert report.offered == 30 * (POINTS + len(chosen))
    assert report.delivered == sum(known.values())
    assert report.offered == report.delivered + report.lost + report.refused + report.under_way
    last = {gateway: max([number for name, number in known if name == gateway], default=0) for gateway, _ in known}
    assert sum(last.values()) - len(known) <= 3 * GATEWAYS  # still under way where a later one has overtaken


def test_no_reading_comes_twice_and_none_is_invented(troubled: tuple[Field, list]) -> None:
    """What is in different packs are different readings, each as it was sampled."""
    _, packs = troubled
    values: Counter[float] = Counter()
    for pack in {(pack.gateway, pack.sequence): pack for pack in packs}.values():
        values.update(pack.columns.value.tolist())
        assert (pack.columns.value % 1000 == pack.columns.point).all()
    assert set(values.values()) == {1}


def test_a_lossless_network_delivers_everything() -> None:
    """Without UDP and without a full buffer nothing is lost, whatever is cut."""
    cut = Cut(PARK, None, START_MS + 5_000, START_MS + 25_000, "cut")
    book = book_of(link("wifi"), devices="wifi")
    field = Field(book, scheduled=[cut])
    list(field.live(60))
    report = field.network.report()
    assert report.lost == report.refused == 0
    assert report.delivered + report.under_way == report.offered == 60 * POINTS


def test_numbers_have_no_gaps_and_repetitions_are_equal(troubled: tuple[Field, list]) -> None:
    """The numbers of a gateway are 1, 2, 3 and so on; a number that comes again brings the same readings."""
    _, packs = troubled
    known: dict[tuple[str, int], tuple[object, ...]] = {}
    repeated = 0
    for pack in packs:
        body = tuple(column.tobytes() for column in pack.columns)
        repeated += (pack.gateway, pack.sequence) in known
        assert known.setdefault((pack.gateway, pack.sequence), body) == body
    assert repeated > 0
    for gateway in {pack.gateway for pack in packs}:
        numbers = sorted(number for name, number in known if name == gateway)
        missing = set(range(1, numbers[-1] + 1)) - set(numbers)
        # A link that reorders may still have a pack under way that a later one has overtaken.
        assert missing <= set(range(numbers[-1] - 3, numbers[-1]))


def test_packs_come_in_order_of_due_time_within_their_step() -> None:
    """Each step hands over what is due in it, in order; of a gateway in order of number."""
    field = Field(book_of())
    last: dict[str, int] = defaultdict(int)
    for number, packs in enumerate(field.live(100)):
        begin_ms = START_MS + number * 1000
        due = [pack.due_ms for pack in packs]
        assert due == sorted(due)
        assert all(begin_ms <= at < begin_ms + 1000 for at in due)
        for pack in packs:
            assert pack.sequence in (last[pack.gateway], last[pack.gateway] + 1)
            last[pack.gateway] = max(last[pack.gateway], pack.sequence)


@pytest.mark.parametrize("name", ["nbiot-ce1", "wifi"])
def test_a_device_sends_first_in_first_out(name: str) -> None:
    """No reading of a point overtakes an older one, over UDP and over TCP, with interruptions."""
    calm = link(name)
    radio = msgspec.structs.replace(calm, outages=STORMY)
    field = Field(book_of(radio, link("fibre", duplicates=0.0), devices=name))
    last = np.full(POINTS, -1.0)
    for pack in field.packs(200):
        for point, value in zip(pack.columns.point.tolist(), pack.columns.value.tolist(), strict=True):
            assert value > last[point]
            last[point] = value
    assert (last > 0).all()


def test_a_reading_behind_a_radio_travels_in_a_later_pack_with_its_own_time() -> None:
    """What takes 3.5 s to the gateway is in the fourth pack after its own, and tells when it was sampled."""
    slow = link("lte", median=3500.0, p99=3500.1, loss=0.0)
    field = Field(book_of(slow, fast(), devices="lte", **right_clocks()))
    first = {gateway: [] for gateway in field.layout.gateways}
    for pack in field.packs(12):
        first[pack.gateway].append((pack.sequence, pack.columns))
    for place, gateway in enumerate(field.layout.gateways):
        sequence, columns = first[gateway][0]
        assert sequence == 1
        assert (columns.time_ms == START_MS + PHASES_MS[place]).all()
        assert (columns.value < 1000).all()
    # Four periods later, at the end of the gathering: nothing else was sent before.
    due = {pack.gateway: pack.due_ms for pack in Field(book_of(slow, fast(), devices="lte")).packs(12)[:GATEWAYS]}
    assert due == {
        gateway: START_MS + 4000 + phase + 51 for gateway, phase in zip(field.layout.gateways, PHASES_MS, strict=True)
    }


def test_wired_readings_are_not_touched() -> None:
    """Where all is wired and the clocks are right, a pack is a slice of what came in: nothing is copied."""
    field = Field(book_of(**right_clocks()))
    columns = field.columns()
    packs = field.network.carry(START_MS, columns)
    assert len(packs) == GATEWAYS - 1  # the last gateway closes its pack in the next step
    for pack in packs:
        assert all(np.shares_memory(part, whole) for part, whole in zip(pack.columns, columns, strict=True))


def test_silent_points_send_nothing() -> None:
    """Only the points that have a reading are in packs, behind radios or not; an empty pack is not sent."""
    for book in (None, book_of(**right_clocks())):
        field = Field(book)
        on_first = np.flatnonzero(field.layout.gateway == 1)[::3].tolist()
        packs = field.packs(40, on_first)
        assert {pack.gateway for pack in packs} == {"gw-02"}
        assert {point for pack in packs for point in pack.columns.point.tolist()} == set(on_first)
        assert min(len(pack.columns) for pack in packs) > 0


def test_a_silent_point_leaves_the_others_as_they_were() -> None:
    """Which points send changes no delay of another device."""
    silent = [place for place in range(POINTS) if place % 6]  # all points of no device, some of many
    everything, some = Field(), Field()
    kept = set(silent)
    full = [
        (pack.gateway, point, value)
        for pack in everything.packs(60)
        for point, value in zip(pack.columns.point.tolist(), pack.columns.value.tolist(), strict=True)
        if point in kept
    ]
    fewer = [
        (pack.gateway, point, value)
        for pack in some.packs(60, silent)
        for point, value in zip(pack.columns.point.tolist(), pack.columns.value.tolist(), strict=True)
    ]
    # What a device sends is the same; only in the last packs may a smaller pack have come a little sooner.
    assert set(full) <= set(fewer)
    assert len(set(fewer) - set(full)) <= POINTS


def test_a_pack_is_never_larger_than_the_contract_allows() -> None:
    """What a burst brings beyond the limit of a pack goes into a second one."""
    layout = park_layout(26_000, 1)
    field = Field(book_of(fast(), **right_clocks()), layout=layout)
    sizes = [len(pack.columns) for pack in field.packs(3)]
    assert sizes == [MAX_PACK_READINGS, 6_000] * 3


def test_clocks_are_wrong_within_bounds() -> None:
    """Every event time is off by no more than the profile's bound, which no platform has reason to refuse."""
    field = Field()
    clocks = standard_book().clocks
    bound_ms = max(clocks.gateway.error_ms_max, clocks.device.error_ms_max)
    assert bound_ms < MAX_FUTURE_MS
    phases = np.array(PHASES_MS)
    worst = 0
    for pack in field.packs(300):
        sampled = START_MS + pack.columns.value // 1000 * 1000 + phases[field.layout.gateway[pack.columns.point]]
        assert pack.columns.time_ms.dtype == np.int64
        worst = max(worst, int(np.abs(pack.columns.time_ms - sampled).max()))
        assert (pack.columns.time_ms - pack.due_ms).max() < MAX_FUTURE_MS
    assert 0 < worst <= bound_ms


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Two lives of a network are equal to the byte, those of another seed are not."""
    first, again, other = (Field(draw=streams(seed=seed)) for seed in (7, 7, 8))
    lived = content(first.packs(120))
    assert lived == content(again.packs(120))
    assert lived != content(other.packs(120))


def test_the_seed_of_python_s_hashes_does_not_matter() -> None:
    """Two processes with different `PYTHONHASHSEED` make the same packs."""
    code = (
        "import hashlib; from network_builders import Field, content;"
        "print(hashlib.sha256(repr(content(Field().packs(30))).encode()).hexdigest())"
    )
    folder = str(Path(__file__).parent)
    made = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": folder},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(made) == 1
    assert made == {hashlib.sha256(repr(content(Field().packs(30))).encode()).hexdigest() + "\n"}


def test_parks_know_nothing_of_each_other() -> None:
    """A park's packs are the same whoever lives beside it, in whatever order, with whatever cuts elsewhere."""
    alone = content(Field(draw=streams(park=3)).packs(60))
    cut = Cut("another-park", None, START_MS, START_MS + 60_000, "cut")
    crowded, beside = Field(draw=streams(park=3), scheduled=[cut]), Field(draw=streams(park=4))
    mixed = []
    for _ in range(60):
        beside.packs(1)
        mixed += crowded.packs(1)
    assert content(mixed) == alone


def test_one_policy_leaves_the_other_streams_alone() -> None:
    """Another backhaul changes how packs travel, and neither the devices' links nor what the radios do."""
    first = Field(book_of(fast(), devices="nbiot", **right_clocks()))
    other = Field(book_of(link("lte", duplicates=0.0), backhaul="lte", devices="nbiot", **right_clocks()))

    def packed(field: Field) -> dict[tuple[str, int], bytes]:
        return {(pack.gateway, pack.sequence): pack.columns.value.tobytes() for pack in field.packs(50)}

    one, two = packed(first), packed(other)
    shared = one.keys() & two.keys()
    assert len(shared) >= GATEWAYS * 45
    assert all(one[key] == two[key] for key in shared)


def test_a_step_that_is_left_out_is_refused() -> None:
    """The network's time goes on a period at a time."""
    field = Field()
    field.packs(1)
    with pytest.raises(ValueError, match=f"expected the step at {START_MS + 1000}, found {START_MS + 2000}"):
        field.network.carry(START_MS + 2000, field.columns())


def test_without_a_network_packs_arrive_when_they_are_sampled() -> None:
    """The direct way numbers each gateway's packs and changes nothing else; a gateway without readings is left out."""
    field = Field()
    direct = DirectAccess(park=PARK, layout=field.layout, phases_ms=PHASES_MS)
    columns = field.columns()
    packs = direct.carry(START_MS, columns)
    assert [(pack.due_ms - START_MS, pack.gateway, pack.sequence) for pack in packs] == [
        (phase, gateway, 1) for gateway, phase in zip(field.layout.gateways, PHASES_MS, strict=True)
    ]
    assert all(np.shares_memory(pack.columns.value, columns.value) for pack in packs)
    some = field.columns([5, POINTS - 1])
    packs = direct.carry(START_MS + 1000, some)
    assert [(pack.gateway, pack.sequence, pack.columns.point.tolist()) for pack in packs] == [
        ("gw-01", 2, [5]),
        ("gw-04", 2, [POINTS - 1]),
    ]
    assert direct.report() == NetworkReport(offered=POINTS + 2, delivered=POINTS + 2, packs=GATEWAYS + 2)


def test_reports_of_parks_add_up() -> None:
    """The sum of two reports counts every message of both once."""
    fields = [Field(draw=streams(park=park)) for park in (1, 2)]
    for field in fields:
        field.packs(30)
    reports = [field.network.report() for field in fields]
    both = total(reports)
    assert both.offered == 2 * 30 * POINTS
    assert both.delivered == sum(report.delivered for report in reports)
    messages = sum(one.messages for report in reports for one in report.links)
    assert sum(one.messages for one in both.links) == messages > 0
    assert [one.link for one in both.links] == sorted({one.link for report in reports for one in report.links})
