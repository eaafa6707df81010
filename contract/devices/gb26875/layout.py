"""How long the objects of each type are (GB/T 26875.3-2011, clause 8): what a data unit's length must be."""

from typing import Final

SIZES: Final = {
    1: 10, 2: 46, 3: 16, 4: 10, 5: 4, 7: 38, 8: 8, 21: 7, 24: 8, 25: 2, 28: 6,
    61: 2, 62: 6, 63: 6, 64: 9, 65: 2, 66: 2, 67: 6, 68: 2,
    81: 1, 84: 7, 85: 1, 86: 1, 88: 1, 89: 1, 90: 6, 91: 1,
}  # fmt: skip
"""Bytes of an object with its time, by type."""

TEXT_PLACES: Final = {6: 2, 26: 0}
"""Types whose objects end in a text: where its length byte stands in the object."""

COUNTS_MAX: Final = {
    1: 102, 2: 22, 3: 63, 4: 102, 5: 1, 6: 3, 7: 26, 8: 1, 21: 1, 24: 127, 25: 1, 26: 1, 28: 1,
    61: 102, 62: 22, 63: 63, 64: 1, 65: 1, 66: 3, 67: 26, 68: 1, 81: 1, 84: 1, 85: 1, 86: 1, 88: 1, 89: 1, 90: 1, 91: 1,
}  # fmt: skip
"""Most objects in a unit, by type. Those of 61 to 91 from a secondary copy [S]."""

USER_TYPES: Final = 128
IDENTIFIER_BYTES: Final = 2


def length_fits(buffer: bytes, begin: int, end: int) -> bool | None:
    """Whether a data unit's length agrees with its type and count; None where that cannot be said.

    Args:
        buffer: of which at least type and count are there.
        begin: where the unit begins.
        end: where it ends, which may lie behind what is there.
    """
    if begin == end:
        return True
    if len(buffer) < begin + IDENTIFIER_BYTES:
        return None
    if end - begin < IDENTIFIER_BYTES:
        return False
    kind, count = buffer[begin], buffer[begin + 1]
    size = SIZES.get(kind)
    if size is not None:
        return end - begin == IDENTIFIER_BYTES + count * size
    return None if kind >= USER_TYPES or kind in TEXT_PLACES else False
