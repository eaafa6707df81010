"""The monitoring core, sans-I/O: what it decides is in SEMANTICS.md, how it decides is in `kernel` and `lifecycle`."""

from reference_impl.monitoring.monitor import AlarmTransition, Applied, Monitor, warm_up

__all__ = ["AlarmTransition", "Applied", "Monitor", "warm_up"]
