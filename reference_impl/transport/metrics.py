"""What a node counts about itself, in Prometheus' text format."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

COMMIT_BUCKETS_MS = (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """Counters of one node; each node has its own registry, so that tests may run many in one process."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.packs = Counter("parkbench_packs", "Packs made durable.", registry=registry)
        self.readings = Counter("parkbench_readings", "Readings made durable.", registry=registry)
        self.duplicates = Counter("parkbench_duplicate_packs", "Packs that had been stored before.", registry=registry)
        self.late = Counter("parkbench_late_readings", "Readings too late for the alarm history.", registry=registry)
        self.refused = Counter(
            "parkbench_refused",
            "Requests refused, by operation and HTTP status.",
            ("operation", "status"),
            registry=registry,
        )
        self.overloads = Counter(
            "parkbench_overload",
            "Requests refused because a bound was reached, by bound.",
            ("bound",),
            registry=registry,
        )
        self.transitions = Counter(
            "parkbench_alert_transitions", "Alert transitions, by kind.", ("transition",), registry=registry
        )
        self.streams_cut = Counter(
            "parkbench_streams_cut_off", "Alert streams ended because they were too slow.", registry=registry
        )
        self.commit_ms = Histogram(
            "parkbench_commit_ms", "Duration of a group commit.", buckets=COMMIT_BUCKETS_MS, registry=registry
        )
        self.commit_changes = Histogram(
            "parkbench_commit_changes", "Changes made durable by one commit.", buckets=BATCH_BUCKETS, registry=registry
        )
        self.commit_failures = Counter("parkbench_commit_failures", "Commits that failed.", registry=registry)
        self.filled_readings = Counter(
            "parkbench_filled_readings", "Readings moved into the column store.", registry=registry
        )
        self.fill_failures = Counter(
            "parkbench_fill_failures", "Moves into the column store that failed.", registry=registry
        )
        self.device_frames = Counter(
            "parkbench_device_frames",
            "What came in over the devices' own protocols, by outcome.",
            ("protocol", "outcome"),
            registry=registry,
        )
        self.uplink_entries = Counter(
            "parkbench_uplink_entries", "Outbox entries that the city applied.", registry=registry
        )
        self.uplink_failures = Counter(
            "parkbench_uplink_failures", "Attempts to reach the city that failed.", registry=registry
        )

    def gauge(self, name: str, what: str, read: Callable[[], float]) -> None:
        """A figure that is read when it is asked for."""
        Gauge(f"parkbench_{name}", what, registry=self._registry).set_function(read)

    def text(self) -> bytes:
        """All figures in the text format."""
        return generate_latest(self._registry)
