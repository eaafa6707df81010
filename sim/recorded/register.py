"""The points of a recording: from its own table, or found in its readings."""

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from contract import catalogue
from contract.addresses import check_identifier, check_point_name
from contract.catalogue import ParkPoints
from contract.errors import PeerError
from contract.messages import Point
from sim.recorded.columns import POINTS, POINTS_FILE
from sim.recorded.faults import TraceFileError
from sim.recorded.readings import Readings, check_type, opened

_PARTS_OF_A_NAME = 4  # subsystem/zone/device/quantity


class Found(NamedTuple):
    """What stands in readings: the points of each park, and the first and last time in Unix milliseconds."""

    layouts: dict[str, ParkPoints]
    first_ms: int
    last_ms: int


def registered(directory: Path) -> dict[str, ParkPoints] | None:
    """The points of each park as `points.parquet` lists them; None without that file.

    Raises:
        TraceFileError: it is wrong.
    """
    path = directory / POINTS_FILE
    if not path.exists():
        return None
    with opened(path) as parquet:
        schema = parquet.schema_arrow
        for field in POINTS:
            if field.name not in schema.names:
                wanted = f"the columns {', '.join(POINTS.names)}"
                raise TraceFileError(path, found=f"no column {field.name}", wanted=wanted)
            check_type(path, field.name, schema.field(field.name).type)
    columns = pq.read_table(path, columns=POINTS.names).to_pydict()
    points: dict[str, list[Point]] = {}
    for row, (park, name, gateway, zone, subsystem, unit) in enumerate(
        zip(*(columns[field] for field in POINTS.names), strict=True)
    ):
        _check(f"{path}: row {row}", park, gateway, name)
        points.setdefault(park, []).append(Point(name=name, gateway=gateway, zone=zone, subsystem=subsystem, unit=unit))
    for park, listed in points.items():
        names = [point.name for point in listed]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise TraceFileError(f"{path}: {park}", found=f"{twice} twice", wanted="each point of a park once")
    return {park: layout_of(points[park]) for park in _in_order(points)}


def search(readings: Readings) -> Found:
    """Read all of the readings once to learn which points there are.

    Raises:
        TraceFileError: a name cannot be one, a point stands under two gateways, or there is nothing.
    """
    at: dict[tuple[str, str], str] = {}
    first_ms = last_ms = -1
    for batch in readings.batches():
        ordered = batch.time_ms if batch.due_ms is None else batch.due_ms
        first_ms = int(ordered[0]) if first_ms < 0 else first_ms
        last_ms = int(ordered[-1])
        sizes = len(batch.gateway.texts), len(batch.point.texts)
        key = (batch.park.codes.astype(np.int64) * sizes[0] + batch.gateway.codes) * sizes[1] + batch.point.codes
        kinds, rows = np.unique(key, return_index=True)
        for kind, row in zip(kinds.tolist(), rows.tolist(), strict=True):
            rest, name = divmod(kind, sizes[1])
            park, gateway = batch.park.texts[rest // sizes[0]], batch.gateway.texts[rest % sizes[0]]
            point, where = batch.point.texts[name], f"{readings.path}: row {batch.first_row + row}"
            if (park, point) not in at:
                _check(where, park, gateway, point)
            if at.setdefault((park, point), gateway) != gateway:
                found = f"{point} at gateway {gateway}"
                raise TraceFileError(where, found=found, wanted=f"gateway {at[park, point]}, as before")
    if not at:
        raise TraceFileError(readings.path, found="no rows", wanted="readings")
    points: dict[str, list[Point]] = {}
    for (park, name), gateway in at.items():
        points.setdefault(park, []).append(_known(name, gateway))
    for listed in points.values():
        listed.sort(key=lambda point: (point.gateway, point.zone, point.name))
    return Found({park: layout_of(points[park]) for park in _in_order(points)}, first_ms, last_ms)


def layout_of(points: Sequence[Point]) -> ParkPoints:
    """The layout of a park with these points in this order; `profile` is -1 where the catalogue has no such kind."""
    zones = tuple(dict.fromkeys(point.zone for point in points))
    gateways = tuple(dict.fromkeys(point.gateway for point in points))
    return ParkPoints(
        points=tuple(points),
        profile=np.array([_kinds().get(_kind(point.name), -1) for point in points], np.int32),
        zone=_places([point.zone for point in points], zones),
        gateway=_places([point.gateway for point in points], gateways),
        gateways=gateways,
        zones=zones,
    )


def _places(of: Sequence[str], known: Sequence[str]) -> NDArray[np.int32]:
    place = {name: number for number, name in enumerate(known)}
    return np.array([place[name] for name in of], np.int32)


@functools.cache
def _kinds() -> dict[tuple[str, str, str], int]:
    """Place in the catalogue of each kind of point."""
    return {(one.subsystem, one.device, one.quantity): place for place, one in enumerate(catalogue.profiles())}


def _kind(name: str) -> tuple[str, str, str]:
    parts = name.split("/")
    if len(parts) != _PARTS_OF_A_NAME:
        return "", "", ""
    return parts[0], parts[2].rpartition("-")[0], parts[3]


def _known(name: str, gateway: str) -> Point:
    """A point of which only the name is known."""
    parts = name.split("/")
    zone = parts[1] if len(parts) == _PARTS_OF_A_NAME else "z01"
    kind = _kinds().get(_kind(name))
    unit = "1" if kind is None else catalogue.profiles()[kind].unit
    return Point(name=name, gateway=gateway, zone=zone, subsystem=parts[0], unit=unit)


def _check(where: str, park: str, gateway: str, name: str) -> None:
    known = [one.id for one in catalogue.parks()]
    if park not in known:
        raise TraceFileError(where, found=f'park "{park}"', wanted="the id of a park in the catalogue")
    try:
        check_identifier(gateway, "gateway")
        check_point_name(name, "point")
    except PeerError as error:
        raise TraceFileError(f"{where}: {error.where}", found=error.found, wanted=error.wanted) from None


def _in_order(parks: Iterable[str]) -> list[str]:
    """Parks in the catalogue's order."""
    there = set(parks)
    return [park.id for park in catalogue.parks() if park.id in there]
