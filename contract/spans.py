"""Spans of time as people write them."""

import re

_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def span_ms(written: object) -> int | None:
    """A span such as `250ms`, `90s`, `5m`, `8h` or `1d` in milliseconds.

    Returns:
        None when it is not such a text, or not a whole number of milliseconds.
    """
    match = _SPAN.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        return None
    span = float(match[1]) * _UNIT_MS[match[2]]
    return int(span) if span.is_integer() else None
