"""Our own core: each pack is checked and applied, as in a park node."""

import importlib.metadata

from benchmarks.peers import work as w
from benchmarks.peers.work import Transition, Workload
from contract.columns import Columns
from contract.messages import Point
from contract.rules import LimitRule
from reference_impl.monitoring import AlarmTransition, Monitor

RULE = LimitRule(
    id="high",
    points="*/*",
    high=w.HIGH,
    deadband=w.DEADBAND,
    on_delay_s=w.ON_DELAY_MS / 1000,
    off_delay_s=w.OFF_DELAY_MS / 1000,
)


class Engine:
    """`reference_impl.monitoring.Monitor`, one gateway, numbered packs.

    Args:
        size: readings of a pack.
    """

    def __init__(self, size: int) -> None:
        self._size = size

    def prepare(self, work: Workload) -> None:
        """Cut the columns into packs."""
        self._points = [
            Point(name=f"d{place}/level", gateway="gw", zone="zone", subsystem="env", unit="1")
            for place in range(work.points)
        ]
        self._packs = [Columns(work.point[s], work.time_ms[s], work.value[s]) for s in work.slices(self._size)]
        self._latest_ms = int(work.time_ms[-1]) + 60_000

    def begin(self) -> None:
        """A monitor that has seen nothing."""
        self._monitor = Monitor(self._points, [RULE])
        self._found: list[AlarmTransition] = []

    def run(self) -> None:
        """All packs, in order of their numbers."""
        monitor, found = self._monitor, self._found
        for number, pack in enumerate(self._packs, 1):
            found.extend(monitor.apply(0, monitor.check(0, pack, self._latest_ms), number).transitions)

    def transitions(self) -> list[Transition]:
        """As they came out."""
        return [Transition(one.at_ms, one.subject, one.kind, one.onset_ms) for one in self._found]

    def version(self) -> str:
        """ParkBench's."""
        return importlib.metadata.version("parkbench")

    def close(self) -> None:
        """Nothing is held."""
