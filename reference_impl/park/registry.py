"""The registered points of a park, checked and indexed."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.addresses import check_identifier, check_point_name, senml_name
from contract.errors import PeerError
from contract.messages import PointList
from contract.names import NameIndex

POINTS_MAX = 1_000_000


class Registry(NamedTuple):
    """The points of a park in the forms that its parts ask for.

    Attributes:
        names: point names in the order of their index.
        place_of: resolved SenML name to point index.
        gateways: names of the gateways, in the order of first mention.
        gateway_of: (points,) int32, index of each point's gateway.
    """

    names: list[str]
    place_of: NameIndex
    gateways: tuple[str, ...]
    gateway_of: NDArray[np.int32]


def check_points(points: PointList) -> None:
    """Refuse a list that cannot be registered.

    Raises:
        PeerError: 422 with the path of the first fault, such as `points[3].name`.
    """
    if not 1 <= len(points.points) <= POINTS_MAX:
        raise PeerError(
            "wrong number of points", where="points", found=str(len(points.points)), wanted=f"1 to {POINTS_MAX}"
        )
    first_place: dict[str, int] = {}
    for place, point in enumerate(points.points):
        where = f"points[{place}]"
        check_point_name(point.name, f"{where}.name")
        if point.name in first_place:
            raise PeerError(
                "point name comes twice",
                where=f"{where}.name",
                found=repr(point.name),
                wanted=f"a name other than that of points[{first_place[point.name]}]",
            )
        first_place[point.name] = place
        check_identifier(point.gateway, f"{where}.gateway")
        check_identifier(point.zone, f"{where}.zone")
        check_identifier(point.subsystem, f"{where}.subsystem")


def register(park: str, points: PointList) -> Registry:
    """Index a checked list."""
    names = [point.name for point in points.points]
    gateways = tuple(dict.fromkeys(point.gateway for point in points.points))
    gateway_place = {gateway: place for place, gateway in enumerate(gateways)}
    return Registry(
        names=names,
        place_of=NameIndex([senml_name(park, name) for name in names]),
        gateways=gateways,
        gateway_of=np.array([gateway_place[point.gateway] for point in points.points], dtype=np.int32),
    )
