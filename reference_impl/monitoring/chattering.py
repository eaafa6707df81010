"""Which alarms chatter: come and go so quickly that nobody can answer them (ISA-18.2; see SEMANTICS.md, O).

The figures are those of the standard as remembered; its text was not at hand.
"""

from typing import Final

import msgspec

from reference_impl.monitoring.slots import NEVER_MS

CHATTERING_WITHIN_MS: Final = 60_000  # three raises within this time begin it ...
CHATTERING_QUIET_MS: Final = 600_000  # ... and so long without a raise ends it


class Raises(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What is remembered of an alarm's raises.

    Attributes:
        before_ms: time of the raise before the last.
        last_ms: time of the last.
        chattering: the alarm was chattering with the last.
    """

    before_ms: int
    last_ms: int
    chattering: bool


def raised(former: Raises | None, at_ms: int) -> Raises:
    """What is to be remembered when an alarm is raised at `at_ms`, Unix milliseconds; `former` is None at first."""
    if former is None:
        return Raises(NEVER_MS, at_ms, False)
    last_ms = former.last_ms
    goes_on = former.chattering and at_ms - last_ms <= CHATTERING_QUIET_MS
    return Raises(last_ms, at_ms, goes_on or at_ms - former.before_ms <= CHATTERING_WITHIN_MS)
