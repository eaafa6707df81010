"""Messages of HJ 212: typed both ways, numbers by their formats, readings, packets."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.devices import hj212
from contract.devices.clock import read_time_ms, write_qn, write_time
from contract.devices.fault import Deviations, ProtocolError, Strict
from contract.devices.hj212.codes import parse_codes
from contract.errors import HarnessError

FRAMES = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))["hj212_2017"]
LOGGER = hj212.Logger(st="32", pw="123456", mn="010000A8900016F000169DC0")
TIME_MS = 1_470_013_137_000  # 2016-08-01 08:58:57 in China
ONE_DECIMAL = {"a34013": hj212.NumberFormat(4, 1)}  # a vector tells smoke dust finer than the standard's N4


def segment_of(frame: str) -> hj212.Segment:
    """The segment in a vector."""
    (found,) = hj212.Framer().feed(frame.encode())
    assert isinstance(found, hj212.Frame)
    return hj212.parse(found, Strict())


@pytest.mark.parametrize("text", FRAMES)
def test_vectors_both_ways(text: str) -> None:
    """Each vector becomes a typed message, and that message the same segment again."""
    segment = segment_of(text)
    message = hj212.decode(segment, Strict())
    logger = hj212.Logger(st=segment.st, pw=segment.pw, mn=segment.mn)
    qn_ms = read_time_ms(segment.qn)
    again = hj212.encode(message, logger, qn_ms=qn_ms, answer_wanted=segment.answer_wanted, formats=ONE_DECIMAL)
    packet = {"flag": segment.flag, "pnum": segment.pnum, "pno": segment.pno}
    assert msgspec.structs.replace(again, **packet) == segment


def test_data_have_types() -> None:
    """The words of a frame are times, numbers and flags."""
    found = hj212.decode(segment_of(FRAMES[2]), Strict())
    assert found == hj212.Data(
        cadence="realtime",
        time_ms=TIME_MS,
        measured=(
            hj212.Measured(code="w01001", values={"Rtd": 7.1}, flag="N"),
            hj212.Measured(code="w01018", values={"Rtd": 40.1}, flag="N"),
            hj212.Measured(code="w21003", values={"Rtd": 1.25}, flag="N"),
        ),
    )
    assert hj212.decode(segment_of(FRAMES[9]), Strict()) == hj212.StartUp(time_ms=TIME_MS, restart_ms=TIME_MS - 153_000)
    assert hj212.decode(segment_of(FRAMES[11]), Strict()) == hj212.RequestAnswer(code=1)


@pytest.mark.parametrize(
    "message",
    [
        hj212.FacilityState(time_ms=TIME_MS, states={1: 1, 2: 4}),
        hj212.FacilityHours(time_ms=TIME_MS, hours={1: 23.5, 2: 0.25}),
        hj212.ExecutionResult(code=100),
        hj212.NoticeAnswer(),
        hj212.DataAnswer(),
        hj212.Heartbeat(),
        hj212.General(cn="1062", items=((("RtdInterval", "30"),),)),
        hj212.Data(
            cadence="day",
            time_ms=TIME_MS,
            measured=(
                hj212.Measured(code="w01018", values={"Cou": 123456.78, "Avg": 40.1}, flag="D", device_flag="A1"),
                hj212.Measured(code="zz99", values={"Avg": -0.125}, sample_ms=TIME_MS - 1_000),
            ),
        ),
    ],
)
def test_messages_both_ways(message: hj212.Message) -> None:
    """Every kind of message survives a frame."""
    segment = hj212.encode(message, LOGGER, qn_ms=TIME_MS)
    assert hj212.decode(segment_of(segment.to_frame().decode()), Strict()) == message


def test_flags_of_editions() -> None:
    """Flag tells the edition and whether an answer is wanted; answers want none."""
    newer = msgspec.structs.replace(LOGGER, edition=2)
    assert hj212.encode(hj212.Heartbeat(), newer, qn_ms=TIME_MS).flag == 9
    assert hj212.encode(hj212.Heartbeat(), newer, qn_ms=TIME_MS, answer_wanted=False).flag == 8
    assert hj212.encode(hj212.DataAnswer(), LOGGER, qn_ms=TIME_MS).flag == 4


@pytest.mark.parametrize(
    ("notation", "value", "text"),
    [
        ("N5.2", 17.5, "17.5"),
        ("N5.2", 17.006, "17.01"),
        ("N3.1", 53.0, "53.0"),
        ("N4", 8.4, "8"),
        ("N2.2", -0.001, "0.0"),
        ("N3.3", 1.25, "1.25"),
        ("N4", 0.2, "0"),
        ("N4", 100.0, "100"),
        ("N3.1", -12.34, "-12.3"),
    ],
)
def test_numbers_are_written_by_their_format(notation: str, value: float, text: str) -> None:
    """As many decimals as the format allows, no padding."""
    assert hj212.NumberFormat.parse(notation).write(value) == text


@pytest.mark.parametrize("value", [1000.0, 999.96, float("nan"), float("inf")])
def test_numbers_beyond_their_format_are_refused(value: float) -> None:
    """A number that the format cannot hold is our error, never a wrong value on the line."""
    with pytest.raises(HarnessError, match="3 digits before the point"):
        hj212.NumberFormat.parse("N3.1").write(value)


def test_codes() -> None:
    """Factors carry unit, format, names in both languages, and where they are not the standard's, their own mark."""
    factors = hj212.codes().factors
    assert (factors.mark, factors.codes["w01018"].format, factors.codes["w01018"].name_zh) == (
        "V",
        "N5.1",
        "化学需氧量",
    )
    assert factors.codes["a05024"].mark == "M"
    assert hj212.codes().commands.codes["9015"].edition == 2025
    assert hj212.number_format("nothing") is None
    assert all(hj212.number_format(code) for code in factors.codes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("format: N5.2", "format: N5.2.1"), "w00000.format: expected one such as N5.2"),
        (("unit: L/s", "units: L/s"), "units"),
    ],
)
def test_codes_are_read_strictly(change: tuple[str, str], message: str) -> None:
    """A wrong key or format in the tables is an error with its place."""
    path = Path(hj212.__file__).with_name("codes.yaml")
    with pytest.raises(HarnessError, match=message):
        parse_codes(path.read_text(encoding="utf-8").replace(*change, 1))


def test_unreadable_numbers_are_left_out_and_counted() -> None:
    """One value that is none does not cost the others."""
    text = "DataTime=20160801085857;w01018-Rtd=--,w01018-Flag=B;w01001-Rtd=7.1"
    deviations = Deviations()
    items = tuple(tuple(tuple(pair.split("=")) for pair in item.split(",")) for item in text.split(";"))
    segment = msgspec.structs.replace(segment_of(FRAMES[2]), items=items)
    found = hj212.decode(segment, deviations)
    assert isinstance(found, hj212.Data)
    assert [(one.code, one.values, one.flag) for one in found.measured] == [
        ("w01018", {}, "B"),
        ("w01001", {"Rtd": 7.1}, ""),
    ]
    assert deviations == {"value-form": 1}


@pytest.mark.parametrize(
    ("cn", "items", "message"),
    [
        ("2011", ((("DataTime", "20161301000000"),),), "DataTime: expected YYYYMMDDhhmmss, found 20161301000000"),
        ("2081", ((("DataTime", "20160101000000"),),), "RestartTime: expected YYYYMMDDhhmmss, time"),
        ("9011", ((("QnRtn", "-1"),),), "QnRtn: expected a code of at most three digits, found -1"),
        ("9012", (), "ExeRtn: expected a code of at most three digits, return code"),
    ],
)
def test_messages_without_sense_are_errors(cn: str, items: tuple[hj212.segment.Item, ...], message: str) -> None:
    """What a message cannot do without is asked for by name."""
    segment = msgspec.structs.replace(segment_of(FRAMES[2]), cn=cn, items=items)
    with pytest.raises(ProtocolError) as error:
        hj212.decode(segment, Deviations())
    assert str(error.value) == message


@given(st.integers(0, 4_102_444_799_999))
def test_times_both_ways(time_ms: int) -> None:
    """A QN keeps every millisecond, a data time every second."""
    assert read_time_ms(write_qn(time_ms)) == time_ms
    assert read_time_ms(write_time(time_ms)) == time_ms // 1000 * 1000


@given(st.text(st.sampled_from("0123456789 ²-"), min_size=14, max_size=17))
def test_any_text_is_a_time_or_the_typed_error(text: str) -> None:
    """No text raises anything else."""
    try:
        read_time_ms(text)
    except ProtocolError:
        return


def test_readings_of_points() -> None:
    """The caller says which factor is which point; flags come along."""
    points = {"w01018": "env/cod-1", "w21003": "env/nh3n-1"}
    data = hj212.decode(segment_of(FRAMES[2]), Strict())
    assert isinstance(data, hj212.Data)
    assert list(hj212.readings(data, points)) == [
        hj212.Reading("env/cod-1", TIME_MS, 40.1, "N"),
        hj212.Reading("env/nh3n-1", TIME_MS, 1.25, "N"),
    ]
    factors = {point: code for code, point in points.items()}
    values = {"env/cod-1": (40.1, "N"), "env/nh3n-1": (1.25, "N"), "env/other": (1.0, "N")}
    made = hj212.from_readings("realtime", TIME_MS, values, factors)
    assert made.measured == data.measured[1:]
    noise = hj212.from_readings("minute", TIME_MS, {"n": (50.1, "")}, {"n": "Leq"})
    assert noise.measured == (hj212.Measured(code="Leq", values={"Data": 50.1}),)


def long_upload(factors: int) -> hj212.Segment:
    """Minute data of so many factors."""
    measured = tuple(
        hj212.Measured(code=f"a{number:05d}", values={"Min": 1.0, "Avg": 2.0, "Max": 3.0}, flag="N")
        for number in range(factors)
    )
    return hj212.encode(hj212.Data(cadence="minute", time_ms=TIME_MS, measured=measured), LOGGER, qn_ms=TIME_MS + 999)


@given(st.integers(1, 120), st.randoms(use_true_random=False))
def test_packets_are_joined_in_any_order(factors: int, rng: object) -> None:
    """A long upload goes in frames that all fit, and is whole again however they come and come again."""
    upload = long_upload(factors)
    packets = list(hj212.split(upload))
    assert all(len(packet.to_frame()) <= 1036 for packet in packets)
    assert len({packet.qn for packet in packets}) == len(packets)
    rng.shuffle(packets)  # type: ignore[attr-defined]  # hypothesis's own Random
    joiner = hj212.Joiner()
    came = [joiner.add(segment_of(packet.to_frame().decode()), 0) for packet in packets]
    assert [one for one in came if one] == [came[-1]]
    if len(packets) == 1:
        assert came == [upload]
    else:
        assert came[-1] == upload
        assert [packet.flag for packet in packets] == [7] * len(packets)


def test_missing_and_repeated_packets() -> None:
    """A packet that comes twice counts once; a set that never becomes whole is told with what is missing."""
    first, second, third, *_ = hj212.split(long_upload(60))
    joiner = hj212.Joiner(wait_ms=1000)
    assert joiner.add(first, 0) is None
    assert joiner.add(first, 10) is None
    assert joiner.duplicates == 1
    assert joiner.add(third, 20) is None
    assert joiner.expire(999) == ()
    (gone,) = joiner.expire(1000)
    assert gone.got == (first, third)
    assert 2 in gone.missing
    assert joiner.expire(5000) == ()
    joiner.add(second, 0)
    with pytest.raises(ProtocolError, match="PNO: expected the same contents, found 2"):
        joiner.add(msgspec.structs.replace(second, items=second.items[:-1]), 0)
    with pytest.raises(ProtocolError, match="PNUM: expected at most 255, found 256"):
        joiner.add(msgspec.structs.replace(second, pnum=256), 0)


def test_sets_of_packets_are_bounded() -> None:
    """Peers that never finish cannot fill the memory."""
    first, *_ = hj212.split(long_upload(60))
    joiner = hj212.Joiner(sets_max=2)
    for number in range(3):
        joiner.add(msgspec.structs.replace(first, mn=f"{number:024d}"), number)
    (gone,) = joiner.expire(3)
    assert gone.got[0].mn == "0" * 24


def test_item_that_fits_no_packet() -> None:
    """What cannot be split is our error."""
    wide = msgspec.structs.replace(long_upload(1), items=((("x", "1" * 960),),))
    with pytest.raises(HarnessError, match="does not fit into a packet"):
        hj212.split(wide)
