"""The city's economy: enterprises as agents that use the seven services of their parks for reasons."""

from sim.world.economy.calendar import activity
from sim.world.economy.economy import Economy, EconomyFigures

__all__ = ["Economy", "EconomyFigures", "activity"]
