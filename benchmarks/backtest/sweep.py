"""Which parameters of a rule to try: as the user says, or as its kind and the data suggest."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

import msgspec
import numpy as np
from msgspec.structs import replace

from benchmarks.backtest.ruling import kind_of
from benchmarks.backtest.spool import Spool
from contract.errors import PeerError
from contract.messages import Point
from contract.rulebook import check_rules, select_points
from contract.rules import AnomalyRule, KOfNRule, LimitRule, RateRule, Rule, RuleSet, SilenceRule, StuckRule
from contract.spans import span_ms

CHOICES_MAX: Final = 400
PARAMETERS_MAX: Final = 2
_SAMPLE_READINGS: Final = 2_000_000
_HIGH_SHARES: Final = (0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)
_FACTORS: Final = (0.25, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0, 4.0)
_ON_DELAYS_S: Final = (0.0, 10.0, 30.0, 60.0, 300.0, 900.0)
_Z: Final = (2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 10.0)
_ALPHA: Final = (0.001, 0.01, 0.05, 0.2)
_NOT_SWEPT: Final = {"id", "kind", "escalate_after_s"}

Values = Mapping[str, Sequence[float]]
"""For each field of the rule (durations end in `_s`) the values to try."""


def parse(written: Sequence[str], rule: Rule) -> Values:
    """What the user wants to try.

    Args:
        written: such as `high=80:120:5`, `on_delay=0s,30s,60s`.
        rule: the rule whose parameters they are.

    Raises:
        PeerError: there is no such parameter, or it is no list or range.
    """
    if len(written) > PARAMETERS_MAX:
        _refuse(f"{len(written)} parameters", f"at most {PARAMETERS_MAX}")
    values: dict[str, Sequence[float]] = {}
    fields = _numeric_fields(rule)
    for text in written:
        name, _, listed = text.partition("=")
        field = next((field for field in (name, f"{name}_s") if field in fields), None)
        if field is None or (name in fields and name.endswith("_s")):
            known = ", ".join(known.removesuffix("_s") for known in fields)
            _refuse(repr(text), f"NAME=FIRST:LAST:STEP or NAME=A,B,C with one of {known}, of this {kind_of(rule)} rule")
        values[field] = _listed(text, listed, is_span=field.endswith("_s"))
    return values


def _numeric_fields(rule: Rule) -> list[str]:
    """Fields of the rule that hold one number."""
    return [
        field.name
        for field in msgspec.structs.fields(rule)
        if field.name not in _NOT_SWEPT and field.type in {float, int, float | None}
    ]


def _listed(text: str, listed: str, *, is_span: bool) -> list[float]:
    """Values between commas, or from a first to a last one in steps."""
    if ":" in listed:
        bounds = [_number(text, part, is_span=is_span) for part in listed.split(":")]
        if len(bounds) != 3 or bounds[2] <= 0 or bounds[1] < bounds[0]:  # noqa: PLR2004 - first, last, step
            _refuse(repr(text), "FIRST:LAST:STEP with a step above 0")
        first, last, step = bounds
        if (last - first) / step >= CHOICES_MAX:
            _refuse(repr(text), f"at most {CHOICES_MAX} choices")
        return [round(first + place * step, 12) for place in range(int((last - first) / step + 1e-9) + 1)]
    return [_number(text, part, is_span=is_span) for part in listed.split(",")]


def _number(text: str, part: str, *, is_span: bool) -> float:
    if is_span:
        found_ms = span_ms(part)
        if found_ms is None:
            _refuse(repr(text), 'durations such as "30s"')
        return found_ms / 1000
    try:
        number = float(part)
    except ValueError:
        _refuse(repr(text), "numbers")
    return int(number) if number.is_integer() else number


def suggest(rule: Rule, points: Sequence[Point], spool: Spool) -> Values:
    """What to try where the user does not say: limits at quantiles of the data, the rest around what is there."""
    match rule:
        case LimitRule(levels=None):
            return _limits(rule, points, spool)
        case RateRule():
            return {name: _around(limit) for name in ("rise", "fall") if (limit := getattr(rule, name)) is not None}
        case StuckRule() | SilenceRule():
            return {"after_s": _around(rule.after_s)}
        case AnomalyRule():
            return {"z": sorted({*_Z, rule.z}), "alpha": sorted({*_ALPHA, rule.alpha})}
        case KOfNRule():
            return {"k": sorted({*range(1, 9), rule.k})}
        case _:
            return {"on_delay_s": sorted({*_ON_DELAYS_S, rule.on_delay_s})}


def _around(value: float) -> list[float]:
    return [float(f"{value * factor:.4g}") for factor in _FACTORS]


def _limits(rule: LimitRule, points: Sequence[Point], spool: Spool) -> Values:
    """Quantiles of what the rule's points sent."""
    sample = _sample(select_points(rule, points), len(points), spool)
    values: dict[str, Sequence[float]] = {}
    for name, shares in (("high", _HIGH_SHARES), ("low", [1 - share for share in _HIGH_SHARES])):
        limit = getattr(rule, name)
        if limit is not None:
            quantiles = np.quantile(sample, shares).tolist() if len(sample) else []
            values[name] = sorted({limit, *(float(f"{quantile:.5g}") for quantile in quantiles)})
    return values


def _sample(places: Sequence[int], points: int, spool: Spool) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Values of some points, every n-th of them, over the whole time."""
    is_chosen = np.zeros(points, dtype=np.bool_)
    is_chosen[list(places)] = True
    every = spool.readings // _SAMPLE_READINGS + 1
    found = [batch.columns.value[::every][is_chosen[batch.columns.point[::every]]] for batch in spool.batches()]
    return np.concatenate([np.empty(0), *found])


def choices(rule: Rule, rules: RuleSet, values: Values) -> tuple[list[dict[str, float]], int]:
    """All combinations that make a rule, and how many do not.

    Raises:
        PeerError: there are too many, or none.
    """
    combined = [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]
    if len(combined) > CHOICES_MAX:
        _refuse(f"{len(combined)} choices", f"at most {CHOICES_MAX}")
    found, refusal = [], None
    for parameters in combined:
        try:
            check_rules(RuleSet(version="", rules=with_choice(rule, rules, parameters)))
        except PeerError as error:
            refusal = error
        else:
            found.append(parameters)
    if refusal and not found:
        raise refusal
    return found, len(combined) - len(found)


def with_choice(rule: Rule, rules: RuleSet, parameters: Mapping[str, float]) -> list[Rule]:
    """The rule with other parameters, first, and the rules that it counts. It inhibits and is inhibited by nothing."""
    counted = [other for other in rules.rules if isinstance(rule, KOfNRule) and other.id in rule.of]
    return [replace(one, suppressed_by=()) for one in (replace(rule, **parameters), *counted)]


def written(parameters: Mapping[str, float]) -> dict[str, float | str]:
    """Parameters as a rules file has them."""
    return {
        name.removesuffix("_s"): _span(value) if name.endswith("_s") else value for name, value in parameters.items()
    }


def _span(seconds: float) -> str:
    """A duration in the largest unit that leaves it whole."""
    span = round(seconds * 1000)
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if span and span % size == 0:
            return f"{span // size}{unit}"
    return f"{span}ms" if span else "0s"


def _refuse(found: str, wanted: str) -> NoReturn:
    raise PeerError("invalid sweep", where="--sweep", found=found, wanted=wanted)
