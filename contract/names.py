"""The names of a park's points, prepared once for the compiled loops that read and write packs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from contract import scan

_NAMES = re.compile(r"[A-Za-z0-9\-:./_]*")


class PointNames(Sequence[str]):
    """Point names in the order of their index: a sequence that the writer of JSON packs can read too.

    Attributes:
        text: (bytes,) uint8, all names one after the other.
        offsets: (names + 1,) int64, where each name begins in `text`.
        bytes_max: length of the longest name.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """Prepare `names`.

        Raises:
            ValueError: a name has characters that no SenML name has.
        """
        self._names = tuple(names)
        self.text, self.offsets = _packed(self._names)
        self.bytes_max = max(map(len, names), default=0)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...
    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        return self._names[place]

    def __len__(self) -> int:
        return len(self._names)


class NameIndex(Mapping[str, int]):
    """Resolved SenML name (`park/point`) to point index: a mapping that the scanner of JSON packs can read too.

    Attributes:
        text: (bytes,) uint8, all names one after the other.
        offsets: (names + 1,) int64, where each name begins in `text`.
        table: (a power of two,) int32, open-addressing hash table of indices, -1 where empty.
        shared: bytes at the beginning that all names have in common.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """Index `names` in their order.

        Raises:
            ValueError: a name comes twice, or has characters that no SenML name has.
        """
        self._place_of = {name: place for place, name in enumerate(names)}
        if len(self._place_of) < len(names):
            raise ValueError("expected different names")
        self.text, self.offsets = _packed(names)
        self.table = np.full(1 << (2 * len(names)).bit_length(), -1, np.int32)
        self.shared = _shared(min(names), max(names)) if names else 0
        if names:
            scan.fill_table(self.text, self.offsets, self.table)

    def __getitem__(self, name: str) -> int:
        return self._place_of[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._place_of)

    def __len__(self) -> int:
        return len(self._place_of)


def _shared(first: str, last: str) -> int:
    """Length of the beginning that two names have in common; that of the least and the greatest all others have too."""
    return next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))


def _packed(names: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes of all names, and where each begins and the last ends."""
    text = "".join(names)
    if not _NAMES.fullmatch(text):
        raise ValueError("expected names of letters, digits and -:./_")
    offsets = np.zeros(len(names) + 1, np.int64)
    np.cumsum([len(name) for name in names], out=offsets[1:])
    return np.frombuffer(text.encode("ascii"), np.uint8), offsets
