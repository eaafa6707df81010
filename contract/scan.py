"""Ordinary SenML JSON, scanned by compiled loops: one pass over the bytes, no object for a record, a name or a number.

Decoding the packs was most of what durable ingest costs. A generic JSON parser with a dictionary of names reads 2.6
million readings a second where this scanner reads 15.7 million (packs of 500, `benchmarks.micro -k codec`).

What is ordinary: an array of flat objects with the labels n, v, t, u and ut, and bn, bt and bu in the first record
only; none twice; strings of printable ASCII without escapes; names of known points. Whitespace and the order of labels
are free. For everything else, right or wrong, the scanner answers "not ordinary" and says no more.

Every read of the body goes through `_at`, which knows where the body ends.

All of it is in this file on purpose: numba's cache notices a change of the file that a kernel stands in, not of the
files that it calls into.
"""

# ruff: noqa: PLR0917 - kernels take their columns one by one, by position, as numba calls them fastest
# ruff: noqa: C901, PLR0911, PLR0912, PLR1714, SIM109, SIM110 - scanning is branching, and numba wants loops and plain ==

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]
Span = tuple[int, int]

RECORD_BYTES_MIN = len(b'{"v":1},')
SPARE_NUMBERS = 2
"""Places of `numbers` after those of the records: for the base time, and for what is checked and not kept."""

_QUOTE, _COMMA, _COLON, _MINUS, _PLUS, _POINT, _ZERO = b'",:-+.0'
_ARRAY, _ARRAY_END, _OBJECT, _OBJECT_END, _ESCAPE, _SPACE, _TILDE = b"[]{}\\ ~"
_TAB, _LINE_FEED, _RETURN = b"\t\n\r"
_LETTER_B, _LETTER_E, _LETTER_N, _LETTER_T, _LETTER_U, _LETTER_V = b"bentuv"
_LOWER_CASE = 0x20  # this bit makes an ASCII letter lower-case

# Labels, one bit each.
_N, _V, _T, _U, _UT, _BN, _BT, _BU = (1 << bit for bit in range(8))
_BASE = _BN | _BT | _BU
_NUMBERS = _V | _T | _UT | _BT

# A decimal with such a mantissa and exponent is rounded correctly by one operation, since both operands are exact
# (Clinger, "How to read floating point numbers accurately", PLDI 1990).
_MANTISSA_MAX = 1 << 53
_POWERS = np.array([10.0**exponent for exponent in range(23)])
_EXPONENT_MAX = 22
_DIGITS_MAX = 19  # what 64 bits hold
_EXPONENT_BOUND = 10_000  # any double is reached long before

_HASH_SEED = 0xCBF29CE484222325  # FNV-1a, 64 bits
_HASH_PRIME = 0x100000001B3

# Without _nrt=False each call between kernels counts references to its arrays, which costs more than reading a byte.
_inlined = njit(cache=True, nogil=True, forceinline=True, _nrt=False)


@njit(cache=True, nogil=True, _nrt=False)
def scan(
    body: Bytes,
    text: Bytes,
    offsets: Int64s,
    table: Int32s,
    shared: int,
    point: Int32s,
    numbers: Floats,
    hard: Int32s,
) -> tuple[int, int]:
    """Read an ordinary pack. Returns how many readings it has (0 if it is not ordinary) and the rows of `hard`.

    Args:
        body: (bytes,) the pack.
        text: of the `NameIndex`, as are the next three.
        offsets: see `text`.
        table: see `text`.
        shared: see `text`.
        point: (capacity,) receives the index of each reading's point.
        numbers: (2 * capacity + SPARE_NUMBERS,) receives the values from 0, the times in seconds from `capacity`, then
            the base time.
        hard: (2 * capacity + SPARE_NUMBERS, 3) receives place in `numbers`, start and stop in `body` of each number
            that one operation does not round correctly; it is NaN in `numbers`.
    """
    capacity = len(point)
    records = rows = hard_count = 0
    former = -1
    prefix, prefix_hash, prefix_is_shared = (0, 0), np.uint64(_HASH_SEED), False
    numbers[2 * capacity] = 0.0
    p = _skip_space(body, 0)
    if _at(body, p) != _ARRAY:
        return 0, 0
    while True:
        if records == capacity:
            return 0, 0
        guess = former + 1 if prefix_is_shared else len(offsets)
        p, seen, place, name, base_name, hard_count = _record(
            body, _skip_space(body, p + 1), text, offsets, guess, prefix[1] - prefix[0], rows, numbers, hard, hard_count
        )
        if p < 0 or (records > 0 and seen & _BASE):
            return 0, 0
        if records == 0:
            prefix = base_name
            prefix_hash = _hash(prefix_hash, body, prefix[0], prefix[1])
            length = prefix[1] - prefix[0]
            prefix_is_shared = length <= shared and _same(body, prefix[0], text, 0, length)
        records += 1
        if seen & ~_BASE:  # else it was the first record, with base fields only: no reading
            if place < 0:
                place = _find(body, prefix, name, _hash(prefix_hash, body, name[0], name[1]), text, offsets, table)
            if place < 0 or not seen & _V:
                return 0, 0
            if not seen & _T:
                numbers[capacity + rows] = 0.0
            point[rows] = former = place
            rows += 1
        elif records > 1:
            return 0, 0
        p = _skip_space(body, p)
        if _at(body, p) != _COMMA:
            break
    if _at(body, p) != _ARRAY_END or _skip_space(body, p + 1) != len(body):
        return 0, 0
    return rows, hard_count


@_inlined
def _record(
    body: Bytes,
    p: int,
    text: Bytes,
    offsets: Int64s,
    guess: int,
    prefix: int,
    row: int,
    numbers: Floats,
    hard: Int32s,
    hard_count: int,
) -> tuple[int, int, int, Span, Span, int]:
    """Read the record at `p`.

    Returns:
        Where it ends (-1 if it is not ordinary), the bits of its labels, the index of its name if that is `guess` (else
        -1), start and stop of its name and of its base name, and the rows of `hard`.
    """
    refused = -1, 0, -1, (0, 0), (0, 0), 0
    capacity = (len(numbers) - SPARE_NUMBERS) // 2
    seen, place, name, base_name = 0, -1, (0, 0), (0, 0)
    if _at(body, p) != _OBJECT:
        return refused
    while True:
        label, p = _label(body, _skip_space(body, p + 1))
        if label == 0 or seen & label:
            return refused
        seen |= label
        start = p
        if label & _NUMBERS:
            number, p = _number(body, p)
            slot = _slot(label, row, capacity)
            numbers[slot] = number
            if np.isnan(number):
                if label == _UT:
                    return refused
                hard[hard_count, 0], hard[hard_count, 1], hard[hard_count, 2] = slot, start, p
                hard_count += 1
        elif label == _N and _is_name(body, p, text, offsets, guess, prefix):
            place = guess
            p += offsets[guess + 1] - offsets[guess] - prefix + 2
        else:
            p = _string(body, p)
            if label == _N:
                name = start + 1, p - 1
            elif label == _BN:
                base_name = start + 1, p - 1
        if p < 0:
            return refused
        p = _skip_space(body, p)
        if _at(body, p) != _COMMA:
            break
    if _at(body, p) != _OBJECT_END:
        return refused
    return p + 1, seen, place, name, base_name, hard_count


@_inlined
def _slot(label: int, row: int, capacity: int) -> int:
    """Place of a number in `numbers`."""
    if label == _V:
        return row
    if label == _T:
        return capacity + row
    return 2 * capacity if label == _BT else 2 * capacity + 1


@njit(cache=True, nogil=True, _nrt=False)
def times_in_ms(
    time_s: Floats, base_s: float, now_s: float, relative_below_s: int, max_ms: int, time_ms: Int64s
) -> bool:
    """Absolute times in whole milliseconds, half to even, into `time_ms`; False if one is out of range."""
    for i in range(len(time_s)):
        absolute_s = base_s + time_s[i]
        if absolute_s < relative_below_s:
            absolute_s += now_s
        rounded = np.rint(absolute_s * 1000.0)
        if not 0.0 <= rounded <= max_ms:
            return False
        time_ms[i] = np.int64(rounded)
    return True


@njit(cache=True, nogil=True, _nrt=False)
def fill_table(text: Bytes, offsets: Int64s, table: Int32s) -> None:
    """Put every name into the open-addressing `table` (all -1 before; its size a power of two beyond the names)."""
    mask = len(table) - 1
    for place in range(len(offsets) - 1):
        slot = np.int64(_hash(np.uint64(_HASH_SEED), text, offsets[place], offsets[place + 1])) & mask
        while table[slot] >= 0:
            slot = (slot + 1) & mask
        table[slot] = place


@_inlined
def _at(body: Bytes, p: int) -> int:
    """The byte at `p`, 0 (which no JSON text holds) beyond the end."""
    return int(body[np.uintp(p)]) if 0 <= p < len(body) else 0


@_inlined
def _skip_space(body: Bytes, p: int) -> int:
    while True:
        byte = _at(body, p)
        if byte > _SPACE or (byte != _SPACE and byte != _LINE_FEED and byte != _RETURN and byte != _TAB):
            return p
        p += 1


@_inlined
def _label(body: Bytes, p: int) -> tuple[int, int]:
    """The label at `p` as its bit, 0 for any other, and where the value begins."""
    if _at(body, p) != _QUOTE:
        return 0, p
    first, second = _at(body, p + 1), _at(body, p + 2)
    label = 0
    if second == _QUOTE:
        p += 3
        if first == _LETTER_N:
            label = _N
        elif first == _LETTER_V:
            label = _V
        elif first == _LETTER_T:
            label = _T
        elif first == _LETTER_U:
            label = _U
    elif _at(body, p + 3) == _QUOTE:
        p += 4
        if first == _LETTER_U and second == _LETTER_T:
            label = _UT
        elif first == _LETTER_B:
            if second == _LETTER_N:
                label = _BN
            elif second == _LETTER_T:
                label = _BT
            elif second == _LETTER_U:
                label = _BU
    p = _skip_space(body, p)
    if _at(body, p) != _COLON:
        return 0, p
    return label, _skip_space(body, p + 1)


@_inlined
def _string(body: Bytes, p: int) -> int:
    """Where the string at `p` ends, its quotes included; -1 unless it is printable ASCII without escapes."""
    if _at(body, p) != _QUOTE:
        return -1
    p += 1
    while True:
        byte = _at(body, p)
        if byte == _QUOTE:
            return p + 1
        if byte < _SPACE or byte > _TILDE or byte == _ESCAPE:
            return -1
        p += 1


@_inlined
def _number(body: Bytes, p: int) -> tuple[float, int]:
    """The number at `p`, NaN where one operation does not round it correctly, and where it ends, -1 for none."""
    is_negative = _at(body, p) == _MINUS
    if is_negative:
        p += 1
    mantissa = np.uint64(0)
    start = p
    leading = _at(body, p)
    mantissa, p = _digits(body, p, mantissa)
    digits = p - start
    if digits == 0 or (leading == _ZERO and digits > 1):
        return 0.0, -1
    exponent = 0
    is_integer = True
    if _at(body, p) == _POINT:
        is_integer = False
        start = p + 1
        mantissa, p = _digits(body, start, mantissa)
        exponent = start - p
        digits += p - start
        if exponent == 0:
            return 0.0, -1
    if _at(body, p) | _LOWER_CASE == _LETTER_E:
        is_integer = False
        shift, p = _exponent(body, p + 1)
        if p < 0:
            return 0.0, -1
        exponent += shift
    if digits > _DIGITS_MAX or mantissa > np.uint64(_MANTISSA_MAX) or not -_EXPONENT_MAX <= exponent <= _EXPONENT_MAX:
        return np.nan, p
    number = np.float64(mantissa)
    number = number / _POWERS[-exponent] if exponent < 0 else number * _POWERS[exponent]
    if is_negative and not (is_integer and number == 0.0):  # the integer -0 is 0
        number = -number
    return number, p


@_inlined
def _digits(body: Bytes, p: int, mantissa: np.uint64) -> tuple[np.uint64, int]:
    """Append the decimal digits at `p` to the mantissa (modulo 2**64)."""
    while True:
        digit = _at(body, p) - _ZERO
        if not 0 <= digit <= 9:  # noqa: PLR2004 - the decimal digits
            return mantissa, p
        mantissa = mantissa * np.uint64(10) + np.uint64(digit)
        p += 1


@_inlined
def _exponent(body: Bytes, p: int) -> tuple[int, int]:
    """The exponent at `p`, after the E, and where it ends (-1 if there is none)."""
    sign = _at(body, p)
    if sign == _MINUS or sign == _PLUS:
        p += 1
    start = p
    exponent = 0
    while True:
        digit = _at(body, p) - _ZERO
        if not 0 <= digit <= 9:  # noqa: PLR2004 - the decimal digits
            break
        exponent = min(10 * exponent + digit, _EXPONENT_BOUND)
        p += 1
    return -exponent if sign == _MINUS else exponent, p if p > start else -1


@_inlined
def _is_name(body: Bytes, p: int, text: Bytes, offsets: Int64s, place: int, prefix: int) -> bool:
    """Is the string at `p` the name of that place, without its first `prefix` bytes?

    Gateways name their points in the same order in every pack, so that to guess the next one is nearly always right.
    """
    if place >= len(offsets) - 1:
        return False
    start = offsets[place] + prefix
    length = offsets[place + 1] - start
    return bool(
        _at(body, p) == _QUOTE and _same(body, p + 1, text, start, length) and _at(body, p + 1 + length) == _QUOTE
    )


@_inlined
def _same(body: Bytes, p: int, text: Bytes, start: int, length: int) -> bool:
    if p + length > len(body):
        return False
    for i in range(length):
        if body[np.uintp(p + i)] != text[np.uintp(start + i)]:
            return False
    return True


@_inlined
def _hash(state: np.uint64, body: Bytes, start: int, stop: int) -> np.uint64:
    for i in range(start, stop):
        state = (state ^ np.uint64(body[np.uintp(i)])) * np.uint64(_HASH_PRIME)
    return state


@_inlined
def _find(body: Bytes, prefix: Span, name: Span, hashed: np.uint64, text: Bytes, offsets: Int64s, table: Int32s) -> int:
    """Index of the name that the two parts of the body make together, -1 for none."""
    mask = len(table) - 1
    first, second = prefix[1] - prefix[0], name[1] - name[0]
    slot = np.int64(hashed) & mask
    while table[slot] >= 0:
        place = np.int64(table[slot])
        start = offsets[place]
        if (
            offsets[place + 1] - start == first + second
            and _same(body, prefix[0], text, start, first)
            and _same(body, name[0], text, start + first, second)
        ):
            return place  # type: ignore[return-value]  # an integer to numba
        slot = (slot + 1) & mask
    return -1
