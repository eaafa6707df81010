"""Errors that name the guilty side. Only a `TargetError` counts against the platform under test."""


class ParkBenchError(Exception):
    """Base of every error that this project raises on purpose."""


class PeerError(ParkBenchError):
    """What came in is wrong: the sender must change it.

    Args:
        title: what is wrong in one line, the same for every occurrence of this fault.
        status: HTTP status that the fault maps to (4xx).
        where: path of the fault inside what came in, such as `[3].v`; empty for the whole.
        found: what stood there.
        wanted: what should have stood there.
    """

    def __init__(self, title: str, *, status: int = 422, where: str = "", found: str = "", wanted: str = "") -> None:
        self.title = title
        self.status = status
        self.where = where
        self.found = found
        self.wanted = wanted
        super().__init__(self.detail)

    @property
    def detail(self) -> str:
        """One sentence: where, what was found, what was wanted."""
        place = f"{self.where}: " if self.where else ""
        wanted = f"expected {self.wanted}, " if self.wanted else ""
        found = f"found {self.found}" if self.found else self.title
        return f"{place}{wanted}{found}"


class TargetError(ParkBenchError):
    """The platform under test failed."""


class HarnessError(ParkBenchError):
    """The testbed itself failed; never held against a platform."""
