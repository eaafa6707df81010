"""Framing of GB/T 26875.3: vectors, damage, chunks, bounds."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.devices.fault import Fault, ProtocolError
from contract.devices.gb26875 import Clock, Frame, Framer
from contract.errors import HarnessError

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))["gb26875_3"]
FRAMES = [bytes.fromhex(vector["hex"]) for vector in VECTORS]
FIRST, SECOND, THIRD = FRAMES[0], FRAMES[3], FRAMES[13]


def frames(found: list[Frame | Fault]) -> list[bytes]:
    """The frames among what came out, as bytes."""
    return [one.to_bytes() for one in found if isinstance(one, Frame)]


def kinds(found: list[Frame | Fault]) -> list[str]:
    """Kinds of the faults among what came out."""
    return [one.kind for one in found if isinstance(one, Fault)]


@pytest.mark.parametrize("frame", FRAMES, ids=[vector["name"] for vector in VECTORS])
def test_vectors_both_ways(frame: bytes) -> None:
    """Each vector is one frame and becomes the same bytes again."""
    framer = Framer()
    assert frames(framer.feed(frame)) == [frame]
    assert framer.deviations == {}
    assert framer.held_bytes == 0


def test_head_of_the_first_vector() -> None:
    """Every field of the control unit is read little-endian from its place."""
    (found,) = Framer().feed(FIRST)
    assert found == Frame(1, 2, 0x379, 0x15B38, Clock(32, 58, 9, 26, 9, 12), FIRST[27:-3], 1, 1)


CLOCKS = st.builds(Clock, *(st.integers(0, 255) for _ in range(6)))
ANY_FRAME = st.builds(
    Frame,
    serial=st.integers(0, 0xFFFF),
    command=st.integers(0, 255),
    source=st.integers(0, 2**48 - 1),
    destination=st.integers(0, 2**48 - 1),
    time=CLOCKS,
    unit=st.binary(max_size=1024),
    major=st.integers(0, 255),
    user=st.integers(0, 255),
)


@given(ANY_FRAME)
def test_what_is_written_is_read(frame: Frame) -> None:
    """Any frame comes back as it was, whatever its data unit holds."""
    assert Framer().feed(frame.to_bytes()) == [frame]


@given(st.binary(max_size=100), st.data())
def test_chunks_make_no_difference(noise: bytes, data: st.DataObject) -> None:
    """However the stream is cut, the same frames and faults come out."""
    stream = bytearray(
        FIRST + noise + SECOND + THIRD[:-9] + FIRST + b"@@@" + SECOND + FIRST[:25] + b"\x03" + THIRD + noise
    )
    for _ in range(data.draw(st.integers(0, 4))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.sampled_from(b"@#\x00\x01\x30"))
    whole = Framer()
    at_once = whole.feed(bytes(stream)) + whole.abandon()
    pieces, framer, place = [], Framer(), 0
    while place < len(stream):
        size = data.draw(st.integers(1, 120))
        pieces += framer.feed(bytes(stream[place : place + size]))
        place += size
    assert pieces + framer.abandon() == at_once
    assert framer.skipped_bytes == whole.skipped_bytes


def test_one_byte_at_a_time() -> None:
    """The smallest chunks are no exception."""
    framer = Framer()
    assert frames([one for byte in b"".join(FRAMES) for one in framer.feed(bytes((byte,)))]) == FRAMES
    assert framer.faults == 0


@pytest.mark.parametrize(
    ("place", "kind"), [(30, "checksum"), (-1, "end"), (-2, "end"), (-3, "checksum"), (4, "checksum")]
)
def test_damage_is_told_and_the_next_frame_is_found(place: int, kind: str) -> None:
    """One changed byte is one fault; the frames around it are not touched."""
    bad = bytearray(FIRST)
    bad[place] ^= 0x10
    found = Framer().feed(SECOND + bytes(bad) + THIRD)
    assert frames(found) == [SECOND, THIRD]
    assert kinds(found) == [kind]


def test_damaged_start_is_noise() -> None:
    """A frame without its start is passed over as noise."""
    found = Framer().feed(b"\x00" + FIRST[1:] + SECOND)
    assert frames(found) == [SECOND]
    assert found[0] == Fault("noise", 0, len(FIRST), b"\x00" + FIRST[1:32])


def test_contradictory_length_does_not_hold_the_next_frames_back() -> None:
    """A length that its type and count refute gives way to the whole frame inside it, at once."""
    bad = bytearray(FIRST)
    bad[25] = 3
    framer = Framer()
    assert framer.feed(bytes(bad)) == []
    found = framer.feed(SECOND)
    assert frames(found) == [SECOND]
    assert kinds(found) == ["length"]


def test_cut_frame_gives_the_next_one_back() -> None:
    """A frame that lost its end takes bytes of the next one; these are looked at again, at the latest in silence."""
    framer = Framer()
    assert framer.feed(FIRST[:30] + SECOND) == []
    found = framer.abandon()
    assert frames(found) == [SECOND]
    assert kinds(found) == ["truncated"]


def test_claim_of_a_damaged_heartbeat_gives_way() -> None:
    """What stands behind a heartbeat with a damaged length is found at once, whatever its checksum seems to be."""
    bad = bytearray(FRAMES[-1])
    bad[24:26] = b"\xb2\x03"
    found = Framer().feed(bytes(bad) + SECOND)
    assert frames(found) == [SECOND]
    assert kinds(found) == ["length"]


def test_checks_that_agree_by_chance_do_not_cost_the_next_frame() -> None:
    """A length that takes in the next frame, with a sum that fits by chance, is refuted by its own type and count."""
    head = Frame(1, 1, 2, 3, Clock(0, 0, 0, 1, 1, 26)).to_bytes()[:24]
    claimed = 3 + 4 + len(SECOND) - 3  # a duty check whose length takes in its own end and the next frame up to its sum
    for minutes in range(256):
        bad = head + claimed.to_bytes(2, "little") + b"\x01" + bytes((91, 1, minutes)) + b"\x00##\x00"
        stream = bad + SECOND
        if sum(stream[2:-3]) & 0xFF == stream[-3]:
            break
    assert stream[24] + 30 == len(stream)
    assert sum(stream[2:-3]) & 0xFF == stream[-3]
    found = Framer().feed(stream)
    assert frames(found) == [SECOND]
    assert kinds(found) == ["length"]


def test_text_in_a_panel_cannot_break_a_frame_apart() -> None:
    """A data unit of the user's that quotes a whole frame stays one frame."""
    outer = Frame(7, 2, 1, 2, Clock(0, 0, 0, 1, 1, 26), b"\x80\x01" + SECOND + b"tail")
    framer = Framer()
    assert framer.feed(outer.to_bytes()[:-3]) == []
    assert framer.feed(outer.to_bytes()[-3:]) == [outer]


def test_length_beyond_the_limit_is_no_frame() -> None:
    """1024 bytes is the most that a frame can claim."""
    bad = bytearray(FIRST)
    bad[24:26] = (1025).to_bytes(2, "little")
    assert frames(Framer().feed(bytes(bad) + SECOND)) == [SECOND]


def test_memory_is_bounded() -> None:
    """Neither noise nor claims make the framer hold more than one claim."""
    framer = Framer()
    for _ in range(200):
        framer.feed(b"@@" + b"\x01" * 22 + b"\xff\x03" + b"\x80" + b"x" * 990)
        assert framer.held_bytes <= 1054
    framer.feed(b"y" * 100_000)
    assert framer.held_bytes <= 1


def test_other_major_version_is_counted() -> None:
    """Another version's frame is read and counted."""
    framer = Framer()
    frame = Frame(1, 2, 3, 4, Clock(0, 0, 0, 1, 1, 26), major=2)
    assert framer.feed(frame.to_bytes()) == [frame]
    assert framer.deviations == {"major-version": 1}


def test_times() -> None:
    """A label and a moment are one, in China's time; a label that is none is an error with its bytes."""
    label = Clock(2, 58, 9, 26, 9, 12)
    assert label.time_ms() == 1_348_624_682_000
    assert Clock.at(1_348_624_682_000) == label
    with pytest.raises(ProtocolError, match="time: expected YYYYMMDDhhmmss, found 20121326095802"):
        label._replace(month=13).time_ms()
    with pytest.raises(ProtocolError, match="found 02 3a 09 1a 09 ff"):
        label._replace(year=255).time_ms()
    with pytest.raises(HarnessError, match="from 2000 to 2099, found 1970"):
        Clock.at(0)


@given(CLOCKS)
def test_any_label_is_a_time_or_the_typed_error(label: Clock) -> None:
    """Six bytes of any value never raise anything else, and a time makes the same label."""
    try:
        assert Clock.at(label.time_ms()) == label
    except ProtocolError:
        return


@pytest.mark.parametrize(
    "frame",
    [
        Frame(65536, 2, 1, 2, Clock(0, 0, 0, 1, 1, 26)),
        Frame(0, 2, 1 << 48, 2, Clock(0, 0, 0, 1, 1, 26)),
        Frame(0, 2, 1, 2, Clock(0, 0, 0, 1, 1, 256)),
        Frame(0, 2, 1, 2, Clock(0, 0, 0, 1, 1, 26), b"x" * 1025),
    ],
)
def test_what_does_not_fit_is_not_sent(frame: Frame) -> None:
    """A number beyond its field is our error, told before anything goes out."""
    with pytest.raises(HarnessError):
        frame.to_bytes()
