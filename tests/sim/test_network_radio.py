"""Between devices and gateways: air time, outages, the devices' bounded buffers, the clocks that stamp."""

import msgspec
import numpy as np
from network_builders import (
    GATEWAYS,
    PERIOD_MS,
    PHASES_MS,
    POINTS,
    START_MS,
    book_of,
    fast,
    figure,
    park_layout,
    streams,
)
from numpy.typing import NDArray

from contract import catalogue
from contract.columns import Columns
from sim.network import LinkBook, standard_book
from sim.network.book import InterruptionLaw
from sim.network.interruptions import Window
from sim.network.radio import RadioAccess, settle

GATHER_MS = 50
MESSAGE_BYTES = 100.0


class Air:
    """A park whose devices are all behind one kind of radio; reading p of step s has the value `1000 * s + p`."""

    def __init__(self, book: LinkBook) -> None:
        self.layout = park_layout()
        devices = settle(self.layout, catalogue.profiles(), book, streams()("devices"))
        self.devices = devices
        self.radio = RadioAccess(
            self.layout,
            devices,
            book,
            phases_ms=np.array(PHASES_MS, np.int64),
            gather_ms=GATHER_MS,
            period_ms=PERIOD_MS,
            draw=streams(),
        )
        self.clocks = GATEWAYS + len(devices.members)
        self.sampled_ms = np.array(PHASES_MS)[self.layout.gateway]

    def live(self, steps: int, error_ms: NDArray[np.int64] | None = None) -> dict[int, list[int]]:
        """For each step of sampling the steps in whose packs its readings arrived, ascending."""
        arrived: dict[int, list[int]] = {step: [] for step in range(steps)}
        for step in range(steps):
            packed, _ = self.step(step, error_ms)
            for value in packed.value.tolist():
                arrived[int(value // 1000)].append(step)
        return arrived

    def step(self, step: int, error_ms: NDArray[np.int64] | None = None) -> tuple[Columns, list[int]]:
        """One step with all points."""
        point = np.arange(POINTS, dtype=np.int32)
        now_ms = START_MS + step * PERIOD_MS
        columns = Columns(point, self.sampled_ms + now_ms, 1000.0 * step + point)
        return self.radio.step(now_ms, columns, np.zeros(self.clocks, np.int64) if error_ms is None else error_ms)


def _air(room: float = 600.0, **changes: object) -> Air:
    """All devices on one 4G link; a message has 800 bits, whatever it holds."""
    device = msgspec.structs.replace(
        standard_book().device,
        message_bytes=figure(MESSAGE_BYTES),
        reading_bytes=figure(1e-9),
        buffer_messages=figure(room),
    )
    longest = InterruptionLaw(per_day=0, mean_s=1, longest_s=10, share=0, source="test", mark="A")
    return Air(book_of(fast(name="lte", outages=longest, **changes), devices="lte", device=device))


def _whole(step: int) -> list[int]:
    return [step] * POINTS


def test_a_message_takes_its_bits_over_the_bandwidth_of_the_air() -> None:
    """At 1.5 s a message and one a second, each waits for the one before: the n-th has left after n times 1.5 s."""
    arrived = _air(up_bit_s=8 * MESSAGE_BYTES / 1.5).live(40)
    for step in range(20):
        left_ms = 1500 * (step + 1)
        assert arrived[step] == _whole(-(-(left_ms + 1 - GATHER_MS) // PERIOD_MS))


def test_a_slow_radio_needs_longer_for_a_message() -> None:
    """While a quarter of the bandwidth is left, a message is on the air four times as long."""
    air = _air(up_bit_s=8 * MESSAGE_BYTES / 0.5)
    air.radio.interruptions[0].add(Window(START_MS + 4000, START_MS + 5000, 0.25))
    arrived = air.live(20)
    # 0.5 s is in the next pack; the message of step 4 takes 2 s, and those of steps 5 and 6 wait behind it.
    assert [arrived[step][0] for step in range(9)] == [1, 2, 3, 4, 6, 7, 7, 8, 9]
    assert all(len(steps) == POINTS for steps in list(arrived.values())[:15])


def test_on_tcp_an_outage_is_waited_out() -> None:
    """What is sampled while the cell is down arrives when it is up again, in order, and nothing is lost."""
    air = _air()
    air.radio.interruptions[0].add(Window(START_MS + 3000, START_MS + 7000, 0.0))
    arrived = air.live(12)
    assert [arrived[step] for step in range(12)] == [
        _whole(step) if step not in range(3, 7) else _edge(air, 7) for step in range(12)
    ]
    assert air.radio.reports()[0].lost_readings == 0


def _edge(air: Air, up: int) -> list[int]:
    """The packs of what waits for the beginning of step `up`: the last gateway still closes one before."""
    ends = [up * PERIOD_MS - (PERIOD_MS * (up - 1) + phase + GATHER_MS) for phase in PHASES_MS]
    steps = [up if end > 0 else up - 1 for end in ends]
    counts = np.bincount(air.layout.gateway, minlength=GATEWAYS).tolist()
    return sorted(step for step, count in zip(steps, counts, strict=True) for _ in range(count))


def test_on_udp_an_outage_loses_what_is_sampled_in_it() -> None:
    """Exactly the readings that are sampled while the cell is down are lost, and counted."""
    air = _air(transport="udp")
    air.radio.interruptions[0].add(Window(START_MS + 3000, START_MS + 7000, 0.0))
    arrived = air.live(12)
    assert [arrived[step] for step in range(12)] == [
        _whole(step) if step not in range(3, 7) else [] for step in range(12)
    ]
    assert air.radio.reports()[0].lost_readings == 4 * POINTS
    assert air.radio.under_way() == 0


def test_a_device_keeps_no_more_under_way_than_it_may() -> None:
    """With room for two and 3.5 s of delay, messages 0, 1, 5, 6, 10, 11 go; the others are refused, and counted."""
    air = _air(room=2.0, median=3500.0, p99=3500.1)
    arrived = air.live(20)
    assert [step for step, packs in arrived.items() if packs and step < 15] == [0, 1, 5, 6, 10, 11]
    sent = {step: _whole(step + 4) for step in (0, 1, 5, 6, 10, 11)}
    assert {step: arrived[step] for step in sent} == sent
    report = air.radio.reports()[0]
    gone = sum(len(packs) for packs in arrived.values())
    assert report.refused_readings + gone + air.radio.under_way() == 20 * POINTS


def test_each_reading_has_the_time_of_its_own_clock() -> None:
    """Behind a radio the device stamps, on a wire the gateway, each with its clock's error."""
    book = book_of(fast(name="lte"), devices="lte")
    some = msgspec.structs.replace(standard_book().devices[0], kinds=("safety/gas",), shares={"desk-100m": 1.0})
    air = Air(msgspec.structs.replace(book, devices=(some,)))
    error_ms = np.arange(air.clocks, dtype=np.int64) * 7 - 300
    packed, edges = air.step(0, error_ms)
    ahead = packed.time_ms - START_MS - air.sampled_ms[packed.point]
    wanted = np.empty(POINTS, np.int64)
    wanted[:] = error_ms[air.layout.gateway]
    for place, members in enumerate(air.devices.members):
        wanted[list(members)] = error_ms[GATEWAYS + place]
    assert 0 < air.devices.wired.sum() < POINTS
    assert (ahead == wanted[packed.point]).all()
    assert sorted(packed.point.tolist()) == list(range(POINTS))
    gateways = np.repeat(np.arange(GATEWAYS), np.diff(edges))
    assert (air.layout.gateway[packed.point] == gateways).all()


def test_devices_have_the_shares_of_their_kinds() -> None:
    """Of many lamps the shares of links are those of the book; all points of a device are on one link."""
    layout = park_layout(20_000, 4)
    devices = settle(layout, catalogue.profiles(), standard_book(), streams()("devices"))
    behind = {link.id: place for place, link in enumerate(devices.links)}
    found = dict.fromkeys(behind, 0)
    for place, members in enumerate(devices.members):
        names = {layout.points[point].name.rpartition("/")[0] for point in members}
        assert len(names) == 1
        if names.pop().split("/")[0] == "lighting":
            found[devices.links[devices.link[place]].id] += 1
    lamps = sum(found.values())
    for name, share in standard_book().shares_of("lighting/lamp").items():
        assert abs(found[name] - share * lamps) < 5 * np.sqrt(lamps * share * (1 - share))
