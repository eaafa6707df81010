"""The tables of a trace: their columns, in order, and how they are encoded. docs/trace.md says what each one means."""

from typing import Any, Final

import pyarrow as pa

TIME: Final = pa.timestamp("ms", tz="UTC")
TEXT: Final = pa.dictionary(pa.int32(), pa.string())

READINGS: Final = pa.schema(
    [
        pa.field("due", TIME, nullable=False),
        pa.field("park", TEXT, nullable=False),
        pa.field("gateway", TEXT, nullable=False),
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("copy", pa.int32(), nullable=False),
        pa.field("point", TEXT, nullable=False),
        pa.field("time", TIME, nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)
BARE: Final = ("time", "park", "gateway", "point", "value")
"""The columns of readings without which nothing can be replayed; with `PACKING` it is known how they travelled."""

PACKING: Final = ("due", "sequence")

EVENTS: Final = pa.schema(
    [
        pa.field("due", TIME, nullable=False),
        pa.field("park", TEXT, nullable=False),
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("at", TIME, nullable=False),
        pa.field("subsystem", TEXT, nullable=False),
        pa.field("zone", TEXT, nullable=False),
        pa.field("device", TEXT, nullable=False),
        pa.field("kind", TEXT, nullable=False),
        pa.field("traffic", TEXT, nullable=False),
        pa.field("fields", pa.string(), nullable=False),
    ]
)
REQUESTS: Final = pa.schema(
    [
        pa.field("due", TIME, nullable=False),
        pa.field("park", TEXT, nullable=False),
        pa.field("kind", TEXT, nullable=False),
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("body", pa.string(), nullable=False),
        pa.field("reason", TEXT, nullable=False),
    ]
)
POINTS: Final = pa.schema(
    [
        pa.field("park", TEXT, nullable=False),
        pa.field("point", pa.string(), nullable=False),
        pa.field("gateway", TEXT, nullable=False),
        pa.field("zone", TEXT, nullable=False),
        pa.field("subsystem", TEXT, nullable=False),
        pa.field("unit", TEXT, nullable=False),
    ]
)

READINGS_FILE: Final = "readings.parquet"
EVENTS_FILE: Final = "events.parquet"
REQUESTS_FILE: Final = "requests.parquet"
POINTS_FILE: Final = "points.parquet"
TRUTH_FOLDER: Final = "truth"
MANIFEST_FILE: Final = "trace.json"

_DICTIONARY_BYTES_MAX: Final = 64 * 1024 * 1024  # names of all points of the city; beyond it they would be spelled out


def encoding(schema: pa.Schema) -> dict[str, Any]:
    """How a table is put into Parquet: times and whole numbers by their differences, all else by dictionary.

    Sensors report few digits, so even values repeat: this takes less time and half the space of any other way.
    """
    ascending = {
        field.name: "DELTA_BINARY_PACKED"
        for field in schema
        if pa.types.is_timestamp(field.type) or pa.types.is_integer(field.type)
    }
    repeated = [field.name for field in schema if field.name not in ascending]
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": repeated,
        "column_encoding": ascending,
        "dictionary_pagesize_limit": _DICTIONARY_BYTES_MAX,
    }
