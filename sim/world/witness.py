"""A park's witness: it sees the emitted readings of the touched points and writes down the ground truth."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.catalogue import ParkPoints
from contract.columns import Columns
from contract.rules import RuleSet
from sim.world.incident import IncidentAgent
from sim.world.truth import ExpectedAlert, GroundTruth, LimitJudge, Outcome, UndeterminedAlert, slots


class Witness:
    """Judges the points that incidents touch; the others never leave normal operation.

    Args:
        park: id of the park.
        layout: its points.
        rules: the limit rules that hold there.
        incidents: what happens there.
        truth: where to write.
    """

    def __init__(
        self, park: str, layout: ParkPoints, rules: RuleSet, incidents: Sequence[IncidentAgent], truth: GroundTruth
    ) -> None:
        self._park = park
        self._layout = layout
        self._names = layout.names
        self._rules = rules.rules
        self._truth = truth
        self._causes = [(incident, frozenset(incident.points.tolist())) for incident in incidents]
        touched = sorted({point for _, points in self._causes for point in points})
        self._judge = LimitJudge(slots(self._names, touched, rules))
        self._standing: dict[int, int] = {}  # slot to the place of its alert in the ground truth

    @property
    def idle(self) -> bool:
        """Nothing is pending or raised, so quiet readings change nothing."""
        return self._judge.idle

    def see(self, columns: Columns, sequence: int) -> None:
        """Judge all readings of a step; `sequence` is the number of its packs."""
        point = self._judge.watched.point
        time_ms = columns.time_ms[point]
        for outcome in self._judge.read(columns.value[point], time_ms):
            self._write(outcome, time_ms, sequence)

    def close(self) -> None:
        """The trace ends: what is pending stays undetermined."""
        for slot in self._judge.pending:
            point, rule, onset_ms = self._of(int(slot))
            self._truth.undetermined.append(
                UndeterminedAlert(
                    park=self._park,
                    point=self._names[point],
                    rule=self._rules[rule].id,
                    incident_id=self._cause(point, onset_ms),
                    onset_ms=onset_ms,
                )
            )

    def _write(self, outcome: Outcome, time_ms: NDArray[np.int64], sequence: int) -> None:
        expected = self._truth.expected
        for slot, onset_ms in zip(outcome.raised.tolist(), outcome.raised_onset_ms.tolist(), strict=True):
            point, rule, _ = self._of(slot)
            self._standing[slot] = len(expected)
            expected.append(
                ExpectedAlert(
                    park=self._park,
                    point=self._names[point],
                    rule=self._rules[rule].id,
                    level=self._rules[rule].level,
                    incident_id=self._cause(point, onset_ms),
                    onset_ms=onset_ms,
                    knowable_ms=onset_ms + int(self._judge.watched.on_delay_ms[slot]),
                    gateway=self._layout.gateways[self._layout.gateway[point]],
                    knowable_sequence=sequence,
                    knowable_due_ms=int(time_ms[slot]),
                )
            )
        for slot, cleared_ms in zip(outcome.cleared.tolist(), outcome.cleared_at_ms.tolist(), strict=True):
            place = self._standing.pop(slot)
            expected[place] = msgspec.structs.replace(expected[place], clears_ms=cleared_ms)

    def _of(self, slot: int) -> tuple[int, int, int]:
        """Point, rule and time of the last change of a slot."""
        watched = self._judge.watched
        return int(watched.point[slot]), int(watched.rule[slot]), int(self._judge.since_ms[slot])

    def _cause(self, point: int, onset_ms: int) -> str:
        """The incident behind a run: of those at the point, the last that had begun by then."""
        begun = [incident for incident, points in self._causes if point in points and incident.onset_ms <= onset_ms]
        return str(max(begun, key=lambda incident: incident.onset_ms).incident_id)
