"""What the alarms did over a recorded file: transitions in columns, and the alarms that they make."""

import tempfile
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import BinaryIO, Final, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.messages import Level, Point
from contract.rules import Rule
from reference_impl.monitoring import AlarmTransition
from reference_impl.monitoring.slots import CLEAR, LEVEL, RAISE

LEVELS: Final[tuple[Level, ...]] = ("blue", "yellow", "orange", "red")
KINDS: Final = {RAISE: "raise", CLEAR: "clear", LEVEL: "level"}
STANDING: Final = -1
"""`cleared_ms` of an alarm that stood at the end."""

TRANSITION: Final = np.dtype(
    [
        ("at_ms", np.int64),
        ("onset_ms", np.int64),
        ("value", np.float64),
        ("subject", np.int32),
        ("rule", np.int32),
        ("kind", np.int8),
        ("level", np.int8),
    ]
)
_PENDING_MAX: Final = 1 << 20
_LINES_AT_ONCE: Final = 10_000
_LEVEL_PLACE: Final = {level: place for place, level in enumerate(LEVELS)}


class TransitionLine(msgspec.Struct, frozen=True):
    """A transition as a line of JSON."""

    point: str
    rule: str
    transition: str
    at_ms: int
    onset_ms: int
    level: Level
    value: float


class Alarms(NamedTuple):
    """Alarms in order of (time raised, subject, rule), n of them.

    Attributes:
        subject: (n,) int32, index in `History.subjects`.
        rule: (n,) int32, index in `History.rules`.
        raised_ms: (n,) int64.
        cleared_ms: (n,) int64, `STANDING` where the alarm stood at the end.
        onset_ms: (n,) int64.
        value: (n,) float64, of the reading at the onset.
        level: (n,) int8, the worst level, index in `LEVELS`.
    """

    subject: NDArray[np.int32]
    rule: NDArray[np.int32]
    raised_ms: NDArray[np.int64]
    cleared_ms: NDArray[np.int64]
    onset_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    level: NDArray[np.int8]

    def __len__(self) -> int:
        """Number of alarms (not of columns)."""
        return len(self.subject)

    def chosen(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> "Alarms":
        """Some of them."""
        return Alarms(
            self.subject[which],
            self.rule[which],
            self.raised_ms[which],
            self.cleared_ms[which],
            self.onset_ms[which],
            self.value[which],
            self.level[which],
        )

    def ends_ms(self, end_ms: int) -> NDArray[np.int64]:
        """When each was cleared; where it was not, the end of the data."""
        return np.where(self.cleared_ms == STANDING, end_ms, self.cleared_ms)


class History(NamedTuple):
    """All that happened.

    Attributes:
        transitions: (n,) of `TRANSITION`, in order of (time, subject, rule).
        subjects: what alarms were about.
        rules: the rules.
        late: readings that came too late to count.
    """

    transitions: NDArray[np.void]
    subjects: Sequence[Point]
    rules: Sequence[Rule]
    late: int

    def lines(self, names: Sequence[str]) -> Iterator[bytes]:
        """The transitions as lines of JSON, some thousand at a time.

        Args:
            names: of the subjects.
        """
        encode = msgspec.json.Encoder().encode_lines
        ids = [rule.id for rule in self.rules]
        for start in range(0, len(self.transitions), _LINES_AT_ONCE):
            part = self.transitions[start : start + _LINES_AT_ONCE].tolist()
            yield encode(
                [
                    TransitionLine(names[subject], ids[rule], KINDS[kind], at_ms, onset_ms, LEVELS[level], value)
                    for at_ms, onset_ms, value, subject, rule, kind, level in part
                ]
            )

    def alarms(self) -> Alarms:
        """The alarms: each from its raising to its clearing."""
        found = self.transitions
        order = np.lexsort((found["rule"], found["subject"]))  # stable: those of one alarm stay in order of time
        found = found[order]
        starts = np.flatnonzero(found["kind"] == RAISE)
        ends = np.append(starts[1:], len(found)) - 1 if len(starts) else starts
        is_cleared = found["kind"][ends] == CLEAR
        cleared_ms = np.where(is_cleared, found["at_ms"][ends], STANDING)
        level = np.maximum.reduceat(found["level"], starts) if len(starts) else np.empty(0, np.int8)
        raised = found[starts]
        subject, rule, raised_ms, onset_ms, value = (
            raised[name].copy() for name in ("subject", "rule", "at_ms", "onset_ms", "value")
        )
        alarms = Alarms(subject, rule, raised_ms, cleared_ms, onset_ms, value, level)
        return alarms.chosen(np.lexsort((alarms.rule, alarms.subject, alarms.raised_ms)))


class Recorder:
    """Collects transitions; what is more than a million waits in a temporary file."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._place_of = {rule.id: place for place, rule in enumerate(rules)}
        self._pending: list[tuple[int, int, float, int, int, int, int]] = []
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end of the context
        self._kept = 0

    def __enter__(self) -> Self:
        """Begin to collect."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the file; a map of it stays readable."""
        self._file.close()

    def add(self, transitions: Sequence[AlarmTransition]) -> None:
        """Take in what happened next."""
        place_of = self._place_of
        self._pending += [
            (one.at_ms, one.onset_ms, one.value, one.subject, place_of[one.rule.id], one.kind, _LEVEL_PLACE[one.level])
            for one in transitions
        ]
        if len(self._pending) >= _PENDING_MAX:
            self._keep()

    def _keep(self) -> None:
        np.array(self._pending, dtype=TRANSITION).tofile(self._file)
        self._kept += len(self._pending)
        self._pending.clear()

    def transitions(self) -> NDArray[np.void]:
        """All, in order of (time, subject, rule)."""
        if self._kept:
            self._keep()
            self._file.flush()
            found: NDArray[np.void] = np.memmap(self._file, dtype=TRANSITION, mode="r", shape=(self._kept,))
        else:
            found = np.array(self._pending, dtype=TRANSITION)
        order = np.lexsort((found["rule"], found["subject"], found["at_ms"]))
        return found if (order[1:] > order[:-1]).all() else found[order]
