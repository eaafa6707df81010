"""The cases of a park: one engine for whatever is opened, acted upon and closed by the procedure of its matter."""

import math
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from contract.cases import Case, CaseAct, CaseApplication, CaseStep, case_id
from contract.catalogue import FormField, Matter
from contract.catalogue.procedures import Act, Actor, Procedure, procedure_of_kind
from contract.errors import PeerError
from reference_impl.park.recent import Recent

RECENT_CASES_MAX = 1000
TEXT_LENGTH_MAX = 2000
IDENTITY_LENGTH_MAX = 200
DAY_MS = 86_400_000

FormValue = str | int | float | bool


class CaseBook:
    """A bounded window of recent cases; the store has them all.

    Args:
        park: the park.
        matters: service matters by code.

    Attributes:
        cases: recent cases by id, the longest untouched first.
    """

    def __init__(self, park: str, matters: Mapping[str, Matter]) -> None:
        self._park = park
        self._matters = matters
        self.cases: Recent[str, Case] = Recent(RECENT_CASES_MAX)

    def open(self, application: CaseApplication, now_ms: int) -> tuple[Case, bool]:
        """The case of an application, and whether it is new.

        Raises:
            PeerError: 409 the request id was used for something else; 422 unknown matter, wrong form or identity.
        """
        _check_length(application.request_id, "request_id", IDENTITY_LENGTH_MAX)
        _check_length(application.enterprise, "enterprise", IDENTITY_LENGTH_MAX)
        matter = self._matter(application.matter)
        check_form(matter.form, application.form)
        identity = case_id(self._park, application.enterprise, application.request_id)
        known = self.cases.get(identity)
        if known is not None:
            if (known.matter, known.steps[0].form) != (application.matter, application.form):
                raise PeerError(
                    "request id was used for another application",
                    status=409,
                    where="request_id",
                    found=repr(application.request_id),
                    wanted="a new id, or the same matter and form as before",
                )
            return known, False
        procedure = procedure_of_kind()[matter.kind]
        step = CaseStep(
            request_id=application.request_id,
            act="open",
            by=application.enterprise,
            state=procedure.opens,
            at_ms=now_ms,
            form=application.form,
        )
        case = Case(
            case_id=identity,
            park=self._park,
            matter=application.matter,
            enterprise=application.enterprise,
            state=procedure.opens,
            submitted_ms=now_ms,
            due_ms=now_ms + matter.promised_days * DAY_MS,
            state_due_ms=_state_due_ms(matter, procedure, procedure.opens, now_ms),
            form=application.form,
            steps=[step],
        )
        self.cases.keep(case.case_id, case)
        return case, True

    def act(self, identity: str, request: CaseAct, actor: Actor, now_ms: int) -> tuple[Case, bool]:
        """The case after an act, and whether that is new.

        Args:
            identity: id of the case.
            request: what is done.
            actor: on which side its author stands.
            now_ms: the node's wall time.

        Raises:
            PeerError: 403 not for this side, or another enterprise's case; 404 unknown case; 409 the state does not
                allow it, or the request id was used for something else; 422 unknown act, wrong form, nobody named.
        """
        _check_length(request.request_id, "request_id", IDENTITY_LENGTH_MAX)
        _check_length(request.by, "by", IDENTITY_LENGTH_MAX)
        if len(request.comment) > TEXT_LENGTH_MAX:
            raise _too_long("comment", request.comment, TEXT_LENGTH_MAX)
        case = self.cases.get(identity)
        if case is None:
            raise PeerError("unknown case", status=404, where="case_id", found=repr(identity), wanted="id of a case")
        if _was_done(case, request):
            return case, False
        matter = self._matter(case.matter)
        allowed = _allowed(procedure_of_kind()[matter.kind], case, request, actor)
        if request.form and not allowed.form:
            wanted = f"none: the act {request.act} brings no entries"
            raise PeerError("unexpected form", where="form", found=f"{len(request.form)} entries", wanted=wanted)
        check_form(matter.form, {**case.form, **request.form})
        case = _after(case, request, allowed.to, matter, now_ms)
        self.cases.keep(case.case_id, case)
        return case, True

    def _matter(self, code: str) -> Matter:
        matter = self._matters.get(code)
        if matter is None:
            wanted = " or ".join(sorted(self._matters))
            raise PeerError("unknown matter", where="matter", found=repr(code), wanted=wanted)
        return matter


def _was_done(case: Case, request: CaseAct) -> bool:
    """Was this very act done before?"""
    for step in case.steps:
        if step.request_id == request.request_id:
            if (step.act, step.by, step.comment, step.form) == (request.act, request.by, request.comment, request.form):
                return True
            raise PeerError(
                "request id was used for another act",
                status=409,
                where="request_id",
                found=repr(request.request_id),
                wanted="a new id, or the same act as before",
            )
    return False


def _allowed(procedure: Procedure, case: Case, request: CaseAct, actor: Actor) -> Act:
    """The act, if its author may do it in the case's state."""
    act = procedure.act(request.act)
    if act is None:
        wanted = " or ".join(each.act for each in procedure.acts)
        raise PeerError("unknown act", where="act", found=repr(request.act), wanted=wanted)
    if actor not in act.by:
        wanted = f"somebody on the side of {' or '.join(act.by)}"
        found = f"{request.act!r} by {actor}"
        raise PeerError("act of another side", status=403, where="act", found=found, wanted=wanted)
    if actor == "enterprise" and request.by != case.enterprise:
        raise PeerError(
            "case of another enterprise", status=403, where="by", found=repr(request.by), wanted="the case's enterprise"
        )
    if case.state not in act.origins:
        raise PeerError(
            "the state does not allow it",
            status=409,
            where="act",
            found=f"{request.act!r} of a case that is {case.state}",
            wanted=f"a case that is {' or '.join(act.origins)}",
        )
    return act


def _after(case: Case, request: CaseAct, state: str, matter: Matter, now_ms: int) -> Case:
    """The case after an act that is allowed. While it waited for the applicant its promise stood still."""
    procedure = procedure_of_kind()[matter.kind]
    waited_ms = now_ms - case.steps[-1].at_ms if procedure.state(case.state).waits else 0
    step = CaseStep(
        request_id=request.request_id,
        act=request.act,
        by=request.by,
        state=state,
        at_ms=now_ms,
        comment=request.comment,
        form=request.form,
    )
    return replace(
        case,
        state=state,
        due_ms=case.due_ms + waited_ms,
        state_due_ms=_state_due_ms(matter, procedure, state, now_ms),
        form={**case.form, **request.form},
        steps=[*case.steps, step],
        closed_ms=now_ms if procedure.state(state).final else None,
    )


def _state_due_ms(matter: Matter, procedure: Procedure, state: str, now_ms: int) -> int | None:
    share = procedure.state(state).share
    return None if share is None else now_ms + round(share * matter.promised_days * DAY_MS)


def check_form(fields: Iterable[FormField], form: Mapping[str, FormValue], *, where: str = "form") -> None:
    """Hold a form to its fields: every field there, no other, each of its type and in its bounds.

    Args:
        fields: what is wanted.
        form: what was written.
        where: what errors call the form.

    Raises:
        PeerError: 422 with the path of the first fault, such as `form.flow_m3_day`.
    """
    known = {field.name: field for field in fields}
    for name in form:
        if name not in known:
            raise PeerError(
                "unknown form field", where=f"{where}.{name}", found="a field", wanted=" or ".join(sorted(known))
            )
    for name, field in known.items():
        if name not in form:
            raise PeerError("form field is missing", where=f"{where}.{name}", found="nothing", wanted=_wanted(field))
        if not _fits(field, form[name]):
            raise PeerError("wrong form field", where=f"{where}.{name}", found=repr(form[name]), wanted=_wanted(field))


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
