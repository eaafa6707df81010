"""Lines of delimited text, taken apart by a compiled loop: where each field stands, no object for a row or a field.

A generic CSV reader gives up a whole block at the first field that is no number. Here the fields are only found;
what they say is read by `numbers`, `times` and `names`, row by row, so that a bad row costs itself and nothing else.

A row is a line: a quoted field may hold separators and doubled quotes, but no line break.
"""

# ruff: noqa: PLR0917 - kernels take their columns one by one, by position, as numba calls them fastest
# ruff: noqa: C901, PLR0912, PLR1714 - scanning is branching, and numba wants plain ==

from typing import Final, NamedTuple, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]

# What a column holds; 0 and above: the values of the point with this index.
IGNORED: Final = -1
TIME: Final = -2
POINT: Final = -3
VALUE: Final = -4
LABEL: Final = -5

# What was wrong with a row.
WRONG_COLUMNS: Final = 1
OPEN_QUOTE: Final = 2
NO_TIME: Final = 3
NO_POINT: Final = 4
NOT_A_NUMBER: Final = 5
NOT_FINITE: Final = 6

_QUOTE, _NEWLINE, _RETURN, _SPACE = b'"\n\r '

# Without _nrt=False each call between kernels counts references to its arrays, which costs more than reading a byte.
_inlined = njit(cache=True, nogil=True, forceinline=True, _nrt=False)


class Fields(NamedTuple):
    """Room for the fields of some lines; spans are start and stop in the text.

    Attributes:
        line: (rows,) int64, place of each row's line, counted from 0.
        time: (rows, 2) int32, span of the time.
        name: (rows, 2) int32, span of the point's name.
        label: (rows, 2) int32, span of the label.
        cell: (cells, 2) int32, spans of the values; in a wide row only those that are not empty.
        row: (cells,) int32, the row of each cell.
        role: (cells,) int32, the role of its column.
        bad: (kept, 5) int64, of the first rows that cannot be taken apart: line, fault, start, stop, column; for
            `WRONG_COLUMNS` start is the number of columns found.
    """

    line: Int64s
    time: Int32s
    name: Int32s
    label: Int32s
    cell: Int32s
    row: Int32s
    role: Int32s
    bad: Int64s

    @classmethod
    def room(cls, cells: int, bad: int) -> Self:
        """Empty room for that many values and bad rows."""
        time, name, label, cell = (np.zeros((cells, 2), dtype=np.int32) for _ in range(4))
        row, role = (np.zeros(cells, dtype=np.int32) for _ in range(2))
        line, faults = np.zeros(cells, dtype=np.int64), np.zeros((bad, 5), dtype=np.int64)
        return cls(line, time, name, label, cell, row, role, faults)


class Split(NamedTuple):
    """What `split` did: where the next line begins, and how many lines, rows, cells and bad rows there were."""

    stop: int
    lines: int
    rows: int
    cells: int
    bad: int


def split(body: Bytes, start: int, stop: int, delimiter: int, roles: Int32s, line: int, room: Fields) -> Split:
    """Take lines apart until the room is full or the lines end.

    Args:
        body: (bytes,) text; every line between `start` and `stop` ends with a line feed.
        start: see `body`.
        stop: see `body`.
        delimiter: the byte between fields.
        roles: (columns,) what each column holds.
        line: place of the line at `start`.
        room: receives the fields; it must hold more cells than there are columns.
    """
    return Split(*_split(body, start, stop, delimiter, roles, line, *room))


@njit(cache=True, nogil=True, _nrt=False)
def _split(
    body: Bytes,
    p: int,
    stop: int,
    delimiter: int,
    roles: Int32s,
    line: int,
    line_of: Int64s,
    time: Int32s,
    name: Int32s,
    label: Int32s,
    cell: Int32s,
    row_of: Int32s,
    role_of: Int32s,
    bad: Int64s,
) -> tuple[int, int, int, int, int]:
    columns, first_line = len(roles), line
    rows = cells = faults = 0
    while p < stop and rows < len(line_of) and cells + columns <= len(cell):
        first = cells
        column, is_whole, is_blank = 0, True, True
        bad_start = bad_stop = bad_column = 0
        name[rows, 1] = name[rows, 0] = label[rows, 1] = label[rows, 0] = 0
        while True:
            a, b, p, is_closed = _field(body, p, delimiter)
            is_blank = is_blank and a == b
            role = roles[column] if column < columns else IGNORED
            if not is_closed:
                is_whole, bad_start, bad_stop, bad_column = False, a, b, column
            elif role >= 0 or role == VALUE:
                if a < b or role == VALUE:
                    cell[cells, 0], cell[cells, 1], row_of[cells], role_of[cells] = a, b, rows, role
                    cells += 1
            elif role == TIME:
                time[rows, 0], time[rows, 1] = a, b
            elif role == POINT:
                name[rows, 0], name[rows, 1] = a, b
            elif role == LABEL:
                label[rows, 0], label[rows, 1] = a, b
            column += 1
            byte = body[np.uintp(p)]
            p += 1
            if byte == _NEWLINE:
                break
        line_of[rows] = line
        line += 1
        if is_whole and column == columns:
            rows += 1
            continue
        cells = first
        if is_whole and is_blank and column == 1:
            continue
        if faults < len(bad):
            bad[faults, 0], bad[faults, 4] = line - 1, bad_column
            if is_whole:
                bad[faults, 1], bad[faults, 2], bad[faults, 3] = WRONG_COLUMNS, column, 0
            else:
                bad[faults, 1], bad[faults, 2], bad[faults, 3] = OPEN_QUOTE, bad_start, bad_stop
        faults += 1
    return p, line - first_line, rows, cells, faults


@_inlined
def _field(body: Bytes, p: int, delimiter: int) -> tuple[int, int, int, bool]:
    """The field at `p`: start and stop without quotes and spaces, the place of the byte that ends it, is it whole?"""
    while body[np.uintp(p)] == _SPACE:
        p += 1
    if body[np.uintp(p)] == _QUOTE:
        found: tuple[int, int, int, bool] = _quoted(body, p, delimiter)
        return found
    a = p
    byte = body[np.uintp(p)]
    while byte != delimiter and byte != _NEWLINE:
        p += 1
        byte = body[np.uintp(p)]
    b = p
    while b > a and (body[np.uintp(b - 1)] == _SPACE or body[np.uintp(b - 1)] == _RETURN):
        b -= 1
    return a, b, p, True


@njit(cache=True, nogil=True, _nrt=False)
def _quoted(body: Bytes, p: int, delimiter: int) -> tuple[int, int, int, bool]:
    """As `_field`, for a field in quotes; doubled quotes inside of it stay doubled."""
    a = b = p = p + 1
    is_closed = False
    while True:
        byte = body[np.uintp(p)]
        if byte == _NEWLINE or (is_closed and byte == delimiter):
            return a, b if is_closed else p, p, is_closed
        if byte == _QUOTE:
            is_closed = not is_closed
            b = p
        elif is_closed and byte != _SPACE and byte != _RETURN:
            while body[np.uintp(p)] != _NEWLINE:
                p += 1
            return a, p, p, False
        p += 1
