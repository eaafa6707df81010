"""The mesa world: parks, enterprises and incidents as agents, points as numpy columns."""

from sim.emission import CaseActing, Emission, Event, Pack, RegisterWriting, Request
from sim.world.model import World
from sim.world.truth import ExpectedAlert, GroundTruth, IncidentTruth, UndeterminedAlert

__all__ = [
    "CaseActing",
    "Emission",
    "Event",
    "ExpectedAlert",
    "GroundTruth",
    "IncidentTruth",
    "Pack",
    "RegisterWriting",
    "Request",
    "UndeterminedAlert",
    "World",
]
