"""Names of points as they stand in the data: found by a compiled loop, and made fit for the patterns of rules."""

# ruff: noqa: PLR0917, SIM110 - kernels take their columns one by one, by position, and numba wants loops

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from benchmarks.backtest.lines import Bytes, Int32s, Int64s
from contract.messages import Point

_HASH_SEED = 0xCBF29CE484222325  # FNV-1a, 64 bits
_HASH_PRIME = 0x100000001B3
_inlined = njit(cache=True, nogil=True, forceinline=True, _nrt=False)

GATEWAY: Final = "file"
WHOLE: Final = "all"
"""The zone of points whose names do not tell one."""
ZONE_PARTS: Final = 4  # of subsystem/zone/device/quantity
_UNFIT = re.compile(r"[^A-Za-z0-9\-:._/]")


class NewPointError(LookupError):
    """A point comes up that was not known when the rules were laid out."""


class NameTable:
    """Names of points in the order of their index, as bytes; it can grow.

    Args:
        names: the names that are known, in the order of their index.
        may_grow: take in new names; else they are a `NewPointError`.
    """

    def __init__(self, names: Sequence[bytes] = (), *, may_grow: bool = True) -> None:
        self.names: list[bytes] = []
        self._may_grow = may_grow
        self._text = np.zeros(1 << 12, dtype=np.uint8)
        self._offsets = np.zeros(1 << 8, dtype=np.int64)
        self._follower = np.zeros(1 << 8, dtype=np.int32)
        self._table = np.full(1 << 10, -1, dtype=np.int32)
        self._former = np.zeros(1, dtype=np.int64)
        for name in names:
            self._add(name)

    def __len__(self) -> int:
        """How many names there are."""
        return len(self.names)

    def find(self, body: Bytes, spans: Int32s) -> Int32s:
        """The index of each name, (n,) int32.

        Args:
            body: (bytes,) text.
            spans: (n, 2) start and stop of each name.

        Raises:
            NewPointError: a name is new and the table may not grow.
        """
        place = np.empty(len(spans), dtype=np.int32)
        done = 0
        while True:
            done = _find(body, spans, done, self._text, self._offsets, self._table, self._follower, self._former, place)
            if done == len(spans):
                return place
            name = body[spans[done, 0] : spans[done, 1]].tobytes()
            if not self._may_grow:
                raise NewPointError(name)
            self._add(name)

    def _add(self, name: bytes) -> None:
        count, start = len(self.names), int(self._offsets[len(self.names)])
        stop = start + len(name)
        if stop > len(self._text):
            self._text = np.concatenate([self._text, np.zeros(2 * stop, dtype=np.uint8)])
        if count + 2 > len(self._offsets):
            self._offsets = np.concatenate([self._offsets, np.zeros_like(self._offsets)])
            self._follower = np.concatenate([self._follower, np.zeros_like(self._follower)])
        self._text[start:stop] = np.frombuffer(name, dtype=np.uint8)
        self._offsets[count + 1] = stop
        self.names.append(name)
        if 2 * len(self.names) > len(self._table):
            self._table = np.full(2 * len(self._table), -1, dtype=np.int32)
            _fill(self._text, self._offsets, 0, len(self.names), self._table)
        else:
            _fill(self._text, self._offsets, count, len(self.names), self._table)


@njit(cache=True, nogil=True, _nrt=False)
def _find(
    body: Bytes,
    spans: Int32s,
    done: int,
    text: Bytes,
    offsets: Int64s,
    table: Int32s,
    follower: Int32s,
    former: Int64s,
    place: Int32s,
) -> int:
    """Look names up from `done` on; returns the first that is new.

    `follower` guesses which point comes after which: sources name their points in the same order again and again.
    """
    mask = len(table) - 1
    last = former[0]
    for i in range(done, len(spans)):
        a, b = np.int64(spans[i, 0]), np.int64(spans[i, 1])
        found = np.int64(follower[last])
        if not _is_name(body, a, b, text, offsets, found):
            slot = np.int64(_hash(body, a, b)) & mask
            while table[slot] >= 0 and not _is_name(body, a, b, text, offsets, np.int64(table[slot])):
                slot = (slot + 1) & mask
            found = np.int64(table[slot])
            if found < 0:
                former[0] = last
                return i
            follower[last] = found
        place[i] = last = found
    former[0] = last
    return len(spans)


@njit(cache=True, nogil=True, _nrt=False)
def _fill(text: Bytes, offsets: Int64s, first: int, last: int, table: Int32s) -> None:
    """Put the names from `first` to `last` into the open-addressing table, whose size is a power of two."""
    mask = len(table) - 1
    for place in range(first, last):
        slot = np.int64(_hash(text, offsets[place], offsets[place + 1])) & mask
        while table[slot] >= 0:
            slot = (slot + 1) & mask
        table[slot] = place


@_inlined
def _hash(body: Bytes, start: int, stop: int) -> np.uint64:
    state = np.uint64(_HASH_SEED)
    for i in range(start, stop):
        state = (state ^ np.uint64(body[np.uintp(i)])) * np.uint64(_HASH_PRIME)
    return state ^ (state >> np.uint64(32))


@_inlined
def _is_name(body: Bytes, start: int, stop: int, text: Bytes, offsets: Int64s, place: int) -> bool:
    begin = offsets[np.uintp(place)]
    if offsets[np.uintp(place + 1)] - begin != stop - start:
        return False
    for i in range(stop - start):
        if body[np.uintp(start + i)] != text[np.uintp(begin + i)]:
            return False
    return True


class PointName(NamedTuple):
    """A point of the data.

    Attributes:
        given: its name in the data.
        safe: its name in the patterns of rules, in which not every character can stand.
    """

    given: str
    safe: str


def decode(name: bytes) -> str:
    """A name as text: UTF-8, else GB 18030, which older Chinese systems write."""
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("gb18030", "replace")


def name_points(given: Sequence[str]) -> list[PointName]:
    """Safe names: what no pattern can hold becomes `_`, a letter outside of ASCII `u` and its code (`u6c34`).

    Two names that become the same are told apart by `_2`, `_3`, ...
    """
    safe: dict[str, PointName] = {}
    fit = {name for name in given if not _UNFIT.search(name)}
    for name in given:
        plain = name if name in fit else _UNFIT.sub(_fit, unicodedata.normalize("NFKC", name)) or "_"
        unique, number = plain, 1
        while unique in safe or (unique in fit and unique != name):
            number += 1
            unique = f"{plain}_{number}"
        safe[unique] = PointName(name, unique)
    return list(safe.values())


def _fit(match: re.Match[str]) -> str:
    letter = match[0]
    return f"u{ord(letter):04x}" if letter.isalnum() else "_"


def points_of(names: Sequence[PointName]) -> list[Point]:
    """The points of a file, which is one gateway.

    A name of four parts is `subsystem/zone/device/quantity`; of any other the zone is the whole file.
    """
    points = []
    for name in names:
        parts = name.safe.split("/")
        is_whole = len(parts) == ZONE_PARTS
        points.append(
            Point(
                name=name.safe,
                gateway=GATEWAY,
                zone=parts[1] if is_whole else WHOLE,
                subsystem=parts[0] if len(parts) > 1 else "",
                unit="",
            )
        )
    return points
