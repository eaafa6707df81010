"""Bytes to objects and back. Each type's layout is one line of a table."""

import struct
from collections.abc import Sequence
from struct import Struct
from typing import Any, Final, NamedTuple

from contract.devices.fault import Deviations, ProtocolError
from contract.devices.gb26875 import units as u
from contract.devices.gb26875.frame import UNIT_MAX, Clock
from contract.devices.gb26875.layout import COUNTS_MAX, IDENTIFIER_BYTES, TEXT_PLACES, USER_TYPES
from contract.errors import HarnessError

TEXT_BYTES: Final = 31
_TEXT_MAX: Final = 255
_COUNT_MAX: Final = 255
_FIELDS: Final = {"b": "B", "h": "H", "i": "h", "w": "I", "t": "6s", "x": "31s"}

Object = u._Object  # noqa: SLF001 - the base that all objects share is not for others


class _Layout(NamedTuple):
    """One type: its class and its letters, packed by `form`.

    Letters: b a byte, h two, i two with a sign, w four, t a time, x 31 bytes of text.
    """

    kind: int
    cls: type[Any]
    letters: str
    form: Struct
    times: tuple[int, ...]
    texts: tuple[int, ...]


def _layout(kind: int, cls: type[Any], letters: str) -> _Layout:
    form = Struct("<" + "".join(_FIELDS[letter] for letter in letters))
    times = tuple(place for place, letter in enumerate(letters) if letter == "t")
    texts = tuple(place for place, letter in enumerate(letters) if letter == "x")
    return _Layout(kind, cls, letters, form, times, texts)


_LAYOUTS: Final = (
    _layout(1, u.SystemState, "bbht"),
    _layout(2, u.PartState, "bbbwhxt"),
    _layout(3, u.AnalogueValue, "bbbwbit"),
    _layout(4, u.Operation, "bbbbt"),
    _layout(5, u.SoftwareVersion, "bbbb"),
    _layout(7, u.PartConfiguration, "bbbwx"),
    _layout(8, u.SystemTime, "bbt"),
    _layout(21, u.TransmitterState, "bt"),
    _layout(24, u.TransmitterOperation, "bbt"),
    _layout(25, u.TransmitterVersion, "bb"),
    _layout(28, u.TransmitterTime, "t"),
    _layout(61, u.ReadSystemState, "bb"),
    _layout(62, u.ReadPartState, "bbw"),
    _layout(63, u.ReadAnalogueValue, "bbw"),
    _layout(64, u.ReadOperations, "bbbt"),
    _layout(65, u.ReadSoftwareVersion, "bb"),
    _layout(66, u.ReadSystemConfiguration, "bb"),
    _layout(67, u.ReadPartConfiguration, "bbw"),
    _layout(68, u.ReadSystemTime, "bb"),
    _layout(81, u.ReadTransmitterState, "b"),
    _layout(84, u.ReadTransmitterOperations, "bt"),
    _layout(85, u.ReadTransmitterVersion, "b"),
    _layout(86, u.ReadTransmitterConfiguration, "b"),
    _layout(88, u.ReadTransmitterTime, "b"),
    _layout(89, u.Initialise, "b"),
    _layout(90, u.SynchroniseClock, "t"),
    _layout(91, u.DutyCheck, "b"),
)
_BY_KIND: Final = {layout.kind: layout for layout in _LAYOUTS}
_BY_CLASS: Final = {layout.cls: layout for layout in _LAYOUTS}
_RESERVED_BITS: Final = {1: (2, 0xC000), 2: (4, 0xFE00), 4: (2, 0x80), 21: (0, 0x80), 24: (0, 0x80)}
_STATE_PLACES: Final = {1: 2, 2: 4, 21: 0}
_KINDS: Final[dict[type[Any], int]] = {
    **{layout.cls: layout.kind for layout in _LAYOUTS},
    u.SystemConfiguration: 6,
    u.TransmitterConfiguration: 26,
}


def kind_of(one: Object) -> int:
    """Type flag of an object."""
    return one.type if isinstance(one, u.Unknown) else _KINDS[type(one)]


def decode(unit: bytes, deviations: Deviations) -> tuple[Object, ...]:
    """Objects of a data unit; none for an empty one.

    Counts `count-over-limit`, `count-zero`, `type-reserved`, `unit-trailing` (bytes after the last object: passed
    over), `fire-in-test` (a fire with bit 0 left clear, which real devices send), `reserved-bits`,
    `text-blank-padded` and `text-not-gb18030`.

    Raises:
        ProtocolError: the unit is too short for its type and count; nothing else is ever raised.
    """
    if not unit:
        return ()
    if len(unit) < IDENTIFIER_BYTES:
        raise ProtocolError("unit-length", where="unit", found=f"{len(unit)} byte", wanted="type and count")
    kind, count = unit[0], unit[1]
    layout = _BY_KIND.get(kind)
    if count > COUNTS_MAX.get(kind, _COUNT_MAX):
        deviations.note("count-over-limit", where="count", found=str(count))
    if count == 0 and kind in COUNTS_MAX:
        deviations.note("count-zero", where="count")
    if layout is not None:
        return _decode_fixed(unit, count, layout, deviations)
    if kind in TEXT_PLACES:
        return _decode_texts(unit, kind, count, deviations)
    if kind < USER_TYPES:
        deviations.note("type-reserved", where="type", found=str(kind))
    return (u.Unknown(kind, count, unit[IDENTIFIER_BYTES:]),)


def _decode_fixed(unit: bytes, count: int, layout: _Layout, deviations: Deviations) -> tuple[Object, ...]:
    end = IDENTIFIER_BYTES + count * layout.form.size
    if len(unit) < end:
        wanted = f"{end} for {count} of type {layout.kind}"
        raise ProtocolError("unit-length", where="unit", found=f"{len(unit)} bytes", wanted=wanted)
    if len(unit) > end:
        deviations.note("unit-trailing", where="unit", found=unit[end:].hex())
    found = []
    for fields in layout.form.iter_unpack(unit[IDENTIFIER_BYTES:end]):
        values: list[Any] = list(fields)
        for place in layout.times:
            values[place] = Clock(*values[place])
        for place in layout.texts:
            values[place] = _read_text(values[place], deviations)
        _check_bits(layout.kind, values, deviations)
        found.append(layout.cls(*values))
    return tuple(found)


def _check_bits(kind: int, values: list[Any], deviations: Deviations) -> None:
    place = _STATE_PLACES.get(kind)
    if place is not None and values[place] & (u.FIRE | u.NORMAL) == u.FIRE:
        deviations.note("fire-in-test", where="state", found=f"{values[place]:#x}")
    reserved = _RESERVED_BITS.get(kind)
    if reserved is not None and values[reserved[0]] & reserved[1]:
        deviations.note("reserved-bits", where="state", found=f"{values[reserved[0]]:#x}")


def _decode_texts(unit: bytes, kind: int, count: int, deviations: Deviations) -> tuple[Object, ...]:
    found: list[Object] = []
    at, before = IDENTIFIER_BYTES, TEXT_PLACES[kind]
    for _ in range(count):
        begin = at + before + 1
        size = unit[begin - 1] if begin <= len(unit) else _TEXT_MAX
        if begin + size > len(unit):
            raise ProtocolError(
                "unit-length", where="unit", found=f"{len(unit)} bytes", wanted=f"{begin + size} or more"
            )
        text = _decode_text(unit[begin : begin + size], deviations)
        found.append(
            u.SystemConfiguration(unit[at], unit[at + 1], text) if before else u.TransmitterConfiguration(text)
        )
        at = begin + size
    if at < len(unit):
        deviations.note("unit-trailing", where="unit", found=unit[at:].hex())
    return tuple(found)


def _read_text(raw: bytes, deviations: Deviations) -> str:
    """A text of fixed width without the zeros that fill it up."""
    kept = raw.rstrip(b"\0")
    if kept.endswith(b" "):
        deviations.note("text-blank-padded", where="text")
    return _decode_text(kept, deviations)


def _decode_text(raw: bytes, deviations: Deviations) -> str:
    try:
        text = raw.decode("gb18030")
        if text.encode("gb18030") == raw:
            return text
    except UnicodeError:
        pass
    deviations.note("text-not-gb18030", where="text", found=raw.hex())
    return raw.decode("ascii", "surrogateescape")


def _encode_text(text: str) -> bytes:
    try:
        return text.encode("gb18030")
    except UnicodeEncodeError:
        pass
    try:
        return text.encode("ascii", "surrogateescape")
    except UnicodeEncodeError as error:
        raise HarnessError(f"a text that GB 18030 can write is wanted: {error}") from None


def encode(objects: Sequence[Object]) -> bytes:
    """A data unit of objects of one type; empty for none.

    Raises:
        HarnessError: they are of several types, too many, too long, or a number does not fit its field.
    """
    if not objects:
        return b""
    first = objects[0]
    kind, count = kind_of(first), len(objects)
    if any(kind_of(one) != kind for one in objects) or (isinstance(first, u.Unknown) and count > 1):
        raise HarnessError("a data unit holds objects of one type")
    if isinstance(first, u.Unknown):
        return bytes((kind, first.count)) + first.payload
    if count > COUNTS_MAX[kind]:
        raise HarnessError(f"a data unit holds at most {COUNTS_MAX[kind]} objects of type {kind}, found {count}")
    unit = bytes((kind, count)) + b"".join([_encode_one(one) for one in objects])
    if len(unit) > UNIT_MAX:
        raise HarnessError(f"a data unit holds at most {UNIT_MAX} bytes, found {len(unit)}")
    return unit


def _encode_one(one: Object) -> bytes:
    layout = _BY_CLASS.get(type(one))
    try:
        if layout is None:
            return _encode_described(one)
        values: list[Any] = [getattr(one, name) for name in one.__struct_fields__]
        for place in layout.times:
            values[place] = bytes(values[place])
        for place in layout.texts:
            values[place] = _sized(values[place], TEXT_BYTES)
        return layout.form.pack(*values)
    except HarnessError:
        raise
    except (struct.error, ValueError, TypeError) as error:
        raise HarnessError(f"{type(one).__name__}: {error}") from None


def _sized(text: str, size: int) -> bytes:
    raw = _encode_text(text)
    if len(raw) > size:
        raise HarnessError(f"a text of at most {size} bytes of GB 18030 is wanted, found {len(raw)}")
    return raw


def _encode_described(one: Object) -> bytes:
    raw = _sized(one.text, _TEXT_MAX) if isinstance(one, u.SystemConfiguration | u.TransmitterConfiguration) else b""
    head = bytes((one.system_type, one.system_address)) if isinstance(one, u.SystemConfiguration) else b""
    return head + bytes((len(raw),)) + raw
