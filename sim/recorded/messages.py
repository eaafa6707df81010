"""Events and requests from Parquet."""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pyarrow as pa

from contract.messages import CaseApplication, DeviceEvent
from sim.recorded.columns import EVENTS, EVENTS_FILE, REQUESTS, REQUESTS_FILE
from sim.recorded.faults import TraceFileError
from sim.recorded.readings import check_type, opened, unix_ms
from sim.trace import Event, Request

_Sent = TypeVar("_Sent", Event, Request)
BATCH_ROWS = 1 << 14


def events(directory: Path, parks: Collection[str]) -> Iterator[Event]:
    """The events of some parks in order of due time; none where the recording has no table of them.

    Raises:
        TraceFileError: the table is wrong.
    """
    yield from _sent(directory / EVENTS_FILE, EVENTS, parks, _event)


def requests(directory: Path, parks: Collection[str]) -> Iterator[Request]:
    """The requests of some parks in order of due time; none where the recording has no table of them.

    Raises:
        TraceFileError: the table is wrong.
    """
    yield from _sent(directory / REQUESTS_FILE, REQUESTS, parks, _request)


def _sent(
    path: Path, schema: pa.Schema, parks: Collection[str], made: Callable[[dict[str, Any]], _Sent]
) -> Iterator[_Sent]:
    if not path.exists():
        return
    before_ms, last = 0, dict.fromkeys(parks, 0)
    for number, row in _rows(path, schema):
        if row["park"] not in last:
            continue
        where = f"{path}: row {number}"
        empty = next((name for name, value in row.items() if value is None), None)
        if empty:
            raise TraceFileError(where, found=f"no {empty}", wanted=f"a {empty} in each row")
        if row["due"] < before_ms:
            wanted = "the column due never to go back"
            raise TraceFileError(where, found="an earlier time than in the row before", wanted=wanted)
        last[row["park"]] += 1
        if row["sequence"] != last[row["park"]]:
            wanted = f"{last[row['park']]}, the park's next"
            raise TraceFileError(where, found=f"sequence {row['sequence']}", wanted=wanted)
        before_ms = row["due"]
        try:
            yield made(row)
        except msgspec.DecodeError as error:
            raise TraceFileError(where, found=str(error), wanted="a message of the contract") from None


def _rows(path: Path, schema: pa.Schema) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row with its number; times as Unix milliseconds."""
    with opened(path) as parquet:
        for field in schema:
            if field.name not in parquet.schema_arrow.names:
                wanted = f"the columns {', '.join(schema.names)}"
                raise TraceFileError(path, found=f"no column {field.name}", wanted=wanted)
            check_type(path, field.name, parquet.schema_arrow.field(field.name).type)
        number = 0
        for batch in parquet.iter_batches(BATCH_ROWS, columns=schema.names, use_threads=False):
            lists = [
                unix_ms(batch.column(field.name)).tolist()
                if pa.types.is_timestamp(field.type) and not batch.column(field.name).null_count
                else batch.column(field.name).to_pylist()
                for field in schema
            ]
            for values in zip(*lists, strict=True):
                yield number, dict(zip(schema.names, values, strict=True))
                number += 1


def _event(row: dict[str, Any]) -> Event:
    told = {name: row[name] for name in ("event_id", "subsystem", "zone", "device", "kind", "traffic")}
    fields = msgspec.json.decode(row["fields"])
    message = msgspec.convert({**told, "at_ms": row["at"], "fields": fields}, DeviceEvent)
    return Event(row["due"], row["park"], row["sequence"], message)


def _request(row: dict[str, Any]) -> Request:
    told = {name: row[name] for name in ("request_id", "matter", "enterprise")}
    application = msgspec.convert({**told, "form": msgspec.json.decode(row["form"])}, CaseApplication)
    return Request(row["due"], row["park"], row["sequence"], application, row["reason"])
