"""The cases of a park: applications of enterprises for service matters, and what officers decide."""

import hashlib
import math
from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from contract.catalogue import FormField, Matter
from contract.errors import PeerError
from contract.messages import Case, CaseApplication, CaseDecision

RECENT_CASES_MAX = 1000
TEXT_LENGTH_MAX = 2000
IDENTITY_LENGTH_MAX = 200
DAY_MS = 86_400_000

FormValue = str | int | float | bool


def case_id(park: str, application: CaseApplication) -> str:
    """Deterministic identity of a case, 32 hexadecimal characters: an application that is sent again is the same case.

    A request id belongs to its enterprise, so that no enterprise can meet another's case by choosing its number.
    """
    name = msgspec.json.encode((park, application.enterprise, application.request_id))
    return hashlib.blake2b(name, digest_size=16).hexdigest()


class CaseBook:
    """A bounded window of recent cases; the store has them all.

    Args:
        park: the park.
        matters: service matters by code.
        cases: recent cases, the longest untouched first.

    Attributes:
        cases: recent cases by id, the longest untouched first.
    """

    def __init__(self, park: str, matters: Mapping[str, Matter], cases: Iterable[Case] = ()) -> None:
        self._park = park
        self._matters = matters
        self.cases: dict[str, Case] = {}
        for case in cases:
            self._keep(case)

    def _keep(self, case: Case) -> None:
        self.cases.pop(case.case_id, None)
        self.cases[case.case_id] = case
        if len(self.cases) > RECENT_CASES_MAX:
            del self.cases[next(iter(self.cases))]

    def recall(self, case: Case) -> None:
        """Hold a case of the store, unless it is held already."""
        if case.case_id not in self.cases:
            self._keep(case)

    def open(self, application: CaseApplication, now_ms: int) -> tuple[Case, bool]:
        """The case of an application, and whether it is new.

        Raises:
            PeerError: 409 the request id was used for something else; 422 unknown matter, wrong form or identity.
        """
        _check_length(application.request_id, "request_id", IDENTITY_LENGTH_MAX)
        _check_length(application.enterprise, "enterprise", IDENTITY_LENGTH_MAX)
        matter = self._matters.get(application.matter)
        if matter is None:
            raise PeerError(
                "unknown matter",
                where="matter",
                found=repr(application.matter),
                wanted=" or ".join(sorted(self._matters)),
            )
        check_form(matter.form, application.form)
        identity = case_id(self._park, application)
        known = self.cases.get(identity)
        if known is not None:
            if (known.matter, known.form) != (application.matter, application.form):
                raise PeerError(
                    "request id was used for another application",
                    status=409,
                    where="request_id",
                    found=repr(application.request_id),
                    wanted="a new id, or the same matter and form as before",
                )
            return known, False
        case = Case(
            case_id=identity,
            park=self._park,
            matter=application.matter,
            enterprise=application.enterprise,
            state="submitted",
            submitted_ms=now_ms,
            due_ms=now_ms + matter.promised_days * DAY_MS,
            form=application.form,
        )
        self._keep(case)
        return case, True

    def decide(self, identity: str, decision: CaseDecision, now_ms: int) -> tuple[Case, bool]:
        """The case as decided, and whether that is new.

        Raises:
            PeerError: 404 unknown case; 409 it was decided otherwise; 422 no officer is named, or too long a reason.
        """
        _check_length(decision.officer, "officer", IDENTITY_LENGTH_MAX)
        if len(decision.reason) > TEXT_LENGTH_MAX:
            raise _too_long("reason", decision.reason, TEXT_LENGTH_MAX)
        case = self.cases.get(identity)
        if case is None:
            raise PeerError("unknown case", status=404, where="case_id", found=repr(identity), wanted="id of a case")
        if case.state != "submitted":
            if (case.state, case.officer, case.reason) == (decision.decision, decision.officer, decision.reason):
                return case, False
            raise PeerError(
                "case has been decided",
                status=409,
                where="case_id",
                found=f"a case {case.state} by {case.officer!r}",
                wanted="a case that is not decided",
            )
        case = replace(
            case, state=decision.decision, decided_ms=now_ms, officer=decision.officer, reason=decision.reason
        )
        self._keep(case)
        return case, True


def check_form(fields: Iterable[FormField], form: Mapping[str, FormValue]) -> None:
    """Hold a form to the fields of its matter: every field there, no other, each of its type and in its bounds.

    Raises:
        PeerError: 422 with the path of the first fault, such as `form.flow_m3_day`.
    """
    known = {field.name: field for field in fields}
    for name in form:
        if name not in known:
            raise PeerError(
                "unknown form field", where=f"form.{name}", found="a field", wanted=" or ".join(sorted(known))
            )
    for name, field in known.items():
        if name not in form:
            raise PeerError("form field is missing", where=f"form.{name}", found="nothing", wanted=_wanted(field))
        if not _fits(field, form[name]):
            raise PeerError("wrong form field", where=f"form.{name}", found=repr(form[name]), wanted=_wanted(field))


def _fits(field: FormField, value: FormValue) -> bool:
    if field.type == "boolean" or isinstance(value, bool):
        return field.type == "boolean" and isinstance(value, bool)
    if field.type == "string" or isinstance(value, str):
        if field.type != "string" or not isinstance(value, str) or not 0 < len(value) <= TEXT_LENGTH_MAX:
            return False
        return not field.choices or value in field.choices
    if field.type == "integer" and not isinstance(value, int):
        return False
    return math.isfinite(value) and (field.minimum is None or value >= field.minimum)


def _wanted(field: FormField) -> str:
    if field.choices:
        return " or ".join(field.choices)
    if field.type == "string":
        return f"text of 1 to {TEXT_LENGTH_MAX} characters"
    article = "an" if field.type == "integer" else "a"
    return f"{article} {field.type}" + ("" if field.minimum is None else f" of at least {field.minimum:g}")


def _check_length(text: str, where: str, length_max: int) -> None:
    if not 0 < len(text) <= length_max:
        raise _too_long(where, text, length_max)


def _too_long(where: str, text: str, length_max: int) -> PeerError:
    found = f"{len(text)} characters" if text else "''"
    return PeerError("wrong length", where=where, found=found, wanted=f"1 to {length_max} characters")
