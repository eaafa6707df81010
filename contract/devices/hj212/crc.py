"""The check value of HJ 212 (Appendix A): CRC-16 polynomial A001, but each byte meets the register's high half.

The register is shifted right by eight before each byte is added to it, so only eight bits of state remain, and eight
rounds of its linear step are the identity: the value depends only on the XOR of all bytes whose distances from the
end agree modulo eight. It has 256 values. Two bytes exchanged eight places apart go unnoticed; so does every 256th
badly damaged segment.
"""

from typing import Final

_POLYNOMIAL: Final = 0xA001
_STATES: Final = 256
_PERIOD_BYTES: Final = 8
_WIDE_BYTES: Final = 128  # from here the number is folded further before the last three folds


def _shifted(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


TABLE: Final = tuple(_shifted(value) for value in range(_STATES))
"""The register after a byte, by (the former register's high half) XOR (the byte)."""


def _by_distance() -> tuple[tuple[int, ...], ...]:
    """What a byte adds to the state at the end, by its distance from the end modulo eight."""
    rows, row = [], tuple(range(_STATES))
    for _ in range(_PERIOD_BYTES):
        row = tuple(TABLE[value] >> 8 for value in row)
        rows.append(row)
    return tuple(rows)


def _pairs(low: tuple[int, ...], high: tuple[int, ...]) -> bytes:
    return bytes(one ^ other for other in high for one in low)


_ROWS: Final = _by_distance()
_W0, _W1, _W2, _W3 = (_pairs(_ROWS[place], _ROWS[place + 1]) for place in range(0, _PERIOD_BYTES, 2))
_BEGIN: Final = bytes([_ROWS[length % _PERIOD_BYTES - 1][0xFF] for length in range(_PERIOD_BYTES)])
_VALUES: Final = tuple(TABLE[_ROWS[_PERIOD_BYTES - 2][state]] for state in range(_STATES))  # seven rounds undo one
_TEXTS: Final = tuple(b"%04X" % value for value in _VALUES)
_EMPTY: Final = 0xFFFF


def _state(data: bytes) -> int:
    size = len(data)
    word = int.from_bytes(data, "big")
    if size > _WIDE_BYTES:
        bits = _WIDE_BYTES * 8
        while bits < size * 4:
            bits *= 2
        while bits >= _WIDE_BYTES * 8:
            word = word >> bits ^ word & (1 << bits) - 1
            bits >>= 1
    word ^= word >> 512
    word ^= word >> 256
    word ^= word >> 128
    word ^= word >> 64
    return (
        _W0[word & 0xFFFF]
        ^ _W1[word >> 16 & 0xFFFF]
        ^ _W2[word >> 32 & 0xFFFF]
        ^ _W3[word >> 48 & 0xFFFF]
        ^ _BEGIN[size & 7]
    )


def crc(data: bytes) -> int:
    """The check value of a data segment, 0 to 0xFFFF (HJ 212-2017, Appendix A)."""
    return _VALUES[_state(data)] if data else _EMPTY


def crc_text(data: bytes) -> bytes:
    """The same as it stands in a frame: four upper-case hexadecimal digits, high byte first."""
    return _TEXTS[_state(data)] if data else b"FFFF"
