"""What flows and reactions must keep to beyond their types; each fault with its path, what was wanted and found."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from contract.errors import PeerError
from contract.strict_yaml import quoted
from sim.world.activity.laws import PATROL_STATES, ROLES, TOLD, Daily, Dwell, Moving, Periodic, Poisson, Rounds, Shifts
from sim.world.activity.model import (
    Action,
    Choice,
    Count,
    Emit,
    Field,
    Fleet,
    Flow,
    Integer,
    Kind,
    Mute,
    Number,
    Same,
    Shape,
    Told,
)

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_OFFSET_MAX_S = 6 * 3600
_SPREADS = 3


def check_flow(flow: Flow, where: str, shapes: Mapping[str, Shape], fleets: Mapping[str, Fleet]) -> None:
    """Hold a flow to what its law, fleets and shapes allow; PeerError 422 with the path of the first fault."""
    known(flow.fleet, fleets, f"{where}.fleet", "fleet")
    _LAW_CHECKS[type(flow.law)](flow.law, f"{where}.law", shapes, fleets)
    roles = ROLES[type(flow.law)]
    if not flow.kinds:
        refuse(f"{where}.kinds", "none", f"a kind for one of the roles {', '.join(roles)}")
    for role, kind in flow.kinds.items():
        if role not in roles:
            refuse(f"{where}.kinds", quoted(role), f"one of the roles {', '.join(roles)}")
        if isinstance(flow.law, Daily) and role == "at":
            _check_states(flow.law, kind, f"{where}.kinds.{role}.fields")
        for name, field in kind.fields.items():
            _check_told(flow, role, (name, field), f"{where}.kinds.{role}.fields.{name}")
            _check_drawn(field, f"{where}.kinds.{role}.fields.{name}", shapes)
    if "after" in flow.kinds and getattr(flow.law, "follow", None) is None:
        refuse(f"{where}.law.follow", "nothing", "when the event of the role `after` comes")


def _check_periodic(law: Periodic, where: str, *_: object) -> None:
    if 2 * law.jitter_s >= law.period_s:
        refuse(f"{where}.jitter_s", quoted(law.jitter_s), "less than half a period, so that reports keep their order")


def _check_poisson(law: Poisson, where: str, shapes: Mapping[str, Shape], _: object) -> None:
    known(law.shape, shapes, f"{where}.shape", "shape")


def _check_daily(law: Daily, where: str, *_: object) -> None:
    for number, occasion in enumerate(law.occasions):
        if occasion.at not in ("dawn", "dusk"):
            clock(occasion.at, f"{where}.occasions[{number}].at", "dawn, dusk or ")
        if abs(occasion.offset_s) + _SPREADS * occasion.spread_s > _OFFSET_MAX_S:
            refuse(f"{where}.occasions[{number}]", quoted(occasion.offset_s), "at most six hours off its time")


def _check_shifts(law: Shifts, where: str, *_: object) -> None:
    for number, shift in enumerate(law.shifts):
        clock(shift.start, f"{where}.shifts[{number}].start")
        clock(shift.end, f"{where}.shifts[{number}].end")
    if sum(shift.share for shift in law.shifts) > 1 + 1e-9:
        refuse(f"{where}.shifts", quoted([shift.share for shift in law.shifts]), "shares that add up to at most 1")


def _check_dwell(law: Dwell, where: str, shapes: Mapping[str, Shape], _: object) -> None:
    for number, name in enumerate(law.shapes):
        if name:
            known(name, shapes, f"{where}.shapes[{number}]", "shape")


def _check_moving(law: Moving, where: str, shapes: Mapping[str, Shape], _: object) -> None:
    known(law.shape, shapes, f"{where}.shape", "shape")
    for name in ("speed_km_h", "legs", "report_s"):
        rising(getattr(law, name), f"{where}.{name}")
        if getattr(law, name)[0] <= 0:
            refuse(f"{where}.{name}", quoted(list(getattr(law, name))), "numbers above 0")


def _check_rounds(law: Rounds, where: str, _: object, fleets: Mapping[str, Fleet]) -> None:
    known(law.guards, fleets, f"{where}.guards", "fleet")
    rising(law.leg_s, f"{where}.leg_s")


_LAW_CHECKS: dict[type, Callable[..., None]] = {
    Periodic: _check_periodic,
    Poisson: _check_poisson,
    Daily: _check_daily,
    Shifts: _check_shifts,
    Dwell: _check_dwell,
    Moving: _check_moving,
    Rounds: _check_rounds,
}


def _check_states(law: Daily, kind: Kind, where: str) -> None:
    tells = any(occasion.state for occasion in law.occasions)
    if tells != ("state" in kind.fields):
        refuse(f"{where}.state", quoted(list(kind.fields)), "a field `state` exactly where the occasions tell one")


def _states(law: Any) -> Iterable[str]:  # noqa: ANN401 - one of the laws
    if isinstance(law, Daily):
        return [occasion.state for occasion in law.occasions]
    return law.states if isinstance(law, Dwell) else PATROL_STATES


def _check_told(flow: Flow, role: str, entry: tuple[str, Field], where: str) -> None:
    name, field = entry
    if isinstance(field, Told):
        told = TOLD[type(flow.law)].get(role, frozenset())
        if name not in told:
            refuse(where, "told", f"a field that this law tells here: {', '.join(sorted(told)) or 'none'}")
        if name == "state":
            states = list(dict.fromkeys(_states(flow.law)))
            if sorted(field.choices) != sorted(states):
                refuse(f"{where}.choices", quoted(list(field.choices)), f"the states of the law: {', '.join(states)}")
    opener = flow.kinds.get("at")
    if isinstance(field, Same) and (role != "after" or opener is None or name not in opener.fields):
        refuse(where, "same", "a field of the event that this one follows")


def _check_drawn(field: Field, where: str, shapes: Mapping[str, Shape]) -> None:
    if isinstance(field, Count):
        known(field.shape, shapes, f"{where}.shape", "shape")
    if isinstance(field, Integer | Number | Count):
        rising(field.range, f"{where}.range")
    if isinstance(field, Number) and (field.mean is None) != (field.spread is None):
        refuse(where, quoted(field.mean), "mean and spread together, or neither")
    if isinstance(field, Choice) and not field.choices:
        refuse(where, "no choices", "at least one")


def check_action(action: Action, where: str, kinds: Mapping[str, tuple[Flow, str, Kind]]) -> None:
    """Hold what an incident does to the kinds that there are; PeerError 422 with the path of the first fault."""
    if isinstance(action, Mute):
        for number, name in enumerate(action.kinds):
            known(name, kinds, f"{where}.kinds[{number}]", "kind")
    elif isinstance(action, Emit):
        known(action.kind, kinds, f"{where}.kind", "kind")
        _check_tells(action, where, kinds[action.kind][2])
    else:
        known(action.kind, kinds, f"{where}.kind", "kind")
        flow, _, kind = kinds[action.kind]
        if not isinstance(flow.law, Dwell | Daily) or set(kind.fields) != {"state"}:
            refuse(f"{where}.kind", quoted(action.kind), "a kind whose only field is the state that its law tells")
        if action.state not in _states(flow.law):
            refuse(f"{where}.state", quoted(action.state), f"one of {', '.join(dict.fromkeys(_states(flow.law)))}")


def _check_tells(action: Emit, where: str, kind: Kind) -> None:
    needs = sorted(name for name, field in kind.fields.items() if isinstance(field, Told | Same))
    if needs != sorted(action.tells):
        refuse(f"{where}.tells", quoted(action.tells), f"values for: {', '.join(needs) or 'none'}")
    for name, value in action.tells.items():
        field = kind.fields[name]
        if isinstance(field, Told) and not _fits(field, value):
            refuse(f"{where}.tells.{name}", quoted(value), "a value that the field allows")


def _fits(field: Told, value: str | float) -> bool:
    if field.choices:
        return value in field.choices
    return field.range is None or (not isinstance(value, str) and field.range[0] <= value <= field.range[1])


def known(name: str, among: Iterable[str], where: str, what: str) -> None:
    """Refuse a name that is not among those that there are."""
    if name not in among:
        refuse(where, quoted(name), f"a known {what}")


def rising(pair: tuple[float, float], where: str) -> None:
    """Refuse a pair whose first number is the larger."""
    if not pair[1] - pair[0] >= 0:
        refuse(where, quoted(list(pair)), "the smaller number first")


def clock(text: str, where: str, others: str = "") -> None:
    """Refuse what is not a time of day."""
    if not _CLOCK.fullmatch(text):
        refuse(where, quoted(text), f'{others}a time of day such as "08:00"')


def unique(names: list[str], file: str, what: str) -> None:
    """Refuse a name that stands twice."""
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        refuse(file, f"{quoted(twice)} a second time", f"each {what} once")


def refuse(where: str, found: str, wanted: str) -> NoReturn:
    """Raise the fault."""
    raise PeerError("invalid traffic data", where=where, found=found, wanted=wanted)
