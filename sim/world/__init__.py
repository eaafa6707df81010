"""The mesa world: parks, enterprises and incidents as agents, points as numpy columns."""

from sim.emission import Emission, Event, Pack, Request
from sim.world.model import World
from sim.world.truth import ExpectedAlert, GroundTruth, IncidentTruth, UndeterminedAlert

__all__ = [
    "Emission",
    "Event",
    "ExpectedAlert",
    "GroundTruth",
    "IncidentTruth",
    "Pack",
    "Request",
    "UndeterminedAlert",
    "World",
]
