"""The compiled scanner and writer of JSON packs against the general way, bit for bit."""

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contract import codec, senml
from contract.columns import Columns, in_order_of_time
from contract.errors import PeerError
from contract.messages import MAX_PACK_READINGS
from contract.names import NameIndex, PointNames

NOW_MS = 1_767_225_600_000
PARK = "baitao"
NAMES = PointNames(["env/z01/air-0001/so2", "env/z01/air-0001/no2", "env/z02/air-0002/so2", "env/z02/air-0002/so2x"])
RESOLVED = [f"{PARK}/{name}" for name in NAMES]
INDEX = NameIndex(RESOLVED)

space = st.text(" \t\r\n", max_size=2)
digits = st.text("0123456789", min_size=1, max_size=25)
written_number = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**6), 10**6).map(lambda whole: repr(whole / 1000)),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(
        ["-0", "-0.0", "0e5", "1e22", "1e23", "1E-22", "9007199254740993", "4e-324", "0.30000000000000004"]
    ),
    st.builds(
        "{}{}.{}{}{}".format,
        st.sampled_from(["", "-"]),
        st.sampled_from(["0", "1", "9007199254740992", "123456789012345678901"]),
        digits,
        st.sampled_from(["", "e", "E+", "e-"]),
        st.integers(0, 30),
    ),
)
written_time = st.sampled_from(["0", "-1", "0.001", "1.5e0", "-0.25", "0.30000000000000004", "1767225600.0001234567"])


def general(body: bytes) -> Columns:
    """The pack, decoded record by record."""
    records = senml._parse_json(body)  # noqa: SLF001 - the other way to the same readings
    return in_order_of_time(senml._any_pack(records, INDEX, NOW_MS))  # noqa: SLF001 - the same


def outcome(decode: Any, body: bytes) -> tuple[Any, ...]:  # noqa: ANN401 - either way of decoding
    """The columns with their types and bits, or the refusal."""
    try:
        columns = decode(body)
    except PeerError as error:
        return error.status, error.title, error.detail
    return tuple((column.dtype, column.tobytes()) for column in columns)


def scanned(body: bytes) -> Columns | None:
    """The pack as the scanner reads it, None where it is not ordinary."""
    return senml._ordinary_json(body, INDEX, NOW_MS)  # noqa: SLF001 - what is tested here


def assert_agreed(body: bytes) -> None:
    """Both ways give the same."""
    assert outcome(lambda body: codec.decode(codec.SENML_JSON, body, INDEX, NOW_MS), body) == outcome(general, body)


@st.composite
def ordinary_packs(draw: st.DrawFn) -> bytes:
    """Ordinary packs, written in every way that JSON leaves open."""
    prefix = draw(st.sampled_from(["", f"{PARK}/", f"{PARK}/env/z0", PARK]))
    names = [name.removeprefix(prefix) for name in RESOLVED]
    start = draw(st.integers(0, 3))
    records = []
    for number in range(draw(st.integers(1, 6))):
        place = draw(st.just((start + number) % len(names)) | st.integers(0, len(names) - 1))
        fields = [("n", json.dumps(names[place])), ("v", draw(written_number))]
        if draw(st.booleans()):
            fields.append(("t", draw(written_time)))
        fields += draw(st.lists(st.sampled_from([("u", '"Cel"'), ("ut", "60")]), max_size=2, unique=True))
        if number == 0:
            base = [("bn", json.dumps(prefix))] if prefix else []
            base += draw(st.sampled_from([[], [("bt", "1767225600.125")], [("bt", "-5"), ("bu", '"V"')]]))
            if base and draw(st.booleans()):
                records.append(base)
            else:
                fields += base
        records.append(draw(st.permutations(fields)))
    gap = draw(space)
    texts = (
        ",".join(f'{gap}"{label}"{gap}:{gap}{value}{draw(space)}' for label, value in record) for record in records
    )
    return (gap + "[" + ",".join(f"{gap}{{{text}}}{gap}" for text in texts) + "]" + gap).encode()


@given(body=ordinary_packs())
@settings(max_examples=400)
def test_ordinary_packs_are_scanned_and_mean_the_same(body: bytes) -> None:
    """The scanner takes every ordinary pack with numbers in range, and reads the bits that the general way reads."""
    assert_agreed(body)
    try:
        general(body)
    except PeerError:
        return
    assert scanned(body) is not None


@given(data=st.data(), body=ordinary_packs())
@settings(max_examples=600)
def test_damage_is_judged_alike(data: st.DataObject, body: bytes) -> None:
    """Whatever bytes change, the readings or the refusal are those of the general way."""
    damaged = bytearray(body[: data.draw(st.integers(0, len(body)) | st.just(len(body)))])
    byte = st.sampled_from(list(b'{}[]",:\\-+.eE0159 \n\x00\x1f\x7f\x80\xc3nvtub/')) | st.integers(0, 255)
    for _ in range(data.draw(st.integers(0, 3))):
        if damaged:
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(byte)
    assert_agreed(bytes(damaged))


@pytest.mark.parametrize(
    "body",
    [
        '[{"n":"NAME","v":01}]',
        '[{"n":"NAME","v":1.}]',
        '[{"n":"NAME","v":.5}]',
        '[{"n":"NAME","v":+1}]',
        '[{"n":"NAME","v":1e}]',
        '[{"n":"NAME","v":-}]',
        '[{"n":"NAME","v":1e400}]',
        '[{"n":"NAME","v":1e-400}]',
        '[{"n":"NAME","v":1,"v":2}]',
        '[{"n":"NAME","v":1,"bv":2}]',
        '[{"n":"NAME","v":1},{"n":"NAME","v":1,"bt":5}]',
        '[{"n":"NAME","v":1},{"bn":"x/"},{"n":"NAME","v":1}]',
        '[{"bn":"NAME"}]',
        '[{"bn":"NAME"},{"v":1}]',
        '[{"bn":"NAME","n":"","v":1}]',
        '[{"bn":"NAME","v":1},{"n":"x","v":2}]',
        '[{"n":"NAME\\u0041","v":1}]',
        '[{"\\u006e":"NAME","v":1}]',
        '[{"n":"NAME","v":1,"u":"\u00b0C"}]',
        '[{"n":"NAME","v":1,"t":-1e300}]',
        '[{"n":"NAME","v":1,"t":1e308,"bt":1e308}]',
        '[{"n":"NAME","v":1}],',
        '[{"n":"NAME","v":1},]',
        '\ufeff[{"n":"NAME","v":1}]',
        "[{}]",
        "[,]",
        "[",
        "",
    ],
)
def test_the_borders_of_the_ordinary(body: str) -> None:
    """What stands just beyond the ordinary form is judged as ever."""
    assert_agreed(body.replace("NAME", RESOLVED[0]).encode())


def test_a_record_of_base_fields_counts_as_one() -> None:
    """The bound on records is that of the general way, also with a first record that is no reading."""
    reading = f'{{"n":"{NAMES[0]}","v":1}}'
    for count in (MAX_PACK_READINGS - 1, MAX_PACK_READINGS):
        assert_agreed(f'[{{"bn":"{PARK}/"}},{",".join([reading] * count)}]'.encode())


@given(st.lists(st.from_regex(r"[ab/]{0,4}", fullmatch=True), unique=True, max_size=40), st.randoms())
def test_names_are_found_in_any_order(names: list[str], rng: Any) -> None:  # noqa: ANN401 - hypothesis's own
    """Every name of the index is found however the pack goes through it, and no other is."""
    index = NameIndex([f"p/{name}" for name in names])
    assert dict(index) == {f"p/{name}": place for place, name in enumerate(names)}
    order = rng.sample(range(len(names)), len(names)) + list(range(len(names)))
    body = json.dumps([{"bn": "p/", "bt": 1e9}] + [{"n": names[place], "v": 1} for place in order]).encode()
    found = senml._ordinary_json(body, index, NOW_MS)  # noqa: SLF001 - what is tested here
    assert (found.point.tolist() if found else []) == order
    other = json.dumps([{"n": "p/other", "v": 1}]).encode()
    assert senml._ordinary_json(other, index, NOW_MS) is None  # noqa: SLF001 - the same


@pytest.mark.parametrize("names", [["a", "a"], ["a b"], ['a"'], ["ä"], ["a\\"]])
def test_an_index_takes_only_names_that_need_no_escape(names: list[str]) -> None:
    """Names come once, of the characters of RFC 8428, so that their bytes are their text in every pack."""
    with pytest.raises(ValueError, match="expected"):
        NameIndex(names)


short_decimals = st.builds(
    lambda digits, decimals: digits / 10**decimals, st.integers(1 - 10**15, 10**15 - 1), st.integers(0, 5)
)


@given(
    values=st.lists(st.sampled_from([0.0, -0.0, 1e-5, 999_999_999_999_999.0]) | short_decimals, min_size=1, max_size=9),
    start_ms=st.integers(2**28 * 1000, 10**13),
    later_ms=st.lists(st.integers(-(10**11), 10**11), min_size=9, max_size=9) | st.just([0] * 9),
)
@example(values=[1e15], start_ms=NOW_MS, later_ms=[0])
@example(values=[0.1 + 0.2, 1e-6], start_ms=NOW_MS, later_ms=[0, 1])
def test_both_writers_write_the_same(values: list[float], start_ms: int, later_ms: list[int]) -> None:
    """A pack of short decimals is written by the compiled writer, and looks as the general way writes it."""
    count = len(values)
    time_ms = np.abs(start_ms + np.array(later_ms[:count])) + 2**29 * 1000
    point = np.arange(count, dtype=np.int32) % len(NAMES)
    body = codec.encode(codec.SENML_JSON, PARK, NAMES, Columns(point, time_ms, np.array(values)))
    records = [{"n": NAMES[place], "v": value} for place, value in zip(point.tolist(), values, strict=True)]
    if len(set(time_ms.tolist())) > 1:
        for record, at_ms in zip(records, time_ms.tolist(), strict=True):
            record["t"] = (at_ms - int(time_ms[0])) / 1000
    wanted = msgspec.json.encode(records)[2:]
    assert body == f'[{{"bn":"{PARK}/","bt":{int(time_ms[0]) / 1000!r},'.encode() + wanted


def test_an_unknown_point_is_never_written() -> None:
    """A point beyond the names is the caller's error, not the bytes beside the names."""
    with pytest.raises(IndexError):
        codec.encode(
            codec.SENML_JSON, PARK, NAMES, Columns(np.array([4], np.int32), np.array([NOW_MS]), np.array([1.0]))
        )
