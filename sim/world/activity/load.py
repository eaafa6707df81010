"""The YAML about events and states, to checked structs; each fault with file and path, what was wanted and found."""

import functools
import re
from collections.abc import Iterable
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import pairwise
from typing import Any, NoReturn, TypeVar

import msgspec
import yaml

from contract.catalogue import subsystems
from contract.catalogue.model import Entry
from contract.strict_yaml import CoreLoader, not_yaml, quoted
from sim.world.activity.checks import check_action, check_flow, clock, refuse, unique
from sim.world.activity.laws import ROLES
from sim.world.activity.model import (
    Fleet,
    Flow,
    Reaction,
    Shape,
    ShapesFile,
)

HOURS_OF_DAY = 24
_T = TypeVar("_T")
_BASES = ("points", "zones", "staff")


class Book(Entry, frozen=True, kw_only=True):
    """All that is written about events and states."""

    shapes: dict[str, Shape]
    fleets: dict[str, Fleet]
    flows: tuple[Flow, ...]


def folder() -> Traversable:
    """Where the YAML lies."""
    return resources.files("sim.world.activity")


@functools.cache
def shapes_file() -> ShapesFile:
    """The daily shapes."""
    return read_shapes((folder() / "shapes.yaml").read_text(encoding="utf-8"), "shapes.yaml")


@functools.cache
def book() -> Book:
    """Shapes, fleets and flows as they are delivered."""
    shapes = {shape.shape: shape for shape in shapes_file().shapes}
    fleets = read_fleets((folder() / "fleets.yaml").read_text(encoding="utf-8"), "fleets.yaml")
    flows: list[Flow] = []
    for file in sorted((folder() / "traffic").iterdir(), key=lambda it: it.name):
        if file.name.endswith(".yaml"):
            flows += read_flows(file.read_text(encoding="utf-8"), f"traffic/{file.name}", shapes, fleets)
    names = [flow.name for flow in flows]
    unique(names, "traffic", "flow")
    unique([name for flow in flows for name in kind_names(flow)], "traffic", "kind")
    return Book(shapes=shapes, fleets=fleets, flows=tuple(flows))


@functools.cache
def reactions() -> dict[str, Reaction]:
    """What each kind of incident does, by the incident's kind."""
    return read_reactions((folder() / "reactions.yaml").read_text(encoding="utf-8"), "reactions.yaml", book().flows)


def kind_names(flow: Flow) -> list[str]:
    """subsystem/kind for each role, in the law's order of roles."""
    return [f"{flow.subsystem}/{flow.kinds[role].kind}" for role in ROLES[type(flow.law)] if role in flow.kinds]


def read_shapes(text: str, file: str) -> ShapesFile:
    """Read daily shapes.

    Raises:
        PeerError: 422 with file and path.
    """
    written = _read(text, file, ShapesFile)
    for place, shape in enumerate(written.shapes):
        where = f"{file}: shapes[{place}]"
        hours = [hour for hour, _ in shape.points]
        if len(hours) < 2 or hours[0] != 0 or hours[-1] != HOURS_OF_DAY or any(a >= b for a, b in pairwise(hours)):  # noqa: PLR2004 - a line has two ends
            refuse(f"{where}.points", quoted(hours), "rising hours from 0 to 24")
        if min(weight for _, weight in shape.points) < 0 or not any(weight for _, weight in shape.points):
            refuse(f"{where}.points", quoted([weight for _, weight in shape.points]), "weights from 0, one above 0")
        for number, peak in enumerate(shape.peaks):
            clock(peak.at, f"{where}.peaks[{number}].at")
        missing = [day for day in ("workday", "saturday", "sunday", "holiday") if day not in shape.days]
        if missing or shape.days["workday"] != 1:
            refuse(f"{where}.days", quoted(shape.days), "workday: 1, and saturday, sunday and holiday")
    unique([shape.shape for shape in written.shapes], file, "shape")
    return written


def read_fleets(text: str, file: str) -> dict[str, Fleet]:
    """Read the devices that send.

    Raises:
        PeerError: 422 with file and path.
    """
    written = _read(text, file, tuple[Fleet, ...])
    codes = [subsystem.code for subsystem in subsystems()]
    known = {f"{one.code}/{device.device}" for one in subsystems() for device in one.devices}
    for place, fleet in enumerate(written):
        where = f"{file}: [{place}]"
        subsystem = fleet.fleet.partition("/")[0]
        if subsystem not in codes:
            refuse(f"{where}.fleet", quoted(fleet.fleet), f"a subsystem of the catalogue: {', '.join(codes)}")
        if (fleet.every is None) != (not fleet.of):
            refuse(f"{where}.every", quoted(fleet.every), "`of` and `every` together, or neither")
        if fleet.every is None and fleet.fleet not in known:
            refuse(f"{where}.fleet", quoted(fleet.fleet), "a device of the catalogue where `of` is absent")
        counts = fleet.of in _BASES or any(one == fleet.of or one.partition("/")[0] + "/*" == fleet.of for one in known)
        if fleet.of and not counts:
            refuse(f"{where}.of", quoted(fleet.of), "points, zones, staff, or devices of the catalogue such as fire/*")
    unique([fleet.fleet for fleet in written], file, "fleet")
    return {fleet.fleet: fleet for fleet in written}


def read_flows(text: str, file: str, shapes: dict[str, Shape], fleets: dict[str, Fleet]) -> tuple[Flow, ...]:
    """Read flows and hold them to what their laws, fleets and shapes allow.

    Raises:
        PeerError: 422 with file and path.
    """
    written = _read(text, file, tuple[Flow, ...])
    for place, flow in enumerate(written):
        check_flow(flow, f"{file}: [{place}]", shapes, fleets)
    return written


def read_reactions(text: str, file: str, flows: Iterable[Flow]) -> dict[str, Reaction]:
    """Read what incidents do to the traffic.

    Raises:
        PeerError: 422 with file and path.
    """
    written = _read(text, file, tuple[Reaction, ...])
    kinds = {f"{flow.subsystem}/{kind.kind}": (flow, role, kind) for flow in flows for role, kind in flow.kinds.items()}
    for place, reaction in enumerate(written):
        for number, action in enumerate(reaction.actions):
            check_action(action, f"{file}: [{place}].actions[{number}]", kinds)
    unique([reaction.incident for reaction in written], file, "incident")
    return {reaction.incident: reaction for reaction in written}


def _read(text: str, file: str, kind: type[_T]) -> _T:
    try:
        written: Any = yaml.load(text, CoreLoader)  # noqa: S506 - a subclass of the safe loaders
    except yaml.YAMLError as error:
        place, problem = not_yaml(error)
        refuse(f"{file}: {place}" if place else file, problem, "valid YAML")
    try:
        return msgspec.convert(written, kind)
    except msgspec.ValidationError as error:
        _unfit(file, written, str(error))


def _unfit(file: str, written: object, message: str) -> NoReturn:
    """Say in our words what msgspec says in its own; keys of mappings are `[...]` in its paths."""
    told, _, place = message.partition(" - at `$")
    path = place.rstrip("`").lstrip(".")
    where = f"{file}: {path}" if path else file
    if match := re.fullmatch(r"Object contains unknown field `(.*)`", told):
        refuse(where, f"the key {quoted(match[1])}", "only keys that are known here")
    if match := re.fullmatch(r"Object missing required field `(.*)`", told):
        refuse(f"{where}.{match[1]}" if path else f"{file}: {match[1]}", "nothing", "a value")
    if match := re.fullmatch(r"Invalid (?:enum )?value '?(.*?)'?", told):
        refuse(where, quoted(match[1]), "one of the words that are known here")
    if match := re.fullmatch(r"Expected `(.*?)`(.*?)(?:, got `(.*)`)?", told):
        found = "another" if "[...]" in path else quoted(_at(written, path))
        refuse(where, found, f"`{match[1]}`{match[2]}")
    refuse(where, told, "an entry as its type says")


def _at(written: Any, path: str) -> object:  # noqa: ANN401 - any YAML value
    """The plain value that stands at a path."""
    for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        written = written[int(index) if index else key]
    found: object = written
    return found
