"""The RFC's own examples and rules of resolution."""

from typing import Any

import msgspec
import pytest

from contract import senml
from contract.errors import PeerError

NOW_MS = 1_767_225_600_000
MULTIPLE_MEASUREMENTS = b"""[
  {"bn":"urn:dev:ow:10e2073a01080063","bt":1.320067464e+09,"bu":"%RH","v":20},
  {"u":"lon","v":24.30621}, {"u":"lat","v":60.07965}, {"t":60,"v":20.3},
  {"u":"lon","t":60,"v":24.30622}, {"u":"lat","t":60,"v":60.07965}, {"t":120,"v":20.7},
  {"u":"lon","t":120,"v":24.30623}, {"u":"lat","t":120,"v":60.07966}, {"u":"%EL","t":150,"v":98},
  {"t":180,"v":21.2}, {"u":"lon","t":180,"v":24.30628}, {"u":"lat","t":180,"v":60.07967}
]"""
CBOR_OF_MULTIPLE_DATA_POINTS = bytes.fromhex(
    "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067766f6c7461676501"
    "615602fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302fb3ff4cccccccccccda3"
    "006763757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e00a3006763757272656e74062002fb3ff999999999"
    "999aa3006763757272656e74060002fb3ffb333333333333"
)


def resolve(text: bytes) -> list[dict[str, Any]]:
    """The resolved records as JSON objects."""
    return [msgspec.to_builtins(record) for record in senml.resolve(msgspec.json.decode(text), NOW_MS)]


def test_multiple_measurements_resolve_as_printed() -> None:
    """Section 5.1.3 resolves to section 5.1.4."""
    times = [1320067464.0] * 3 + [1320067524.0] * 3 + [1320067584.0] * 3 + [1320067614.0] + [1320067644.0] * 3
    units = ["%RH", "lon", "lat"] * 3 + ["%EL"] + ["%RH", "lon", "lat"]
    values = [20, 24.30621, 60.07965, 20.3, 24.30622, 60.07965, 20.7, 24.30623, 60.07966, 98, 21.2, 24.30628, 60.07967]
    assert resolve(MULTIPLE_MEASUREMENTS) == [
        {"n": "urn:dev:ow:10e2073a01080063", "u": unit, "t": time, "v": value}
        for unit, time, value in zip(units, times, values, strict=True)
    ]


def test_cbor_example() -> None:
    """The dump of section 6 is the seven readings of section 5.1.2."""
    index = {"urn:dev:ow:10e2073a0108006:voltage": 0, "urn:dev:ow:10e2073a0108006:current": 1}
    assert len(CBOR_OF_MULTIPLE_DATA_POINTS) == 195
    columns = senml.decode_cbor(CBOR_OF_MULTIPLE_DATA_POINTS, index, NOW_MS)
    last_ms = 1_276_020_076_001
    assert columns.time_ms.tolist() == [
        last_ms - 5000,
        last_ms - 4000,
        last_ms - 3000,
        last_ms - 2000,
        last_ms - 1000,
        last_ms,
        last_ms,
    ]
    assert columns.point.tolist() == [1, 1, 1, 1, 1, 0, 1]
    assert columns.value.tolist() == [1.2, 1.3, 1.4, 1.5, 1.6, 120.1, 1.7]


def test_a_single_point_is_now() -> None:
    """Section 5.1.1: without a time the reading was made now."""
    assert resolve(b'[{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}]') == [
        {"n": "urn:dev:ow:10e2073a01080063", "t": NOW_MS / 1000, "u": "Cel", "v": 23.1}
    ]


def test_data_types() -> None:
    """Section 5.1.5: numbers, strings, booleans and data keep their field."""
    records = resolve(
        b'[{"bn":"urn:dev:ow:10e2073a01080063:","n":"temp","u":"Cel","v":23.1},{"n":"label","vs":"Machine Room"},'
        b'{"n":"open","vb":false},{"n":"nfv-reader","vd":"aGkgCg"}]'
    )
    values = [{key: value for key, value in record.items() if key[0] == "v"} for record in records]
    assert values == [{"v": 23.1}, {"vs": "Machine Room"}, {"vb": False}, {"vd": "aGkgCg"}]


def test_collection_of_resources() -> None:
    """Section 5.1.6: the last record uses the name of the third and the time of the first."""
    records = resolve(
        b'[{"bn":"2001:db8::2/","bt":1.320078429e+09,"n":"temperature","u":"Cel","v":25.2},{"n":"humidity","u":"%RH","v":30},'
        b'{"bn":"2001:db8::1/","n":"temperature","u":"Cel","v":12.3},{"n":"humidity","u":"%RH","v":67}]'
    )
    assert records[-1] == {"n": "2001:db8::1/humidity", "u": "%RH", "t": 1320078429.0, "v": 67}


def test_a_record_of_base_fields_only_is_no_reading() -> None:
    """Section 5.1.7: a record may set the base and say nothing itself."""
    records = resolve(
        b'[{"bn":"urn:dev:ow:10e2073a01080063:"},{"n":"temp","u":"Cel","v":23.1},{"n":"heat","u":"/","v":1}]'
    )
    assert [record["n"][-5:] for record in records] == [":temp", ":heat"]


def test_sums_and_versions() -> None:
    """Base sums add up and stand for missing sums; a version other than 10 stays in the resolved records."""
    records = resolve(b'[{"bver":9,"bn":"a","bs":10,"v":1,"s":2},{"v":2},{"bver":9,"s":5}]')
    assert [(record["s"], record.get("v"), record["bver"]) for record in records] == [
        (12, 1, 9),
        (10, 2, 9),
        (15, None, 9),
    ]


@pytest.mark.parametrize(
    ("text", "status", "detail"),
    [
        (b'[{"n":"a","v":1},{"n":"a","v":2,"bver":9}]', 422, "[1].bver: expected 10 as before, found 9"),
        (b'[{"n":"a","v":1,"bver":true}]', 400, "[0].bver: expected a positive integer, found True"),
        (b'[{"n":"a","v":1,"bver":0}]', 400, "[0].bver: expected a positive integer, found 0"),
        (b'[{"v":1}]', 422, "[0].n: expected letters, digits and -:./_, found ''"),
        (b'[{"n":"/a","v":1}]', 422, "[0].n: expected letters, digits and -:./_, found '/a'"),
        (b'[{"n":"a","vb":1}]', 400, "[0].vb: expected true or false, found 1"),
        (b'[{"n":"a","v":true}]', 400, "[0].v: expected a number, found True"),
        (b'[{"n":"a","vd":"a+b="}]', 400, "[0].vd: expected base64url text without padding, found 'a+b='"),
        (b"[{}]", 422, "[0].n: expected letters, digits and -:./_, found ''"),
        (b'[{"n":7,"v":1}]', 400, "[0].n: expected a string, found 7"),
    ],
)
def test_what_the_rfc_forbids(text: bytes, status: int, detail: str) -> None:
    """A record that breaks a rule is refused with its place."""
    with pytest.raises(PeerError) as refusal:
        resolve(text)
    assert (refusal.value.status, refusal.value.detail) == (status, detail)


def test_integers_beyond_float_are_not_finite() -> None:
    """An integer too large for a double is refused like infinity."""
    with pytest.raises(PeerError, match=r"^\[0\].v: expected a finite number, found 1000") as refusal:
        senml.resolve([{"n": "a", "v": 10**400}], NOW_MS)
    assert refusal.value.status == 422
