"""trace.json: what a recording is and how to know it again."""

from pathlib import Path
from typing import Final

import msgspec

from scenarios.model import Objectives, Scenario, Text
from sim.network import NetworkReport
from sim.recorded.columns import MANIFEST_FILE
from sim.recorded.faults import TraceFileError

FORMAT: Final = 2


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recording in a few words. Times are scenario time in Unix milliseconds.

    Attributes:
        format: version of the files' form.
        scenario: what was lived, complete.
        replication: number of the repetition.
        shard: (i, n): the recording holds the scenario's `parks[i::n]`.
        parks: ids of the parks that are in it, in the scenario's order.
        start_ms: beginning of the warm-up.
        measured_from_ms: beginning of the measured part.
        end_ms: nothing is due at or after this time.
        digest: 16 hexadecimal digits, as `sim.trace.Trace.digest` at the end.
        packs: of them `copies` were sent once before.
        requests: rows of requests, acts on cases and entries of registers together.
        missing: by `park/gateway`, the pack numbers that were still under way at the end.
        network: what the access links told of themselves; None where packs went over none.
    """

    format: int
    scenario: Scenario
    replication: int
    shard: tuple[int, int]
    parks: tuple[str, ...]
    start_ms: int
    measured_from_ms: int
    end_ms: int
    digest: str
    packs: int
    copies: int
    readings: int
    events: int
    requests: int
    missing: dict[str, list[int]]
    network: NetworkReport | None = None

    def save(self, directory: Path) -> None:
        """Write it as indented JSON."""
        told = msgspec.json.format(msgspec.json.encode(self), indent=1)
        (directory / MANIFEST_FILE).write_bytes(told + b"\n")


def load(directory: Path) -> Manifest | None:
    """The manifest of a recording; None where there is none.

    Raises:
        TraceFileError: it is no manifest of this version.
    """
    path = directory / MANIFEST_FILE
    try:
        told = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        version = msgspec.json.decode(told, type=_Version).format
        if version != FORMAT:
            raise TraceFileError(path, found=f"format {version}", wanted=f"format {FORMAT}")
        return msgspec.json.decode(told, type=Manifest)
    except msgspec.DecodeError as error:
        raise TraceFileError(path, found=str(error), wanted=f"a trace's manifest of format {FORMAT}") from None


class _Version(msgspec.Struct):
    format: int


def bare_scenario(
    name: str, parks: tuple[str, ...], *, points: int, gateways: int, span_ms: tuple[int, int]
) -> Scenario:
    """The scenario of a recording that comes without one: its size and its time, and nothing that could be missed.

    Args:
        name: of the recording.
        parks: that are in it.
        points: on average a park, rounded up.
        gateways: of the park that has most.
        span_ms: first and last moment.
    """
    start_ms, end_ms = span_ms
    return Scenario(
        name=name,
        title=Text(en=f"Recording {name}", zh=f"录制 {name}"),
        story=Text(en="A recorded trace without a scenario.", zh="没有场景说明的录制数据。"),
        seed=0,
        starts_at_ms=start_ms,
        warm_up_s=0.0,
        duration_s=(end_ms - start_ms) / 1000,
        parks=parks,
        points_per_park=points,
        gateways_per_park=gateways,
        sample_period_ms=BARE_PERIOD_MS,
        encoding="application/senml+json",
        enterprises_per_park=0,
        requests_per_enterprise_hour=0.0,
        incidents=(),
        objectives=NOT_JUDGED,
    )


BARE_PERIOD_MS: Final = 1000
"""Readings of one gateway in one such period are one pack, where a recording does not say how they travelled."""

NOT_JUDGED: Final = Objectives(ack_ms_p99_max=60_000, alert_park_ms_p99_max=60_000, alert_city_ms_p99_max=60_000)
