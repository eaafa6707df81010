"""Offices of parks for tests, and what they hand in."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import msgspec
import numpy as np
from economies import at, economy, story

from contract import catalogue
from contract.catalogue import park_points
from contract.messages import CaseApplication
from scenarios.model import Scenario
from sim.emission import CaseActing, RegisterWriting, Request
from sim.randomness import stream
from sim.world.office import Office
from sim.world.office.counter import Streams
from sim.world.office.officers import Officers
from sim.world.office.parameters import Working, working

HOUR_MS = 3_600_000
CHINA_H = 8
Handed = Request | CaseActing | RegisterWriting


def streams(seed: int, park: str) -> Streams:
    """A park's named streams."""
    place = next(place for place, one in enumerate(catalogue.parks()) if one.id == park)

    def draw(name: str) -> np.random.Generator:
        return stream(seed, replication=0, park=place, name=name)

    return draw


def handed_in(
    begin: str, hours: float, *, scenario: Scenario | None = None, parks: Sequence[str] = (), step_ms: int = 60_000
) -> dict[str, list[Handed]]:
    """What people hand in to some parks of a story, by park, asked for step by step as the world does."""
    scenario = scenario or story()
    parks = parks or scenario.parks
    begin_ms, end_ms = at(begin), at(begin) + round(hours * HOUR_MS)
    lived = economy(scenario, begin, hours, parks=parks)
    layout = park_points(200, 2)
    found: dict[str, list[Handed]] = {}
    for park in parks:
        draw = streams(scenario.seed, park)
        office = Office(park, lived, layout, start_ms=begin_ms, end_ms=end_ms, draw=draw)
        mine = found.setdefault(park, [])
        for now_ms in range(begin_ms, end_ms, step_ms):
            until_ms = min(now_ms + step_ms, end_ms)
            requests = lived.requests(park, until_ms)
            mine += requests
            mine += office.acts(until_ms, requests)
    return found


def officers(begin: str, hours: float, *, tempo: float = 1.0, firms: int = 20, **figures: float) -> Officers:
    """The officers of a park from a local time on, with other figures of `office.yaml`."""
    begin_ms = at(begin)
    end_ms = begin_ms + round(hours * HOUR_MS)
    draw = streams(1, "fuling")
    return Officers(
        "fuling", firms=firms, tempo=tempo, start_ms=begin_ms, end_ms=end_ms, draw=draw, written=other(**figures)
    )


def other(**figures: float) -> Working:
    """The written figures of the office with others."""
    known = working()
    changed = {name: msgspec.structs.replace(getattr(known, name), value=value) for name, value in figures.items()}
    return msgspec.structs.replace(known, **changed)


def requests(matter: str, count: int, begin: str, every_ms: int = 1000) -> list[Request]:
    """Requests of one matter, each of another firm; their forms hold what a form of the matter may hold."""
    kinds = {"string": "text", "integer": 10, "number": 10.0, "boolean": True}
    fields = next(one for one in catalogue.matters() if one.code == matter).form
    form = {field.name: field.choices[0] if field.choices else kinds[field.type] for field in fields}
    return [
        Request(
            at(begin) + number * every_ms,
            "fuling",
            number + 1,
            CaseApplication(
                request_id=f"fuling-e{number:04d}-r00001", matter=matter, enterprise=f"fuling-e{number:04d}", form=form
            ),
        )
        for number in range(count)
    ]


def local(time_ms: int) -> datetime:
    """A time as China's clocks show it."""
    return datetime.fromtimestamp(time_ms / 1000, tz=timezone(timedelta(hours=CHINA_H)))
