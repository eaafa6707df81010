"""Confirm, deny, resend and heartbeat of GB/T 26875.3, in given time."""

import pytest

from contract.devices import gb26875
from contract.devices.fault import Deviations, Fault
from contract.devices.gb26875 import Clock, Command, Frame, Framer, decode, encode
from contract.devices.gb26875 import units as u

NOW = 1_790_000_000_000
DEVICE, CENTRE = 0x379, 0x15B38
FIRE = encode((u.SystemState(1, 1, u.NORMAL | u.FIRE, Clock.at(NOW)),))
POWER = encode((u.TransmitterState(8, Clock.at(NOW)),))


def test_two_real_machines_talk() -> None:
    """An alarm goes over the line, is confirmed with its serial number, and the next one follows."""
    device, centre, line = gb26875.Initiator(DEVICE, CENTRE), gb26875.Responder(), Framer()
    waiting = device.offer(Command.SEND, POWER, NOW)
    assert device.offer(Command.SEND, b"", NOW) == []
    verdicts = []
    while waiting:
        (sent,) = line.feed(waiting[0].to_bytes())
        received = centre.receive(sent, NOW + 50)
        verdicts.append((waiting[0].serial, received.verdict))
        (confirm,) = received.answers
        assert (confirm.command, confirm.serial, confirm.source, confirm.destination, confirm.unit) == (
            Command.CONFIRM,
            waiting[0].serial,
            CENTRE,
            DEVICE,
            b"",
        )
        waiting = device.receive(confirm, NOW + 100)
    assert verdicts == [(0, "new"), (1, "heartbeat")]
    assert (device.answered, device.waiting, device.due_ms) == (2, 0, None)
    assert centre.deviations == {"heartbeat": 1}


def test_fire_goes_before_everything_that_waits() -> None:
    """A fire overtakes, and a full queue does not refuse it."""
    device = gb26875.Initiator(DEVICE, CENTRE, queue_max=2)
    (first,) = device.offer(Command.SEND, POWER, NOW)
    device.offer(Command.SEND, POWER, NOW)
    device.offer(Command.SEND, POWER, NOW)
    assert device.refused == 1
    device.offer(Command.SEND, FIRE, NOW, is_fire=True)
    (second,) = device.receive(gb26875.reply(first, Command.CONFIRM, NOW), NOW)
    assert second.unit == FIRE


def test_three_resends_then_the_exchange_has_failed() -> None:
    """Ten seconds four times, with the same serial number; then the next exchange begins."""
    device = gb26875.Initiator(DEVICE, CENTRE)
    device.offer(Command.SEND, FIRE, NOW, is_fire=True)
    device.offer(Command.SEND, POWER, NOW)
    for again in range(1, 4):
        assert device.tick(NOW + 10_000 * again - 1) == []
        (sent,) = device.tick(NOW + 10_000 * again)
        assert (sent.serial, sent.unit, sent.time) == (0, FIRE, Clock.at(NOW + 10_000 * again))
    (following,) = device.tick(NOW + 40_000)
    assert (following.serial, following.unit) == (1, POWER)
    assert (device.failures, [frame.unit for frame in device.failed]) == (1, [FIRE])


def test_denial_is_sent_again_at_once() -> None:
    """A deny counts as a resend and needs no timeout."""
    device = gb26875.Initiator(DEVICE, CENTRE, gb26875.Timing(resends=1))
    (sent,) = device.offer(Command.SEND, FIRE, NOW)
    deny = gb26875.reply(sent, Command.DENY, NOW)
    assert [frame.serial for frame in device.receive(deny, NOW)] == [0]
    assert device.receive(deny, NOW) == []
    assert (device.denied, device.failures) == (2, 1)


def test_other_replies_are_not_taken() -> None:
    """Another serial number, another sender or another command does not end the wait."""
    centre = gb26875.Initiator(CENTRE, DEVICE)
    (sent,) = centre.offer(Command.REQUEST, encode((u.ReadTransmitterState(),)), NOW)
    answer = gb26875.reply(sent, Command.ANSWER, NOW, POWER)
    wrong = (answer._replace(serial=9), answer._replace(source=5), answer._replace(command=Command.CONFIRM))
    assert [centre.receive(one, NOW) for one in wrong] == [[], [], []]
    assert centre.unexpected == 3
    assert centre.receive(answer, NOW) == []
    assert centre.answered == 1


def test_query_is_answered_or_denied() -> None:
    """A transmitter answers what it can and denies the rest."""
    device = gb26875.Responder(answer=lambda asked: POWER if asked == (u.ReadTransmitterState(),) else None)
    ask = Frame(7, Command.REQUEST, CENTRE, DEVICE, Clock.at(NOW), encode((u.ReadTransmitterState(),)))
    (answer,) = device.receive(ask, NOW).answers
    assert (answer.command, answer.serial, decode(answer.unit, Deviations())) == (
        Command.ANSWER,
        7,
        (u.TransmitterState(8, Clock.at(NOW)),),
    )
    (denied,) = device.receive(ask._replace(unit=encode((u.ReadTransmitterVersion(),))), NOW).answers
    assert denied.command == Command.DENY


def test_duplicate_is_confirmed_again_and_used_once() -> None:
    """The confirm got lost: the same serial number and unit are known again, though the time label is newer."""
    centre = gb26875.Responder(remembered=1)
    frame = Frame(1, Command.SEND, DEVICE, CENTRE, Clock.at(NOW), FIRE)
    assert centre.receive(frame, NOW).verdict == "new"
    again = centre.receive(frame._replace(time=Clock.at(NOW + 10_000)), NOW + 10_000)
    assert again.verdict == "duplicate"
    assert again.answers[0].command == Command.CONFIRM
    assert centre.receive(frame._replace(serial=2), NOW).verdict == "new"
    assert centre.receive(frame, NOW).verdict == "new"


@pytest.mark.parametrize(
    ("command", "unit"), [(0, b""), (7, b""), (200, b""), (Command.SEND, b"\x01\x01\x00"), (Command.CONTROL, b"\x5a")]
)
def test_what_is_wrong_is_denied(command: int, unit: bytes) -> None:
    """Unknown commands and units without sense get a deny with their serial number."""
    received = gb26875.Responder().receive(Frame(5, command, DEVICE, CENTRE, Clock.at(NOW), unit), NOW)
    assert (received.verdict, received.answers[0].command, received.answers[0].serial) == ("denied", Command.DENY, 5)


def test_faults_are_denied_where_their_head_is_there() -> None:
    """A wrong checksum is denied to its sender; noise and damaged replies are not answered."""
    frame = Frame(5, Command.SEND, DEVICE, CENTRE, Clock.at(NOW), FIRE)
    bad = bytearray(frame.to_bytes())
    bad[-3] ^= 1
    (fault,) = Framer().feed(bytes(bad))
    assert isinstance(fault, Fault)
    (deny,) = gb26875.Responder().receive(fault, NOW).answers
    assert (deny.command, deny.serial, deny.destination) == (Command.DENY, 5, DEVICE)
    centre = gb26875.Responder()
    assert centre.receive(Fault("noise", 0, 40, b"x" * 32), NOW).answers == ()
    reply = bytearray(gb26875.reply(frame, Command.CONFIRM, NOW).to_bytes())
    reply[-3] ^= 1
    (fault,) = Framer().feed(bytes(reply))
    assert centre.receive(fault, NOW).answers == ()
    assert centre.counts == {"denied": 2}


def test_broken_replies_are_not_answered() -> None:
    """Two ends never deny each other's denials for ever."""
    frame = Frame(5, Command.ANSWER, DEVICE, CENTRE, Clock.at(NOW), b"\x01")
    assert gb26875.Responder().receive(frame, NOW) == ("denied", (), ())
    assert gb26875.Responder().receive(frame._replace(command=Command.DENY, unit=b""), NOW) == ("reply", (), ())


def test_serial_numbers_wrap() -> None:
    """After 65535 comes 0."""
    device = gb26875.Initiator(DEVICE, CENTRE)
    device._serial = 65_535  # noqa: SLF001 - the only way there in less than 65,535 exchanges
    (last,) = device.offer(Command.SEND, POWER, NOW)
    device.offer(Command.SEND, POWER, NOW)
    (first,) = device.receive(gb26875.reply(last, Command.CONFIRM, NOW), NOW)
    assert (last.serial, first.serial) == (65_535, 0)
