"""A gateway's link: the law of bandwidth, interruptions, the bounded buffer, repetition, order."""

import itertools
import math

import msgspec
import numpy as np
import pytest
from network_builders import PARK, START_MS, Field, book_of, fast, figure, link, right_clocks, streams
from numpy.typing import NDArray

from contract.columns import Columns
from sim.network import Cut, standard_book
from sim.network.book import InterruptionLaw, LinkProfile
from sim.network.interruptions import Interruptions, Window, by_chance
from sim.network.uplink import Uplink, Waiting

READINGS = 100
BITS = 8 * (330 + 46 * READINGS)  # of a pack, by links.yaml
ALPHA = 1e-6  # of each hypothesis test; the seeds are fixed


def _pack(number: int) -> Columns:
    return Columns(np.arange(READINGS, dtype=np.int32), np.full(READINGS, number), np.full(READINGS, float(number)))


def _uplink(profile: LinkProfile, buffer_bytes: float = 1e9) -> Uplink:
    draw = streams()
    gateway = msgspec.structs.replace(standard_book().gateway, buffer_bytes=figure(buffer_bytes))
    book = book_of(profile, gateway=gateway)
    return Uplink(
        PARK,
        "gw-01",
        0,
        link=profile,
        book=book,
        start_ms=START_MS,
        draw=draw("uplink"),
        draw_repeats=draw("repetitions"),
    )


def _dues(out: list[Waiting]) -> list[int]:
    return [entry[0] - START_MS for entry in out]


def test_a_backlog_takes_its_bytes_over_the_bandwidth() -> None:
    """What a cut held back leaves first in first out, one pack every bits / bandwidth after the link is up."""
    uplink = _uplink(fast(up_bit_s=100_000.0))
    uplink.interruptions.add(Window(START_MS + 1, START_MS + 10_001, 0.0))
    out: list[Waiting] = []
    for step in range(40):
        if step < 10:
            uplink.carry(START_MS + 1000 * step + 500, _pack(step), START_MS + 1000 * (step + 1), out)
        else:
            uplink.serve(START_MS + 1000 * (step + 1), out)
    pack_ms = BITS / 100  # bits over bits a millisecond
    assert _dues(out) == pytest.approx([10_001.5 + pack_ms * (place + 1) for place in range(10)], abs=0.51, rel=0)
    assert [entry[4].columns.value[0] for entry in out] == list(range(10))
    assert [entry[2] for entry in out] == list(range(1, 11))
    assert uplink.under_way() == 0


def test_a_burst_queues_behind_itself() -> None:
    """Packs that are offered faster than the link sends them wait for each other."""
    uplink = _uplink(fast(up_bit_s=BITS / 2.0))  # two seconds for a pack
    out: list[Waiting] = []
    for step in range(4):
        uplink.carry(START_MS + 1000 * step, _pack(step), START_MS + 1000 * (step + 1), out)
    assert len(out) == 2  # at 4 s the second has just left
    assert uplink.under_way() == 2 * READINGS
    uplink.serve(START_MS + 60_000, out)
    assert _dues(out) == [2001, 4001, 6001, 8001]


def test_a_slow_link_has_its_share_of_the_bandwidth() -> None:
    """While a link is slowed to a quarter, a pack takes four times as long; the edges count to the millisecond."""
    uplink = _uplink(fast(up_bit_s=BITS * 1.0))  # one second for a pack
    uplink.interruptions.add(Window(START_MS + 500, START_MS + 2500, 0.25))
    out: list[Waiting] = []
    for place in range(2):
        uplink.offer(START_MS, _pack(place))
    for step in range(5):
        uplink.serve(START_MS + 1000 * (step + 1), out)
    # Half of the first before the window, the rest in 2 s of it, then the second at full speed.
    assert _dues(out) == [2501, 3501]


def test_where_interruptions_overlap_the_worst_holds() -> None:
    """A cut inside a slowdown stops the link, and its end leaves the slowdown."""
    link_state = Interruptions()
    for window in (Window(0, 100, 0.5), Window(40, 60, 0.0), Window(50, 70, 0.0)):
        link_state.add(window)
    assert [link_state.share_at(at) for at in (-1, 0, 40, 65, 70, 100)] == [1.0, 0.5, 0.0, 0.0, 0.5, 1.0]
    assert link_state.up_again_ms(45) == 70
    assert link_state.up_again_ms(80) == 80
    # 20 units in the first 40, none for 30, the last 10 at half speed.
    assert link_state.transmit(0, 30, 1.0, 1000) == (90.0, 0.0)
    assert link_state.transmit(0, 30, 1.0, 80) == (80, 5.0)


def test_a_full_buffer_drops_the_oldest_and_leaves_no_gap() -> None:
    """What overflows is counted, the newest packs survive, and their numbers go on without a gap."""
    uplink = _uplink(fast(), buffer_bytes=3.5 * BITS / 8)
    out: list[Waiting] = []
    uplink.carry(START_MS, _pack(0), START_MS + 1000, out)
    uplink.interruptions.add(Window(START_MS + 1000, START_MS + 20_000, 0.0))
    for step in range(1, 11):
        uplink.carry(START_MS + 1000 * step, _pack(step), START_MS + 1000 * (step + 1), out)
    assert uplink.under_way() == 3 * READINGS
    uplink.serve(START_MS + 30_000, out)
    assert [(entry[2], entry[4].columns.value[0]) for entry in out] == [(1, 0.0), (2, 1.0), (3, 9.0), (4, 10.0)]
    assert uplink.report().refused_readings == 7 * READINGS
    assert uplink.under_way() == 0


def test_what_has_left_makes_room() -> None:
    """A buffer for three packs carries any number of them one after another, quick way or plain."""
    for windows in ([], [Window(START_MS, START_MS + 10**9, 0.5)]):
        uplink = _uplink(fast(duplicates=0.2), buffer_bytes=3.5 * BITS / 8)
        for window in windows:
            uplink.interruptions.add(window)
        out: list[Waiting] = []
        for step in range(100):
            uplink.carry(START_MS + 1000 * step, _pack(step), START_MS + 1000 * (step + 1), out)
        assert uplink.report().refused_readings == 0
        assert [entry[2] for entry in out if not entry[3]] == list(range(1, 101))


def test_a_pack_larger_than_the_buffer_is_refused() -> None:
    """A buffer that is too small for one pack holds nothing, and says so."""
    uplink = _uplink(fast(), buffer_bytes=BITS / 8 - 1)
    out: list[Waiting] = []
    uplink.carry(START_MS, _pack(0), START_MS + 1000, out)
    assert not out
    assert uplink.report().refused_readings == READINGS


def test_a_reply_that_a_cut_swallows_makes_the_gateway_ask_anew() -> None:
    """A pack that had left, but whose reply was not there when the link was cut, comes again first after the cut."""
    uplink = _uplink(link("lte", median=100.0, p99=100.01, loss=0.0, duplicates=0.0, up_bit_s=1e9))
    uplink.interruptions.add(Window(START_MS + 150, START_MS + 5000, 0.0))
    out: list[Waiting] = []
    for step in range(6):
        uplink.carry(START_MS + 1000 * step, _pack(step), START_MS + 1000 * (step + 1), out)
    assert [(entry[2], entry[3]) for entry in out[:3]] == [(1, 0), (1, 1), (2, 0)]
    assert _dues(out)[:2] == [101, 5101]
    assert out[0][4].columns is out[1][4].columns
    assert uplink.report().repeated == 1


def test_repetitions_come_at_the_rate_of_the_profile() -> None:
    """The share of packs that come twice is the profile's, and each comes again after the gateway's patience."""
    share, packs = 0.05, 20_000
    uplink = _uplink(fast(duplicates=share))
    out: list[Waiting] = []
    for step in range(packs):
        uplink.carry(START_MS + 1000 * step, _pack(step), START_MS + 1000 * (step + 1), out)
    repeated = [entry for entry in out if entry[3]]
    deviations = 5.0  # a binomial count leaves five standard deviations once in a million
    assert abs(len(repeated) - share * packs) < deviations * math.sqrt(packs * share * (1 - share))
    first = {entry[2]: entry[0] for entry in out if not entry[3]}
    assert {entry[0] - first[entry[2]] for entry in repeated} <= {5000, 5001}


def test_only_a_link_that_reorders_lets_packs_overtake() -> None:
    """Over one connection packs arrive in order however long each takes; over several they may overtake."""
    order = {}
    for reorders in (False, True):
        uplink = _uplink(link("5g", median=500.0, p99=5000.0, loss=0.0, duplicates=0.0, reorders=reorders))
        out: list[Waiting] = []
        for step in range(500):
            uplink.carry(START_MS + 1000 * step, _pack(step), START_MS + 1000 * (step + 1), out)
        order[reorders] = [entry[2] for entry in sorted(out, key=lambda entry: entry[:4])]
    assert order[False] == list(range(1, 501))
    assert order[True] != order[False]
    assert sorted(order[True]) == order[False]


def test_quick_and_plain_ways_agree() -> None:
    """`carry` gives what `offer` and `serve` give."""
    profile = link("lte", up_bit_s=60_000.0, duplicates=0.1)
    quick, plain = _uplink(profile), _uplink(profile)
    outs: tuple[list[Waiting], list[Waiting]] = ([], [])
    for step in range(300):
        for uplink in (quick, plain):
            if step == 100:
                uplink.interruptions.add(Window(START_MS + 100_200, START_MS + 103_700, 0.0))
        until_ms = START_MS + 1000 * (step + 1)
        quick.carry(until_ms - 900, _pack(step), until_ms, outs[0])
        plain.offer(until_ms - 900, _pack(step))
        plain.serve(until_ms, outs[1])
    assert [entry[:4] for entry in outs[0]] == [entry[:4] for entry in outs[1]]
    assert quick.report() == plain.report()


def test_outages_last_and_recur_as_the_profile_says() -> None:
    """Times between outages and their durations pass a Kolmogorov-Smirnov test against their exponential laws."""
    law = InterruptionLaw(per_day=200, mean_s=60, longest_s=200, share=0, source="test", mark="A")
    windows = list(by_chance(law, streams()("outages"), START_MS, START_MS + 40 * 86_400_000))
    ends = np.array([START_MS, *(window.end_ms for window in windows[:-1])])
    gaps = np.array([window.begin_ms for window in windows]) - ends
    lasts = np.array([window.end_ms - window.begin_ms for window in windows])
    assert len(windows) > 5000
    assert _distance(gaps, 86_400_000 / 200) < _critical(len(gaps))
    assert lasts.max() == 200_000
    assert _distance(lasts[lasts < 200_000], 60_000, cut_off=200_000) < _critical(int((lasts < 200_000).sum()))
    cut_off = math.exp(-200 / 60)
    assert abs((lasts == 200_000).mean() - cut_off) < 5 * math.sqrt(cut_off * (1 - cut_off) / len(lasts))


def test_a_scheduled_cut_holds_to_the_millisecond() -> None:
    """While a gateway is cut nothing of it arrives, the others go on; afterwards it catches up completely."""
    cut = Cut(PARK, "gw-02", START_MS + 3_333, START_MS + 9_777, "cut")
    field = Field(book_of(fast(), **right_clocks()), scheduled=[cut])
    packs = field.packs(20)
    mine = [pack for pack in packs if pack.gateway == "gw-02"]
    others = [pack for pack in packs if pack.gateway == "gw-01"]
    assert [pack.sequence for pack in mine] == list(range(1, 21))
    assert not [pack for pack in mine if cut.begin_ms < pack.due_ms < cut.end_ms]
    assert len([pack for pack in mine if cut.end_ms <= pack.due_ms < cut.end_ms + 2]) == 6
    assert len([pack for pack in others if cut.begin_ms < pack.due_ms < cut.end_ms]) == 6


def test_a_trunk_takes_all_of_its_gateways_down() -> None:
    """Gateways whose links go by one trunk fall silent together."""
    law = InterruptionLaw(per_day=500, mean_s=30, longest_s=60, share=0, source="test", mark="A")
    trunk = link("park-10g", outages=law)
    book = book_of(fast(), trunk, **right_clocks())
    through = msgspec.structs.replace(book.backhauls[0], via="park-10g")
    field = Field(msgspec.structs.replace(book, backhauls=(through,)))
    by_step = [{pack.gateway for pack in packs} for packs in field.live(1200)]
    silent = [not gateways for gateways in by_step[1:]]
    assert 0 < sum(silent) < 1100
    # A gateway alone is silent only at an edge of an outage.
    partly = sum(0 < len(gateways) < 4 for gateways in by_step[1:])
    edges = sum(before != after for before, after in itertools.pairwise(silent))
    assert partly <= 2 * edges


@pytest.mark.parametrize("name", ["fibre", "lte", "5g"])
def test_the_report_counts_every_pack_and_its_delay(name: str) -> None:
    """The histogram of a backhaul has one entry for each pack, around the profile's median."""
    field = Field(book_of(link(name, duplicates=0.0), backhaul=name))
    field.packs(2000)
    (report,) = [one for one in field.network.report().links if one.link == name]
    assert sum(report.delays) == report.messages == 2000 * 4
    assert report.carriers == 4
    median = standard_book().link(name).delay_ms.median.value
    assert median / 1.15 < report.quantile_ms(0.5) < median * 1.3


def _distance(found: NDArray[np.int64], mean: float, cut_off: float = math.inf) -> float:
    """Kolmogorov-Smirnov distance to an exponential law, conditional on being below the cut-off."""
    ordered = np.sort(found)
    law = (1 - np.exp(-ordered / mean)) / (1 - math.exp(-cut_off / mean))
    ranks = np.arange(len(ordered) + 1) / len(ordered)
    return float(max((law - ranks[:-1]).max(), (ranks[1:] - law).max()))


def _critical(count: int) -> float:
    """The distance that a sample of the law exceeds with probability `ALPHA` (the asymptotic bound)."""
    return math.sqrt(-math.log(ALPHA / 2) / (2 * count))
