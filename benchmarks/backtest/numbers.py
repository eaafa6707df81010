"""Numbers in text, read by a compiled loop, correctly rounded."""

# ruff: noqa: PLR1714, SIM109, SIM110 - scanning is branching, and numba wants loops and plain ==

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.backtest.lines import NOT_A_NUMBER, NOT_FINITE, Bytes, Int32s

Floats = NDArray[np.float64]

FINITE: Final = 0
_HARD: Final = 255  # one operation does not round it correctly
_DOT, _COMMA, _MINUS, _PLUS, _ZERO = b".,-+0"
_LETTER_E = b"e"[0]
_LOWER_CASE = 0x20  # this bit makes an ASCII letter lower-case

# A decimal with such a mantissa and exponent is rounded correctly by one operation, since both operands are exact
# (Clinger, "How to read floating point numbers accurately", PLDI 1990).
_MANTISSA_MAX = 1 << 53
_POWERS = np.array([10.0**exponent for exponent in range(23)])
_EXPONENT_MAX = 22
_DIGITS_MAX = 19  # what 64 bits hold
_EXPONENT_BOUND = 10_000  # any double is reached long before

_WORDS = np.frombuffer(b"naninfinitytruefalse", dtype=np.uint8)
_inlined = njit(cache=True, nogil=True, forceinline=True, _nrt=False)


def read_numbers(body: Bytes, spans: Int32s, decimal: str) -> tuple[Floats, Bytes]:
    """The numbers at some places of a text.

    Args:
        body: (bytes,) the text.
        spans: (n, 2) start and stop of each, without spaces around it.
        decimal: "." or ",".

    Returns:
        The values, (n,), and for each `FINITE`, `NOT_A_NUMBER` or `NOT_FINITE`; true and false are 1 and 0.
    """
    value, status = np.empty(len(spans)), np.empty(len(spans), dtype=np.uint8)
    if _numbers(body, spans, ord(decimal), value, status):
        for place in np.flatnonzero(status == _HARD).tolist():
            text = body[spans[place, 0] : spans[place, 1]].tobytes()
            value[place] = float(text.replace(b",", b".")) if decimal == "," else float(text)
            status[place] = FINITE if np.isfinite(value[place]) else NOT_FINITE
    return value, status


@njit(cache=True, nogil=True, _nrt=False)
def _numbers(body: Bytes, spans: Int32s, decimal: int, value: Floats, status: Bytes) -> bool:
    """Read numbers; True if there is a hard one."""
    any_hard = False
    for i in range(len(spans)):
        status[i], value[i] = _number(body, spans[i, 0], spans[i, 1], decimal)
        any_hard |= status[i] == _HARD
    return any_hard


@_inlined
def _number(body: Bytes, p: int, stop: int, decimal: int) -> tuple[int, float]:
    """The number from `p` to `stop` and its status."""
    sign = body[np.uintp(p)] if p < stop else 0
    start = p + 1 if sign == _MINUS or sign == _PLUS else p
    mantissa, digits = np.uint64(0), 0
    p, mantissa = _digits(body, start, stop, mantissa)
    digits, exponent = p - start, 0
    if p < stop and body[np.uintp(p)] == decimal:
        start = p + 1
        p, mantissa = _digits(body, start, stop, mantissa)
        exponent = start - p
        digits -= exponent
    if digits == 0:
        word: tuple[int, float] = _word(body, start, stop)
        return word
    if p < stop and body[np.uintp(p)] | _LOWER_CASE == _LETTER_E:
        shift, p = _exponent(body, p + 1, stop)
        exponent += shift
    if p != stop:
        return NOT_A_NUMBER, 0.0
    if digits > _DIGITS_MAX or mantissa > np.uint64(_MANTISSA_MAX) or not -_EXPONENT_MAX <= exponent <= _EXPONENT_MAX:
        return _HARD, 0.0
    number = np.float64(mantissa)
    number = number / _POWERS[-exponent] if exponent < 0 else number * _POWERS[exponent]
    return FINITE, -number if sign == _MINUS else number


@_inlined
def _digits(body: Bytes, p: int, stop: int, mantissa: np.uint64) -> tuple[int, np.uint64]:
    """Append the decimal digits at `p` to the mantissa (modulo 2**64)."""
    while p < stop:
        digit = int(body[np.uintp(p)]) - _ZERO
        if not 0 <= digit <= 9:  # noqa: PLR2004 - the decimal digits
            break
        mantissa = mantissa * np.uint64(10) + np.uint64(digit)
        p += 1
    return p, mantissa


@_inlined
def _exponent(body: Bytes, p: int, stop: int) -> tuple[int, int]:
    """The exponent at `p`, after the E, and where it ends (-1 if there is none)."""
    sign = body[np.uintp(p)] if p < stop else 0
    if sign == _MINUS or sign == _PLUS:
        p += 1
    start, exponent = p, 0
    while p < stop:
        digit = int(body[np.uintp(p)]) - _ZERO
        if not 0 <= digit <= 9:  # noqa: PLR2004 - the decimal digits
            break
        exponent = min(10 * exponent + digit, _EXPONENT_BOUND)
        p += 1
    return -exponent if sign == _MINUS else exponent, p if p > start else -1


@njit(cache=True, nogil=True, _nrt=False)
def _word(body: Bytes, start: int, stop: int) -> tuple[int, float]:
    """A word that stands for a number, or for one that is not finite."""
    if _is_word(body, start, stop, 11, 15):
        return FINITE, 1.0
    if _is_word(body, start, stop, 15, 20):
        return FINITE, 0.0
    if _is_word(body, start, stop, 0, 3) or _is_word(body, start, stop, 3, 6) or _is_word(body, start, stop, 3, 11):
        return NOT_FINITE, 0.0
    return NOT_A_NUMBER, 0.0


@_inlined
def _is_word(body: Bytes, start: int, stop: int, word: int, word_stop: int) -> bool:
    if stop - start != word_stop - word:
        return False
    for i in range(word_stop - word):
        if body[np.uintp(start + i)] | _LOWER_CASE != _WORDS[word + i]:
            return False
    return True
