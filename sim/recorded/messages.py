"""Events, and what is handed in to the platform (requests, acts, entries of registers), to and from Parquet."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
import pyarrow as pa

from contract.cases import CaseAct
from contract.message import Message
from contract.messages import CaseApplication, DeviceEvent
from contract.registers import EntryFields
from sim.recorded.columns import EVENTS, EVENTS_FILE, REQUESTS, REQUESTS_FILE
from sim.recorded.faults import TraceFileError
from sim.recorded.readings import check_type, opened, unix_ms
from sim.trace import CaseActing, Event, RegisterWriting, Request

Handed = Request | CaseActing | RegisterWriting
_Sent = TypeVar("_Sent", Event, Handed)
BATCH_ROWS = 1 << 14


class _ActBody(Message, frozen=True, kw_only=True):
    """The body of an act: whose request opened the case, what is done, and on which side its author stands."""

    enterprise: str
    request_id: str
    actor: Literal["enterprise", "operator"]
    act: CaseAct


class _EntryBody(Message, frozen=True, kw_only=True):
    """The body of an entry of a register."""

    register: str
    entry: str
    written: EntryFields


def events(directory: Path, parks: Collection[str]) -> Iterator[Event]:
    """The events of some parks in order of due time; none where the recording has no table of them.

    Raises:
        TraceFileError: the table is wrong.
    """
    yield from _sent(directory / EVENTS_FILE, EVENTS, parks, _event)


def requests(directory: Path, parks: Collection[str]) -> Iterator[Handed]:
    """What is handed in to some parks, in order of due time; none where the recording has no table of it.

    Raises:
        TraceFileError: the table is wrong.
    """
    yield from _sent(directory / REQUESTS_FILE, REQUESTS, parks, _handed)


def row(handed: Handed) -> dict[str, Any]:
    """A row of the table of requests."""
    told: dict[str, Any] = {"due": handed.due_ms, "park": handed.park, "sequence": handed.sequence, "reason": ""}
    if isinstance(handed, Request):
        body: msgspec.Struct = handed.application
        told |= {"kind": "case", "reason": handed.reason}
    elif isinstance(handed, CaseActing):
        enterprise, request_id = handed.case_request
        body = _ActBody(enterprise=enterprise, request_id=request_id, actor=handed.actor, act=handed.act)
        told["kind"] = "act"
    else:
        body = _EntryBody(register=handed.register, entry=handed.entry, written=handed.fields)
        told["kind"] = "register"
    return told | {"body": msgspec.json.encode(body).decode()}


def _sent(
    path: Path, schema: pa.Schema, parks: Collection[str], made: Callable[[dict[str, Any]], _Sent]
) -> Iterator[_Sent]:
    if not path.exists():
        return
    before_ms, known = 0, frozenset(parks)
    last: Counter[tuple[str, str]] = Counter()
    for number, row in _rows(path, schema):
        if row["park"] not in known:
            continue
        where = f"{path}: row {number}"
        empty = next((name for name, value in row.items() if value is None), None)
        if empty:
            raise TraceFileError(where, found=f"no {empty}", wanted=f"a {empty} in each row")
        if row["due"] < before_ms:
            wanted = "the column due never to go back"
            raise TraceFileError(where, found="an earlier time than in the row before", wanted=wanted)
        counted = row["park"], row["kind"] if schema is REQUESTS else ""
        last[counted] += 1
        if row["sequence"] != last[counted]:
            wanted = f"{last[counted]}, the park's next"
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


def _handed(row: dict[str, Any]) -> Handed:
    due_ms, park, sequence, body = row["due"], row["park"], row["sequence"], row["body"]
    if row["kind"] == "case":
        application = msgspec.json.decode(body, type=CaseApplication)
        return Request(due_ms, park, sequence, application, row["reason"])
    if row["kind"] == "act":
        act = msgspec.json.decode(body, type=_ActBody)
        return CaseActing(due_ms, park, sequence, (act.enterprise, act.request_id), act.act, act.actor)
    if row["kind"] == "register":
        entry = msgspec.json.decode(body, type=_EntryBody)
        return RegisterWriting(due_ms, park, sequence, entry.register, entry.entry, entry.written)
    raise msgspec.DecodeError(f"kind {row['kind']!r} is none of case, act, register")
