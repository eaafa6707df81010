"""What all rate laws have in common: drafts made ahead in portions of the law's own, handed out when they are due.

A portion (a block of arrivals, some cycles, a day, an hour) never depends on who asks or when, and every draw of a flow
comes from its own two streams in the order of portions: so the traffic is the same however it is asked for.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar, cast

import numpy as np

from sim.world.activity.fields import Value, draw_fields
from sim.world.activity.laws import ROLES, Follow, Law
from sim.world.activity.model import Flow
from sim.world.activity.population import Member, Premises

Fields = dict[str, Value]
Draft = tuple[int, int, int, str, str, Fields]
"""due_ms, number of the kind, serial (unique for the kind), zone, device, fields."""

L = TypeVar("L", bound=Law)


class Setting(NamedTuple):
    """Where and when a source sends: what is due outside of [start_ms, end_ms) is not handed out."""

    premises: Premises
    start_ms: int
    end_ms: int
    draw: Callable[[str], np.random.Generator]


class Source(Generic[L]):
    """The traffic of one flow in one park.

    Args:
        flow: what is written about it.
        first_kind: number of its first kind; the others follow in the law's order of roles.
        setting: where and when.

    Attributes:
        next_ms: nothing is due before.
        horizon_ms: all that is due before has been drafted.
    """

    def __init__(self, flow: Flow, first_kind: int, setting: Setting) -> None:
        self.flow = flow
        self.law = cast("L", flow.law)
        self.premises = setting.premises
        self.members: list[Member] = setting.premises.members(flow.fleet)
        self.start_ms, self.end_ms = setting.start_ms, setting.end_ms
        self.when = setting.draw(f"activity {flow.name}")
        self.what = setting.draw(f"activity {flow.name} fields")
        used = [role for role in ROLES[type(flow.law)] if role in flow.kinds]
        self.numbers = {role: first_kind + place for place, role in enumerate(used)}
        self.horizon_ms: float = setting.start_ms
        self._ahead: list[Draft] = []
        if self.members:
            self.begin()
        else:
            self.horizon_ms = float("inf")
        self.next_ms: float = self.horizon_ms

    def begin(self) -> None:
        """Make ready; the horizon may be set to a time before the start. Only where there are devices."""

    def portion(self) -> Iterable[Draft]:
        """Draft the next portion and move the horizon."""
        raise NotImplementedError

    def take(self, until_ms: int) -> list[Draft]:
        """The drafts due before a time that have not been taken yet, in order of time, kind and serial."""
        if self.horizon_ms < until_ms:
            while self.horizon_ms < until_ms:
                self._ahead += self.portion()
            self._ahead.sort()
        begin = _place(self._ahead, self.start_ms)
        end = _place(self._ahead, until_ms)
        ready = self._ahead[begin:end]
        del self._ahead[:end]
        self.next_ms = min(self._ahead[0][0], self.horizon_ms) if self._ahead else self.horizon_ms
        return ready

    def states_at_start(self) -> dict[tuple[str, str], str]:
        """The state that each (zone, device) is in before anything is sent, for laws that tell one."""
        return {}

    def drafted(
        self,
        role: str,
        due_ms: Sequence[int],
        serials: Iterable[int],
        members: Iterable[Member],
        told: Mapping[str, Sequence[Value]],
    ) -> list[Draft]:
        """Drafts of a role out of columns of length n; what the law does not tell is drawn. An unused role has none."""
        if role not in self.numbers:
            return []
        kind = self.numbers[role]
        at_ms = np.array(due_ms, np.int64)
        fields = draw_fields(self.flow.kinds[role], self.what, at_ms, self.premises.staff, told)
        return [
            (due, kind, serial, member.zone_name, member.device, one)
            for due, serial, member, one in zip(due_ms, serials, members, fields, strict=True)
        ]

    def followers(self, drafts: Sequence[Draft], rng: np.random.Generator | None = None) -> list[Draft]:
        """What follows events of the role `at`, at the same devices; drawn from another stream, if given."""
        follow: Follow | None = getattr(self.law, "follow", None)
        if follow is None or "after" not in self.numbers or not drafts:
            return []
        when, what = (rng or self.when), (rng or self.what)
        comes = when.random(len(drafts)) < follow.chance
        delay_s = follow.median_s * np.exp(follow.sigma * when.standard_normal(len(drafts)))
        lasts_s: list[float] = np.round(np.maximum(delay_s[comes], 0.1), 1).tolist()
        opened = [draft for draft, one in zip(drafts, comes.tolist(), strict=True) if one]
        due = [draft[0] + round(lasted * 1000) for draft, lasted in zip(opened, lasts_s, strict=True)]
        told: dict[str, Sequence[Value]] = {"lasted_s": lasts_s}
        told |= {name: [draft[5][name] for draft in opened] for name in (drafts[0][5])}
        kind, number = self.flow.kinds["after"], self.numbers["after"]
        fields = draw_fields(kind, what, np.array(due, np.int64), self.premises.staff, told)
        return [
            (at_ms, number, draft[2], draft[3], draft[4], one)
            for at_ms, draft, one in zip(due, opened, fields, strict=True)
        ]


def _place(drafts: list[Draft], time_ms: int) -> int:
    """How many of the sorted drafts are due before a time."""
    return bisect_left(drafts, time_ms, key=_due)


def _due(draft: Draft) -> int:
    return draft[0]
