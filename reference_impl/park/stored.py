"""What the store holds of a park, for the node that comes back from it."""

from collections.abc import Iterable
from typing import NamedTuple

from contract.cases import Case
from contract.messages import Alarm, Alert, PointList
from contract.rules import RuleSet
from reference_impl.park.change import SourcePosition
from reference_impl.park.devices import StoredDevices
from reference_impl.park.linkage import StoredLinkage


class StoredPark(NamedTuple):
    """What the store holds of a park, for `ParkNode.restore`; all of the newest commit, except `snapshot`.

    Attributes:
        points: the registered points, if any.
        rules: the rules, if any.
        sources: position of every gateway that has sent.
        alerts: every current alert (`alarm_states.is_current`); recent others may be among them.
        aside: every alarm that is set aside.
        cases: recent cases; older ones are recalled when needed.
        outbox_number: number of the last uplink entry, 0 for none.
        snapshot: the newest snapshot; None when none was taken. The journal's packs after its position are to be
            replayed.
        linkage: what the linkage comes back from.
    """

    points: PointList | None = None
    rules: RuleSet | None = None
    sources: Iterable[SourcePosition] = ()
    alerts: Iterable[Alert] = ()
    aside: Iterable[Alarm] = ()
    cases: Iterable[Case] = ()
    outbox_number: int = 0
    snapshot: bytes | None = None
    devices: StoredDevices = StoredDevices()
    linkage: StoredLinkage = StoredLinkage()
