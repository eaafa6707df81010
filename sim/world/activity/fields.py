"""What an event or state tells, drawn column by column."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.world.activity.hours import curve
from sim.world.activity.model import Boolean, Choice, Count, Field, Integer, Kind, Number, Same, Token, Told

Value = str | int | float | bool


def draw_fields(
    kind: Kind,
    rng: np.random.Generator,
    at_ms: NDArray[np.int64],
    staff: int,
    told: Mapping[str, Sequence[Value]],
) -> list[dict[str, Value]]:
    """The fields of n events of a kind.

    Args:
        kind: what is drawn.
        rng: the flow's stream for fields; each call takes as much from it as the kind's fields and n say.
        at_ms: (n,) times of the events, for counts that have a daily shape.
        staff: people of the park, for tokens that stand for one of them.
        told: values that the law knows, n for each field of type `told` or `same`.
    """
    if not kind.fields:
        return [{} for _ in range(len(at_ms))]
    names = tuple(kind.fields)
    columns = [
        told[name] if isinstance(field, Told | Same) else _drawn(field, rng, at_ms, staff)
        for name, field in kind.fields.items()
    ]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _drawn(field: Field, rng: np.random.Generator, at_ms: NDArray[np.int64], staff: int) -> Sequence[Value]:
    count = len(at_ms)
    drawn: NDArray[Any]
    if isinstance(field, Choice):
        words = list(field.choices)
        edges = np.cumsum(list(field.choices.values()))
        return [words[place] for place in np.searchsorted(edges, rng.random(count) * edges[-1], "right").tolist()]
    if isinstance(field, Token):
        pool = max(staff, 1) if field.pool == "staff" else field.pool
        return [f"{field.prefix}-{number:05d}" for number in (rng.random(count) * pool).astype(np.int64).tolist()]
    if isinstance(field, Integer):
        drawn = rng.integers(field.range[0], field.range[1], count, endpoint=True)
    elif isinstance(field, Number):
        drawn = _numbers(field, rng, count)
    elif isinstance(field, Boolean):
        drawn = rng.random(count) < field.share
    elif isinstance(field, Count):
        drawn = np.clip(rng.poisson(field.mean * curve(field.shape).level(at_ms)), *field.range)
    else:
        raise TypeError(f"{type(field).__name__} is told by a law")
    values: list[Value] = drawn.tolist()
    return values


def _numbers(field: Number, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    low, high = field.range
    if field.mean is None or field.spread is None:
        value = rng.uniform(low, high, count)
    else:
        value = np.clip(rng.normal(field.mean, field.spread, count), low, high)
    return np.round(value, field.decimals)
