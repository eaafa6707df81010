"""Events and states: what the devices of the 14 management subsystems and of the infrastructure say beside readings.

The data is YAML beside this file: `shapes.yaml` (when people do things), `fleets.yaml` (who sends), `traffic/` (what,
and by which rate law), `reactions.yaml` (what incidents do to it). Every entry says where it comes from.
"""

from sim.world.activity.activity import Activity
from sim.world.activity.load import book, reactions
from sim.world.activity.model import Flow, Reaction
from sim.world.activity.population import staff_of

__all__ = ["Activity", "Flow", "Reaction", "book", "reactions", "staff_of"]
