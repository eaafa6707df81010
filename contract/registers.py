"""Registers on the wire: entries that a park keeps, and figures over them."""

from contract.message import Message

Fields = dict[str, str | int | float | bool]


class EntryFields(Message, frozen=True, kw_only=True):
    """An entry as somebody writes it; it replaces the former one as a whole."""

    by: str
    fields: Fields


class RegisterEntry(Message, frozen=True, kw_only=True):
    """An entry as it stands; at the city without the fields that stay in the park.

    Attributes:
        version: counts the changes of the entry from 1.
        changed_ms: the park's clock at the last change.
        by: who made it.
    """

    park: str
    register: str
    entry: str
    version: int
    changed_ms: int
    by: str
    fields: Fields


class RegisterEntryList(Message, frozen=True, kw_only=True):
    """Entries in order of park and id; `truncated` when the limit cut the list."""

    entries: list[RegisterEntry]
    truncated: bool = False


class RegisterGroup(Message, frozen=True, kw_only=True):
    """Figures over the entries of a group; a figure over nothing is absent."""

    group: str
    entries: int
    measures: dict[str, float]


class RegisterSummary(Message, frozen=True, kw_only=True):
    """Figures of a register by group, in order of group."""

    register: str
    by: str
    groups: list[RegisterGroup]
