"""What a damaged or an unusual peer leaves behind: faults, deviations, one error."""

from collections import Counter
from typing import Final, Literal, NamedTuple

from contract.errors import PeerError

FaultKind = Literal["noise", "length", "checksum", "end", "truncated"]
FAULT_KINDS: Final[tuple[FaultKind, ...]] = ("noise", "length", "checksum", "end", "truncated")
EXCERPT_BYTES: Final = 32


class Fault(NamedTuple):
    """A part of a stream that is no frame. The stream goes on behind it.

    Attributes:
        kind: `noise`: bytes before a start; `length`: a whole frame lies inside what this one claimed; `checksum`:
            the check value is not that of the contents; `end`: no end where the length puts it; `truncated`: nothing
            more came.
        offset: of its first byte, counted from the start of the stream.
        skipped: bytes passed over, until the search for a start went on.
        excerpt: at most its first 32 bytes.
    """

    kind: FaultKind
    offset: int
    skipped: int
    excerpt: bytes


class ProtocolError(PeerError):
    """A frame arrived whole, but what it says is none of the protocol's.

    Args:
        kind: a short name of the fault, the same for every occurrence.
        where: the field.
        found, wanted: what stood there, and what should have.
    """

    def __init__(self, kind: str, *, where: str = "", found: str = "", wanted: str = "") -> None:
        self.kind = kind
        shown = found if len(found) <= EXCERPT_BYTES else found[:EXCERPT_BYTES] + "..."
        super().__init__(kind.replace("-", " "), where=where, found=shown, wanted=wanted)


class Deviations(Counter[str]):
    """How often each departure from the standard was met and tolerated, by its name."""

    def note(self, kind: str, *, where: str = "", found: str = "") -> None:  # noqa: ARG002 - the strict one tells them
        """Count one."""
        self[kind] += 1


class Strict(Deviations):
    """Tolerates nothing: the first departure is an error. For tests of conformance."""

    def note(self, kind: str, *, where: str = "", found: str = "") -> None:
        """Raises ProtocolError with the departure's name as its kind."""
        raise ProtocolError(kind, where=where, found=found)
