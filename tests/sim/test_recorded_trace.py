"""Traces as files: what is written comes back, from any number of shards, the same bytes each time."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contract.columns import Columns
from contract.errors import HarnessError, PeerError
from contract.messages import CaseApplication, DeviceEvent
from scenarios.model import Scenario, find
from sim.recorded import RecordedTrace, record
from sim.recorded.numbering import Numbers
from sim.trace import Emission, Event, Pack, Request, Trace

TABLES = ("readings", "events", "requests")
PILOT = find("pilot-2019")
LONG = msgspec.structs.replace(PILOT, parks=PILOT.parks[:3], warm_up_s=0.0, duration_s=900.0, incidents=())


class Scripted(Trace):
    """A pilot whose first park sends what a test says: copies, late packs, events, requests."""

    def emissions(self) -> Iterator[Emission]:
        """All emissions, ours in between."""
        self.digest = 0
        park, (gateway, *_) = self.parks[0], self.layouts[self.parks[0]].gateways
        yield from sorted(self._script(park, gateway), key=lambda one: one.due_ms)

    def _script(self, park: str, gateway: str) -> Iterator[Emission]:
        for sequence, due_s in ((1, 1), (3, 2), (2, 3), (1, 3), (1, 3), (4, 5)):
            yield Pack(self.start_ms + due_s * 1000, park, gateway, sequence, self._columns(sequence))
        message = DeviceEvent(
            event_id=f"{park}-v1",
            at_ms=self.start_ms + 700,
            subsystem="access",
            zone="z01",
            device="door-0001",
            kind="card-passed",
            traffic="event",
            fields={"token": "t-1", "floor": 3, "weight": 1.0, "open": True},
        )
        yield Event(self.start_ms + 1_500, park, 1, message)
        form: dict[str, str | int | float | bool] = {"amount": 12, "share": 0.5, "urgent": False, "note": "夜班"}
        asked = CaseApplication(request_id=f"{park}-r1", matter="m", enterprise=f"{park}-e0001", form=form)
        yield Request(self.start_ms + 4_000, park, 1, asked, "late-supplier")

    def _columns(self, sequence: int) -> Columns:
        """Of the first three points, one of them fewer each time."""
        point = np.arange(max(1, 4 - sequence), dtype=np.int32)
        time_ms = np.full(len(point), self.start_ms + sequence * 100, np.int64)
        return Columns(point, time_ms, point * 0.1 + sequence)


def told(emissions: Iterator[Emission]) -> list[tuple[object, ...]]:
    """Emissions with their readings as lists, so that they can be compared."""
    return [
        (*one[:-1], *(column.tolist() for column in one.columns)) if isinstance(one, Pack) else tuple(one)
        for one in emissions
    ]


def written(directory: Path, scenario: Scenario = PILOT, shard: tuple[int, int] = (0, 1)) -> Path:
    """A trace on disk."""
    record(Trace(scenario, shard=shard), shard, directory)
    return directory


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pilot's trace on disk."""
    return written(tmp_path_factory.mktemp("recorded") / "pilot")


def test_a_recording_is_the_trace(pilot: Path) -> None:
    """Replayed, a recording gives every emission as it was, the truth, the digest, the points and the times."""
    trace, replayed = Trace(PILOT), RecordedTrace(pilot)
    assert told(replayed.emissions()) == told(trace.emissions())
    assert replayed.digest == trace.digest != 0
    assert replayed.truth == trace.truth
    assert replayed.has_truth
    assert replayed.truth.expected
    assert (replayed.scenario, replayed.replication, replayed.parks) == (PILOT, 0, PILOT.parks)
    assert (replayed.start_ms, replayed.measured_from_ms, replayed.end_ms) == (
        trace.start_ms,
        trace.measured_from_ms,
        trace.end_ms,
    )
    for park in trace.parks:
        assert replayed.layouts[park].points == trace.layouts[park].points
        for column in ("profile", "zone", "gateway"):
            assert getattr(replayed.layouts[park], column).tolist() == getattr(trace.layouts[park], column).tolist()


def test_steps_are_those_of_the_trace(pilot: Path) -> None:
    """One list for each park and sample period, with the same emissions in it; replaying again gives the same."""
    replayed = RecordedTrace(pilot)
    steps = [sorted(map(repr, told(iter(step)))) for step in replayed.steps()]
    assert steps == [sorted(map(repr, told(iter(step)))) for step in Trace(PILOT).steps()]
    assert steps == [sorted(map(repr, told(iter(step)))) for step in replayed.steps()]


def test_shards_of_a_recording_are_shards_of_the_trace(pilot: Path) -> None:
    """A part of a recording sends what the same part of the world sends, with the same digest."""
    for number in range(3):
        trace, replayed = Trace(PILOT, shard=(number, 3)), RecordedTrace(pilot, shard=(number, 3))
        assert told(replayed.emissions()) == told(trace.emissions())
        assert replayed.digest == trace.digest
        assert replayed.truth.expected == trace.truth.expected


@pytest.mark.parametrize("shards", [2, 7])
def test_recorded_in_shards_it_is_one(pilot: Path, shards: int, tmp_path: Path) -> None:
    """Merged by due time, park, gateway and number, the tables of any number of shards are those of one."""
    for number in range(shards):
        written(tmp_path / str(number), shard=(number, shards))
    order = {
        "readings": "due, park, gateway, sequence, copy",
        "events": "due, park, sequence",
        "requests": "due, park",
    }
    for table in TABLES:
        files = [str(tmp_path / str(number) / f"{table}.parquet") for number in range(shards)]
        query = f"SELECT * FROM read_parquet({files}, file_row_number = true) ORDER BY {order[table]}, file_row_number"  # noqa: S608 - our own paths
        merged = duckdb.sql(query).project("* EXCLUDE file_row_number").to_arrow_table()
        whole = duckdb.sql(f"SELECT * FROM read_parquet('{pilot / table}.parquet')").to_arrow_table()  # noqa: S608 - as above
        assert merged.equals(whole)
    rows = [
        row
        for number in range(shards)
        for row in pq.read_table(tmp_path / str(number) / "truth" / "expected.parquet").to_pylist()
    ]
    assert sorted(map(repr, rows)) == sorted(map(repr, pq.read_table(pilot / "truth" / "expected.parquet").to_pylist()))


def test_written_twice_it_is_the_same_bytes(pilot: Path, tmp_path: Path) -> None:
    """Nothing of the moment or the machine gets into the files."""

    def digests(directory: Path) -> dict[str, str]:
        files = sorted(path for path in directory.rglob("*") if path.is_file())
        return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    assert digests(written(tmp_path / "again")) == digests(pilot)


def test_copies_late_packs_events_and_requests_come_back(tmp_path: Path) -> None:
    """A pack that is sent again, packs that overtake each other, and messages of all types survive."""
    scripted = Scripted(PILOT)
    manifest = record(scripted, (0, 1), tmp_path / "scripted")
    assert (manifest.packs, manifest.copies, manifest.events, manifest.requests) == (6, 2, 1, 1)
    replayed = RecordedTrace(tmp_path / "scripted")
    sent, back = list(scripted.emissions()), list(replayed.emissions())
    assert sorted(map(repr, told(iter(sent)))) == sorted(map(repr, told(iter(back))))
    assert [one.sequence for one in back if isinstance(one, Pack)] == [1, 3, 1, 1, 2, 4]
    (event,) = [one for one in back if isinstance(one, Event)]
    assert [type(value) for value in event.message.fields.values()] == [str, int, float, bool]
    copy = pq.read_table(tmp_path / "scripted" / "readings.parquet", columns=["sequence", "copy"]).to_pylist()
    assert sorted({(row["sequence"], row["copy"]) for row in copy}) == [(1, 0), (1, 1), (1, 2), (2, 0), (3, 0), (4, 0)]


def test_a_number_under_way_at_the_end_is_no_gap(tmp_path: Path) -> None:
    """What a link still holds when the trace ends is told in trace.json; the replay does not take it for a fault."""

    class Overtaken(Scripted):
        def _script(self, park: str, gateway: str) -> Iterator[Emission]:
            for sequence in (1, 3, 4):
                yield Pack(self.start_ms + sequence * 1000, park, gateway, sequence, self._columns(sequence))

    manifest = record(Overtaken(PILOT), (0, 1), tmp_path / "overtaken")
    assert manifest.missing == {f"{PILOT.parks[0]}/gw-01": [2]}
    packs = [one for one in RecordedTrace(tmp_path / "overtaken").emissions() if isinstance(one, Pack)]
    assert [pack.sequence for pack in packs] == [1, 3, 4]


def test_columns_and_their_encodings(pilot: Path) -> None:
    """Times and numbers are kept as differences, texts and values by dictionary, in the documented order."""
    file = pq.ParquetFile(pilot / "readings.parquet")
    assert file.schema_arrow.names == ["due", "park", "gateway", "sequence", "copy", "point", "time", "value"]
    group = file.metadata.row_group(0)
    encodings = {group.column(place).path_in_schema: group.column(place).encodings for place in range(8)}
    assert all("DELTA_BINARY_PACKED" in encodings[name] for name in ("due", "sequence", "copy", "time"))
    assert all("RLE_DICTIONARY" in encodings[name] for name in ("park", "gateway", "point", "value"))
    assert file.schema_arrow.field("time").type == pa.timestamp("ms", tz="UTC")


def test_memory_holds_a_row_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of readings is written as it fills: as many row groups as its size asks for, none larger."""
    monkeypatch.setattr("sim.recorded.write.READINGS_A_GROUP", 10_000)
    shares: list[float] = []
    record(Trace(LONG), (0, 1), tmp_path / "long", lambda share, _words: shares.append(share))
    metadata = pq.ParquetFile(tmp_path / "long" / "readings.parquet").metadata
    sizes = [metadata.row_group(place).num_rows for place in range(metadata.num_row_groups)]
    largest_pack = LONG.points_per_park
    assert metadata.num_rows / 10_000 - 1 <= len(sizes) <= metadata.num_rows / 10_000 + 1
    assert max(sizes) < 10_000 + largest_pack
    assert shares == sorted(shares)
    assert len(shares) >= len(sizes) - 1
    assert told(RecordedTrace(tmp_path / "long").emissions()) == told(Trace(LONG).emissions())


def test_an_existing_directory_is_refused(tmp_path: Path) -> None:
    """Nothing is overwritten, even if it is empty."""
    with pytest.raises(PeerError, match=r"-o: expected a new directory, found .*, which exists"):
        record(Trace(PILOT), (0, 1), tmp_path)


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """The directory appears when all of it is there, or not at all."""

    class Broken(Scripted):
        def _script(self, park: str, gateway: str) -> Iterator[Emission]:
            yield from super()._script(park, gateway)
            raise RuntimeError("lost power")

    with pytest.raises(RuntimeError, match="lost power"):
        record(Broken(PILOT), (0, 1), tmp_path / "broken")
    assert list(tmp_path.iterdir()) == []


def test_a_world_that_sends_back_in_time_is_our_own_fault(tmp_path: Path) -> None:
    """The tables are in order of due time; a trace that is not is refused while it is written."""

    class Backwards(Scripted):
        def emissions(self) -> Iterator[Emission]:
            yield from reversed(list(super().emissions()))

    with pytest.raises(HarnessError, match="is due before the one before it"):
        record(Backwards(PILOT), (0, 1), tmp_path / "backwards")


def test_numbers_tell_copies_and_holes() -> None:
    """However numbers come, each knows how often it came before, and what is missing is known."""
    numbers = Numbers()
    assert [numbers.count(number) for number in (1, 2, 2, 5, 3, 5, 2, 7)] == [0, 0, 1, 0, 0, 1, 2, 0]
    assert numbers.missing == [4, 6]
    assert numbers.count(4) == 0
    assert numbers.missing == [6]
