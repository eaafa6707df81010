"""Data segments of HJ 212: as the standard writes them, as the field writes them, and as nobody should."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.devices.fault import Deviations, ProtocolError, Strict
from contract.devices.hj212.frame import Frame, Framer, build
from contract.devices.hj212.segment import Segment, parse, parse_segment

FRAMES = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))["hj212_2017"]
MN = "010000A8900016F000169DC0"
HEAD = f"QN=20160801085857223;ST=32;CN=2011;PW=123456;MN={MN};Flag=5;"
AREA = "CP=&&DataTime=20160801085857;w01018-Rtd=40.1,w01018-Flag=N&&"
GOOD = Segment(
    qn="20160801085857223",
    st="32",
    cn="2011",
    pw="123456",
    mn=MN,
    flag=5,
    items=((("DataTime", "20160801085857"),), (("w01018-Rtd", "40.1"), ("w01018-Flag", "N"))),
)


def framed(frame: str) -> Frame:
    """The only frame in a text."""
    (found,) = Framer().feed(frame.encode())
    assert isinstance(found, Frame)
    return found


@pytest.mark.parametrize("text", FRAMES)
def test_vectors_both_ways(text: str) -> None:
    """Each vector is read without any deviation and written as it was."""
    assert parse(framed(text), Strict()).to_frame() == text.encode()


def test_fields_of_a_vector() -> None:
    """Every field ends up where it belongs."""
    assert parse_segment((HEAD + AREA).encode(), Strict()) == GOOD
    assert (GOOD.answer_wanted, GOOD.in_packets, GOOD.edition) == (True, False, 1)
    assert GOOD.values() == {"DataTime": "20160801085857", "w01018-Rtd": "40.1", "w01018-Flag": "N"}


NAMES = st.from_regex(r"[a-zA-Z][a-zA-Z0-9]{0,9}(-[A-Za-z]{1,6})?", fullmatch=True)
VALUES = st.text(st.characters(categories=("L", "N", "Pd", "Po"), exclude_characters=";,=&/"), min_size=1, max_size=12)
ITEMS = st.lists(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=4).map(tuple), max_size=5).map(tuple)
DIGITS = st.integers(0, 10**17 - 1).map("{:017d}".format)


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """Any segment that the standard allows, of edition 2017 or 2025."""
    pnum = draw(st.integers(0, 99))
    return Segment(
        qn=draw(DIGITS),
        st=draw(st.sampled_from(["21", "31", "32", "91", "A1"])),
        cn=draw(st.integers(1000, 9999).map(str)),
        pw=draw(st.from_regex(r"[0-9a-zA-Z]{6}", fullmatch=True)),
        mn=draw(st.from_regex(r"[0-9A-F]{24}", fullmatch=True)),
        flag=draw(st.sampled_from([4, 8])) + draw(st.integers(0, 1)) + (2 if pnum else 0),
        pnum=pnum,
        pno=draw(st.integers(1, pnum)) if pnum else 0,
        resent=draw(st.booleans()),
        items=draw(ITEMS),
    )


@given(segments())
def test_what_is_written_is_read(segment: Segment) -> None:
    """Any conforming segment comes back as it was, without a deviation, also through a frame."""
    (frame,) = Framer().feed(build(segment.to_bytes(), segment_max=9999))
    assert isinstance(frame, Frame)
    assert parse(frame, Strict()) == segment


TOLERATED = {
    "field-order": HEAD.replace("ST=32;CN=2011;", "CN=2011;ST=32;") + AREA,
    "field-case": HEAD.replace("Flag=", "FLAG=") + AREA,
    "field-blank": HEAD.replace("ST=32", " ST = 32") + AREA,
    "field-repeated": HEAD.replace("ST=32;", "ST=32;ST=31;") + AREA,
    "field-unknown": HEAD.replace("ST=32;", "ST=32;XX=1;") + AREA,
    "field-empty": HEAD.replace("ST=32;", "ST=32;;") + AREA,
    "separator-missing": HEAD[:-1] + AREA,
    "area-unclosed": HEAD + AREA[:-2],
    "area-trailing": HEAD + AREA + ";",
    "item-empty": HEAD + AREA[:-2] + ";&&",
    "blank": HEAD + AREA.replace("w01018-R", " w01018-R"),
}


@pytest.mark.parametrize(("kind", "text"), TOLERATED.items())
def test_departures_are_tolerated_and_counted(kind: str, text: str) -> None:
    """What the field writes otherwise means the same and is counted; the strict reader names it as its error."""
    deviations = Deviations()
    assert parse_segment(text.encode(), deviations) == GOOD
    assert deviations == {kind: 1}
    with pytest.raises(ProtocolError) as error:
        parse_segment(text.encode(), Strict())
    assert error.value.kind == kind


@pytest.mark.parametrize(
    ("kind", "text", "field", "value"),
    [
        ("field-form", HEAD.replace(MN, "88888880000001") + AREA, "mn", "88888880000001"),
        ("field-form", HEAD.replace("PW=123456", "PW=1234") + AREA, "pw", "1234"),
        ("field-form", HEAD.replace("QN=20160801085857223", "QN=20160801085857") + AREA, "qn", "20160801085857"),
        ("field-missing", HEAD[21:] + AREA, "qn", ""),
        ("field-missing", HEAD.replace("Flag=5;", "") + AREA, "flag", 0),
        ("packet-bit", HEAD.replace("Flag=5", "Flag=7") + AREA, "flag", 7),
        ("packet-bit", HEAD + "PNUM=2;PNO=1;" + AREA, "pno", 1),
        ("field-form", HEAD.replace("Flag=5", "Flag=7") + "PNUM=2;PNO=0002;" + AREA, "pno", 2),
        ("field-order", HEAD.replace("Flag=5", "Flag=7") + "PNO=1;PNUM=2;" + AREA, "pnum", 2),
        ("factor-prefix", HEAD + AREA.replace("w01018-R", "01018-R"), "cn", "2011"),
        ("value-missing", HEAD + AREA.replace("=40.1", ""), "cn", "2011"),
        ("name-form", HEAD + AREA.replace("w01018-R", "w_1018-R"), "cn", "2011"),
        ("control-character", HEAD + AREA.replace("40.1", "40\n.1"), "cn", "2011"),
    ],
)
def test_departures_that_change_what_is_read(kind: str, text: str, field: str, value: object) -> None:
    """A field of another form is taken as it stands, and counted once."""
    deviations = Deviations()
    assert getattr(parse_segment(text.encode(), deviations), field) == value
    assert deviations == {kind: 1}


def test_comma_between_begin_and_end_time() -> None:
    """The standard's own examples break its rule; both times are found."""
    area = "CP=&&BeginTime=20160801000000,EndTime=20160801235959&&"
    deviations = Deviations()
    text = (HEAD.replace("2011", "2061").replace(MN, MN.lower()) + area).encode()
    assert parse_segment(text, deviations).values()["EndTime"] == "20160801235959"
    assert deviations == {"comma-between-items": 1, "field-form": 1}


def test_text_between_slashes_may_hold_separators() -> None:
    """A run log (i11001) is one value, whatever stands in it."""
    area = "CP=&&DataTime=20160801085857;PolId=w01018,i11001-Info=//校准;零点,完成 a=b//&&"
    found = parse_segment((HEAD.replace("2011", "3020") + area).encode(), Strict())
    assert found.values()["i11001-Info"] == "//校准;零点,完成 a=b//"
    assert parse_segment(found.to_bytes(), Strict()) == found


def test_other_encoding_than_utf8() -> None:
    """Chinese text of an older logger is understood."""
    deviations = Deviations()
    found = parse_segment((HEAD + "CP=&&x-Info=正常&&").encode("gb18030"), deviations)
    assert found.values() == {"x-Info": "正常"}
    assert deviations == {"not-utf8": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "CP: expected CP=&&…&&, area missing"),
        (HEAD, "CP: expected CP=&&…&&, found 16F000169DC0;Flag=5;"),
        (HEAD.replace("CN=2011;", "") + AREA, "CN: expected a value, field missing"),
        (HEAD.replace("Flag=5", "Flag=256") + AREA, "Flag: expected 0 to 255, found 256"),
        (HEAD.replace("Flag=5", "Flag=-1") + AREA, "Flag: expected 0 to 255, found -1"),
        (HEAD.replace("Flag=5", "Flag=7") + "PNUM=2;PNO=3;" + AREA, "PNO: expected 1 to 2, found 3"),
    ],
)
def test_what_cannot_be_understood_is_an_error(text: str, message: str) -> None:
    """The one typed error says where, what was found and what was wanted."""
    with pytest.raises(ProtocolError) as error:
        parse_segment(text.encode(), Deviations())
    assert str(error.value) == message


@given(st.binary(max_size=300))
def test_any_bytes_give_a_segment_or_the_typed_error(data: bytes) -> None:
    """Nothing but the typed error ever comes out."""
    for text in (data, HEAD.encode() + data, (HEAD + "CP=&&").encode() + data + b"&&"):
        try:
            parse_segment(text, Deviations())
        except ProtocolError:
            continue


def test_ciphertext_is_kept_and_written_again() -> None:
    """An encrypted segment has its fields, no items, and the same bytes again."""
    secret = bytes(range(128, 144)) + b"\r\n##" * 4
    raw = (HEAD.replace("Flag=5", "Flag=9") + "CP=&&").encode() + secret + b"&&"
    found = parse(Frame(raw, b"0000", is_encrypted=True), Strict())
    assert (found.cn, found.flag, found.items, found.ciphertext) == ("2011", 9, (), secret)
    assert found.to_bytes() == raw
