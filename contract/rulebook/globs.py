"""Globs over point names: `*` and `?` stay within one part of a name."""

import functools
import re
from collections.abc import Callable

_PATTERN = re.compile(r"[A-Za-z0-9\-:._*?/]{1,200}")
_PART = re.compile(r"[A-Za-z0-9\-:._*?]{1,200}")


def is_pattern(text: str) -> bool:
    """The text may be a glob over whole names."""
    return _PATTERN.fullmatch(text) is not None


def is_part_pattern(text: str) -> bool:
    """The text may be a glob over one part of a name."""
    return _PART.fullmatch(text) is not None


def has_wildcard(pattern: str) -> bool:
    """The glob may fit more than one name."""
    return "*" in pattern or "?" in pattern


@functools.lru_cache(maxsize=512)
def matching(pattern: str, names: tuple[str, ...]) -> tuple[int, ...]:
    """Places of the names that a glob matches, ascending.

    Parks of one layout share the result, hence the cache. `PointIndex` does the same for many rules over many points.
    """
    fits = re.compile("/".join(map(_expression, pattern.split("/")))).fullmatch
    return tuple(place for place, name in enumerate(names) if fits(name))


def part_matcher(pattern: str) -> Callable[[str], object]:
    """A test whether a glob fits one part of a name; its time is linear however many `*` the glob has."""
    return re.compile(_expression(pattern)).fullmatch


def _expression(part: str) -> str:
    """The regular expression of a glob over one part of a name; its time is linear however many `*` it has."""
    first, *rest = ("".join("[^/]" if sign == "?" else re.escape(sign) for sign in run) for run in part.split("*"))
    if not rest:
        return first
    *middle, last = rest
    # The earliest place of a run between two `*` is as good as any later one, so there is no way back into it.
    return first + "".join(f"(?>[^/]*?{run})" for run in middle) + "[^/]*" + last
