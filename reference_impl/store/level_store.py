"""What the durable sides of both levels share: one SQLite database with tokens and the history of alerts."""

from collections.abc import Collection, Sequence
from pathlib import Path

from contract.alarms import AlarmKpiReport, AlarmList, IncidentList
from contract.cases import Case
from contract.linkage import LinkageRunList
from contract.messages import AlertList, Credential
from contract.registers import RegisterEntry, RegisterEntryList
from reference_impl.store import audit, commands, history, people, periods, register_entries, tokens
from reference_impl.store.audit import AuditLog
from reference_impl.store.database import Database, FolderLock
from reference_impl.store.history import StoredEvent
from reference_impl.store.people import People

_SHARED_SCHEMA = (
    history.SCHEMA + register_entries.SCHEMA + commands.RUN_SCHEMA + tokens.SCHEMA + audit.SCHEMA + people.SCHEMA
)


class LevelStore:
    """Tokens and alerts of one level. Writing belongs to one thread at a time, queries to any.

    Args:
        folder: the data folder; it is held for this process alone.
        name: name of the database file.
        schema: the level's own tables.

    Attributes:
        database: the SQLite side.
        audit_log: rows that nobody changes or removes.
        people: accounts and sessions.
        event_number: number of the newest transition.
    """

    def __init__(self, folder: Path, name: str, schema: str) -> None:
        self._lock = FolderLock(folder)
        self.database = Database(folder / name, schema + _SHARED_SCHEMA)
        self.audit_log = AuditLog(self.database)
        self.people = People(self.database)
        with self.database.reading() as reader:
            self.event_number = history.last_event_number(reader)

    def put_credentials(self, credentials: Sequence[Credential]) -> None:
        """Store what new tokens may do."""
        with self.database.transaction() as writer:
            tokens.put(writer, credentials)

    def principals(self) -> dict[str, tokens.Principal]:
        """What each token may do, by the token's SHA-256."""
        with self.database.reading() as reader:
            return tokens.principals(reader)

    def events_after(self, number: int, park: str, limit: int) -> list[StoredEvent]:
        """Transitions after `number`, of one park or of `*`."""
        with self.database.reading() as reader:
            return history.events_after(reader, number, park, limit)

    def alerts(self, park: str, state: str | None, incident: str | None, limit: int) -> AlertList:
        """Alerts of one park or of `*`, newest onset first."""
        with self.database.reading() as reader:
            return history.alerts(reader, park, state, incident, limit)

    def alarms(self, park: str, limit: int) -> AlarmList:
        """Alarms of one park or of `*` that are set aside."""
        with self.database.reading() as reader:
            return history.alarms(reader, park, limit)

    def incidents(self, park: str, begin_ms: int, end_ms: int, limit: int) -> IncidentList:
        """Incidents of one park or of `*` in a period."""
        with self.database.reading() as reader:
            return periods.incidents(reader, park, begin_ms, end_ms, limit)

    def kpis(self, park: str, parks: Collection[str], begin_ms: int, end_ms: int) -> AlarmKpiReport:
        """Key figures of a period, of one park or of all `parks`."""
        with self.database.reading() as reader:
            return periods.kpis(reader, park, sorted(parks), begin_ms, end_ms)

    def case(self, park: str, case_id: str) -> Case | None:
        """One case of a park."""
        with self.database.reading() as reader:
            return history.case(reader, park, case_id)

    def open_cases(self, park: str, matters: Sequence[str], limit: int) -> list[Case]:
        """Open cases of some matters, of one park or of `*`, newest first."""
        with self.database.reading() as reader:
            return history.cases_of_matters(reader, park, matters, limit)

    def entry(self, register: str, park: str, name: str) -> RegisterEntry | None:
        """One entry of a register."""
        with self.database.reading() as reader:
            return register_entries.entry(reader, register, park, name)

    def entries(self, register: str, park: str, limit: int) -> RegisterEntryList:
        """Entries of a register, of one park or of `*`."""
        with self.database.reading() as reader:
            return register_entries.entries(reader, register, park, limit)

    def all_entries(self, register: str, park: str) -> list[RegisterEntry]:
        """Every entry of a register, of one park or of `*`, for a summary."""
        with self.database.reading() as reader:
            return register_entries.all_entries(reader, register, park)

    def linkage_runs(self, park: str, incident: str | None, limit: int) -> LinkageRunList:
        """Runs of linkage plans of one park or of `*`, newest first."""
        with self.database.reading() as reader:
            return commands.runs(reader, park, incident, limit)

    def close(self) -> None:
        """Close the database and give the folder back."""
        self.database.close()
        self._lock.release()
