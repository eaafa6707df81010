"""A bounded memory of what was touched last."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Mapping[K, V]):
    """The `most` values that were kept last, the longest untouched first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[K, V] = {}

    def __getitem__(self, key: K) -> V:
        return self._values[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def keep(self, key: K, value: V) -> None:
        """Remember a value as the newest; the oldest goes."""
        self._values.pop(key, None)
        self._values[key] = value
        if len(self._values) > self._most:
            del self._values[next(iter(self._values))]

    def recall(self, key: K, value: V) -> None:
        """Remember what the store holds, unless something newer is remembered."""
        if key not in self._values:
            self.keep(key, value)
