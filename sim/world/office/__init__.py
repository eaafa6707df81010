"""The park's own people: officers act on cases, administrations keep registers."""

from sim.world.office.office import Office

__all__ = ["Office"]
