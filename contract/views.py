"""Derived views on the wire: figures of a subsystem over a period, by group."""

from contract.message import Message


class ViewMeasure(Message, frozen=True, kw_only=True):
    """One figure of a view; `unit` is a SenML unit where one exists, "1" for a number of things, "/" for a share."""

    measure: str
    name_en: str
    name_zh: str
    unit: str


class View(Message, frozen=True, kw_only=True):
    """A view that can be asked for.

    Attributes:
        subsystem: code of the subsystem whose users expect it.
        groups: by what it may be grouped; the first is taken unless told.
    """

    view: str
    subsystem: str
    name_en: str
    name_zh: str
    groups: list[str]
    measures: list[ViewMeasure]


class ViewList(Message, frozen=True, kw_only=True):
    """All views."""

    views: list[View]


class ViewRow(Message, frozen=True, kw_only=True):
    """The figures of a group; a figure over nothing is absent."""

    group: str
    measures: dict[str, float]


class ViewTable(Message, frozen=True, kw_only=True):
    """The answer of a view, in order of group; `truncated` when the limit cut the rows.

    Attributes:
        by: what the rows are: a park, a zone, a device (`zone/device`), a kind of event, a value of a field, or an
            hour, shift or day of China's time (UTC+8), such as `2026-03-02T08` or `2026-03-02 early` or `2026-03-02`.
    """

    view: str
    by: str
    from_ms: int
    to_ms: int
    rows: list[ViewRow]
    truncated: bool = False
