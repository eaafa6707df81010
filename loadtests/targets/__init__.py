"""What the load needs from a platform: one small interface, one file a platform."""

from collections.abc import Iterator
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from contract.cases import CaseAct, CaseApplication
from contract.columns import Columns
from contract.device_events import DeviceEvent
from contract.messages import AlertEvent, Health, PointList
from contract.registers import EntryFields
from contract.rules import RuleSet

Level = Literal["park", "city"]


class Outcome(NamedTuple):
    """What became of one attempt to hand something in.

    Attributes:
        status: HTTP status, or 0 when no answer came (refused, reset, timed out, unreadable).
        ok: the platform took it; for a pack, it says that the pack is durable.
        retry_after_s: how long the platform asks to wait, or None when it did not say.
        error: why it is not ok, in few words (the same words for the same fault); empty when ok.
        duplicate: the platform says that it had stored this before.
    """

    status: int
    ok: bool
    retry_after_s: float | None = None
    error: str = ""
    duplicate: bool = False


class ActOnCase(NamedTuple):
    """An act on a case, and on which side its author stands."""

    case_id: str
    act: CaseAct
    actor: Literal["enterprise", "operator"]


class WriteEntry(NamedTuple):
    """An entry of a register as the park's administration writes it."""

    register: str
    entry: str
    fields: EntryFields


Handed = CaseApplication | DeviceEvent | ActOnCase | WriteEntry
"""What is handed in to a park beside telemetry."""


class StopSignal(Protocol):
    """An event that another thread or greenlet sets; `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether it is time to end."""
        ...


class Target(Protocol):
    """A platform under test.

    `send` and `request` never raise for what the platform does: that is an `Outcome`. The others raise `TargetError`.
    One gateway's packs are sent by one thread or greenlet at a time; different gateways may send at once.
    """

    def provision(self, park: str, points: PointList, rules: RuleSet) -> None:
        """Register the points and the rules of a park. Repeating it changes nothing."""
        ...

    def send(self, park: str, gateway: str, sequence: int, body: bytes, media_type: str) -> Outcome:
        """Hand in one pack and wait for its acknowledgement."""
        ...

    def request(self, park: str, message: Handed) -> Outcome:
        """Hand in an application, an event of a device, an act or an entry of a register; wait for the answer."""
        ...

    def alerts(self, level: Level, after: int | None, stop: StopSignal) -> Iterator[AlertEvent | None]:
        """The transitions that follow number `after` (None: those from now on), until `stop` is set.

        `None` is yielded when the stream stands and whenever it has been silent for a while, so that the reader
        knows that it is connected.

        Raises:
            TargetError: the stream broke or was refused; call again with the last number seen.
        """
        ...

    def read_back(
        self, park: str, gateway: str, from_sequence: int = 1, to_sequence: int | None = None
    ) -> tuple[NDArray[np.int64], Columns]:
        """What the platform holds of a gateway's packs, both ends included, in the platform's order of sequence.

        Returns:
            (n,) int64 sequence of each reading's pack, and the n readings.
        """
        ...

    def health(self, level: Level) -> Health:
        """Whether the node is up, and what its clock says."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
