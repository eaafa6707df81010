"""Writing a trace while it is lived: a row group at a time, and the directory appears only when all of it is there."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from contract.catalogue import ParkPoints
from contract.errors import HarnessError, PeerError
from sim.recorded import columns, messages, truth
from sim.recorded.columns import EVENTS, POINTS, READINGS, REQUESTS
from sim.recorded.manifest import FORMAT, Manifest
from sim.recorded.numbering import Numbers
from sim.trace import Emission, Event, Pack, Trace

READINGS_A_GROUP: Final = 1 << 20
ROWS_A_GROUP: Final = 1 << 16

Told = Callable[[float, str], None]
"""Is told now and then which share is written, and of what."""


def record(trace: Trace, shard: tuple[int, int], directory: Path, told: Told = lambda _share, _words: None) -> Manifest:
    """Live a trace and write all of it; memory holds one row group of each table.

    Args:
        trace: what to write.
        shard: the trace's.
        directory: a new one. Until all is written the files stand in a hidden folder beside it.
        told: progress.

    Raises:
        PeerError: the directory exists.
    """
    if directory.exists():
        raise PeerError("directory exists", where="-o", found=f"{directory}, which exists", wanted="a new directory")
    with _appearing(directory) as folder:
        _write(folder / columns.POINTS_FILE, POINTS, _points(trace.parks, trace.layouts))
        with _Writer(folder, trace.parks, trace.layouts) as writer:
            span_ms = max(1, trace.end_ms - trace.start_ms)
            for emission in trace.emissions():
                if writer.add(emission):
                    told((emission.due_ms - trace.start_ms) / span_ms, f"{writer.readings:,} readings")
        truth.save(trace.truth, folder)
        manifest = Manifest(
            format=FORMAT,
            scenario=trace.scenario,
            replication=trace.replication,
            shard=shard,
            parks=tuple(trace.parks),
            start_ms=trace.start_ms,
            measured_from_ms=trace.measured_from_ms,
            end_ms=trace.end_ms,
            digest=f"{trace.digest:016x}",
            packs=writer.packs.sent,
            copies=writer.packs.copies,
            readings=writer.readings,
            events=writer.events.sent,
            requests=writer.requests.sent,
            missing=writer.packs.missing,
            network=getattr(trace, "network", None),
        )
        manifest.save(folder)
    return manifest


@contextmanager
def _appearing(directory: Path) -> Iterator[Path]:
    """A folder that becomes `directory` at the end, and is gone if anything fails."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    folder = directory.parent / f".{directory.name}.part-{os.getpid()}"
    folder.mkdir()
    try:
        yield folder
        folder.rename(directory)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


class _Writer(AbstractContextManager["_Writer"]):
    """The three tables of emissions."""

    def __init__(self, folder: Path, parks: Iterable[str], layouts: Mapping[str, ParkPoints]) -> None:
        self._files = ExitStack()

        def opened(name: str, schema: pa.Schema) -> pq.ParquetWriter:
            writer = pq.ParquetWriter(folder / name, schema, **columns.encoding(schema))
            return self._files.enter_context(writer)

        self.packs = _Packs(opened(columns.READINGS_FILE, READINGS), parks, layouts)
        self.events = _Rows(opened(columns.EVENTS_FILE, EVENTS))
        self.requests = _Rows(opened(columns.REQUESTS_FILE, REQUESTS))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Write what waits, and the ends of the files."""
        if error is None:
            for table in (self.packs, self.events, self.requests):
                table.flush()
        self._files.close()

    @property
    def readings(self) -> int:
        """Readings so far, those of copies included."""
        return self.packs.readings

    def add(self, emission: Emission) -> bool:
        """Add the next; whether a row group of readings was written."""
        if isinstance(emission, Pack):
            return self.packs.add(emission)
        if isinstance(emission, Event):
            message = emission.message
            named = {name: getattr(message, name) for name in ("event_id", "subsystem", "zone", "device", "kind")}
            self.events.add(
                {
                    "due": emission.due_ms,
                    "park": emission.park,
                    "sequence": emission.sequence,
                    **named,
                    "at": message.at_ms,
                    "traffic": message.traffic,
                    "fields": msgspec.json.encode(message.fields).decode(),
                }
            )
            return False
        self.requests.add(messages.row(emission))
        return False


class _Packs:
    """Readings on their way into their table."""

    def __init__(self, writer: pq.ParquetWriter, parks: Iterable[str], layouts: Mapping[str, ParkPoints]) -> None:
        self._writer = writer
        self._parks = {park: number for number, park in enumerate(parks)}
        names: dict[str, int] = {}
        gateways: dict[str, int] = {}
        self._name_of = {
            park: np.array([names.setdefault(name, len(names)) for name in layouts[park].names], np.int32)
            for park in self._parks
        }
        for park in self._parks:
            for gateway in layouts[park].gateways:
                gateways.setdefault(gateway, len(gateways))
        self._gateways = gateways
        texts = {"park": self._parks, "gateway": gateways, "point": names}
        self._texts = {column: pa.array(list(known), pa.string()) for column, known in texts.items()}
        self._numbers = {(park, gateway): Numbers() for park in self._parks for gateway in layouts[park].gateways}
        self._waiting: list[tuple[Pack, int]] = []
        self._rows_waiting = 0
        self._due_ms = 0
        self.sent = self.copies = self.readings = 0

    def add(self, pack: Pack) -> bool:
        """Add the next; whether a row group was written."""
        if pack.due_ms < self._due_ms:
            raise HarnessError(f"{pack.park}/{pack.gateway} pack {pack.sequence} is due before the one before it")
        self._due_ms = pack.due_ms
        copy = self._numbers[pack.park, pack.gateway].count(pack.sequence)
        self._waiting.append((pack, copy))
        self.sent += 1
        self.copies += copy > 0
        self.readings += len(pack.columns)
        self._rows_waiting += len(pack.columns)
        if self._rows_waiting < READINGS_A_GROUP:
            return False
        self.flush()
        return True

    @property
    def missing(self) -> dict[str, list[int]]:
        """By `park/gateway`: numbers that were still under way when the trace ended."""
        found = {f"{park}/{gateway}": numbers.missing for (park, gateway), numbers in self._numbers.items()}
        return {gateway: numbers for gateway, numbers in found.items() if numbers}

    def flush(self) -> None:
        """Write what waits as one row group."""
        if not self._waiting:
            return
        packs = [pack for pack, _ in self._waiting]
        rows = np.array([len(pack.columns) for pack in packs])

        def spread(values: list[int], kind: type = np.int64) -> NDArray[Any]:
            return np.repeat(np.array(values, kind), rows)

        numbers = {
            "due": spread([pack.due_ms for pack in packs]),
            "park": spread([self._parks[pack.park] for pack in packs], np.int32),
            "gateway": spread([self._gateways[pack.gateway] for pack in packs], np.int32),
            "sequence": spread([pack.sequence for pack in packs]),
            "copy": spread([copy for _, copy in self._waiting], np.int32),
            "point": np.concatenate([self._name_of[pack.park][pack.columns.point] for pack in packs]),
            "time": np.concatenate([pack.columns.time_ms for pack in packs]),
            "value": np.concatenate([pack.columns.value for pack in packs]),
        }
        arrays = [self._array(field, numbers[field.name]) for field in READINGS]
        self._writer.write_batch(pa.record_batch(arrays, schema=READINGS), row_group_size=READINGS_A_GROUP * 2)
        self._waiting = []
        self._rows_waiting = 0

    def _array(self, field: pa.Field, numbers: NDArray[Any]) -> pa.Array:
        if field.name in self._texts:
            return pa.DictionaryArray.from_arrays(pa.array(numbers), self._texts[field.name])
        return pa.array(numbers).cast(field.type)


class _Rows:
    """Rows of a table of which there are few enough to be put together one by one."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer
        self._waiting: list[dict[str, Any]] = []
        self.sent = 0

    def add(self, row: dict[str, Any]) -> None:
        """Add the next."""
        self._waiting.append(row)
        self.sent += 1
        if len(self._waiting) >= ROWS_A_GROUP:
            self.flush()

    def flush(self) -> None:
        """Write what waits as one row group."""
        if self._waiting:
            self._writer.write_batch(pa.RecordBatch.from_pylist(self._waiting, schema=self._writer.schema))
            self._waiting = []


def _points(parks: Iterable[str], layouts: Mapping[str, ParkPoints]) -> Iterator[pa.RecordBatch]:
    """The registered points, park by park in the order of their index."""
    for park in parks:
        rows = [{"park": park, "point": point.name, **_place(point)} for point in layouts[park].points]
        yield pa.RecordBatch.from_pylist(rows, schema=POINTS)


def _place(point: msgspec.Struct) -> dict[str, str]:
    return {name: getattr(point, name) for name in ("gateway", "zone", "subsystem", "unit")}


def _write(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    with pq.ParquetWriter(path, schema, **columns.encoding(schema)) as writer:
        for batch in batches:
            writer.write_batch(batch)
