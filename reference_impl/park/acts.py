"""What operators ask of alarms, checked: who, why, and until when."""

from contract.alarms import SHELVING_S_MAX, AlarmAct, Shelving
from contract.errors import PeerError
from contract.messages import Alarm
from reference_impl.park.alarm_states import Act

_REASON_WANTED: frozenset[Act] = frozenset({"shelve", "remove_from_service"})


def asked(park: str, act: Act, request: Shelving | AlarmAct, now_ms: int) -> Alarm:
    """The alarm as an operator wants it; what state that makes is not known yet.

    Raises:
        PeerError: 422 operator, reason or duration is missing or out of range.
    """
    _check_said("operator", request.operator)
    if act in _REASON_WANTED:
        _check_said("reason", request.reason)
    return Alarm(
        park=park,
        point=request.point,
        rule=request.rule,
        state="NORM",
        operator=request.operator,
        reason=request.reason,
        since_ms=now_ms,
        until_ms=now_ms + _duration_ms(request.duration_s) if isinstance(request, Shelving) else None,
    )


def _check_said(field: str, text: str) -> None:
    if not text.strip():
        raise PeerError(f"{field} is missing", where=field, found=repr(text), wanted="some text")


def _duration_ms(duration_s: int) -> int:
    if not 0 < duration_s <= SHELVING_S_MAX:
        raise PeerError(
            "invalid duration", where="duration_s", found=str(duration_s), wanted=f"1 to {SHELVING_S_MAX} seconds"
        )
    return 1000 * duration_s
