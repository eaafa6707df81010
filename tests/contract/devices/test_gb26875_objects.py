"""Data units of GB/T 26875.3: every type both ways, limits, departures."""

import json
from pathlib import Path
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.devices.fault import Deviations, ProtocolError, Strict
from contract.devices.gb26875 import (
    Clock,
    Frame,
    Framer,
    bit_names,
    codes,
    decode,
    encode,
    objects,
    quantity,
    raw_value,
)
from contract.devices.gb26875 import units as u
from contract.devices.gb26875.codes import parse_codes
from contract.devices.gb26875.layout import COUNTS_MAX, SIZES, TEXT_PLACES
from contract.errors import HarnessError

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))["gb26875_3"]
UNITS = {vector["name"]: bytes.fromhex(vector["hex"])[27:-3] for vector in VECTORS}
WHEN = Clock(2, 58, 9, 26, 9, 12)
SAID = {
    "smoke fire up": u.PartState(1, 1, 40, 0x2000A, 2, " " * 30, WHEN),
    "uitd main power": u.TransmitterState(8, WHEN),
    "chagang op": u.TransmitterOperation(0x20, 1, WHEN),
    "sw ver": u.TransmitterVersion(1, 1),
    "time up": u.TransmitterTime(WHEN),
    "read state": u.ReadTransmitterState(),
    "answer": u.TransmitterState(8, WHEN),
    "sync": u.SynchroniseClock(WHEN),
    "init": u.Initialise(),
    "chagang cmd": u.DutyCheck(10),
    "built here: system fire, type 1": u.SystemState(1, 1, 3, WHEN),
    "built here: gas 25.3 %LEL, type 3": u.AnalogueValue(1, 1, 11, 0x10007, 6, 253, WHEN),
}
CLASSES = [*(layout.cls for layout in objects._LAYOUTS), u.SystemConfiguration, u.TransmitterConfiguration]  # noqa: SLF001 - every type that there is
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=7)


@pytest.mark.parametrize("name", UNITS)
def test_vectors_both_ways(name: str) -> None:
    """Each vector says what its name tells, and is written with the same bytes again."""
    found = decode(UNITS[name], Deviations())
    assert found == ((SAID[name],) if name in SAID else ())
    assert encode(found) == UNITS[name]


def test_every_vector_is_told() -> None:
    """No vector is passed over but the empty ones."""
    assert {name for name, unit in UNITS.items() if unit} == set(SAID)


def any_object(cls: type) -> st.SearchStrategy[u._Object]:
    """Any object of a class, whose numbers fit their fields."""
    layout = next((one for one in objects._LAYOUTS if one.cls is cls), None)  # noqa: SLF001 - the widths of its fields
    letters = layout.letters if layout else "bbx" if cls is u.SystemConfiguration else "x"
    fields = {
        "b": st.integers(0, 255),
        "h": st.integers(0, 0xFFFF),
        "i": st.integers(-0x8000, 0x7FFF),
        "w": st.integers(0, 2**32 - 1),
        "t": st.builds(Clock, *(st.integers(0, 255) for _ in range(6))),
        "x": TEXT,
    }
    return st.builds(cls, *(fields[letter] for letter in letters))


@pytest.mark.parametrize("cls", CLASSES)
@given(st.data())
def test_what_is_written_is_read(cls: type, data: st.DataObject) -> None:
    """Objects of every type come back as they were, as many as a unit may hold."""
    one = data.draw(any_object(cls))
    most = COUNTS_MAX[objects.kind_of(one)]
    several = (one, *data.draw(st.lists(any_object(cls), max_size=min(most, 3) - 1)))
    assert decode(encode(several), Deviations()) == several


def test_sizes_and_limits_are_of_one_piece() -> None:
    """The length check knows every type, with the size that its layout has and the count that still fits a unit."""
    assert {layout.kind: layout.form.size for layout in objects._LAYOUTS} == SIZES  # noqa: SLF001 - the table under test
    assert {*SIZES, *TEXT_PLACES} == set(COUNTS_MAX)
    assert all(2 + SIZES[kind] * COUNTS_MAX[kind] <= 1024 for kind in SIZES)
    assert all(len(get_type_hints(one.cls)) == len(one.letters) for one in objects._LAYOUTS)  # noqa: SLF001 - the same


@given(st.binary(max_size=120))
def test_any_bytes_give_objects_or_the_typed_error(unit: bytes) -> None:
    """Nothing but the typed error ever comes out, and what was understood without departure is written the same."""
    deviations = Deviations()
    try:
        found = decode(unit, deviations)
    except ProtocolError:
        return
    if not deviations.keys() - {
        "fire-in-test",
        "reserved-bits",
        "text-blank-padded",
        "type-reserved",
        "text-not-gb18030",
    }:
        assert encode(found) == unit


@pytest.mark.parametrize(
    ("kind", "unit"),
    [
        ("fire-in-test", encode((u.SystemState(1, 1, u.FIRE, WHEN),))),
        ("fire-in-test", encode((u.TransmitterState(u.FIRE, WHEN),))),
        ("reserved-bits", encode((u.SystemState(1, 1, 0x8001, WHEN),))),
        ("text-blank-padded", encode((u.PartConfiguration(1, 1, 40, 1, "三号楼  "),))),
        ("text-not-gb18030", bytes((26, 1, 2, 0xFF, 0xFF))),
        ("count-over-limit", bytes((25, 2, 1, 1, 1, 1))),
        ("count-zero", bytes((1, 0))),
        ("unit-trailing", bytes((25, 1, 1, 1, 9))),
        ("unit-trailing", bytes((26, 1, 0, 9))),
        ("type-reserved", bytes((50, 1, 9))),
    ],
)
def test_departures_are_tolerated_and_counted(kind: str, unit: bytes) -> None:
    """What the field does otherwise is read and counted by name; the strict reader names it as its error."""
    deviations = Deviations()
    decode(unit, deviations)
    assert deviations == {kind: 1}
    with pytest.raises(ProtocolError) as error:
        decode(unit, Strict())
    assert error.value.kind == kind


def test_texts_are_chinese() -> None:
    """A description of 31 bytes holds 15 characters of GB 18030, in the bytes of that encoding."""
    part = u.PartConfiguration(1, 1, 40, 1, "三号楼二层东侧走廊感烟探测器上")
    assert "三号楼二层东侧走廊感烟探测器上".encode("gb18030") in encode((part,))
    assert decode(encode((part,)), Strict()) == (part,)
    with pytest.raises(HarnessError, match="at most 31 bytes of GB 18030 is wanted, found 32"):
        encode((u.PartConfiguration(1, 1, 40, 1, "三号楼二层东侧走廊感烟探测器上下"),))


@pytest.mark.parametrize("unit", [b"\x01", bytes((1, 1, 0)), bytes((6, 1, 1, 1)), bytes((6, 1, 1, 1, 5, 65))])
def test_units_that_are_too_short_are_errors(unit: bytes) -> None:
    """A unit that promises more than it holds is refused."""
    with pytest.raises(ProtocolError, match="unit: expected"):
        decode(unit, Deviations())


@pytest.mark.parametrize(
    "wrong",
    [
        (u.DutyCheck(1), u.Initialise()),
        (u.DutyCheck(1), u.DutyCheck(2)),
        (u.DutyCheck(256),),
        (u.AnalogueValue(1, 1, 1, 1, 1, 40_000, WHEN),),
        (u.TransmitterTime(WHEN._replace(year=300)),),
        (u.TransmitterConfiguration("x" * 256),),
        (u.TransmitterConfiguration("\ud800"),),
    ],
)
def test_what_does_not_fit_is_not_written(wrong: tuple[u._Object, ...]) -> None:
    """Objects that no unit can hold are our error."""
    with pytest.raises(HarnessError):
        encode(wrong)


def test_codes_are_known() -> None:
    """States and values can be told in words and units."""
    assert bit_names(0b110, codes().part_bits) == ("Fire", "Fault")
    assert codes().part_types.codes[42].name_zh == "点型光电感烟火灾探测器"
    value, unit = quantity(u.AnalogueValue(1, 1, 11, 7, 6, 253, WHEN))
    assert (round(value, 6), unit) == (25.3, "%LEL")
    assert (raw_value(6, 25.3), raw_value(3, -40), raw_value(8, 1e6)) == (253, -400, 0x7FFF)
    with pytest.raises(ProtocolError, match="expected 1 to 12, found 99"):
        quantity(u.AnalogueValue(1, 1, 11, 7, 99, 253, WHEN))
    with pytest.raises(HarnessError, match="found 13"):
        raw_value(13, 1.0)


def test_codes_are_read_strictly() -> None:
    """An unknown key in the tables is an error with its path."""
    with pytest.raises(HarnessError, match=r"gb26875/codes.yaml: .*colour"):
        parse_codes('system_types: {source: x, mark: V, codes: {"1": {name_en: a, name_zh: b, colour: c}}}')


def test_frames_carry_units() -> None:
    """A unit goes through a frame unharmed."""
    frame = Frame(1, 2, 3, 4, WHEN, encode((SAID["smoke fire up"],)))
    (found,) = Framer().feed(frame.to_bytes())
    assert isinstance(found, Frame)
    assert decode(found.unit, Deviations()) == (SAID["smoke fire up"],)
