"""What to run: the Scenario type, its strict loader and the library of stories."""
