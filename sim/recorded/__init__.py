"""A trace as files: written while it is lived, and replayed as if it were lived again. The columns: docs/trace.md."""

from sim.recorded.faults import TraceFileError
from sim.recorded.manifest import FORMAT, Manifest
from sim.recorded.replay import RecordedTrace
from sim.recorded.write import record

__all__ = ["FORMAT", "Manifest", "RecordedTrace", "TraceFileError", "record"]
