"""Objectives of a backtest, such as `recall>=0.9`."""

import re
from typing import Final

from benchmarks.audit import within
from benchmarks.backtest.scoring import Score
from benchmarks.result import Bound, Objective
from contract.errors import PeerError

_WRITTEN: Final = re.compile(r"\s*(\w+)\s*(>=|<=)\s*(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*")
_BOUNDS: Final[dict[str, Bound]] = {">=": "at_least", "<=": "at_most"}
FIGURES: Final = {
    "precision": "",
    "recall": "",
    "f1": "",
    "false_alarms_per_day": "a day",
    "alarms_per_day": "a day",
    "delay_s_p50": "s",
    "delay_s_p95": "s",
    "delay_s_max": "s",
}
"""What can be asked for, with its unit."""
_WITHOUT_LABELS: Final = {"alarms_per_day"}


def parse(written: str, *, labelled: bool) -> tuple[str, Bound, float]:
    """Name, bound and limit of an objective.

    Raises:
        PeerError: it is not `NAME>=NUMBER` or `NAME<=NUMBER`, or needs labels that there are not.
    """
    match = _WRITTEN.fullmatch(written)
    if match is None or match[1] not in FIGURES:
        raise PeerError(
            "invalid objective",
            where="--objective",
            found=repr(written),
            wanted=f'such as "recall>=0.9", with one of {", ".join(FIGURES)}',
        )
    if not labelled and match[1] not in _WITHOUT_LABELS:
        raise PeerError("no labels", where="--objective", found=repr(written), wanted="--labels or --label-column")
    return match[1], _BOUNDS[match[2]], float(match[3])


def judge(asked: tuple[str, Bound, float], score: Score | None, alarms_per_day: float | None) -> Objective:
    """Hold the figures against an objective; what cannot be measured is missed."""
    name, bound, limit = asked
    measured = alarms_per_day
    if name in {"precision", "recall", "f1", "false_alarms_per_day"}:
        measured = getattr(score, name)
    elif name.startswith("delay_s_") and score is not None:
        measured = getattr(score.delay_s, name.removeprefix("delay_s_"))
    met = measured is not None and within(measured, limit, bound)
    return Objective(name=name, limit=limit, bound=bound, unit=FIGURES[name], measured=measured, met=met)
