"""Devices of parks, and the exchanges by which their frames are known again."""

import sqlite3
from collections.abc import Iterable

import msgspec

from contract.devices_registry import DeviceList
from reference_impl.park.change import Change, DeviceMark
from reference_impl.park.devices import REMEMBERED, StoredDevices
from reference_impl.store.database import rows_parameter

SCHEMA = """
CREATE TABLE IF NOT EXISTS device_list (
    park TEXT PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS device_mark (
    park TEXT NOT NULL,
    device TEXT NOT NULL,
    slot INTEGER NOT NULL,
    number INTEGER NOT NULL,
    exchange TEXT NOT NULL,
    PRIMARY KEY (park, device, slot)
) STRICT, WITHOUT ROWID;
"""
# A mark takes the place of the one that its device has forgotten, so the table stays as small as what is remembered.
_PUT_MARKS = """
INSERT INTO device_mark (park, device, slot, number, exchange)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]')
FROM json_each(?) WHERE true
ON CONFLICT (park, device, slot) DO UPDATE SET number = excluded.number, exchange = excluded.exchange
"""


def put(connection: sqlite3.Connection, changes: Iterable[Change]) -> None:
    """Store lists and marks, in the order of the changes."""
    rows = []
    for change in changes:
        if change.devices is not None:
            connection.execute(
                "INSERT INTO device_list (park, body) VALUES (?, ?) "
                "ON CONFLICT (park) DO UPDATE SET body = excluded.body",
                (change.park, msgspec.json.encode(change.devices)),
            )
        rows += [(change.park, mark.device, mark.number % REMEMBERED, *mark[1:]) for mark in change.device_marks]
    if rows:
        connection.execute(_PUT_MARKS, (rows_parameter(rows),))


def load(connection: sqlite3.Connection, park: str) -> StoredDevices:
    """What is stored of a park."""
    row = connection.execute("SELECT body FROM device_list WHERE park = ?", (park,)).fetchone()
    marks = connection.execute(
        "SELECT device, number, exchange FROM device_mark WHERE park = ? ORDER BY device, number", (park,)
    ).fetchall()
    listing = msgspec.json.decode(row[0], type=DeviceList) if row else DeviceList()
    return StoredDevices(listing, [DeviceMark(*mark) for mark in marks])
