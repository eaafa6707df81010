"""The result file: its names, its round trip, its schema, its errors."""

import json
from pathlib import Path

import msgspec
import pytest

from benchmarks import result as results
from benchmarks.result import Result
from contract.errors import PeerError

SCHEMA_FILE = Path(results.__file__).parent / "schema" / "result.schema.json"
PROMISED = (
    "schema_version",
    "validity",
    "audit.0.name",
    "audit.0.measured",
    "audit.0.limit",
    "audit.0.ok",
    "seed",
    "ingest.offered_per_s",
    "ingest.acknowledged_per_s",
    *(
        f"{latency}.{counted}.{figure}"
        for latency in ("ack_latency_ms", "alert_latency_ms.park", "alert_latency_ms.city")
        for counted in ("corrected", "uncorrected")
        for figure in ("p50", "p90", "p99", "p999", "max", "count")
    ),
    *(f"ledger.{name}" for name in ("acknowledged", "lost", "duplicated", "altered")),
    *(
        f"detection.{level}{name}"
        for level in ("", "park.", "city.")
        for name in ("expected", "detected", "missed", "false", "duplicate", "precision", "recall")
    ),
    "requests.telemetry.count",
    "requests.telemetry.errors",
    *(f"objectives.0.{name}" for name in ("name", "limit", "measured", "met")),
    "environment.python",
)


def test_round_trip(result: Result, tmp_path: Path) -> None:
    """What is saved is what is loaded, from the file and from its directory."""
    results.save(result, tmp_path / results.RESULT_FILE)
    assert results.load(tmp_path / results.RESULT_FILE) == result
    assert results.load(tmp_path) == result


@pytest.mark.parametrize("path", PROMISED)
def test_promised_names(result: Result, path: str) -> None:
    """Programs find every promised figure under its name."""
    part = json.loads(msgspec.json.encode(result))
    for name in path.split("."):
        part = part[int(name)] if isinstance(part, list) else part[name]


def test_schema_file_is_current() -> None:
    """The committed JSON Schema is the one of the types; `python -m benchmarks.result` writes it."""
    assert json.loads(SCHEMA_FILE.read_text("utf-8")) == results.schema()


def test_unknown_field_is_told_with_its_path(result: Result, tmp_path: Path) -> None:
    """A field that the schema does not know is refused, with its place."""
    broken = json.loads(msgspec.json.encode(result))
    broken["ledger"]["mislaid"] = 1
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken), "utf-8")
    with pytest.raises(PeerError) as caught:
        results.load(path)
    assert str(caught.value) == (
        f"{path}: expected a result of this version, found Object contains unknown field `mislaid` - at `$.ledger`"
    )


def test_missing_file_is_told(tmp_path: Path) -> None:
    """A result that is not there is named."""
    with pytest.raises(PeerError) as caught:
        results.load(tmp_path)
    assert str(caught.value) == f"{tmp_path / 'result.json'}: expected a result, found No such file or directory"
