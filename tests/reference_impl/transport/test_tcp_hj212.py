"""Environment loggers over TCP: answered after the commit, stored once, refused by the protocol's own codes."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace
from tcp_devices import COD, DEVICES, EDGES, LOGGER, MN, POINTS, data, edged_park, now_s
from transport_nodes import until

from contract.devices import hj212
from contract.devices_registry import DeviceList
from contract.messages import PointList
from reference_impl.store.database import StoreError
from reference_impl.transport.tcp.connection import ConnectionBounds
from reference_impl.transport.tcp.edges import EdgeSettings

pytestmark = pytest.mark.anyio
COD_MINUTE = "env/z03/outlet-0001/cod-minute"


def _endless() -> hj212.Segment:
    """A value of so many digits that no number can hold it."""
    items = ((("DataTime", "20240101000000"),), (("w01018-Rtd", "9" * 400),))
    return hj212.Segment(qn="20240101000000000", st="32", cn="2011", pw="123456", mn=MN, flag=5, items=items)


async def test_an_upload_is_answered_when_it_can_be_read(tmp_path: Path) -> None:
    """A logger uploads value after value; each 9014 means that the reading is there, and a rule on it raises."""
    async with edged_park(tmp_path) as park, park.logger() as wire:
        link, begin_ms = hj212.Uploader(), now_s() - 10_000
        for number, value in enumerate((40.0, 250.0)):
            at_ms = begin_ms + 1000 * number
            await wire.send(*(segment.to_frame() for segment in link.offer(data(value, at_ms), at_ms)))
            answer = await wire.answer()
            assert (answer.cn, answer.mn) == ("9014", MN)
            link.receive(answer, at_ms)
            assert (await park.values(COD))[number] == value
        assert (link.answered, link.waiting) == (2, 0)
        alerts = (await park.node.client.get("/v1/alerts", headers=park.node.bearer("operator"))).json()["alerts"]
        assert [(alert["point"], alert["rule"]) for alert in alerts] == [(COD, "cod-high")]


@pytest.mark.parametrize("marked", [False, True])
async def test_a_frame_that_is_sent_again_is_answered_again_and_stored_once(tmp_path: Path, *, marked: bool) -> None:
    """With RF=1 or without, on the same connection or another, and after a restart of the host."""
    at_ms = now_s() - 5000
    edition = 2 if marked else 1
    first = data(41.0, at_ms, edition=edition)
    again = replace(first, resent=marked)
    async with edged_park(tmp_path) as park:
        async with park.logger() as wire:
            await wire.send(first.to_frame(), again.to_frame())
            assert [(await wire.answer()).cn for _ in range(2)] == ["9014", "9014"]
        async with park.logger() as wire:
            await wire.send(again.to_frame())
            assert (await wire.answer()).cn == "9014"
        assert await park.values(COD) == [41.0]
    async with edged_park(tmp_path, configured=False) as park, park.logger() as wire:
        await wire.send(again.to_frame(), data(42.0, at_ms + 1000).to_frame())
        assert [(await wire.answer()).cn for _ in range(2)] == ["9014", "9014"]
        assert await park.values(COD) == [41.0, 42.0]
        assert park.counted("hj212", "duplicate") == 1


@pytest.mark.parametrize(
    ("segment", "code"),
    [
        (data(1.0, 1_700_000_000_000, mn="0" * 24), "4"),
        (data(1.0, 1_700_000_000_000, pw="000000"), "3"),
        (data(1.0, 4_000_000_000_000), "2"),
        (_endless(), "2"),
        (hj212.Segment(qn="20240101000000000", st="32", cn="3019", pw="123456", mn=MN, flag=5), "8"),
        (hj212.Segment(qn="20240101000000000", st="32", cn="2021", pw="123456", mn=MN, flag=5), "8"),
    ],
    ids=["unknown MN", "wrong password", "in the future", "infinite", "unknown command", "no contents"],
)
async def test_what_cannot_be_taken_is_refused_by_code(tmp_path: Path, segment: hj212.Segment, code: str) -> None:
    """The QnRtn of table 7 says why; nothing is stored, and the connection goes on."""
    async with edged_park(tmp_path) as park, park.logger() as wire:
        good = data(7.0, now_s() - 5000)
        await wire.send(segment.to_frame())
        refusal = await wire.answer()
        assert (refusal.cn, refusal.values()["QnRtn"], refusal.qn) == ("9011", code, segment.qn)
        await wire.send(good.to_frame())
        assert (await wire.answer()).cn == "9014"
        assert await park.values(COD) == [7.0]
        assert await park.events() == []


async def test_an_old_frame_is_refused_where_a_window_is_set(tmp_path: Path) -> None:
    """A QN outside of the operator's window gets QnRtn 7, for replayed frames are a known attack."""
    window = hj212.Freshness(past_ms=60_000, future_ms=60_000, resent_past_ms=60_000)
    async with (
        edged_park(tmp_path, EdgeSettings(hj212_port=0, fire_port=0, freshness=window)) as park,
        park.logger() as wire,
    ):
        await wire.send(data(1.0, now_s(), qn_ms=now_s() - 120_000).to_frame())
        assert (await wire.answer()).values()["QnRtn"] == "7"
        await wire.send(data(2.0, now_s()).to_frame())
        assert (await wire.answer()).cn == "9014"
        assert await park.values(COD) == [2.0]


async def test_a_cadence_may_have_a_point_of_its_own(tmp_path: Path) -> None:
    """What is listed for the cadence goes before what is listed for the factor alone."""
    (listed,) = DEVICES.loggers
    factors = {"w01018": COD, "w01018@minute": COD_MINUTE}
    points = PointList(points=[*POINTS.points, replace(POINTS.points[0], name=COD_MINUTE)])
    async with edged_park(tmp_path, configured=False) as park, park.logger() as wire:
        await park.put("points", points)
        assert (await park.put("devices", DeviceList(loggers=[replace(listed, factors=factors)]))).status_code == 200
        at_ms = now_s() // 60_000 * 60_000 - 60_000
        told = hj212.from_readings("minute", at_ms, {COD: (30.0, "N")}, {COD: "w01018"})
        await wire.send(data(31.0, at_ms).to_frame(), hj212.encode(told, LOGGER, qn_ms=at_ms + 1).to_frame())
        assert [(await wire.answer()).cn for _ in range(2)] == ["9014", "9014"]
        assert (await park.values(COD), await park.values(COD_MINUTE)) == ([31.0], [30.0])


async def test_packets_of_an_upload_are_answered_one_by_one(tmp_path: Path) -> None:
    """Each packet has its time and its number, so each is used when it comes; none is taken for another."""
    at_ms = now_s() - 5000
    first = data(31.0, at_ms)
    packets = [
        replace(first, flag=first.flag | 2, pnum=2, pno=number, items=(first.items[0], (("w01018-Rtd", value),)))
        for number, value in ((1, "31.0"), (2, "32.0"))
    ]
    async with edged_park(tmp_path) as park, park.logger() as wire:
        await wire.send(*(packet.to_frame() for packet in packets))
        assert [(await wire.answer()).cn for _ in packets] == ["9014", "9014"]
        assert sorted(await park.values(COD)) == [31.0, 32.0]


async def test_a_frame_without_a_number_is_known_by_its_contents(tmp_path: Path) -> None:
    """Loggers of the edition of 2005 may send no QN: nothing is answered, and the same contents are stored once."""
    at_ms = now_s() - 5000
    first, second = (replace(data(value, at_ms), qn="") for value in (31.0, 32.0))
    async with edged_park(tmp_path) as park, park.logger() as wire:
        await wire.send(first.to_frame(), first.to_frame(), second.to_frame(), data(33.0, at_ms + 1000).to_frame())
        assert (await wire.answer()).qn
        assert sorted(await park.values(COD)) == [31.0, 32.0, 33.0]


async def test_a_flagged_value_is_an_event_and_no_reading(tmp_path: Path) -> None:
    """What the logger itself marks as calibration is kept, but is not judged."""
    async with edged_park(tmp_path) as park, park.logger() as wire:
        at_ms = now_s() - 5000
        await wire.send(data(500.0, at_ms, flag="C").to_frame())
        assert (await wire.answer()).cn == "9014"
        assert await park.values(COD) == []
        (event,) = await park.events()
        assert (event["subsystem"], event["zone"], event["device"]) == ("env", "z03", "outlet-0001")
        assert (event["kind"], event["at_ms"], event["fields"]["flag"]) == ("data-flag", at_ms, "C")
        assert event["fields"]["Rtd"] == 500.0


async def test_what_a_logger_tells_of_itself_is_an_event(tmp_path: Path) -> None:
    """A start and the states of facilities are kept at the logger's place; a heartbeat is answered by 9013."""
    at_ms = now_s() - 5000
    told = (
        hj212.StartUp(time_ms=at_ms, restart_ms=at_ms - 60_000),
        hj212.FacilityState(time_ms=at_ms + 1000, states={1: 1, 2: 0}),
        hj212.Heartbeat(),
    )
    logger = hj212.Logger(st="32", pw="123456", mn=MN, edition=2)
    async with edged_park(tmp_path) as park, park.logger() as wire:
        for number, message in enumerate(told):
            await wire.send(hj212.encode(message, logger, qn_ms=at_ms + number).to_frame())
            assert (await wire.answer()).cn == ("9013" if isinstance(message, hj212.Heartbeat) else "9014")
        found = [(event["kind"], event["fields"]) for event in await park.events()]
        assert found == [("facility-state", {"SB1": 1, "SB2": 0}), ("logger-start", {"restart_ms": at_ms - 60_000})]


async def test_damage_costs_only_the_damaged_frame(tmp_path: Path) -> None:
    """Noise, a false length and a flipped byte between good frames: the good ones are all stored."""
    async with edged_park(tmp_path) as park, park.logger() as wire:
        begin_ms = now_s() - 10_000
        good = [data(float(number), begin_ms + 1000 * number).to_frame() for number in range(4)]
        flipped = good[0].replace(b"CN=2011", b"CN=2O11")
        await wire.send(b"\xff\x00noise", good[0], flipped, good[1], b"##0999QN=", good[2], good[3][:30])
        await wire.send(good[3][30:])
        assert [(await wire.answer()).cn for _ in good] == ["9014"] * 4
        assert await park.values(COD) == [0.0, 1.0, 2.0, 3.0]
        assert park.counted("hj212", "checksum") >= 1


async def test_who_sends_rubbish_is_cut_off_and_disturbs_nobody(tmp_path: Path) -> None:
    """Past the bound the connection ends, whether it sends noise or guesses passwords; another one goes on."""
    bounds = ConnectionBounds(offences_max=3, rubbish_bytes_max=10_000)
    guess = data(1.0, now_s(), pw="999999").to_frame()
    async with (
        edged_park(tmp_path, EdgeSettings(hj212_port=0, fire_port=0, bounds=bounds)) as park,
        park.logger() as good,
    ):
        async with park.logger() as noisy:
            await noisy.send(b"z" * 20_000)
            assert await noisy.is_closed()
        async with park.logger() as guessing:
            await guessing.send(guess * 5)
            assert await guessing.is_closed()
        assert (park.counted("hj212", "rubbish"), park.counted("hj212", "cut-off")) == (1, 1)
        assert park.counted("hj212", "wrong-password") == 4
        await good.send(data(5.0, now_s() - 5000).to_frame())
        assert (await good.answer()).cn == "9014"


async def test_who_does_not_read_is_not_read_and_in_the_end_cut_off(tmp_path: Path) -> None:
    """A peer that leaves its answers unread stops being read itself, so memory is bounded."""
    bounds = ConnectionBounds(unread_bytes_max=1000, in_flight_max=8, unread_s=5.0)
    async with (
        edged_park(tmp_path, EdgeSettings(hj212_port=0, fire_port=0, bounds=bounds)) as park,
        park.logger() as wire,
    ):
        frame = data(5.0, now_s() - 5000).to_frame()
        port = park.edges.ports["hj212"]
        sending = asyncio.create_task(wire.send(*[frame] * 100_000))
        (connection,) = port.connections
        await until(lambda: connection.is_blocked)
        loop = asyncio.get_running_loop()
        port.sweep(loop.time() + 1.0)
        assert port.connections
        port.sweep(loop.time() + 6.0)
        await until(lambda: not port.connections)
        assert park.counted("hj212", "unread") == 1
        assert park.counted("hj212", "duplicate") < 100_000 - 1
        await asyncio.gather(sending, return_exceptions=True)


async def test_silence_ends_a_connection_and_half_a_frame(tmp_path: Path) -> None:
    """A frame whose rest never comes is given up, and what it swallowed is used; a silent device is let go."""
    async with edged_park(tmp_path) as park, park.logger() as wire:
        port, loop = park.edges.ports["hj212"], asyncio.get_running_loop()
        frame = data(5.0, now_s() - 5000).to_frame()
        await wire.send(frame.removesuffix(b"\r\n"))
        (connection,) = port.connections
        await until(lambda: connection.held_bytes > 0)
        port.sweep(loop.time() + EDGES.bounds.between_bytes_s + 1.0)
        assert (await wire.answer()).cn == "9014"
        port.sweep(loop.time() + EDGES.bounds.idle_s + 1.0)
        assert await wire.is_closed()
        assert park.counted("hj212", "idle") == 1


async def test_there_is_room_for_so_many_and_no_more(tmp_path: Path) -> None:
    """One connection above the bound is closed at once."""
    bounds = ConnectionBounds(connections_max=1)
    async with (
        edged_park(tmp_path, EdgeSettings(hj212_port=0, fire_port=0, bounds=bounds)) as park,
        park.logger() as first,
    ):
        await first.send(data(5.0, now_s() - 5000).to_frame())
        assert (await first.answer()).cn == "9014"
        async with park.logger() as second:
            assert await second.is_closed()
        assert park.counted("hj212", "connection-refused") == 1


async def test_loggers_come_over_ipv6(tmp_path: Path) -> None:
    """The edge listens at the address it was given, of either version."""
    async with edged_park(tmp_path, address="::1") as park, park.logger() as wire:
        await wire.send(data(5.0, now_s() - 5000).to_frame())
        assert (await wire.answer()).cn == "9014"


async def test_many_loggers_frames_in_flight_share_commits(tmp_path: Path) -> None:
    """Frames that wait together are committed together, each answered, each stored once."""
    async with edged_park(tmp_path) as park:
        begin_ms, count = now_s() - 400_000, 300
        async with park.logger() as one, park.logger() as other:
            frames = [data(float(number), begin_ms + 1000 * number).to_frame() for number in range(count)]
            await asyncio.gather(one.send(*frames[::2]), other.send(*frames[1::2]))
            for wire in (one, other):
                assert {(await wire.answer()).cn for _ in range(count // 2)} == {"9014"}
        assert await park.values(COD) == [float(number) for number in range(count)]
        assert park.node.host.store.journal_position < count / 2


async def test_a_commit_that_fails_is_not_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing durable, no 9014: the same frame sent again is new, stored once and answered."""
    async with edged_park(tmp_path) as park, park.logger() as wire:
        store, frame = park.node.host.store, data(31.0, now_s() - 5000).to_frame()

        def fail(*_: object) -> None:
            raise StoreError("the disk is full")

        with monkeypatch.context() as broken:
            broken.setattr(store, "commit", fail)
            await wire.send(frame)
            await until(lambda: park.counted("hj212", "unavailable") == 1)
        await until(lambda: park.node.host.commits.healthy)
        assert await park.values(COD) == []
        await wire.send(frame)
        assert (await wire.answer()).cn == "9014"
        assert await park.values(COD) == [31.0]
        assert park.counted("hj212", "stored") == 1
