"""Service cases: whatever is opened, acted upon by several sides, and closed, by the procedure of its matter."""

import hashlib

import msgspec

from contract.message import Message

Form = dict[str, str | int | float | bool]


def case_id(park: str, enterprise: str, request_id: str) -> str:
    """Deterministic identity of a case, 32 hexadecimal characters: an application that is sent again is the same case.

    A request id belongs to its enterprise, so that no enterprise can meet another's case by choosing its number.
    """
    return hashlib.blake2b(msgspec.json.encode((park, enterprise, request_id)), digest_size=16).hexdigest()


class CaseApplication(Message, frozen=True, kw_only=True):
    """An enterprise opens a case of a matter. The same `request_id` again returns the same case."""

    request_id: str
    matter: str
    enterprise: str
    form: Form


class CaseAct(Message, frozen=True, kw_only=True):
    """Somebody does something with a case. The same `request_id` again changes nothing.

    Attributes:
        act: one of the acts of the matter's procedure (`contract.catalogue.procedures`).
        by: who does it: the enterprise's id, or an officer's name.
        form: entries of the form that are new or other than before, where the act may bring such.
    """

    request_id: str
    act: str
    by: str
    comment: str = ""
    form: Form = msgspec.field(default_factory=dict)


class CaseStep(Message, frozen=True, kw_only=True):
    """One step of a case's history: what was done, by whom, and the state after it. The opening is the first."""

    request_id: str
    act: str
    by: str
    state: str
    at_ms: int
    comment: str = ""
    form: Form = msgspec.field(default_factory=dict)


class Case(Message, frozen=True, kw_only=True):
    """A case as it stands.

    Attributes:
        state: one of the states of the matter's procedure.
        due_ms: when the promise of the matter is over; moves on while the case waits for the applicant.
        state_due_ms: when the state it is in is overdue; None where it has no limit.
        closed_ms: when it came into a final state.
        steps: its history, oldest first.
    """

    case_id: str
    park: str
    matter: str
    enterprise: str
    state: str
    submitted_ms: int
    due_ms: int
    form: Form
    steps: list[CaseStep]
    state_due_ms: int | None = None
    closed_ms: int | None = None


class CaseList(Message, frozen=True, kw_only=True):
    """Cases, newest first; `truncated` when the limit cut the list."""

    cases: list[Case]
    truncated: bool = False


class MatchReason(Message, frozen=True, kw_only=True):
    """What one term of the matching gives for a pair: 0 to 1, and its weight in the score."""

    term: str
    score: float
    weight: float


class CaseMatch(Message, frozen=True, kw_only=True):
    """A case that fits another: how well, 0 to 1, and why."""

    case: Case
    score: float
    reasons: list[MatchReason]


class CaseMatchList(Message, frozen=True, kw_only=True):
    """Cases that fit, the best first; `truncated` when the limit cut the list."""

    matches: list[CaseMatch]
    truncated: bool = False
