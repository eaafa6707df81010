"""The simulated city: named random streams, the world, its trace."""
