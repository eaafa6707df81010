"""The durable side of the city: one SQLite database."""

from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from contract.messages import ParkOverview
from reference_impl.city.node import CityChange, CityNode
from reference_impl.store import commands, history, register_entries
from reference_impl.store.database import rows_parameter
from reference_impl.store.history import StoredEvent
from reference_impl.store.level_store import LevelStore

_SCHEMA = """
CREATE TABLE IF NOT EXISTS overview (
    park TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""
_PUT_OVERVIEWS = """
INSERT INTO overview (park, body)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?) WHERE true
ON CONFLICT (park) DO UPDATE SET body = excluded.body
"""


class CityStore(LevelStore):
    """What the city has been told. `commit` belongs to one thread at a time, queries to any.

    Args:
        folder: the data folder; it is held for this process alone.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "city.sqlite", _SCHEMA)

    def commit(self, changes: Sequence[CityChange], known_ms: int) -> list[StoredEvent]:
        """Make all `changes` durable together, in their order; gives the numbered transitions.

        Raises:
            StoreError: they could not be; nothing of them is there.
        """
        drafts = [(change.park, draft) for change in changes for draft in change.events]
        overviews = {change.park: msgspec.json.encode(change.overview).decode() for change in changes}
        with self.database.transaction() as writer:
            events = history.put_events(writer, drafts, self.event_number, known_ms)
            history.put_cases(writer, (case for change in changes for case in change.cases))
            register_entries.put(writer, (each for change in changes for each in change.entries))
            commands.put_runs(writer, (each for change in changes for each in change.runs))
            writer.execute(_PUT_OVERVIEWS, (rows_parameter(list(overviews.items())),))
        self.event_number += len(events)
        return events

    def load(self, parks: Collection[str]) -> CityNode:
        """The node as the newest commit left it."""
        with self.database.reading() as reader:
            rows = reader.execute("SELECT body FROM overview").fetchall()
            return CityNode.restore(
                parks,
                overviews=[msgspec.json.decode(body, type=ParkOverview) for (body,) in rows],
                alerts=history.current_alerts(reader, history.EVERY_PARK),
            )

    def applied_through(self, park: str) -> int:
        """The number up to which a park's uplink is durable here, 0 for none."""
        with self.database.reading() as reader:
            row = reader.execute("SELECT body FROM overview WHERE park = ?", (park,)).fetchone()
        return msgspec.json.decode(row[0], type=ParkOverview).applied_through if row else 0
