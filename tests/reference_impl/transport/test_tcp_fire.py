"""Fire transmitters over TCP: confirmed after the commit, denied where the protocol wants it, known again."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from tcp_devices import ADDRESS, CENTRE, TEMPERATURE, Wire, edged_park, now_s

from contract.devices import gb26875
from contract.devices.gb26875 import Command, units

pytestmark = pytest.mark.anyio
DETECTOR = (1, 1, 42, 0x2000A)


def _device(source: int = ADDRESS) -> gb26875.Initiator:
    return gb26875.Initiator(source=source, destination=CENTRE)


def _fire(at_ms: int, text: str = "三号楼二层") -> units.PartState:
    return units.PartState(*DETECTOR, units.NORMAL | units.FIRE, text, gb26875.Clock.at(at_ms))


def _temperature(at_ms: int, celsius: float, kind: int = 3) -> units.AnalogueValue:
    return units.AnalogueValue(*DETECTOR, kind, gb26875.raw_value(3, celsius), gb26875.Clock.at(at_ms))


async def _exchange(wire: Wire, device: gb26875.Initiator, *objects: gb26875.Object) -> int:
    """Send objects and give the command that answered them."""
    at_ms = now_s()
    await wire.send(*(frame.to_bytes() for frame in device.offer(Command.SEND, gb26875.encode(objects), at_ms)))
    answer: gb26875.Frame = await wire.receive()
    device.receive(answer, at_ms)
    return answer.command


async def test_a_fire_is_confirmed_when_it_is_kept(tmp_path: Path) -> None:
    """The confirm means that the event is there: where the part is listed, with its text and the names of its bits."""
    async with edged_park(tmp_path) as park, park.transmitter() as wire:
        device, at_ms = _device(), now_s() - 5000
        assert await _exchange(wire, device, _fire(at_ms)) == Command.CONFIRM
        (event,) = await park.events()
        assert (event["subsystem"], event["zone"], event["device"]) == ("fire", "z02", "detector-0042")
        assert (event["kind"], event["traffic"], event["at_ms"]) == ("part-state", "state", at_ms)
        assert (event["fields"]["text"], event["fields"]["state"]) == ("三号楼二层", 3)
        assert "ire" in event["fields"]["set"]
        assert device.answered == 1


async def test_values_are_readings_and_all_else_is_an_event(tmp_path: Path) -> None:
    """A listed part's analogue value is readable in its unit; all else is kept as events."""
    async with edged_park(tmp_path) as park, park.transmitter() as wire:
        device, at_ms = _device(), now_s() - 5000
        values = (_temperature(at_ms, 31.5), _temperature(at_ms, 8.0, kind=1))
        assert await _exchange(wire, device, *values) == Command.CONFIRM
        told = gb26875.Clock.at(at_ms + 1000)
        assert await _exchange(wire, device, units.Operation(1, 1, 1, 7, told)) == Command.CONFIRM
        assert await _exchange(wire, device, units.SystemState(1, 1, 1, told)) == Command.CONFIRM
        assert await park.values(TEMPERATURE) == [31.5]
        found = {event["kind"]: event["device"] for event in await park.events()}
        assert found == {
            "analogue-value": "detector-0042",
            "operation": "transmitter-0001",
            "system-state": "transmitter-0001",
        }


async def test_a_frame_that_is_sent_again_is_confirmed_again_and_kept_once(tmp_path: Path) -> None:
    """On another connection and after a restart of the host too; a new serial number is a new event."""
    at_ms = now_s() - 5000
    unit = gb26875.encode((_temperature(at_ms, 31.5), _temperature(at_ms, 1.0, kind=1)))
    frame = gb26875.Frame(7, Command.SEND, ADDRESS, CENTRE, gb26875.Clock.at(at_ms), unit)
    async with edged_park(tmp_path) as park:
        for _ in range(2):
            async with park.transmitter() as wire:
                await wire.send(frame.to_bytes())
                assert (await wire.receive()).command == Command.CONFIRM
    async with edged_park(tmp_path, configured=False) as park, park.transmitter() as wire:
        await wire.send(frame.to_bytes(), frame._replace(serial=8).to_bytes())
        assert [(await wire.receive()).command for _ in range(2)] == [Command.CONFIRM] * 2
        assert park.counted("gb26875", "duplicate") == 1
        assert await park.values(TEMPERATURE) == [31.5, 31.5]
        assert len(await park.events()) == 2


async def test_a_heartbeat_is_confirmed(tmp_path: Path) -> None:
    """The field's empty command 2 is answered, and nothing is kept of it."""
    async with edged_park(tmp_path) as park, park.transmitter() as wire:
        assert await _exchange(wire, _device()) == Command.CONFIRM
        assert await park.events() == []


async def test_what_cannot_be_taken_is_denied(tmp_path: Path) -> None:
    """An unknown address, a damaged frame, a short unit, a request, a time that is none: command 6, nothing kept."""
    async with edged_park(tmp_path) as park, park.transmitter() as wire:
        at_ms = now_s() - 5000
        good = gb26875.Frame(1, Command.SEND, ADDRESS, CENTRE, gb26875.Clock.at(at_ms), gb26875.encode((_fire(at_ms),)))
        no_time = replace(_fire(at_ms), time=gb26875.Clock(0, 0, 0, 31, 2, 26))
        wrong = (
            good._replace(source=ADDRESS + 1).to_bytes(),
            good.to_bytes()[:-3] + bytes([good.to_bytes()[-3] ^ 1]) + b"##",
            good._replace(unit=good.unit[:-1]).to_bytes(),
            good._replace(command=Command.REQUEST).to_bytes(),
            good._replace(unit=gb26875.encode((no_time,))).to_bytes(),
            good._replace(unit=gb26875.encode((_fire(at_ms + 86_400_000),))).to_bytes(),
        )
        for frame in wrong:
            await wire.send(frame)
            answer = await wire.receive()
            assert (answer.command, answer.serial) == (Command.DENY, 1)
        assert await park.events() == []
        await wire.send(good.to_bytes())
        assert (await wire.receive()).command == Command.CONFIRM
        assert len(await park.events()) == 1


async def test_a_text_in_no_encoding_is_kept_as_it_can_be(tmp_path: Path) -> None:
    """Bytes that are no GB 18030 neither stop the commit nor lose the fire."""
    async with edged_park(tmp_path) as park, park.transmitter() as wire:
        at_ms = now_s() - 5000
        assert await _exchange(wire, _device(), _fire(at_ms, "a\udcff")) == Command.CONFIRM
        (event,) = await park.events()
        assert event["fields"]["text"] == "a\\udcff"
