"""The quiet physics of a park's points, as numpy columns.

A value is the profile's base, a rhythm of the day and the week, the city's weather, a slow drift, and a first-order
autoregressive noise, part of which the points of one kind in one zone share. A binary point forgets its state at random
times and draws it anew, so that it is 1 for its share of time, and stays what it is for a while. The parameters are
those of the catalogue's profiles and of `rhythms.yaml`, with their marks.
"""

from sim.world.ground import CHINA_OFFSET_MS, DAY_MS
from sim.world.physics.frame import Frame, Values, frame
from sim.world.physics.quiet import QuietPhysics, as_measured

__all__ = ["CHINA_OFFSET_MS", "DAY_MS", "Frame", "QuietPhysics", "Values", "as_measured", "frame"]
