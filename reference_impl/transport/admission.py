"""The bound on work in progress: what does not fit is refused at the door, before memory is spent on it."""

from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

from reference_impl.transport.answers import unavailable


class Limits(NamedTuple):
    """How much may be in progress at once.

    Attributes:
        items_max: requests between their first byte and their answer.
        bytes_max: bytes of their bodies.
    """

    items_max: int
    bytes_max: int


class Admission:
    """Counts what is in progress.

    Args:
        limits: the bounds.
        what: what is counted, for the message of a refusal.
        refused: called at each refusal, to count it.
    """

    def __init__(self, limits: Limits, what: str, refused: Callable[[], None]) -> None:
        self._limits = limits
        self._what = what
        self._refused = refused
        self.items = 0
        self.bytes = 0

    def enter(self) -> "Place":
        """A place for one request; leave it with the block.

        Raises:
            RefusedError: 503 there is no room.
        """
        if self.items >= self._limits.items_max:
            self._refused()
            raise unavailable(f"{self.items} {self._what} are in progress, at most {self._limits.items_max} may be")
        self.items += 1
        return Place(self)

    def grow(self, count: int) -> None:
        """Count `count` more bytes.

        Raises:
            RefusedError: 503 there is no room.
        """
        if self.bytes + count > self._limits.bytes_max:
            self._refused()
            raise unavailable(
                f"{self._what} in progress hold {self.bytes} bytes, at most {self._limits.bytes_max} may be"
            )
        self.bytes += count


class Place:
    """The place of one request among those in progress."""

    __slots__ = ("_admission", "_held")

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._held = 0

    def hold(self, count: int) -> None:
        """Hold at least `count` bytes in all.

        Raises:
            RefusedError: 503 there is no room.
        """
        if count > self._held:
            self._admission.grow(count - self._held)
            self._held = count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._admission.items -= 1
        self._admission.bytes -= self._held
