"""SenML packs: encoding, decoding, and the two decoders against each other."""

import json
from collections.abc import Mapping
from typing import Any

import cbor2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contract import codec, senml
from contract.columns import MAX_TIME_MS, Columns, pack_digest
from contract.errors import PeerError
from contract.messages import MAX_PACK_READINGS
from contract.names import NameIndex, PointNames

NOW_MS = 1_767_225_600_000
PARK = "baitao"
NAMES = PointNames(
    ["env/z01/water-0001/cod", "env/z01/water-0001/ph", "safety/z01/gas-0001/lel", "access/z01/door-0001/open"]
)
INDEX = NameIndex([f"{PARK}/{name}" for name in NAMES])
LABELS = {
    "bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6,
    "n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4, "s": 5, "t": 6, "ut": 7, "vd": 8,
}  # fmt: skip
SENML = [codec.SENML_JSON, codec.SENML_CBOR]

finite = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def packs_of_columns(draw: st.DrawFn) -> Columns:
    """Readings of any value at times that SenML can carry, in order of time."""
    count = draw(st.integers(1, 30))
    base_ms = draw(st.integers(2**28 * 1000, MAX_TIME_MS - 100_000))
    later_ms = draw(st.lists(st.integers(0, 100_000), min_size=count, max_size=count) | st.just([0] * count))
    point = draw(st.lists(st.integers(0, len(NAMES) - 1), min_size=count, max_size=count))
    value = draw(st.lists(finite, min_size=count, max_size=count))
    times = np.sort(base_ms + np.array(later_ms, np.int64))
    return Columns(np.array(point, np.int32), times, np.array(value, np.float64))


number = st.integers(-5, 5) | st.sampled_from([0.1, -0.0, 1.5e9, 2.0**28, 1e308, 1e15, -1e15]) | finite
record = st.fixed_dictionaries(
    {},
    optional={
        "bn": st.sampled_from([f"{PARK}/", f"{PARK}/env/z01/", "", "bn"]),
        "bt": st.sampled_from([1.7e9, 0, -3, 1_700_000_000.125]) | number,
        "bu": st.sampled_from(["V", "bn"]),
        "bv": number,
        "bs": number,
        "bver": st.integers(9, 11),
        "n": st.sampled_from([*NAMES, *INDEX, "water-0001/ph", "bn", ""]),
        "u": st.just("V"),
        "v": number,
        "vb": st.booleans(),
        "vs": st.just("text"),
        "s": number,
        "t": st.sampled_from([0, -1, 0.5]) | number,
        "ut": st.just(60),
        "other": st.none(),
    },
)
ordinary = st.fixed_dictionaries({"n": st.sampled_from(NAMES), "v": finite}, optional={"t": st.integers(-9, 9)})
base = st.fixed_dictionaries({"bn": st.just(f"{PARK}/")}, optional={"bt": st.sampled_from([1.7e9, 1_700_000_000.001])})
pack = st.lists(record, max_size=6) | st.builds(
    lambda first, rest: [rest[0] | first, *rest[1:]], base, st.lists(ordinary, min_size=1)
)


def outcome(media_type: str, body: bytes) -> tuple[Any, ...]:
    """The columns with the bits of their values, or the refusal."""
    try:
        columns = codec.decode(media_type, body, INDEX, NOW_MS)
    except PeerError as error:
        return error.status, error.title, error.detail
    return tuple(columns.point), tuple(columns.time_ms), columns.value.tobytes()


def as_cbor(records: list[Mapping[str, Any]]) -> bytes:
    """The same pack with the labels of the CBOR form."""
    return cbor2.dumps([{LABELS.get(label, label): value for label, value in one.items()} for one in records])


@pytest.mark.parametrize("media_type", SENML)
@given(columns=packs_of_columns())
def test_round_trip_is_exact(media_type: str, columns: Columns) -> None:
    """What is encoded decodes to the same points and times and to the same bits of the values."""
    decoded = codec.decode(media_type, codec.encode(media_type, PARK, NAMES, columns), INDEX, NOW_MS)
    assert [column.dtype for column in decoded] == [np.int32, np.int64, np.float64]
    assert decoded.point.tolist() == columns.point.tolist()
    assert decoded.time_ms.tolist() == columns.time_ms.tolist()
    assert decoded.value.tobytes() == columns.value.tobytes()
    assert pack_digest(decoded) == pack_digest(columns)


@given(records=pack)
@example(records=[{"bn": f"{PARK}/", "n": NAMES[0], "v": 1}, {"bn": "", "n": NAMES[0], "v": 1}])
@settings(max_examples=300)
def test_the_fast_way_agrees_with_the_general_one(records: list[dict[str, Any]]) -> None:
    """A pack decodes to the same readings or the same refusal, column by column or record by record."""
    plain = json.dumps(records).encode()
    # A label that every receiver must ignore sends the pack the general way.
    general = json.dumps([*records[:-1], {**records[-1], "ignored": 0}] if records else []).encode()
    if records and records[-1].keys() <= {"bn", "bt", "bu", "bv", "bs", "bver"}:
        return  # a record of base fields only is no longer one when something is added
    assert outcome(codec.SENML_JSON, plain) == outcome(codec.SENML_JSON, general)


@given(records=pack)
@settings(max_examples=300)
def test_cbor_agrees_with_json(records: list[dict[str, Any]]) -> None:
    """The CBOR form of a pack means what its JSON form means."""
    assert outcome(codec.SENML_CBOR, as_cbor(records)) == outcome(codec.SENML_JSON, json.dumps(records).encode())


@pytest.mark.parametrize("media_type", codec.MEDIA_TYPES)
@given(garbage=st.binary(max_size=200))
def test_garbage_is_refused(media_type: str, garbage: bytes) -> None:
    """Bytes that are no pack are the sender's fault and nothing worse."""
    with pytest.raises(PeerError) as refusal:
        codec.decode(media_type, garbage, INDEX, NOW_MS)
    assert 400 <= refusal.value.status < 500


@pytest.mark.parametrize("media_type", codec.MEDIA_TYPES)
@given(data=st.data(), columns=packs_of_columns())
@settings(max_examples=200)
def test_damaged_packs_do_no_harm(media_type: str, data: st.DataObject, columns: Columns) -> None:
    """A damaged pack decodes to finite readings of known points, or is refused; never anything else."""
    body = bytearray(codec.encode(media_type, PARK, NAMES, columns))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)) | st.just(len(body)))
    try:
        decoded = codec.decode(media_type, bytes(body[:cut]), INDEX, NOW_MS)
    except PeerError:
        return
    assert np.isfinite(decoded.value).all()
    assert ((decoded.point >= 0) & (decoded.point < len(NAMES))).all()
    assert (np.diff(decoded.time_ms) >= 0).all()


@pytest.mark.parametrize("media_type", SENML)
def test_readings_come_in_order_of_time(media_type: str) -> None:
    """Readings are sorted by time; those of one time keep the order in which they came."""
    came = Columns(
        np.array([0, 1, 2, 3], np.int32), NOW_MS + np.array([5, 0, 5, 0], np.int64), np.array([1.0, 2.0, 3.0, 4.0])
    )
    decoded = codec.decode(media_type, codec.encode(media_type, PARK, NAMES, came), INDEX, NOW_MS)
    assert decoded.point.tolist() == [1, 3, 0, 2]


def test_relative_times_count_from_now() -> None:
    """A time below 2**28 is relative to now, from 2**28 on it is absolute (RFC 8428 section 4.5.3)."""
    times = [-5, 0, 2.5, 2**28 - 1, 2**28]
    body = json.dumps([{"n": f"{PARK}/{NAMES[0]}", "v": 1, "t": time} for time in times]).encode()
    decoded = senml.decode_json(body, INDEX, NOW_MS)
    wanted = sorted([NOW_MS - 5000, NOW_MS, NOW_MS + 2500, NOW_MS + (2**28 - 1) * 1000, 2**28 * 1000])
    assert decoded.time_ms.tolist() == wanted


@pytest.mark.parametrize("media_type", SENML)
def test_a_pack_holds_at_most_so_many_readings(media_type: str) -> None:
    """A pack of the largest size is taken, one reading more is answered with 413."""
    count = MAX_PACK_READINGS
    many = Columns(np.zeros(count, np.int32), np.full(count, NOW_MS), np.zeros(count))
    names, index = PointNames(["a/b"]), NameIndex(["p/a/b"])
    body = codec.encode(media_type, "p", names, many)
    assert len(codec.decode(media_type, body, index, NOW_MS)) == count
    one_more = Columns(*(np.append(column, column[:1]) for column in many))
    with pytest.raises(PeerError, match=r"^expected at most 20000 readings, found 20001 readings$") as refusal:
        codec.decode(
            media_type, codec.encode(media_type, "p", PointNames(["a/b"]), one_more), NameIndex(["p/a/b"]), NOW_MS
        )
    assert refusal.value.status == 413


@pytest.mark.parametrize("media_type", codec.MEDIA_TYPES)
def test_a_body_holds_at_most_so_many_bytes(media_type: str) -> None:
    """A body beyond the bound is answered with 413 before it is looked at."""
    with pytest.raises(PeerError, match=r"^expected at most 4194304 bytes, found 4194305 bytes$") as refusal:
        codec.decode(media_type, bytes(4 * 1024 * 1024 + 1), INDEX, NOW_MS)
    assert refusal.value.status == 413


@pytest.mark.parametrize(
    "hexadecimal",
    [
        "9b7fffffffffffffff",  # an array of 2**63 - 1 items
        "5b7fffffffffffffff",  # a string of as many bytes
        "81" * 5000,  # 5,000 levels
        "81a102c5821b7fffffffffffffff01",  # 2 ** (2**63 - 1) as a big float
        "81a102c4821b7fffffffffffffff01",  # 10 ** (2**63 - 1) as a decimal fraction
        "81a102c24f" + "ff" * 15,  # a bignum
        "81a102d81e8201" + "00",  # a fraction with denominator 0
        "81d81c81d81d00",  # an array that contains itself
    ],
)
def test_costly_cbor_is_refused(hexadecimal: str) -> None:
    """Short CBOR that would be huge when built is refused without building it."""
    with pytest.raises(PeerError) as refusal:
        senml.decode_cbor(bytes.fromhex(hexadecimal), INDEX, NOW_MS)
    assert refusal.value.status == 400


def test_deep_json_is_refused() -> None:
    """Nesting beyond the parser's depth is malformed, not a crash."""
    with pytest.raises(PeerError, match="too many levels"):
        senml.decode_json(b"[" * 100_000, INDEX, NOW_MS)


@pytest.mark.parametrize("media_type", SENML)
def test_only_what_senml_can_carry_is_encoded(media_type: str) -> None:
    """Values that are not finite, and times that would read back as relative, are errors of the caller."""
    point = np.zeros(1, np.int32)
    with pytest.raises(ValueError, match="not finite"):
        codec.encode(media_type, PARK, NAMES, Columns(point, np.array([NOW_MS]), np.array([np.nan])))
    with pytest.raises(ValueError, match="times outside"):
        codec.encode(media_type, PARK, NAMES, Columns(point, np.array([1000]), np.array([1.0])))


@pytest.mark.parametrize("media_type", codec.MEDIA_TYPES)
def test_an_empty_pack_is_refused(media_type: str) -> None:
    """A pack without readings is a good message about nothing: 422."""
    nothing = Columns(np.array([], np.int32), np.array([], np.int64), np.array([], np.float64))
    with pytest.raises(PeerError, match="no readings") as refusal:
        codec.decode(media_type, codec.encode(media_type, PARK, NAMES, nothing), INDEX, NOW_MS)
    assert refusal.value.status == 422


def test_unknown_media_types() -> None:
    """Encoding to an unknown media type is our error; receiving one is the peer's, with status 415."""
    one = Columns(np.zeros(1, np.int32), np.array([NOW_MS]), np.zeros(1))
    with pytest.raises(ValueError, match="unknown media type 'text/csv'"):
        codec.encode("text/csv", PARK, NAMES, one)
    with pytest.raises(
        PeerError, match=r"^Content-Type: expected application/senml\+json or .*, found 'text/csv'$"
    ) as error:
        codec.decode("text/csv", b"", INDEX, NOW_MS)
    assert error.value.status == 415
