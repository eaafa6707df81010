"""Procedures of cases: states, acts and time limits as data, checked as a whole."""

import functools
from collections.abc import Iterable, Mapping
from typing import Literal

from contract.catalogue.load import read
from contract.catalogue.model import Entry, Mark
from contract.errors import HarnessError

Actor = Literal["enterprise", "operator", "city"]
FILE = "procedures.yaml"


class State(Entry, frozen=True, kw_only=True):
    """A state of a case.

    Attributes:
        share: part of the matter's promised days that the case may stay here; None: no limit.
        waits: the applicant is asked for something: the clock of the promise stands still.
        final: the case is closed.
    """

    state: str
    name_en: str
    name_zh: str
    share: float | None = None
    waits: bool = False
    final: bool = False


class Act(Entry, frozen=True, kw_only=True, rename={"origins": "from"}):
    """What somebody may do with a case.

    Attributes:
        origins: states in which it may be done (`from` in the file).
        to: the state after it.
        by: who may do it.
        form: the act may bring other entries of the form.
    """

    act: str
    name_en: str
    name_zh: str
    origins: tuple[str, ...]
    to: str
    by: tuple[Actor, ...]
    form: bool = False


class Procedure(Entry, frozen=True, kw_only=True):
    """How the cases of some kinds of matter go; `opens` is the first state."""

    procedure: str
    name_en: str
    name_zh: str
    kinds: tuple[str, ...]
    opens: str
    states: tuple[State, ...]
    acts: tuple[Act, ...]
    mark: Mark

    def state(self, name: str) -> State:
        """The state of this name."""
        return next(state for state in self.states if state.state == name)

    def act(self, name: str) -> Act | None:
        """The act of this name, if there is one."""
        return next((act for act in self.acts if act.act == name), None)


@functools.cache
def procedures() -> tuple[Procedure, ...]:
    """All procedures, checked.

    Raises:
        HarnessError: the file contradicts itself.
    """
    loaded = read(FILE, tuple[Procedure, ...])
    for number, procedure in enumerate(loaded):
        _check(f"{FILE}: [{number}]", procedure)
    kinds = [kind for procedure in loaded for kind in procedure.kinds]
    _once(f"{FILE}: kinds", kinds)
    return loaded


@functools.cache
def procedure_of_kind() -> Mapping[str, Procedure]:
    """The procedure of each kind of matter."""
    return {kind: procedure for procedure in procedures() for kind in procedure.kinds}


def _check(where: str, procedure: Procedure) -> None:
    names = [state.state for state in procedure.states]
    _once(f"{where}.states", names)
    _once(f"{where}.acts", [act.act for act in procedure.acts])
    _known(f"{where}.opens", [procedure.opens], names)
    for number, act in enumerate(procedure.acts):
        _known(f"{where}.acts[{number}].from", act.origins, names)
        _known(f"{where}.acts[{number}].to", [act.to], names)
    reached = {procedure.opens}
    while more := {act.to for act in procedure.acts if reached & set(act.origins)} - reached:
        reached |= more
    _known(f"{where}.states", names, sorted(reached))
    for state in procedure.states:
        leaves = any(state.state in act.origins for act in procedure.acts)
        if not leaves and not state.final:
            raise HarnessError(
                f"{where}.states: expected a way out of {state.state!r}, or `final: true`, found neither"
            )


def _once(where: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise HarnessError(f"{where}: expected each name once, found {', '.join(map(repr, twice))} again")


def _known(where: str, names: Iterable[str], known: list[str]) -> None:
    for name in names:
        if name not in known:
            raise HarnessError(f"{where}: expected one of {', '.join(known)}, found {name!r}")
