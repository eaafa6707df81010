"""Ground truth: what happened, and which alerts a right platform must raise."""

from sim.world.truth.judge import Judge
from sim.world.truth.model import (
    ExpectedAlert,
    GroundTruth,
    IncidentTruth,
    TeamLoad,
    Tolerated,
    Touch,
    UndeterminedAlert,
)
from sim.world.truth.witness import Witness

__all__ = [
    "ExpectedAlert",
    "GroundTruth",
    "IncidentTruth",
    "Judge",
    "TeamLoad",
    "Tolerated",
    "Touch",
    "UndeterminedAlert",
    "Witness",
]
