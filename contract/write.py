"""The records of SenML JSON, written by a compiled loop: no object for a name or a number.

It writes packs whose numbers are short decimals, as measured values are: 27 million readings a second, where joining
the texts of a generic JSON encoder reaches 4.2 million (packs of 500, `benchmarks.micro -k codec`). The bytes are the
same either way.
"""

# ruff: noqa: PLR0917 - kernels take their columns one by one, by position, as numba calls them fastest

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]

_NAME_FIELD, _VALUE_FIELD, _TIME_FIELD, _END = (
    np.frombuffer(text, np.uint8) for text in (b'{"n":"', b'","v":', b',"t":', b"},")
)
_DECIMALS_MAX = 5  # with more, the shortest text of a small number has an exponent
_POWERS = np.array([10**decimals for decimals in range(_DECIMALS_MAX + 1)])
_DIGITS_BELOW = 10**15  # decimals of up to 15 digits are all different doubles
_NUMBER_BYTES_MAX = len("-.") + len(str(_DIGITS_BELOW)) + 1
_MINUS, _POINT, _ZERO = b"-.0"

RECORD_BYTES_MAX = sum(map(len, (_NAME_FIELD, _VALUE_FIELD, _TIME_FIELD, _END))) + 2 * _NUMBER_BYTES_MAX
"""The longest record, without its name."""

# Without _nrt=False each call between kernels counts references to its arrays, which costs more than writing a byte.
_inlined = njit(cache=True, nogil=True, forceinline=True, _nrt=False)


@njit(cache=True, nogil=True, _nrt=False)
def records(
    text: Bytes,
    offsets: Int64s,
    point: NDArray[np.int32],
    time_ms: Int64s,
    has_times: bool,
    value: NDArray[np.float64],
    out: Bytes,
) -> int:
    """Write a record for each reading, each with a comma after it. Returns the bytes written, 0 if it cannot.

    Args:
        text: of the `PointNames`.
        offsets: of the `PointNames`.
        point: (n,) index of each reading's point.
        time_ms: (n,) times.
        has_times: write the times, relative to the first one.
        value: (n,) values.
        out: (n * (RECORD_BYTES_MAX + bytes of the longest name),) receives the text.
    """
    p = 0
    for i in range(len(point)):
        place = point[i]
        if not 0 <= place < len(offsets) - 1:
            return 0
        p = _copy(out, p, _NAME_FIELD, 0, len(_NAME_FIELD))
        p = _copy(out, p, text, offsets[place], offsets[place + 1])
        p = _copy(out, p, _VALUE_FIELD, 0, len(_VALUE_FIELD))
        p = _number(out, p, value[i])
        if has_times and p > 0:
            p = _copy(out, p, _TIME_FIELD, 0, len(_TIME_FIELD))
            p = _number(out, p, (time_ms[i] - time_ms[0]) / 1000)
        if p == 0:
            return 0
        p = _copy(out, p, _END, 0, len(_END))
    return p


@_inlined
def _copy(out: Bytes, p: int, text: Bytes, start: int, stop: int) -> int:
    for i in range(stop - start):
        out[np.uintp(p + i)] = text[np.uintp(start + i)]
    return p + stop - start


@_inlined
def _number(out: Bytes, p: int, number: float) -> int:
    """Write the shortest decimal that reads back as `number`. Returns where it ends, 0 if it is not short."""
    size = abs(number)
    for decimals in range(_DECIMALS_MAX + 1):
        power = _POWERS[decimals]
        scaled = np.rint(size * power)
        if not scaled < _DIGITS_BELOW:
            return 0
        if scaled / power == size:  # one division of two exact numbers: how a decimal is read
            if math.copysign(1.0, number) < 0.0:
                out[np.uintp(p)] = _MINUS
                p += 1
            digits = np.uint64(scaled)
            whole = digits // np.uint64(power)
            p = _integer(out, p, whole, 1)
            out[np.uintp(p)] = _POINT
            return int(_integer(out, p + 1, digits - whole * np.uint64(power), max(decimals, 1)))
    return 0


@_inlined
def _integer(out: Bytes, p: int, number: np.uint64, width: int) -> int:
    """Write an integer with leading zeros up to `width` digits. Returns where it ends."""
    bound = np.uint64(10)
    length = 1
    while number >= bound:
        bound *= np.uint64(10)
        length += 1
    stop = p + max(length, width)
    for i in range(stop - p):
        rest = number // np.uint64(10)
        out[np.uintp(stop - 1 - i)] = _ZERO + np.int64(number - rest * np.uint64(10))
        number = rest
    return stop
