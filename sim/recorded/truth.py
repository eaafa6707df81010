"""The ground truth as tables: one for each list of `GroundTruth`, a column for each field of its entries.

An incident and an expected alert have little in common, so one table of both would be mostly empty: each kind of entry
has a file of its own in the folder `truth`. The columns follow the types, so that a field which is added to an entry
comes along.
"""

import types
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from sim.recorded.columns import TIME, TRUTH_FOLDER, encoding
from sim.recorded.faults import TraceFileError
from sim.world.truth import GroundTruth, TeamLoad

CITY = "*"
_PLAIN = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


class _Column(NamedTuple):
    """One field: times (`*_ms`) as timestamps without the suffix, plain values as such, all else as JSON text."""

    field: str
    column: str
    kind: pa.DataType
    is_json: bool
    is_needed: bool


def save(truth: GroundTruth, directory: Path) -> None:
    """Write the truth's tables, the empty ones too: a table that is there and empty says that nothing was."""
    folder = directory / TRUTH_FOLDER
    folder.mkdir()
    for name, entry in _lists():
        columns = _columns(entry)
        rows: list[msgspec.Struct] = getattr(truth, name)
        arrays = [pa.array([_told(row, column) for row in rows], column.kind) for column in columns]
        schema = pa.schema([pa.field(one.column, one.kind, nullable=not one.is_needed) for one in columns])
        table = pa.table(arrays, schema=schema)
        pq.write_table(table, folder / f"{name}.parquet", **encoding(schema))


def load(directory: Path, parks: Collection[str], first: str) -> GroundTruth | None:
    """The truth about some parks; None where the recording has none.

    What happened to the whole city belongs to the recording's `first` park, and responders to the first park that they
    serve, so that the truth of all shards together is the truth.

    Raises:
        TraceFileError: a table lacks a column, or a value does not fit.
    """
    folder = directory / TRUTH_FOLDER
    if not folder.is_dir():
        return None
    found: dict[str, list[Any]] = {}
    for name, entry in _lists():
        path = folder / f"{name}.parquet"
        if not path.is_file():
            raise TraceFileError(path, found="no such file", wanted="a table of the truth, empty if nothing was")
        rows = _entries(path, entry)
        found[name] = [row for row in rows if _park_of(row, first) in parks]
    truth = GroundTruth(**found)
    truth.arrange()
    return truth


def _park_of(row: Any, first: str) -> str:  # noqa: ANN401 - any entry of the truth
    if isinstance(row, TeamLoad):
        return row.parks[0]
    return first if row.park == CITY else str(row.park)


def _entries(path: Path, entry: type) -> list[Any]:
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise TraceFileError(path, found=str(error), wanted="a Parquet file") from None
    columns = _columns(entry)
    for column in columns:
        if column.column in table.column_names:
            continue
        if column.is_needed:
            wanted = f"the columns {', '.join(one.column for one in columns)}"
            raise TraceFileError(path, found=f"no column {column.column}", wanted=wanted)
    present = [column for column in columns if column.column in table.column_names]
    lists = [_values(table.column(column.column), column) for column in present]
    rows: list[Any] = []
    for number, values in enumerate(zip(*lists, strict=True)):
        written = {column.field: value for column, value in zip(present, values, strict=True)}
        try:
            rows.append(msgspec.convert(written, entry))
        except msgspec.ValidationError as error:
            raise TraceFileError(f"{path}: row {number}", found=str(error), wanted=f"{entry.__name__}") from None
    return rows


def _values(column: pa.ChunkedArray, of: _Column) -> list[Any]:
    if of.kind == TIME:
        return column.cast(TIME).cast(pa.int64()).to_pylist()  # type: ignore[no-any-return]  # pyarrow ships no types
    values = column.to_pylist()
    if of.is_json:
        return [None if value is None else msgspec.json.decode(value) for value in values]
    return values  # type: ignore[no-any-return]  # pyarrow ships no types


def _told(row: msgspec.Struct, column: _Column) -> object:
    value = getattr(row, column.field)
    if column.is_json and value is not None:
        return msgspec.json.encode(value, order="deterministic").decode()
    return value


def _lists() -> Iterator[tuple[str, type]]:
    """Name of each list of the truth and the type of its entries."""
    for field in msgspec.structs.fields(GroundTruth):
        arguments = get_args(field.type)
        if get_origin(field.type) is list and issubclass(arguments[0], msgspec.Struct):
            yield field.name, arguments[0]


def _columns(entry: type) -> list[_Column]:
    return [_column(field) for field in msgspec.structs.fields(entry)]


def _column(field: msgspec.structs.FieldInfo) -> _Column:
    kind = field.type
    is_needed = field.required
    if get_origin(kind) in (Union, types.UnionType):
        kinds = [one for one in get_args(kind) if one is not type(None)]
        is_needed = is_needed and len(kinds) == len(get_args(kind))
        kind = kinds[0] if len(kinds) == 1 else object
    if get_origin(kind) is Literal:
        kind = str
    if kind is int and field.name.endswith("_ms"):
        return _Column(field.name, field.name.removesuffix("_ms"), TIME, is_json=False, is_needed=is_needed)
    if kind in _PLAIN:
        return _Column(field.name, field.name, _PLAIN[kind], is_json=False, is_needed=is_needed)
    if get_origin(kind) in (list, tuple) and get_args(kind)[0] is str:
        return _Column(field.name, field.name, pa.list_(pa.string()), is_json=False, is_needed=is_needed)
    return _Column(field.name, field.name, pa.string(), is_json=True, is_needed=is_needed)
