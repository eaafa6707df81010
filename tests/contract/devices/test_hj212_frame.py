"""Framing of HJ 212: vectors, damage, chunks, bounds."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.devices.fault import Deviations, Fault
from contract.devices.hj212.crc import crc, crc_text
from contract.devices.hj212.frame import FIELD_MAX, Frame, Framer, build
from contract.errors import HarnessError

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
FRAMES = [text.encode() for text in VECTORS["hj212_2017"]]
FIRST, SECOND, THIRD = FRAMES[:3]
HEAD_2025 = b"QN=20260801085857223;ST=32;CN=2011;PW=123456;MN=010000A8900016F000169DC0;Flag=9;CP=&&"
CIPHERTEXT = bytes.fromhex("0d0a23233031303139f3a1b2c4d5e6f78081f00a0d23268d9c") + b"\xee" * 7


def slow_crc(data: bytes) -> int:
    """Appendix A as it is written, bit by bit."""
    register = 0xFFFF
    for byte in data:
        register = (register >> 8) ^ byte
        for _ in range(8):
            carry = register & 1
            register >>= 1
            if carry:
                register ^= 0xA001
    return register


def frames(found: list[Frame | Fault]) -> list[bytes]:
    """The frames among what came out, as bytes."""
    return [one.to_bytes() for one in found if isinstance(one, Frame)]


def faults(found: list[Frame | Fault]) -> list[Fault]:
    """The faults among what came out."""
    return [one for one in found if isinstance(one, Fault)]


@pytest.mark.parametrize(("text", "value"), VECTORS["crc212"].items())
def test_check_values_of_the_vectors(text: str, value: str) -> None:
    """The check value is the standard's and not that of MODBUS."""
    assert crc_text(text.encode()).decode() == value


@given(st.binary(max_size=1_200))
def test_check_value_is_that_of_the_appendix(data: bytes) -> None:
    """The folded computation agrees with the bit by bit one."""
    assert crc(data) == slow_crc(data)
    assert crc_text(data) == b"%04X" % slow_crc(data)


@pytest.mark.parametrize("size", [1_023, 1_024, 1_025, 2_048, 4_097, FIELD_MAX])
def test_check_value_of_long_segments(size: int) -> None:
    """Any length that four digits can tell is folded rightly."""
    data = bytes(range(256)) * 40
    assert crc(data[:size]) == slow_crc(data[:size])


def test_check_value_does_not_notice_an_exchange_eight_places_apart() -> None:
    """The weakness that the documentation tells is real, so other checks are needed."""
    assert crc(b"A1234567B") == crc(b"B1234567A")
    assert len({crc(bytes((one, other))) for one in range(256) for other in range(256)}) == 256


@pytest.mark.parametrize("frame", FRAMES)
def test_vectors_both_ways(frame: bytes) -> None:
    """Each vector is one frame and becomes the same bytes again."""
    framer = Framer()
    (found,) = framer.feed(frame)
    assert isinstance(found, Frame)
    assert found.to_bytes() == frame == build(found.segment)
    assert framer.deviations == {}
    assert framer.held_bytes == 0


def test_segment_that_is_too_long_is_not_sent() -> None:
    """The standard's 1024 bytes hold for what we build."""
    assert len(build(b"x" * 1024)) == 1036
    with pytest.raises(HarnessError, match="at most 1024 bytes, found 1025"):
        build(b"x" * 1025)


@given(st.binary(max_size=200), st.data())
def test_chunks_make_no_difference(noise: bytes, data: st.DataObject) -> None:
    """However the stream is cut, the same frames and faults come out."""
    stream = bytearray(FIRST + noise + SECOND + THIRD[:-4] + FIRST + b"##0900" + SECOND + b"\r\n" + THIRD + noise)
    for _ in range(data.draw(st.integers(0, 4))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.sampled_from(b"#0129&\r\n"))
    whole = Framer()
    at_once = whole.feed(bytes(stream)) + whole.abandon()
    pieces, framer, place = [], Framer(), 0
    while place < len(stream):
        size = data.draw(st.integers(1, 300))
        pieces += framer.feed(bytes(stream[place : place + size]))
        place += size
    pieces += framer.abandon()
    assert pieces == at_once
    assert framer.deviations == whole.deviations
    assert framer.skipped_bytes == whole.skipped_bytes


def test_one_byte_at_a_time() -> None:
    """The smallest chunks are no exception."""
    framer, stream = Framer(), b"".join(FRAMES)
    found = [one for byte in stream for one in framer.feed(bytes((byte,)))]
    assert frames(found) == FRAMES
    assert framer.faults == 0


def test_noise_before_a_frame_is_one_fault() -> None:
    """Bytes that belong to no frame are told once, with their place and number."""
    framer = Framer()
    found = framer.feed(FIRST + b"ATZ OK +CSQ" + SECOND)
    assert frames(found) == [FIRST, SECOND]
    assert faults(found) == [Fault("noise", len(FIRST), 11, b"ATZ OK +CSQ")]


def test_wrong_check_value_is_told_at_once() -> None:
    """A damaged frame is a fault as soon as it is there; the next one is not touched."""
    framer = Framer()
    bad = SECOND.replace(b"50.1", b"59.1")
    assert faults(framer.feed(bad)) == [Fault("checksum", 0, len(bad), bad[:32])]
    assert frames(framer.feed(THIRD)) == [THIRD]


def test_length_too_large_does_not_hold_the_next_frames_back() -> None:
    """A whole frame inside a claim refutes it at once, though the claim is not yet filled."""
    framer = Framer()
    bad = b"##9101" + FIRST[6:]
    assert framer.feed(bad) == []
    found = framer.feed(SECOND)
    assert found[0] == Fault("length", 0, len(bad), bad[:32])
    assert frames(found) == [SECOND]
    assert framer.held_bytes == 0


def test_length_too_small() -> None:
    """What is left of a frame that claims too little is passed over."""
    found = Framer().feed(b"##0050" + FIRST[6:] + SECOND)
    assert frames(found) == [SECOND]
    assert [fault.kind for fault in faults(found)] == ["end", "noise"]


def test_truncated_frame_then_silence() -> None:
    """When nothing more comes, what waits is given up, and frames inside it are found."""
    framer = Framer(segment_max=1024)
    assert framer.feed(b"##1000" + SECOND[:-2]) == []
    found = framer.abandon()
    assert frames(found) == [SECOND]
    assert faults(found) == [Fault("truncated", 0, 6, b"##1000")]
    assert framer.deviations == {"tail-missing": 1}
    assert frames(framer.feed(THIRD)) == [THIRD]


def test_lower_case_check_value_is_tolerated() -> None:
    """The field's lower-case digits are read and counted."""
    framer = Framer()
    assert frames(framer.feed(FIRST[:-6] + b"1c80\r\n")) == [FIRST]
    assert framer.deviations == {"crc-case": 1}


def test_missing_tails_are_tolerated() -> None:
    """Loggers that send no CR LF are understood, one frame behind the other."""
    framer = Framer()
    found = framer.feed(FIRST[:-2] + SECOND[:-2] + THIRD[:-2])
    assert frames(found) == [FIRST, SECOND]
    assert frames(framer.abandon()) == [THIRD]
    assert framer.deviations == {"tail-missing": 3}
    assert framer.faults == 0


def test_more_line_ends_are_no_fault() -> None:
    """Blank lines between frames are a habit, not damage."""
    framer = Framer()
    assert frames(framer.feed(FIRST + b"\r\n\n" + SECOND)) == [FIRST, SECOND]
    assert framer.deviations == {"line-ends": 1}
    assert framer.faults == 0


@pytest.mark.parametrize("stray", [b"#", b"##", b"###", b"##01", b"##0x99"])
def test_stray_starts(stray: bytes) -> None:
    """A start that begins nothing does not hide the real one."""
    assert frames(Framer().feed(stray + FIRST + SECOND)) == [FIRST, SECOND]


def test_memory_is_bounded() -> None:
    """Neither noise nor claims make the framer hold more than one claim."""
    framer = Framer()
    for _ in range(200):
        framer.feed(b"##9999" + b"x" * 994)
        assert framer.held_bytes <= FIELD_MAX + 12
    framer.feed(b"y" * 100_000)
    assert framer.held_bytes <= 1
    assert framer.skipped_bytes > 200_000


def test_claims_beyond_the_allowed_length_are_none() -> None:
    """Who allows the standard's length only is never made to wait for more."""
    framer = Framer(segment_max=1024)
    assert frames(framer.feed(b"##1025" + FIRST)) == [FIRST]


def encrypted(area: bytes) -> bytes:
    """A frame of edition 2025 whose check value is that of a plain text that we do not have."""
    segment = HEAD_2025 + area + b"&&"
    return b"##%04d%b%b\r\n" % (len(segment), segment, b"ABC1")


def test_ciphertext_is_framed_by_its_length() -> None:
    """Raw CR LF and `##` in ciphertext do not break the stream, and the frame says that it is encrypted."""
    framer, secret = Framer(), encrypted(CIPHERTEXT)
    found = framer.feed(FIRST + secret + SECOND)
    assert frames(found) == [FIRST, secret, SECOND]
    assert [one.is_encrypted for one in found if isinstance(one, Frame)] == [False, True, False]
    assert framer.faults == 0


def test_damaged_plain_text_is_no_ciphertext() -> None:
    """A frame of edition 2025 in plain text, damaged, stays a fault; so does ciphertext in a frame of 2017."""
    plain = build(HEAD_2025 + b"DataTime=20260801085857;w01018-Rtd=40.1,w01018-Flag=N&&")
    assert [fault.kind for fault in faults(Framer().feed(plain.replace(b"40.1", b"\xf4\x01.9")))] == ["checksum"]
    old = encrypted(CIPHERTEXT).replace(b"Flag=9", b"Flag=5")
    assert "checksum" in [fault.kind for fault in faults(Framer().feed(old + FIRST))]


def test_deviations_are_the_callers() -> None:
    """One counter can serve many framers."""
    shared = Deviations()
    for _ in range(2):
        Framer(shared).feed(FIRST[:-6] + b"1c80\r\n")
    assert shared["crc-case"] == 2
