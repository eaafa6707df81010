"""What the coordinator and the workers tell each other. Sent as bytes (msgpack) inside Locust's own messages."""

from typing import Final

import msgspec

from contract.messages import CredentialFile
from loadtests.schedule import Schedule
from scenarios.model import Scenario

PREPARE: Final = "parkbench-prepare"  # to one worker: a Plan
READY: Final = "parkbench-ready"  # from a worker: it has built its share of the world
FAILED: Final = "parkbench-failed"  # from a worker: it cannot take part; why
GO: Final = "parkbench-go"  # to all: the schedule
PROGRESS: Final = "parkbench-progress"  # from a worker, once a second: a Progress
STOP: Final = "parkbench-stop"  # to all: end now
RECORD: Final = "parkbench-record"  # from a worker, last: its LoadRecord
TO_WORKER: Final = (PREPARE, GO, STOP)
TO_COORDINATOR: Final = (READY, FAILED, PROGRESS, RECORD)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One worker's part of a run.

    Attributes:
        recording: directory of a recorded trace to replay; "" to simulate the scenario.
        shard: (number of this worker from 0, number of workers); it serves `scenario.parks[i::n]`.
        drain_s: how long after the end of the trace what is late is still handed in.
        burst_s: length of an unpaced burst against the null sink; 0 for a run by the schedule.
    """

    scenario: Scenario
    recording: str
    replication: int
    shard: tuple[int, int]
    park_url: str
    city_url: str
    credentials: CredentialFile | None
    drain_s: float
    burst_s: float


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker did since its last message.

    Attributes:
        acks: the packs acknowledged since then, see `loadtests.ledger.AckBuffer.take`.
        latencies_us: their corrected latencies.
        backlog_bytes: encoded packs that wait, those that are not due yet included.
    """

    sent: int
    readings_sent: int
    acknowledged: int
    readings_acknowledged: int
    requests: int
    refused: int
    errors: int
    latencies_us: list[int]
    backlog_bytes: int
    acks: bytes


def pack(message: Plan | Progress | Schedule) -> bytes:
    """A message as bytes."""
    return msgspec.msgpack.encode(message)
