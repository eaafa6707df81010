"""What an incident does to the traffic: more events, states held, kinds silenced (`reactions.yaml`)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from sim.world.activity.fields import Value, draw_fields
from sim.world.activity.model import Emit, Hold, Kind, Mute, Reaction
from sim.world.activity.population import Member, Premises
from sim.world.activity.source import Draft, Fields, Source


class Held(dict[str, Value]):
    """Fields of a device whose state is held, or is let go (`over`): what it tells is known when it is due."""

    over = False


class LetGo(Held):
    """The end of it."""

    over = True


class Silence(NamedTuple):
    """These kinds (by number) are not sent from a zone ("": anywhere) in [from_ms, until_ms)."""

    from_ms: int
    until_ms: int
    zone: str
    kinds: frozenset[int]


class Response(NamedTuple):
    """One incident, as the traffic knows it."""

    reaction: Reaction
    zone: str
    begin_ms: int
    over_ms: int
    severity: float


def respond_to(
    response: Response,
    premises: Premises,
    sources: Sequence[Source[Any]],
    numbers: Mapping[str, int],
    rng: np.random.Generator,
) -> tuple[list[Draft], list[Silence]]:
    """The drafts that an incident adds, and the kinds that it silences.

    Args:
        response: the incident.
        premises: the park.
        sources: its flows.
        numbers: of the kinds, by subsystem/kind; those of flows that are left out do not answer.
        rng: the response's own stream.
    """
    senders = {f"{it.flow.subsystem}/{kind.kind}": (it, kind) for it in sources for kind in it.flow.kinds.values()}
    drafts: list[Draft] = []
    silences: list[Silence] = []
    for action in response.reaction.actions:
        zone = response.zone if action.where == "zone" else ""
        if isinstance(action, Mute):
            kinds = frozenset(numbers[kind] for kind in action.kinds if kind in numbers)
            silences.append(Silence(response.begin_ms, response.over_ms, zone, kinds))
        elif action.kind in senders:
            source, kind = senders[action.kind]
            number = numbers[action.kind]
            if isinstance(action, Hold):
                drafts += _held(action, response, _there(source.members, zone), number, rng)
                silences.append(Silence(response.begin_ms, response.over_ms, zone, frozenset([number])))
            else:
                devices = _there(source.members, zone) or source.members
                emitted = _emitted(action, response, premises, (number, kind, devices), rng)
                drafts += emitted
                if number == source.numbers.get("at"):
                    drafts += source.followers(emitted, rng)
    return drafts, silences


def _there(members: Sequence[Member], zone: str) -> list[Member]:
    return [member for member in members if zone in ("", member.zone_name)]


def _held(
    action: Hold, response: Response, members: Sequence[Member], number: int, rng: np.random.Generator
) -> list[Draft]:
    """Every device goes to the state, and later back to the one that it would have had."""
    drafts: list[Draft] = []
    for begin_ms, fields in ((response.begin_ms, Held), (response.over_ms, LetGo)):
        after_ms = np.floor(rng.random(len(members)) * action.within_s * 1000).astype(np.int64).tolist()
        drafts += [
            (begin_ms + after, number, 0, member.zone_name, member.device, fields(state=action.state))
            for member, after in zip(members, after_ms, strict=True)
        ]
    return drafts


def _emitted(
    action: Emit,
    response: Response,
    premises: Premises,
    sender: tuple[int, Kind, Sequence[Member]],
    rng: np.random.Generator,
) -> list[Draft]:
    """So many events of a kind, at devices drawn evenly."""
    number, kind, devices = sender
    mean = response.severity * (action.count + action.staff_share * premises.staff / len(premises.zones))
    count = int(mean) + int(rng.random() < mean % 1) if devices else 0
    begin_ms = response.begin_ms if action.when == "begin" else response.over_ms
    offset_s = action.after_s + np.sort(rng.random(count)) * action.within_s
    due = begin_ms + np.floor(offset_s * 1000).astype(np.int64)
    told: dict[str, list[Value]] = {name: [value] * count for name, value in action.tells.items()}
    fields: list[Fields] = draw_fields(kind, rng, due, premises.staff, told)
    members = [devices[place] for place in rng.integers(0, max(1, len(devices)), count).tolist()]
    return [
        (due_ms, number, 0, member.zone_name, member.device, one)
        for due_ms, member, one in zip(due.tolist(), members, fields, strict=True)
    ]
