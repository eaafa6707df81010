"""What is wrong with the files of a trace: where, what was found, what was wanted."""

from contract.errors import PeerError


class TraceFileError(PeerError):
    """A file of a trace is missing or wrong; `where` begins with its path."""

    def __init__(self, where: object, *, found: str, wanted: str) -> None:
        super().__init__("bad trace file", where=str(where), found=found, wanted=wanted)
