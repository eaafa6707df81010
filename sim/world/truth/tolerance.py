"""Which alerts are neither expected nor false, because the truth's judge does not follow their rules."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.messages import Point
from contract.rulebook import PointIndex, index_of
from contract.rules import AnomalyRule, ExpressionRule, KOfNRule, RateRule, Rule, RuleSet
from sim.world.truth.judge import is_judged
from sim.world.truth.model import Tolerated, Touch

SETTLING_MS: Final = 600_000  # beyond a rule's own memory: what an incident left behind may be noticed this much later
FORGETTING: Final = 5.0  # an exponential mean has forgotten all but 1 % after this many times 1 / alpha readings


class Tolerance:
    """The rules of a park that are not judged, and the points that each is about.

    Args:
        points: the park's points, in the order of their index.
        rules: the park's rules.
        period_ms: sample period.
    """

    def __init__(self, points: Sequence[Point], rules: RuleSet, period_ms: int) -> None:
        self._points = points
        index = index_of(points)
        by_id = {rule.id: rule for rule in rules.rules}
        self._rules = [
            (rule, _about(rule, by_id, index), SETTLING_MS + _memory_ms(rule, by_id, period_ms))
            for rule in rules.rules
            if not is_judged(rule)
        ]

    def of(self, park: str, touch: Touch) -> Iterator[Tolerated]:
        """What is tolerated because of one incident, in order of the rules."""
        for rule, about, memory_ms in self._rules:
            for subject in self._subjects(rule, np.intersect1d(touch.points, about)):
                yield Tolerated(
                    park=park,
                    subject=subject,
                    rule=rule.id,
                    incident_id=touch.incident_id,
                    from_ms=touch.onset_ms,
                    until_ms=touch.over_ms + memory_ms,
                )

    def _subjects(self, rule: Rule, touched: NDArray[np.intp]) -> list[str]:
        """What the rule's alarms on these points are about, each once."""
        points = [self._points[point] for point in touched.tolist()]
        if isinstance(rule, ExpressionRule) or (isinstance(rule, KOfNRule) and rule.by == "device"):
            names = [point.name.rpartition("/")[0] for point in points]
        elif isinstance(rule, KOfNRule):
            names = [f"zone/{point.zone}" if rule.by == "zone" else f"gateway/{point.gateway}" for point in points]
        else:
            names = [point.name for point in points]
        return list(dict.fromkeys(names))


def _about(rule: Rule, by_id: dict[str, Rule], index: PointIndex) -> NDArray[np.int32]:
    """The points that the rule looks at."""
    found = index.select(rule)
    if not isinstance(rule, KOfNRule):
        return found
    members = np.unique(np.concatenate([index.select(by_id[of]) for of in rule.of if of in by_id]))
    narrowed: NDArray[np.int32] = np.intersect1d(members, found)
    return narrowed


def _memory_ms(rule: Rule, by_id: dict[str, Rule], period_ms: int) -> int:
    """How long after the last touched reading the rule may still begin an alarm because of it."""
    memory_s = rule.on_delay_s + rule.off_delay_s
    if isinstance(rule, RateRule):
        memory_s += rule.over_s
    elif isinstance(rule, AnomalyRule):
        memory_s += FORGETTING / rule.alpha * period_ms / 1000
    elif isinstance(rule, KOfNRule):
        memory_s += rule.window_s + max((_memory_ms(by_id[of], {}, period_ms) / 1000 for of in rule.of), default=0.0)
    return round(memory_s * 1000)
